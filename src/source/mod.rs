//! What the box gets to build: a commit, an archive or a folder, read without starting any process.
//!
//! A checkout is never built from its work tree: the commit's tree comes straight out of the object database,
//! so that no attribute, filter, hook, file-system monitor or credential helper that the repository configures
//! can run or change a byte. Replacement refs and grafts are ignored: the commit that is named is the one that
//! is built. Every object is hashed again against its name.

mod archive;
mod checkout;
mod commit;
mod convert;
mod dotgit;
mod error;
mod export;
mod folder;
mod history;
mod identity;
mod pack;
mod reader;
mod repository;
mod scm;
mod spool;
mod status;
mod submodule;
mod tree;
mod untracked;
mod unzip;
mod uri;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, BString, ByteSlice};

use archive::Archive;
use checkout::{Checkout, Files, Member};
use folder::Folder;
use reader::Reader;
use spool::Spool;
use tree::{Entry, Found, Mode};

pub use error::{Completeness, SourceError};
pub use identity::{CommitIdentity, GitId, SourceIdentity, SubmoduleIdentity, TagIdentity};

/// A source that was inspected. Nothing was written yet.
pub struct Source {
    identity: SourceIdentity,
    entries: Vec<Entry>,
    members: Vec<Member>,
    spool: Option<Spool>,
    epoch: i64,
    subdirectory: String,
    notes: Vec<String>,
}

/// Where repositories of submodules are, by their folders in the source; those that are not among them are looked for where
/// git puts them.
pub type Submodules = BTreeMap<String, PathBuf>;

/// What to do about uncommitted changes of tracked files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirtyPolicy {
    /// They are an error.
    Refuse,
    /// They are built as they are, and the identity says so.
    Allow,
}

/// How much of the history a project's version needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryNeed {
    /// None: the version is written in the source.
    None,
    /// The whole history, because of what is named here (for instance `setuptools-scm`).
    Full(String),
}

/// Paths in the project's folder that are neither dirt nor source: the lock and the output folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredPaths(Vec<String>);

impl IgnoredPaths {
    /// `paths` are relative to the project's folder, with `/`; one that ends in `/` stands for a folder.
    pub fn new(paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(paths.into_iter().map(Into::into).collect())
    }
}

impl IgnoredPaths {
    /// Whether `path` of the source is one of them, in a project at `folder`.
    fn holds(&self, path: &BStr, folder: &BStr) -> bool {
        let Some(path) = path.strip_prefix(folder.as_bytes()) else { return false };
        let path = if folder.is_empty() { Some(path) } else { path.strip_prefix(b"/") };
        path.is_some_and(|path| {
            self.0.iter().any(|ignored| match ignored.strip_suffix('/') {
                Some(folder) => path
                    .strip_prefix(folder.as_bytes())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")),
                None => path == ignored.as_bytes(),
            })
        })
    }
}

impl Default for IgnoredPaths {
    /// `sealwright.lock`, `dist/` and `provenance/`.
    fn default() -> Self {
        Self::new(["sealwright.lock", "dist/", "provenance/"])
    }
}

impl Source {
    /// Inspects the git checkout that `dir` is in; `dir` is the project's folder, the root of the work tree or
    /// below it.
    ///
    /// # Errors
    /// No checkout or no commit there, uncommitted changes that are refused, an entry that git refuses too, a
    /// missing object or submodule.
    pub fn checkout(dir: &Path, dirty: DirtyPolicy, ignored: &IgnoredPaths) -> Result<Self, SourceError> {
        let checkout = Checkout::load(dir, Files::Commit, ignored)?;
        if checkout.dirt.is_empty() {
            let identity = SourceIdentity::Commit(checkout.identity.clone());
            return Ok(Self::of_checkout(checkout, identity));
        }
        match dirty {
            DirtyPolicy::Refuse => {
                let listed = checkout.dirt.iter().take(LISTED_DIRT).map(ToString::to_string).collect();
                Err(SourceError::Dirty { count: checkout.dirt.len(), listed })
            }
            DirtyPolicy::Allow => {
                let checkout = Checkout::load(dir, Files::WorkTree, ignored)?;
                let tree = checkout.digest()?;
                let identity = SourceIdentity::Dirty { head: checkout.identity.clone(), tree };
                Ok(Self::of_checkout(checkout, identity))
            }
        }
    }

