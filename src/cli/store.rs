//! `sealwright store ls|gc|verify`.

use std::fmt::Write as _;
use std::time::Duration;

use super::failure::Failure;
use super::session::Session;
use super::terminal::bytes;
use crate::error::{Blame, Fault};
use crate::store::{DryRun, GcOptions, Listing, VerifyReport};

/// Looks at the local store, cleans it, verifies it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List what the store holds
    Ls,
    /// Remove what no project uses any more
    Gc {
        /// Keep what came into the store less than this many hours ago
        #[arg(long, value_name = "HOURS", default_value_t = 24)]
        keep_hours: u64,
        /// Only say what would be removed
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
    /// Hash everything again; what is damaged is moved aside
    Verify,
}

#[derive(Debug, thiserror::Error)]
#[error("{count} of the store's things {} damaged and moved aside", if *.count == 1 { "is" } else { "are" })]
struct Damaged {
    count: usize,
}

impl Fault for Damaged {
    fn blame(&self) -> Blame {
        Blame::Integrity
    }

    fn hints(&self) -> Vec<String> {
        vec!["`sealwright fetch` gets blobs again, the next build makes trees again".to_owned()]
    }
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let store = session.open_store()?;
    match &args.command {
        Command::Ls => {
            let listing = store.list()?;
            if session.json() {
                return session.print_json(&serde_json::json!(listing));
            }
            session.print(&list_text(&store.path().display().to_string(), &listing))
        }
        Command::Gc { keep_hours, dry_run } => {
            let options = GcOptions {
                keep_younger: Duration::from_secs(keep_hours.saturating_mul(3600)),
                dry_run: if *dry_run { DryRun::Yes } else { DryRun::No },
                ..GcOptions::default()
            };
            let report = store.gc(options)?;
            if session.json() {
                return session.print_json(&serde_json::json!(report));
            }
            let verb = if *dry_run { "would remove" } else { "removed" };
            session.print(&format!(
                "{verb} {} blobs, {} trees, {} results, {} roots, {} others: {}; {} stay\n",
                report.blobs,
                report.trees,
                report.actions,
                report.roots,
                report.other,
                bytes(report.bytes),
                bytes(report.kept_bytes)
            ))
        }
        Command::Verify => {
            let report = store.verify(&session.terminal, &session.cancel)?;
            if session.json() {
                session.print_json(&serde_json::json!(report))?;
            } else {
                session.print(&verify_text(&report))?;
            }
            match report.damaged.len() {
                0 => Ok(()),
                count => Err(Failure::from(Damaged { count }).already_printed()),
            }
        }
    }
}

fn list_text(path: &str, listing: &Listing) -> String {
    let mut text = format!("{path}\n");
    let blobs: u64 = listing.blobs.iter().map(|blob| blob.size).sum();
    let trees: u64 = listing.trees.iter().map(|tree| tree.size).sum();
    let _ = writeln!(text, "\nblobs    {:>6}  {}", listing.blobs.len(), bytes(blobs));
    let _ = writeln!(text, "trees    {:>6}  {}", listing.trees.len(), bytes(trees));
    for tree in &listing.trees {
        let kind = format!("{:?}", tree.kind).to_lowercase();
        let key = &tree.key.to_hex()[..16];
        let _ = writeln!(text, "  {kind:<12} {key}  {} files, {}", tree.files, bytes(tree.size));
    }
    let _ = writeln!(text, "results  {:>6}", listing.actions.len());
    let _ = writeln!(text, "roots    {:>6}", listing.roots.len());
    for root in &listing.roots {
        let gone = if root.alive { "" } else { "  (gone: the next gc drops it)" };
        let _ = writeln!(text, "  {}  {}, {} uses{gone}", root.owner.display(), root.name, root.uses);
    }
    text
}

fn verify_text(report: &VerifyReport) -> String {
    let mut text = String::new();
    for damage in &report.damaged {
        let _ = writeln!(text, "damaged {}: {}", damage.what, damage.path.display());
        if let Some(expected) = damage.expected {
            let _ = writeln!(text, "  expected {expected}");
        }
        if let Some(actual) = damage.actual {
            let _ = writeln!(text, "  actual   {actual}");
        }
        if let Some(reason) = &damage.reason {
            let _ = writeln!(text, "  because: {reason}");
        }
        let _ = writeln!(text, "  {}", damage.remedy);
    }
    let _ = writeln!(
        text,
        "verified {} blobs, {} trees, {} results: {}; {} damaged",
        report.blobs,
        report.trees,
        report.actions,
        bytes(report.bytes),
        report.damaged.len()
    );
    text
}
