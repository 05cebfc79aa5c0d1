//! sdists, tarballs and zip files, unpacked in memory under rules that let nothing out of the source.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, BString, ByteSlice};

use crate::digest::Sha256;

use super::error::{Cause, SourceError};
use super::spool::Spool;
use super::tree::{self, Content, Entry, Found, Mode};

/// How large an archive may be, in bytes.
const MAX_ARCHIVE: u64 = 2 << 30;
/// How many bytes may come out of one.
const MAX_UNPACKED: u64 = 4 << 30;
/// How many files, folders and links it may hold.
const MAX_FILES: usize = 200_000;
/// 1980-01-01, before which zip files (wheels) know no time, and 2107-12-31T23:59:59, after which they know none.
pub(super) const ZIP_TIMES: (i64, i64) = (315_532_800, 4_354_819_199);

/// An archive that was read.
pub(super) struct Archive {
    pub(super) name: String,
    pub(super) sha256: Sha256,
    pub(super) entries: Vec<Entry>,
    pub(super) spool: Spool,
    /// The time of the newest file, within [`ZIP_TIMES`].
    pub(super) newest: i64,
    /// How many entries of version control folders were left out.
    pub(super) left_out: usize,
}

/// An entry as the archive has it.
pub(super) struct Raw {
    pub(super) path: BString,
    pub(super) kind: RawKind,
    pub(super) time: i64,
}

pub(super) enum RawKind {
    Folder,
    File {
        executable: bool,
        offset: u64,
        length: u64,
    },
    Link(Vec<u8>),
    /// The path of an earlier file.
    HardLink(BString),
}

/// Collects what a reader of one format finds, within the limits.
pub(super) struct Unpacked {
    path: PathBuf,
    raw: Vec<Raw>,
    spool: Spool,
    left_out: usize,
}

impl Unpacked {
    pub(super) fn refuse(&self, path: &BStr, reason: &str) -> SourceError {
        let origin = self.path.display().to_string();
        SourceError::Entry { path: path.to_string(), origin, reason: reason.to_owned() }
    }

    pub(super) fn failed(&self, source: impl Into<Cause>) -> SourceError {
        SourceError::Archive { path: self.path.clone(), source: source.into() }
    }

    /// A clean relative path; `None` for the root and for what is left out.
    pub(super) fn path(&mut self, name: &[u8]) -> Result<Option<BString>, SourceError> {
        if name.starts_with(b"/") {
            return Err(self.refuse(name.as_bstr(), "its path is absolute"));
        }
        let parts: Vec<&[u8]> =
            name.split_str("/").filter(|part| !part.is_empty() && *part != b".").collect();
        if parts.contains(&&b".."[..]) {
            return Err(self.refuse(name.as_bstr(), "its path holds '..'"));
        }
        if parts.contains(&&b".git"[..]) {
            self.left_out += 1;
            return Ok(None);
        }
        Ok((!parts.is_empty()).then(|| parts.join(&b'/').into()))
    }

    pub(super) fn push(&mut self, path: BString, kind: RawKind, time: i64) -> Result<(), SourceError> {
        if self.raw.len() >= MAX_FILES {
            return Err(self.too_large(MAX_FILES as u64, "entries"));
        }
        self.raw.push(Raw { path, kind, time });
        Ok(())
    }

