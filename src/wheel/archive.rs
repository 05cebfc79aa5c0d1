//! A wheel, opened: its members with the places they are installed to, each checked against RECORD.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use zip::ZipArchive;

use super::headers::{self, EntryPoint, Metadata};
use super::{WheelError, WheelName, record};
use crate::digest::Sha256;

/// Bytes that one wheel may hold, unpacked.
const LIMIT: u64 = 8 << 30;

/// An opened wheel whose structure was checked: one `.dist-info`, safe and unique names, all of them in RECORD.
pub struct Archive<R> {
    name: WheelName,
    zip: ZipArchive<R>,
    members: Vec<Member>,
    entry_points: Vec<EntryPoint>,
    dist_info: String,
    file: String,
}

/// One file of a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Name in the archive.
    pub path: String,
    /// Where it goes.
    pub place: Place,
    /// Its digest as RECORD says.
    pub sha256: Sha256,
    /// Whether the archive marks it as a program.
    pub executable: bool,
    index: usize,
}

/// Where a member goes: the installation schemes of a wheel, with the rest of the path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Beside the modules (`purelib`, `platlib`: one folder here).
    Site(String),
    /// A program.
    Script(String),
    /// A C header.
    Header(String),
    /// Below the root of the environment.
    Data(String),
}

impl<R: Read + Seek> Archive<R> {
    /// Opens the wheel of this file name.
    ///
    /// # Errors
    /// It is no wheel of version 1.x, holds unsafe, repeated or unrecorded members, or contradicts its name.
    pub fn open(file: &str, reader: R) -> Result<Self, WheelError> {
        let name: WheelName = file.parse()?;
        let zip = ZipArchive::new(reader)
            .map_err(|source| WheelError::Archive { file: file.to_owned(), source })?;
        let mut archive = Self {
            name,
            zip,
            members: Vec::new(),
            entry_points: Vec::new(),
            dist_info: String::new(),
            file: file.to_owned(),
        };
        let listed = archive.list()?;
        archive.dist_info = archive.find_dist_info(&listed)?;
        archive.check_version()?;
        archive.match_record(listed)?;
        let path = format!("{}/entry_points.txt", archive.dist_info);
        if let Some(member) = archive.members.iter().find(|member| member.path == path).cloned() {
            let text = archive.read(&member)?;
            archive.entry_points = headers::scripts(file, &String::from_utf8_lossy(&text))?;
        }
        Ok(archive)
    }

    /// The file name.
    pub fn name(&self) -> &WheelName {
        &self.name
    }

    /// Its files, sorted by name in the archive.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The scripts that an installer makes.
    pub fn entry_points(&self) -> &[EntryPoint] {
        &self.entry_points
    }

    /// The name of its `.dist-info` folder.
    pub fn dist_info(&self) -> &str {
        &self.dist_info
    }

    /// The bytes of a member, checked against RECORD.
    ///
    /// # Errors
    /// The archive is broken, or the bytes are not what RECORD says.
    pub fn read(&mut self, member: &Member) -> Result<Vec<u8>, WheelError> {
        let bytes = self.bytes(member.index, &member.path)?;
        let actual = Sha256::of(&bytes);
        if actual != member.sha256 {
            return Err(WheelError::Content {
                file: self.file.clone(),
                member: member.path.clone(),
                expected: member.sha256,
                actual,
            });
        }
        Ok(bytes)
    }

    /// Its metadata (core metadata).
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn metadata(&mut self) -> Result<Metadata, WheelError> {
        self.headers("METADATA")
    }

    fn headers(&mut self, name: &str) -> Result<Metadata, WheelError> {
        let path = format!("{}/{name}", self.dist_info);
        let Some(index) = self.zip.index_for_name(&path) else {
            return Err(self.wrong(&path, "a file", "none"));
        };
        let bytes = self.bytes(index, &path)?;
        Metadata::parse(&self.file, &path, &bytes)
    }

