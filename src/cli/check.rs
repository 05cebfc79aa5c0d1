//! What `sealwright build --check` says.

use std::fmt::Write as _;

use super::failure::Failure;
use super::session::Session;
use crate::build::{CheckReport, Condition, ConditionReport, Effect};
use crate::error::{Blame, Fault};

/// Outputs that are not the same under other conditions.
#[derive(Debug, thiserror::Error)]
#[error("not the same under other conditions, so nothing was published: {}", .targets.join(", "))]
pub(super) struct Unequal {
    /// Targets.
    targets: Vec<String>,
    causes: Vec<Condition>,
    /// Digests of the first two outputs that differ, as files.
    pair: Option<(String, String)>,
}

impl Fault for Unequal {
    fn blame(&self) -> Blame {
        Blame::Different
    }

    fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> =
            self.causes.iter().map(|cause| format!("{}: {}", cause.as_str(), cause.advice())).collect();
        if let Some((first, second)) = &self.pair {
            hints.push(format!("both are kept in the store: sealwright diff {first} {second}"));
        }
        hints
    }
}

impl Unequal {
    /// The error of these checks, if there is one.
    pub(super) fn of(checks: &[CheckReport], session: &Session) -> Result<Option<Self>, Failure> {
        let bad: Vec<&CheckReport> = checks.iter().filter(|check| !check.is_identical()).collect();
        if bad.is_empty() {
            return Ok(None);
        }
        let store = session.open_store()?;
        let file = |digest| store.blob_path(&digest).display().to_string();
        let pair = bad
            .iter()
            .flat_map(|check| &check.differences)
            .find_map(|difference| Some((file(difference.first?), file(difference.second?))));
        let mut causes: Vec<Condition> = bad.iter().flat_map(|check| check.causes()).collect();
        causes.sort();
        causes.dedup();
        let targets = bad.iter().map(|check| check.target.to_string()).collect();
        Ok(Some(Self { targets, causes, pair }))
    }
}

/// Lines about one check.
pub(super) fn text(check: &CheckReport) -> String {
    let mut text = String::new();
    let names = |wanted: fn(&Effect) -> bool| -> Vec<&str> {
        let these = check.conditions.iter().filter(|each| wanted(&each.effect));
        these.map(|each| each.condition.as_str()).collect()
    };
    let varied = names(|effect| !matches!(effect, Effect::Held { .. }));
    let target = &check.target;
    if check.is_identical() {
        let _ = writeln!(
            text,
            "{target}: checked, built again and identical, with another {}",
            varied.join(", ")
        );
        for each in &check.conditions {
            if let Effect::Held { why } = &each.effect {
                let _ = writeln!(text, "  not varied: {} ({why})", each.condition.as_str());
            }
        }
        return text;
    }
    let _ = writeln!(
        text,
        "{target}: DIFFERENT when it is built again under other conditions ({} builds)",
        check.builds
    );
    if let Some(failure) = &check.failure {
        let _ = writeln!(text, "  the second build failed: {failure}");
    }
    for difference in &check.differences {
        let shown = |digest: Option<crate::digest::Sha256>| {
            digest.map_or_else(|| "not made".to_owned(), |digest| format!("sha256:{digest}"))
        };
        let _ = writeln!(text, "  {}", difference.name);
        let _ = writeln!(text, "    first   {}", shown(difference.first));
        let _ = writeln!(text, "    second  {}", shown(difference.second));
        for change in &difference.changes {
            let causes: Vec<&str> = change.causes.iter().map(|cause| cause.name()).collect();
            let path = if change.path.is_empty() { "the file itself" } else { &change.path };
            let _ = writeln!(text, "    changed {path} ({})", causes.join(", "));
        }
    }
    for each in &check.conditions {
        let _ = writeln!(text, "{}", condition(each));
    }
    if check.causes().is_empty() && check.unsteady.is_empty() {
        let _ = writeln!(text, "  no condition does it alone: only together");
    }
    for change in &check.unsteady {
        let _ = writeln!(text, "  differs with nothing varied and the clock held: {change}");
    }
    text
}

fn condition(report: &ConditionReport) -> String {
    let name = report.condition.as_str();
    let ConditionReport { first, second, .. } = report;
    match &report.effect {
        Effect::None => format!("  {name:<16} no"),
        Effect::Matters { changes } => {
            format!("  {name:<16} MATTERS  {first} → {second}: {}", changes.join(", "))
        }
        Effect::Fails { message } => format!("  {name:<16} MATTERS  {first} → {second}: {message}"),
        Effect::Held { why } => format!("  {name:<16} not varied: {why}"),
    }
}
