//! Where Debian packages come from: configured mirrors, the host's apt sources, a snapshot archive.

use url::Url;

use super::secret::IndexUrl;
use super::surroundings::Surroundings;
use super::{FetchError, apt};

/// What the configuration says of mirrors.
#[derive(Debug, Clone, Default)]
pub struct MirrorSettings {
    /// Mirrors of the archive `debian`.
    pub mirrors: Vec<String>,
    /// Mirrors of the archive `debian-security`.
    pub security_mirrors: Vec<String>,
    /// A snapshot archive, with `{archive}` and `{timestamp}` (`20240102T030405Z`) to be replaced.
    pub snapshot: Option<String>,
}

/// Base URLs of Debian's archives, each in the order in which they are tried. A base serves all suites.
#[derive(Debug, Clone)]
pub struct DebianMirrors {
    debian: Vec<IndexUrl>,
    security: Vec<IndexUrl>,
    snapshot: Option<String>,
    skipped: Vec<String>,
}

impl DebianMirrors {
    /// The configured mirrors, then those of the host's apt sources, then the configured snapshot archive.
    ///
    /// # Errors
    /// A configured URL or a file cannot be understood.
    pub fn load(settings: &MirrorSettings, from: &Surroundings) -> Result<Self, FetchError> {
        let configured = |list: &[String], key: &str| {
            list.iter()
                .map(|text| IndexUrl::parse(text, &format!("[debian] {key}")))
                .collect::<Result<Vec<_>, _>>()
        };
        let mut mirrors = Self {
            debian: configured(&settings.mirrors, "mirrors")?,
            security: configured(&settings.security_mirrors, "security-mirrors")?,
            snapshot: settings.snapshot.clone(),
            skipped: Vec::new(),
        };
        if let Some(snapshot) = &settings.snapshot {
            let example = snapshot.replace("{archive}", "debian").replace("{timestamp}", "20240102T030405Z");
            IndexUrl::parse(&example, "[debian] snapshot")?;
        }
        for source in apt::sources(from, &mut mirrors.skipped)? {
            let url = IndexUrl::parse(&source.uri, &source.origin)?;
            let list = if source.archive == "debian" { &mut mirrors.debian } else { &mut mirrors.security };
            if !list.contains(&url) {
                list.push(url);
            }
        }
        Ok(mirrors)
    }

    fn list(&self, archive: &str) -> &[IndexUrl] {
        if archive == "debian" { &self.debian } else { &self.security }
    }

    pub(super) fn every(&self) -> impl Iterator<Item = &IndexUrl> {
        self.debian.iter().chain(&self.security)
    }

    /// Base URLs of mirrors of an archive (`debian` or `debian-security`), each ending in `/`, without credentials.
    ///
    /// # Errors
    /// There is none, nor a snapshot archive.
    pub fn bases(&self, archive: &str) -> Result<Vec<Url>, FetchError> {
        let bases: Vec<Url> = self.list(archive).iter().map(|url| folder(url.bare())).collect();
        if bases.is_empty() && self.snapshot.is_none() {
            let skipped = self.skipped.clone();
            return Err(FetchError::NoMirror { archive: archive.to_owned(), skipped });
        }
        Ok(bases)
    }

    /// The base URL of the snapshot archive, if one is configured, for the archive as it was at `date` (RFC 3339, UTC).
    #[must_use]
    pub fn snapshot_base(&self, archive: &str, date: &str) -> Option<Url> {
        let timestamp: String = date.chars().filter(|letter| !matches!(letter, '-' | ':')).collect();
        let text = self.snapshot.as_ref()?.replace("{archive}", archive).replace("{timestamp}", &timestamp);
        Url::parse(&text).ok().map(folder)
    }
}

/// With a `/` at its end, so that relative URLs are joined below it.
pub(super) fn folder(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::test_surroundings;
    use super::*;
    use crate::error::{Blame, Fault};

    #[test]
    fn configured_mirrors_come_first_and_a_host_without_any_is_told_the_key() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(temp.path().join("etc/apt")).unwrap();
        std::fs::write(
            temp.path().join("etc/apt/sources.list"),
            "deb http://host.example/debian trixie main\ndeb cdrom:[x]/ bookworm main\n",
        )
        .unwrap();
        let settings = MirrorSettings {
            mirrors: vec!["https://near.example/debian/".to_owned()],
            snapshot: Some("https://old.example/archive/{archive}/{timestamp}".to_owned()),
            ..MirrorSettings::default()
        };
        let from = test_surroundings(temp.path(), &[]);
        let mirrors = DebianMirrors::load(&settings, &from).unwrap();
        let bases: Vec<String> = mirrors.bases("debian").unwrap().iter().map(Url::to_string).collect();
        assert_eq!(bases, ["https://near.example/debian/", "http://host.example/debian/"]);
        let base = mirrors.snapshot_base("debian", "2024-01-02T03:04:05Z").unwrap();
        assert_eq!(base.as_str(), "https://old.example/archive/debian/20240102T030405Z/");
        let none = DebianMirrors::load(&MirrorSettings::default(), &from).unwrap();
        let error = none.bases("debian-security").unwrap_err();
        assert_eq!(error.blame(), Blame::User);
        assert!(error.hints()[0].contains("security-mirrors"), "{:?}", error.hints());
    }
}
