//! A public key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use pkcs8::der::Decode as _;
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{DecodePublicKey as _, EncodePublicKey as _, LineEnding, ObjectIdentifier};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, EcdsaVerificationAlgorithm, UnparsedPublicKey,
};

use super::{KeyError, blocks};
use crate::digest::Sha256;

/// The name of a key: its `OpenSSH` fingerprint, `SHA256:` and base64, as `ssh-keygen -l` prints it.
///
/// Chosen since the DSSE libraries of Go (so cosign, slsa-verifier, sigstore-go) skip a signature with another
/// `keyid` than this one if they were given the key without a name. No decision rests on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key that can judge a signature.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: Kind,
    id: KeyId,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    P256(p256::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What an algorithm or curve is called by people.
pub(crate) fn known(oid: ObjectIdentifier) -> String {
    match oid.to_string().as_str() {
        "1.3.132.0.34" => "ECDSA P-384".to_owned(),
        "1.3.132.0.35" => "ECDSA P-521".to_owned(),
        "1.3.132.0.10" => "ECDSA secp256k1".to_owned(),
        "1.2.840.113549.1.1.1" => "RSA".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        other => other.to_owned(),
    }
}

impl PublicKey {
    /// Reads a text with one PEM block `PUBLIC KEY` (RFC 5280, `SubjectPublicKeyInfo`).
    ///
    /// # Errors
    /// There is none or more than one, or it is damaged or of another kind.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let blocks = blocks(text)?;
        if blocks.iter().any(|block| block.label.ends_with("PRIVATE KEY")) {
            return Err(KeyError::Private);
        }
        let keys: Vec<_> = blocks.iter().filter(|block| block.label == "PUBLIC KEY").collect();
        match keys[..] {
            [key] => Self::from_der(&key.bytes),
            [] if blocks.is_empty() => Err(KeyError::NoPublicKey { found: "no PEM block".to_owned() }),
            [] => {
                let labels: Vec<String> = blocks
                    .iter()
                    .map(|block| format!("`{}`", block.label.chars().take(40).collect::<String>()))
                    .collect();
                Err(KeyError::NoPublicKey { found: labels.join(", ") })
            }
            _ => Err(KeyError::Many { count: keys.len() }),
        }
    }

    /// Reads a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// It is damaged or of another kind.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let damaged = KeyError::Damaged { why: "no SubjectPublicKeyInfo in DER" };
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| damaged)?;
        match info.algorithm.oid {
            EC => match info.algorithm.parameters_oid() {
                Ok(P256) => p256::ecdsa::VerifyingKey::from_public_key_der(der)
                    .map(Self::p256)
                    .map_err(|_| KeyError::Damaged { why: "no point of P-256" }),
                Ok(curve) => Err(KeyError::Algorithm { found: known(curve) }),
                Err(_) => Err(KeyError::Damaged { why: "an elliptic curve without a name" }),
            },
            ED25519 => ed25519_dalek::VerifyingKey::from_public_key_der(der)
                .ok()
                // A key of small order takes signatures that nobody made.
                .filter(|key| !key.is_weak())
                .map(Self::ed25519)
                .ok_or(KeyError::Damaged { why: "no usable point of Ed25519" }),
            other => Err(KeyError::Algorithm { found: known(other) }),
        }
    }

    /// A key of ECDSA on P-256.
    #[must_use]
    pub fn p256(key: p256::ecdsa::VerifyingKey) -> Self {
        let point = key.to_encoded_point(false);
        let id = fingerprint(&[b"ecdsa-sha2-nistp256", b"nistp256", point.as_bytes()]);
        Self { kind: Kind::P256(key), id }
    }

    /// A key of Ed25519.
    #[must_use]
    pub fn ed25519(key: ed25519_dalek::VerifyingKey) -> Self {
        let id = fingerprint(&[b"ssh-ed25519", key.as_bytes()]);
        Self { kind: Kind::Ed25519(key), id }
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// As people know the algorithm.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match &self.kind {
            Kind::P256(_) => "ECDSA P-256",
            Kind::Ed25519(_) => "Ed25519",
        }
    }

    /// A PEM block `PUBLIC KEY`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let pem = match &self.kind {
            Kind::P256(key) => key.to_public_key_pem(LineEnding::LF),
            Kind::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
        };
        // The key was read or made: there is nothing in it that cannot be written.
        pem.unwrap_or_default()
    }

    /// Whether `signature` is this key's over `message`. ECDSA: in DER or as 64 bytes r‖s, `s` in either half.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.kind {
            Kind::P256(key) => {
                let point = key.to_encoded_point(false);
                let fits = |form: &'static EcdsaVerificationAlgorithm| {
                    UnparsedPublicKey::new(form, point.as_bytes()).verify(message, signature).is_ok()
                };
                // 64 bytes that are DER by chance are tried as both.
                fits(&ECDSA_P256_SHA256_ASN1) || signature.len() == 64 && fits(&ECDSA_P256_SHA256_FIXED)
            }
            Kind::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.algorithm(), self.id)
    }
}

/// `OpenSSH`'s fingerprint: SHA-256 over the parts of the key's wire form, each after its length (RFC 4253, 6.6).
fn fingerprint(parts: &[&[u8]]) -> KeyId {
    let mut wire = Vec::new();
    for part in parts {
        wire.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        wire.extend_from_slice(part);
    }
    KeyId(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::of(&wire).as_bytes())))
}