    /// The commit that a statement names, out of the git repository at or around `dir`, whatever is checked out there: with the
    /// history, the tags and the submodules that it names and no others.
    ///
    /// # Errors
    /// No repository there, or it does not hold them, or they are not what the statement says.
    pub fn at(dir: &Path, stated: &CommitIdentity, submodules: &Submodules) -> Result<Self, SourceError> {
        let checkout = Checkout::at(dir, stated, submodules)?;
        if checkout.identity != *stated {
            let expected = format!("{} with {} submodules", stated.tree, stated.submodules.len());
            let found = &checkout.identity;
            let actual = format!("{} with {} submodules", found.tree, found.submodules.len());
            return Err(SourceError::Stated { commit: stated.commit, expected, actual });
        }
        Ok(Self::of_checkout(checkout, SourceIdentity::Commit(stated.clone())))
    }

    fn of_checkout(checkout: Checkout, identity: SourceIdentity) -> Self {
        let Checkout { members, entries, untracked, mut notes, .. } = checkout;
        if untracked > 0 {
            let (files, are) = if untracked == 1 { ("file", "is") } else { ("files", "are") };
            notes.push(format!(
                "{untracked} {files} {are} neither tracked nor ignored, and not in the build (`git add` puts them in)"
            ));
        }
        let subdirectory = identity.head().and_then(|head| head.subdirectory.clone()).unwrap_or_default();
        let epoch = members.first().map_or(0, |outer| outer.commit.time.max(0));
        Self { identity, entries, members, spool: None, epoch, subdirectory, notes }
    }

    /// Inspects what `--source` names: an sdist or another archive, a git checkout, or a folder that is none.
    ///
    /// # Errors
    /// As [`Source::checkout`]; an archive of an unknown kind, damaged, hostile or too large.
    pub fn path(path: &Path, dirty: DirtyPolicy, ignored: &IgnoredPaths) -> Result<Self, SourceError> {
        let metadata = path.metadata().map_err(SourceError::io("open", path))?;
        if !metadata.is_dir() {
            let archive = Archive::read(path)?;
            let Archive { name, sha256, entries, spool, newest, left_out } = archive;
            let identity = SourceIdentity::Archive { name, sha256 };
            return Ok(Self::without_git(identity, entries, Some(spool), newest, left_out));
        }
        match Self::checkout(path, dirty, ignored) {
            // A folder may lie in a repository that knows nothing of it.
            Err(
                SourceError::NoCheckout { .. }
                | SourceError::NotInCommit { .. }
                | SourceError::Bare { .. }
                | SourceError::Unborn { .. },
            ) if !path.join(".git").exists() => {}
            other => return other,
        }
        Self::folder(path, ignored)
    }

    /// Inspects a folder as it is, though it may be in a git checkout.
    ///
    /// # Errors
    /// Something in it is refused, or cannot be read.
    pub fn folder(path: &Path, ignored: &IgnoredPaths) -> Result<Self, SourceError> {
        let Folder { entries, left_out } = Folder::read(path, ignored)?;
        let tree = reader::tree_digest(&entries, &|| Reader::new(&[], None))?;
        // A copy keeps no times, so that they cannot be part of what the digest names.
        Ok(Self::without_git(SourceIdentity::Folder { tree }, entries, None, archive::ZIP_TIMES.0, left_out))
    }

    fn without_git(
        identity: SourceIdentity,
        entries: Vec<Entry>,
        spool: Option<Spool>,
        epoch: i64,
        left_out: usize,
    ) -> Self {
        let note = format!("{left_out} entries of a version control folder (.git) are left out");
        let notes = if left_out > 0 { vec![note] } else { Vec::new() };
        let members = Vec::new();
        Self { identity, entries, members, spool, epoch, subdirectory: String::new(), notes }
    }

    /// What the source is called: by digests.
    #[must_use]
    pub fn identity(&self) -> &SourceIdentity {
        &self.identity
    }

