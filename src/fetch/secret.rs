//! URLs that may hold credentials, in a type that never prints them.

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

use super::FetchError;

/// An `http` or `https` URL, or a folder of the host as `file` URL. `Display` and `Debug` leave out its credentials, query and fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct IndexUrl {
    whole: Url,
}

/// A user and a password (RFC 7617).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl IndexUrl {
    /// Reads a URL that `origin` (a file or a variable) holds.
    ///
    /// # Errors
    /// It is none, or its scheme is another one.
    pub fn parse(text: &str, origin: &str) -> Result<Self, FetchError> {
        let wrong = |problem: String| FetchError::Setting { origin: origin.to_owned(), problem };
        // The text itself may hold a password, so it is not repeated.
        let whole = Url::parse(text.trim()).map_err(|error| wrong(format!("not a URL: {error}")))?;
        match whole.scheme() {
            "http" | "https" if whole.has_host() => Ok(Self { whole }),
            scheme => {
                Err(wrong(format!("a URL of scheme {scheme:?} cannot be used, expected http or https")))
            }
        }
    }

    /// A folder of the host that serves as an index.
    pub(super) fn folder(path: &Path, origin: &str) -> Result<Self, FetchError> {
        let problem = format!("{} is no absolute path", path.display());
        let whole = Url::from_directory_path(path)
            .map_err(|()| FetchError::Setting { origin: origin.to_owned(), problem })?;
        Ok(Self { whole })
    }

    /// The folder of the host that it is, if it is one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        (self.whole.scheme() == "file").then(|| self.whole.to_file_path().ok()).flatten()
    }

    /// Without credentials.
    #[must_use]
    pub fn bare(&self) -> Url {
        bare(&self.whole)
    }

    /// The credentials in it, percent-decoded.
    #[must_use]
    pub fn credentials(&self) -> Option<Credentials> {
        credentials(&self.whole)
    }

    pub(super) fn whole(&self) -> &Url {
        &self.whole
    }

    /// With credentials: for the environment of the resolver's process only.
    #[must_use]
    pub fn with_credentials(&self) -> &str {
        self.whole.as_str()
    }

    pub(super) fn set_credentials(&mut self, credentials: &Credentials) {
        // Fails only for URLs without a host, which no value of this type is.
        let _ = self.whole.set_username(&credentials.user);
        let _ = self.whole.set_password(Some(&credentials.password));
    }
}

impl fmt::Display for IndexUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.whole))
    }
}

impl fmt::Debug for IndexUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IndexUrl({self})")
    }
}

/// A URL without credentials.
pub(super) fn bare(url: &Url) -> Url {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// A URL as messages show it: queries may hold signatures and tokens.
pub(super) fn shown(url: &Url) -> String {
    let mut url = bare(url);
    url.set_fragment(None);
    if url.query().is_some() {
        url.set_query(Some("…"));
        return url.as_str().replace("?%E2%80%A6", "?…");
    }
    url.into()
}

pub(super) fn credentials(url: &Url) -> Option<Credentials> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let password = url.password().map(decode).unwrap_or_default();
    let user = decode(url.username());
    (!user.is_empty() || !password.is_empty()).then_some(Credentials { user, password })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_kept_and_never_printed() {
        let url = IndexUrl::parse("https://me:se%40cret@index.example/simple?token=abc", "test").unwrap();
        assert_eq!(url.to_string(), "https://index.example/simple?…");
        assert!(!format!("{url:?} {:?}", url.credentials()).contains("cret"));
        let found = url.credentials().unwrap();
        assert_eq!((found.user.as_str(), found.password.as_str()), ("me", "se@cret"));
        assert_eq!(url.bare().as_str(), "https://index.example/simple?token=abc");
        for wrong in ["ftp://x.example", "x", "file:///x"] {
            assert!(IndexUrl::parse(wrong, "test").is_err(), "{wrong}");
        }
    }
}
