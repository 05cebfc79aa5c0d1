//! What can be wrong with outputs and with writing them.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Sha256;
use crate::error::{Blame, Fault, io_hints};

/// Outputs that are not taken, or files that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// What the box left is not what its builder declares. All problems, sorted by name.
    #[error("outputs refused: {}", list(.0))]
    Refused(Vec<Refusal>),
    /// The host failed.
    #[error("cannot {what} {}", .path.display())]
    Io {
        /// What was tried, for instance `write`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Something is in the way that is never replaced.
    #[error("{} is a folder, expected a file or nothing", .path.display())]
    InTheWay {
        /// What is in the way.
        path: PathBuf,
    },
    /// An output changed between its check and its copy.
    #[error("output {name} changed while it was copied: expected sha256 {expected}, got {actual}")]
    Changed {
        /// The output.
        name: String,
        /// When it was checked.
        expected: Sha256,
        /// When it was copied.
        actual: Sha256,
    },
    /// Files could not be placed, and then what was there before could not be put back.
    #[error("cannot put back {}", .path.display())]
    NotRestored {
        /// What is now missing or new.
        path: PathBuf,
        /// The failure that made it necessary.
        #[source]
        first: Box<OutputError>,
        /// Why it could not be put back.
        second: io::Error,
    },
    /// The user asked to stop.
    #[error("interrupted by signal {signal}")]
    Interrupted {
        /// Its number.
        signal: i32,
    },
}

impl OutputError {
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

impl Fault for OutputError {
    fn blame(&self) -> Blame {
        match self {
            Self::Refused(_) => Blame::Build,
            Self::Io { .. } | Self::NotRestored { .. } => Blame::Environment,
            Self::InTheWay { .. } => Blame::User,
            Self::Changed { .. } => Blame::Integrity,
            Self::Interrupted { signal } => Blame::Interrupted(*signal),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Refused(refusals) => {
                let mut hints: Vec<String> =
                    refusals.iter().filter_map(|refusal| refusal.why.hint()).map(str::to_owned).collect();
                hints.dedup();
                hints
            }
            Self::Io { source, .. } => io_hints(source),
            Self::InTheWay { path } => vec![format!("move {} away", path.display())],
            Self::Changed { .. } => {
                vec!["another process writes to the build's folder: find and stop it".to_owned()]
            }
            Self::NotRestored { second, .. } => io_hints(second),
            Self::Interrupted { .. } => Vec::new(),
        }
    }
}

/// One output that is not taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its name, made harmless.
    pub name: String,
    /// Why.
    pub why: RefusalReason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.why)
    }
}

fn list(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Why an output is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusalReason {
    /// A link, device, pipe, socket or folder.
    #[error("is a {0}, expected a regular file")]
    NotAFile(&'static str),
    /// It has other names.
    #[error("has {0} hard links, expected 1")]
    HardLinks(u64),
    /// It would run as somebody else.
    #[error("has mode {0:04o}: set-user-id, set-group-id or sticky")]
    SpecialMode(u32),
    /// Its name.
    #[error("name {0}")]
    Name(&'static str),
    /// The builder makes no such thing.
    #[error("is not declared by the builder, which makes {0}")]
    Undeclared(String),
    /// Two of a kind.
    #[error("is a second {0}, expected one")]
    Second(&'static str),
    /// What was declared is not there.
    #[error("the build made none")]
    Missing,
    /// Too large.
    #[error("holds {actual} bytes, expected at most {limit}")]
    TooLarge {
        /// Bytes allowed.
        limit: u64,
        /// Bytes found.
        actual: u64,
    },
    /// Too many entries in the folder.
    #[error("holds more than {0} files")]
    TooMany(usize),
    /// A file name that its format forbids.
    #[error("{0}")]
    FileName(#[from] super::FileNameError),
    /// The same of a wheel.
    #[error("its name is no file name of a wheel with a version")]
    WheelName,
    /// Name or version differ from those inside.
    #[error("its {field} is {actual}, expected {expected} as {of} says")]
    Mismatch {
        /// `name` or `version`.
        field: &'static str,
        /// In the file's name, or inside.
        actual: String,
        /// As it must be.
        expected: String,
        /// Who says so: `METADATA`, `PKG-INFO`, `pyproject.toml`.
        of: &'static str,
    },
    /// No archive of its kind, or a hostile one.
    #[error("{0}")]
    Archive(#[from] ArchiveError),
}

impl RefusalReason {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("the build backend ended well without writing it: look at the build log"),
            Self::Mismatch { .. } => Some(
                "name and version must be the project's: see [project] in pyproject.toml, or how the version is found",
            ),
            Self::TooLarge { .. } | Self::TooMany(_) => {
                Some("is something else than the package in the output folder?")
            }
            _ => None,
        }
    }
}

/// Why an archive is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("no readable {format}: {why}")]
    Broken {
        /// `wheel`, `sdist`.
        format: &'static str,
        /// What the reader said.
        why: String,
    },
    /// A member that no honest archive has.
    #[error("member {member:?} {why}")]
    Member {
        /// Its name, shortened.
        member: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A file that must be inside is not.
    #[error("holds no {0}")]
    Lacks(String),
    /// More inside than the limit.
    #[error("unpacks to more than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: u64,
    },
    /// The metadata inside cannot be used.
    #[error("{file}: {why}")]
    Metadata {
        /// `METADATA`, `PKG-INFO`.
        file: &'static str,
        /// What is wrong.
        why: String,
    },
}
