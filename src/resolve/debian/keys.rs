//! The keys that sign Debian's archives, and the judgement over a signed Release (RFC 9580).

use std::fmt::Write as _;

use jiff::Timestamp;
use pgp::composed::{CleartextSignedMessage, Deserializable, DetachedSignature, SignedPublicKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, Tag, VerifyingKey};

use super::DebianError;

/// Certificates of which one must have signed.
#[derive(Debug, Clone)]
pub struct Keyring {
    certificates: Vec<SignedPublicKey>,
}

/// The keyring of each archive. A key of the one does not vouch for the other.
#[derive(Debug, Clone)]
pub struct ArchiveKeys {
    debian: Keyring,
    security: Keyring,
}

macro_rules! shipped {
    ($($name:literal),+) => {
        [$(($name, include_bytes!(concat!("keys/debian-archive-", $name, ".gpg")).as_slice())),+]
    };
}

impl ArchiveKeys {
    /// The keys of Debian 12 and 13 that ship with this program (`keys/README.md`).
    ///
    /// # Errors
    /// One cannot be read: a bug of ours.
    pub fn debian() -> Result<Self, DebianError> {
        Ok(Self {
            debian: Keyring::read(&shipped!(
                "bookworm-automatic",
                "bookworm-stable",
                "trixie-automatic",
                "trixie-stable"
            ))?,
            security: Keyring::read(&shipped!("bookworm-security-automatic", "trixie-security-automatic"))?,
        })
    }

    /// Other keys than the shipped ones: for an archive of one's own, and for tests.
    #[must_use]
    pub fn new(debian: Keyring, security: Keyring) -> Self {
        Self { debian, security }
    }

    /// The keyring of an archive: `debian-security` or any other.
    pub(super) fn of(&self, archive: &str) -> &Keyring {
        if archive == "debian-security" { &self.security } else { &self.debian }
    }
}

impl Keyring {
    /// Reads binary certificates, each with a name for messages.
    ///
    /// # Errors
    /// A certificate cannot be read.
    pub fn read(certificates: &[(&str, &[u8])]) -> Result<Self, DebianError> {
        let mut read = Vec::new();
        for (name, bytes) in certificates {
            let wrong = |error: pgp::errors::Error| DebianError::Key {
                name: (*name).to_owned(),
                reason: error.to_string(),
            };
            for certificate in SignedPublicKey::from_bytes_many(*bytes).map_err(wrong)? {
                read.push(certificate.map_err(wrong)?);
            }
        }
        Ok(Self { certificates: read })
    }

    /// The text of a clear-signed message (RFC 9580, section 7), if a key of this ring signed it.
    ///
    /// # Errors
    /// It is no such message, or no signature counts.
    pub(super) fn open_clear_signed(
        &self,
        suite: &str,
        message: &[u8],
        now: Timestamp,
    ) -> Result<String, DebianError> {
        let unusable = |reason: String| DebianError::Signature { suite: suite.to_owned(), reason };
        let text = str::from_utf8(message).map_err(|_| unusable("InRelease is not UTF-8".to_owned()))?;
        let (message, _) =
            CleartextSignedMessage::from_string(text).map_err(|error| unusable(error.to_string()))?;
        let signed = message.signed_text();
        self.judge(message.signatures(), signed.as_bytes(), now).map_err(unusable)?;
        Ok(signed.replace("\r\n", "\n"))
    }

    /// The text, if a key of this ring made one of the detached armored signatures.
    ///
    /// # Errors
    /// The signatures cannot be read, or none counts.
    pub(super) fn open_detached(
        &self,
        suite: &str,
        text: Vec<u8>,
        signatures: &[u8],
        now: Timestamp,
    ) -> Result<String, DebianError> {
        let unusable = |reason: String| DebianError::Signature { suite: suite.to_owned(), reason };
        let (parsed, _) = DetachedSignature::from_reader_many(signatures)
            .map_err(|error| unusable(format!("Release.gpg: {error}")))?;
        let parsed = parsed
            .map(|signature| signature.map(|signature| signature.signature))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(format!("Release.gpg: {error}")))?;
        self.judge(&parsed, &text, now).map_err(unusable)?;
        String::from_utf8(text).map_err(|_| unusable("Release is not UTF-8".to_owned()))
    }

    /// Whether one signature counts; else what is wrong with each.
    fn judge(&self, signatures: &[Signature], text: &[u8], now: Timestamp) -> Result<(), String> {
        let mut reasons = String::new();
        for signature in signatures {
            match self.judge_one(signature, text, now) {
                Ok(()) => return Ok(()),
                Err(reason) => {
                    let separator = if reasons.is_empty() { "" } else { "; " };
                    let _ = write!(reasons, "{separator}{reason}");
                }
            }
        }
        Err(if reasons.is_empty() { "there is no signature".to_owned() } else { reasons })
    }

    fn judge_one(&self, signature: &Signature, text: &[u8], now: Timestamp) -> Result<(), String> {
        let strong = matches!(
            signature.hash_alg(),
            Some(HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512)
        );
        if !strong {
            return Err("a signature over a weak hash".to_owned());
        }
        if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
            return Err("a signature that is not over a document".to_owned());
        }
        let issuer = signature
            .issuer_fingerprint()
            .first()
            .map(|issuer| format!("{issuer:X}"))
            .or_else(|| signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase()))
            .unwrap_or_else(|| "without issuer".to_owned());
        let Some(made) = signature.created().map(|time| i64::from(time.as_secs())) else {
            return Err(format!("signature by {issuer} has no date"));
        };
        let ends = signature.signature_expiration_time().map(|span| made + i64::from(span.as_secs()));
        if ends.is_some_and(|ends| ends <= now.as_second()) {
            return Err(format!("signature by {issuer} has expired"));
        }
        for certificate in &self.certificates {
            if matches_issuer(signature, &certificate.primary_key) {
                signature.verify(&certificate.primary_key, text).map_err(|_| bad(&issuer))?;
                return primary_counts(certificate, now).map_err(|why| format!("key {issuer} {why}"));
            }
            for subkey in &certificate.public_subkeys {
                if matches_issuer(signature, &subkey.key) {
                    signature.verify(&subkey.key, text).map_err(|_| bad(&issuer))?;
                    primary_counts(certificate, now).map_err(|why| format!("key of {issuer} {why}"))?;
                    return subkey_counts(certificate, subkey, now)
                        .map_err(|why| format!("key {issuer} {why}"));
                }
            }
        }
        Err(format!("signature by unknown key {issuer}"))
    }
}

