//! What differs between a commit, the index and the work tree. Nothing that the repository configures runs:
//! where stat data do not settle it, contents are compared, after git's built-in conversions only.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::entry::{Flags, Mode as IndexMode, Stage, Stat};
use gix::index::fs::Metadata;
use gix::objs::Kind;
use rayon::prelude::*;

use super::commit::Commit;
use super::convert::Converter;
use super::error::SourceError;
use super::repository::Objects;
use super::tree::{Content, Mode};
use super::untracked;

/// A change that the commit does not hold, in git's own words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dirt {
    pub(super) path: BString,
    pub(super) change: Change,
}

/// The kinds of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    Added,
    Removed,
    Replaced,
    Unmerged,
    Deleted,
    Content,
    Mode,
    Type,
    OtherCommit,
}

impl Change {
    fn word(self) -> &'static str {
        match self {
            Self::Added => "new file",
            Self::Removed => "deleted (staged)",
            Self::Replaced => "changed (staged)",
            Self::Unmerged => "unmerged",
            Self::Deleted => "deleted",
            Self::Content => "modified",
            Self::Mode => "mode changed",
            Self::Type => "type changed",
            Self::OtherCommit => "other commit checked out",
        }
    }
}

impl std::fmt::Display for Dirt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.change.word(), self.path)
    }
}

/// A tracked file of the work tree as `--allow-dirty` builds it.
pub(super) struct Tracked {
    pub(super) path: BString,
    pub(super) mode: Mode,
    pub(super) id: ObjectId,
    /// Whether the work tree holds what the index names.
    pub(super) state: State,
}

/// How a file of the work tree compares with its index entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Equal (or not to be looked at: sparse checkouts, `--assume-unchanged`).
    Same,
    /// Other bytes, mode or type: what is there now counts.
    Differs(Change, Mode),
    /// Not there.
    Gone,
    /// A submodule's folder: its own repository tells.
    Submodule,
}

/// What one work tree holds.
pub(super) struct WorkTree {
    pub(super) dirt: Vec<Dirt>,
    pub(super) tracked: Vec<Tracked>,
    /// How many files are neither tracked nor ignored.
    pub(super) untracked: usize,
}

/// Compares the work tree at `root` with `commit`. `skip` says which paths are never dirt.
pub(super) fn inspect(
    objects: &Objects<'_>,
    root: &Path,
    commit: &Commit,
    skip: &dyn Fn(&BStr) -> bool,
) -> Result<WorkTree, SourceError> {
    let failed = |error: gix::Error| SourceError::git("the index", root, error);
    let mut index = match objects.git.try_index().map_err(failed)? {
        Some(_) => objects.git.open_index().map_err(failed)?,
        None => gix::index::File::from_state(gix::index::State::new(commit.id.kind()), root),
    };
    let mut dirt = staged(&index, commit);
    let stat_options = objects.git.stat_options().map_err(failed)?;
    let capabilities = objects.git.filesystem_options().map_err(failed)?;
    let folders = real_folders(&index, root);
    let timestamp = index.timestamp();
    let look = |entry: &gix::index::Entry| {
        let path = entry.path(&index);
        let known = Flags::SKIP_WORKTREE | Flags::ASSUME_VALID;
        if entry.mode == IndexMode::COMMIT {
            return Look::Done(State::Submodule);
        }
        if entry.mode == IndexMode::DIR || entry.flags.intersects(known) {
            return Look::Done(State::Same);
        }
        let folder = path.rfind_byte(b'/').map_or(&b""[..], |slash| &path[..slash]);
        let file = root.join(host_path(path));
        // git too takes what lies behind a link for gone: reading through it would leave the work tree.
        let metadata = folders
            .get(folder.as_bstr())
            .copied()
            .unwrap_or(true)
            .then(|| Metadata::from_path_no_follow(&file).ok());
        let Some(metadata) = metadata.flatten() else { return Look::Done(State::Gone) };
        let executable = entry.mode == IndexMode::FILE_EXECUTABLE;
        let actual = if metadata.is_symlink() {
            Mode::Link
        } else if !metadata.is_file() {
            return Look::Done(State::Gone);
        } else if if capabilities.executable_bit { metadata.is_executable() } else { executable } {
            Mode::Executable
        } else {
            Mode::File
        };
        let expected = mode_of(entry.mode);
        if (actual == Mode::Link) != (expected == Mode::Link) {
            return Look::Done(State::Differs(Change::Type, actual));
        }
        if entry.flags.contains(Flags::INTENT_TO_ADD) {
            return Look::Done(State::Differs(Change::Content, actual));
        }
        let same_stat = Stat::from_fs(&metadata).is_ok_and(|stat| entry.stat.matches(&stat, stat_options));
        let same = same_stat && !entry.stat.is_racy(timestamp, stat_options);
        if same || content_is(&file, actual, entry.id) {
            return Look::Done(if actual == expected {
                State::Same
            } else {
                State::Differs(Change::Mode, actual)
            });
        }
        Look::Convert(file, actual)
    };
    let looks: Vec<Look> = index.entries().par_iter().with_min_len(64).map(look).collect();

    let mut converter = Converter::new(objects, &index);
    let mut tracked = Vec::with_capacity(looks.len());
    let mut present = Vec::with_capacity(looks.len());
    for (entry, look) in index.entries().iter().zip(looks) {
        let path = entry.path(&index);
        let state = match look {
            Look::Done(state) => state,
            Look::Convert(file, mode) => match converter.blob_id(path, &file) {
                Some(id) if id == entry.id && mode == mode_of(entry.mode) => State::Same,
                Some(id) if id == entry.id => State::Differs(Change::Mode, mode),
                Some(_) | None => State::Differs(Change::Content, mode),
            },
        };
        present.push(state != State::Gone);
        if entry.stage() != Stage::Unconflicted {
            dirt.push(Dirt { path: path.to_owned(), change: Change::Unmerged });
            let again = tracked.last().is_some_and(|last: &Tracked| last.path == path);
            if !again && state != State::Gone {
                let mode = if let State::Differs(_, mode) = state { mode } else { mode_of(entry.mode) };
                tracked.push(Tracked { path: path.to_owned(), mode, id: entry.id, state });
            }
            continue;
        }
        match state {
            State::Same | State::Submodule => {}
            State::Gone => dirt.push(Dirt { path: path.to_owned(), change: Change::Deleted }),
            State::Differs(change, _) => dirt.push(Dirt { path: path.to_owned(), change }),
        }
        if entry.mode != IndexMode::DIR {
            let mode = mode_of(entry.mode);
            tracked.push(Tracked { path: path.to_owned(), mode, id: entry.id, state });
        }
    }
    drop(converter);
    dirt.retain(|dirt| !skip(dirt.path.as_bstr()));
    dirt.sort_unstable();
    dirt.dedup_by(|next, first| next.path == first.path);
    for (entry, present) in index.entries_mut().iter_mut().zip(present) {
        entry.flags.set(Flags::UPTODATE, present);
    }
    let untracked = untracked::count(objects, root, &index, skip)?;
    Ok(WorkTree { dirt, tracked, untracked })
}

