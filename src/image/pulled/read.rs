//! One layer: decompressed, hashed, its files written aside under numbers.
//!
//! Nothing is written under a name that a layer chose; [`super::tree`] decides what goes where. Decompressing and hashing
//! have a thread of their own, since they and the making of files take about the same time.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use super::error::{PulledError, Refusal};
use super::tree::{Content, Member, Name, What};
use crate::digest::{HashingReader, Sha256};
use crate::event::Cancel;
use crate::image::ImageError;
use crate::image::error::at;

/// Bytes of one piece on its way from the decompressor.
const PIECE: usize = 1 << 18;
/// Pieces that may wait.
const WAITING: usize = 16;
/// Files in one folder aside.
const IN_FOLDER: u32 = 4096;
/// The latest time of a file, 2106-02-07: 32 bits, which byte code and archives hold.
const LATEST: u64 = 0xffff_ffff;

/// How much an image may unpack to. No image that is of use for a build comes near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all layers, uncompressed.
    pub bytes: u64,
    /// Members of all layers.
    pub entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 30, entries: 4 << 20 }
    }
}

/// What the layers of an image have used of its limits.
#[derive(Debug)]
pub(super) struct Used {
    limits: Limits,
    bytes: AtomicU64,
    entries: AtomicU64,
}

impl Used {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, bytes: AtomicU64::new(0), entries: AtomicU64::new(0) }
    }

    fn entry(&self, layer: Sha256) -> Result<(), PulledError> {
        let limit = self.limits.entries;
        if self.entries.fetch_add(1, Ordering::Relaxed) < limit {
            return Ok(());
        }
        Err(PulledError::TooLarge { layer, limit, unit: "entries" })
    }
}

/// A layer, read.
pub(super) struct Layer {
    /// In the layer's order.
    pub(super) members: Vec<Member>,
    /// Devices, named pipes and sockets that were left out.
    pub(super) skipped: u64,
}

/// What is needed to read a layer.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Which layer it is, from 0.
    pub(super) number: u32,
    /// The blob's digest.
    pub(super) digest: Sha256,
    /// Digest of its uncompressed tar file, as the configuration says.
    pub(super) diff_id: Sha256,
    /// Where files are written aside.
    pub(super) aside: &'a Path,
    /// What the image has used of its limits.
    pub(super) used: &'a Used,
    /// Tells to stop.
    pub(super) cancel: &'a Cancel,
}

/// Where the content of a file is.
pub(super) fn place(aside: &Path, content: Content) -> PathBuf {
    aside.join(format!("{}-{}", content.layer, content.number / IN_FOLDER)).join(content.number.to_string())
}

