//! Writes one git pack with its index (gitformat-pack(5), pack version 2, index version 2).
//!
//! Objects are kept uncompressed, as stored blocks of deflate (RFC 1951, 3.2.4): so their bytes depend on no
//! compressor's version and on nothing of the source's own packs, and writing costs next to nothing. The packs
//! that the git library writes are compressed and follow the source's; this one lives as long as a build.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::Crc;
use gix::ObjectId;
use gix::hash::Hasher;
use gix::hashtable::HashSet;
use gix::objs::Kind;

/// Takes objects one by one; the order is part of the bytes.
pub(super) struct PackWriter {
    out: BufWriter<File>,
    offset: u64,
    entries: Vec<Indexed>,
    known: HashSet<ObjectId>,
}

struct Indexed {
    id: ObjectId,
    crc: u32,
    offset: u64,
}

impl PackWriter {
    /// Starts a pack in `file`, which is readable too.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        out.write_all(&header(0))?;
        Ok(Self { out, offset: 12, entries: Vec::new(), known: HashSet::default() })
    }

    /// Whether an object is in the pack.
    pub(super) fn has(&self, id: &ObjectId) -> bool {
        self.known.contains(id)
    }

    /// Adds an object, once.
    pub(super) fn add(&mut self, id: ObjectId, kind: Kind, content: &[u8]) -> io::Result<()> {
        if !self.known.insert(id) {
            return Ok(());
        }
        let mut head = Vec::with_capacity(16);
        entry_header(kind, content.len() as u64, &mut head);
        head.extend_from_slice(&[0x78, 0x01]); // zlib: deflate, window of 32 KiB, fastest (RFC 1950)
        let mut crc = Crc::new();
        let mut length = 0;
        let mut put = |out: &mut BufWriter<File>, bytes: &[u8]| {
            crc.update(bytes);
            length += bytes.len() as u64;
            out.write_all(bytes)
        };
        put(&mut self.out, &head)?;
        let mut rest = content;
        loop {
            let (block, after) = rest.split_at(rest.len().min(0xffff));
            let size = u16::try_from(block.len()).unwrap_or(u16::MAX);
            let last = u8::from(after.is_empty());
            let (low, high) = (size.to_le_bytes(), (!size).to_le_bytes());
            put(&mut self.out, &[last, low[0], low[1], high[0], high[1]])?;
            put(&mut self.out, block)?;
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        put(&mut self.out, &adler32(content).to_be_bytes())?;
        let crc = crc.sum();
        self.entries.push(Indexed { id, crc, offset: self.offset });
        self.offset += length;
        Ok(())
    }

    /// Ends the pack and writes it and its index as `pack-<checksum>.pack` and `.idx` into `folder`; `file` is where
    /// the pack was written so far.
    pub(super) fn finish(self, file: &Path, folder: &Path, kind: gix::hash::Kind) -> io::Result<()> {
        let Self { out, mut entries, .. } = self;
        let mut pack = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let count = u32::try_from(entries.len()).map_err(io::Error::other)?;
        pack.seek(SeekFrom::Start(0))?;
        pack.write_all(&header(count))?;
        pack.seek(SeekFrom::Start(0))?;
        let mut hasher = gix::hash::hasher(kind);
        let mut buffer = vec![0; 1 << 18];
        loop {
            let count = pack.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
        }
        let checksum = finish(hasher)?;
        pack.write_all(checksum.as_slice())?;
        entries.sort_unstable_by_key(|entry| entry.id);
        let index = index(&entries, checksum, kind)?;
        super::write::file(&folder.join(format!("pack-{checksum}.idx")), &index, super::write::Bits::Plain)?;
        std::fs::rename(file, folder.join(format!("pack-{checksum}.pack")))
    }
}

fn finish(hasher: Hasher) -> io::Result<ObjectId> {
    hasher.try_finalize().map_err(|error| io::Error::other(error.to_string()))
}

fn header(count: u32) -> [u8; 12] {
    gix::odb::pack::data::header::encode(gix::odb::pack::data::Version::V2, count)
}

/// Type and size of an object in a pack: 4 bits of the size in the first byte, then 7 in each.
fn entry_header(kind: Kind, size: u64, out: &mut Vec<u8>) {
    let number: u8 = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let low = |value: u64, mask: u8| value.to_le_bytes()[0] & mask;
    let mut byte = number << 4 | low(size, 0x0f);
    let mut rest = size >> 4;
    while rest > 0 {
        out.push(byte | 0x80);
        byte = low(rest, 0x7f);
        rest >>= 7;
    }
    out.push(byte);
}

fn index(entries: &[Indexed], pack: ObjectId, kind: gix::hash::Kind) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(1100 + entries.len() * 28);
    out.extend_from_slice(b"\xfftOc\x00\x00\x00\x02");
    let mut counted = 0;
    for first in 0..=255_u8 {
        while entries.get(counted).is_some_and(|entry| entry.id.first_byte() <= first) {
            counted += 1;
        }
        out.extend_from_slice(&u32::try_from(counted).map_err(io::Error::other)?.to_be_bytes());
    }
    for entry in entries {
        out.extend_from_slice(entry.id.as_slice());
    }
    for entry in entries {
        out.extend_from_slice(&entry.crc.to_be_bytes());
    }
    let mut large = Vec::new();
    for entry in entries {
        let offset = match u32::try_from(entry.offset) {
            Ok(offset) if offset < 1 << 31 => offset,
            Ok(_) | Err(_) => {
                large.push(entry.offset);
                1 << 31 | u32::try_from(large.len() - 1).map_err(io::Error::other)?
            }
        };
        out.extend_from_slice(&offset.to_be_bytes());
    }
    for offset in large {
        out.extend_from_slice(&offset.to_be_bytes());
    }
    out.extend_from_slice(pack.as_slice());
    let mut hasher = gix::hash::hasher(kind);
    hasher.update(&out);
    out.extend_from_slice(finish(hasher)?.as_slice());
    Ok(out)
}

/// RFC 1950, section 9.
fn adler32(bytes: &[u8]) -> u32 {
    // As many bytes as keep the sums below 2^32.
    let (mut low, mut high) = (1_u32, 0_u32);
    for chunk in bytes.chunks(5552) {
        for byte in chunk {
            low += u32::from(*byte);
            high += low;
        }
        low %= 65521;
        high %= 65521;
    }
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adler32_is_the_known_one() {
        assert_eq!(adler32(b""), 1);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        let long: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        assert_eq!(adler32(&long), 1_634_040_335);
    }

    #[test]
    fn sizes_are_encoded_as_gitformat_pack_says() {
        let mut out = Vec::new();
        entry_header(Kind::Blob, 15, &mut out);
        entry_header(Kind::Commit, 16, &mut out);
        entry_header(Kind::Tag, 0x7ff, &mut out);
        assert_eq!(out, [0x3f, 0x90, 0x01, 0xcf, 0x7f]);
    }
}
