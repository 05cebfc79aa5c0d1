//! One piece of evidence against one artifact.

use std::collections::BTreeSet;

use super::evidence::{Carrier, Content, Evidence};
use super::failure::{Failure, Unchecked};
use super::foreign::{self, ForeignBundle, Origin, PUBLISH};
use super::payload::Payload;
use super::result::{Depth, Signer, Verified};
use super::roots::Signers;
use super::sigstore::Vouched;
use super::{Artifact, Policy, certified, steps};
use crate::provenance::{Envelope, PAYLOAD_TYPE, ResourceDescriptor, StatementError, Timestamp};

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
    let mut failures = Vec::new();
    let mut unchecked = BTreeSet::new();
    let mut origin = Origin::Bundle;
    let opened = match &evidence.content {
        Content::Signed { envelope, carrier } => {
            unchecked.insert(Unchecked::SigningTime);
            if *carrier == (Carrier::Bundle { has_log_or_time: true }) {
                unchecked.insert(Unchecked::LogAndTime);
            }
            open(envelope, policy, &mut failures)?
        }
        Content::Foreign(bundle) if bundle.envelope.is_none() && depth == Depth::SignatureOnly => {
            return message(evidence, bundle, artifact, policy);
        }
        Content::Foreign(bundle) => {
            origin = bundle.origin;
            let opened = certified::open(bundle, policy, &mut failures, &mut unchecked)?;
            certified::index_rules(bundle, &opened.payload, &mut failures);
            opened
        }
        Content::Unsigned => return Err(vec![Failure::Unsigned]),
        Content::Broken(error) => return Err(vec![unreadable(error)]),
    };
    let named = Named { artifact, policy, origin };
    let subject = named.subject(&opened.payload, &mut failures, &mut unchecked);
    let predicate_type = opened.payload.predicate_type();
    let mut verified = Verified {
        place: evidence.place.clone(),
        subject,
        signers: opened.signers.valid.iter().map(Signer::of).collect(),
        signed: opened.vouched.as_ref().and_then(|vouched| vouched.signed).map(|(first, _)| first),
        kind: foreign::predicate_name(&predicate_type).map_or_else(|| predicate_type.clone(), str::to_owned),
        builder: None,
        level: None,
        unchecked: Vec::new(),
        payload: crate::digest::Sha256::of(opened.payload.bytes()),
        statement: None,
    };
    match depth {
        Depth::SignatureOnly => {
            unchecked.insert(Unchecked::Content);
            verified.statement = opened.payload.into_statement(policy).ok();
        }
        Depth::Full if predicate_type == PUBLISH && policy.expect.takes(PUBLISH) => {
            failures.extend(steps::published(&opened.payload.value(), policy, verified.signed, now));
            unchecked.insert(Unchecked::Build);
            if policy.expect.max_age.is_none() {
                unchecked.insert(Unchecked::Age);
            }
        }
        Depth::Full => match opened.payload.into_statement(policy) {
            Err(failure) => failures.push(failure),
            Ok(statement) => {
                let vouched = opened.vouched.as_ref();
                let mut steps = steps::Steps { statement: &statement, policy, vouched, failures, unchecked };
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

/// A signature over the artifact itself: who signed these bytes is all that it says.
fn message(
    evidence: &Evidence,
    bundle: &ForeignBundle,
    artifact: &Artifact,
    policy: &Policy,
) -> Result<Verified, Vec<Failure>> {
    let mut failures = Vec::new();
    let mut unchecked = BTreeSet::from([Unchecked::Content, Unchecked::Name]);
    let (signers, signed) = certified::message(bundle, artifact, policy, &mut failures, &mut unchecked);
    let (expected, actual) = (policy.roots.threshold, signers.len());
    if actual > 0 && actual < expected {
        failures.push(Failure::Threshold { expected, actual });
    }
    if !failures.is_empty() {
        return Err(failures);
    }
    Ok(Verified {
        place: evidence.place.clone(),
        subject: String::new(),
        signers: signers.iter().map(Signer::of).collect(),
        signed,
        kind: bundle.to_string(),
        builder: None,
        level: None,
        unchecked: unchecked.into_iter().collect(),
        payload: crate::digest::Sha256::of(bundle.document.to_string()),
        statement: None,
    })
}

/// An envelope's payload, with those who signed it.
pub(super) struct Opened<'a> {
    pub(super) payload: Payload,
    pub(super) signers: Signers<'a>,
    /// What a certificate bundle proved.
    pub(super) vouched: Option<Vouched>,
}

/// The payload of an envelope that says it has a statement.
pub(super) fn payload_of(envelope: &Envelope, failures: &mut Vec<Failure>) -> Result<Vec<u8>, Vec<Failure>> {
    if envelope.payload_type() != PAYLOAD_TYPE {
        failures.push(Failure::PayloadType { actual: envelope.payload_type().chars().take(120).collect() });
        return Err(std::mem::take(failures));
    }
    envelope.payload().map_err(|error| vec![unreadable(&error)])
}

/// Steps 1: signatures over the payload's bytes, by enough of the roots. The envelope is not read again afterwards.
pub(super) fn open<'a>(
    envelope: &Envelope,
    policy: &'a Policy,
    failures: &mut Vec<Failure>,
) -> Result<Opened<'a>, Vec<Failure>> {
    let payload = payload_of(envelope, failures)?;
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
    match Payload::read(payload) {
        Ok(payload) => Ok(Opened { payload, signers, vouched: None }),
        Err(error) => {
            failures.push(form(&error));
            Err(std::mem::take(failures))
        }
    }
}

/// Step 2: the artifact is among all subjects, under its own name.
struct Named<'a> {
    artifact: &'a Artifact,
    policy: &'a Policy,
    origin: Origin,
}

impl Named<'_> {
    fn subject(
        &self,
        payload: &Payload,
        failures: &mut Vec<Failure>,
        unchecked: &mut BTreeSet<Unchecked>,
    ) -> String {
        let artifact = self.artifact;
        let subjects = payload.subjects();
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
            Some(name) if self.policy.expect.exact_name() => {
                let fits = |subject: &ResourceDescriptor| match self.origin {
                    Origin::Bundle => subject.name == *name,
                    Origin::Pep740 => certified::same_distribution(subject, name),
                };
                if !same.iter().any(|subject| fits(subject)) {
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

fn unreadable(error: &StatementError) -> Failure {
    Failure::Unreadable { why: with_cause(error) }
}

pub(super) fn form(error: &StatementError) -> Failure {
    Failure::Form { why: with_cause(error) }
}

pub(super) fn with_cause(error: &StatementError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
