//! A folder that is no checkout, as a source.

use std::path::Path;

use gix::bstr::{BString, ByteSlice};
use rayon::prelude::*;

use crate::digest::Sha256;

use super::IgnoredPaths;
use super::archive::drop_full_folders;
use super::error::SourceError;
use super::tree::{self, Content, Entry, MAX_ENTRIES, Mode};

/// A folder that was read.
pub(super) struct Folder {
    pub(super) entries: Vec<Entry>,
    /// How many version control folders were left out.
    pub(super) left_out: usize,
}

impl Folder {
    /// Lists and hashes everything below `root`, except `ignored` and folders called `.git`.
    pub(super) fn read(root: &Path, ignored: &IgnoredPaths) -> Result<Self, SourceError> {
        let root = root.canonicalize().map_err(SourceError::io("open", root))?;
        let origin = root.display().to_string();
        let mut entries = Vec::new();
        let mut left_out = 0;
        let mut walk = walkdir::WalkDir::new(&root).min_depth(1).into_iter();
        while let Some(found) = walk.next() {
            let found = found.map_err(|error| {
                let path = error.path().unwrap_or(&root).to_owned();
                SourceError::io("read", path)(error.into())
            })?;
            let host = found.path();
            let relative = host.strip_prefix(&root).unwrap_or(host);
            let path = BString::from(relative.as_os_str().as_encoded_bytes());
            let kind = found.file_type();
            let git = found.file_name() == ".git";
            if git || ignored.holds(path.as_bstr(), "".into()) {
                left_out += usize::from(git);
                if kind.is_dir() {
                    walk.skip_current_dir();
                }
                continue;
            }
            if entries.len() >= MAX_ENTRIES {
                return Err(SourceError::TooLarge { origin, limit: MAX_ENTRIES as u64, unit: "entries" });
            }
            let failed = || SourceError::io("read", host);
            let (mode, content) = if kind.is_dir() {
                (Mode::Folder, Content::Nothing)
            } else if kind.is_symlink() {
                let target = std::fs::read_link(host).map_err(failed())?;
                (Mode::Link, Content::Here(target.into_os_string().into_encoded_bytes()))
            } else if kind.is_file() {
                use std::os::unix::fs::PermissionsExt as _;
                let metadata = host.symlink_metadata().map_err(failed())?;
                let executable = metadata.permissions().mode() & 0o100 != 0;
                let mode = if executable { Mode::Executable } else { Mode::File };
                (mode, Content::Host(host.to_owned(), Sha256::of([])))
            } else {
                let reason = "it is neither file nor folder nor link".to_owned();
                return Err(SourceError::Entry { path: path.to_string(), origin, reason });
            };
            entries.push(Entry { path, mode, content, repo: 0 });
        }
        drop_full_folders(&mut entries);
        tree::check(&mut entries, &origin)?;
        entries.par_iter_mut().with_min_len(16).try_for_each(|entry| {
            if let Content::Host(path, digest) = &mut entry.content {
                let failed = |error| SourceError::io("read", &*path)(error);
                let file = std::fs::File::open(&*path).map_err(failed)?;
                (*digest, _) = Sha256::of_reader(file).map_err(failed)?;
            }
            Ok::<(), SourceError>(())
        })?;
        Ok(Self { entries, left_out })
    }
}
