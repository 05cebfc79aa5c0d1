//! What a published wheel says of how it was made: its generator, and the times of its members.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{RebuildError, file_name};
use crate::digest::Sha256;
use crate::wheel::WheelName;

/// A wheel that somebody published.
pub(super) struct Published {
    pub(super) name: WheelName,
    pub(super) sha256: Sha256,
    /// Requirements that its words come to.
    pub(super) pins: Vec<String>,
    /// The one time that all members have, if they have one.
    pub(super) epoch: Option<i64>,
}

/// Bytes of `WHEEL` that are read.
const LIMIT: u64 = 1 << 20;

impl Published {
    pub(super) fn read(path: &Path) -> Result<Self, RebuildError> {
        let read = |source| RebuildError::Read { path: path.to_owned(), source };
        let form = |what: String| RebuildError::NoWheel { path: path.to_owned(), what };
        let name = file_name(path).parse::<WheelName>().map_err(|error| form(error.to_string()))?;
        let sha256 = File::open(path).and_then(Sha256::of_reader).map_err(read)?.0;
        let file = BufReader::new(File::open(path).map_err(read)?);
        let mut archive = zip::ZipArchive::new(file).map_err(|error| form(error.to_string()))?;
        let (mut times, mut generators) = (Vec::new(), Vec::new());
        for index in 0..archive.len() {
            let member = archive.by_index(index).map_err(|error| form(error.to_string()))?;
            times.push(member.last_modified().and_then(seconds));
            let name = member.name().map(std::borrow::Cow::into_owned).unwrap_or_default();
            let is_header = name
                .split_once('/')
                .is_some_and(|(folder, rest)| folder.ends_with(".dist-info") && rest == "WHEEL");
            if is_header {
                let mut text = String::new();
                member.take(LIMIT).read_to_string(&mut text).map_err(read)?;
                let said = text.lines().filter_map(|line| line.strip_prefix("Generator:"));
                generators.extend(said.map(|text| text.trim().to_owned()));
            }
        }
        let first = times.first().copied().flatten();
        let epoch = first.filter(|_| times.iter().all(|time| *time == first));
        let pins = generators.iter().flat_map(|text| pins(text)).collect();
        Ok(Self { name, sha256, pins, epoch })
    }
}

/// A time of a zip's member, which names no zone: taken as UTC, as every box has it.
fn seconds(time: zip::DateTime) -> Option<i64> {
    let narrow = |number: u8| i8::try_from(number).ok();
    let time = DateTime::new(
        i16::try_from(time.year()).ok()?,
        narrow(time.month())?,
        narrow(time.day())?,
        narrow(time.hour())?,
        narrow(time.minute())?,
        narrow(time.second())?,
        0,
    );
    Some(time.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// Names that generators have for themselves where their distribution has another.
const NAMES: [(&str, &str); 4] =
    [("bdist_wheel", "wheel"), ("flit", "flit-core"), ("uv", "uv-build"), ("meson", "meson-python")];

/// The requirements that a generator's name and version come to: `NAME VERSION` or `NAME (VERSION)`.
fn pins(generator: &str) -> Vec<String> {
    let mut words = generator.split_whitespace();
    let (Some(name), Some(version)) = (words.next(), words.next()) else { return Vec::new() };
    let version = version.trim_start_matches('(').trim_end_matches(')');
    // What cannot be asked of an index is not asked: versions of a checkout, and what is no version.
    let usable = version.parse::<pep440_rs::Version>().is_ok_and(|version| version.local().is_empty());
    let known = NAMES.iter().find(|(known, _)| *known == name).map_or(name, |(_, distribution)| distribution);
    let Some(known) = known.parse::<crate::name::PackageName>().ok().filter(|_| usable) else {
        return Vec::new();
    };
    let mut pins = vec![format!("{known}=={version}")];
    if name == "bdist_wheel" {
        // From that version on setuptools has the command itself and signs with its own name.
        pins.push("setuptools<70.1".to_owned());
    }
    pins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generators_come_to_requirements() {
        for (generator, expected) in [
            ("bdist_wheel (0.37.1)", &["wheel==0.37.1", "setuptools<70.1"][..]),
            ("setuptools (80.9.0)", &["setuptools==80.9.0"]),
            ("hatchling 1.27.0", &["hatchling==1.27.0"]),
            ("flit 3.9.0", &["flit-core==3.9.0"]),
            ("poetry-core 1.9.0", &["poetry-core==1.9.0"]),
            ("pdm-backend (2.4.3)", &["pdm-backend==2.4.3"]),
            ("hatchling 1.0.dev0+gabc", &[]),
            ("by hand", &[]),
            ("", &[]),
        ] {
            assert_eq!(pins(generator), expected, "{generator}");
        }
    }
}
