//! What can go wrong while Python requirements are resolved.

use std::path::PathBuf;

use crate::error::{Blame, Fault, io_hints};
use crate::fetch::FetchError;
use crate::name::PackageName;
use crate::sandbox::Exit;
use crate::store::StoreError;

/// A failure to resolve Python requirements.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// A text that is no requirement.
    #[error("{by} asks for {requirement:?}, which is no requirement (PEP 508): {problem}")]
    Requirement {
        /// As written.
        requirement: String,
        /// Who asked.
        by: String,
        /// What is wrong.
        problem: String,
    },
    /// A requirement that names a URL or a repository.
    #[error("{by} asks for {requirement:?}: a URL or repository cannot be locked as a build requirement")]
    Direct {
        /// As written.
        requirement: String,
        /// Who asked.
        by: String,
    },
    /// No set of versions fits, or a name is unknown.
    #[error("the build requirements cannot be resolved: {}", .lines.join(": "))]
    Unsolvable {
        /// What the resolver said.
        lines: Vec<String>,
        /// Projects that only have source distributions that would fit.
        needs_wheels: Vec<PackageName>,
    },
    /// The index cannot be reached, or refuses.
    #[error("the package index failed: {}", .lines.join(": "))]
    Index {
        /// What the resolver said.
        lines: Vec<String>,
    },
    /// The network may not be used.
    #[error("build requirements have to be resolved, which needs the network, and --offline forbids it")]
    Offline,
    /// No wheel of the chosen version fits.
    #[error("no wheel of {name} {version} fits the image's Python: there are {}", .files.join(", "))]
    NoWheel {
        /// Project.
        name: String,
        /// Version.
        version: String,
        /// Wheels that there are.
        files: Vec<String>,
    },
    /// The index does not say a digest.
    #[error("the package index gives no sha256 for {file}")]
    NoHash {
        /// File name.
        file: String,
    },
    /// The resolver ended otherwise.
    #[error("the resolver failed ({exit:?}): {}", .lines.join(": "))]
    Resolver {
        /// How it ended.
        exit: Exit,
        /// What it said.
        lines: Vec<String>,
    },
    /// The resolver's answer cannot be read.
    #[error("the resolver's answer cannot be read")]
    Answer(#[source] toml::de::Error),
    /// The resolver's answer is of another version.
    #[error("the resolver's answer has lock-version {version}, expected 1.x")]
    AnswerVersion {
        /// As written.
        version: String,
    },
    /// The host failed.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The engine failed.
    #[error("{}", .0)]
    Engine(Box<dyn Fault>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Settings of the network cannot be read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

impl Fault for PythonError {
    fn blame(&self) -> Blame {
        match self {
            Self::Requirement { .. }
            | Self::Direct { .. }
            | Self::Unsolvable { .. }
            | Self::NoWheel { .. } => Blame::User,
            Self::Index { .. } | Self::Offline | Self::NoHash { .. } => Blame::Network,
            Self::Resolver { .. } | Self::Answer(_) | Self::AnswerVersion { .. } => Blame::Ours,
            Self::Io { .. } => Blame::Environment,
            Self::Engine(fault) => fault.blame(),
            Self::Store(error) => error.blame(),
            Self::Fetch(error) => error.blame(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Direct { .. } => vec!["name a released version that an index serves".to_owned()],
            Self::Unsolvable { needs_wheels, .. } if !needs_wheels.is_empty() => vec![
                "no sdist of it that fits could be found and built either; put a wheel on an index or in a folder named by \
                 PIP_FIND_LINKS"
                    .to_owned(),
            ],
            Self::Index { .. } => vec![
                "check the index and the credentials of your pip or uv configuration (PIP_INDEX_URL, pip.conf, uv.toml)"
                    .to_owned(),
            ],
            Self::Offline => vec!["run `sealwright lock` once with a network".to_owned()],
            Self::NoHash { .. } => vec!["use an index that gives hashes (PEP 503, PEP 691)".to_owned()],
            Self::Io { source, .. } => io_hints(source),
            Self::Engine(fault) => fault.hints(),
            Self::Store(error) => error.hints(),
            Self::Fetch(error) => error.hints(),
            Self::Requirement { .. }
            | Self::Unsolvable { .. }
            | Self::NoWheel { .. }
            | Self::Resolver { .. }
            | Self::Answer(_)
            | Self::AnswerVersion { .. } => Vec::new(),
        }
    }
}
