//! What can go wrong while something is exported.

use crate::error::{Blame, Fault};
use crate::name::TargetName;

/// What can go wrong while something is exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A CycloneDX document cannot be written.
    #[error("cannot write the bill of materials as CycloneDX")]
    CycloneDx(#[from] cyclonedx_bom::errors::JsonWriteError),
    /// An SPDX document cannot be written.
    #[error("cannot write the bill of materials as SPDX")]
    Spdx(#[from] serde_json::Error),
    /// A bill is of one target.
    #[error("a bill of materials is of one target and one version of Python, and there are {}", .known.join(", "))]
    Several {
        /// What there is.
        known: Vec<String>,
    },
    /// One file name, two digests.
    #[error("the lock holds two different files named {file}: they cannot lie in one folder")]
    TwoFiles {
        /// File name.
        file: String,
    },
    /// A target without any Python distribution.
    #[error("target {target} has no Python distribution in the lock")]
    Empty {
        /// The target.
        target: TargetName,
    },
}

impl Fault for ExportError {
    fn blame(&self) -> Blame {
        match self {
            Self::CycloneDx(_) | Self::Spdx(_) => Blame::Ours,
            Self::Several { .. } | Self::TwoFiles { .. } | Self::Empty { .. } => Blame::User,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::CycloneDx(_) | Self::Spdx(_) => Vec::new(),
            Self::Several { .. } => {
                vec!["name the target, and with several versions of Python give --python VERSION".to_owned()]
            }
            Self::TwoFiles { .. } => {
                vec!["export one target at a time, each to a folder of its own".to_owned()]
            }
            Self::Empty { .. } => vec!["name the targets to export on the command line".to_owned()],
        }
    }
}
