//! What the box gets to build: a commit, an archive or a folder, read without starting any process.
//!
//! A checkout is never built from its work tree: the commit's tree comes straight out of the object database,
//! so that no attribute, filter, hook, file-system monitor or credential helper that the repository configures
//! can run or change a byte. Replacement refs and grafts are ignored: the commit that is named is the one that
//! is built. Every object is hashed again against its name.

mod error;
mod identity;

use std::path::Path;

pub use error::{Completeness, SourceError};
pub use identity::{CommitIdentity, GitId, SourceIdentity, SubmoduleIdentity, TagIdentity};

/// A source that was inspected. Nothing was written yet.
pub struct Source {
    identity: SourceIdentity,
    epoch: i64,
    subdirectory: String,
    notes: Vec<String>,
}

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
        let _ = (dirty, ignored);
        Err(SourceError::NoCheckout { path: dir.to_owned() })
    }

    /// Inspects what `--source` names: an sdist or another archive, a git checkout, or a folder that is none.
    ///
    /// # Errors
    /// As [`Source::checkout`]; an archive of an unknown kind, damaged, hostile or too large.
    pub fn path(path: &Path, dirty: DirtyPolicy, ignored: &IgnoredPaths) -> Result<Self, SourceError> {
        Self::checkout(path, dirty, ignored)
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
        let _ = path;
        Ok(None)
    }

    /// Whether [`Source::read`] finds a file.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        let _ = path;
        false
    }

    /// All files and links in the project's folder, relative to it, sorted. Names that are not UTF-8 are
    /// left out.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the project's version is made from the history, by what its `pyproject.toml`, `setup.cfg` and
    /// `setup.py` name.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn history_need(&self) -> Result<HistoryNeed, SourceError> {
        Ok(HistoryNeed::None)
    }

    /// Refuses a shallow history that `need` asks to be whole.
    ///
    /// # Errors
    /// The clone is shallow and `need` is [`HistoryNeed::Full`].
    pub fn require_history(&self, need: &HistoryNeed) -> Result<(), SourceError> {
        let _ = need;
        Ok(())
    }

    /// Writes the source into `dest`, a folder that is empty or not there yet: modes are 0644 or 0755 (folders
    /// 0755), times [`Source::epoch`]. A checkout gets a `.git` that is made for it.
    ///
    /// # Errors
    /// An object is missing or damaged, a file is a Git LFS pointer, or `dest` cannot be written.
    pub fn export(&self, dest: &Path) -> Result<(), SourceError> {
        let _ = dest;
        Ok(())
    }
}

/// The name of the algorithm by which trees without a commit are named, as documented at its function.
#[must_use]
pub fn tree_digest_algorithm() -> &'static str {
    "sealwright-tree-v1"
}
