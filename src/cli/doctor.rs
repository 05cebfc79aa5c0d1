//! `sealwright doctor`.

use std::fmt::Write as _;

use super::failure::{Failure, anstream_style};
use super::session::Session;
use crate::doctor::{self, Finding, Status};
use crate::error::{Blame, Fault};

/// Says what works on this host, what does not, and the fix
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

#[derive(Debug, thiserror::Error)]
#[error("the native engine cannot run on this host")]
struct Unusable;

impl Fault for Unusable {
    fn blame(&self) -> Blame {
        Blame::Environment
    }
}

pub(super) fn run(_args: &Args, session: &Session) -> Result<(), Failure> {
    let store = session.open_store()?;
    let findings = doctor::probe(session.engine(), store.path());
    if session.json() {
        session.print_json(&serde_json::json!(findings))?;
    } else {
        session.print(&text(&findings))?;
    }
    if doctor::usable(&findings) { Ok(()) } else { Err(Failure::from(Unusable).already_printed()) }
}

fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let status = match finding.status {
            Status::Ok => anstream_style("32")("ok     "),
            Status::Limited => anstream_style("33")("limited"),
            Status::Unknown => anstream_style("2")("unknown"),
            Status::Missing => anstream_style("31")("missing"),
        };
        let _ = writeln!(text, "{status}  {:<width$}  {}", finding.name, finding.text);
        for fix in &finding.fixes {
            let _ = writeln!(text, "         {:<width$}  fix: {fix}", "");
        }
    }
    text
}
