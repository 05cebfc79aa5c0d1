//! References to base images, as people write them.
//!
//! The forms of a registry's images follow the grammar that all container tools share (distribution's `reference`
//! package): the first part is a host if it holds a `.` or a `:` or is `localhost`, so that `localhost:5000/x` is a name on
//! a host with a port, and not a name with the tag `5000/x`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{DebianRelease, NameError};

/// A reference to a base image as a person writes it. It names, and pins nothing: a lock adds the manifest's digest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageRef {
    /// `debian:SUITE`: assembled here from Debian packages.
    Debian(DebianRelease),
    /// `[HOST/]NAME[:TAG][@sha256:DIGEST]`: pulled from a registry.
    Registry(RegistryRef),
    /// `oci-layout:PATH[:TAG]`, `oci-archive:PATH[:TAG]`: on disk.
    Layout(LayoutRef),
    /// `docker-engine:NAME`: exported from a Docker Engine.
    Engine(EngineRef),
}

/// The host of a registry, with its port if it has one: `localhost:5000`, `registry.example`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost(String);

/// An image in a registry.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryRef {
    host: Option<RegistryHost>,
    repository: String,
    tag: Option<String>,
    /// In OCI's form, `sha256:` and 64 digits.
    digest: Option<String>,
}

/// How an OCI layout lies on disk (image-spec, "image layout").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayoutForm {
    /// A folder.
    Folder,
    /// A tar file of one.
    Archive,
}

/// An image in an OCI layout or archive.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayoutRef {
    form: LayoutForm,
    path: String,
    tag: Option<String>,
}

/// An image in a Docker Engine, by the name or the id that it has there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EngineRef(String);

const EXPECTED: &str = "debian:bookworm or debian:trixie, [HOST/]NAME:TAG or [HOST/]NAME@sha256:DIGEST, \
                        oci-layout:PATH[:TAG], oci-archive:PATH[:TAG] or docker-engine:NAME";

fn wrong(text: &str, expected: &'static str) -> NameError {
    NameError { kind: "base image", text: text.chars().take(120).collect(), expected }
}

impl ImageRef {
    /// Whether the image is assembled from Debian packages.
    #[must_use]
    pub fn is_assembled(&self) -> bool {
        match self {
            Self::Debian(_) => true,
            Self::Registry(_) | Self::Layout(_) | Self::Engine(_) => false,
        }
    }
}

impl FromStr for ImageRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let of_debian = |release: &DebianRelease| text.strip_prefix("debian:") == Some(release.codename());
        if let Some(release) = DebianRelease::ALL.into_iter().find(of_debian) {
            return Ok(Self::Debian(release));
        }
        for (prefix, form) in [("oci-layout:", LayoutForm::Folder), ("oci-archive:", LayoutForm::Archive)] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return LayoutRef::new(form, rest).map(Self::Layout).ok_or_else(|| {
                    wrong(
                        text,
                        "a path relative to the project's folder, and perhaps a tag: oci-layout:PATH[:TAG]",
                    )
                });
            }
        }
        if let Some(name) = text.strip_prefix("docker-engine:") {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
            if name.is_empty() || name.len() > 512 || name.starts_with('-') || !name.bytes().all(good) {
                return Err(wrong(text, "docker-engine: and a name or an id of an image of the engine"));
            }
            return Ok(Self::Engine(EngineRef(name.to_owned())));
        }
        text.parse().map(Self::Registry)
    }
}

impl FromStr for RegistryRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (rest, digest) = match text.split_once('@') {
            None => (text, None),
            Some((rest, digest)) => {
                let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                let digits = digest.strip_prefix("sha256:").filter(|digits| digits.len() == 64);
                if !digits.is_some_and(|digits| digits.bytes().all(hex)) {
                    return Err(wrong(text, "a digest of the form sha256: and 64 lower-case digits"));
                }
                (rest, Some(digest.to_owned()))
            }
        };
        let (host, rest) = match rest.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (Some(first.parse().map_err(|_| wrong(text, EXPECTED))?), rest)
            }
            Some(_) | None => (None, rest),
        };
        // What follows the last slash has the tag: a colon before that would be a host's port.
        let name_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match rest[name_start..].split_once(':') {
            Some((_, tag)) => (&rest[..rest.len() - tag.len() - 1], Some(tag)),
            None => (rest, None),
        };
        let repository_is_good = repository.len() <= 255 && repository.split('/').all(is_path_component);
        if !repository_is_good || !tag.is_none_or(is_tag) {
            return Err(wrong(text, EXPECTED));
        }
        Ok(Self { host, repository: repository.to_owned(), tag: tag.map(str::to_owned), digest })
    }
}