enum Look {
    Done(State),
    /// Other bytes than the blob's: equal only if git converts between the two.
    Convert(PathBuf, Mode),
}

/// The difference between the commit's tree and the index.
fn staged(index: &gix::index::State, commit: &Commit) -> Vec<Dirt> {
    let mut dirt = Vec::new();
    let mut sparse: Vec<BString> = Vec::new();
    let mut note = |path: &BStr, change| dirt.push(Dirt { path: path.to_owned(), change });
    let mut seen: std::collections::HashSet<&BStr> = std::collections::HashSet::new();
    for entry in index.entries() {
        let path = entry.path(index);
        if entry.mode == IndexMode::DIR {
            let folder = path.trim_end_with(|c| c == '/').as_bstr();
            let found = commit.trees.binary_search_by(|(known, _)| known.as_bstr().cmp(folder));
            if found.is_ok_and(|index| commit.trees[index].1 == entry.id) {
                sparse.push(path.to_owned());
            } else {
                note(path, Change::Replaced);
            }
            continue;
        }
        seen.insert(path);
        if entry.stage() != Stage::Unconflicted {
            continue;
        }
        match commit.entry(path) {
            None => note(path, Change::Added),
            Some(in_commit) => {
                let id = match in_commit.content {
                    Content::Blob(id) | Content::Commit(id) => Some(id),
                    Content::Host(..) | Content::Here(_) | Content::Spooled { .. } | Content::Nothing => None,
                };
                if id != Some(entry.id) || in_commit.mode != mode_of(entry.mode) {
                    note(path, Change::Replaced);
                }
            }
        }
    }
    for entry in &commit.entries {
        let path = entry.path.as_bstr();
        if !seen.contains(path) && !sparse.iter().any(|folder| path.starts_with(folder)) {
            note(path, Change::Removed);
        }
    }
    dirt
}

fn mode_of(mode: IndexMode) -> Mode {
    if mode == IndexMode::FILE_EXECUTABLE {
        Mode::Executable
    } else if mode == IndexMode::SYMLINK {
        Mode::Link
    } else if mode == IndexMode::COMMIT {
        Mode::Submodule
    } else {
        Mode::File
    }
}

/// Which folders of tracked files are folders all the way, and no links.
fn real_folders<'a>(index: &'a gix::index::State, root: &Path) -> HashMap<&'a BStr, bool> {
    let mut known: HashMap<&BStr, bool> = HashMap::new();
    let mut last: &[u8] = b"";
    for entry in index.entries() {
        let path = entry.path(index);
        let folder = path.rfind_byte(b'/').map_or(&b""[..], |slash| &path[..slash]);
        if folder == last {
            continue;
        }
        last = folder;
        let mut good = true;
        for end in folder.find_iter("/").chain([folder.len()]) {
            let part = folder[..end].as_bstr();
            good = good
                && *known.entry(part).or_insert_with(|| {
                    root.join(host_path(part)).symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
                });
        }
        known.insert(folder.as_bstr(), good);
    }
    known
}

/// A path of git as one of the host.
pub(super) fn host_path(path: &BStr) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(path))
}

/// What a link or a file holds.
pub(super) fn content(file: &Path, mode: Mode) -> std::io::Result<Vec<u8>> {
    match mode {
        Mode::Link => Ok(std::fs::read_link(file)?.into_os_string().into_encoded_bytes()),
        Mode::File | Mode::Executable | Mode::Submodule | Mode::Folder => std::fs::read(file),
    }
}

fn content_is(file: &Path, mode: Mode, id: ObjectId) -> bool {
    let Ok(bytes) = content(file, mode) else { return false };
    gix::objs::compute_hash(id.kind(), Kind::Blob, &bytes).is_ok_and(|actual| actual == id)
}
