//! What an archive says of itself, compared with its file name and with the project.

use std::fs::File;
use std::io::{BufReader, Read};
use std::str::FromStr;

use mailparse::MailHeaderMap;
use pep440_rs::Version;

use super::normalize::{Top, sdist, wheel};
use super::{ArchiveError, OutputKind, ProjectRules, RefusalReason, SdistName, Stated};
use crate::name::PackageName;
use crate::wheel::WheelName;

/// More bytes than any honest METADATA has: it holds a README.
const LIMIT: u64 = 8 << 20;

/// Name and version as the metadata says, after all comparisons; of a program's archive only that it can be read.
pub(super) fn read(
    file_name: &str,
    kind: OutputKind,
    file: &mut File,
    project: &ProjectRules,
    unpacked_limit: u64,
) -> Result<Option<Stated>, RefusalReason> {
    let (name, version) = match kind {
        OutputKind::Wheel => {
            let parsed: WheelName = file_name.parse().map_err(|_| RefusalReason::WheelName)?;
            // In this form a `-` cannot occur and `_` may stand for it.
            let in_name = Version::from_str(&parsed.version.replace('_', "-"));
            let in_name = in_name.map_err(|_| RefusalReason::WheelName)?;
            let parts: Vec<&str> = file_name.splitn(3, '-').take(2).collect();
            let text = from_wheel(file, &parts.join("-"))?;
            let (name, version) = headers("METADATA", &text)?;
            equal("name", &parsed.name, &name, "METADATA")?;
            same_version(in_name == version.1, &parsed.version, &version.0, "METADATA")?;
            (name, version)
        }
        OutputKind::Sdist => {
            let parsed: SdistName = file_name.parse()?;
            let text = from_sdist(file, &parsed.stem, unpacked_limit)?;
            let (name, version) = headers("PKG-INFO", &text)?;
            let readings: Vec<_> = parsed.readings().collect();
            let of_name: Vec<_> = readings.iter().filter(|(read, _)| *read == name).collect();
            if of_name.is_empty()
                && let Some((read, _)) = readings.first()
            {
                equal("name", read, &name, "PKG-INFO")?;
            }
            if !of_name.iter().any(|(_, read)| *read == version.1)
                && let Some((_, read)) = of_name.first()
            {
                same_version(false, &read.to_string(), &version.0, "PKG-INFO")?;
            }
            (name, version)
        }
        OutputKind::Zip => {
            wheel::open(BufReader::new(file), "zip")?;
            return Ok(None);
        }
        OutputKind::TarGz => {
            sdist::each(file, Top::Any, unpacked_limit, &mut |_, _| Ok(()))?;
            return Ok(None);
        }
        OutputKind::Program => return Ok(None),
    };
    if let Some(expected) = &project.name {
        equal("name", &name, expected, "pyproject.toml")?;
    }
    if let Some(expected) = &project.version {
        let same = expected.parse().is_ok_and(|expected: Version| expected == version.1);
        same_version(same, &version.0, expected, "pyproject.toml")?;
    }
    Ok(Some(Stated { name, version: version.0 }))
}

fn equal(
    field: &'static str,
    actual: &PackageName,
    expected: &PackageName,
    of: &'static str,
) -> Result<(), RefusalReason> {
    if actual == expected {
        return Ok(());
    }
    let (actual, expected) = (actual.to_string(), expected.to_string());
    Err(RefusalReason::Mismatch { field, actual, expected, of })
}

fn same_version(same: bool, actual: &str, expected: &str, of: &'static str) -> Result<(), RefusalReason> {
    if same {
        return Ok(());
    }
    let (actual, expected) = (actual.to_owned(), expected.to_owned());
    Err(RefusalReason::Mismatch { field: "version", actual, expected, of })
}

/// `Name` and `Version` of core metadata (an e-mail header block), the version as written and as understood.
fn headers(file: &'static str, bytes: &[u8]) -> Result<(PackageName, (String, Version)), ArchiveError> {
    let wrong = |why: String| ArchiveError::Metadata { file, why };
    let (headers, _) = mailparse::parse_headers(bytes).map_err(|error| wrong(error.to_string()))?;
    let only = |key: &str| {
        let mut values = headers.get_all_values(key);
        match (values.pop(), values.len()) {
            (Some(value), 0) => Ok(value.trim().to_owned()),
            (_, others) => {
                Err(wrong(format!("expected one {key}, found {}", if others == 0 { 0 } else { others + 1 })))
            }
        }
    };
    let name = PackageName::from_str(&only("Name")?).map_err(|error| wrong(error.to_string()))?;
    let text = only("Version")?;
    let version = text.parse().map_err(|_| wrong(format!("{text:?} is no version (PEP 440)")))?;
    Ok((name, (text, version)))
}

fn from_wheel(file: &mut File, stem: &str) -> Result<Vec<u8>, ArchiveError> {
    let mut archive = wheel::open(BufReader::new(file), "wheel")?;
    let path = format!("{stem}.dist-info/METADATA");
    let mut member = archive.by_name(&path).map_err(|error| match error {
        zip::result::ZipError::FileNotFound => ArchiveError::Lacks(path),
        error => wheel::broken("wheel", &error),
    })?;
    let mut bytes = Vec::new();
    member
        .by_ref()
        .take(LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| wheel::broken("wheel", &error))?;
    small("METADATA", bytes)
}

fn from_sdist(file: &mut File, stem: &str, unpacked_limit: u64) -> Result<Vec<u8>, ArchiveError> {
    let path = format!("{stem}/PKG-INFO");
    let mut found = None;
    sdist::each(file, Top::Folder(stem), unpacked_limit, &mut |member, content| {
        if member.path == path.as_bytes() {
            let mut bytes = Vec::new();
            content
                .take(LIMIT + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| sdist::broken("sdist", &error))?;
            found = Some(bytes);
        }
        Ok(())
    })?;
    small("PKG-INFO", found.ok_or(ArchiveError::Lacks(path))?)
}

fn small(file: &'static str, bytes: Vec<u8>) -> Result<Vec<u8>, ArchiveError> {
    if bytes.len() as u64 > LIMIT {
        return Err(ArchiveError::Metadata { file, why: format!("holds more than {LIMIT} bytes") });
    }
    Ok(bytes)
}
