//! Private keys and signatures: what is read, made and wiped, and envelopes of statements.
//!
//! A key is read once, by the process that starts boxes and never enters one; its bytes are wiped when they are
//! dropped, and no error or debug text holds any of them. [`Signer`] leaves room for keys that are elsewhere.

mod cosign;
mod envelope;
mod error;
mod key;
mod source;

use crate::key::{KeyId, PublicKey};

pub use envelope::{
    Format, Signed, Signing, add_signature, envelope_of, sign_payload, sign_statement, statement_of,
};
pub use error::SignError;
pub use key::{Algorithm, EncryptedKey, KeyFile, Passphrase, SigningKey};
pub use source::{KeySource, Shown, UserConfig, user_config_path};

/// What makes signatures: a key in memory, and later one in a KMS, a token or a service.
pub trait Signer: Send + Sync {
    /// The key's name.
    fn key_id(&self) -> &KeyId {
        self.public_key().id()
    }

    /// Signs bytes; for statements these are DSSE's pre-authentication encoding. ECDSA in DER, Ed25519 as 64 bytes.
    ///
    /// # Errors
    /// What holds the key refuses or cannot be reached.
    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SignError>;

    /// The public half.
    fn public_key(&self) -> &PublicKey;
}