impl Reading<'_> {
    /// Reads the layer from its blob.
    pub(super) fn run(self, blob: impl Read + Send) -> Result<Layer, ImageError> {
        std::thread::scope(|scope| {
            let (pieces, receiver) = sync_channel(WAITING);
            let hashed = scope.spawn(move || self.decompress(blob, &pieces));
            let read = self.members(Pieces { receiver, piece: Vec::new(), at: 0 });
            // What was read has ended the other thread: it sees that nobody listens, or it came to its end.
            let hashed = hashed.join().unwrap_or_else(|_| Err(self.wrong("its reader ended early")));
            match (read, hashed) {
                (Ok(layer), Ok(actual)) if actual == self.diff_id => Ok(layer),
                (Ok(_), Ok(actual)) => {
                    let (layer, expected) = (self.digest, self.diff_id);
                    Err(PulledError::DiffId { layer, expected, actual }.into())
                }
                // A broken stream also breaks the tar file: it is the cause.
                (_, Err(error)) => Err(error.into()),
                (Err(error), Ok(_)) => Err(error),
            }
        })
    }

    fn wrong(&self, problem: &str) -> PulledError {
        PulledError::Layer { layer: self.digest, problem: problem.to_owned() }
    }

    /// Sends the uncompressed layer piece by piece, and gives its digest.
    fn decompress(&self, blob: impl Read, pieces: &SyncSender<Vec<u8>>) -> Result<Sha256, PulledError> {
        let failed = |error: io::Error| self.wrong(&error.to_string());
        let mut reader = HashingReader::new(decoder(blob).map_err(failed)?);
        loop {
            let mut piece = vec![0; PIECE];
            let mut filled = 0;
            while filled < PIECE {
                match reader.read(&mut piece[filled..]) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            if filled == 0 {
                return Ok(reader.finish().0);
            }
            let limit = self.used.limits.bytes;
            if self.used.bytes.fetch_add(filled as u64, Ordering::Relaxed) + filled as u64 > limit {
                return Err(PulledError::TooLarge { layer: self.digest, limit, unit: "bytes" });
            }
            piece.truncate(filled);
            if pieces.send(piece).is_err() {
                // The other side has failed, and that is the error; the digest does not matter any more.
                return Ok(self.diff_id);
            }
        }
    }

    fn members(&self, mut pieces: Pieces) -> Result<Layer, ImageError> {
        let mut layer = Layer { members: Vec::new(), skipped: 0 };
        let mut files = 0;
        let mut archive = tar::Archive::new(&mut pieces);
        let failed = |error: io::Error| ImageError::from(self.wrong(&error.to_string()));
        for entry in archive.entries().map_err(failed)? {
            let mut entry = entry.map_err(failed)?;
            if let Some(signal) = self.cancel.signal() {
                return Err(ImageError::Cancelled { signal });
            }
            self.used.entry(self.digest)?;
            let raw = entry.path_bytes().into_owned();
            let refused = |reason| {
                let path = String::from_utf8_lossy(&raw).into_owned();
                ImageError::from(PulledError::Member { layer: self.digest, path, reason })
            };
            let path = components(&raw, Refusal::Out).map_err(refused)?;
            match marker(&path).map_err(refused)? {
                Marker::None => {}
                Marker::Record => continue,
                Marker::Whiteout(member) => {
                    layer.members.push(member);
                    continue;
                }
            }
            if let Some(kind) = unknown(&mut entry).map_err(failed)? {
                return Err(refused(Refusal::Kind(kind)));
            }
            let kind = entry.header().entry_type();
            let what = if kind.is_dir() {
                What::Folder(time(&entry).map_err(failed)?.cast_signed())
            } else if kind.is_symlink() {
                What::Link(target(&entry).map_err(refused)?)
            } else if kind.is_hard_link() {
                let target = target(&entry).map_err(refused)?;
                What::Same(components(&target, Refusal::LinkOut).map_err(refused)?)
            } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
                let content = Content { layer: self.number, number: files };
                files += 1;
                self.file(content, &mut entry)?;
                What::File(content)
            } else {
                layer.skipped += 1;
                continue;
            };
            layer.members.push(Member { path, what });
        }
        // What follows the end of the archive is part of the digest.
        io::copy(&mut pieces, &mut io::sink()).map_err(failed)?;
        Ok(layer)
    }

    fn file(&self, content: Content, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), ImageError> {
        let failed = |error: io::Error| ImageError::from(self.wrong(&error.to_string()));
        let place = place(self.aside, content);
        if content.number.is_multiple_of(IN_FOLDER)
            && let Some(folder) = place.parent()
        {
            fs::create_dir(folder).map_err(at(folder))?;
        }
        // No bit but these is kept: set-id bits would be of no use in a box, and are none that an image may bring.
        let program = entry.header().mode().map_err(failed)? & 0o111 != 0;
        let mode = if program { 0o555 } else { 0o444 };
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time(entry).map_err(failed)?);
        let mut file =
            File::options().write(true).create_new(true).mode(mode).open(&place).map_err(at(&place))?;
        let mut buffer = vec![0; usize::try_from(entry.size()).unwrap_or(PIECE).clamp(1, PIECE)];
        loop {
            let count = match entry.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => return Err(failed(error)),
            };
            file.write_all(&buffer[..count]).map_err(at(&place))?;
        }
        file.set_modified(time).map_err(at(&place))
    }
}

