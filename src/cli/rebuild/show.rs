//! What came of a rebuild, for people and programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::failure::anstream_style;
use crate::compare::{Change, Verdict};
use crate::rebuild::{Checked, Compared, Ending, FoundOut, Outcome, Rebuilder, predicate};
use crate::report::harmless;

/// Differences that people see; programs see all that are recorded.
const SHOWN: usize = 20;

pub(super) fn text(outcome: &Outcome) -> String {
    let Ending::Compared(compared) = &outcome.ending else { return String::new() };
    let mut text = String::new();
    let style = match &compared.verdict {
        Verdict::Identical => "32",
        Verdict::Equal { .. } => "33",
        Verdict::Different => "1;31",
    };
    let verdict = compared.verdict.to_string();
    let _ = writeln!(text, "{}: {}", harmless(&outcome.subject.name), anstream_style(style)(&verdict));
    digests(&mut text, compared);
    let (engine, _) = &compared.repeated.engine;
    let _ = writeln!(
        text,
        "  rebuilt in {:.2} s, sealed ({engine}, no network); {}",
        compared.repeated.seconds,
        match &outcome.upstream {
            Some(found) => upstream(found),
            None => signers(outcome.statement.as_ref()),
        }
    );
    for change in compared.changes.iter().take(SHOWN) {
        line(&mut text, change);
    }
    if compared.changes.len() > SHOWN {
        let _ = writeln!(text, "  … and {} more", compared.changes.len() - SHOWN);
    }
    for note in &compared.notes {
        let _ = writeln!(text, "  {}", harmless(note));
    }
    text
}

fn digests(text: &mut String, compared: &Compared) {
    match &compared.rebuilt {
        Some(rebuilt) if rebuilt.sha256 == compared.stated => {
            let _ = writeln!(text, "  sha256:{}, the same", compared.stated);
        }
        Some(rebuilt) => {
            let _ = writeln!(text, "  original sha256:{}", compared.stated);
            let _ = writeln!(text, "  rebuilt  sha256:{}", rebuilt.sha256);
        }
        None => {
            let _ = writeln!(text, "  original sha256:{}", compared.stated);
        }
    }
}

fn upstream(found: &FoundOut) -> String {
    let pins =
        if found.pins.is_empty() { "what the sdist asks for".to_owned() } else { found.pins.join(", ") };
    let cutoff = found.cutoff.as_ref().map(|cutoff| format!(", the rest as of {cutoff}")).unwrap_or_default();
    harmless(&format!("with {pins}{cutoff}"))
}

fn signers(checked: Option<&Checked>) -> String {
    match checked.and_then(|checked| checked.verified.as_ref()) {
        None => "the statement's signature was not looked at".to_owned(),
        Some(verified) => {
            let signers: Vec<String> =
                verified.signers.iter().map(|signer| harmless(&signer.by.to_string())).collect();
            format!("the statement is signed by {}", signers.join(", "))
        }
    }
}

fn line(text: &mut String, change: &Change) {
    let path = if change.path.is_empty() { "(the file)".to_owned() } else { change.path.join(" → ") };
    let causes: Vec<&str> = change.causes.iter().map(|cause| cause.name()).collect();
    let _ = writeln!(text, "  {:<8} {}: {}", change.kind.name(), harmless(&path), causes.join(", "));
    for detail in change.detail.lines().take(4) {
        let _ = writeln!(text, "           {}", harmless(detail));
    }
}

pub(super) fn json(outcome: &Outcome, rebuilder: &Rebuilder) -> Value {
    let mut value = predicate(outcome, rebuilder);
    value["subject"] = json!({ "name": outcome.subject.name, "sha256": outcome.subject.sha256 });
    if let Ending::Compared(compared) = &outcome.ending {
        value["seconds"] = json!(compared.repeated.seconds);
    }
    value
}
