//! Version constraints as poetry writes them: PEP 440's, and `^1.2`, `~1.2`, `1.2`, `*`, `a || b`.

use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use crate::requirements::Interpreter;

/// A constraint: one of these, each of which is several conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Constraint(Vec<VersionSpecifiers>);

/// A text that is no constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version constraint")]
pub(super) struct ConstraintError(String);

impl Constraint {
    pub(super) fn allows(&self, version: &Version) -> bool {
        self.0.iter().any(|specifiers| specifiers.contains(version))
    }

    /// Whether an interpreter is allowed; none if that depends on its unknown patch release.
    pub(super) fn allows_python(&self, interpreter: &Interpreter) -> Option<bool> {
        let answers: Vec<Option<bool>> =
            self.0.iter().map(|specifiers| interpreter.allowed_by(specifiers)).collect();
        if answers.contains(&Some(true)) {
            Some(true)
        } else if answers.iter().all(|answer| *answer == Some(false)) {
            Some(false)
        } else {
            None
        }
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        let wrong = || ConstraintError(text.chars().take(120).collect());
        if text.len() > 4096 || !text.is_ascii() {
            return Err(wrong());
        }
        let alternative = |part: &str| -> Option<VersionSpecifiers> {
            let mut specifiers = Vec::new();
            for condition in conditions(part) {
                if !matches!(condition.as_str(), "*" | "==*" | ">=*" | "=*") {
                    specifiers.push(specifier(&condition)?);
                }
            }
            specifiers.join(",").parse().ok()
        };
        let alternatives = text.split('|').filter(|part| !part.is_empty()).map(alternative);
        let alternatives: Option<Vec<_>> = alternatives.collect();
        alternatives.filter(|found| !found.is_empty()).map(Self).ok_or_else(wrong)
    }
}

/// Conditions are separated by commas, or by spaces; a space may also follow an operator.
fn conditions(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        match found.last_mut() {
            Some(last) if open => last.push_str(word),
            _ => found.push(word.to_owned()),
        }
        open = word.bytes().all(|byte| b"<>=!~^".contains(&byte));
    }
    found
}

/// One condition as PEP 440 writes it.
fn specifier(text: &str) -> Option<String> {
    if let Some(version) = text.strip_prefix('^') {
        let version: Version = version.parse().ok()?;
        let release = version.release();
        // The first number that is not zero may not change, or the last one.
        let fixed = release.iter().position(|number| *number != 0).unwrap_or(release.len() - 1);
        return Some(format!(">={version},<{}", after(release, fixed)?));
    }
    match text.strip_prefix('~') {
        Some(rest) if !rest.starts_with('=') => {
            let version: Version = rest.parse().ok()?;
            let fixed = version.release().len().min(2) - 1;
            Some(format!(">={version},<{}", after(version.release(), fixed)?))
        }
        _ if text.starts_with(|c: char| c.is_ascii_digit()) => Some(format!("=={text}")),
        _ if text.starts_with('=') && !text.starts_with("==") => Some(format!("={text}")),
        _ => Some(text.to_owned()),
    }
}

/// The first release in which the number at `index` is greater.
fn after(release: &[u64], index: usize) -> Option<Version> {
    let mut next = release.get(..=index)?.to_vec();
    let last = next.last_mut()?;
    *last = last.checked_add(1)?;
    Some(Version::new(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_mean_what_poetry_says() {
        for (text, yes, no) in [
            ("^1.2.3", "1.9", "2.0"),
            ("^0.2.3", "0.2.9", "0.3"),
            ("^0.0.3", "0.0.3", "0.0.4"),
            ("^0", "0.9", "1.0"),
            ("~1.2.3", "1.2.9", "1.3"),
            ("~1", "1.9", "2"),
            ("~=1.2", "1.9", "2.0"),
            ("1.2.*", "1.2.7", "1.3"),
            ("1.2", "1.2.0", "1.2.1"),
            ("=1.2", "1.2", "1.3"),
            (">=2,<4", "3.1", "4.0"),
            (">= 2, < 4", "3.1", "4.0"),
            (">=2 <4", "3.1", "4.0"),
            ("<2 || >=3", "3.1", "2.5"),
            ("<2|>=3", "1.1", "2.5"),
            (">=2.7,!=3.0.*,!=3.1.*", "3.2", "3.1.4"),
        ] {
            let constraint: Constraint = text.parse().unwrap();
            assert!(constraint.allows(&yes.parse().unwrap()), "{text} {yes}");
            assert!(!constraint.allows(&no.parse().unwrap()), "{text} {no}");
        }
        assert!("*".parse::<Constraint>().unwrap().allows(&Version::new([1])));
        for wrong in ["", "latest", "^", "^x", ">=1,,<", "||", "^18446744073709551615"] {
            assert!(wrong.parse::<Constraint>().is_err(), "{wrong}");
        }
    }
}
