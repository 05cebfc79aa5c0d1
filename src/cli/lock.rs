//! `sealwright lock`.

use std::path::PathBuf;

use super::failure::Failure;
use super::place::PlaceArgs;
use super::session::{Session, shown};
use clap::ValueEnum;

use crate::build::{self, LockMode, LockOutcome, LockRequest, Upgrade, WHEELHOUSE};
use crate::name::PackageName;

/// Resolves everything that builds use, and writes sealwright.lock
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
    /// Take the newest of everything instead of keeping what is still valid
    #[arg(short = 'U', long)]
    upgrade: bool,
    /// Take the newest version of this Python distribution, and keep the rest; may be given more than once
    #[arg(short = 'P', long, value_name = "NAME", conflicts_with = "upgrade")]
    upgrade_package: Vec<PackageName>,
    /// Write nothing: fail if the lock is stale
    #[arg(long, conflicts_with_all = ["upgrade", "upgrade_package"])]
    check: bool,
    /// Also write what the targets run with (or are built with) as a lock file of another kind
    #[arg(long, value_enum, value_name = "FORMAT")]
    export: Option<Format>,
    /// Where the export goes; `fetch --export` puts the files there that it names
    #[arg(long, value_name = "DIR", default_value = WHEELHOUSE, requires = "export")]
    export_dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// pylock.toml (PEP 751)
    Pylock,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let request = LockRequest {
        place: args.place.place()?,
        upgrade: match (args.upgrade, args.upgrade_package.as_slice()) {
            (true, _) => Upgrade::All,
            (false, []) => Upgrade::Keep,
            (false, names) => Upgrade::Packages(names.to_vec()),
        },
        mode: if args.check { LockMode::Check } else { LockMode::Write },
    };
    let store = session.open_store()?;
    let context = session.context(&store, args.place.offline());
    let report = build::lock(&request, context).map_err(Failure::with_log)?;
    let exported = match args.export {
        None => None,
        Some(Format::Pylock) => {
            let folder = request.place.folder.join(&args.export_dir);
            Some(build::export_pylock(&request.place, &folder, context)?)
        }
    };
    if session.json() {
        let mut document = serde_json::json!(report);
        if let Some(exported) = &exported {
            document["exported"] = serde_json::json!(exported);
        }
        return session.print_json(&document);
    }
    if session.quiet() {
        return Ok(());
    }
    let path = shown(&report.path);
    let what = match report.outcome {
        LockOutcome::Fresh => format!("{path} is fresh"),
        LockOutcome::Unchanged => format!("{path}: nothing changed"),
        LockOutcome::Written => format!("wrote {path}: commit it"),
    };
    session.print(&format!(
        "{what} ({} images, {} Debian packages, {} Python distributions)\n",
        report.images, report.packages, report.distributions
    ))?;
    for file in exported.iter().flat_map(|exported| &exported.files) {
        session.print(&format!("wrote {}\n", shown(&args.export_dir.join(file))))?;
    }
    Ok(())
}
