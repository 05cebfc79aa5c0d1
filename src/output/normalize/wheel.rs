//! `wheel-zip` and `archive-zip`: a zip container, rewritten around its compressed bytes.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use zip::{CompressionMethod, ZipArchive};

use super::super::ArchiveError;
use super::Problem;
use super::zipfile::{DosTime, Entry, ZipWriter};

/// Opens a wheel or another zip (`format` is for messages), if all readers of zip see the same in it.
pub(in crate::output) fn open<R: Read + Seek>(
    reader: R,
    format: &'static str,
) -> Result<ZipArchive<R>, ArchiveError> {
    let broken = |error: &dyn ToString| self::broken(format, error);
    let mut archive = ZipArchive::new(reader).map_err(|error| broken(&error))?;
    if archive.offset() != 0 {
        return Err(broken(&"something is before the archive"));
    }
    // Duplicates, overlaps, members that only one of both directories names, headers that disagree.
    archive.validate_header_consistency().map_err(|error| broken(&error))?;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| broken(&error))?;
        let name = entry.name_raw();
        if entry.encrypted() {
            return Err(member(name, "is encrypted"));
        }
        if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(member(name, "is compressed by another method than stored and deflate"));
        }
        if entry.is_symlink() {
            return Err(member(name, "is a symbolic link"));
        }
        if let Some(why) = bad_path(name) {
            return Err(member(name, why));
        }
        if name.ends_with(b"/") && entry.size() != 0 {
            return Err(member(name, "has content, though it is a folder"));
        }
    }
    Ok(archive)
}

fn bad_path(name: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(name) else { return Some("has a name that is no UTF-8") };
    let mut parts = text.strip_suffix('/').unwrap_or(text).split('/');
    if text.contains(['\\', '\0']) {
        return Some("has a backslash or a NUL in its name");
    }
    if text.starts_with('/') {
        return Some("is an absolute path");
    }
    parts.any(|part| matches!(part, "" | "." | "..")).then_some("is a path with empty parts, '.' or '..'")
}

/// How members are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// `.dist-info` after all and its RECORD last, as the binary distribution format recommends.
    Wheel,
    /// By name.
    Name,
}

impl Order {
    fn format(self) -> &'static str {
        match self {
            Self::Wheel => "wheel",
            Self::Name => "zip",
        }
    }

    fn rank(self, name: &[u8]) -> u8 {
        match self {
            Self::Wheel => rank(name),
            Self::Name => 0,
        }
    }
}

/// Writes the archive anew, sorted.
pub(super) fn normalize(file: &mut File, by: Order, epoch: i64, to: &mut impl Write) -> Result<(), Problem> {
    let broken = |error: &dyn ToString| self::broken(by.format(), error);
    file.seek(SeekFrom::Start(0))?;
    let mut archive = open(BufReader::with_capacity(64 * 1024, file), by.format())?;
    let mut order = Vec::with_capacity(archive.len());
    for (index, name) in archive.file_names_raw().enumerate() {
        order.push((by.rank(name), name.to_owned(), index));
    }
    order.sort();
    let mut writer = ZipWriter::new(to, DosTime::from_epoch(epoch));
    for (_, name, index) in order {
        let mut member = archive.by_index_raw(index).map_err(|error| broken(&error))?;
        let executable = member.unix_mode().is_some_and(|mode| mode & 0o100 != 0);
        let mode = if name.ends_with(b"/") {
            0o040_755
        } else if executable {
            0o100_755
        } else {
            0o100_644
        };
        let method = if member.compression() == CompressionMethod::Stored { 0 } else { 8 };
        let (crc32, compressed, size) = (member.crc32(), member.compressed_size(), member.size());
        writer.header(&Entry { name, method, crc32, compressed, size, mode })?;
        let copied = io::copy(&mut member, &mut writer.inner)?;
        if copied != compressed {
            return Err(broken(&"ends within a member").into());
        }
    }
    writer.finish()?;
    Ok(())
}

/// The place of a member: 0 for the package, 1 for `.dist-info`, 2 for RECORD.
fn rank(name: &[u8]) -> u8 {
    let folder = name.split(|byte| *byte == b'/').next().unwrap_or_default();
    if !folder.ends_with(b".dist-info") || folder.len() == name.len() {
        0
    } else if name.ends_with(b"/RECORD") {
        2
    } else {
        1
    }
}

fn member(name: &[u8], why: &'static str) -> ArchiveError {
    let text = String::from_utf8_lossy(name);
    ArchiveError::Member { member: text.chars().take(120).collect(), why }
}

pub(in crate::output) fn broken(format: &'static str, error: &(impl ToString + ?Sized)) -> ArchiveError {
    let why = error.to_string().chars().take(200).collect();
    ArchiveError::Broken { format, why }
}