    fn bytes(&mut self, index: usize, path: &str) -> Result<Vec<u8>, WheelError> {
        let file = self.file.clone();
        let member =
            self.zip.by_index(index).map_err(|source| WheelError::Archive { file: file.clone(), source })?;
        let size = member.size();
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(1 << 24)).unwrap_or_default());
        member.take(size.saturating_add(1)).read_to_end(&mut bytes).map_err(|source| WheelError::Read {
            file,
            member: path.to_owned(),
            source,
        })?;
        Ok(bytes)
    }

    /// Every file: name, index, whether it is a program.
    fn list(&mut self) -> Result<BTreeMap<String, (usize, bool)>, WheelError> {
        let mut files = BTreeMap::new();
        let mut folded = BTreeSet::new();
        let mut total = 0_u64;
        for index in 0..self.zip.len() {
            let file = self.file.clone();
            let member =
                self.zip.by_index_raw(index).map_err(|source| WheelError::Archive { file, source })?;
            let raw = String::from_utf8_lossy(member.name_raw()).into_owned();
            let (is_folder, mode) = (member.is_dir(), member.unix_mode().unwrap_or(0));
            total = total.saturating_add(member.size());
            let utf8 = std::str::from_utf8(member.name_raw()).is_ok();
            drop(member);
            let path = raw.strip_suffix('/').unwrap_or(&raw).to_owned();
            let refuse = |why: &str| {
                Err(WheelError::Member { file: self.file.clone(), member: raw.clone(), why: why.to_owned() })
            };
            if !utf8 || path.contains(|c: char| c.is_control() || c == '\\' || c == ':') {
                return refuse("its name holds characters that no wheel needs");
            }
            if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
                return refuse("its name leads out of the wheel");
            }
            if !matches!(mode & 0o170_000, 0 | 0o100_000 | 0o040_000) {
                return refuse("it is a link or a device");
            }
            if total > LIMIT {
                return refuse("the wheel is too large");
            }
            if is_folder {
                continue;
            }
            if !folded.insert(path.to_lowercase()) || files.insert(path, (index, mode & 0o111 != 0)).is_some()
            {
                return refuse("another member has the same name");
            }
        }
        Ok(files)
    }

    fn find_dist_info(&self, files: &BTreeMap<String, (usize, bool)>) -> Result<String, WheelError> {
        let tops: BTreeSet<&str> = files
            .keys()
            .filter_map(|path| path.split_once('/'))
            .map(|(top, _)| top)
            .filter(|top| top.ends_with(".dist-info"))
            .collect();
        let mut tops = tops.into_iter();
        let (Some(top), None) = (tops.next(), tops.next()) else {
            return Err(self.wrong(".dist-info", "one folder", "none or several"));
        };
        let stem = top.strip_suffix(".dist-info").unwrap_or(top);
        let own = stem.split_once('-').filter(|(name, version)| {
            name.parse().is_ok_and(|name: crate::name::PackageName| name == self.name.name)
                && same_version(version, &self.name.version)
        });
        match own {
            Some(_) => Ok(top.to_owned()),
            None => Err(self.wrong(".dist-info", &format!("the one of {}", self.name), top)),
        }
    }

    fn check_version(&mut self) -> Result<(), WheelError> {
        let wheel = self.headers("WHEEL")?;
        let version = wheel.get("Wheel-Version").unwrap_or_default();
        if version.split('.').next() != Some("1") {
            return Err(self.wrong("Wheel-Version", "1.x", version));
        }
        Ok(())
    }

    fn match_record(&mut self, files: BTreeMap<String, (usize, bool)>) -> Result<(), WheelError> {
        let path = format!("{}/RECORD", self.dist_info);
        let Some((index, _)) = files.get(&path) else {
            return Err(self.wrong(&path, "a file", "none"));
        };
        let text = self.bytes(*index, &path)?;
        let mut recorded = record::parse(&self.file, &text)?;
        let signatures = [path.clone(), format!("{path}.jws"), format!("{path}.p7s")];
        for (path, (index, executable)) in files {
            let digest = recorded.remove(&path);
            if signatures.contains(&path) {
                continue;
            }
            let Some(sha256) = digest.flatten() else {
                return Err(self.refused(&path, "RECORD does not have its digest"));
            };
            let place = self.place(&path)?;
            self.members.push(Member { path, place, sha256, executable, index });
        }
        recorded.retain(|path, _| !signatures.contains(path) && !path.ends_with('/'));
        match recorded.into_keys().next() {
            Some(path) => Err(self.refused(&path, "RECORD lists it and it is not there")),
            None => Ok(()),
        }
    }

    /// Where a member goes (binary distribution format, "the .data directory").
    fn place(&self, path: &str) -> Result<Place, WheelError> {
        let Some((top, rest)) = path.split_once('/') else { return Ok(Place::Site(path.to_owned())) };
        let own = self.dist_info.strip_suffix(".dist-info").unwrap_or_default();
        if top.strip_suffix(".data") != Some(own) {
            return Ok(Place::Site(path.to_owned()));
        }
        let (scheme, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let rest = rest.to_owned();
        match scheme {
            _ if rest.is_empty() => Err(self.refused(path, "it is in no installation scheme")),
            "purelib" | "platlib" => Ok(Place::Site(rest)),
            "scripts" if rest.contains('/') => Err(self.refused(path, "scripts are in no folders")),
            "scripts" => Ok(Place::Script(rest)),
            "headers" => Ok(Place::Header(rest)),
            "data" => Ok(Place::Data(rest)),
            _ => Err(self.refused(path, "its installation scheme is unknown")),
        }
    }

    fn refused(&self, member: &str, why: &str) -> WheelError {
        WheelError::Member { file: self.file.clone(), member: member.to_owned(), why: why.to_owned() }
    }

    fn wrong(&self, what: &str, expected: &str, actual: &str) -> WheelError {
        WheelError::Metadata {
            file: self.file.clone(),
            what: what.to_owned(),
            expected: expected.to_owned(),
            actual: format!("{actual:?}"),
        }
    }
}

/// Whether two versions are one, written differently (`1.0+a_b` and `1.0+a.b`).
fn same_version(a: &str, b: &str) -> bool {
    use std::str::FromStr;
    let parse = |text: &str| pep440_rs::Version::from_str(&text.replace('_', "-"));
    a == b || matches!((parse(a), parse(b)), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests;
