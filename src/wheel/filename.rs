//! File names of wheels (binary distribution format, "file name convention").

use std::fmt;
use std::str::FromStr;

use super::WheelError;
use crate::name::PackageName;

/// A wheel's file name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelName {
    /// The project.
    pub name: PackageName,
    /// Its version, as written there.
    pub version: String,
    /// Build number: digits, then any text. Decides between wheels that fit equally well.
    pub build: Option<(u64, String)>,
    /// Python tags (`py2.py3` are two).
    pub pythons: Vec<String>,
    /// ABI tags.
    pub abis: Vec<String>,
    /// Platform tags.
    pub platforms: Vec<String>,
    text: String,
}

impl FromStr for WheelName {
    type Err = WheelError;

    fn from_str(text: &str) -> Result<Self, WheelError> {
        let wrong = || WheelError::Name { file: text.chars().take(200).collect() };
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"/\\:\"'".contains(&byte);
        let stem = text.strip_suffix(".whl").filter(|stem| stem.bytes().all(plain)).ok_or_else(wrong)?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, tags) = match parts.as_slice() {
            [name, version, tags @ ..] if tags.len() == 3 => (name, version, None, tags),
            [name, version, build, tags @ ..] if tags.len() == 3 => (name, version, Some(build), tags),
            _ => return Err(wrong()),
        };
        let build = match build {
            None => None,
            Some(build) => {
                let digits = build.len() - build.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                let number = build[..digits].parse().map_err(|_| wrong())?;
                Some((number, build[digits..].to_owned()))
            }
        };
        if version.is_empty() || tags.iter().any(|tag| tag.split('.').any(str::is_empty)) {
            return Err(wrong());
        }
        let set = |tag: &str| tag.split('.').map(str::to_ascii_lowercase).collect();
        Ok(Self {
            name: name.parse().map_err(|_| wrong())?,
            version: (*version).to_owned(),
            build,
            pythons: set(tags[0]),
            abis: set(tags[1]),
            platforms: set(tags[2]),
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for WheelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let name: WheelName = "Foo_Bar-1.0-2b-py2.py3-none-any.whl".parse().unwrap();
        assert_eq!(name.name.as_str(), "foo-bar");
        assert_eq!((name.version.as_str(), name.build), ("1.0", Some((2, "b".to_owned()))));
        assert_eq!(name.pythons, ["py2", "py3"]);
        for wrong in [
            "a-1-py3-none-any.zip",
            "a-1-py3-none.whl",
            "a-1-x-py3-none-any.whl",
            "a-1-1-1-py3-none-any.whl",
            "a-1-py3..py2-none-any.whl",
            "../a-1-py3-none-any.whl",
            "a--py3-none-any.whl",
            "a b-1-py3-none-any.whl",
        ] {
            assert!(wrong.parse::<WheelName>().is_err(), "{wrong}");
        }
    }
}
