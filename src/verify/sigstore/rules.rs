//! What the crate does not look at.

use sigstore_verify::types::bundle::VerificationMaterialContent;
use sigstore_verify::types::{
    ArtifactDigest, Bundle, HashAlgorithm, MediaType, Sha256Hash, Sha512Hash, SignatureContent,
};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::provenance::{Limits, STATEMENT_TYPE, STATEMENT_TYPE_01, parse_json};
use crate::verify::Artifact;
use crate::verify::failure::Failure;
use crate::verify::judge::with_cause;

/// More log entries or time stamps than this are not looked at.
const MOST: usize = 32;

fn wrong(why: String) -> Failure {
    Failure::Bundle { why }
}

/// Counts, the chain, and the statement's types.
pub(super) fn shape(bundle: &Bundle) -> Result<(), Failure> {
    let material = &bundle.verification_material;
    let stamps = &material.timestamp_verification_data.rfc3161_timestamps;
    if material.tlog_entries.len() > MOST || stamps.len() > MOST {
        return Err(wrong(format!("it has more than {MOST} log entries or time stamps")));
    }
    if let VerificationMaterialContent::X509CertificateChain { certificates } = &material.content {
        for certificate in certificates {
            let parsed = Certificate::from_der(certificate.raw_bytes.as_bytes())
                .map_err(|error| Failure::Certificate { why: format!("it is damaged: {error}") })?;
            let tbs = parsed.tbs_certificate;
            if tbs.subject == tbs.issuer && !tbs.subject.0.is_empty() {
                return Err(wrong(
                    "its chain has a root certificate in it, and roots are ours to choose".to_owned(),
                ));
            }
        }
    }
    if let SignatureContent::DsseEnvelope(envelope) = &bundle.content {
        let statement = parse_json(envelope.payload.as_bytes(), Limits::default())
            .map_err(|error| Failure::Form { why: with_cause(&error) })?;
        let text = |name: &str| statement.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        let kind = text("_type");
        if kind != STATEMENT_TYPE && kind != STATEMENT_TYPE_01 {
            return Err(Failure::StatementType { actual: kind.chars().take(200).collect() });
        }
        if text("predicateType").is_empty() {
            return Err(Failure::Form { why: "predicateType is missing".to_owned() });
        }
    }
    Ok(())
}

/// Each log entry is proven: by a proof, or in bundles of old (v0.1) by a promise.
pub(super) fn proven(bundle: &Bundle) -> Result<(), Failure> {
    let entries = &bundle.verification_material.tlog_entries;
    if entries.is_empty() {
        return Err(Failure::LogEntry { why: "there is none".to_owned() });
    }
    let promised = matches!(bundle.media_type(), MediaType::Bundle0_1);
    for (index, entry) in entries.iter().enumerate() {
        if entry.inclusion_proof.is_none() && !(promised && entry.inclusion_promise.is_some()) {
            return Err(Failure::LogEntry {
                why: format!("entry {} has no proof that it is in the log", index + 1),
            });
        }
    }
    Ok(())
}

/// The material is a plain key's.
pub(super) fn keyed(bundle: &Bundle) -> Result<(), Failure> {
    match &bundle.verification_material.content {
        VerificationMaterialContent::PublicKey(_) => Ok(()),
        _ => Err(wrong("it has a certificate, and a key is to judge it".to_owned())),
    }
}

/// A digest in the crate's form; none if it is of another algorithm or no digest.
pub(super) fn digest(algorithm: &str, text: &str) -> Option<ArtifactDigest> {
    match algorithm {
        "sha256" => {
            ArtifactDigest::new(HashAlgorithm::Sha2256, Sha256Hash::from_hex(text).ok()?.as_bytes().to_vec())
        }
        "sha512" => {
            ArtifactDigest::new(HashAlgorithm::Sha2512, Sha512Hash::from_hex(text).ok()?.as_bytes().to_vec())
        }
        _ => return None,
    }
    .ok()
}

/// A digest that the statement names, so that the crate finds its subject; which one it has to be is judged elsewhere.
pub(super) fn first_subject(bundle: &Bundle) -> Result<ArtifactDigest, Failure> {
    subjects(bundle)?
        .iter()
        .flatten()
        .find_map(|(algorithm, text)| digest(algorithm, text.as_str()?))
        .ok_or_else(|| Failure::Form { why: "no subject has a SHA-256 or SHA-512 digest".to_owned() })
}

/// The artifact is a subject of the statement.
pub(super) fn names(bundle: &Bundle, artifact: &Artifact) -> Result<(), Failure> {
    let fits = |digests: &serde_json::Map<String, serde_json::Value>| {
        digests.get(&artifact.algorithm).and_then(|text| text.as_str()) == Some(&artifact.digest)
    };
    if subjects(bundle)?.iter().any(fits) {
        return Ok(());
    }
    let expected = format!("{}:{}", artifact.algorithm, artifact.digest);
    Err(Failure::Subject { expected, named: "others".to_owned() })
}

fn subjects(bundle: &Bundle) -> Result<Vec<serde_json::Map<String, serde_json::Value>>, Failure> {
    let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
        return Err(wrong("it has no statement".to_owned()));
    };
    if envelope.payload_type != crate::provenance::PAYLOAD_TYPE {
        return Err(Failure::PayloadType { actual: envelope.payload_type.chars().take(120).collect() });
    }
    let statement = parse_json(envelope.payload.as_bytes(), Limits::default())
        .map_err(|error| Failure::Form { why: with_cause(&error) })?;
    let list = statement.get("subject").and_then(|list| list.as_array()).cloned().unwrap_or_default();
    Ok(list.iter().filter_map(|subject| subject.get("digest")?.as_object().cloned()).collect())
}