    /// `SOURCE_DATE_EPOCH` in seconds: the commit's time (also of a dirty tree); the newest file of an archive,
    /// not before 1980 (the first year of zip); 1980-01-01 for a folder, whose file times a copy does not keep.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// The project's folder within the source, with `/` and without one at its ends; empty for the root.
    #[must_use]
    pub fn subdirectory(&self) -> &str {
        &self.subdirectory
    }

    /// Lines that a user should see, for instance how many untracked files are not in the build.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A file as the box will see it, by its path relative to the project's folder (`../` reaches the rest of
    /// the source); links inside the source are followed. `None` if there is no such file.
    ///
    /// # Errors
    /// The content cannot be read.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let reader = Reader::new(&self.members, self.spool.as_ref());
        match self.find(&reader, path) {
            Some(entry) => reader.read(entry).map(Some),
            None => Ok(None),
        }
    }

    /// Whether [`Source::read`] finds a file.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.find(&Reader::new(&self.members, self.spool.as_ref()), path).is_some()
    }

    fn find(&self, reader: &Reader<'_>, path: &str) -> Option<&Entry> {
        let full = BString::from(format!("{}/{path}", self.subdirectory));
        let full = full.strip_prefix(b"/").unwrap_or(&full).as_bstr();
        match tree::find(&self.entries, full, &|link| reader.read(link).ok()) {
            Found::Entry(entry) if matches!(entry.mode, Mode::File | Mode::Executable) => Some(entry),
            Found::Entry(_) | Found::Nothing | Found::Outside => None,
        }
    }

    /// All files and links in the project's folder, relative to it, sorted. Names that are not UTF-8 are
    /// left out.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let mut folder = BString::from(self.subdirectory.as_str());
        if !folder.is_empty() {
            folder.push(b'/');
        }
        let files = self.entries.iter().filter(|entry| match entry.mode {
            Mode::File | Mode::Executable | Mode::Link => true,
            Mode::Submodule | Mode::Folder => false,
        });
        let below = files.filter_map(|entry| entry.path.strip_prefix(folder.as_slice()));
        below.filter_map(|path| path.to_str().ok().map(str::to_owned)).collect()
    }

    /// Whether the project's version is made from the history, by what its `pyproject.toml`, `setup.cfg` and
    /// `setup.py` name.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn history_need(&self) -> Result<HistoryNeed, SourceError> {
        let text = |path| {
            let bytes = self.read(path)?;
            Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        };
        let (pyproject, cfg, py) = (text("pyproject.toml")?, text("setup.cfg")?, text("setup.py")?);
        Ok(scm::history_need(pyproject.as_deref(), cfg.as_deref(), py.as_deref()))
    }

    /// Refuses a shallow history that `need` asks to be whole.
    ///
    /// # Errors
    /// The clone is shallow and `need` is [`HistoryNeed::Full`].
    pub fn require_history(&self, need: &HistoryNeed) -> Result<(), SourceError> {
        let shallow = self.identity.head().is_some_and(|head| !head.shallow.is_empty());
        match (need, self.members.first()) {
            (HistoryNeed::Full(because), Some(outer)) if shallow => {
                let path = outer.repo.place.clone();
                Err(SourceError::Shallow { path, because: because.clone() })
            }
            (HistoryNeed::Full(_) | HistoryNeed::None, _) => Ok(()),
        }
    }

    /// Writes the source into `dest`, a folder that is empty or not there yet: modes are 0644 or 0755 (folders
    /// 0755), times [`Source::epoch`]. A checkout gets a `.git` that is made for it.
    ///
    /// # Errors
    /// An object is missing or damaged, a file is a Git LFS pointer, or `dest` cannot be written.
    pub fn export(&self, dest: &Path) -> Result<(), SourceError> {
        let (entries, members, spool) = (&self.entries, &self.members, self.spool.as_ref());
        export::Export { entries, members, spool, epoch: self.epoch }.write(dest)
    }
}

/// How many uncommitted changes an error lists.
const LISTED_DIRT: usize = 20;

/// The name of the algorithm by which trees without a commit are named, as documented at its function.
#[must_use]
pub fn tree_digest_algorithm() -> &'static str {
    "sealwright-tree-v1"
}
