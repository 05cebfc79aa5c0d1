//! Why two things cannot be compared.

use std::io;
use std::path::PathBuf;

use crate::error::{Blame, Fault, io_hints};

/// Why two things cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A file or a folder cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither a file nor a folder.
    #[error("{} is {found}: expected a file or a folder", .path.display())]
    Kind {
        /// Which.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// One is a folder, the other is not.
    #[error("{} is a folder and {} is a file: they cannot be compared", .folder.display(), .file.display())]
    Mixed {
        /// The folder.
        folder: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// More was unpacked than is allowed: a bomb, or something large.
    #[error("{member}: more than {limit} {what} are not compared")]
    Limit {
        /// Where the limit was met.
        member: String,
        /// Of what: bytes, members.
        what: &'static str,
        /// How many.
        limit: u64,
    },
    /// The user ended it.
    #[error("cancelled")]
    Cancelled {
        /// The signal that asked for it.
        signal: i32,
    },
    /// No temporary file for what does not fit into memory.
    #[error("cannot keep unpacked bytes in a temporary file")]
    Spill(#[source] io::Error),
}

impl Fault for CompareError {
    fn blame(&self) -> Blame {
        match self {
            Self::Read { .. } | Self::Kind { .. } | Self::Mixed { .. } | Self::Limit { .. } => Blame::User,
            Self::Spill(_) => Blame::Environment,
            Self::Cancelled { signal } => Blame::Interrupted(*signal),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Read { source, .. } | Self::Spill(source) => io_hints(source),
            Self::Kind { .. } | Self::Cancelled { .. } => Vec::new(),
            Self::Mixed { .. } => vec!["name two files, or two folders".to_owned()],
            Self::Limit { what: "bytes", .. } => {
                vec!["if it is no bomb, allow more with `--max-unpacked GIB`".to_owned()]
            }
            Self::Limit { .. } => vec!["it may be an archive that was made to exhaust its reader".to_owned()],
        }
    }
}
