//! The DSSE envelope, v1.0.2: what is signed, and how it is carried.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

use super::descriptor::or_default;
use super::json::{Limits, parse_json};
use super::{PAYLOAD_TYPE, Statement, StatementError};

/// The bytes that are signed: DSSE's pre-authentication encoding of a payload and its type.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// An envelope as it is carried. Nothing in it was verified; it is read once, and what is verified is the bytes
/// of [`Envelope::payload`], never the envelope read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// A hint of the key and nothing more: no decision may rest on it. Empty and unset are equal.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub keyid: String,
    /// base64, standard or URL-safe.
    pub sig: String,
}

/// Both alphabets must be taken (DSSE, "envelope"); padding is as the writer liked.
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

impl Envelope {
    /// An envelope of a statement, with signatures made over `pae(PAYLOAD_TYPE, payload)`.
    #[must_use]
    pub fn of(statement: &Statement, signatures: Vec<Signature>) -> Self {
        Self::of_payload(PAYLOAD_TYPE, &Self::signed_bytes(statement), signatures)
    }

    /// An envelope of a payload, with signatures made over `pae(payload_type, payload)`.
    #[must_use]
    pub fn of_payload(payload_type: &str, payload: &[u8], signatures: Vec<Signature>) -> Self {
        Self { payload: STANDARD.encode(payload), payload_type: payload_type.to_owned(), signatures }
    }

    /// The payload of a statement: its canonical line without the end.
    #[must_use]
    pub fn signed_bytes(statement: &Statement) -> Vec<u8> {
        let mut line = statement.to_line();
        line.pop();
        line.into_bytes()
    }

    /// Reads an envelope; unknown fields are ignored.
    ///
    /// # Errors
    /// No strict JSON, or a field is missing.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        Self::from_value(parse_json(bytes, Limits::default())?)
    }

    /// Reads an envelope that is part of a document.
    ///
    /// # Errors
    /// A field is missing.
    pub fn from_value(value: serde_json::Value) -> Result<Self, StatementError> {
        serde_json::from_value(value).map_err(StatementError::Envelope)
    }

    /// What kind of payload it says it has.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The payload's bytes.
    ///
    /// # Errors
    /// It is no base64.
    pub fn payload(&self) -> Result<Vec<u8>, StatementError> {
        decode("payload", &self.payload)
    }

    /// The signatures.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// One line with its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

impl Signature {
    /// The signature's bytes.
    ///
    /// # Errors
    /// It is no base64.
    pub fn bytes(&self) -> Result<Vec<u8>, StatementError> {
        decode("sig", &self.sig)
    }
}

fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, StatementError> {
    let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    engine.decode(text).map_err(|source| StatementError::Base64 { field, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_example_of_the_specification() {
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(pae("http://example.com/HelloWorld", b"hello world"), expected);
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
    }

    #[test]
    fn both_alphabets_are_read() {
        for payload in ["--__", "++//", "aGk", "aGk="] {
            let text = format!(
                r#"{{"payload":"{payload}","payloadType":"x","signatures":[{{"keyid":null,"sig":"aGk="}}],"more":1}}"#
            );
            let envelope = Envelope::parse(text.as_bytes()).unwrap();
            assert!(envelope.payload().is_ok(), "{payload}");
            assert_eq!(envelope.signatures()[0].bytes().unwrap(), b"hi");
        }
        assert!(decode("payload", "-+").is_err());
    }
}
