//! `sealwright build`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::check::{self, Unequal};
use super::failure::Failure;
use super::key::{FormatArg, KeyArgs};
use super::place::{PlaceArgs, config_settings};
use super::session::{Session, shown};
use super::terminal::bytes;
use crate::build::{
    self, BuildReport, BuildRequest, BuiltTarget, CachePolicy, Checking, LockPolicy, Origin, OutputChoice,
};
use crate::config::{DIST_FOLDER, Normalize, PROVENANCE_FOLDER};

/// Builds targets in a sealed box and writes a statement for every output
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
    /// Refuse to lock: a missing or stale lock is an error
    #[arg(long)]
    locked: bool,
    /// Build the wheel only, straight from the source
    #[arg(short, long)]
    wheel: bool,
    /// Build the sdist only
    #[arg(short, long)]
    sdist: bool,
    /// Where outputs go [default: dist]
    #[arg(short, long, value_name = "DIR")]
    outdir: Option<PathBuf>,
    /// Where statements go [default: provenance, beside the output folder]
    #[arg(long, value_name = "DIR")]
    provenance_dir: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    /// Write signed statements as DSSE envelopes or as Sigstore bundles
    #[arg(long, value_enum, value_name = "FORM", default_value = "dsse")]
    format: FormatArg,
    /// Do not sign, whatever `SEALWRIGHT_KEY` and the user's configuration say
    #[arg(long, conflicts_with = "key")]
    unsigned: bool,
    /// Also write all statements to FILE
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Pass a setting to the build backend
    #[arg(long, value_name = "KEY=VALUE")]
    config_setting: Vec<String>,
    /// Leave outputs as the build made them
    #[arg(long)]
    no_normalize: bool,
    /// Build again even if this very build was done before
    #[arg(long)]
    no_cache: bool,
    /// Build a second time under other conditions and compare; outputs that differ are not published
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let place = args.place.place()?;
    let dist = place.folder.join(args.outdir.as_deref().unwrap_or(DIST_FOLDER.as_ref()));
    let provenance = match (&args.provenance_dir, &args.outdir) {
        (Some(path), _) => place.folder.join(path),
        (None, Some(_)) => dist.parent().unwrap_or(&place.folder).join(PROVENANCE_FOLDER),
        (None, None) => place.folder.join(PROVENANCE_FOLDER),
    };
    // First of all: a build that cannot be signed is not started.
    let signing = if args.unsigned { None } else { args.key.signing(args.format, session)? };
    let request = BuildRequest {
        signing,
        bundle: args.bundle.as_ref().map(|path| place.folder.join(path)),
        place,
        lock: if args.locked { LockPolicy::Locked } else { LockPolicy::Update },
        cache: if args.no_cache { CachePolicy::Ignore } else { CachePolicy::Use },
        checking: if args.check { Checking::Yes } else { Checking::No },
        outputs: match (args.sdist, args.wheel) {
            (false, false) => None,
            (false, true) => Some(OutputChoice::Wheel),
            (true, false) => Some(OutputChoice::Sdist),
            (true, true) => Some(OutputChoice::Both),
        },
        dist,
        provenance,
        config_settings: config_settings(&args.config_setting)?,
        normalize: args.no_normalize.then_some(Normalize::No),
    };
    let store = session.open_store()?;
    let report =
        build::build(&request, session.context(&store, args.place.offline())).map_err(Failure::with_log)?;
    let unequal = Unequal::of(&report.checks, session)?;
    if session.json() {
        session.print_json(&serde_json::json!(report))?;
    } else if !session.quiet() {
        session.print(&text(&report))?;
    }
    match unequal {
        None => Ok(()),
        Some(unequal) => Err(Failure::from(unequal).already_printed()),
    }
}

fn text(report: &BuildReport) -> String {
    let mut text = String::new();
    for target in &report.targets {
        let _ = writeln!(text, "{}", headline(target));
        let width = target.outputs.iter().map(|output| shown(&output.path).len()).max().unwrap_or(0);
        for output in &target.outputs {
            let path = shown(&output.path);
            let size = bytes(output.size);
            let _ = writeln!(text, "  {path:<width$}  {size:>9}  sha256:{}", output.sha256);
        }
        for output in &target.outputs {
            let signed = match &target.key {
                Some(key) => format!("signed by {key}"),
                None if target.signed => "signed before, and kept".to_owned(),
                None => "unsigned".to_owned(),
            };
            let _ = writeln!(text, "  {}  {signed}", shown(&output.statement));
        }
    }
    text.extend(report.checks.iter().map(check::text));
    text
}

fn headline(target: &BuiltTarget) -> String {
    let name = &target.target;
    match &target.origin {
        Origin::Built { seconds } => format!(
            "{name}: built in {seconds:.2} s, sealed ({}, no network, Python {})",
            target.engine, target.python
        ),
        Origin::Cached => {
            format!("{name}: unchanged since it was built ({}, Python {})", target.engine, target.python)
        }
    }
}
