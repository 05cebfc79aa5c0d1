//! What can be wrong with a source, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::digest::Sha256;
use crate::error::{Blame, Fault, io_hints};

use super::identity::GitId;

/// An error of the git library, or of a parser, kept as the cause.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What is wrong with a source. Paths inside a source are relative to its root, paths of the host absolute or
/// as they were given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The folder is in no git work tree.
    #[error("no git checkout at {}", path.display())]
    NoCheckout {
        /// The folder.
        path: PathBuf,
    },
    /// The repository has no work tree.
    #[error("the git repository at {} is bare: it has no checkout to build", path.display())]
    Bare {
        /// The git folder.
        path: PathBuf,
    },
    /// No commit yet.
    #[error("the git repository at {} has no commit yet (branch {branch})", path.display())]
    Unborn {
        /// The work tree.
        path: PathBuf,
        /// The branch that HEAD names.
        branch: String,
    },
    /// The repository has a form that the library cannot read.
    #[error("the git repository at {} has {extension} = {actual}, which is not supported yet (expected {expected})", path.display())]
    Format {
        /// The git folder.
        path: PathBuf,
        /// The setting, for instance `extensions.objectFormat`.
        extension: &'static str,
        /// What can be read.
        expected: &'static str,
        /// For instance `sha256`.
        actual: String,
    },
    /// The library could not read something of the repository.
    #[error("cannot read {what} of the git repository at {}", path.display())]
    Git {
        /// What was read.
        what: &'static str,
        /// The work tree or git folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// An object is not in the repository.
    #[error("{kind} {id} ({what}) is not in the git repository at {}", path.display())]
    MissingObject {
        /// commit, tree, blob or tag.
        kind: &'static str,
        /// Its name.
        id: GitId,
        /// What it is for: a path or a part of history.
        what: String,
        /// The git folder.
        path: PathBuf,
        /// Whether the clone leaves objects out on purpose.
        clone: Completeness,
    },
    /// The object database gave other bytes, or another kind of object, than the name stands for.
    #[error("git object {id} in {} is damaged: its content is {actual}", path.display())]
    DamagedObject {
        /// The name that was asked for.
        id: GitId,
        /// What was found.
        actual: String,
        /// The git folder.
        path: PathBuf,
    },
    /// The project's folder holds no file of the commit.
    #[error("{folder:?} holds no file of commit {commit}")]
    NotInCommit {
        /// The project's folder, relative to the work tree.
        folder: String,
        /// HEAD.
        commit: GitId,
    },
    /// Tracked files differ from the commit.
    #[error("the work tree has {count} uncommitted change{}:{}", if *count == 1 { "" } else { "s" }, bounded(listed, *count))]
    Dirty {
        /// How many changes there are.
        count: usize,
        /// The first of them, each `change: path`.
        listed: Vec<String>,
    },
    /// A name that git refuses too, or two entries that exclude each other.
    #[error("refused entry {path:?} in {origin}: {reason}")]
    Entry {
        /// The path in the source.
        path: String,
        /// The commit, archive or folder.
        origin: String,
        /// Why.
        reason: String,
    },
    /// A Git LFS pointer stands where a file's content should be.
    #[error("{path:?} is a Git LFS pointer, not the file: its content is not in the commit")]
    LfsPointer {
        /// The path in the source.
        path: String,
    },
    /// A submodule's commit is not to be had.
    #[error("submodule {path:?}: {reason}")]
    Submodule {
        /// Its path in the source.
        path: String,
        /// What is missing.
        reason: String,
    },
    /// A commit is not what a statement says of it.
    #[error(
        "commit {commit} is not what the statement says: its tree is {actual}, the statement has {expected}"
    )]
    Stated {
        /// The commit.
        commit: GitId,
        /// In the statement.
        expected: String,
        /// In the repository.
        actual: String,
    },
    /// The history ends early, but the version is made from it.
    #[error("the clone at {} is shallow, but the project's version comes from its history ({because})", path.display())]
    Shallow {
        /// The work tree.
        path: PathBuf,
        /// What asks for history.
        because: String,
    },
    /// The archive is of no kind that is read.
    #[error("{} is no archive that is read here (expected .tar.gz, .tgz, .tar.xz, .tar.zst, .tar or .zip)", path.display())]
    ArchiveKind {
        /// The archive.
        path: PathBuf,
    },
    /// The archive is damaged.
    #[error("cannot read the archive {}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The source is larger than what is taken.
    #[error("{origin} holds too much: more than {limit} {unit}")]
    TooLarge {
        /// The archive or folder.
        origin: String,
        /// How much is taken.
        limit: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// A file changed between inspection and export.
    #[error("{} changed while it was read: expected {expected}, got {actual}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What it was.
        expected: Sha256,
        /// What it is.
        actual: Sha256,
    },
    /// The host failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// For instance `read`.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Whether a clone was made to leave objects out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Every object should be there.
    Full,
    /// A partial clone (`git clone --filter`): objects are fetched when git needs them.
    Partial,
}

