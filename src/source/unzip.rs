//! Zip files as sources.

use std::io::{Read as _, Seek};

use gix::bstr::ByteSlice;
use zip::ZipArchive;

use super::archive::{RawKind, Unpacked};
use super::error::SourceError;

/// `S_IFMT` and what it may say, in the upper half of a Unix zip's external attributes.
const TYPE: u32 = 0o170_000;
const LINK: u32 = 0o120_000;
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// Reads every entry in the order of the central directory.
pub(super) fn read(unpacked: &mut Unpacked, reader: impl std::io::Read + Seek) -> Result<(), SourceError> {
    let mut archive = ZipArchive::new(reader).map_err(|error| unpacked.failed(error))?;
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).map_err(|error| unpacked.failed(error))?;
        let name = entry.name_raw().to_vec();
        let Some(path) = unpacked.path(&name)? else { continue };
        let time = entry.last_modified().and_then(seconds).unwrap_or(0);
        let mode = entry.unix_mode().unwrap_or(0);
        let kind = match mode & TYPE {
            _ if name.ends_with(b"/") => RawKind::Folder,
            FOLDER => RawKind::Folder,
            0 | FILE => {
                let (offset, length) = unpacked.bytes(&mut entry)?;
                RawKind::File { executable: mode & 0o111 != 0, offset, length }
            }
            LINK => {
                let mut target = Vec::new();
                let limit = 4096;
                entry
                    .by_ref()
                    .take(limit)
                    .read_to_end(&mut target)
                    .map_err(|error| unpacked.failed(error))?;
                RawKind::Link(target)
            }
            _ => return Err(unpacked.refuse(path.as_bstr(), "it is neither file nor folder nor link")),
        };
        unpacked.push(path, kind, time)?;
    }
    Ok(())
}

/// MS-DOS times have no zone: taken for UTC, so that they are the same everywhere.
fn seconds(time: zip::DateTime) -> Option<i64> {
    let small = |number: u8| i8::try_from(number).ok();
    let date = jiff::civil::DateTime::new(
        i16::try_from(time.year()).ok()?,
        small(time.month())?,
        small(time.day())?,
        small(time.hour())?,
        small(time.minute())?,
        small(time.second())?.min(59),
        0,
    );
    Some(date.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}