/// distribution-spec, "Pulling manifests": `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = text.bytes().next().is_some_and(plain) && text.bytes().last().is_some_and(plain);
    let separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends && separators
        .into_iter()
        .all(|run| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|byte| byte == b'-'))
}

/// distribution-spec, "Pulling manifests": `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

impl RegistryRef {
    /// The registry, if the reference names one.
    #[must_use]
    pub fn host(&self) -> Option<&RegistryHost> {
        self.host.as_ref()
    }

    /// The repository as written: `team/app`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The repository as a registry has it that short names mean: there `python` is `library/python`.
    #[must_use]
    pub fn full_repository(&self) -> String {
        match &self.host {
            None if !self.repository.contains('/') => format!("library/{}", self.repository),
            None | Some(_) => self.repository.clone(),
        }
    }

    /// The tag: `latest` unless one is written.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.tag.as_deref().unwrap_or("latest")
    }

    /// The digest of a manifest or index that is written, in OCI's form: `sha256:` and 64 digits.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl LayoutRef {
    fn new(form: LayoutForm, text: &str) -> Option<Self> {
        let (path, tag) = match text.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            Some(_) | None => (text, None),
        };
        // A path of this host has no place in a lock, which is read on others.
        let good = !path.is_empty() && !path.starts_with('/') && !path.chars().any(char::is_control);
        let tag_is_good = |tag: &str| !tag.is_empty() && !tag.chars().any(char::is_control);
        (good && tag.is_none_or(tag_is_good)).then(|| Self {
            form,
            path: path.to_owned(),
            tag: tag.map(str::to_owned),
        })
    }

    /// A folder, or a tar file.
    #[must_use]
    pub fn form(&self) -> LayoutForm {
        self.form
    }

    /// Relative to the project's folder.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The name in the layout's index (`org.opencontainers.image.ref.name`); without one the layout holds one image.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }
}

impl EngineRef {
    /// The name or the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RegistryHost {
    /// `HOST` or `HOST:PORT`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this very machine, where plain http is no risk.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        url::Url::parse(&format!("https://{}/", self.0)).is_ok_and(|url| match url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        })
    }
}

impl FromStr for RegistryHost {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError {
            kind: "registry",
            text: text.chars().take(120).collect(),
            expected: "HOST or HOST:PORT, without scheme and path",
        };
        let parsed = url::Url::parse(&format!("https://{text}/")).map_err(|_| error())?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        let whole = parsed.path() == "/" && parsed.username().is_empty() && parsed.query().is_none();
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'[');
        if !starts || !whole || !text.bytes().all(plain) || text.ends_with(':') {
            return Err(error());
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RegistryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}/")?;
        }
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for LayoutRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.form {
            LayoutForm::Folder => "oci-layout:",
            LayoutForm::Archive => "oci-archive:",
        })?;
        f.write_str(&self.path)?;
        self.tag.as_ref().map_or(Ok(()), |tag| write!(f, ":{tag}"))
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debian(release) => write!(f, "debian:{}", release.codename()),
            Self::Registry(name) => name.fmt(f),
            Self::Layout(layout) => layout.fmt(f),
            Self::Engine(name) => write!(f, "docker-engine:{}", name.0),
        }
    }
}

impl Serialize for ImageRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ImageRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! debug_as_text {
    ($($type:ty),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.to_string())
            }
        }
    )*};
}
debug_as_text!(ImageRef, RegistryRef, RegistryHost, LayoutRef);

