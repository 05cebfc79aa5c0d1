//! Why a rebuild came to no comparison.

use std::io;
use std::path::PathBuf;

use crate::build::BuildError;
use crate::compare::CompareError;
use crate::digest::Sha256;
use crate::error::{Blame, Fault, io_hints};
use crate::fetch::FetchError;
use crate::output::OutputError;
use crate::provenance::StatementError;
use crate::record::RegenerateError;
use crate::source::{GitId, SourceError};
use crate::store::StoreError;
use crate::verify::VerifyError;

/// Why a rebuild came to no comparison.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// A file that was named.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no statement of a build.
    #[error("{file} is no statement of a build")]
    Statement {
        /// Its name.
        file: String,
        /// Why.
        source: StatementError,
    },
    /// The statement does not verify.
    #[error("the statement does not verify: {}", .failures.join("; "))]
    NotVerified {
        /// Everything that is wrong.
        failures: Vec<String>,
    },
    /// It cannot be verified at all.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A build that sealwright did not do.
    #[error("the statement is of build type {build_type:?}, which is not one of sealwright's")]
    Foreign {
        /// As the statement says.
        build_type: String,
    },
    /// Something that this version does not know.
    #[error("the statement was written by sealwright {version}, and this one does not know {what}")]
    Newer {
        /// As the statement says.
        version: String,
        /// What is not known.
        what: String,
    },
    /// The lock cannot be made again.
    #[error("the lock cannot be made again from the statement: {0}")]
    Lock(#[source] RegenerateError),
    /// Something else in the statement is not what sealwright writes.
    #[error("the statement is not one that sealwright writes: {what}")]
    Form {
        /// What is wrong.
        what: String,
    },
    /// The source has to be named.
    #[error("the source is not known: {why}")]
    NeedSource {
        /// Why.
        why: &'static str,
        /// What to give.
        hint: &'static str,
    },
    /// The network may not be used.
    #[error("the source {uri} is not here, and the network may not be used")]
    SourceOffline {
        /// Its address.
        uri: String,
    },
    /// The commit is gone.
    #[error("commit {commit} is not in {place} any more")]
    NoCommit {
        /// Which.
        commit: GitId,
        /// The repository's address, or the folder that was named.
        place: String,
    },
    /// Another source than the statement's.
    #[error("{place} is not the source that the statement names: expected {expected}, got {actual}")]
    OtherSource {
        /// What was named.
        place: String,
        /// In the statement.
        expected: String,
        /// There.
        actual: String,
    },
    /// The source cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The source cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The file to compare with is not the statement's subject.
    #[error("{} is not what the statement is about: expected sha256 {expected}, got {actual}", .path.display())]
    Against {
        /// The file.
        path: PathBuf,
        /// In the statement.
        expected: Sha256,
        /// Its own.
        actual: Sha256,
    },
    /// What is to be rebuilt without a statement is no wheel.
    #[error("{} is no wheel: {what}", .path.display())]
    NoWheel {
        /// The file.
        path: PathBuf,
        /// Why not.
        what: String,
    },
    /// The build.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The comparison.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Keeping outputs.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl RebuildError {
    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Verify(error) => Some(error),
            Self::Lock(error) => Some(error),
            Self::Source(error) => Some(error),
            Self::Fetch(error) => Some(error),
            Self::Build(error) => Some(error),
            Self::Compare(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Output(error) => Some(error),
            Self::Read { .. }
            | Self::Statement { .. }
            | Self::NotVerified { .. }
            | Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::Form { .. }
            | Self::NeedSource { .. }
            | Self::SourceOffline { .. }
            | Self::NoCommit { .. }
            | Self::OtherSource { .. }
            | Self::NoWheel { .. }
            | Self::Against { .. } => None,
        }
    }

    /// The end of the build's log, where there is one that tells why.
    #[must_use]
    pub fn log_tail(&self) -> Vec<String> {
        match self {
            Self::Build(error) => error.log_tail(),
            _ => Vec::new(),
        }
    }
}

impl From<RegenerateError> for RebuildError {
    fn from(error: RegenerateError) -> Self {
        Self::Lock(error)
    }
}

impl Fault for RebuildError {
    fn blame(&self) -> Blame {
        match self {
            Self::Read { .. } | Self::NoWheel { .. } | Self::Newer { .. } | Self::NeedSource { .. } => {
                Blame::User
            }
            Self::Statement { .. }
            | Self::NotVerified { .. }
            | Self::Foreign { .. }
            | Self::Form { .. }
            | Self::Against { .. } => Blame::Verification,
            // What the statement lists is not what was locked when it was written.
            Self::Lock(RegenerateError::Digest { .. }) | Self::NoCommit { .. } | Self::OtherSource { .. } => {
                Blame::Integrity
            }
            Self::SourceOffline { .. } => Blame::Network,
            Self::Verify(_)
            | Self::Lock(_)
            | Self::Source(_)
            | Self::Fetch(_)
            | Self::Build(_)
            | Self::Compare(_)
            | Self::Store(_)
            | Self::Output(_) => self.inner().map_or(Blame::Ours, Fault::blame),
        }
    }

    fn hints(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::Read { source, .. } => io_hints(source),
            Self::Newer { .. } => one("update sealwright"),
            Self::Foreign { .. } => one(
                "`sealwright rebuild --upstream SDIST --against WHEEL` rebuilds what has no record of ours",
            ),
            Self::NeedSource { hint, .. } => one(hint),
            Self::SourceOffline { .. } => one("name a clone of it with `--source DIR`"),
            Self::NoCommit { .. } => one(
                "a clone that still has the commit can be named with `--source DIR`: it is checked by its name",
            ),
            Self::NotVerified { .. } => one(
                "believe nothing that it says; `--unsigned` repeats it all the same, from a source that you name with `--source`",
            ),
            Self::Against { .. } => {
                one("`sealwright verify` says whether that file has a statement of its own")
            }
            Self::OtherSource { .. } | Self::NoWheel { .. } | Self::Statement { .. } | Self::Form { .. } => {
                Vec::new()
            }
            Self::Verify(_)
            | Self::Lock(_)
            | Self::Source(_)
            | Self::Fetch(_)
            | Self::Build(_)
            | Self::Compare(_)
            | Self::Store(_)
            | Self::Output(_) => self.inner().map(Fault::hints).unwrap_or_default(),
        }
    }
}