fn bad(issuer: &str) -> String {
    format!("bad signature by {issuer}: the text was changed")
}

fn matches_issuer(signature: &Signature, key: &impl KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    if fingerprints.is_empty() {
        signature.issuer_key_id().contains(&&key.legacy_key_id())
    } else {
        fingerprints.contains(&&key.fingerprint())
    }
}

/// Whether a primary key is neither revoked nor expired, by its newest valid self-signatures.
fn primary_counts(certificate: &SignedPublicKey, now: Timestamp) -> Result<(), &'static str> {
    let key = &certificate.primary_key;
    if !certificate.details.revocation_signatures.is_empty() {
        return Err("was revoked");
    }
    let direct = certificate.details.direct_signatures.iter().filter(|one| one.verify_key(key).is_ok());
    let users = certificate.details.users.iter().flat_map(|user| {
        user.signatures.iter().filter(|one| {
            matches_issuer(one, key)
                && one.is_certification()
                && one.verify_certification(key, Tag::UserId, &user.id).is_ok()
        })
    });
    // A direct signature may only name a revoker and say nothing of expiry: each kind is asked for its newest.
    let made = |one: &&Signature| one.created().map(pgp::types::Timestamp::as_secs);
    let newest: Vec<&Signature> =
        [direct.max_by_key(made), users.max_by_key(made)].into_iter().flatten().collect();
    if newest.is_empty() {
        return Err("has no valid self-signature");
    }
    newest.into_iter().try_for_each(|one| alive(key, one, now))
}

/// Whether a signing subkey is bound to its primary key, neither revoked nor expired.
fn subkey_counts(
    certificate: &SignedPublicKey,
    subkey: &pgp::composed::SignedPublicSubKey,
    now: Timestamp,
) -> Result<(), &'static str> {
    if subkey.signatures.iter().any(|one| one.typ() == Some(SignatureType::SubkeyRevocation)) {
        return Err("was revoked");
    }
    subkey.verify_bindings(&certificate.primary_key).map_err(|_| "is not bound to its certificate")?;
    let newest = subkey.signatures.iter().max_by_key(|one| one.created().map(pgp::types::Timestamp::as_secs));
    let newest = newest.ok_or("is not bound to its certificate")?;
    if !newest.key_flags().sign() {
        return Err("is not for signing");
    }
    alive(&subkey.key, newest, now)
}

fn alive(key: &impl VerifyingKey, by: &Signature, now: Timestamp) -> Result<(), &'static str> {
    let made = i64::from(key.created_at().as_secs());
    let span = by.key_expiration_time().map(|span| i64::from(span.as_secs())).filter(|span| *span > 0);
    match span {
        Some(span) if made + span <= now.as_second() => Err("has expired"),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_keys_are_those_of_the_readme() {
        let keys = ArchiveKeys::debian().unwrap();
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        for certificate in keys.debian.certificates.iter().chain(&keys.security.certificates) {
            let readme = include_str!("keys/README.md");
            let primary = format!("{:X}", certificate.primary_key.fingerprint());
            assert!(readme.contains(&primary), "{primary}");
            assert_eq!(primary_counts(certificate, now), Ok(()), "{primary}");
            for subkey in &certificate.public_subkeys {
                let sub = format!("{:X}", subkey.key.fingerprint());
                assert!(readme.contains(&sub), "{sub}");
                assert_eq!(subkey_counts(certificate, subkey, now), Ok(()), "{sub}");
            }
            let later = Timestamp::from_second(2_100_000_000).unwrap();
            assert_eq!(primary_counts(certificate, later), Err("has expired"), "{primary}");
        }
        assert_eq!((keys.debian.certificates.len(), keys.security.certificates.len()), (4, 2));
    }
}
