//! The end of a zip archive: where its directory is (APPNOTE 4.3.14 to 4.3.16).

use super::super::data::Data;
use super::super::walk::{Broken, Spot, unreadable};
use super::directory::{Fields, damaged};

const END: u64 = 22;
const LOCATOR: u64 = 20;

/// Where the directory is, and what the records behind it say.
pub(super) struct End {
    pub(super) comment: Vec<u8>,
    pub(super) count: u64,
    /// Where the directory begins, in the file.
    pub(super) start: u64,
    /// Where it ends: the first byte of the records behind it.
    pub(super) stop: u64,
    /// Bytes before the archive: a program that unpacks itself.
    pub(super) shift: u64,
    /// What the records are, for people.
    pub(super) form: String,
}

impl End {
    pub(super) fn read(spot: &Spot, data: &Data) -> Result<Self, Broken> {
        let unreadable = || unreadable(spot);
        let most = data.len().min(END + u64::from(u16::MAX));
        let tail = data.from(data.len() - most).ok_or_else(|| damaged("it is too short"))?;
        let tail_bytes = tail.bytes().map_err(unreadable())?;
        let end = (0..tail_bytes.len().saturating_sub(21)).rev().find(|at| {
            let rest = &tail_bytes[*at..];
            let comment = usize::from(u16::from_le_bytes([rest[20], rest[21]]));
            rest.starts_with(b"PK\x05\x06") && rest.len() == 22 + comment
        });
        let Some(end) = end else { return Err(damaged("it has no end record")) };
        let at = data.len() - most + end as u64;
        let mut fields = Fields(&tail_bytes[end + 4..]);
        let (disk, first, here, count) = (fields.u16()?, fields.u16()?, fields.u16()?, fields.u16()?);
        let (size, offset) = (fields.u32()?, fields.u32()?);
        let comment = tail_bytes[end + 22..].to_vec();
        let mut directory = Self {
            comment,
            count: count.into(),
            start: 0,
            stop: at,
            shift: 0,
            form: format!("version 2, disk {disk}"),
        };
        let (mut size, mut offset) = (u64::from(size), u64::from(offset));
        let large = count == u16::MAX || size == u64::from(u32::MAX) || offset == u64::from(u32::MAX);
        let locator =
            at.checked_sub(LOCATOR).map(|at| data.take::<20>(at)).transpose().map_err(unreadable())?;
        let locator = locator.flatten().filter(|bytes| bytes.starts_with(b"PK\x06\x07"));
        if let Some(locator) = locator {
            let mut fields = Fields(&locator[4..]);
            let (disk, record, disks) = (fields.u32()?, fields.u64()?, fields.u32()?);
            // The record lies right before the locator; bytes before the archive move both.
            let place = (at - LOCATOR).checked_sub(56).ok_or_else(|| damaged("its end record is cut off"))?;
            let bytes = data.take::<56>(place).map_err(unreadable())?;
            let bytes = bytes.filter(|bytes| bytes.starts_with(b"PK\x06\x06") && record <= place);
            let bytes = bytes.ok_or_else(|| damaged("its zip64 end record is not where it should be"))?;
            let mut fields = Fields(&bytes[4..]);
            let (length, made, needed) = (fields.u64()?, fields.u16()?, fields.u16()?);
            let (own, start) = (fields.u32()?, fields.u32()?);
            let (here, all) = (fields.u64()?, fields.u64()?);
            let (size64, offset64) = (fields.u64()?, fields.u64()?);
            if length != 44 || disk != 0 || disks > 1 || own != 0 || start != 0 || here != all {
                return Err(damaged("its zip64 end record is not one of a single file"));
            }
            for (small, big) in [(u64::from(count), all), (size, size64), (offset, offset64)] {
                if small != big && small != u64::from(u16::MAX) && small != u64::from(u32::MAX) {
                    return Err(damaged("its end records contradict each other"));
                }
            }
            (directory.count, size, offset) = (all, size64, offset64);
            directory.stop = place;
            directory.shift = place - record;
            directory.form = format!("zip64, made {made}, needed {needed}");
        } else if large {
            return Err(damaged("its zip64 end record is missing"));
        }
        if disk != 0 || first != 0 || here != count {
            return Err(damaged("it is one of several parts"));
        }
        let start = directory.stop.checked_sub(size).ok_or_else(|| damaged("its directory is cut off"))?;
        let shift =
            start.checked_sub(offset).ok_or_else(|| damaged("its directory is not where it should be"))?;
        if directory.form.starts_with("zip64") && shift != directory.shift {
            return Err(damaged("its end records contradict each other"));
        }
        Ok(Self { start, shift, ..directory })
    }
}
