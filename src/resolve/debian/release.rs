//! What a suite's Release file says (Debian repository format), after its signature was verified.

use std::io::Read;

use deb822_fast::borrowed::BorrowedParser;
use jiff::{Timestamp, ToSpan};

use super::DebianError;
use crate::digest::Sha256;

/// The fields of a Release that matter here.
#[derive(Debug)]
pub(super) struct Release {
    names: Vec<String>,
    /// When the archive wrote it.
    pub(super) date: Timestamp,
    valid_until: Option<Timestamp>,
    /// Whether files are also served under the name of their digest, so that an update does not race.
    pub(super) by_hash: bool,
    files: Vec<ReleaseFile>,
}

/// A file below a suite's folder.
#[derive(Debug, Clone)]
pub(super) struct ReleaseFile {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) sha256: Sha256,
}

impl Release {
    /// Reads a Release.
    pub(super) fn parse(suite: &str, text: &str) -> Result<Self, DebianError> {
        let wrong = |reason: String| DebianError::Release { suite: suite.to_owned(), reason };
        let paragraphs = BorrowedParser::new(text).parse_all().map_err(|error| wrong(error.to_string()))?;
        let [paragraph] = paragraphs.as_slice() else {
            return Err(wrong(format!("expected one paragraph, got {}", paragraphs.len())));
        };
        let date =
            |field: &str| paragraph.get_single(field).map(|text| parse_date(text).ok_or(text)).transpose();
        let bad_date = |text: &str| wrong(format!("not a date in UTC: {text:?}"));
        let mut files = Vec::new();
        for line in paragraph.get("SHA256").unwrap_or_default() {
            let mut parts = line.split_ascii_whitespace();
            let (Some(sha256), Some(size), Some(path), None) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                if line.trim().is_empty() {
                    continue;
                }
                return Err(wrong(format!("not a digest, a size and a path: {line:?}")));
            };
            // Only these are ever asked for; the other thousands are not worth their parsing.
            if !path.contains("/Packages") {
                continue;
            }
            files.push(ReleaseFile {
                path: path.to_owned(),
                size: size.parse().map_err(|_| wrong(format!("not a size: {size:?}")))?,
                sha256: sha256.parse().map_err(|error| wrong(format!("{path}: {error}")))?,
            });
        }
        let names = ["Codename", "Suite"].iter().filter_map(|field| paragraph.get_single(field));
        Ok(Self {
            names: names.map(str::to_owned).collect(),
            date: date("Date").map_err(bad_date)?.ok_or_else(|| wrong("it has no Date".to_owned()))?,
            valid_until: date("Valid-Until").map_err(bad_date)?,
            by_hash: paragraph.get_single("Acquire-By-Hash") == Some("yes"),
            files,
        })
    }

    /// Whether it is the Release of `suite`, and valid at `now`.
    pub(super) fn check(&self, suite: &str, now: Timestamp) -> Result<(), DebianError> {
        if !self.names.iter().any(|name| name == suite) {
            return Err(DebianError::OtherSuite { suite: suite.to_owned(), actual: self.names.join(", ") });
        }
        let expired = |what, limit| Err(DebianError::Expired { suite: suite.to_owned(), what, limit, now });
        if self.date > now.saturating_add(24.hours()).unwrap_or(now) {
            return expired("is dated", self.date);
        }
        match self.valid_until {
            Some(limit) if limit <= now => expired("was valid until", limit),
            Some(_) | None => Ok(()),
        }
    }

    /// The entry of a file.
    pub(super) fn file(&self, suite: &str, path: &str) -> Result<ReleaseFile, DebianError> {
        self.files.iter().find(|file| file.path == path).cloned().ok_or_else(|| DebianError::Release {
            suite: suite.to_owned(),
            reason: format!("it names no sha256 of {path}"),
        })
    }
}

/// `Sat, 21 Nov 2026 00:53:02 UTC`, as apt accepts it.
fn parse_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let text = ["UTC", "GMT", "+0000", "Z"].iter().find_map(|zone| text.strip_suffix(zone))?;
    let (_, text) = text.split_once(',')?;
    let date = jiff::civil::DateTime::strptime("%d %b %Y %H:%M:%S", text.trim()).ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// Unpacks an `.xz` file whose content must have exactly `size` bytes.
pub(super) fn unpack_xz(suite: &str, path: &str, packed: &[u8], size: u64) -> Result<Vec<u8>, DebianError> {
    let wrong = |reason: String| DebianError::Packages { suite: suite.to_owned(), reason };
    let mut text = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    liblzma::read::XzDecoder::new(packed)
        .take(size + 1)
        .read_to_end(&mut text)
        .map_err(|error| wrong(format!("cannot unpack {path}: {error}")))?;
    if text.len() as u64 != size {
        return Err(wrong(format!(
            "{path} unpacks to another size than the Release says: expected {size} bytes"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Suite: oldstable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n\
        Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\nSHA256:\n \
        ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3 main/binary-amd64/Packages\n";

    #[test]
    fn release_is_valid_for_its_suite_and_its_time_only() {
        let release = Release::parse("bookworm", TEXT).unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(release.by_hash);
        assert_eq!(release.file("bookworm", "main/binary-amd64/Packages").unwrap().size, 3);
        assert!(release.file("bookworm", "main/binary-arm64/Packages").is_err());
        release.check("bookworm", at("2026-07-12T00:00:00Z")).unwrap();
        release.check("oldstable", at("2026-07-12T00:00:00Z")).unwrap();
        let other = release.check("trixie", at("2026-07-12T00:00:00Z")).unwrap_err();
        assert_eq!(other.to_string(), "suite trixie: the Release names another suite: bookworm, oldstable");
        let late = release.check("bookworm", at("2026-07-19T00:00:00Z")).unwrap_err();
        assert_eq!(
            late.to_string(),
            "suite bookworm: its Release was valid until 2026-07-18T10:16:37Z, and it is 2026-07-19T00:00:00Z"
        );
        assert!(release.check("bookworm", at("2026-07-01T00:00:00Z")).is_err());
    }

    #[test]
    fn dates_are_in_utc() {
        assert_eq!(parse_date("Sat, 11 Jul 2026 10:16:37 UTC").unwrap().to_string(), "2026-07-11T10:16:37Z");
        assert_eq!(parse_date("Sat, 11 Jul 2026 10:16:37 CEST"), None);
        assert_eq!(parse_date("tomorrow"), None);
    }
}
