//! What keeps a verification from being done at all.

use std::path::PathBuf;

use crate::config::ConfigError;
use crate::error::{Blame, Fault, io_hints};
use crate::key::KeyError;

/// A verification that cannot be done. That something does not verify is a [`super::Failure`].
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file that was named.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is larger than any of its kind.
    #[error("{path} holds more than {limit} bytes")]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
    /// A public key.
    #[error("{origin}: {source}")]
    Key {
        /// The file or the table of the policy.
        origin: String,
        /// What is wrong.
        source: KeyError,
    },
    /// The policy's text.
    #[error(transparent)]
    Text(#[from] ConfigError),
    /// The policy says something that it cannot mean.
    #[error("{file}: {what}")]
    Policy {
        /// The policy.
        file: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// A trusted root.
    #[error("{file}: it is no trusted root that can be used: {what}")]
    TrustRoot {
        /// The file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// An expectation of the command line.
    #[error("{flag} {text:?}: expected {expected}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// What it was given.
        text: String,
        /// What it takes.
        expected: &'static str,
    },
}

impl Fault for VerifyError {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Read { source, .. } => io_hints(source),
            Self::Key { source, .. } => source.hints(),
            Self::Text(error) => error.hints(),
            Self::Policy { hint, .. } if !hint.is_empty() => vec![(*hint).to_owned()],
            Self::Policy { .. } | Self::TooLarge { .. } | Self::TrustRoot { .. } | Self::Flag { .. } => {
                Vec::new()
            }
        }
    }
}
