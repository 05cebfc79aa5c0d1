//! File names of wheels (binary distribution format) and sdists (PEP 625, and as older backends write them).

use std::str::FromStr;

use pep440_rs::Version;

use crate::name::PackageName;

/// A file name that its format does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no file name of {format}: {why}")]
pub struct FileNameError {
    format: &'static str,
    text: String,
    why: &'static str,
}

/// `{distribution}-{version}(-{build tag})?-{python tag}-{abi tag}-{platform tag}.whl`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelName {
    /// The project.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// The `.dist-info` folder's name begins so: name and version as this file name writes them.
    pub stem: String,
}

impl FromStr for WheelName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, FileNameError> {
        let wrong = |why| FileNameError { format: "a wheel", text: text.to_owned(), why };
        let parts: Vec<&str> =
            text.strip_suffix(".whl").ok_or_else(|| wrong("expected .whl at its end"))?.split('-').collect();
        let (name, version, tags) = match parts[..] {
            [name, version, ref tags @ ..] if tags.len() == 3 => (name, version, tags),
            [name, version, build, ref tags @ ..] if tags.len() == 3 => {
                if !build.starts_with(|first: char| first.is_ascii_digit()) {
                    return Err(wrong("expected a build tag that begins with a digit"));
                }
                (name, version, tags)
            }
            _ => return Err(wrong("expected 5 or 6 parts with '-' between them")),
        };
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        if tags.iter().any(|tag| tag.is_empty() || !tag.bytes().all(good)) {
            return Err(wrong("expected tags of ASCII letters, digits, '_' and '.'"));
        }
        Ok(Self {
            name: name.parse().map_err(|_| wrong("expected a project's name first"))?,
            // In this form a `-` cannot occur and `_` may stand for it.
            version: version
                .replace('_', "-")
                .parse()
                .map_err(|_| wrong("expected a version after the name"))?,
            stem: format!("{name}-{version}"),
        })
    }
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
        let wrong = |why| FileNameError { format: "an sdist", text: text.to_owned(), why };
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
    fn wheel_names_are_read_as_the_specification_says() {
        let wheel: WheelName = "Foo.Bar-1.0+local_1-2a-py2.py3-none-any.whl".parse().unwrap();
        assert_eq!((wheel.name.as_str(), wheel.version.to_string()), ("foo-bar", "1.0+local.1".to_owned()));
        assert_eq!(wheel.stem, "Foo.Bar-1.0+local_1");
        for wrong in [
            "foo-1.0.whl",
            "foo-1.0-py3-none-any.zip",
            "foo-x-py3-none-any.whl",
            "foo-1.0-b1-py3-none-any.whl",
            "foo-1.0-1-2-py3-none-any.whl",
            "foo-1.0-py3--any.whl",
            "foo-1.0-py3-none-a y.whl",
            "-1.0-py3-none-any.whl",
        ] {
            assert!(wrong.parse::<WheelName>().is_err(), "{wrong}");
        }
    }

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
