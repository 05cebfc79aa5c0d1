//! `sealwright diff`: what two artifacts differ in, why probably, and whether it counts.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::session::Session;
use crate::compare::{self, Options, Report, Verdict};
use crate::error::{Blame, Fault};
use crate::helper::{self, HelperError};
use crate::output::write_whole;
use crate::report::{self, DifferenceStyle};

const GIB: u64 = 1 << 30;

/// Compares two artifacts member by member
///
/// Wheels, sdists, zip and tar archives, executables of `PyInstaller`, ELF objects, byte code, images in OCI layouts,
/// folders, texts and bytes. Says of each change why it probably is, and ends with `identical`, `equal` after named
/// normalizations, or `different` (exit code 5).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The first artifact, or a folder
    a: PathBuf,
    /// The second
    b: PathBuf,
    /// Take nothing away: only identical artifacts end with exit code 0
    #[arg(long)]
    strict: bool,
    /// Also write the report as one HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Hand over to diffoscope, which has to be installed
    #[arg(long, conflicts_with_all = ["html", "strict", "max_unpacked"])]
    diffoscope: bool,
    /// Unpack so many GiB at most
    #[arg(long, value_name = "GIB", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    max_unpacked: u64,
}

#[derive(Debug, thiserror::Error)]
enum DiffError {
    #[error("{a} and {b} are different")]
    Different { a: String, b: String },
    #[error("{a} and {b} are not identical: {verdict}")]
    NotIdentical { a: String, b: String, verdict: Verdict },
    #[error("diffoscope says that {a} and {b} are different")]
    Diffoscope { a: String, b: String },
    #[error("diffoscope ended with exit code {code}")]
    Failed { code: i32 },
    #[error("cannot hand over to diffoscope")]
    Helper(#[source] HelperError),
}

impl Fault for DiffError {
    fn blame(&self) -> Blame {
        match self {
            Self::Different { .. } | Self::NotIdentical { .. } | Self::Diffoscope { .. } => Blame::Different,
            Self::Failed { .. } => Blame::User,
            Self::Helper(_) => Blame::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotIdentical { .. } => vec!["without `--strict` they are equal".to_owned()],
            Self::Helper(HelperError::Missing { .. }) => {
                vec!["install it (`apt install diffoscope-minimal`, `pip install diffoscope`), or leave out `--diffoscope`".to_owned()]
            }
            Self::Different { .. }
            | Self::Diffoscope { .. }
            | Self::Failed { .. }
            | Self::Helper(HelperError::Slow { .. } | HelperError::Io { .. }) => Vec::new(),
        }
    }
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    if args.diffoscope {
        return hand_over(args, session);
    }
    let options = Options {
        max_unpacked: args.max_unpacked * GIB,
        cancel: session.cancel.clone(),
        ..Options::default()
    };
    let report = compare::compare(&args.a, &args.b, &options)?;
    if let Some(path) = &args.html {
        let page = report::difference_html(&report);
        write_whole(path, page.as_bytes())?;
    }
    if session.json() {
        session.print_json(&serde_json::json!(report))?;
    } else {
        let style = DifferenceStyle { strong: ("\u{1b}[1m", "\u{1b}[0m") };
        session.print(&report::difference_text(&report, style))?;
    }
    outcome(args, &report).map_err(|error| Failure::from(error).already_printed())
}

fn outcome(args: &Args, report: &Report) -> Result<(), DiffError> {
    let (a, b) = (shown(&args.a), shown(&args.b));
    match &report.verdict {
        Verdict::Identical => Ok(()),
        Verdict::Equal { .. } if !args.strict => Ok(()),
        Verdict::Equal { .. } => Err(DiffError::NotIdentical { a, b, verdict: report.verdict.clone() }),
        Verdict::Different => Err(DiffError::Different { a, b }),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// diffoscope ends with 0 for identical, 1 for different, 2 for trouble. It prints to standard output itself.
fn hand_over(args: &Args, session: &Session) -> Result<(), Failure> {
    session.terminal.finish();
    let form: &[&str] = if session.json() { &["--json", "-", "--"] } else { &["--"] };
    let paths = [args.a.as_os_str(), args.b.as_os_str()];
    let arguments: Vec<&OsStr> = form.iter().map(OsStr::new).chain(paths).collect();
    let code = helper::hand_over("diffoscope", &arguments).map_err(DiffError::Helper)?;
    let failed = match code {
        0 if session.json() => return session.print_json(&serde_json::json!({ "verdict": "identical" })),
        0 => return Ok(()),
        1 => DiffError::Diffoscope { a: shown(&args.a), b: shown(&args.b) },
        code => return Err(DiffError::Failed { code }.into()),
    };
    Err(Failure::from(failed).already_printed())
}
