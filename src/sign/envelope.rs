//! Signed statements as they are written.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{SignError, Signer};
use crate::provenance::{
    Envelope, Limits, PAYLOAD_TYPE, Signature, SigstoreBundle, Statement, StatementError, pae, parse_json,
};

/// How a signed statement is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A DSSE envelope on one line, `NAME.intoto.jsonl`.
    Dsse,
    /// A Sigstore bundle v0.3, `NAME.sigstore.json`.
    Sigstore,
}

impl Format {
    /// The name of an output's signed statement.
    #[must_use]
    pub fn file_name(self, output: &str) -> String {
        match self {
            Self::Dsse => crate::provenance::file_name(output),
            Self::Sigstore => format!("{output}{}", crate::provenance::SIGSTORE_SUFFIX),
        }
    }
}

/// Who signs what is published, and how it is written.
#[derive(Clone)]
pub struct Signing {
    /// The key.
    pub signer: Arc<dyn Signer>,
    /// The form.
    pub format: Format,
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signing({}, {:?})", self.signer.key_id(), self.format)
    }
}

impl Signing {
    /// The file of a statement, signed. What `there` holds stays as it is if it is this very statement with a signature by
    /// this key that still holds: a signer may give other bytes each time.
    ///
    /// # Errors
    /// The signer cannot.
    pub fn file(&self, payload: &[u8], there: Option<&[u8]>) -> Result<Vec<u8>, SignError> {
        if let Some(there) = there
            && let Some(envelope) = envelope_of(there)
            && envelope.payload().is_ok_and(|there| there == payload)
            && add_signature(&envelope, self.signer.as_ref())?.envelope == envelope
        {
            return Ok(there.to_vec());
        }
        Ok(sign_payload(payload, self.signer.as_ref())?.to_line(self.format)?.into_bytes())
    }
}

/// The envelope of a file with one signed statement, in either form.
#[must_use]
pub fn envelope_of(file: &[u8]) -> Option<Envelope> {
    let value = parse_json(file, Limits::default()).ok()?;
    if SigstoreBundle::is_one(&value) {
        return SigstoreBundle::from_value(&value).ok()?.envelope;
    }
    Envelope::from_value(value).ok()
}

/// The statement of a file that holds one, and its envelope if it is in one: signed in either form, or bare. Nothing of it is
/// verified.
///
/// # Errors
/// It is no statement, or an envelope of something else.
pub fn statement_of(file: &[u8]) -> Result<(Statement, Option<Envelope>), StatementError> {
    let Some(envelope) = envelope_of(file) else { return Ok((Statement::parse_file(file)?, None)) };
    if envelope.payload_type() != PAYLOAD_TYPE {
        let actual = envelope.payload_type().chars().take(120).collect();
        return Err(StatementError::Field {
            field: "payloadType",
            expected: PAYLOAD_TYPE.to_owned(),
            actual,
        });
    }
    Ok((Statement::parse(&envelope.payload()?)?, Some(envelope)))
}

/// A signed statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    envelope: Envelope,
}

impl Signed {
    /// One line with its end, in the form that is asked for.
    ///
    /// # Errors
    /// It has more signatures than the form takes.
    pub fn to_line(&self, format: Format) -> Result<String, SignError> {
        match format {
            Format::Dsse => Ok(self.envelope.to_line()),
            Format::Sigstore => match self.envelope.signatures() {
                [one] => Ok(SigstoreBundle::with_public_key(&one.keyid, self.envelope.clone()).to_line()),
                many => Err(SignError::OneSignature { count: many.len().saturating_sub(1) }),
            },
        }
    }
}

/// Signs a statement.
///
/// # Errors
/// The signer cannot.
pub fn sign_statement(statement: &Statement, signer: &dyn Signer) -> Result<Signed, SignError> {
    sign_payload(&Envelope::signed_bytes(statement), signer)
}

/// Signs the bytes of an in-toto statement.
///
/// # Errors
/// The signer cannot.
pub fn sign_payload(payload: &[u8], signer: &dyn Signer) -> Result<Signed, SignError> {
    let signature = signature(payload, signer)?;
    Ok(Signed { envelope: Envelope::of_payload(PAYLOAD_TYPE, payload, vec![signature]) })
}

/// Adds a signature to an envelope. One that this key made before and that still holds stays as it is.
///
/// # Errors
/// The signer cannot, or the envelope is broken.
pub fn add_signature(envelope: &Envelope, signer: &dyn Signer) -> Result<Signed, SignError> {
    let payload = envelope.payload()?;
    let message = pae(envelope.payload_type(), &payload);
    let holds = |signature: &Signature| {
        signature.bytes().is_ok_and(|bytes| signer.public_key().verifies(&message, &bytes))
    };
    if envelope.payload_type() == PAYLOAD_TYPE && envelope.signatures().iter().any(holds) {
        return Ok(Signed { envelope: envelope.clone() });
    }
    let mut signatures = envelope.signatures().to_vec();
    signatures.push(signature(&payload, signer)?);
    Ok(Signed { envelope: Envelope::of_payload(PAYLOAD_TYPE, &payload, signatures) })
}

fn signature(payload: &[u8], signer: &dyn Signer) -> Result<Signature, SignError> {
    let message = pae(PAYLOAD_TYPE, payload);
    let bytes = signer.sign(&message)?;
    // A signer elsewhere may have another key than it says: then nobody could verify what is published.
    if !signer.public_key().verifies(&message, &bytes) {
        let key = signer.key_id().to_string();
        return Err(SignError::Sign { key, why: "what it gave is no signature of this key".to_owned() });
    }
    Ok(Signature { keyid: signer.key_id().to_string(), sig: STANDARD.encode(bytes) })
}
