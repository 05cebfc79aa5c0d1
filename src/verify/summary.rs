//! Verification summaries: a decision written down, and one of another verifier believed.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Content, Evidence};
use super::failure::{Failure, Unchecked};
use super::judge::{form, open};
use super::policy::Age;
use super::result::{Decision, Signer, Verified};
use super::{Artifact, Policy, TrustedVerifier};
use crate::digest::Sha256;
use crate::provenance::{
    self, DigestSet, ResourceDescriptor, Timestamp, VSA_TYPE, Verdict, VerificationSummary, Verifier,
};
use crate::verify::roots::{Credential, Root, Roots, Signed};

/// What a summary has to say to be believed.
#[derive(Debug, Clone)]
pub struct SummaryExpectations {
    /// Verifiers, each with its key.
    pub verifiers: Vec<TrustedVerifier>,
    /// Names of keys whose signatures no longer count.
    pub revoked: BTreeSet<String>,
    /// The resource, exactly.
    pub resource: String,
    /// A level that has to be among the granted ones, or one above it on the same track.
    pub level: String,
    /// How old it may be.
    pub max_age: Option<Age>,
}

/// What a summary that is written says beside the decision.
#[derive(Debug, Clone)]
pub struct SummaryIssue {
    /// Who verified.
    pub verifier: String,
    /// Where the artifact is got.
    pub resource: String,
    /// Where the policy is.
    pub policy_uri: String,
    /// Its digest.
    pub policy: Sha256,
    /// Now.
    pub time: Timestamp,
}

