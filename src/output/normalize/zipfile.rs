//! Writing zip (APPNOTE 6.3.10) around compressed bytes that are there already. Our own few lines and not a
//! library's: the bytes are a promise.

use std::io::{self, Write};

/// A member.
pub(super) struct Entry {
    /// Folders end with `/`.
    pub(super) name: Vec<u8>,
    /// 0 stored, 8 deflated.
    pub(super) method: u16,
    pub(super) crc32: u32,
    pub(super) compressed: u64,
    pub(super) size: u64,
    /// Type and permissions as `st_mode` has them.
    pub(super) mode: u32,
}

/// A point in time as zip writes it: two seconds are its unit, 1980 its beginning.
#[derive(Clone, Copy)]
pub(super) struct DosTime {
    time: u16,
    date: u16,
}

impl DosTime {
    /// From seconds since 1970, in UTC, rounded down; what zip cannot write becomes its first or last second.
    pub(super) fn from_epoch(seconds: i64) -> Self {
        let Ok(time) = jiff::Timestamp::from_second(seconds) else { return Self::FIRST };
        let time = time.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        let year = time.year() - 1980;
        if year < 0 {
            return Self::FIRST;
        }
        if year > 127 {
            return Self::LAST;
        }
        let number = |value: i8| u16::try_from(value).unwrap_or(0);
        let year = u16::try_from(year).unwrap_or(0);
        Self {
            time: (number(time.hour()) << 11) | (number(time.minute()) << 5) | (number(time.second()) / 2),
            date: (year << 9) | (number(time.month()) << 5) | number(time.day()),
        }
    }

    /// 1980-01-01 00:00:00
    const FIRST: Self = Self { time: 0, date: 0x0021 };
    /// 2107-12-31 23:59:58
    const LAST: Self = Self { time: 0xbf7d, date: 0xff9f };
}

/// Writes members, then the directory; the caller writes the compressed bytes after each header.
pub(super) struct ZipWriter<W> {
    pub(super) inner: W,
    time: DosTime,
    position: u64,
    directory: Vec<u8>,
    count: u64,
}

/// From this on a field needs its larger form.
const MAX32: u64 = u32::MAX as u64;
/// Unix, and version 2.0 (folders, deflate) or 4.5 (larger forms) of the format.
const UNIX: u16 = 3 << 8;

impl<W: Write> ZipWriter<W> {
    pub(super) fn new(inner: W, time: DosTime) -> Self {
        Self { inner, time, position: 0, directory: Vec::new(), count: 0 }
    }

    pub(super) fn header(&mut self, entry: &Entry) -> io::Result<()> {
        let large = entry.size >= MAX32 || entry.compressed >= MAX32;
        let offset = self.position;

        let mut local = Vec::with_capacity(64 + entry.name.len());
        let mut extra = Vec::new();
        if large {
            extra.extend([1, 0, 16, 0]);
            extra.extend(entry.size.to_le_bytes());
            extra.extend(entry.compressed.to_le_bytes());
        }
        local.extend(b"PK\x03\x04");
        self.common(&mut local, entry, large, extra.len())?;
        local.extend(&entry.name);
        local.extend(&extra);

        let mut extra = Vec::new();
        if large {
            extra.extend(entry.size.to_le_bytes());
            extra.extend(entry.compressed.to_le_bytes());
        }
        if offset >= MAX32 {
            extra.extend(offset.to_le_bytes());
        }
        if !extra.is_empty() {
            let length = u16::try_from(extra.len()).unwrap_or(0);
            extra.splice(0..0, [[1, 0], length.to_le_bytes()].concat());
        }
        let mut central = Vec::with_capacity(64 + entry.name.len());
        let large = large || offset >= MAX32;
        central.extend(b"PK\x01\x02");
        central.extend((UNIX | version(large)).to_le_bytes());
        self.common(&mut central, entry, entry.size >= MAX32 || entry.compressed >= MAX32, extra.len())?;
        // Comment, disk, internal attributes.
        central.extend([0; 6]);
        let folder = if entry.name.ends_with(b"/") { 0x10 } else { 0 };
        central.extend(((entry.mode << 16) | folder).to_le_bytes());
        central.extend(short(offset).to_le_bytes());
        central.extend(&entry.name);
        central.extend(&extra);

        self.inner.write_all(&local)?;
        self.position += local.len() as u64 + entry.compressed;
        self.directory.extend(central);
        self.count += 1;
        Ok(())
    }

    /// The part that both headers of a member have: from the version needed to the length of the extra field.
    fn common(&self, to: &mut Vec<u8>, entry: &Entry, large: bool, extra: usize) -> io::Result<()> {
        let length = |length: usize| {
            u16::try_from(length)
                .map_err(|_| io::Error::other("a member's name is longer than zip can write"))
        };
        // Bit 11: the name is UTF-8. Said only where it matters, as most writers do.
        let flags: u16 = if entry.name.is_ascii() { 0 } else { 1 << 11 };
        let (compressed, size) =
            if large { (u32::MAX, u32::MAX) } else { (short(entry.compressed), short(entry.size)) };
        to.extend(version(large).to_le_bytes());
        to.extend(flags.to_le_bytes());
        to.extend(entry.method.to_le_bytes());
        to.extend(self.time.time.to_le_bytes());
        to.extend(self.time.date.to_le_bytes());
        to.extend(entry.crc32.to_le_bytes());
        to.extend(compressed.to_le_bytes());
        to.extend(size.to_le_bytes());
        to.extend(length(entry.name.len())?.to_le_bytes());
        to.extend(length(extra)?.to_le_bytes());
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        let (start, size) = (self.position, self.directory.len() as u64);
        self.inner.write_all(&self.directory)?;
        if start >= MAX32 || size >= MAX32 || self.count >= 0xffff {
            let mut end = Vec::new();
            end.extend(b"PK\x06\x06");
            end.extend(44_u64.to_le_bytes());
            end.extend((UNIX | version(true)).to_le_bytes());
            end.extend(version(true).to_le_bytes());
            end.extend([0; 8]);
            for value in [self.count, self.count, size, start] {
                end.extend(value.to_le_bytes());
            }
            end.extend(b"PK\x06\x07");
            end.extend([0; 4]);
            end.extend((start + size).to_le_bytes());
            end.extend(1_u32.to_le_bytes());
            self.inner.write_all(&end)?;
        }
        let count = u16::try_from(self.count).unwrap_or(u16::MAX);
        let mut end = Vec::new();
        end.extend(b"PK\x05\x06");
        end.extend([0; 4]);
        end.extend(count.to_le_bytes());
        end.extend(count.to_le_bytes());
        end.extend(short(size).to_le_bytes());
        end.extend(short(start).to_le_bytes());
        end.extend([0; 2]);
        self.inner.write_all(&end)?;
        Ok(self.inner)
    }
}

fn short(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn version(large: bool) -> u16 {
    if large { 45 } else { 20 }
}
