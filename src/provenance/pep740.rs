//! Attestations of package indexes (PEP 740): what they say, as Sigstore bundles.

use serde_json::{Map, Value, json};

use super::{PAYLOAD_TYPE, StatementError};

/// Attestations of one document at most.
const MOST: usize = 64;

/// Whether a document says that it is an attestation or a provenance object.
#[must_use]
pub fn is_one(value: &Value) -> bool {
    value.get("verification_material").is_some() || value.get("attestation_bundles").is_some()
}

/// The attestations of a document, each as a Sigstore bundle v0.3: an attestation is one, a provenance object has some.
///
/// # Errors
/// It is of another version, or a part is missing.
pub fn to_bundles(document: &Value) -> Result<Vec<Value>, StatementError> {
    let Some(groups) = document.get("attestation_bundles") else { return Ok(vec![to_bundle(document)?]) };
    version(document)?;
    let list = |value: Option<&Value>, field| {
        value.and_then(Value::as_array).cloned().ok_or_else(|| wrong(field, "a list", value))
    };
    let mut bundles = Vec::new();
    for group in list(Some(groups), "attestation_bundles")? {
        for attestation in list(group.get("attestations"), "attestation_bundles.attestations")? {
            bundles.push(to_bundle(&attestation)?);
        }
    }
    if bundles.is_empty() || bundles.len() > MOST {
        let count = Value::from(bundles.len());
        return Err(wrong("attestation_bundles", "1 to 64 attestations", Some(&count)));
    }
    Ok(bundles)
}

/// One attestation as a Sigstore bundle v0.3.
///
/// # Errors
/// It is of another version, or a part is missing.
pub fn to_bundle(attestation: &Value) -> Result<Value, StatementError> {
    version(attestation)?;
    let text = |pointer: &'static str, field| {
        let value = attestation.pointer(pointer);
        value.and_then(Value::as_str).ok_or_else(|| wrong(field, "base64", value))
    };
    let certificate = text("/verification_material/certificate", "verification_material.certificate")?;
    let statement = text("/envelope/statement", "envelope.statement")?;
    let signature = text("/envelope/signature", "envelope.signature")?;
    let entries = attestation.pointer("/verification_material/transparency_entries");
    let entries = match entries.and_then(Value::as_array) {
        Some(list) if !list.is_empty() => list.iter().map(camel).collect::<Vec<Value>>(),
        Some(_) | None => {
            return Err(wrong("verification_material.transparency_entries", "one or more", entries));
        }
    };
    Ok(json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "certificate": { "rawBytes": certificate }, "tlogEntries": entries },
        "dsseEnvelope": {
            "payload": statement,
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "sig": signature }],
        },
    }))
}

fn version(document: &Value) -> Result<(), StatementError> {
    let version = document.get("version");
    if version.and_then(Value::as_u64) == Some(1) { Ok(()) } else { Err(wrong("version", "1", version)) }
}

fn wrong(field: &'static str, expected: &str, actual: Option<&Value>) -> StatementError {
    let actual = actual.map_or_else(|| "nothing".to_owned(), Value::to_string);
    StatementError::Field { field, expected: expected.to_owned(), actual: actual.chars().take(120).collect() }
}

/// Keys as Sigstore has them: files hold `logIndex`, and the PEP's appendix shows `log_index`.
fn camel(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut renamed = Map::new();
            for (key, value) in map {
                let mut parts = key.split('_');
                let mut name = parts.next().unwrap_or_default().to_owned();
                for part in parts {
                    let mut letters = part.chars();
                    name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
                    name.push_str(letters.as_str());
                }
                renamed.insert(name, camel(value));
            }
            Value::Object(renamed)
        }
        Value::Array(items) => Value::Array(items.iter().map(camel).collect()),
        other => other.clone(),
    }
}
