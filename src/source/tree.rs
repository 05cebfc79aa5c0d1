//! The files of a source as one sorted list, the rules that names must keep, and the digest of such a list.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::PathBuf;

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};

use crate::digest::{HashingWriter, Sha256};

use super::error::SourceError;

/// How many entries a source may have.
pub(super) const MAX_ENTRIES: usize = 1_000_000;
/// How many bytes a path may have: the kernel's `PATH_MAX`, with room for the folder that it is written to.
const MAX_PATH: usize = 3584;

/// The kinds of entries, which are all that modes are reduced to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A file, written 0644.
    File,
    /// A file, written 0755.
    Executable,
    /// A symbolic link; its content is its target.
    Link,
    /// A submodule's folder. Its files are entries of their own.
    Submodule,
    /// An empty folder (archives and folders only).
    Folder,
}

impl Mode {
    /// The mode as git writes it in trees and in the index.
    pub(super) fn git(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Submodule => "160000",
            Self::Folder => "040000",
        }
    }

    fn is_folder(self) -> bool {
        match self {
            Self::Submodule | Self::Folder => true,
            Self::File | Self::Executable | Self::Link => false,
        }
    }
}

/// Where an entry's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// In the object database of the entry's repository.
    Blob(ObjectId),
    /// A commit of the repository at that path.
    Commit(ObjectId),
    /// A file of the host that had this content when it was inspected.
    Host(PathBuf, Sha256),
    /// Here: the target of a link.
    Here(Vec<u8>),
    /// In the archive's unpacked bytes.
    Spooled { offset: u64, length: u64 },
    /// A folder has none.
    Nothing,
}

/// One entry of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative to the root of the source, with `/`.
    pub(super) path: BString,
    /// What it is.
    pub(super) mode: Mode,
    /// Its bytes.
    pub(super) content: Content,
    /// The index of the repository that it belongs to (0: the outermost; meaningless without a checkout).
    pub(super) repo: usize,
}

/// Why a name may not be written. The rules are git's own (`verify_path`, with `core.protectHFS` and
/// `core.protectNTFS`), whatever the host's file system is.
pub(super) fn refused_name(name: &BStr, mode: Option<Mode>) -> Option<String> {
    use gix::validate::path::component::{Mode as Kind, Options};
    let options = Options { protect_windows: false, protect_hfs: true, protect_ntfs: true };
    let link = (mode == Some(Mode::Link)).then_some(Kind::Symlink);
    if name.contains(&0) {
        return Some("a name must not hold a zero byte".to_owned());
    }
    gix::validate::path::component(name, link, options).err().map(|error| error.to_string())
}

/// Sorts `entries` by path and refuses what could be written elsewhere than it says: bad names, two entries
/// with one path, entries below something that is no folder (a link above all).
pub(super) fn check(entries: &mut [Entry], origin: &str) -> Result<(), SourceError> {
    let refuse = |path: &BStr, reason: String| {
        Err(SourceError::Entry { path: path.to_string(), origin: origin.to_owned(), reason })
    };
    if entries.len() > MAX_ENTRIES {
        return Err(SourceError::TooLarge {
            origin: origin.to_owned(),
            limit: MAX_ENTRIES as u64,
            unit: "entries",
        });
    }
    entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let leaves: HashSet<&[u8]> =
        entries.iter().filter(|entry| !entry.mode.is_folder()).map(|entry| entry.path.as_slice()).collect();
    let mut good_folders: HashSet<&[u8]> = HashSet::new();
    let mut previous: Option<&BString> = None;
    for entry in entries.iter() {
        let path = entry.path.as_bstr();
        if previous == Some(&entry.path) {
            return refuse(path, "it is there twice".to_owned());
        }
        previous = Some(&entry.path);
        if path.len() > MAX_PATH {
            return refuse(path, format!("its path is longer than {MAX_PATH} bytes"));
        }
        if path.starts_with(b"/") {
            return refuse(path, "its path is absolute".to_owned());
        }
        let name_start = path.rfind_byte(b'/').map_or(0, |slash| slash + 1);
        if let Some(reason) = refused_name(path[name_start..].as_bstr(), Some(entry.mode)) {
            return refuse(path, reason);
        }
        let mut folder = path[..name_start.saturating_sub(1)].as_bytes();
        while !folder.is_empty() && good_folders.insert(folder) {
            if leaves.contains(folder) {
                return refuse(path, format!("{:?} is a file or a link, not a folder", folder.as_bstr()));
            }
            let start = folder.rfind_byte(b'/').map_or(0, |slash| slash + 1);
            if let Some(reason) = refused_name(folder[start..].as_bstr(), None) {
                return refuse(path, reason);
            }
            folder = &folder[..start.saturating_sub(1)];
        }
    }
    Ok(())
}

/// The digest of a tree without a commit: SHA-256 over the ASCII line `sealwright-tree-v1`, a zero byte, and for
/// each entry, sorted by path as bytes: the mode as git writes it (`100644`, `100755`, `120000`; `040000` for an
/// empty folder), a space, the SHA-256 of the content in lower-case hexadecimal (of a link: of its target; of a
/// folder: of nothing), a space, the path with `/` as its bytes are, and a zero byte. The files of submodules
/// count as files of the tree; their folders do not count by themselves.
pub(super) struct TreeDigest(HashingWriter<Vec<u8>>);

impl TreeDigest {
    pub(super) fn new() -> Self {
        let mut digest = Self(HashingWriter::new(Vec::new()));
        digest.update(super::tree_digest_algorithm().as_bytes());
        digest.update(b"\0");
        digest
    }

