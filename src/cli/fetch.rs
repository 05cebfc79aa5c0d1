//! `sealwright fetch`.

use std::path::PathBuf;

use super::failure::Failure;
use super::place::PlaceArgs;
use super::session::{Session, shown};
use super::terminal::bytes;
use crate::build;

/// Fills the store from the lock, by digest only
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
    /// Also write all Python distributions to DIR, with hashed requirements files and pylock.toml: what pip and uv need
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let place = args.place.place()?;
    let store = session.open_store()?;
    let context = session.context(&store, args.place.offline());
    let report = build::fetch(&place, context)?;
    let exported = match &args.export {
        Some(folder) => Some(build::export_wheelhouse(&place, &place.folder.join(folder), context)?),
        None => None,
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
    session.print(&format!(
        "the store holds all {} files ({}) of the lock and {} images\n",
        report.files,
        bytes(report.bytes),
        report.images
    ))?;
    if let Some(exported) = &exported {
        session.print(&format!(
            "wrote {} distributions, {} to {}\n",
            exported.distributions.len(),
            exported.files.join(", "),
            shown(&exported.folder)
        ))?;
    }
    Ok(())
}