/// The uncompressed bytes of a blob. What it is compressed by is seen from its first bytes, as all engines do it: media
/// types are often wrong about it.
fn decoder<'a>(mut blob: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut head = Vec::with_capacity(4);
    blob.by_ref().take(4).read_to_end(&mut head)?;
    let (gzip, zstd) = (head.starts_with(&[0x1f, 0x8b]), head == [0x28, 0xb5, 0x2f, 0xfd]);
    let whole = io::BufReader::with_capacity(PIECE, io::Cursor::new(head).chain(blob));
    Ok(if gzip {
        Box::new(flate2::bufread::MultiGzDecoder::new(whole))
    } else if zstd {
        Box::new(zstd::Decoder::with_buffer(whole)?)
    } else {
        Box::new(whole)
    })
}

/// The components of a path in a layer. A `/` at its start is the image's root.
fn components(raw: &[u8], out: Refusal) -> Result<Vec<Name>, Refusal> {
    if raw.len() > 4095 || raw.contains(&0) {
        return Err(Refusal::Path);
    }
    let mut parts = Vec::new();
    for part in raw.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(out),
            long if long.len() > 255 => return Err(Refusal::Path),
            name => parts.push(Name::from(name)),
        }
    }
    Ok(parts)
}

fn target(entry: &tar::Entry<'_, impl Read>) -> Result<Box<[u8]>, Refusal> {
    let target = entry.link_name_bytes().unwrap_or_default();
    if target.is_empty() || target.len() > 4095 || target.contains(&0) {
        return Err(Refusal::Target);
    }
    Ok(Box::from(&*target))
}

fn time(entry: &tar::Entry<'_, impl Read>) -> io::Result<u64> {
    Ok(entry.header().mtime()?.min(LATEST))
}

/// What a name that begins with `.wh.` is for (image-spec, "whiteouts").
enum Marker {
    /// It is none.
    None,
    /// A record of the `aufs` that made the layer.
    Record,
    /// It hides what is below.
    Whiteout(Member),
}

fn marker(path: &[Name]) -> Result<Marker, Refusal> {
    let Some((name, above)) = path.split_last() else { return Ok(Marker::None) };
    let Some(hidden) = name.strip_prefix(b".wh.") else { return Ok(Marker::None) };
    if hidden == b".wh..opq" {
        return Ok(Marker::Whiteout(Member { path: above.to_vec(), what: What::Opaque }));
    }
    if hidden.starts_with(b".wh.") {
        return Ok(Marker::Record);
    }
    if matches!(hidden, b"" | b"." | b"..") {
        return Err(Refusal::Whiteout);
    }
    let mut path = above.to_vec();
    path.push(Name::from(hidden));
    Ok(Marker::Whiteout(Member { path, what: What::Gone }))
}

/// What a member is whose content would be misread.
fn unknown(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<Option<String>> {
    let kind = entry.header().entry_type();
    let known = kind.is_dir()
        || kind.is_file()
        || kind.is_symlink()
        || kind.is_hard_link()
        || kind.is_contiguous()
        || kind.is_gnu_sparse()
        || kind.is_fifo()
        || kind.is_character_special()
        || kind.is_block_special();
    if !known {
        return Ok(Some(format!("tar type {:?}", char::from(kind.as_byte()))));
    }
    let Some(extensions) = entry.pax_extensions()? else { return Ok(None) };
    for extension in extensions {
        if extension?.key_bytes().starts_with(b"GNU.sparse.") {
            return Ok(Some("sparse file in PAX form".to_owned()));
        }
    }
    Ok(None)
}

/// What comes from the decompressor.
struct Pieces {
    receiver: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            match self.receiver.recv() {
                Ok(piece) => (self.piece, self.at) = (piece, 0),
                Err(_) => return Ok(0),
            }
        }
        let rest = &self.piece[self.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}