impl SourceError {
    pub(super) fn git(what: &'static str, path: impl Into<PathBuf>, source: impl Into<Cause>) -> Self {
        Self::Git { what, path: path.into(), source: source.into() }
    }

    pub(super) fn io<P: Into<PathBuf>>(
        action: &'static str,
        path: P,
    ) -> impl FnOnce(io::Error) -> Self + use<P> {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

fn bounded(listed: &[String], count: usize) -> String {
    let mut lines: Vec<String> = listed.iter().map(|line| format!("\n  {line}")).collect();
    let more = count.saturating_sub(listed.len());
    if more > 0 {
        lines.push(format!("\n  … and {more} more"));
    }
    lines.concat()
}

impl Fault for SourceError {
    fn blame(&self) -> Blame {
        match self {
            Self::NoCheckout { .. }
            | Self::Bare { .. }
            | Self::Unborn { .. }
            | Self::Format { .. }
            | Self::Git { .. }
            | Self::MissingObject { .. }
            | Self::NotInCommit { .. }
            | Self::Dirty { .. }
            | Self::Entry { .. }
            | Self::LfsPointer { .. }
            | Self::Submodule { .. }
            | Self::Shallow { .. }
            | Self::ArchiveKind { .. }
            | Self::Archive { .. }
            | Self::TooLarge { .. } => Blame::User,
            Self::DamagedObject { .. } | Self::Changed { .. } | Self::Stated { .. } => Blame::Integrity,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Blame::User,
            Self::Io { .. } => Blame::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::NoCheckout { .. } => one(
                "run it in a git checkout (`git init`, `git add .`, `git commit` make one), or name an archive or a folder with `--source`",
            ),
            Self::Bare { .. } => one("clone it (`git clone`), or add a work tree (`git worktree add`)"),
            Self::Unborn { .. } => one("commit the project first: `git add . && git commit`"),
            Self::Format { .. } => {
                one("build an archive of it instead: `git archive -o source.tar.gz HEAD`, then `--source source.tar.gz`")
            }
            Self::MissingObject { clone: Completeness::Partial, .. } => one(
                "this is a partial clone: `git archive HEAD >/dev/null` fetches what the commit needs, `git fetch --refetch --no-filter` everything",
            ),
            Self::MissingObject { clone: Completeness::Full, .. } | Self::DamagedObject { .. } => {
                one("`git fsck` shows what is damaged; a fresh clone has it")
            }
            Self::Dirty { .. } => vec![
                "commit them (`git commit -a`) or put them aside (`git stash`)".to_owned(),
                "or build them as they are with `--allow-dirty`: the statement then names the tree by its own digest, not the commit alone".to_owned(),
            ],
            Self::LfsPointer { .. } => {
                one("commit the file itself, or build an archive that holds it with `--source FILE`")
            }
            Self::Submodule { .. } => one("run `git submodule update --init --recursive`"),
            Self::Shallow { .. } => one("run `git fetch --unshallow --tags`"),
            Self::NotInCommit { .. } => {
                one("commit that folder, or build it as it is with `--source DIR` from outside the repository")
            }
            Self::Io { source, .. } => io_hints(source),
            Self::Changed { .. } => one("nothing may write to the source while it is built: try again"),
            Self::Git { .. }
            | Self::Stated { .. }
            | Self::Entry { .. }
            | Self::ArchiveKind { .. }
            | Self::Archive { .. }
            | Self::TooLarge { .. } => Vec::new(),
        }
    }
}
