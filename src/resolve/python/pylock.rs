//! The part of `pylock.toml` (PEP 751) that the resolver's answer is read from.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::PythonError;
use crate::name::PackageName;

/// The document.
#[derive(Debug, Deserialize)]
pub(super) struct Pylock {
    #[serde(rename = "lock-version")]
    version: String,
    #[serde(default)]
    pub(super) packages: Vec<Package>,
}

/// `[[packages]]`
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) name: PackageName,
    pub(super) version: Option<String>,
    #[serde(default)]
    pub(super) wheels: Vec<Wheel>,
}

/// `packages.wheels`
#[derive(Debug, Deserialize)]
pub(super) struct Wheel {
    name: Option<String>,
    url: Option<String>,
    path: Option<String>,
    pub(super) size: Option<u64>,
    #[serde(default)]
    pub(super) hashes: BTreeMap<String, String>,
}

impl Pylock {
    pub(super) fn parse(text: &str) -> Result<Self, PythonError> {
        let pylock: Self = toml::from_str(text).map_err(PythonError::Answer)?;
        if !pylock.version.starts_with("1.") {
            return Err(PythonError::AnswerVersion { version: pylock.version });
        }
        Ok(pylock)
    }
}

impl Wheel {
    /// Where it lies, if that is a URL.
    pub(super) fn url(&self) -> Option<Url> {
        self.url.as_deref().and_then(|url| Url::parse(url).ok())
    }

    /// Its file name: given, or the last part of where it lies.
    pub(super) fn file(&self) -> &str {
        match (&self.name, &self.url, &self.path) {
            (Some(name), _, _) => name,
            (None, Some(place), _) | (None, None, Some(place)) => {
                let place = place.split(['?', '#']).next().unwrap_or_default();
                place.rsplit('/').next().unwrap_or_default()
            }
            (None, None, None) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_the_last_part_of_where_they_lie() {
        let text = r#"
            lock-version = "1.0"
            [[packages]]
            name = "Six"
            version = "1.17.0"
            wheels = [
                { url = "https://files.example/a/six-1.17.0-py2.py3-none-any.whl#x", size = 3, hashes = { sha256 = "00" } },
                { path = "links/six-1.17.0-py3-none-any.whl", hashes = {} },
                { name = "n.whl", url = "https://files.example/other", hashes = {} },
            ]
        "#;
        let pylock = Pylock::parse(text).unwrap();
        let package = &pylock.packages[0];
        assert_eq!(package.name.as_str(), "six");
        let files: Vec<&str> = package.wheels.iter().map(Wheel::file).collect();
        assert_eq!(files, ["six-1.17.0-py2.py3-none-any.whl", "six-1.17.0-py3-none-any.whl", "n.whl"]);
        let newer = Pylock::parse("lock-version = '2.0'").unwrap_err();
        assert!(matches!(newer, PythonError::AnswerVersion { version } if version == "2.0"));
    }
}
