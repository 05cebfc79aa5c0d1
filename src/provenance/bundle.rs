//! Sigstore bundles, v0.1 to v0.3: what carries an envelope and what vouches for its signature.

use serde_json::{Map, Value, json};

use super::json::{Limits, parse_json};
use super::{Envelope, StatementError};

/// A bundle as it is carried; nothing in it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigstoreBundle {
    /// `0.1`, `0.2` or `0.3`.
    pub version: String,
    /// What vouches for the signature.
    pub material: Material,
    /// Whether it holds entries of a transparency log or time stamps.
    pub has_log_or_time: bool,
    /// What is signed; `None` for a bundle with a signature over the artifact itself.
    pub envelope: Option<Envelope>,
}

/// What vouches for the signature of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// A key that both sides know; the hint names it.
    PublicKey {
        /// Equal to the signature's `keyid`.
        hint: String,
    },
    /// A certificate, alone or with others.
    Certificate,
}

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The version that a media type names, if it is one of a bundle that is read.
fn version(media_type: &str) -> Option<&'static str> {
    match media_type {
        MEDIA_TYPE | "application/vnd.dev.sigstore.bundle+json;version=0.3" => Some("0.3"),
        "application/vnd.dev.sigstore.bundle+json;version=0.2" => Some("0.2"),
        "application/vnd.dev.sigstore.bundle+json;version=0.1" => Some("0.1"),
        _ => None,
    }
}

impl SigstoreBundle {
    /// A bundle v0.3 of an envelope with one signature by a key that the verifier has.
    #[must_use]
    pub fn with_public_key(hint: &str, envelope: Envelope) -> Self {
        Self {
            version: "0.3".to_owned(),
            material: Material::PublicKey { hint: hint.to_owned() },
            has_log_or_time: false,
            envelope: Some(envelope),
        }
    }

    /// Whether a document says that it is a bundle, of a version that is read or not.
    #[must_use]
    pub fn is_one(value: &Value) -> bool {
        let media_type = value.get("mediaType").and_then(Value::as_str).unwrap_or_default();
        media_type.starts_with("application/vnd.dev.sigstore.bundle")
            || value.get("verificationMaterial").is_some()
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// No strict JSON, another version, or its parts do not fit.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        Self::from_value(&parse_json(bytes, Limits::default())?)
    }

    /// Reads a bundle that was parsed as JSON.
    ///
    /// # Errors
    /// Another version, or its parts do not fit.
    pub fn from_value(value: &Value) -> Result<Self, StatementError> {
        let wrong = |field, expected: &str, actual: &str| StatementError::Field {
            field,
            expected: expected.to_owned(),
            actual: actual.chars().take(120).collect(),
        };
        let media_type = value.get("mediaType").and_then(Value::as_str).unwrap_or_default();
        let version = version(media_type)
            .ok_or_else(|| wrong("mediaType", "a Sigstore bundle v0.1, v0.2 or v0.3", media_type))?;
        let empty = Map::new();
        let material = value.get("verificationMaterial").and_then(Value::as_object).unwrap_or(&empty);
        let set = |name: &str| material.get(name).filter(|value| !value.is_null());
        let kinds = ["publicKey", "x509CertificateChain", "certificate"];
        let given: Vec<&str> = kinds.into_iter().filter(|kind| set(kind).is_some()).collect();
        let found = match given[..] {
            ["publicKey"] => {
                let hint = set("publicKey").and_then(|key| key.get("hint")).and_then(Value::as_str);
                Material::PublicKey { hint: hint.unwrap_or_default().to_owned() }
            }
            [_] => Material::Certificate,
            _ => {
                return Err(wrong(
                    "verificationMaterial",
                    "one of publicKey, certificate, x509CertificateChain",
                    &given.join(", "),
                ));
            }
        };
        let filled =
            |value: Option<&Value>| value.and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        let stamps = set("timestampVerificationData").and_then(|data| data.get("rfc3161Timestamps"));
        let envelope = value.get("dsseEnvelope").filter(|value| !value.is_null());
        let message = value.get("messageSignature").filter(|value| !value.is_null());
        let envelope = match (envelope, message) {
            (Some(envelope), None) => Some(Envelope::from_value(envelope.clone())?),
            (None, Some(_)) => None,
            (Some(_), Some(_)) => {
                return Err(wrong("content", "one of dsseEnvelope and messageSignature", "both"));
            }
            (None, None) => {
                return Err(wrong("content", "one of dsseEnvelope and messageSignature", "neither"));
            }
        };
        if let Some(envelope) = &envelope {
            // "DSSE in a bundle MUST have exactly one signature".
            let [signature] = envelope.signatures() else {
                return Err(wrong(
                    "dsseEnvelope.signatures",
                    "one signature",
                    &envelope.signatures().len().to_string(),
                ));
            };
            if let Material::PublicKey { hint } = &found
                && !signature.keyid.is_empty()
                && *hint != signature.keyid
            {
                return Err(wrong("verificationMaterial.publicKey.hint", "the signature's keyid", hint));
            }
        }
        let has_log_or_time = filled(set("tlogEntries")) || filled(stamps);
        Ok(Self { version: version.to_owned(), material: found, has_log_or_time, envelope })
    }

    /// One line with its end. Only for bundles that [`SigstoreBundle::with_public_key`] made.
    #[must_use]
    pub fn to_line(&self) -> String {
        let hint = match &self.material {
            Material::PublicKey { hint } => hint.as_str(),
            Material::Certificate => "",
        };
        let value = json!({
            "mediaType": MEDIA_TYPE,
            // An empty list and none are equal in protobuf's JSON; sigstore's Python models want it written.
            "verificationMaterial": { "publicKey": { "hint": hint }, "tlogEntries": [] },
            "dsseEnvelope": self.envelope,
        });
        format!("{value}\n")
    }
}
