//! What a tree holds, as one digest: every path with its kind, its x bit, its size and digest or its link's target.

use std::fs::{self, File, Metadata, Permissions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::StoreError;
use super::blob::CHUNK;
use super::error::IoContext;
use crate::digest::{HashingReader, Sha256};

/// A tree's digest and what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manifest {
    pub digest: Sha256,
    pub files: u64,
    pub bytes: u64,
}

/// What is done to a tree while it is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modes {
    /// Folders become 0555, files 0555 or 0444.
    Set,
    /// Nothing. A mode that [`Modes::Set`] would not have made is part of the digest.
    Keep,
}

enum Kind {
    Folder,
    Link(PathBuf),
    File,
}

struct Entry {
    /// Below the tree's root; empty for the root itself.
    path: PathBuf,
    mode: u32,
    kind: Kind,
}

impl Manifest {
    /// Hashes the tree at `root`, its files in parallel.
    pub(super) fn of(root: &Path, modes: Modes) -> Result<Self, StoreError> {
        let mut entries = Vec::new();
        list(root, Path::new(""), modes, &mut entries)?;
        entries.sort_unstable_by(|a, b| a.path.as_os_str().as_bytes().cmp(b.path.as_os_str().as_bytes()));
        let hashed: Vec<(Sha256, u64)> = entries
            .par_iter()
            .map_init(|| vec![0; CHUNK], |buffer, entry| hash(root, entry, buffer))
            .collect::<Result<_, _>>()?;
        let mut text = b"sealwright tree 1\n".to_vec();
        let (mut files, mut bytes) = (0, 0);
        for (entry, (digest, size)) in entries.iter().zip(hashed) {
            // NUL ends what may hold anything, so that no two trees have one text.
            let mode = entry.mode;
            text.extend_from_slice(entry.path.as_os_str().as_bytes());
            match &entry.kind {
                Kind::Folder => text.extend_from_slice(format!("\0d {mode:o}\n").as_bytes()),
                Kind::Link(target) => {
                    text.extend_from_slice(b"\0l ");
                    text.extend_from_slice(target.as_os_str().as_bytes());
                    text.extend_from_slice(b"\0\n");
                }
                Kind::File => {
                    files += 1;
                    bytes += size;
                    text.extend_from_slice(format!("\0f {mode:o} {size} {digest}\n").as_bytes());
                }
            }
        }
        Ok(Self { digest: Sha256::of(&text), files, bytes })
    }
}

fn list(root: &Path, below: &Path, modes: Modes, entries: &mut Vec<Entry>) -> Result<(), StoreError> {
    let folder = root.join(below);
    let meta = fs::symlink_metadata(&folder).io("read", &folder)?;
    let mode = fixed(&folder, &meta, 0o555, modes)?;
    entries.push(Entry { path: below.to_owned(), mode, kind: Kind::Folder });
    for entry in fs::read_dir(&folder).io("list", &folder)? {
        let entry = entry.io("list", &folder)?;
        let path = below.join(entry.file_name());
        let full = entry.path();
        let meta = entry.metadata().io("read", &full)?;
        let kind = meta.file_type();
        if kind.is_dir() {
            list(root, &path, modes, entries)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&full).io("read", &full)?;
            entries.push(Entry { path, mode: 0o777, kind: Kind::Link(target) });
        } else if kind.is_file() {
            let wanted = if meta.mode() & 0o111 == 0 { 0o444 } else { 0o555 };
            let mode = fixed(&full, &meta, wanted, modes)?;
            entries.push(Entry { path, mode, kind: Kind::File });
        } else {
            return Err(StoreError::Kind { path: full, kind: name(kind) });
        }
    }
    Ok(())
}

fn fixed(path: &Path, meta: &Metadata, wanted: u32, modes: Modes) -> Result<u32, StoreError> {
    let mode = meta.mode() & 0o7777;
    if mode == wanted || modes == Modes::Keep {
        return Ok(mode);
    }
    fs::set_permissions(path, Permissions::from_mode(wanted)).io("set the mode of", path)?;
    Ok(wanted)
}

fn name(kind: fs::FileType) -> &'static str {
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

fn hash(root: &Path, entry: &Entry, buffer: &mut [u8]) -> Result<(Sha256, u64), StoreError> {
    match entry.kind {
        Kind::Folder | Kind::Link(_) => Ok((Sha256::of(""), 0)),
        Kind::File => {
            let path = root.join(&entry.path);
            let mut reader = HashingReader::new(File::open(&path).io("read", &path)?);
            while reader.read(buffer).io("read", &path)? > 0 {}
            Ok(reader.finish())
        }
    }
}
