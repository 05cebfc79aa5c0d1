//! What can be wrong with a wheel.

use crate::digest::Sha256;
use crate::error::{Blame, Fault};

/// What can be wrong with a wheel.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// The file's name is not a wheel's.
    #[error("{file:?} is no name of a wheel: expected NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl")]
    Name {
        /// The name.
        file: String,
    },
    /// It is no zip archive, or a broken one.
    #[error("{file}: broken archive")]
    Archive {
        /// Which wheel.
        file: String,
        /// What is wrong.
        #[source]
        source: zip::result::ZipError,
    },
    /// A member cannot be read.
    #[error("{file}: cannot read {member:?}")]
    Read {
        /// Which wheel.
        file: String,
        /// Which member.
        member: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A name that leads out of the wheel, or that two members share.
    #[error("{file}: refused member {member:?}: {why}")]
    Member {
        /// Which wheel.
        file: String,
        /// Which member.
        member: String,
        /// Why.
        why: String,
    },
    /// A member is not what RECORD says.
    #[error("{file}: {member:?} is not what RECORD says: expected sha256 {expected}, got {actual}")]
    Content {
        /// Which wheel.
        file: String,
        /// Which member.
        member: String,
        /// In RECORD.
        expected: Sha256,
        /// Of the bytes.
        actual: Sha256,
    },
    /// Its own metadata is missing or contradicts itself.
    #[error("{file}: {what}: expected {expected}, got {actual}")]
    Metadata {
        /// Which wheel.
        file: String,
        /// Which part of the metadata.
        what: String,
        /// What it should be.
        expected: String,
        /// What it is.
        actual: String,
    },
}

impl Fault for WheelError {
    fn blame(&self) -> Blame {
        match self {
            Self::Name { .. }
            | Self::Archive { .. }
            | Self::Read { .. }
            | Self::Member { .. }
            | Self::Content { .. }
            | Self::Metadata { .. } => Blame::Integrity,
        }
    }

    fn hints(&self) -> Vec<String> {
        vec!["this wheel is as its index serves it; require another version of that project, or report it there".to_owned()]
    }
}
