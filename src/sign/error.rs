//! What can go wrong with a private key.

use std::path::PathBuf;

use crate::config::ConfigError;
use crate::error::{Blame, Fault, io_hints};
use crate::key::KeyError;
use crate::provenance::StatementError;

/// A key that cannot be used, or a signature that cannot be made. Holds nothing secret.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The file of the key.
    #[error("cannot read the key {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file that the variable names, if it names one. What it holds is not shown: it may be a key.
    #[error("cannot read the file that the variable SEALWRIGHT_KEY names")]
    Variable {
        /// Why.
        source: std::io::Error,
    },
    /// A key where its path belongs.
    #[error("the path of a key is expected, and this looks like the key itself")]
    NoPath,
    /// The user's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Damaged, or of another kind.
    #[error("{origin} holds no usable private key: {source}")]
    Key {
        /// Where it is from.
        origin: String,
        /// What is wrong.
        source: KeyError,
    },
    /// No block that holds a private key.
    #[error("{origin} holds no private key: expected a PEM block `PRIVATE KEY`, found {found}")]
    NoPrivateKey {
        /// Where it is from.
        origin: String,
        /// Labels of the blocks that are there.
        found: String,
    },
    /// Encrypted, and nothing to decrypt it with.
    #[error("the key of {origin} is encrypted, and no passphrase is given")]
    NoPassphrase {
        /// Where it is from.
        origin: String,
    },
    /// The passphrase does not open it, or it is damaged: the two look alike.
    #[error("cannot decrypt the key of {origin}: the passphrase is wrong or the key is damaged")]
    Decrypt {
        /// Where it is from.
        origin: String,
    },
    /// Encrypted in a way that is not read.
    #[error("the key of {origin} is encrypted in a way that is not read: {why}")]
    Encryption {
        /// Where it is from.
        origin: String,
        /// What is unusual.
        why: String,
    },
    /// A passphrase that cannot be read.
    #[error("cannot read the passphrase from {origin}")]
    Passphrase {
        /// Descriptor or terminal.
        origin: String,
        /// Why.
        source: std::io::Error,
    },
    /// The user asked to stop while a passphrase was asked for.
    #[error("stopped while asking for a passphrase")]
    Interrupted {
        /// The signal's number; Ctrl-C is SIGINT.
        signal: i32,
    },
    /// Typed twice, differently, or empty.
    #[error("{why}")]
    BadPassphrase {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A key could not be made or written down.
    #[error("cannot make a key: {why}")]
    Make {
        /// Why.
        why: &'static str,
    },
    /// The signer refused.
    #[error("cannot sign with key {key}: {why}")]
    Sign {
        /// The key's name.
        key: String,
        /// Why.
        why: String,
    },
    /// The statement that is to be signed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Only one signature fits into a bundle.
    #[error("a Sigstore bundle holds one signature, and this statement has {count} already")]
    OneSignature {
        /// Signatures of other keys.
        count: usize,
    },
}

impl Fault for SignError {
    fn blame(&self) -> Blame {
        match self {
            Self::Statement(error) => error.blame(),
            Self::Make { .. } => Blame::Environment,
            Self::Interrupted { signal } => Blame::Interrupted(*signal),
            Self::Read { .. }
            | Self::Variable { .. }
            | Self::NoPath
            | Self::Config(_)
            | Self::Key { .. }
            | Self::NoPrivateKey { .. }
            | Self::NoPassphrase { .. }
            | Self::Decrypt { .. }
            | Self::Encryption { .. }
            | Self::Passphrase { .. }
            | Self::BadPassphrase { .. }
            | Self::Sign { .. }
            | Self::OneSignature { .. } => Blame::User,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Read { source, .. } | Self::Passphrase { source, .. } => io_hints(source),
            Self::Variable { .. } => {
                vec!["it holds a path, or the key in PEM with its line `-----BEGIN …`".to_owned()]
            }
            Self::NoPath => {
                vec![
                    "every process of this machine could read it there: use a file or SEALWRIGHT_KEY"
                        .to_owned(),
                ]
            }
            Self::Config(error) => error.hints(),
            Self::NoPassphrase { .. } => vec![
                "set SEALWRIGHT_PASSPHRASE, use `--passphrase-fd N`, or call it on a terminal".to_owned(),
            ],
            Self::NoPrivateKey { .. } => vec!["`sealwright keygen` makes one".to_owned()],
            Self::Encryption { .. } => {
                vec!["`openssl pkcs8 -topk8 -in KEY -out NEW` writes it in a form that is read".to_owned()]
            }
            Self::OneSignature { .. } => vec!["sign with `--format dsse`".to_owned()],
            Self::Key { .. }
            | Self::Decrypt { .. }
            | Self::BadPassphrase { .. }
            | Self::Interrupted { .. }
            | Self::Make { .. }
            | Self::Sign { .. }
            | Self::Statement(_) => Vec::new(),
        }
    }
}
