//! What can go wrong in the store.

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Sha256;
use crate::error::{Blame, Fault, io_hints};

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An operation on a file of the host failed.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried, for instance `read`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The reader that was to be stored failed.
    #[error("cannot read what is to be stored")]
    Input {
        /// Its error.
        source: io::Error,
    },
    /// What was to be stored has another digest than expected. Nothing was stored.
    #[error("expected sha256 {expected}, got {actual} ({size} bytes): not stored")]
    Mismatch {
        /// The digest that was asked for.
        expected: Sha256,
        /// The digest of the bytes that came.
        actual: Sha256,
        /// How many bytes came.
        size: u64,
    },
    /// A blob of the store is not what its name says. It was moved aside.
    #[error("{} in the store is damaged: expected sha256 {expected}, got {actual}", path.display())]
    Damaged {
        /// The blob's path.
        path: PathBuf,
        /// What its name says.
        expected: Sha256,
        /// What its bytes say.
        actual: Sha256,
        /// Where the wrong bytes are now.
        moved_to: PathBuf,
    },
    /// A blob is not in the store.
    #[error("sha256 {digest} is not in the store {}", store.display())]
    Missing {
        /// The blob.
        digest: Sha256,
        /// The store.
        store: PathBuf,
    },
    /// A tree to be stored holds something that no tree may hold.
    #[error("{} is {kind}: only files, folders and symbolic links are stored", path.display())]
    Kind {
        /// The thing.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// Others use the store or a key and did not end in time.
    #[error("{} is in use by {holder}", path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as far as known.
        holder: String,
    },
    /// A record of the store cannot be written as JSON.
    #[error("cannot encode the record {}", path.display())]
    Encode {
        /// The record.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The store has a layout that this program does not know.
    #[error("the store {} has layout {found:?}, this program knows layout 1", path.display())]
    Version {
        /// The store.
        path: PathBuf,
        /// Its `version` file.
        found: String,
    },
    /// No place for the store is known.
    #[error("no place for the store: SEALWRIGHT_STORE, XDG_CACHE_HOME and HOME are not set")]
    NoLocation,
    /// The user asked for a stop while a lock was waited for.
    #[error("stopped by signal {signal} while waiting for {}", path.display())]
    Interrupted {
        /// SIGINT or SIGTERM, by number.
        signal: i32,
        /// The lock file.
        path: PathBuf,
    },
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), source }
    }
}

/// Says what was tried, and on what, when an operation of the host fails.
pub(super) trait IoContext<T> {
    fn io(self, doing: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn io(self, doing: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::io(doing, path, source))
    }
}

impl Fault for StoreError {
    fn blame(&self) -> Blame {
        match self {
            Self::Mismatch { .. } | Self::Damaged { .. } => Blame::Integrity,
            Self::NoLocation => Blame::User,
            Self::Io { .. }
            | Self::Input { .. }
            | Self::Missing { .. }
            | Self::Busy { .. }
            | Self::Version { .. } => Blame::Environment,
            Self::Kind { .. } | Self::Encode { .. } => Blame::Ours,
            Self::Interrupted { signal, .. } => Blame::Interrupted(*signal),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Io { source, .. } | Self::Input { source } => io_hints(source),
            Self::Damaged { moved_to, .. } => vec![
                "run `sealwright fetch`: it is fetched again".to_owned(),
                format!("the damaged bytes are kept as {} until the next `store gc`", moved_to.display()),
                "`sealwright store verify` looks for other damage".to_owned(),
            ],
            Self::Missing { .. } => vec!["run `sealwright fetch`".to_owned()],
            Self::Busy { .. } => vec!["wait until it has ended, or end it".to_owned()],
            Self::Version { .. } => {
                vec!["use a newer sealwright, or set SEALWRIGHT_STORE to another folder".to_owned()]
            }
            Self::NoLocation => vec!["set SEALWRIGHT_STORE to a folder for the store".to_owned()],
            Self::Mismatch { .. } | Self::Kind { .. } | Self::Encode { .. } | Self::Interrupted { .. } => {
                Vec::new()
            }
        }
    }
}
