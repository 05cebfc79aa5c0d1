//! `sealwright lock`.

use super::failure::Failure;
use super::place::PlaceArgs;
use super::session::{Session, shown};
use crate::build::{self, LockMode, LockOutcome, LockRequest, Upgrade};
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
    let report =
        build::lock(&request, session.context(&store, args.place.offline())).map_err(Failure::with_log)?;
    if session.json() {
        return session.print_json(&serde_json::json!(report));
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
    ))
}
