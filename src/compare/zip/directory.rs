//! A zip archive's directory, each member with both of its headers, and the bytes that belong to none.

use std::io::Read;

use flate2::read::DeflateDecoder;

use super::super::compressed;
use super::super::data::Data;
use super::super::walk::{Broken, Kind, Spot, Walk, unreadable};
use super::end::End;

/// A zip archive, read without unpacking it.
pub(super) struct Directory {
    pub(super) entries: Vec<Entry>,
    pub(super) comment: Vec<u8>,
    pub(super) end: String,
    /// Bytes that belong to no member.
    pub(super) outside: Vec<Data>,
}

/// A member.
pub(super) struct Entry {
    /// Its name as text; what is not UTF-8 is escaped, so that no two names are alike.
    pub(super) name: String,
    pub(super) made: u16,
    pub(super) needed: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    /// DOS date and time in the directory, and in the member's own header.
    pub(super) times: [u32; 2],
    pub(super) crc32: u32,
    pub(super) size: u64,
    pub(super) internal: u16,
    pub(super) external: u32,
    pub(super) comment: Vec<u8>,
    /// Extra fields of both headers.
    pub(super) extra: [Vec<(u16, Vec<u8>)>; 2],
    /// Where its own header is.
    pub(super) offset: u64,
    pub(super) packed: Data,
    /// What its two headers contradict each other in: readers would differ.
    pub(super) contradictions: Vec<&'static str>,
    /// The version in its own header.
    pub(super) local_needed: u16,
    is_ascii: bool,
}

/// Bit 0 of the flags: encrypted. Bit 3: sizes follow the bytes. Bit 11: the name is UTF-8.
pub(super) const ENCRYPTED: u16 = 1;
const DESCRIPTOR: u16 = 1 << 3;
pub(super) const UTF8: u16 = 1 << 11;
const ZIP64: u16 = 1;
/// Bytes of a directory.
const LARGEST: u64 = 512 << 20;
const MAX32: u64 = u32::MAX as u64;

pub(super) fn damaged(why: &str) -> Broken {
    Broken::Damaged(why.to_owned())
}

