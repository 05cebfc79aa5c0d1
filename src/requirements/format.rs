//! The kinds of lock files that projects have, and which tool writes each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The format of a file that pins run-time dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// pip's requirements file with hashes, as pip-compile, `uv export` and people write it.
    RequirementsTxt,
    /// pipenv's.
    PipfileLock,
    /// poetry's, lock versions 1.0 to 2.1.
    PoetryLock,
    /// uv's, version 1.
    UvLock,
    /// The standard's (PEP 751, `pylock.toml` and `pylock.NAME.toml`).
    Pylock,
}

impl Format {
    /// Every format, in the order in which files are looked for.
    pub const ALL: [Self; 5] =
        [Self::Pylock, Self::UvLock, Self::PoetryLock, Self::PipfileLock, Self::RequirementsTxt];

    /// The name that the lock holds: that of the usual file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequirementsTxt => "requirements.txt",
            Self::PipfileLock => "Pipfile.lock",
            Self::PoetryLock => "poetry.lock",
            Self::UvLock => "uv.lock",
            Self::Pylock => "pylock.toml",
        }
    }

    /// The format of a file by its name: every `.txt` and `.in` is a requirements file.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        match name {
            "Pipfile.lock" => Some(Self::PipfileLock),
            "poetry.lock" => Some(Self::PoetryLock),
            "uv.lock" => Some(Self::UvLock),
            name if is_pylock(name) => Some(Self::Pylock),
            _ if matches!(extension, Some("txt" | "in")) => Some(Self::RequirementsTxt),
            _ => None,
        }
    }

    /// The command that writes such a file anew, with hashes.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::RequirementsTxt => "pip-compile --generate-hashes",
            Self::PipfileLock => "pipenv lock",
            Self::PoetryLock => "poetry lock",
            Self::UvLock => "uv lock",
            Self::Pylock => {
                "uv export --format pylock.toml -o pylock.toml` or `pip lock -r requirements.in -o pylock.toml"
            }
        }
    }
}

/// `pylock.toml` or `pylock.NAME.toml`, NAME without a dot (PEP 751, "file name").
fn is_pylock(name: &str) -> bool {
    let middle = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix("toml"));
    match middle {
        Some("") => true,
        Some(middle) => middle.strip_suffix('.').is_some_and(|name| !name.is_empty() && !name.contains('.')),
        None => false,
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a format of lock files: {0:?} (expected one of {all})", all = Format::ALL.map(Format::as_str).join(", "))]
pub struct FormatError(String);

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| FormatError(text.chars().take(80).collect()))
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The lock files among the names of a project's folder, the one to take first: `pylock.toml`, named ones after it,
/// `uv.lock`, `poetry.lock`, `Pipfile.lock`, `requirements.txt`. Other requirements files are not guessed at.
pub fn detect<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<(usize, usize, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let format = Format::of(name)?;
            let usual = name == format.as_str();
            let rank = Format::ALL.iter().position(|known| *known == format)?;
            (usual || format == Format::Pylock).then_some((rank, usize::from(!usual), name))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, _, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_name() {
        let of = |path| Format::of(path).map(Format::as_str);
        assert_eq!(of("requirements.txt"), Some("requirements.txt"));
        assert_eq!(of("deps/prod.txt"), Some("requirements.txt"));
        assert_eq!(of("app/Pipfile.lock"), Some("Pipfile.lock"));
        assert_eq!(of("pylock.toml"), Some("pylock.toml"));
        assert_eq!(of("pylock.prod.toml"), Some("pylock.toml"));
        for wrong in
            ["pylock.a.b.toml", "pylock..toml", "pylocktoml", "pipfile.lock", "poetry.toml", "lock", ""]
        {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_standard_file_is_taken_before_those_of_tools() {
        let names =
            ["requirements.txt", "dev.txt", "Pipfile.lock", "pylock.dev.toml", "uv.lock", "pylock.toml"];
        let order = ["pylock.toml", "pylock.dev.toml", "uv.lock", "Pipfile.lock", "requirements.txt"];
        assert_eq!(detect(names), order);
        assert!(detect(["setup.py"]).is_empty());
    }
}
