//! The result of a rebuild as an in-toto statement (`docs/attestations/rebuild-v1.md`), and as a summary.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::outcome::{Compared, Ending, Outcome};
use crate::compare::{Change, Normalization, Verdict};
use crate::digest::Sha256;
use crate::error::{Blame, Fault};
use crate::provenance::{
    DigestSet, Policy, REBUILD_TYPE, ResourceDescriptor, STATEMENT_TYPE, Timestamp, VerificationSummary,
    Verifier,
};

/// Differences that a record lists at most.
const LISTED: usize = 200;
/// Characters of a message in a record.
const MESSAGE: usize = 2000;

/// Who rebuilt.
#[derive(Debug, Clone)]
pub struct Rebuilder {
    /// URI.
    pub id: String,
    /// Folders of this host, which no record names: each with the word that stands for it.
    pub hidden: Vec<(String, &'static str)>,
}

/// What a summary says beside the decision.
#[derive(Debug, Clone)]
pub struct ResultIssue {
    /// Who verified.
    pub verifier: String,
    /// Where the artifact is got.
    pub resource: String,
    /// Where the policy is.
    pub policy_uri: String,
    /// Its digest.
    pub policy: Sha256,
    /// The payload of the result, if it is written.
    pub result: Option<Sha256>,
    /// Now.
    pub time: Timestamp,
}

/// The predicate.
#[must_use]
pub fn predicate(outcome: &Outcome, rebuilder: &Rebuilder) -> Value {
    let mut map = Map::new();
    let mut versions = BTreeMap::from([("sealwright".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
    if let Ending::Compared(compared) = &outcome.ending {
        let (class, version) = &compared.repeated.engine;
        versions.insert(format!("engine-{class}"), version.clone());
    }
    map.insert("rebuilder".to_owned(), json!({ "id": rebuilder.id, "version": versions }));
    map.insert("startedOn".to_owned(), json!(outcome.started));
    map.insert("finishedOn".to_owned(), json!(outcome.finished));
    if let Some(checked) = &outcome.statement {
        let descriptor = ResourceDescriptor::named(checked.file.as_str(), &checked.payload);
        let signed = match &checked.verified {
            None => json!({ "state": "not checked" }),
            Some(verified) => {
                let by: Vec<String> = verified.signers.iter().map(|signer| signer.by.to_string()).collect();
                json!({ "state": "verified", "by": by })
            }
        };
        map.insert("statement".to_owned(), json!(descriptor));
        map.insert("signature".to_owned(), signed);
    }
    if let Some(found) = &outcome.upstream {
        let requirements: Vec<ResourceDescriptor> = found
            .distributions
            .iter()
            .map(|(file, sha256)| ResourceDescriptor::named(file.as_str(), sha256))
            .collect();
        let upstream = json!({
            "source": ResourceDescriptor::named(found.sdist.as_str(), &found.sha256),
            "pins": found.pins,
            "cutoff": found.cutoff,
            "builtWith": requirements,
        });
        map.insert("upstream".to_owned(), upstream);
    }
    match &outcome.ending {
        Ending::Compared(compared) => of_comparison(&mut map, compared, outcome.plan),
        Ending::NotBuilt { stage, error } => {
            map.insert("verdict".to_owned(), "not-built".into());
            let hide = |text: String| hidden(text, &rebuilder.hidden);
            let mut causes = Vec::new();
            let mut source = std::error::Error::source(error.as_ref());
            while let Some(cause) = source {
                causes.push(hide(cause.to_string()));
                source = cause.source();
            }
            let reason = json!({
                "stage": stage,
                "blame": blame(error.blame()),
                "exitCode": error.blame().exit_code(),
                "message": hide(error.to_string()),
                "causes": causes,
            });
            map.insert("failure".to_owned(), reason);
        }
    }
    map.into()
}

fn of_comparison(map: &mut Map<String, Value>, compared: &Compared, stated: Option<Sha256>) {
    map.insert("verdict".to_owned(), compared.verdict.name().into());
    if let Verdict::Equal { normalizations } = &compared.verdict {
        map.insert("normalizations".to_owned(), json!(normalizations));
    }
    map.insert("original".to_owned(), json!({ "sha256": compared.stated }));
    if let Some(rebuilt) = &compared.rebuilt {
        let size = rebuilt.size.to_string();
        map.insert("rebuilt".to_owned(), json!({ "sha256": rebuilt.sha256, "size": size }));
    }
    let plan = compared.repeated.plan;
    let plan =
        json!({ "stated": stated.map(|sha256| json!({ "sha256": sha256 })), "rebuilt": { "sha256": plan } });
    map.insert("plan".to_owned(), plan);
    let (engine, _) = &compared.repeated.engine;
    map.insert("engine".to_owned(), engine.as_str().into());
    map.insert("isolation".to_owned(), crate::record::isolation(&compared.repeated.isolation));
    map.insert("limits".to_owned(), crate::record::limits(&compared.repeated.isolation));
    if !compared.changes.is_empty() {
        let listed: Vec<Value> = compared.changes.iter().take(LISTED).map(change).collect();
        map.insert("changes".to_owned(), listed.into());
        map.insert("changesInAll".to_owned(), compared.changes.len().to_string().into());
    }
    if !compared.notes.is_empty() {
        map.insert("notes".to_owned(), json!(compared.notes));
    }
}

/// A change without what was found in the files: that may be anything.
fn change(change: &Change) -> Value {
    let causes: Vec<&str> = change.causes.iter().map(|cause| cause.name()).collect();
    let normalization = change.normalization().map(Normalization::name);
    json!({ "path": change.path, "kind": change.kind.name(), "causes": causes, "normalization": normalization })
}

/// The result as an in-toto statement: the payload of an envelope.
#[must_use]
pub fn statement(outcome: &Outcome, rebuilder: &Rebuilder) -> Vec<u8> {
    let subject = &outcome.subject;
    let whole = json!({
        "_type": STATEMENT_TYPE,
        "subject": [ResourceDescriptor::named(subject.name.as_str(), &subject.sha256)],
        "predicateType": REBUILD_TYPE,
        "predicate": predicate(outcome, rebuilder),
    });
    whole.to_string().into_bytes()
}

/// The decision as a summary, where one can be made: the statement passed a policy, and what was rebuilt was compared. That
/// this one platform built it again is no `SLSA_BUILD_REPRODUCED`, which takes two that are operated independently.
#[must_use]
pub fn summary(outcome: &Outcome, issue: ResultIssue) -> Option<Vec<u8>> {
    let Ending::Compared(compared) = &outcome.ending else { return None };
    let checked = outcome.statement.as_ref()?;
    let verified = checked.verified.as_ref()?;
    let levels = match &compared.verdict {
        Verdict::Identical | Verdict::Equal { .. } => {
            let level = verified.level?;
            vec![format!("SLSA_BUILD_LEVEL_{level}")]
        }
        Verdict::Different => vec!["FAILED".to_owned()],
    };
    let subject = ResourceDescriptor::named(outcome.subject.name.as_str(), &outcome.subject.sha256);
    let mut inputs = vec![ResourceDescriptor::named(checked.file.as_str(), &checked.payload)];
    inputs.extend(issue.result.map(|digest| ResourceDescriptor::named("rebuild", &digest)));
    let who = Verifier {
        id: issue.verifier,
        version: BTreeMap::from([("sealwright".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
    };
    let policy = Policy { uri: issue.policy_uri, digest: DigestSet::sha256(&issue.policy) };
    let summary = VerificationSummary::new(subject, who, issue.time, issue.resource, policy, inputs, levels);
    Some(summary.to_payload())
}

/// A message without folders of this host.
fn hidden(text: String, hidden: &[(String, &'static str)]) -> String {
    let mut text = text;
    for (folder, word) in hidden {
        if folder.len() > 1 {
            text = text.replace(folder.as_str(), word);
        }
    }
    text.chars().filter(|sign| !sign.is_control() || *sign == '\n').take(MESSAGE).collect()
}

/// Whose fault it is, as a word.
fn blame(blame: Blame) -> &'static str {
    match blame {
        Blame::Build => "build",
        Blame::User => "user",
        Blame::Integrity => "integrity",
        Blame::Verification => "verification",
        Blame::Different => "different",
        Blame::Environment => "environment",
        Blame::Network => "network",
        Blame::Ours => "sealwright",
        Blame::Interrupted(_) => "interrupted",
    }
}