/// The payload of a summary of a decision.
#[must_use]
pub fn summarize(decision: &Decision, issue: SummaryIssue) -> Vec<u8> {
    let name = decision.artifact.name.clone().unwrap_or_else(|| decision.artifact.shown.clone());
    let subject =
        ResourceDescriptor { name, digest: decision.artifact.digests(), ..ResourceDescriptor::default() };
    let (levels, inputs) = match &decision.outcome {
        Ok(verified) => {
            let level = verified.level.map_or_else(
                || "SLSA_BUILD_LEVEL_UNEVALUATED".to_owned(),
                |level| format!("SLSA_BUILD_LEVEL_{level}"),
            );
            let input = ResourceDescriptor {
                name: verified
                    .place
                    .path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                digest: DigestSet::sha256(&verified.payload),
                ..ResourceDescriptor::default()
            };
            (vec![level], vec![input])
        }
        Err(_) => (vec!["FAILED".to_owned()], Vec::new()),
    };
    let verifier = Verifier {
        id: issue.verifier,
        version: BTreeMap::from([("sealwright".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
    };
    let policy = provenance::Policy { uri: issue.policy_uri, digest: DigestSet::sha256(&issue.policy) };
    VerificationSummary::new(subject, verifier, issue.time, issue.resource, policy, inputs, levels)
        .to_payload()
}

/// Believes a summary or says all that is wrong with it (SLSA v1.2, "Verifying VSAs").
///
/// # Errors
/// All failures; never an empty list.
pub fn accept_summary(
    evidence: &Evidence,
    artifact: &Artifact,
    expect: &SummaryExpectations,
    now: Timestamp,
) -> Result<Verified, Vec<Failure>> {
    let Content::Signed { envelope, .. } = &evidence.content else {
        return Err(vec![match &evidence.content {
            Content::Unsigned => Failure::Unsigned,
            Content::Foreign(kind) => Failure::Foreign { kind: kind.to_string() },
            Content::Broken(error) => Failure::Unreadable { why: error.to_string() },
            Content::Signed { .. } => Failure::NoSignature,
        }]);
    };
    let mut keys: Vec<Root> = Vec::new();
    for verifier in &expect.verifiers {
        if !keys.iter().any(|root| root.key() == Some(&verifier.key)) {
            keys.push(Root {
                name: verifier.id.clone(),
                credential: Credential::Key(verifier.key.clone()),
                builders: BTreeMap::new(),
            });
        }
    }
    let policy = Policy {
        roots: Roots { keys, threshold: 1, revoked: expect.revoked.clone() },
        required_level: 0,
        expect: super::Expectations::default(),
        verifiers: Vec::new(),
        uri: None,
        digest: Sha256::of(""),
    };
    let mut failures = Vec::new();
    let opened = open(envelope, &policy, &mut failures)?;
    let predicate_type = opened.payload.predicate_type();
    if predicate_type != VSA_TYPE {
        let known = super::foreign::predicate_name(&predicate_type)
            .map(|name| format!(" ({name})"))
            .unwrap_or_default();
        let named = format!("{predicate_type:?}{known}");
        failures.push(Failure::PredicateType { expected: format!("{VSA_TYPE:?}"), named });
        return Err(failures);
    }
    let summary = match VerificationSummary::parse(opened.payload.bytes()) {
        Ok(summary) => summary,
        Err(error) => {
            failures.push(form(&error));
            return Err(failures);
        }
    };
    let same =
        |subject: &&ResourceDescriptor| subject.digest.get(&artifact.algorithm) == Some(&artifact.digest);
    let subject = summary.subjects().iter().find(same);
    if subject.is_none() {
        let named = summary
            .subjects()
            .iter()
            .take(5)
            .flat_map(|subject| {
                subject.digest.iter().map(|(algorithm, value)| format!("{algorithm}:{value:.128}"))
            })
            .collect::<Vec<_>>();
        let expected = format!("{}:{}", artifact.algorithm, artifact.digest);
        failures.push(Failure::Subject { expected, named: named.join(", ") });
    }
    check(&summary, &opened.signers.valid, expect, now, &mut failures);
    if !failures.is_empty() {
        return Err(failures);
    }
    let mut unchecked = vec![Unchecked::SigningTime, Unchecked::Provenance];
    if expect.max_age.is_none() {
        unchecked.push(Unchecked::Age);
    }
    Ok(Verified {
        place: evidence.place.clone(),
        subject: subject.map(|subject| subject.name.clone()).unwrap_or_default(),
        signers: opened.signers.valid.iter().map(Signer::of).collect(),
        signed: None,
        kind: format!("a summary by {}", summary.verifier().id),
        builder: None,
        level: build_level(summary.levels()),
        unchecked,
        payload: Sha256::of(opened.payload.bytes()),
        statement: None,
    })
}

fn check(
    summary: &VerificationSummary,
    signers: &[Signed<'_>],
    expect: &SummaryExpectations,
    now: Timestamp,
    failures: &mut Vec<Failure>,
) {
    // The key has to be that of this very verifier.
    let id = &summary.verifier().id;
    let speaks = |verifier: &&TrustedVerifier| {
        signers.is_empty() || signers.iter().any(|signed| signed.root.key() == Some(&verifier.key))
    };
    let speakers: Vec<&TrustedVerifier> = expect.verifiers.iter().filter(speaks).collect();
    if !speakers.iter().any(|verifier| verifier.id == *id) {
        let expected =
            speakers.iter().map(|verifier| format!("{:?}", verifier.id)).collect::<Vec<_>>().join(" or ");
        failures.push(Failure::Verifier { actual: id.chars().take(200).collect(), expected });
    }
    if summary.resource_uri() != expect.resource {
        let actual = summary.resource_uri().chars().take(200).collect();
        failures.push(Failure::Resource { actual, expected: expect.resource.clone() });
    }
    match summary.verdict() {
        Verdict::Passed => {}
        Verdict::Failed => failures.push(Failure::SummaryFailed),
    }
    if !grants(summary.levels(), &expect.level) {
        let actual = summary.levels().join(", ").chars().take(200).collect();
        failures.push(Failure::SummaryLevel { actual, expected: expect.level.clone() });
    }
    if let Some(limit) = &expect.max_age
        && let Some(failure) = limit.refuses(summary.time(), now)
    {
        failures.push(failure);
    }
}

const BUILD_LEVEL: &str = "SLSA_BUILD_LEVEL_";

fn build_level(levels: &[String]) -> Option<u8> {
    levels
        .iter()
        .filter_map(|level| level.strip_prefix(BUILD_LEVEL)?.parse().ok())
        .filter(|level| *level <= 3)
        .max()
}

/// Whether a level is among the granted ones. A higher Build level has the lower ones in it; other names are only themselves.
fn grants(levels: &[String], wanted: &str) -> bool {
    let number = wanted.strip_prefix(BUILD_LEVEL).and_then(|level| level.parse::<u8>().ok());
    match number {
        Some(wanted) => build_level(levels).is_some_and(|level| level >= wanted),
        None => levels.iter().any(|level| level == wanted),
    }
}