impl fmt::Debug for EngineRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(text: &str) -> RegistryRef {
        text.parse().unwrap()
    }

    #[test]
    fn a_port_is_no_tag_and_a_tag_no_port() {
        let cases = [
            ("localhost:5000/x", Some("localhost:5000"), "x", "latest"),
            ("localhost/x:1", Some("localhost"), "x", "1"),
            ("127.0.0.1:5000/team/x:1.2_3-rc", Some("127.0.0.1:5000"), "team/x", "1.2_3-rc"),
            ("registry.example/a/b/c", Some("registry.example"), "a/b/c", "latest"),
            ("[::1]:5000/x:y", Some("[::1]:5000"), "x", "y"),
            ("python:3.12-slim", None, "python", "3.12-slim"),
            ("team/python", None, "team/python", "latest"),
            ("a__b/c--d.e_f", None, "a__b/c--d.e_f", "latest"),
        ];
        for (text, host, repository, tag) in cases {
            let name = registry(text);
            assert_eq!(name.host().map(RegistryHost::as_str), host, "{text}");
            assert_eq!((name.repository(), name.tag()), (repository, tag), "{text}");
            assert_eq!(name.to_string(), text);
            assert_eq!(text.parse::<ImageRef>().unwrap(), ImageRef::Registry(name));
        }
        assert_eq!(registry("python:3.12-slim").full_repository(), "library/python");
        assert_eq!(registry("team/python").full_repository(), "team/python");
        assert_eq!(registry("localhost/python").full_repository(), "python");
    }

    #[test]
    fn a_digest_is_one_of_sha256() {
        let text = format!("registry.example/x:1@sha256:{}", "0".repeat(64));
        let name = registry(&text);
        assert_eq!(name.digest(), text.split_once('@').map(|(_, digest)| digest));
        assert_eq!(name.to_string(), text);
        for wrong in ["x@sha512:00", "x@sha256:00", "x@", "x@latest"] {
            let error = wrong.parse::<ImageRef>().unwrap_err().to_string();
            assert!(error.contains("expected a digest of the form sha256:"), "{wrong}: {error}");
        }
    }

    #[test]
    fn names_that_no_registry_has_are_refused() {
        for wrong in [
            "",
            ":",
            "/x",
            "x/",
            "X",
            "x:",
            "x:-a",
            "x y",
            "x//y",
            "../x",
            "a___b",
            "-x",
            "x.",
            "user@host/x:1",
            "registry.example",
            "registry.example:70000/x",
            "registry.example:/x",
            "http://registry.example/x",
        ] {
            let parsed = wrong.parse::<ImageRef>();
            // A host alone is a short name with dots: a valid repository, which the default registry may have.
            if wrong == "registry.example" {
                assert!(parsed.is_ok());
            } else {
                assert!(parsed.is_err(), "{wrong}: {parsed:?}");
            }
        }
    }

    #[test]
    fn layouts_and_engines_have_their_own_forms() {
        let layout: ImageRef = "oci-layout:images/base:1.2".parse().unwrap();
        let ImageRef::Layout(found) = &layout else { panic!("{layout:?}") };
        assert_eq!(
            (found.form(), found.path(), found.tag()),
            (LayoutForm::Folder, "images/base", Some("1.2"))
        );
        assert_eq!(layout.to_string(), "oci-layout:images/base:1.2");
        let archive: ImageRef = "oci-archive:../a:b/base.tar".parse().unwrap();
        let ImageRef::Layout(found) = &archive else { panic!("{archive:?}") };
        assert_eq!((found.form(), found.path(), found.tag()), (LayoutForm::Archive, "../a:b/base.tar", None));
        assert!("oci-layout:/abs".parse::<ImageRef>().is_err());
        assert!("oci-layout:".parse::<ImageRef>().is_err());
        let engine: ImageRef = "docker-engine:app:dev".parse().unwrap();
        assert_eq!(engine.to_string(), "docker-engine:app:dev");
        assert!("docker-engine:".parse::<ImageRef>().is_err());
        assert!("docker-engine:a b".parse::<ImageRef>().is_err());
    }

    #[test]
    fn loopback_is_known_by_name_and_by_address() {
        let loopback = |text: &str| text.parse::<RegistryHost>().unwrap().is_loopback();
        for text in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.8.0.1", "[::1]:5000"] {
            assert!(loopback(text), "{text}");
        }
        for text in ["registry.example", "localhost.example:5000", "128.0.0.1", "[::2]:5000"] {
            assert!(!loopback(text), "{text}");
        }
    }
}
