//! What is wrong with a key.

use crate::error::{Blame, Fault};

/// A key that is not taken. No text of it is ever part of an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No PEM block of a kind that holds a public key.
    #[error("no public key in it: expected a PEM block `PUBLIC KEY`, found {found}")]
    NoPublicKey {
        /// The labels that are there.
        found: String,
    },
    /// A private key where a public one belongs.
    #[error("it holds a private key: expected a PEM block `PUBLIC KEY`")]
    Private,
    /// More keys than one.
    #[error("it holds {count} public keys, expected one")]
    Many {
        /// How many.
        count: usize,
    },
    /// PEM or DER that is broken.
    #[error("the key is damaged: {why}")]
    Damaged {
        /// What is wrong.
        why: &'static str,
    },
    /// Another algorithm or curve.
    #[error("the key is of a kind that is not judged: expected ECDSA P-256 or Ed25519, found {found}")]
    Algorithm {
        /// What it is, as far as known.
        found: String,
    },
}

impl Fault for KeyError {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Private => {
                vec!["`sealwright keygen` writes the public half to a file that ends in `.pub`".to_owned()]
            }
            Self::NoPublicKey { .. } | Self::Many { .. } | Self::Damaged { .. } | Self::Algorithm { .. } => {
                Vec::new()
            }
        }
    }
}
