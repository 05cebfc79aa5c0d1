//! Which file of a pinned version is installed.

use super::{KnownFile, Pin, RequirementsError, hash, pins};
use crate::name::PackageName;
use crate::wheel::{PythonTarget, WheelName};

/// The file that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice<'a> {
    /// A wheel that fits the interpreter.
    Wheel(&'a KnownFile),
    /// No wheel fits: a source distribution, to be built.
    Sdist(&'a KnownFile),
}

impl<'a> Choice<'a> {
    /// The file, whatever it is.
    #[must_use]
    pub fn file(self) -> &'a KnownFile {
        match self {
            Self::Wheel(file) | Self::Sdist(file) => file,
        }
    }
}

/// Chooses among the files of a version (those that the lock file names, or that an index lists): the wheel that fits
/// best, else the sdist (`.tar.gz` before `.zip`). Only files whose digest the pin accepts are looked at.
///
/// # Errors
/// [`RequirementsError::NoFile`] with each file that there is and why it is not taken.
pub fn choose<'a>(
    pin: &Pin,
    files: &'a [KnownFile],
    target: PythonTarget,
) -> Result<Choice<'a>, RequirementsError> {
    let mut wheels: Vec<(WheelName, &KnownFile)> = Vec::new();
    let mut sdists: Vec<(usize, &KnownFile)> = Vec::new();
    let mut refused = Vec::new();
    for file in files {
        let kind = kind(pin, &file.file);
        let why = match kind {
            _ if !pin.hashes.contains(&file.sha256) => "its sha256 is not among the locked ones",
            Kind::Wheel(wheel) if target.fit(&wheel).is_some() => {
                wheels.push((wheel, file));
                continue;
            }
            Kind::Sdist(rank) => {
                sdists.push((rank, file));
                continue;
            }
            Kind::Wheel(_) => "made for another interpreter or platform",
            Kind::Other => "neither a wheel nor an sdist of this version",
        };
        refused.push((file.file.clone(), why));
    }
    let best = target.best(wheels.iter().map(|(wheel, _)| wheel));
    if let Some((_, file)) = wheels.iter().find(|(wheel, _)| Some(wheel) == best) {
        return Ok(Choice::Wheel(file));
    }
    if let Some((_, file)) = sdists.iter().min_by_key(|(rank, file)| (*rank, &file.file)) {
        return Ok(Choice::Sdist(file));
    }
    Err(RequirementsError::NoFile {
        at: pin.at.clone(),
        name: pin.name.to_string(),
        version: pin.version.clone(),
        target: format!(
            "Python {} on {} (glibc {}.{})",
            target.python, target.platform, target.glibc.0, target.glibc.1
        ),
        files: refused,
    })
}

/// What a file name says.
enum Kind {
    Wheel(WheelName),
    Sdist(usize),
    Other,
}

fn kind(pin: &Pin, file: &str) -> Kind {
    if !hash::is_file_name(file) {
        return Kind::Other;
    }
    if let Ok(wheel) = file.parse::<WheelName>() {
        let version = wheel.version.replace('_', "-");
        let same = wheel.name == pin.name && pins::equal(&version, &pin.version);
        return if same { Kind::Wheel(wheel) } else { Kind::Other };
    }
    let sdist = [".tar.gz", ".zip"].iter().enumerate().find_map(|(rank, end)| {
        let stem = file.strip_suffix(end)?;
        stems(stem)
            .any(|(name, version)| name == pin.name && pins::equal(version, &pin.version))
            .then_some(rank)
    });
    sdist.map_or(Kind::Other, Kind::Sdist)
}

/// Every way to read `NAME-VERSION`: older backends write names with `-`, and versions may hold one.
pub(super) fn stems(stem: &str) -> impl Iterator<Item = (PackageName, &str)> {
    stem.match_indices('-').filter_map(|(at, _)| {
        let version = &stem[at + 1..];
        version.parse::<pep440_rs::Version>().ok()?;
        Some((stem[..at].parse().ok()?, version))
    })
}

/// The version that the file name of a wheel or sdist of a distribution says.
pub(super) fn version_of(file: &str, name: &PackageName) -> Option<String> {
    if let Ok(wheel) = file.parse::<WheelName>() {
        return (wheel.name == *name).then(|| wheel.version.replace('_', "-"));
    }
    let stem = file.strip_suffix(".tar.gz").or_else(|| file.strip_suffix(".zip"))?;
    stems(stem).find(|(found, _)| found == name).map(|(_, version)| version.to_owned())
}