/// Little-endian numbers, one after another.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| damaged("a header is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Broken> {
        let bytes = self.bytes(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Broken> {
        let (low, high) = (self.u16()?, self.u16()?);
        Ok(u32::from(low) | u32::from(high) << 16)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Broken> {
        let (low, high) = (self.u32()?, self.u32()?);
        Ok(u64::from(low) | u64::from(high) << 32)
    }
}

impl Directory {
    /// Reads it.
    ///
    /// # Errors
    /// It is damaged, or lists more than may be listed.
    pub(super) fn read(walk: &Walk<'_>, spot: &Spot, data: &Data) -> Result<Self, Broken> {
        let end = End::read(spot, data)?;
        let central = data.part(end.start..end.stop).ok_or_else(|| damaged("its directory is cut off"))?;
        if central.len() > LARGEST {
            return Err(damaged("its directory is larger than any has to be"));
        }
        let bytes = central.bytes().map_err(unreadable(spot))?;
        if end.count > bytes.len() as u64 / 46 {
            return Err(damaged("its directory is shorter than its end record says"));
        }
        walk.spend_members(spot, end.count)?;
        let mut fields = Fields(&bytes);
        let mut entries = Vec::new();
        let mut ranges = vec![(end.start, end.stop)];
        for _ in 0..end.count {
            let (entry, range) = Entry::read(spot, data, &mut fields, &end)?;
            ranges.push(range);
            entries.push(entry);
        }
        if !fields.0.is_empty() {
            return Err(damaged("its directory is longer than its end record says"));
        }
        ranges.sort_unstable();
        let mut outside = Vec::new();
        let mut at = 0;
        for (start, stop) in ranges {
            if start < at {
                return Err(damaged("its members overlap"));
            }
            if start > at {
                outside.extend(data.part(at..start));
            }
            at = stop;
        }
        Ok(Self { entries, comment: end.comment, end: end.form, outside })
    }
}

/// The values that a zip64 extra field has for those that a header has no room for.
fn large(extra: &[(u16, Vec<u8>)], values: &mut [&mut u64]) -> Result<(), Broken> {
    if values.iter().all(|value| **value != MAX32) {
        return Ok(());
    }
    let Some((_, bytes)) = extra.iter().find(|(id, _)| *id == ZIP64) else {
        return Err(damaged("a zip64 extra field is missing"));
    };
    let mut fields = Fields(bytes);
    for value in values.iter_mut().filter(|value| ***value == MAX32) {
        **value = fields.u64()?;
    }
    Ok(())
}

fn extra_fields(bytes: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, Broken> {
    let mut fields = Fields(bytes);
    let mut found = Vec::new();
    while !fields.0.is_empty() {
        let (id, length) = (fields.u16()?, fields.u16()?);
        found.push((id, fields.bytes(length.into())?.to_vec()));
    }
    Ok(found)
}

impl Entry {
    fn read(
        spot: &Spot,
        data: &Data,
        central: &mut Fields<'_>,
        end: &End,
    ) -> Result<(Self, (u64, u64)), Broken> {
        if central.bytes(4)? != b"PK\x01\x02" {
            return Err(damaged("its directory is no directory"));
        }
        let (made, needed, flags, method) = (central.u16()?, central.u16()?, central.u16()?, central.u16()?);
        let (time, crc32) = (central.u32()?, central.u32()?);
        let (mut packed, mut size) = (u64::from(central.u32()?), u64::from(central.u32()?));
        let lengths = [central.u16()?, central.u16()?, central.u16()?];
        let (disk, internal, external) = (central.u16()?, central.u16()?, central.u32()?);
        let mut offset = u64::from(central.u32()?);
        let name = central.bytes(lengths[0].into())?;
        let extra = extra_fields(central.bytes(lengths[1].into())?)?;
        let comment = central.bytes(lengths[2].into())?.to_vec();
        large(&extra, &mut [&mut size, &mut packed, &mut offset])?;
        if disk != 0 {
            return Err(damaged("a member is in another part"));
        }
        let offset = offset.checked_add(end.shift).ok_or_else(|| damaged("a member is not in it"))?;
        let local = Local::read(spot, data, offset)?;
        let stop = local.start.checked_add(packed).filter(|stop| *stop <= end.start);
        let range = stop.and_then(|stop| data.part(local.start..stop));
        let packed_data = range.ok_or_else(|| damaged("a member is cut off"))?;
        let mut entry = Self {
            name: shown_name(name, flags),
            made,
            needed,
            flags,
            method,
            times: [time, local.time],
            crc32,
            size,
            internal,
            external,
            comment,
            extra: [extra, local.extra.clone()],
            offset,
            packed: packed_data,
            contradictions: Vec::new(),
            local_needed: local.needed,
            is_ascii: name.is_ascii(),
        };
        let mut stop = local.start + packed;
        if flags & DESCRIPTOR != 0 {
            match entry.descriptor(spot, data, stop)? {
                Some(length) => stop += length,
                None => entry.contradictions.push("what follows the bytes is not their size and checksum"),
            }
        }
        entry.check(name, &local)?;
        Ok((entry, (offset, stop)))
    }

    /// What the member's own header says otherwise.
    fn check(&mut self, name: &[u8], local: &Local) -> Result<(), Broken> {
        let (mut size, mut packed) = (local.size, local.packed);
        if size == MAX32 || packed == MAX32 {
            large(&local.extra, &mut [&mut size, &mut packed])?;
        }
        let later = self.flags & DESCRIPTOR != 0;
        let unsaid = later && (local.crc32, size, packed) == (0, 0, 0);
        let wrong = [
            (local.name != name, "its name stands twice, not the same"),
            (local.flags != self.flags, "its flags stand twice, not the same"),
            (local.method != self.method, "its compression stands twice, not the same"),
            (!unsaid && local.crc32 != self.crc32, "its checksum stands twice, not the same"),
            (
                !unsaid && (size, packed) != (self.size, self.packed.len()),
                "its size stands twice, not the same",
            ),
        ];
        self.contradictions.extend(wrong.iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, what)| *what));
        Ok(())
    }

    /// The length of the data descriptor that follows (APPNOTE 4.3.9), in any of its four forms.
    fn descriptor(&self, spot: &Spot, data: &Data, at: u64) -> Result<Option<u64>, Broken> {
        let (packed, size) = (self.packed.len(), self.size);
        let crc32 = self.crc32.to_le_bytes();
        let small =
            [u32::try_from(packed), u32::try_from(size)].map(|size| size.unwrap_or(u32::MAX).to_le_bytes());
        let small = [crc32.as_slice(), &small[0], &small[1]].concat();
        let large = [crc32.as_slice(), &packed.to_le_bytes(), &size.to_le_bytes()].concat();
        let end = at.saturating_add(24).min(data.len());
        let there = data.part(at..end).ok_or_else(|| damaged("a member is cut off"))?;
        let there = there.bytes().map_err(unreadable(spot))?;
        for (signature, values) in
            [(&b"PK\x07\x08"[..], &large), (b"PK\x07\x08", &small), (b"", &large), (b"", &small)]
        {
            let whole = [signature, values].concat();
            if there.starts_with(&whole) {
                return Ok(Some(whole.len() as u64));
            }
        }
        Ok(None)
    }

    /// Whether it is the entry of a folder and says nothing but that.
    pub(super) fn is_implied_folder(&self) -> bool {
        self.name.ends_with('/') && self.size == 0 && self.packed.len() == 0 && self.contradictions.is_empty()
    }

    /// Whether the flag that its name is UTF-8 changes nothing.
    pub(super) fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// How it is compressed, for people.
    pub(super) fn packed_as(&self) -> String {
        let method = match self.method {
            0 => "stored".to_owned(),
            8 => "deflated".to_owned(),
            12 => "bzip2".to_owned(),
            14 => "lzma".to_owned(),
            93 => "zstd".to_owned(),
            95 => "xz".to_owned(),
            other => format!("method {other}"),
        };
        format!("{method}, {} bytes", self.packed.len())
    }

    /// Its bytes, checked against its size and checksum.
    pub(super) fn unpack(&self, walk: &Walk<'_>, spot: &Spot) -> Result<Data, Broken> {
        if self.flags & ENCRYPTED != 0 {
            return Err(damaged("it is encrypted"));
        }
        let data = match self.method {
            0 => self.packed.clone(),
            8 => {
                // One byte more than there should be tells a member that lies of one that does not.
                let reader = DeflateDecoder::new(self.packed.reader()).take(self.size.saturating_add(1));
                walk.unpack(spot, reader)?
            }
            93 => compressed::unpack(walk, spot, Kind::Zstd, &self.packed)?,
            95 => compressed::unpack(walk, spot, Kind::Xz, &self.packed)?,
            other => return Err(Broken::Damaged(format!("compression method {other} is not read"))),
        };
        if data.len() != self.size {
            return Err(damaged("it has not the size that its header says"));
        }
        let mut crc = flate2::Crc::new();
        let mut reader = data.reader();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = reader.read(&mut buffer).map_err(unreadable(spot))?;
            if count == 0 {
                break;
            }
            crc.update(&buffer[..count]);
        }
        if crc.sum() != self.crc32 {
            return Err(damaged("it has not the checksum that its header says"));
        }
        Ok(data)
    }
}

