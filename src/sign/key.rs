//! Private keys in memory: made, read from PEM, written to PEM.

use std::fmt;

use p256::ecdsa::signature::Signer as _;
use p256::elliptic_curve::rand_core::{OsRng, RngCore as _};
use p256::pkcs8::{
    DecodePrivateKey as _, EncodePrivateKey as _, EncryptedPrivateKeyInfo, LineEnding, PrivateKeyInfo,
};
use pkcs8::der::Decode as _;
use zeroize::Zeroizing;

use super::{SignError, Signer, cosign};
use crate::key::{KeyError, PublicKey, blocks};

/// What opens an encrypted key. Wiped when it is dropped, never shown.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Of a text, without the end of its line.
    #[must_use]
    pub fn new(mut bytes: Zeroizing<Vec<u8>>) -> Self {
        while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            bytes.pop();
        }
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Kinds of keys that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: what every verifier knows.
    P256,
    /// Ed25519.
    Ed25519,
}

/// A private key in memory. The crates of both kinds wipe it when it is dropped.
pub struct SigningKey {
    kind: Kind,
    public: PublicKey,
}

enum Kind {
    P256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl SigningKey {
    /// Makes a key from the kernel's random numbers.
    ///
    /// # Errors
    /// The kernel gives none.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SignError> {
        let mut seed = Zeroizing::new([0; 32]);
        loop {
            OsRng
                .try_fill_bytes(seed.as_mut_slice())
                .map_err(|_| SignError::Make { why: "the kernel gives no random numbers" })?;
            match algorithm {
                Algorithm::Ed25519 => return Ok(Self::ed25519(ed25519_dalek::SigningKey::from_bytes(&seed))),
                Algorithm::P256 => {
                    // One seed in 2^32 is no scalar of the curve.
                    if let Ok(key) = p256::ecdsa::SigningKey::from_slice(seed.as_slice()) {
                        return Ok(Self::p256(key));
                    }
                }
            }
        }
    }

    fn p256(key: p256::ecdsa::SigningKey) -> Self {
        let public = PublicKey::p256(*key.verifying_key());
        Self { kind: Kind::P256(key), public }
    }

    fn ed25519(key: ed25519_dalek::SigningKey) -> Self {
        let public = PublicKey::ed25519(key.verifying_key());
        Self { kind: Kind::Ed25519(key), public }
    }

    /// Reads PKCS#8 in DER.
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let info =
            PrivateKeyInfo::from_der(der).map_err(|_| KeyError::Damaged { why: "no PKCS#8 in DER" })?;
        if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_der(der) {
            return Ok(Self::ed25519(key));
        }
        if let Ok(key) = p256::SecretKey::from_pkcs8_der(der) {
            return Ok(Self::p256(key.into()));
        }
        let oid = info.algorithm.parameters_oid().unwrap_or(info.algorithm.oid);
        Err(KeyError::Algorithm { found: crate::key::known(oid) })
    }

    /// PKCS#8 in PEM, encrypted with PBES2 (scrypt and AES-256-CBC, which openssl reads) if there is a passphrase.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn to_pem(&self, passphrase: Option<&Passphrase>) -> Result<Zeroizing<String>, SignError> {
        let wrong = |_| SignError::Make { why: "it cannot be written as PKCS#8" };
        let der = match &self.kind {
            Kind::P256(key) => key.to_pkcs8_der(),
            // Version 1, without the public half: openssl and Go refuse version 2.
            Kind::Ed25519(key) => {
                ed25519_dalek::pkcs8::KeypairBytes { secret_key: key.to_bytes(), public_key: None }
                    .to_pkcs8_der()
            }
        }
        .map_err(wrong)?;
        match passphrase {
            None => der
                .to_pem("PRIVATE KEY", LineEnding::LF)
                .map_err(|_| SignError::Make { why: "it cannot be written as PEM" }),
            Some(passphrase) => encrypted(der.as_bytes(), passphrase),
        }
    }
}

/// PKCS#8 as `EncryptedPrivateKeyInfo` in PEM.
fn encrypted(der: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<String>, SignError> {
    let wrong = |_| SignError::Make { why: "it cannot be written as PKCS#8" };
    let mut salt = [0; 16];
    let mut start = [0; 16];
    for bytes in [&mut salt, &mut start] {
        OsRng
            .try_fill_bytes(bytes)
            .map_err(|_| SignError::Make { why: "the kernel gives no random numbers" })?;
    }
    // 16 MiB, five times: openssl refuses what needs more than 32 MiB.
    let cost = scrypt::Params::new(14, 8, 5, 32)
        .map_err(|_| SignError::Make { why: "scrypt takes no such cost" })?;
    let how = pkcs8::pkcs5::pbes2::Parameters::scrypt_aes256cbc(cost, &salt, &start)
        .map_err(|_| SignError::Make { why: "PBES2 takes no such cost" })?;
    PrivateKeyInfo::from_der(der)
        .map_err(|_| SignError::Make { why: "it cannot be written as PKCS#8" })?
        .encrypt_with_params(how, passphrase.as_bytes())
        .map_err(wrong)?
        .to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF)
        .map_err(|_| SignError::Make { why: "it cannot be written as PEM" })
}