    /// Adds the next entry in the order of paths.
    pub(super) fn add(&mut self, mode: Mode, content: &Sha256, path: &BStr) {
        for part in [mode.git().as_bytes(), b" ", content.to_hex().as_bytes(), b" ", path, b"\0"] {
            self.update(part);
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes); // memory takes everything
    }

    pub(super) fn finish(self) -> Sha256 {
        self.0.finish().1
    }
}

/// How many links are followed for one path: the kernel's own limit (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// To an entry that is no link.
    Entry(&'a Entry),
    /// To nothing, or round in a circle, but never out of the source.
    Nothing,
    /// Out of the source.
    Outside,
}

/// Follows `path` (relative to the root) through the links of `entries`, which are sorted. `target` reads a link.
pub(super) fn find<'a>(
    entries: &'a [Entry],
    path: &BStr,
    target: &dyn Fn(&Entry) -> Option<Vec<u8>>,
) -> Found<'a> {
    let mut todo: Vec<BString> = path.split(|byte| *byte == b'/').rev().map(BString::from).collect();
    let mut done = BString::default();
    let mut links = 0;
    let mut found = Found::Nothing;
    if path.starts_with(b"/") {
        return Found::Outside;
    }
    while let Some(part) = todo.pop() {
        if part.is_empty() || part == "." {
            continue;
        }
        if part == ".." {
            if done.is_empty() {
                return Found::Outside;
            }
            let end = done.rfind_byte(b'/').unwrap_or(0);
            done.truncate(end);
            found = Found::Nothing;
            continue;
        }
        let parent = done.len();
        if !done.is_empty() {
            done.push(b'/');
        }
        done.extend_from_slice(&part);
        let here = entries.binary_search_by(|entry| entry.path.cmp(&done)).ok().map(|index| &entries[index]);
        found = here.map_or(Found::Nothing, Found::Entry);
        if let Some(link) = here.filter(|entry| entry.mode == Mode::Link) {
            links += 1;
            let Some(to) = target(link).filter(|_| links <= MAX_LINKS) else { return Found::Nothing };
            if to.starts_with(b"/") {
                return Found::Outside;
            }
            todo.extend(to.split(|byte| *byte == b'/').rev().map(BString::from));
            done.truncate(parent);
            found = Found::Nothing;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, mode: Mode) -> Entry {
        let content = Content::Here(Vec::new());
        Entry { path: path.into(), mode, content, repo: 0 }
    }

    fn link(path: &str, target: &str) -> Entry {
        Entry { content: Content::Here(target.into()), ..entry(path, Mode::Link) }
    }

    #[test]
    fn hostile_names_are_refused() {
        let refused = [
            ".git",
            ".GIT/config",
            "a/.Git/x",
            "..",
            "a/../b",
            "./a",
            "/a",
            "a//b",
            "a/",
            "",
            ".git .",
            "git~1/x",
            ".g\u{200c}it/config",
            ".git::$INDEX_ALLOCATION/x",
            "a\0b",
        ];
        for path in refused {
            assert!(check(&mut [entry(path, Mode::File)], "x").is_err(), "{path:?}");
        }
        for path in [".gitignore", "a/.github/x", "aux.py", "con", "a:b", "a\\b", "…", "git", "x.git/y", " "]
        {
            assert!(check(&mut [entry(path, Mode::File)], "x").is_ok(), "{path:?}");
        }
        assert!(check(&mut [link(".gitmodules", "x")], "x").is_err());
    }

    #[test]
    fn nothing_may_lie_below_a_link_or_a_file_or_twice() {
        let mut below_link = [link("a", "/etc"), entry("a.b", Mode::File), entry("a/passwd", Mode::File)];
        assert!(check(&mut below_link, "x").is_err());
        let mut deep = [link("a/b", "/etc"), entry("a/b/c/d", Mode::File)];
        assert!(check(&mut deep, "x").is_err());
        assert!(check(&mut [entry("a", Mode::File), entry("a", Mode::File)], "x").is_err());
        assert!(check(&mut [entry("a", Mode::Submodule), entry("a/b", Mode::File)], "x").is_ok());
    }

    #[test]
    fn links_are_followed_only_inside() {
        let mut entries = vec![
            entry("real/file", Mode::File),
            link("dir", "real"),
            link("up", "../outside"),
            link("abs", "/etc/passwd"),
            link("loop", "loop"),
            link("a/back", "../dir/file"),
            link("a/top", ".."),
        ];
        check(&mut entries, "x").unwrap();
        let target = |entry: &Entry| match &entry.content {
            Content::Here(bytes) => Some(bytes.clone()),
            _ => None,
        };
        let path = |path: &str| find(&entries, path.into(), &target);
        let file = Found::Entry(&entries[entries.len() - 2]);
        for good in ["dir/file", "a/back", "real/../dir/./file"] {
            assert_eq!(path(good), file, "{good}");
        }
        for none in ["loop", "dir", "real/file/..", "nothing", "nothing/../x"] {
            assert_eq!(path(none), Found::Nothing, "{none}");
        }
        // Lexically the last one stays inside; where its link leads, it does not.
        for outside in ["up", "abs", "../real/file", "/real/file", "a/top/.."] {
            assert_eq!(path(outside), Found::Outside, "{outside}");
        }
    }

    #[test]
    fn the_digest_is_the_documented_one() {
        let mut digest = TreeDigest::new();
        digest.add(Mode::File, &Sha256::of("x"), "a".into());
        let text = format!("sealwright-tree-v1\0100644 {} a\0", Sha256::of("x"));
        assert_eq!(digest.finish(), Sha256::of(text));
    }
}
