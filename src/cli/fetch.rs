//! `sealwright fetch`.

use super::failure::Failure;
use super::place::PlaceArgs;
use super::session::Session;
use super::terminal::bytes;
use crate::build;

/// Fills the store from the lock, by digest only
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let place = args.place.place()?;
    let store = session.open_store()?;
    let report = build::fetch(&place, session.context(&store, args.place.offline()))?;
    if session.json() {
        return session.print_json(&serde_json::json!(report));
    }
    if session.quiet() {
        return Ok(());
    }
    session.print(&format!(
        "the store holds all {} files ({}) of the lock and {} images\n",
        report.files,
        bytes(report.bytes),
        report.images
    ))
}
