//! What can be wrong with a Rust-backed source or its crates.

use std::io;
use std::path::PathBuf;

use crate::digest::Sha256;
use crate::error::{Blame, Fault, io_hints};
use crate::store::StoreError;

/// What can be wrong with a Rust-backed source or its crates.
#[derive(Debug, thiserror::Error)]
pub enum CargoError {
    /// A `Cargo.lock` or a `.cargo/config.toml` that cannot be understood.
    #[error("{file}: {problem}")]
    Syntax {
        /// The file in the source.
        file: String,
        /// What is wrong, with its place.
        problem: String,
    },
    /// A package without a checksum.
    #[error("{file}: {name} {version} has no checksum: it comes from {source_text}")]
    NoChecksum {
        /// The file in the source.
        file: String,
        /// The package's name.
        name: String,
        /// Its version.
        version: String,
        /// Its `source`.
        source_text: String,
    },
    /// A package from a git repository.
    #[error("{file}: {name} {version} comes from a git repository ({source_text}), which no checksum names")]
    Git {
        /// The file in the source.
        file: String,
        /// The package's name.
        name: String,
        /// Its version.
        version: String,
        /// Its `source`.
        source_text: String,
    },
    /// One crate, two checksums.
    #[error(
        "{name} {version} has two checksums: {} ({}) and {} ({})",
        first.1, first.0, second.1, second.0
    )]
    Conflict {
        /// The crate's name.
        name: String,
        /// Its version.
        version: String,
        /// One file and its checksum.
        first: Box<(String, Sha256)>,
        /// Another file and its checksum.
        second: Box<(String, Sha256)>,
    },
    /// A manifest with dependencies, and no lock.
    #[error(
        "{manifest} has dependencies and there is no Cargo.lock: nothing says by checksum which crates it needs"
    )]
    NoLock {
        /// The `Cargo.toml` in the source.
        manifest: String,
    },
    /// A `.crate` file that is not what cargo packs, or would write elsewhere.
    #[error("{file} (required by {}): {problem}", required_by.join(", "))]
    Archive {
        /// Name of the file.
        file: String,
        /// Who asked for it.
        required_by: Vec<String>,
        /// What is wrong with it.
        problem: String,
    },
    /// The user asked for a stop.
    #[error("unpacking crates was stopped by signal {signal}")]
    Interrupted {
        /// SIGINT or SIGTERM, by number.
        signal: i32,
    },
    /// The store failed.
    #[error("cannot make the folder of crates")]
    Store(#[from] StoreError),
    /// The host failed.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl CargoError {
    pub(super) fn io(doing: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

impl Fault for CargoError {
    fn blame(&self) -> Blame {
        match self {
            Self::Syntax { .. } | Self::NoChecksum { .. } | Self::Git { .. } | Self::NoLock { .. } => {
                Blame::User
            }
            Self::Conflict { .. } | Self::Archive { .. } => Blame::Integrity,
            Self::Interrupted { signal } => Blame::Interrupted(*signal),
            Self::Store(error) => error.blame(),
            Self::Io { .. } => Blame::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = |text: &str| vec![text.to_owned()];
        match self {
            Self::Syntax { .. } => {
                hint("versions 1 to 4 of Cargo.lock are read; `cargo generate-lockfile` writes a new one")
            }
            Self::NoChecksum { .. } => hint(
                "run `cargo generate-lockfile` with a registry that gives checksums, and commit Cargo.lock",
            ),
            Self::Git { name, .. } => vec![format!(
                "take {name} from a registry or from a path in the source, or run `cargo vendor`, commit the folder and the .cargo/config.toml that it prints"
            )],
            Self::Conflict { .. } => hint(
                "one of the two was replaced after it was published, or comes from another registry: `cargo update` the one that is wrong",
            ),
            Self::NoLock { .. } => {
                hint("run `cargo generate-lockfile` and commit Cargo.lock (it may be in .gitignore)")
            }
            Self::Archive { .. } => {
                hint("its bytes are those that Cargo.lock names: tell whoever publishes the crate")
            }
            Self::Interrupted { .. } => Vec::new(),
            Self::Store(error) => error.hints(),
            Self::Io { source, .. } => io_hints(source),
        }
    }
}
