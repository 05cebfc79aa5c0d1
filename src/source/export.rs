//! Writes a source where the box will see it.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, ByteSlice};
use gix::objs::Kind;
use rayon::prelude::*;

use super::checkout::Member;
use super::dotgit::{DotGit, IndexLine};
use super::error::SourceError;
use super::reader::Reader;
use super::spool::Spool;
use super::status::host_path;
use super::tree::{Content, Entry, Mode};
use super::write::{self, Bits};

/// How many files are in memory at once.
const CHUNK: usize = 128;

/// Everything that is written.
pub(super) struct Export<'a> {
    /// Sorted and checked: no entry lies below another that is no folder.
    pub(super) entries: &'a [Entry],
    /// The repositories of a checkout; none for archives and folders.
    pub(super) members: &'a [Member],
    pub(super) spool: Option<&'a Spool>,
    pub(super) epoch: i64,
}

impl Export<'_> {
    /// Writes into `dest`, which is empty or not there.
    pub(super) fn write(&self, dest: &Path) -> Result<(), SourceError> {
        let io = |path: &Path| SourceError::io("write", path.to_owned());
        match std::fs::read_dir(dest) {
            Ok(mut found) => {
                if found.next().is_some() {
                    return Err(io(dest)(io::ErrorKind::DirectoryNotEmpty.into()));
                }
                std::fs::remove_dir(dest).map_err(io(dest))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(dest)(error)),
        }
        write::folder(dest).map_err(io(dest))?;
        let folders = self.folders();
        for folder in &folders {
            let path = dest.join(host_path(folder));
            write::folder(&path).map_err(io(&path))?;
        }
        let mut dot_gits: Vec<DotGit<'_>> = Vec::new();
        for (number, member) in self.members.iter().enumerate() {
            let root = dest.join(host_path(member.folder.as_bstr()));
            dot_gits.push(DotGit::start(&root, member, number).map_err(io(&root))?);
        }
        let reader = || Reader::new(self.members, self.spool);
        for chunk in self.entries.chunks(CHUNK) {
            let one = |reader: &mut Reader<'_>, entry: &Entry| self.entry(reader, entry, dest);
            let contents: Vec<Vec<u8>> =
                chunk.par_iter().with_min_len(16).map_init(reader, one).collect::<Result<_, _>>()?;
            for (entry, content) in chunk.iter().zip(&contents) {
                if let (Some(dot_git), Some(member)) =
                    (dot_gits.get_mut(entry.repo), self.members.get(entry.repo))
                    && let Some(line) = index_line(entry, member, content)?
                {
                    dot_git.file(line, content).map_err(io(dest))?;
                }
            }
        }
        for dot_git in dot_gits {
            dot_git.finish(self.members, self.epoch)?;
        }
        for folder in folders.iter().rev().copied().chain([BStr::new("")]) {
            let path = if folder.is_empty() { dest.to_owned() } else { dest.join(host_path(folder)) };
            write::set_time(&path, self.epoch).map_err(io(&path))?;
        }
        Ok(())
    }

    /// Every folder, parents before what they hold.
    fn folders(&self) -> BTreeSet<&BStr> {
        let mut folders = BTreeSet::new();
        for entry in self.entries {
            let mut path = entry.path.as_bstr();
            if matches!(entry.mode, Mode::Submodule | Mode::Folder) {
                folders.insert(path);
            }
            while let Some(slash) = path.rfind_byte(b'/') {
                path = path[..slash].as_bstr();
                if !folders.insert(path) {
                    break;
                }
            }
        }
        folders
    }

    fn entry(&self, reader: &Reader<'_>, entry: &Entry, dest: &Path) -> Result<Vec<u8>, SourceError> {
        let content = reader.read(entry)?;
        let path: PathBuf = dest.join(host_path(entry.path.as_bstr()));
        let done = match entry.mode {
            Mode::File | Mode::Executable if is_lfs_pointer(&content) => {
                return Err(SourceError::LfsPointer { path: entry.path.to_string() });
            }
            Mode::File => write::file_at(&path, &content, Bits::Plain, self.epoch),
            Mode::Executable => write::file_at(&path, &content, Bits::Executable, self.epoch),
            Mode::Link => write::link(&path, host_path(content.as_bstr()), self.epoch),
            Mode::Submodule | Mode::Folder => Ok(()),
        };
        done.map_err(SourceError::io("write", &path))?;
        Ok(content)
    }
}

fn index_line(entry: &Entry, member: &Member, content: &[u8]) -> Result<Option<IndexLine>, SourceError> {
    let below = entry.path.strip_prefix(member.folder.as_slice()).unwrap_or(&entry.path);
    let path = below.strip_prefix(b"/").filter(|_| !member.folder.is_empty()).unwrap_or(below).into();
    let id = match &entry.content {
        Content::Blob(id) | Content::Commit(id) => *id,
        Content::Host(..) | Content::Here(_) => {
            gix::objs::compute_hash(member.commit.id.kind(), Kind::Blob, content)
                .map_err(|error| SourceError::git("a file's object name", &member.repo.place, error))?
        }
        Content::Spooled { .. } | Content::Nothing => return Ok(None),
    };
    let size = if entry.mode == Mode::Submodule { 0 } else { content.len() as u64 };
    Ok(Some(IndexLine { path, mode: entry.mode, id, size }))
}

/// Git LFS specification, "The Pointer": the version line first, then sorted keys, less than 1024 bytes.
fn is_lfs_pointer(content: &[u8]) -> bool {
    let first = [
        &b"version https://git-lfs.github.com/spec/v1\n"[..],
        b"version https://hawser.github.com/spec/v1\n",
    ];
    content.len() < 1024
        && first.iter().any(|line| content.starts_with(line))
        && content.contains_str("\noid sha256:")
        && content.contains_str("\nsize ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lfs_pointers_are_known() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        assert!(is_lfs_pointer(pointer));
        assert!(!is_lfs_pointer(b"version https://git-lfs.github.com/spec/v1\nis a text about it\n"));
        assert!(!is_lfs_pointer(&[&pointer[..], &[b'x'; 1024]].concat()));
    }
}
