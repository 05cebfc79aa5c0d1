//! One requirement: a name with versions, or a URL.

use std::str::FromStr;

use pep440_rs::VersionSpecifiers;
use url::Url;

use super::{Place, RequirementsError, broken, refused};
use crate::name::{NameError, PackageName};
use crate::requirements::choose::stems;
use crate::requirements::error::Unlockable;
use crate::requirements::hash;
use crate::requirements::marker::plain;
use crate::wheel::WheelName;

/// What is required.
pub(super) enum What {
    /// From an index.
    Named { name: PackageName, specifiers: VersionSpecifiers },
    /// From a URL.
    Direct(Direct),
}

/// A file by its URL.
#[derive(Debug, Clone)]
pub(super) struct Direct {
    pub(super) name: PackageName,
    pub(super) version: String,
    pub(super) file: String,
    /// Without credentials and fragment.
    pub(super) url: Url,
    /// `ALGORITHM:DIGEST` of the fragment.
    pub(super) hash: Option<String>,
}

/// Splits the marker off: after a `;`, and after a URL after a space and a `;` (a URL may hold one).
pub(super) fn split_marker(text: &str) -> (&str, Option<&str>) {
    let end = if text.contains("://") {
        text.match_indices(';').map(|(at, _)| at).find(|at| text[..*at].ends_with(char::is_whitespace))
    } else {
        text.find(';')
    };
    match end {
        Some(end) => (text[..end].trim(), Some(text[end + 1..].trim())),
        None => (text.trim(), None),
    }
}

/// Reads a requirement without its marker.
pub(super) fn parse(text: &str, at: &Place) -> Result<What, RequirementsError> {
    let shown = hash::without_secrets(text);
    if !text.is_ascii() || text.len() > 4096 {
        return Err(broken(at, format!("{shown:?} is no requirement: expected ASCII")));
    }
    let unlockable = |kind| RequirementsError::Unlockable { at: at.clone(), what: shown.clone(), kind };
    let (name, place) = match text.split_once('@') {
        Some((name, place)) if !name.contains("://") && !name.contains('/') => {
            (Some(name.trim()), place.trim())
        }
        _ => (None, text),
    };
    let scheme = place.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https") => return direct(name, place, at).map(What::Direct),
        Some("file") => return Err(unlockable(Unlockable::File)),
        Some(scheme)
            if ["git", "hg", "svn", "bzr"].iter().any(|tool| scheme.split('+').next() == Some(tool)) =>
        {
            return Err(unlockable(Unlockable::Repository));
        }
        _ => {}
    }
    let archive = [".whl", ".tar.gz", ".zip"].iter().any(|end| text.ends_with(end));
    if archive {
        return Err(unlockable(Unlockable::File));
    }
    if name.is_some() || text.starts_with(['.', '/', '~']) || text.contains(['/', '\\']) {
        return Err(unlockable(Unlockable::Folder));
    }
    named(text).map_err(|problem| broken(at, format!("{shown:?} is no requirement: {problem}")))
}

/// Reads `NAME[EXTRAS] VERSIONS` (dependency specifiers). Crate `pep508_rs` panics on `name-`, so only versions are
/// left to a crate; extras are checked and passed over, since a lock names what they need itself.
fn named(text: &str) -> Result<What, String> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(text.len());
    if end == 0 {
        return Err("expected a name first".to_owned());
    }
    let name: PackageName = text[..end].parse().map_err(|error: NameError| error.to_string())?;
    let mut rest = text[end..].trim();
    if let Some(extras) = rest.strip_prefix('[') {
        let (extras, after) = extras.split_once(']').ok_or("`[` is not closed")?;
        for extra in extras.split(',').map(str::trim).filter(|extra| !extra.is_empty()) {
            extra.parse::<PackageName>().map_err(|error| error.to_string())?;
        }
        rest = after.trim();
    }
    let versions = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
    let specifiers = VersionSpecifiers::from_str(versions).map_err(|error| {
        // The first line says what, the others show where.
        let said = error.to_string();
        let first = said.lines().next().unwrap_or_default().trim_end_matches(':');
        plain(first.strip_prefix("Failed to parse version: ").unwrap_or(first))
    })?;
    Ok(What::Named { name, specifiers })
}

/// Reads a URL of a wheel or an sdist: its file name says name and version.
fn direct(name: Option<&str>, text: &str, at: &Place) -> Result<Direct, RequirementsError> {
    let text = text.split_whitespace().next().unwrap_or_default();
    let parsed = Url::parse(text).ok();
    let (Some(url), Some(parsed)) = (hash::link(text), parsed) else {
        return Err(broken(at, "a URL that is none".to_owned()));
    };
    let mut digest = None;
    for part in parsed.fragment().unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("egg", _)) => {}
            Some(("subdirectory", folder)) => {
                return Err(refused(
                    at,
                    format!("#subdirectory={folder}"),
                    "an archive is built as a whole",
                    "name an archive that holds the project alone",
                ));
            }
            Some((algorithm, value)) => digest = Some(format!("{algorithm}:{value}")),
            None => return Err(broken(at, format!("#{part} in {url}, expected #sha256=DIGEST"))),
        }
    }
    let file = hash::file_name(url.as_str()).unwrap_or_default();
    let wanted = name.map(|name| name.split('[').next().unwrap_or_default().trim().parse::<PackageName>());
    let wanted = wanted.transpose().map_err(|error| broken(at, error.to_string()))?;
    let (found, version) = read_name(&file, wanted.as_ref()).ok_or_else(|| {
        refused(
            at,
            url.to_string(),
            "its file name says no name and version",
            "name a wheel, or an sdist that is called NAME-VERSION.tar.gz",
        )
    })?;
    if let Some(wanted) = wanted
        && wanted != found
    {
        return Err(broken(at, format!("{url} holds {found}, expected {wanted}")));
    }
    Ok(Direct { name: found, version, file, url, hash: digest })
}

/// Name and version of a wheel or sdist. An sdist's may be read in several ways: the wanted name decides.
fn read_name(file: &str, wanted: Option<&PackageName>) -> Option<(PackageName, String)> {
    if let Ok(wheel) = file.parse::<WheelName>() {
        let version = wheel.version.replace('_', "-");
        version.parse::<pep440_rs::Version>().ok()?;
        return Some((wheel.name, version));
    }
    let stem = file.strip_suffix(".tar.gz").or_else(|| file.strip_suffix(".zip"))?;
    let mut readings: Vec<(PackageName, &str)> = stems(stem).collect();
    if let Some(wanted) = wanted
        && readings.iter().any(|(name, _)| name == wanted)
    {
        readings.retain(|(name, _)| name == wanted);
    }
    let (name, version) = readings.into_iter().next()?;
    Some((name, version.to_owned()))
}
