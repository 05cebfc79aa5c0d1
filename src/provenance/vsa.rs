//! SLSA's Verification Summary Attestation v1: a verifier's decision, as a statement.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::descriptor::{DigestSet, ResourceDescriptor, or_default};
use super::json::{Limits, parse_json};
use super::{STATEMENT_TYPE, StatementError, Timestamp, VSA_TYPE};

/// The statement, checked in its form. Nothing is known of whether it is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationSummary {
    subject: Vec<ResourceDescriptor>,
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<ResourceDescriptor>,
    predicate_type: String,
    predicate: Predicate,
}

/// The predicate, in the order of the specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    verifier: Verifier,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_verified: Option<Timestamp>,
    resource_uri: String,
    policy: Policy,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    input_attestations: Vec<ResourceDescriptor>,
    verification_result: Verdict,
    verified_levels: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    slsa_version: String,
}

/// Who decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifier {
    /// URI.
    pub id: String,
    /// Versions of its parts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub version: BTreeMap<String, String>,
}

/// By which policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// URI.
    pub uri: String,
    /// Its digests.
    #[serde(default, skip_serializing_if = "DigestSet::is_empty", deserialize_with = "or_default")]
    pub digest: DigestSet,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
}

impl VerificationSummary {
    /// A decision, in SLSA 1.2's words.
    #[must_use]
    pub fn new(
        subject: ResourceDescriptor,
        verifier: Verifier,
        time: Timestamp,
        resource_uri: String,
        policy: Policy,
        inputs: Vec<ResourceDescriptor>,
        levels: Vec<String>,
    ) -> Self {
        let failed = levels.iter().any(|level| level == "FAILED");
        Self {
            subject: vec![subject],
            predicate: Predicate {
                verifier,
                time_verified: Some(time),
                resource_uri,
                policy,
                input_attestations: inputs,
                verification_result: if failed { Verdict::Failed } else { Verdict::Passed },
                verified_levels: levels,
                slsa_version: "1.2".to_owned(),
            },
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// No strict JSON, another type, or a field that must be there is not.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        let value = parse_json(bytes, Limits::default())?;
        let wrong = |field, expected: &str, actual: &str| {
            let actual = actual.chars().take(120).collect();
            Err(StatementError::Field { field, expected: expected.to_owned(), actual })
        };
        for (field, expected) in [("_type", STATEMENT_TYPE), ("predicateType", VSA_TYPE)] {
            let actual = value.get(field).and_then(serde_json::Value::as_str).unwrap_or_default();
            if actual != expected {
                return wrong(field, expected, actual);
            }
        }
        let wire: Wire = serde_json::from_value(value).map_err(StatementError::Summary)?;
        if wire.subject.is_empty() || wire.subject.iter().any(|subject| subject.digest.is_empty()) {
            return wrong("subject", "at least one, each with a digest", "");
        }
        for (field, text) in [
            ("predicate.verifier.id", &wire.predicate.verifier.id),
            ("predicate.resourceUri", &wire.predicate.resource_uri),
            ("predicate.policy.uri", &wire.predicate.policy.uri),
        ] {
            if text.is_empty() {
                return wrong(field, "a URI", "");
            }
        }
        if wire.predicate.verified_levels.is_empty() {
            return wrong("predicate.verifiedLevels", "at least one", "[]");
        }
        Ok(Self { subject: wire.subject, predicate: wire.predicate })
    }

    /// The canonical text without an end: the payload of an envelope.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        let wire = Wire {
            kind: STATEMENT_TYPE.to_owned(),
            subject: self.subject.clone(),
            predicate_type: VSA_TYPE.to_owned(),
            predicate: self.predicate.clone(),
        };
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    /// What was judged; never empty.
    #[must_use]
    pub fn subjects(&self) -> &[ResourceDescriptor] {
        &self.subject
    }

    /// Who judged.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.predicate.verifier
    }

    /// When.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.predicate.time_verified
    }

    /// Where the artifact is got, as the consumer names it.
    #[must_use]
    pub fn resource_uri(&self) -> &str {
        &self.predicate.resource_uri
    }

    /// By which policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.predicate.policy
    }

    /// What was decided.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.predicate.verification_result
    }

    /// The levels that it grants.
    #[must_use]
    pub fn levels(&self) -> &[String] {
        &self.predicate.verified_levels
    }
}
