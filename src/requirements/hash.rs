//! Hashes and links, as lock files write them.

use percent_encoding::percent_decode_str;
use url::Url;

use super::{Format, KnownFile, Place, RequirementsError};
use crate::digest::Sha256;

/// Hash algorithms that tools write; anything else is a typing error.
const ALGORITHMS: [&str; 11] = [
    "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b",
    "blake2s",
];

/// The sha256 digests of a list in the form `ALGORITHM:DIGEST`, sorted; `what` and `at` are for messages.
///
/// # Errors
/// There is none, or one is malformed. Digests by other algorithms are passed over beside a sha256.
pub(super) fn acceptable<'t>(
    hashes: impl IntoIterator<Item = &'t str>,
    format: Format,
    what: &str,
    at: &Place,
) -> Result<Vec<Sha256>, RequirementsError> {
    let mut found = Vec::new();
    let mut others: Vec<&str> = Vec::new();
    for text in hashes {
        let bad = || RequirementsError::BadHash {
            at: at.clone(),
            format,
            what: what.to_owned(),
            text: text.chars().take(200).collect(),
        };
        let (algorithm, digest) = text.split_once(':').ok_or_else(bad)?;
        if algorithm == "sha256" {
            found.push(digest.parse().map_err(|_| bad())?);
        } else if ALGORITHMS.contains(&algorithm) && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            others.push(algorithm);
        } else {
            return Err(bad());
        }
    }
    found.sort_unstable();
    found.dedup();
    others.sort_unstable();
    others.dedup();
    let (at, what) = (at.clone(), what.to_owned());
    match (found.is_empty(), others.is_empty()) {
        (false, _) => Ok(found),
        (true, true) => Err(RequirementsError::NoHash { at, format, what }),
        (true, false) => {
            Err(RequirementsError::OtherHash { at, format, what, algorithms: others.join(" and ") })
        }
    }
}

/// The digests of files, sorted.
pub(super) fn of_files(files: &[KnownFile]) -> Vec<Sha256> {
    let mut hashes: Vec<Sha256> = files.iter().map(|file| file.sha256).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// A URL of a web server or of a file, without credentials and fragment; nothing else is a hint for fetching.
pub(super) fn link(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "file"))?;
    url.set_fragment(None);
    if url.has_host() {
        url.set_username("").ok();
        url.set_password(None).ok();
    }
    Some(url)
}

/// A text as it may be shown: whatever is written between `://` and `@` in it is left out.
pub(super) fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let host = after.find(|c: char| c == '/' || c.is_whitespace()).unwrap_or(after.len());
        rest = after[..host].rfind('@').map_or(after, |at| &after[at + 1..]);
    }
    shown.push_str(rest);
    shown.chars().take(200).collect()
}

/// The last part of a URL's or a path's path, decoded.
pub(super) fn file_name(link: &str) -> Option<String> {
    let last = match Url::parse(link) {
        Ok(url) => url.path_segments()?.next_back()?.to_owned(),
        Err(_) => link.rsplit(['/', '\\']).next()?.to_owned(),
    };
    let name = percent_decode_str(&last).decode_utf8().ok()?.into_owned();
    is_file_name(&name).then_some(name)
}

/// What can be the name of a wheel or an sdist, and never a path.
pub(super) fn is_file_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b".+-_~!".contains(&byte);
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && name.bytes().all(good)
}
