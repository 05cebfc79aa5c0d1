//! Package URLs (ECMA-427) of the few kinds that statements hold: written canonically, read strictly.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use super::PurlError;

/// A package URL: `pkg:deb/debian/NAME@VERSION?arch=ARCH`, `pkg:pypi/NAME@VERSION?file_name=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purl {
    /// `deb`, `pypi`, `cargo`.
    pub kind: String,
    /// `debian`; empty for none.
    pub namespace: String,
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Qualifiers, sorted by key.
    pub qualifiers: Vec<(String, String)>,
}

impl Purl {
    /// A Debian binary package.
    #[must_use]
    pub fn deb(name: &str, version: &str, arch: &str) -> Self {
        Self {
            kind: "deb".to_owned(),
            namespace: "debian".to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
            qualifiers: vec![("arch".to_owned(), arch.to_owned())],
        }
    }

    /// One file of a Python distribution; `name` is the normalized name.
    #[must_use]
    pub fn pypi(name: &str, version: &str, file: &str) -> Self {
        Self {
            kind: "pypi".to_owned(),
            namespace: String::new(),
            name: name.to_owned(),
            version: version.to_owned(),
            qualifiers: vec![("file_name".to_owned(), file.to_owned())],
        }
    }

    /// A crate of Rust.
    #[must_use]
    pub fn cargo(name: &str, version: &str) -> Self {
        Self {
            kind: "cargo".to_owned(),
            namespace: String::new(),
            name: name.to_owned(),
            version: version.to_owned(),
            qualifiers: Vec::new(),
        }
    }

    /// The value of a qualifier.
    #[must_use]
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.kind)?;
        if !self.namespace.is_empty() {
            encode(f, &self.namespace)?;
            f.write_char('/')?;
        }
        encode(f, &self.name)?;
        f.write_char('@')?;
        encode(f, &self.version)?;
        for (index, (key, value)) in self.qualifiers.iter().enumerate() {
            write!(f, "{}{key}=", if index == 0 { '?' } else { '&' })?;
            encode(f, value)?;
        }
        Ok(())
    }
}

impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Self, PurlError> {
        let wrong = |why| PurlError { text: text.chars().take(200).collect(), why };
        let decode = |part: &str| decode(part).ok_or_else(|| wrong("broken percent-encoding"));
        let rest = text.strip_prefix("pkg:").ok_or_else(|| wrong("expected pkg: at its start"))?;
        if rest.contains('#') {
            return Err(wrong("a subpath is not expected"));
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (path, version) = path.rsplit_once('@').ok_or_else(|| wrong("expected a version"))?;
        let mut parts = path.split('/');
        let (Some(kind), Some(first), second, None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong("expected a type, at most one namespace, and a name"));
        };
        let (namespace, name) = second.map_or(("", first), |name| (first, name));
        if kind.is_empty() || name.is_empty() || version.is_empty() {
            return Err(wrong("expected a type, a name and a version"));
        }
        let mut qualifiers = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| wrong("a qualifier without a value"))?;
            qualifiers.push((key.to_owned(), decode(value)?));
        }
        let purl = Self {
            kind: kind.to_owned(),
            namespace: decode(namespace)?,
            name: decode(name)?,
            version: decode(version)?,
            qualifiers,
        };
        Ok(purl)
    }
}

/// Percent-encodes all but letters, digits, `.-_~` and `:` (ECMA-427, 5.4: a colon is never encoded, a plus
/// sign always).
fn encode(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            let strict = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            bytes.push(strict.then(|| u8::from_str_radix(digits, 16).ok())??);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_plus_signs_and_tildes_are_encoded_as_ecma_427_says() {
        let cases = [
            (Purl::deb("attr", "1:2.4.47-2+b1", "amd64"), "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64"),
            (
                Purl::deb("g++-12", "12.2.0-14+deb12u1", "amd64"),
                "pkg:deb/debian/g%2B%2B-12@12.2.0-14%2Bdeb12u1?arch=amd64",
            ),
            (Purl::deb("tzdata", "2024b~rc1-1", "all"), "pkg:deb/debian/tzdata@2024b~rc1-1?arch=all"),
            (
                Purl::pypi("torch", "2.1+cpu", "torch-2.1+cpu-py3-none-any.whl"),
                "pkg:pypi/torch@2.1%2Bcpu?file_name=torch-2.1%2Bcpu-py3-none-any.whl",
            ),
            (Purl::pypi("x", "1!2.0", "x-1!2.0.tar.gz"), "pkg:pypi/x@1%212.0?file_name=x-1%212.0.tar.gz"),
        ];
        for (purl, text) in cases {
            assert_eq!(purl.to_string(), text);
            assert_eq!(text.parse::<Purl>().unwrap(), purl);
        }
    }

    #[test]
    fn other_writers_forms_are_read_and_broken_ones_refused() {
        let purl: Purl = "pkg:deb/debian/attr@1%3A2.4?arch=amd64".parse().unwrap();
        assert_eq!(purl, Purl::deb("attr", "1:2.4", "amd64"));
        for wrong in [
            "",
            "pkg:deb",
            "pkg:deb/x",
            "pkg:deb/a/b/c@1",
            "pkg:deb/x@1%2",
            "pkg:deb/x@%+1",
            "pkg:deb/x@1?a",
            "pkg:deb/x@1#s",
            "pkg:deb/x@%ff",
            "pkg:/x@1",
        ] {
            assert!(wrong.parse::<Purl>().is_err(), "{wrong}");
        }
    }
}
