//! One piece of evidence against one artifact.

use std::collections::BTreeSet;

use serde_json::Value;

use super::evidence::{Carrier, Content, Evidence};
use super::failure::{Failure, Unchecked};
use super::result::{Depth, Signer, Verified};
use super::roots::Signers;
use super::{Artifact, Policy, foreign, steps};
use crate::provenance::{
    Envelope, Limits, PAYLOAD_TYPE, PREDICATE_TYPE, ResourceDescriptor, STATEMENT_TYPE, STATEMENT_TYPE_01,
    Statement, StatementError, Timestamp, parse_json,
};

/// Judges evidence: every step is done and every failure listed, those of an unsigned payload too.
///
/// # Errors
/// All failures; never an empty list.
pub fn judge(
    evidence: &Evidence,
    artifact: &Artifact,
    policy: &Policy,
    depth: Depth,
    now: Timestamp,
) -> Result<Verified, Vec<Failure>> {
    let (envelope, carrier) = match &evidence.content {
        Content::Signed { envelope, carrier } => (envelope, *carrier),
        Content::Unsigned => return Err(vec![Failure::Unsigned]),
        Content::Foreign(kind) => return Err(vec![Failure::Foreign { kind: kind.to_string() }]),
        Content::Broken(error) => return Err(vec![unreadable(error)]),
    };
    let mut failures = Vec::new();
    let mut unchecked = BTreeSet::from([Unchecked::SigningTime]);
    if carrier == (Carrier::Bundle { has_log_or_time: true }) {
        unchecked.insert(Unchecked::LogAndTime);
    }
    let opened = open(envelope, policy, &mut failures)?;
    let subject = subject(&opened.value, artifact, policy, &mut failures, &mut unchecked);
    let predicate_type = text(&opened.value, "predicateType");
    let mut verified = Verified {
        place: evidence.place.clone(),
        subject,
        signers: opened
            .signers
            .valid
            .iter()
            .map(|root| Signer { name: root.name.clone(), key: root.key.id().clone() })
            .collect(),
        kind: foreign::predicate_name(&predicate_type).map_or_else(|| predicate_type.clone(), str::to_owned),
        builder: None,
        level: None,
        unchecked: Vec::new(),
        payload: crate::digest::Sha256::of(&opened.payload),
        statement: None,
    };
    match depth {
        Depth::SignatureOnly => {
            unchecked.insert(Unchecked::Content);
            verified.statement = statement(opened.value, &predicate_type).ok();
        }
        Depth::Full => match statement(opened.value, &predicate_type) {
            Err(failure) => failures.push(failure),
            Ok(statement) => {
                let mut steps = steps::Steps { statement: &statement, policy, failures, unchecked };
                verified.level = steps.run(&opened.signers.valid, now);
                verified.builder = Some(statement.predicate().run_details.builder.id.clone());
                (failures, unchecked) = (steps.failures, steps.unchecked);
                verified.statement = Some(statement);
            }
        },
    }
    if !failures.is_empty() {
        return Err(failures);
    }
    verified.unchecked = unchecked.into_iter().collect();
    Ok(verified)
}

/// An envelope's payload, with the keys that signed it.
pub(super) struct Opened<'a> {
    pub(super) payload: Vec<u8>,
    pub(super) value: Value,
    pub(super) signers: Signers<'a>,
}

