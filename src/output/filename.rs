//! File names of sdists (PEP 625, and as older backends write them).

use std::str::FromStr;

use pep440_rs::Version;

use crate::name::PackageName;

/// A file name that its format does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no file name of an sdist: {why}")]
pub struct FileNameError {
    text: String,
    why: &'static str,
}

/// `{name}-{version}.tar.gz`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdistName {
    /// All before `.tar.gz`: the archive's only folder.
    pub stem: String,
}

impl FromStr for SdistName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, FileNameError> {
        let wrong = |why| FileNameError { text: text.to_owned(), why };
        let stem = text.strip_suffix(".tar.gz").ok_or_else(|| wrong("expected .tar.gz at its end"))?;
        let sdist = Self { stem: stem.to_owned() };
        if sdist.readings().next().is_none() {
            return Err(wrong("expected a project's name, '-' and a version"));
        }
        Ok(sdist)
    }
}

impl SdistName {
    /// Every way to read the name. With PEP 625 there is one; before it names held `-`, and versions may.
    pub fn readings(&self) -> impl Iterator<Item = (PackageName, Version)> {
        self.stem.match_indices('-').filter_map(|(at, _)| {
            let version = self.stem[at + 1..].parse().ok()?;
            Some((self.stem[..at].parse().ok()?, version))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sdist_names_of_older_backends_are_read_too() {
        let readings = |name: &str| -> Vec<(String, String)> {
            let sdist: SdistName = name.parse().unwrap();
            sdist.readings().map(|(name, version)| (name.to_string(), version.to_string())).collect()
        };
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(readings("requests-2.32.3.tar.gz"), [pair("requests", "2.32.3")]);
        assert_eq!(readings("zope.interface-6.0.tar.gz"), [pair("zope-interface", "6.0")]);
        assert_eq!(readings("PyYAML-6.0.tar.gz"), [pair("pyyaml", "6.0")]);
        assert_eq!(
            readings("my-tool-1.0-1.tar.gz"),
            [pair("my-tool", "1.0.post1"), pair("my-tool-1-0", "1")]
        );
        for wrong in ["x.tar.gz", "x-1.zip", "x-abc.tar.gz", "-1.0.tar.gz"] {
            assert!(wrong.parse::<SdistName>().is_err(), "{wrong}");
        }
    }
}
