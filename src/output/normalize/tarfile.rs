//! Writing tar (POSIX.1-2017, pax: ustar headers, extended ones only where ustar has no room). Our own few
//! lines and not a library's: the bytes are a promise.

use std::io::{self, Write};

const BLOCK: usize = 512;
/// tar's default record of 20 blocks, which readers of tapes expect at the end.
const RECORD: u64 = 20 * BLOCK as u64;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::output) enum Kind {
    File,
    Executable,
    Folder,
    Symlink,
    HardLink,
}

impl Kind {
    fn flag(self) -> u8 {
        match self {
            Self::File | Self::Executable => b'0',
            Self::HardLink => b'1',
            Self::Symlink => b'2',
            Self::Folder => b'5',
        }
    }

    fn mode(self) -> u64 {
        match self {
            Self::File | Self::HardLink => 0o644,
            Self::Executable | Self::Folder => 0o755,
            Self::Symlink => 0o777,
        }
    }
}

/// A member's header.
pub(super) struct Entry<'a> {
    pub(super) kind: Kind,
    /// Folders end with `/`.
    pub(super) path: &'a [u8],
    /// Empty if it is no link.
    pub(super) link: &'a [u8],
    pub(super) size: u64,
    /// Seconds since 1970.
    pub(super) mtime: u64,
}

/// Writes members; the caller writes `size` bytes after each header and then calls [`TarWriter::pad`].
pub(super) struct TarWriter<W> {
    pub(super) inner: W,
    written: u64,
}

impl<W: Write> TarWriter<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, written: 0 }
    }

    pub(super) fn header(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let mut extended = Vec::new();
        let split = split(entry.path);
        if split.is_none() {
            record(&mut extended, "path", entry.path);
        }
        if entry.link.len() > 100 || !entry.link.is_ascii() {
            record(&mut extended, "linkpath", entry.link);
        }
        if entry.size > MAX_SIZE {
            record(&mut extended, "size", entry.size.to_string().as_bytes());
        }
        if !extended.is_empty() {
            let size = extended.len() as u64;
            let name = b"././@PaxHeader";
            self.block(&header(b'x', 0o644, (b"", name), b"", size, entry.mtime))?;
            self.inner.write_all(&extended)?;
            self.written += size;
            self.pad(size)?;
        }
        // What has no room is shortened for readers that know no extended headers.
        let name = split.unwrap_or((b"", &entry.path[..entry.path.len().min(100)]));
        let link = &entry.link[..entry.link.len().min(100)];
        let size = if entry.size > MAX_SIZE { 0 } else { entry.size };
        self.block(&header(entry.kind.flag(), entry.kind.mode(), name, link, size, entry.mtime))?;
        self.written += entry.size;
        Ok(())
    }

    /// Fills the last block after `size` bytes of content.
    pub(super) fn pad(&mut self, size: u64) -> io::Result<()> {
        let block = BLOCK as u64;
        self.zeros((block - size % block) % block)
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.zeros(2 * BLOCK as u64)?;
        self.zeros((RECORD - self.written % RECORD) % RECORD)?;
        Ok(self.inner)
    }

    fn block(&mut self, block: &[u8; BLOCK]) -> io::Result<()> {
        self.written += BLOCK as u64;
        self.inner.write_all(block)
    }

    fn zeros(&mut self, mut count: u64) -> io::Result<()> {
        self.written += count;
        while count > 0 {
            let part = count.min(BLOCK as u64);
            self.inner.write_all(&[0; BLOCK][..usize::try_from(part).unwrap_or(0)])?;
            count -= part;
        }
        Ok(())
    }
}

/// 11 octal digits.
const MAX_SIZE: u64 = 0o777_7777_7777;

/// Prefix and name, if the path fits into ustar's fields.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if !path.is_ascii() {
        return None;
    }
    if path.len() <= 100 {
        return Some((b"", path));
    }
    // The last `/` that leaves a prefix of at most 155 bytes and a name of 1 to 100.
    let last = path.len() - 1;
    let at = (1..last.min(156)).rev().find(|at| path[*at] == b'/')?;
    let (prefix, name) = (&path[..at], &path[at + 1..]);
    (name.len() <= 100).then_some((prefix, name))
}

/// One record of an extended header: its own length, a space, `key=value`, a newline.
fn record(to: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = 1 + key.len() + 1 + value.len() + 1;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    to.extend_from_slice(format!("{length} {key}=").as_bytes());
    to.extend_from_slice(value);
    to.push(b'\n');
}

fn header(
    flag: u8,
    mode: u64,
    (prefix, name): (&[u8], &[u8]),
    link: &[u8],
    size: u64,
    mtime: u64,
) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name);
    put(100, format!("{mode:07o}").as_bytes());
    // Owner and group 0, without names.
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, format!("{:011o}", mtime.min(MAX_SIZE)).as_bytes());
    put(148, b"        ");
    put(156, &[flag]);
    put(157, link);
    put(257, b"ustar\x0000");
    put(329, b"0000000");
    put(337, b"0000000");
    put(345, prefix);
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
