//! Names with rules: what each may hold is checked once, where it is made.

mod image;
mod requirement;

use std::fmt;
use std::path::{Component, Path};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use image::{EngineRef, ImageRef, LayoutForm, LayoutRef, RegistryHost, RegistryRef};
pub use requirement::requirement;

/// A text that is no name of its kind: what was expected, and the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: {text:?} (expected {expected})")]
pub struct NameError {
    kind: &'static str,
    text: String,
    expected: &'static str,
}

macro_rules! text_serde {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.to_string())
            }
        }
    };
}

/// A Python project's name in its normalized form (PEP 503: lower case, runs of `-_.` are one `-`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

impl PackageName {
    /// The normalized name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that file names of wheels and sdists hold (`-` as `_`; binary distribution format, "escaping").
    #[must_use]
    pub fn in_file_names(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl FromStr for PackageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        if !(bytes.iter().copied().all(inner) && ends(bytes.first()) && ends(bytes.last())) {
            return Err(NameError {
                kind: "Python package name",
                text: text.chars().take(120).collect(),
                expected: "ASCII letters, digits, '-', '_' and '.', with a letter or digit at both ends",
            });
        }
        let mut name = String::with_capacity(text.len());
        for byte in text.chars() {
            let byte = if matches!(byte, '-' | '_' | '.') { '-' } else { byte.to_ascii_lowercase() };
            if byte != '-' || !name.ends_with('-') {
                name.push(byte);
            }
        }
        Ok(Self(name))
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_serde!(PackageName);

/// The name of a target: what follows `target.` in the configuration.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetName(String);

impl TargetName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TargetName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let starts = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        if !starts || text.len() > 64 || !text.bytes().all(good) {
            return Err(NameError {
                kind: "target name",
                text: text.chars().take(120).collect(),
                expected: "1 to 64 ASCII letters, digits, '-' and '_', a letter or digit first",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_serde!(TargetName);

/// An operating system and architecture in the OCI form (`linux/amd64`; image-spec, "platform").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// `linux/amd64`
    LinuxAmd64,
    /// `linux/arm64`
    LinuxArm64,
}

impl Platform {
    /// All that can be built for.
    pub const ALL: [Self; 2] = [Self::LinuxAmd64, Self::LinuxArm64];

    /// The platform that this program was compiled for, if it is one that it can build for.
    #[must_use]
    pub fn host() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::LinuxAmd64),
            "aarch64" => Some(Self::LinuxArm64),
            _ => None,
        }
    }

    /// Debian's name of the architecture.
    #[must_use]
    pub fn debian(self) -> &'static str {
        self.architecture()
    }

    /// The OCI (and Go) name of the architecture.
    #[must_use]
    pub fn architecture(self) -> &'static str {
        match self {
            Self::LinuxAmd64 => "amd64",
            Self::LinuxArm64 => "arm64",
        }
    }

    /// The kernel's name of the machine (`uname -m`), as wheels' platform tags hold it.
    #[must_use]
    pub fn machine(self) -> &'static str {
        match self {
            Self::LinuxAmd64 => "x86_64",
            Self::LinuxArm64 => "aarch64",
        }
    }

    /// Debian's multiarch triplet, the name of the library folders.
    #[must_use]
    pub fn multiarch(self) -> &'static str {
        match self {
            Self::LinuxAmd64 => "x86_64-linux-gnu",
            Self::LinuxArm64 => "aarch64-linux-gnu",
        }
    }
}

impl FromStr for Platform {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "linux/amd64" => Ok(Self::LinuxAmd64),
            "linux/arm64" => Ok(Self::LinuxArm64),
            _ => Err(NameError {
                kind: "platform",
                text: text.chars().take(120).collect(),
                expected: "linux/amd64 or linux/arm64",
            }),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "linux/{}", self.architecture())
    }
}
text_serde!(Platform);

/// A version of the Python language, for instance `3.11`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PythonVersion {
    /// For instance 3.
    pub major: u8,
    /// For instance 11.
    pub minor: u8,
}

impl FromStr for PythonVersion {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError {
            kind: "Python version",
            text: text.chars().take(120).collect(),
            expected: "MAJOR.MINOR, for instance 3.11",
        };
        let (major, minor) = text.split_once('.').ok_or_else(wrong)?;
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten().ok_or_else(wrong)
        };
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
text_serde!(PythonVersion);

/// A Debian suite whose packages an image is assembled from (`debian:bookworm`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DebianRelease {
    /// Debian 12, Python 3.11.
    Bookworm,
    /// Debian 13, Python 3.13.
    Trixie,
}

impl DebianRelease {
    /// Every release that images can be assembled from, oldest first.
    pub const ALL: [Self; 2] = [Self::Bookworm, Self::Trixie];

    /// The release's code name.
    #[must_use]
    pub fn codename(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// The version of Python that the release holds.
    #[must_use]
    pub fn python(self) -> PythonVersion {
        match self {
            Self::Bookworm => PythonVersion { major: 3, minor: 11 },
            Self::Trixie => PythonVersion { major: 3, minor: 13 },
        }
    }

    /// The suites that are used unless the configuration names others: the release, its updates, its security.
    #[must_use]
    pub fn default_suites(self) -> Vec<String> {
        let name = self.codename();
        vec![name.to_owned(), format!("{name}-updates"), format!("{name}-security")]
    }
}

/// An absolute path inside a box: normal components only, no `..`, UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SandboxPath(String);

impl SandboxPath {
    /// The box's root, `/`.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path without its leading `/`, to be joined to a folder of the host.
    #[must_use]
    pub fn relative(&self) -> &Path {
        Path::new(&self.0[1..])
    }
}

impl FromStr for SandboxPath {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut parts = Path::new(text).components();
        let absolute = parts.next() == Some(Component::RootDir);
        let normal = parts.all(|part| matches!(part, Component::Normal(_)));
        if !absolute || !normal || text.contains('\0') || (text.len() > 1 && text.ends_with('/')) {
            return Err(NameError {
                kind: "path in the box",
                text: text.chars().take(120).collect(),
                expected: "an absolute path without '..'",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SandboxPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_serde!(SandboxPath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_names_are_normalized_as_pep_503_says() {
        for text in ["Friendly-Bard", "FRIENDLY.BARD", "friendly--bard", "FrIeNdLy-._.-bArD"] {
            assert_eq!(text.parse::<PackageName>().unwrap().as_str(), "friendly-bard");
        }
        for wrong in ["", "-a", "a-", "a b", "é", "../x"] {
            assert!(wrong.parse::<PackageName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sandbox_paths_are_absolute_and_normal() {
        for good in ["/", "/src", "/a/b.c"] {
            assert!(good.parse::<SandboxPath>().is_ok(), "{good}");
        }
        for wrong in ["", "src", "/a/../b", "/src/", "/a\0b"] {
            assert!(wrong.parse::<SandboxPath>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_names_round_trip() {
        assert_eq!("3.11".parse::<PythonVersion>().unwrap().to_string(), "3.11");
        assert!("3".parse::<PythonVersion>().is_err());
        assert!("3.+1".parse::<PythonVersion>().is_err());
        assert_eq!("debian:trixie".parse::<ImageRef>().unwrap().to_string(), "debian:trixie");
        assert!("a/b".parse::<TargetName>().is_err());
        assert_eq!("linux/arm64".parse::<Platform>().unwrap().to_string(), "linux/arm64");
    }
}