    /// Unpacks a file's bytes.
    pub(super) fn bytes(&mut self, reader: &mut dyn Read) -> Result<(u64, u64), SourceError> {
        let left = MAX_UNPACKED - self.spool.length();
        match self.spool.append(reader, left) {
            Ok(Some(place)) => Ok(place),
            Ok(None) => Err(self.too_large(MAX_UNPACKED, "bytes")),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn too_large(&self, limit: u64, unit: &'static str) -> SourceError {
        SourceError::TooLarge { origin: self.path.display().to_string(), limit, unit }
    }
}

impl Archive {
    /// Reads the archive at `path`. Its kind is told by its first bytes, not by its name.
    pub(super) fn read(path: &Path) -> Result<Self, SourceError> {
        let failed = || SourceError::io("read", path);
        let file = std::fs::File::open(path).map_err(failed())?;
        let mut bytes = Vec::new();
        // Read once: what is hashed is what is unpacked.
        file.take(MAX_ARCHIVE + 1).read_to_end(&mut bytes).map_err(failed())?;
        if bytes.len() as u64 > MAX_ARCHIVE {
            let origin = path.display().to_string();
            return Err(SourceError::TooLarge { origin, limit: MAX_ARCHIVE, unit: "bytes" });
        }
        let mut unpacked =
            Unpacked { path: path.to_owned(), raw: Vec::new(), spool: Spool::new(), left_out: 0 };
        match &bytes[..] {
            [0x1f, 0x8b, ..] => tar(&mut unpacked, flate2::read::MultiGzDecoder::new(&bytes[..]))?,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
                tar(&mut unpacked, liblzma::read::XzDecoder::new_multi_decoder(&bytes[..]))?;
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                let decoder =
                    zstd::stream::read::Decoder::new(&bytes[..]).map_err(|error| unpacked.failed(error))?;
                tar(&mut unpacked, decoder)?;
            }
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => {
                super::unzip::read(&mut unpacked, Cursor::new(&bytes))?;
            }
            plain if plain.get(257..262) == Some(b"ustar") => tar(&mut unpacked, plain)?,
            _ => return Err(SourceError::ArchiveKind { path: path.to_owned() }),
        }
        let sha256 = Sha256::of(&bytes);
        drop(bytes);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        unpacked.finish(name, sha256)
    }
}

impl Unpacked {
    fn finish(mut self, name: String, sha256: Sha256) -> Result<Archive, SourceError> {
        let raw = std::mem::take(&mut self.raw);
        let top = single_top(&raw).map(|top| [top, b"/"].concat());
        let newest = raw.iter().filter(|raw| !matches!(raw.kind, RawKind::Folder)).map(|raw| raw.time).max();
        let newest = newest.unwrap_or(0).clamp(ZIP_TIMES.0, ZIP_TIMES.1);
        // The last entry of a path counts, as in every tar program; a hard link takes the bytes seen so far.
        let mut by_path: HashMap<BString, Entry> = HashMap::new();
        let strip = |path: &BString| -> Option<BString> {
            match &top {
                Some(top) => path.strip_prefix(top.as_slice()).map(BString::from),
                None => Some(path.clone()),
            }
        };
        for Raw { path, kind, .. } in raw {
            let Some(path) = strip(&path) else { continue };
            let (mode, content) = match kind {
                RawKind::Folder => (Mode::Folder, Content::Nothing),
                RawKind::File { executable, offset, length } => {
                    let mode = if executable { Mode::Executable } else { Mode::File };
                    (mode, Content::Spooled { offset, length })
                }
                RawKind::Link(target) => (Mode::Link, Content::Here(target)),
                RawKind::HardLink(target) => {
                    let first = strip(&target).and_then(|target| by_path.get(&target));
                    let file = first.filter(|first| matches!(first.mode, Mode::File | Mode::Executable));
                    let Some(file) = file else {
                        let reason = "it is a hard link to no earlier file of the archive";
                        return Err(self.refuse(path.as_bstr(), reason));
                    };
                    (file.mode, file.content.clone())
                }
            };
            let folder = mode == Mode::Folder;
            let before = by_path.insert(path.clone(), Entry { path: path.clone(), mode, content, repo: 0 });
            if before.is_some_and(|before| (before.mode == Mode::Folder) != folder) {
                return Err(self.refuse(path.as_bstr(), "it is both a folder and a file"));
            }
        }
        let mut entries: Vec<Entry> = by_path.into_values().collect();
        drop_full_folders(&mut entries);
        tree::check(&mut entries, &self.path.display().to_string())?;
        let target = |entry: &Entry| match &entry.content {
            Content::Here(target) => Some(target.clone()),
            _ => None,
        };
        for link in entries.iter().filter(|entry| entry.mode == Mode::Link) {
            if tree::find(&entries, link.path.as_bstr(), &target) == Found::Outside {
                return Err(self.refuse(link.path.as_bstr(), "it is a link that leads out of the archive"));
            }
        }
        Ok(Archive { name, sha256, entries, spool: self.spool, newest, left_out: self.left_out })
    }
}

/// The one folder that everything lies in, as pip strips it (`has_leading_dir`).
fn single_top(raw: &[Raw]) -> Option<&[u8]> {
    let first = |raw: &Raw| raw.path.find_byte(b'/').unwrap_or(raw.path.len());
    let top = raw.first().map(|raw| &raw.path[..first(raw)])?;
    let folder = |raw: &Raw| first(raw) < raw.path.len() || matches!(raw.kind, RawKind::Folder);
    raw.iter().all(|raw| &raw.path[..first(raw)] == top && folder(raw)).then_some(top)
}

/// Folders count only where they are empty: others are there because of what they hold.
pub(super) fn drop_full_folders(entries: &mut Vec<Entry>) {
    let mut full: std::collections::HashSet<BString> = std::collections::HashSet::new();
    for entry in entries.iter() {
        let mut path = entry.path.as_bstr();
        while let Some(slash) = path.rfind_byte(b'/') {
            path = path[..slash].as_bstr();
            if !full.insert(path.to_owned()) {
                break;
            }
        }
    }
    entries.retain(|entry| {
        !entry.path.is_empty() && (entry.mode != Mode::Folder || !full.contains(&entry.path))
    });
}

fn tar(unpacked: &mut Unpacked, reader: impl Read) -> Result<(), SourceError> {
    use tar::EntryType;
    let mut archive = tar::Archive::new(reader);
    let entries = archive.entries().map_err(|error| unpacked.failed(error))?;
    for entry in entries {
        let mut entry = entry.map_err(|error| unpacked.failed(error))?;
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let name = BString::from(entry.path_bytes().into_owned());
        let Some(path) = unpacked.path(&name)? else { continue };
        let header = entry.header();
        let time = header.mtime().ok().and_then(|time| i64::try_from(time).ok()).unwrap_or(0);
        let executable = header.mode().is_ok_and(|mode| mode & 0o111 != 0);
        let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
        let raw = match kind {
            EntryType::Directory => RawKind::Folder,
            // The first tar had no folders: a name that ends in a slash was one.
            EntryType::Regular | EntryType::Continuous if name.ends_with(b"/") => RawKind::Folder,
            EntryType::Regular | EntryType::Continuous => {
                let (offset, length) = unpacked.bytes(&mut entry)?;
                RawKind::File { executable, offset, length }
            }
            EntryType::Symlink => RawKind::Link(target),
            EntryType::Link => {
                let Some(target) = unpacked.path(&target)? else {
                    return Err(unpacked.refuse(path.as_bstr(), "it is a hard link to a folder"));
                };
                RawKind::HardLink(target)
            }
            other => {
                let reason = match other {
                    EntryType::Char | EntryType::Block => "it is a device",
                    EntryType::Fifo => "it is a named pipe",
                    EntryType::GNUSparse => "it is a sparse file",
                    _ => "its type is unknown",
                };
                return Err(unpacked.refuse(path.as_bstr(), reason));
            }
        };
        unpacked.push(path, raw, time)?;
    }
    Ok(())
}
