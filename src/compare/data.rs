//! Bytes that are compared: in memory if they are few, in a file if they are many, and parts of either.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::digest::Sha256;

/// Up to so many bytes of one thing are kept in memory.
pub(super) const IN_MEMORY: u64 = 64 << 20;
const CHUNK: usize = 256 * 1024;

/// Bytes, or a part of them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Data {
    source: Source,
    start: u64,
    len: u64,
}

#[derive(Clone)]
enum Source {
    Memory(Arc<Vec<u8>>),
    File(Arc<File>),
}

impl Data {
    pub(super) fn memory(bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        Self { source: Source::Memory(Arc::new(bytes)), start: 0, len }
    }

    /// A whole file, read at once if it is not large.
    pub(super) fn file(mut file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        if len > IN_MEMORY {
            return Ok(Self::spilled(file, len));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
        file.read_to_end(&mut bytes)?;
        Ok(Self::memory(bytes))
    }

    pub(super) fn spilled(file: File, len: u64) -> Self {
        Self { source: Source::File(Arc::new(file)), start: 0, len }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// A part; none if it does not lie within.
    pub(super) fn part(&self, range: Range<u64>) -> Option<Self> {
        let inside = range.start <= range.end && range.end <= self.len;
        inside.then(|| Self {
            source: self.source.clone(),
            start: self.start + range.start,
            len: range.end - range.start,
        })
    }

    /// Everything from an offset on.
    pub(super) fn from(&self, start: u64) -> Option<Self> {
        self.part(start..self.len)
    }

    fn slice(&self) -> Option<&[u8]> {
        match &self.source {
            Source::Memory(bytes) => {
                let start = usize::try_from(self.start).ok()?;
                let len = usize::try_from(self.len).ok()?;
                bytes.get(start..start.checked_add(len)?)
            }
            Source::File(_) => None,
        }
    }

    /// All of it, read if it is in a file.
    pub(super) fn bytes(&self) -> io::Result<Cow<'_, [u8]>> {
        if let Some(slice) = self.slice() {
            return Ok(Cow::Borrowed(slice));
        }
        let mut bytes = Vec::new();
        self.reader().read_to_end(&mut bytes)?;
        Ok(Cow::Owned(bytes))
    }

    /// Up to so many bytes of its beginning.
    pub(super) fn head(&self, most: u64) -> io::Result<Vec<u8>> {
        self.part(0..most.min(self.len)).map_or_else(|| Ok(Vec::new()), |part| Ok(part.bytes()?.into_owned()))
    }

    /// Exactly so many bytes at an offset; none if they are not there.
    pub(super) fn take<const N: usize>(&self, at: u64) -> io::Result<Option<[u8; N]>> {
        let Some(part) = at.checked_add(N as u64).and_then(|end| self.part(at..end)) else { return Ok(None) };
        Ok(part.bytes()?.as_ref().try_into().ok())
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { data: self, position: 0 }
    }

    /// Whether two are the same bytes.
    pub(super) fn same(&self, other: &Self) -> io::Result<bool> {
        if self.len != other.len {
            return Ok(false);
        }
        if let (Some(a), Some(b)) = (self.slice(), other.slice()) {
            return Ok(a == b);
        }
        let (mut a, mut b) = (self.reader(), other.reader());
        let (mut one, mut two) = (vec![0; CHUNK], vec![0; CHUNK]);
        let mut left = self.len;
        while left > 0 {
            let count = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            a.read_exact(&mut one[..count])?;
            b.read_exact(&mut two[..count])?;
            if one[..count] != two[..count] {
                return Ok(false);
            }
            left -= count as u64;
        }
        Ok(true)
    }

    /// The offset of the first byte that differs; the shorter one's length if it is the other's beginning.
    pub(super) fn first_difference(&self, other: &Self) -> io::Result<u64> {
        let (mut a, mut b) = (self.reader(), other.reader());
        let (mut one, mut two) = (vec![0; CHUNK], vec![0; CHUNK]);
        let shorter = self.len.min(other.len);
        let mut at = 0;
        while at < shorter {
            let count = usize::try_from(shorter - at).unwrap_or(CHUNK).min(CHUNK);
            a.read_exact(&mut one[..count])?;
            b.read_exact(&mut two[..count])?;
            if let Some(offset) = (0..count).find(|offset| one[*offset] != two[*offset]) {
                return Ok(at + offset as u64);
            }
            at += count as u64;
        }
        Ok(shorter)
    }

    pub(super) fn digest(&self) -> io::Result<Sha256> {
        match self.slice() {
            Some(slice) => Ok(Sha256::of(slice)),
            None => Ok(Sha256::of_reader(self.reader())?.0),
        }
    }

    /// Whether every byte is zero.
    pub(super) fn is_zero(&self) -> io::Result<bool> {
        let mut reader = self.reader();
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                return Ok(true);
            }
            if buffer[..count].iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
        }
    }
}

/// Reads [`Data`] from its beginning.
pub(super) struct Reader<'a> {
    data: &'a Data,
    position: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.data.len - self.position).unwrap_or(usize::MAX).min(buffer.len());
        if left == 0 {
            return Ok(0);
        }
        let count = match (&self.data.source, self.data.slice()) {
            (_, Some(slice)) => {
                let at = usize::try_from(self.position).unwrap_or(usize::MAX).min(slice.len());
                let count = left.min(slice.len() - at);
                buffer[..count].copy_from_slice(&slice[at..at + count]);
                count
            }
            (Source::File(file), None) => {
                file.read_at(&mut buffer[..left], self.data.start + self.position)?
            }
            (Source::Memory(_), None) => 0,
        };
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than it was"));
        }
        self.position += count as u64;
        Ok(count)
    }
}