/// A member's own header (APPNOTE 4.3.7).
struct Local {
    needed: u16,
    flags: u16,
    method: u16,
    time: u32,
    crc32: u32,
    packed: u64,
    size: u64,
    name: Vec<u8>,
    extra: Vec<(u16, Vec<u8>)>,
    /// Where its bytes begin.
    start: u64,
}

impl Local {
    fn read(spot: &Spot, data: &Data, at: u64) -> Result<Self, Broken> {
        let head = data.take::<30>(at).map_err(unreadable(spot))?;
        let head = head.filter(|head| head.starts_with(b"PK\x03\x04"));
        let head = head.ok_or_else(|| damaged("a member is not where its directory says"))?;
        let mut fields = Fields(&head[4..]);
        let (needed, flags, method) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let (time, crc32) = (fields.u32()?, fields.u32()?);
        let (packed, size) = (u64::from(fields.u32()?), u64::from(fields.u32()?));
        let (name, extra) = (u64::from(fields.u16()?), u64::from(fields.u16()?));
        let rest =
            data.part(at + 30..at + 30 + name + extra).ok_or_else(|| damaged("a header is cut off"))?;
        let rest = rest.bytes().map_err(unreadable(spot))?;
        let mut fields = Fields(&rest);
        let name = fields.bytes(usize::try_from(name).unwrap_or_default())?.to_vec();
        let start = at + 30 + rest.len() as u64;
        let extra = extra_fields(fields.0)?;
        Ok(Self { needed, flags, method, time, crc32, packed, size, name, extra, start })
    }
}

/// A name as text. Without the flag bytes beyond ASCII are of an unknown character set, and stay bytes.
fn shown_name(raw: &[u8], flags: u16) -> String {
    match std::str::from_utf8(raw) {
        Ok(text) if raw.is_ascii() || flags & UTF8 != 0 => text.to_owned(),
        Ok(_) | Err(_) => raw.escape_ascii().to_string(),
    }
}
