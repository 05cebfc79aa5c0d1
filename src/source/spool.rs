//! The unpacked bytes of an archive: in memory while they are few, in a nameless temporary file when not.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use super::error::SourceError;

/// From how many bytes on a file is used.
const IN_MEMORY: usize = 64 << 20;

/// Bytes that are written once, in order, and then read from anywhere.
pub(super) struct Spool {
    bytes: Bytes,
    length: u64,
}

enum Bytes {
    Memory(Vec<u8>),
    File(File),
}

impl Spool {
    pub(super) fn new() -> Self {
        Self { bytes: Bytes::Memory(Vec::new()), length: 0 }
    }

    /// How many bytes are there.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Appends what `reader` yields, but at most `limit` bytes: returns where it begins and how long it is, or
    /// `None` if there was more.
    pub(super) fn append(&mut self, reader: &mut dyn Read, limit: u64) -> io::Result<Option<(u64, u64)>> {
        let offset = self.length;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                return Ok(Some((offset, self.length - offset)));
            }
            if self.length - offset + count as u64 > limit {
                return Ok(None);
            }
            self.write(&buffer[..count])?;
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Bytes::Memory(memory) = &mut self.bytes
            && memory.len() + bytes.len() > IN_MEMORY
        {
            let mut file = tempfile::tempfile()?;
            file.write_all(memory)?;
            self.bytes = Bytes::File(file);
        }
        match &mut self.bytes {
            Bytes::Memory(memory) => memory.extend_from_slice(bytes),
            Bytes::File(file) => file.write_all(bytes)?,
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Reads what [`Spool::append`] placed.
    pub(super) fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, SourceError> {
        let failed = SourceError::io("read", PathBuf::from("the unpacked archive"));
        let result = match &self.bytes {
            Bytes::Memory(memory) => {
                let range = usize::try_from(offset).ok().zip(usize::try_from(offset + length).ok());
                let part = range.and_then(|(start, end)| memory.get(start..end));
                part.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
            Bytes::File(file) => {
                let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
                file.read_exact_at(&mut bytes, offset).map(|()| bytes)
            }
        };
        result.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_memory_and_from_a_file() {
        let mut spool = Spool::new();
        let first = spool.append(&mut &b"hello"[..], 10).unwrap().unwrap();
        assert!(spool.append(&mut &b"too much"[..], 3).unwrap().is_none());
        let large = vec![7; IN_MEMORY];
        let second = spool.append(&mut large.as_slice(), u64::MAX).unwrap().unwrap();
        assert!(matches!(spool.bytes, Bytes::File(_)));
        assert_eq!(spool.read(first.0, first.1).unwrap(), b"hello");
        assert!(spool.read(second.0, second.1).unwrap() == large);
        assert!(spool.read(spool.length(), 1).is_err());
    }
}
