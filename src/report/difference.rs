//! A comparison for people: what `sealwright diff` prints.

use std::fmt::Write as _;

use super::harmless;
use crate::compare::{Change, Report, Side, Verdict};

/// Changes that a text shows; programs get all of them.
const SHOWN: usize = 300;

/// How text is made to look.
#[derive(Debug, Clone, Copy)]
pub struct DifferenceStyle {
    /// Put before what matters, and after it.
    pub strong: (&'static str, &'static str),
}

impl DifferenceStyle {
    /// No escape sequences.
    #[must_use]
    pub fn plain() -> Self {
        Self { strong: ("", "") }
    }
}

/// Changes in the order of reading: those that decide the verdict first.
pub(super) fn in_order(report: &Report) -> Vec<&Change> {
    let mut changes: Vec<&Change> = report.changes.iter().collect();
    changes.sort_by_key(|change| change.normalization().is_some());
    changes
}

/// The place of a change; the artifact itself has none.
pub(super) fn place(change: &Change) -> String {
    if change.path.is_empty() { "the artifact itself".to_owned() } else { change.path.join(" » ") }
}

/// Its causes, and what takes it away.
pub(super) fn reasons(change: &Change) -> String {
    let causes: Vec<&str> = change.causes.iter().map(|cause| cause.name()).collect();
    let causes = causes.join(", ");
    match change.normalization() {
        Some(normalization) => format!("{causes} (taken away: {normalization})"),
        None => causes,
    }
}

/// The verdict with the causes that lead to it.
pub(super) fn verdict(report: &Report) -> String {
    let causes: Vec<&str> = report.causes().iter().map(|cause| cause.name()).collect();
    match &report.verdict {
        Verdict::Identical | Verdict::Equal { .. } => report.verdict.to_string(),
        Verdict::Different => format!("different: {}", causes.join(", ")),
    }
}

/// The text of a comparison. Control characters of what was compared become harmless.
#[must_use]
pub fn difference_text(report: &Report, style: DifferenceStyle) -> String {
    let mut text = String::new();
    let (on, off) = style.strong;
    for (sign, side) in [('-', &report.a), ('+', &report.b)] {
        let _ = writeln!(text, "{sign} {}", side_text(side));
    }
    let changes = in_order(report);
    for change in changes.iter().take(SHOWN) {
        let kind = change.kind.name();
        let _ = writeln!(text, "\n{kind} {on}{}{off}: {}", harmless(&place(change)), reasons(change));
        for line in change.detail.lines() {
            let _ = writeln!(text, "    {}", harmless(line));
        }
    }
    if changes.len() > SHOWN {
        let _ =
            writeln!(text, "\n{} more changes: `--json` and `--html` have them all", changes.len() - SHOWN);
    }
    let _ = writeln!(text, "\n{on}{}{off}", verdict(report));
    text
}

fn side_text(side: &Side) -> String {
    let digest = side.sha256.map(|sha256| format!(", sha256:{sha256}")).unwrap_or_default();
    format!("{}: {} bytes{digest}", harmless(&side.name), side.size)
}