impl Signer for SigningKey {
    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(match &self.kind {
            Kind::P256(key) => {
                // RFC 6979: the same bytes have the same signature.
                let signature: p256::ecdsa::DerSignature = key.sign(bytes);
                signature.as_bytes().to_vec()
            }
            Kind::Ed25519(key) => key.sign(bytes).to_bytes().to_vec(),
        })
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id())
    }
}

/// What a text with a private key holds.
pub enum KeyFile {
    /// A key that is ready.
    Plain(Box<SigningKey>),
    /// One that needs a passphrase.
    Encrypted(EncryptedKey),
}

/// A key that needs a passphrase.
pub struct EncryptedKey {
    kind: Encryption,
    bytes: Zeroizing<Vec<u8>>,
    origin: String,
}

enum Encryption {
    Pbes2,
    Cosign,
}

impl KeyFile {
    /// Reads PEM: PKCS#8, encrypted or not, SEC1 (`EC PRIVATE KEY`), cosign's encrypted form. `origin` says in errors where it
    /// is from.
    ///
    /// # Errors
    /// There is no private key or more than one, or it is damaged or of another kind.
    pub fn parse(text: &[u8], origin: &str) -> Result<Self, SignError> {
        let wrong = |source| SignError::Key { origin: origin.to_owned(), source };
        let blocks = blocks(text).map_err(wrong)?;
        let keys: Vec<_> = blocks.iter().filter(|block| block.label.ends_with("PRIVATE KEY")).collect();
        let [block] = keys[..] else {
            if keys.len() > 1 {
                return Err(wrong(KeyError::Damaged { why: "more than one private key" }));
            }
            let labels: Vec<String> = blocks.iter().map(|block| format!("`{}`", block.label)).collect();
            let found = if labels.is_empty() { "no PEM block".to_owned() } else { labels.join(", ") };
            return Err(SignError::NoPrivateKey { origin: origin.to_owned(), found });
        };
        let encrypted = |kind| {
            Ok(Self::Encrypted(EncryptedKey { kind, bytes: block.bytes.clone(), origin: origin.to_owned() }))
        };
        match block.label.as_str() {
            "PRIVATE KEY" => {
                SigningKey::from_pkcs8(&block.bytes).map(Box::new).map(Self::Plain).map_err(wrong)
            }
            "EC PRIVATE KEY" => p256::SecretKey::from_sec1_der(&block.bytes)
                .map(|key| Self::Plain(Box::new(SigningKey::p256(key.into()))))
                .map_err(|_| {
                    wrong(KeyError::Algorithm {
                        found: "another curve, an encrypted or a damaged key".to_owned(),
                    })
                }),
            "ENCRYPTED PRIVATE KEY" => encrypted(Encryption::Pbes2),
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                encrypted(Encryption::Cosign)
            }
            other => Err(wrong(KeyError::Algorithm { found: other.chars().take(60).collect() })),
        }
    }
}

impl EncryptedKey {
    /// Where the key is from.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Opens it.
    ///
    /// # Errors
    /// The passphrase is wrong, or the key is damaged, encrypted in a way that is not read, or of another kind.
    pub fn decrypt(&self, passphrase: &Passphrase) -> Result<SigningKey, SignError> {
        let origin = || self.origin.clone();
        let wrong = |source| SignError::Key { origin: origin(), source };
        match self.kind {
            Encryption::Pbes2 => {
                let info =
                    EncryptedPrivateKeyInfo::from_der(&self.bytes).map_err(|_| SignError::Encryption {
                        origin: origin(),
                        why: "expected PBES2 with PBKDF2 or scrypt and AES".to_owned(),
                    })?;
                let document = info
                    .decrypt(passphrase.as_bytes())
                    .map_err(|_| SignError::Decrypt { origin: origin() })?;
                SigningKey::from_pkcs8(document.as_bytes()).map_err(wrong)
            }
            Encryption::Cosign => {
                let der = cosign::decrypt(&self.bytes, passphrase).map_err(|error| match error {
                    cosign::Refusal::Unusual(why) => SignError::Encryption { origin: origin(), why },
                    cosign::Refusal::Closed => SignError::Decrypt { origin: origin() },
                })?;
                SigningKey::from_pkcs8(&der).map_err(wrong)
            }
        }
    }
}
