//! Dependency specifiers (PEP 508), read safely.
//!
//! Crate `pep508_rs` panics on a name that ends in `-`, `_` or `.`, and on a marker with a text on the left of `~=`,
//! after which the lock of its table of markers is poisoned for the whole process. What it would panic on is refused
//! before it sees it.

use pep508_rs::{Requirement, VerbatimUrl};

use super::{NameError, PackageName};

/// Reads a requirement such as `setuptools[core] >= 61; python_version < "3.12"`.
///
/// # Errors
/// What is wrong with it, as a fragment.
pub fn requirement(text: &str) -> Result<Requirement<VerbatimUrl>, String> {
    let text = text.trim();
    let end = text.find(|sign: char| !(sign.is_ascii_alphanumeric() || "-_.".contains(sign)));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    checked(name)?;
    if let Some(extras) = rest.trim_start().strip_prefix('[') {
        let (extras, _) = extras.split_once(']').ok_or("`[` is not closed")?;
        extras.split(',').map(str::trim).filter(|extra| !extra.is_empty()).try_for_each(checked)?;
    }
    let reversed = |(at, _): (usize, &str)| rest[..at].trim_end().ends_with(['"', '\'']);
    if rest.match_indices("~=").any(reversed) {
        return Err("`~=` needs a variable on its left".to_owned());
    }
    text.parse().map_err(|error: pep508_rs::Pep508Error<VerbatimUrl>| error.message.to_string())
}

fn checked(name: &str) -> Result<(), String> {
    match name.parse::<PackageName>() {
        Ok(_) => Ok(()),
        Err(error @ NameError { .. }) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_and_what_the_crate_panics_on_is_refused() {
        for good in [
            "setuptools",
            " setuptools>=61 ; python_version < '3.12'",
            "a[b,c-d]~=1.0",
            "a @ https://host.example/a-1.tar.gz",
            "a; python_full_version ~= '3.11'",
        ] {
            assert!(requirement(good).is_ok(), "{good}");
        }
        for wrong in ["x-", "x_ >= 1", "-x", "", "a[b-]", "a[b", "a; '3.11' ~= os_name", "a >= one"] {
            assert!(requirement(wrong).is_err(), "{wrong}");
        }
        // Nothing is poisoned.
        assert!(requirement("a; os_name == 'posix'").is_ok());
    }
}