/// Steps 1: signatures over the payload's bytes, by enough of the roots. The envelope is not read again afterwards.
pub(super) fn open<'a>(
    envelope: &Envelope,
    policy: &'a Policy,
    failures: &mut Vec<Failure>,
) -> Result<Opened<'a>, Vec<Failure>> {
    if envelope.payload_type() != PAYLOAD_TYPE {
        failures.push(Failure::PayloadType { actual: envelope.payload_type().chars().take(120).collect() });
        return Err(std::mem::take(failures));
    }
    let payload = envelope.payload().map_err(|error| vec![unreadable(&error)])?;
    let signers = policy.roots.signers(envelope, &payload);
    let (expected, actual) = (policy.roots.threshold, signers.valid.len());
    if actual < expected {
        if signers.count == 0 {
            failures.push(Failure::NoSignature);
        }
        failures.extend(signers.revoked.iter().map(|key| Failure::Revoked { key: key.to_string() }));
        if actual > 0 || expected > 1 && signers.count > 0 {
            failures.push(Failure::Threshold { expected, actual });
        }
        if actual == 0 && !signers.unknown.is_empty() {
            let named = signers.unknown.join(", ");
            failures.push(Failure::Signature { count: signers.foreign, named });
        }
    }
    let value = match parse_json(&payload, Limits::default()) {
        Ok(value) => value,
        Err(error) => {
            failures.push(form(&error));
            return Err(std::mem::take(failures));
        }
    };
    Ok(Opened { payload, value, signers })
}

pub(super) fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().chars().take(200).collect()
}

/// Step 2: the artifact is among all subjects, under its own name.
fn subject(
    value: &Value,
    artifact: &Artifact,
    policy: &Policy,
    failures: &mut Vec<Failure>,
    unchecked: &mut BTreeSet<Unchecked>,
) -> String {
    let subjects: Vec<ResourceDescriptor> =
        value.get("subject").cloned().and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default();
    let same: Vec<&ResourceDescriptor> = subjects
        .iter()
        .filter(|subject| subject.digest.get(&artifact.algorithm) == Some(artifact.digest.as_str()))
        .collect();
    let Some(first) = same.first() else {
        failures.push(Failure::Subject {
            expected: format!("{}:{}", artifact.algorithm, artifact.digest),
            named: named(&subjects),
        });
        return String::new();
    };
    match &artifact.name {
        Some(name) if policy.expect.exact_name() => {
            if !same.iter().any(|subject| subject.name == *name) {
                let named = first.name.chars().take(200).collect();
                failures.push(Failure::Name { named, actual: name.clone() });
            }
        }
        Some(_) | None => {
            unchecked.insert(Unchecked::Name);
        }
    }
    first.name.clone()
}

fn named(subjects: &[ResourceDescriptor]) -> String {
    let shown: Vec<String> = subjects
        .iter()
        .take(5)
        .map(|subject| {
            let digests: Vec<String> =
                subject.digest.iter().map(|(algorithm, value)| format!("{algorithm}:{value:.128}")).collect();
            format!("{:.200} {}", subject.name, digests.join(" "))
        })
        .collect();
    match (shown.is_empty(), subjects.len().saturating_sub(shown.len())) {
        (true, _) => "nothing".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{}, and {more} more", shown.join(", ")),
    }
}

/// Step 3: exactly in-toto Statement v1 (or v0.1, of the same form) with SLSA Provenance v1. Others are named as what they are.
fn statement(value: Value, predicate_type: &str) -> Result<Statement, Failure> {
    let kind = text(&value, "_type");
    if kind != STATEMENT_TYPE && kind != STATEMENT_TYPE_01 {
        return Err(Failure::StatementType { actual: kind });
    }
    if predicate_type != PREDICATE_TYPE {
        let known =
            foreign::predicate_name(predicate_type).map(|name| format!(" ({name})")).unwrap_or_default();
        let builder = value.pointer("/predicate/builder/id").and_then(Value::as_str);
        let builder = builder.map(|id| format!(" of builder {id:.200}")).unwrap_or_default();
        return Err(Failure::PredicateType {
            expected: PREDICATE_TYPE,
            named: format!("{predicate_type:?}{known}{builder}"),
        });
    }
    Statement::from_value(value).map_err(|error| form(&error))
}

fn unreadable(error: &StatementError) -> Failure {
    Failure::Unreadable { why: with_cause(error) }
}

pub(super) fn form(error: &StatementError) -> Failure {
    Failure::Form { why: with_cause(error) }
}

fn with_cause(error: &StatementError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
