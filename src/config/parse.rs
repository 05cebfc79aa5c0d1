//! TOML texts → typed configuration, with positions and suggestions in errors.

use serde::de::DeserializeOwned;

use super::error::ConfigError;
use super::typed::{Pyproject, TypedConfig};

/// A configuration text with the name that the user knows it by.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// For instance `sealwright.toml`.
    pub file: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl<'a> Document<'a> {
    fn text(&self) -> Result<&'a str, ConfigError> {
        std::str::from_utf8(self.bytes).map_err(|error| ConfigError::Encoding {
            file: self.file.to_owned(),
            offset: error.valid_up_to(),
        })
    }

    /// Deserializes, with the position in the error.
    ///
    /// # Errors
    /// The text is not UTF-8, no TOML, or does not fit `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let text = self.text()?;
        toml::from_str(text).map_err(|error| self.describe(text, &error))
    }

    fn describe(&self, text: &str, error: &toml::de::Error) -> ConfigError {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = text.get(..start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |position| position + 1);
        let message = error.message().trim().replace('\n', ", ");
        ConfigError::Toml {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            suggestion: suggestion(&message),
            message,
        }
    }
}

/// From serde's message "unknown field `x`, expected one of `a`, `b`", the expected one that is closest.
fn suggestion(message: &str) -> Option<String> {
    let mut names = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let wrong = names.next()?;
    closest(wrong, names).map(str::to_owned)
}

/// The candidate that is close enough to `wrong` to be worth suggesting.
pub(super) fn closest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(wrong, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Parses a `sealwright.toml`.
///
/// # Errors
/// Not UTF-8, no TOML, or an unknown key.
pub fn parse_config(document: Document<'_>) -> Result<TypedConfig, ConfigError> {
    document.parse()
}

/// Parses a `pyproject.toml`, and its `[tool.sealwright]` table if there is one.
///
/// # Errors
/// Not UTF-8, no TOML, a table of the wrong type, or an unknown key below `[tool.sealwright]`.
pub fn parse_pyproject(document: Document<'_>) -> Result<(Pyproject, Option<TypedConfig>), ConfigError> {
    #[derive(serde::Deserialize)]
    struct Ours {
        tool: Option<Tool>,
    }
    #[derive(serde::Deserialize)]
    struct Tool {
        sealwright: Option<TypedConfig>,
    }
    let pyproject: Pyproject = document.parse()?;
    let ours: Ours = document.parse()?;
    Ok((pyproject, ours.tool.and_then(|tool| tool.sealwright)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Fault;

    fn fail(text: &str) -> (String, Vec<String>) {
        let error = parse_config(Document { file: "sealwright.toml", bytes: text.as_bytes() }).unwrap_err();
        (error.to_string(), error.hints())
    }

    #[test]
    fn an_unknown_key_is_named_with_its_position_and_the_one_that_was_meant() {
        let (message, hints) = fail("[target.dist]\nsystem-package = []\n");
        assert!(message.starts_with("sealwright.toml:2:1: unknown field `system-package`"), "{message}");
        assert_eq!(hints, ["did you mean `system-packages`?"]);
    }

    #[test]
    fn broken_toml_is_told_with_line_and_column() {
        let (message, _) = fail("[target.dist]\npython = \"3.11\n");
        assert!(message.starts_with("sealwright.toml:2:"), "{message}");
        let (message, _) = fail("[target.dist]\npython = 3.11\n");
        assert_eq!(message, "sealwright.toml:2:10: expected a text or a list of texts");
    }

    #[test]
    fn bytes_that_are_no_text_are_told_by_their_offset() {
        let error = parse_config(Document { file: "sealwright.toml", bytes: b"# \xff\n" }).unwrap_err();
        assert_eq!(error.to_string(), "sealwright.toml: not UTF-8 at byte 2");
    }

    #[test]
    fn pyproject_gives_its_own_tables_and_ours() {
        let text = b"[build-system]\nrequires = ['x']\n[project]\nname='n'\n[tool.sealwright.target.dist]\npython='3.13'\n";
        let (pyproject, ours) = parse_pyproject(Document { file: "pyproject.toml", bytes: text }).unwrap();
        assert_eq!(pyproject.build_system.unwrap().requires, ["x"]);
        assert!(ours.unwrap().target.contains_key("dist"));
        let text = b"[tool.sealwright]\ntargets = 1\n";
        assert!(parse_pyproject(Document { file: "pyproject.toml", bytes: text }).is_err());
    }
}
