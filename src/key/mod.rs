//! Public keys: how they are written and named, and whether a signature is theirs.
//!
//! Pure. Two algorithms: ECDSA on P-256 with SHA-256 and Ed25519. Private keys are in `sign`.

mod error;
mod pem;
mod public;

pub use error::KeyError;
pub use pem::{PemBlock, blocks};
pub(crate) use public::known;
pub use public::{KeyId, PublicKey};
