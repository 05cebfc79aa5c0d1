//! Publish attestations of package indexes (PEP 740): they say who published a file, and nothing of how it was built.

use serde_json::Value;

use crate::provenance::{STATEMENT_TYPE, Timestamp};
use crate::verify::Policy;
use crate::verify::failure::Failure;
use crate::verify::payload::text;

/// What a policy expects that a publish attestation cannot say.
pub(in crate::verify) fn published(
    value: &Value,
    policy: &Policy,
    signed: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Failure> {
    let unstated = || "not stated".to_owned();
    let mut failures = Vec::new();
    let kind = text(value, "_type");
    if kind != STATEMENT_TYPE {
        failures.push(Failure::StatementType { actual: kind });
    }
    let expect = &policy.expect;
    if policy.required_level > 0 {
        failures.push(Failure::Level { expected: policy.required_level, actual: 0 });
    }
    if let Some(source) = &expect.source {
        failures.push(Failure::Source { actual: unstated(), expected: format!("{:?}", source.as_str()) });
    }
    if let Some(refs) = &expect.refs {
        failures.push(Failure::Ref { actual: unstated(), expected: refs.join(" or ") });
    }
    for (name, wanted) in expect.parameters.iter().flatten() {
        failures.push(Failure::Parameter {
            name: name.clone(),
            actual: unstated(),
            expected: wanted.to_string(),
        });
    }
    if expect.images.is_some() {
        failures.push(Failure::NoImage);
    }
    if expect.isolation.is_some() {
        failures.push(Failure::Isolation { what: "record", actual: unstated(), expected: "one".to_owned() });
    }
    for name in expect.limits.keys() {
        failures.push(Failure::Limit {
            what: name.clone(),
            actual: unstated(),
            expected: "enforced".to_owned(),
        });
    }
    failures.extend(expect.max_age.as_ref().and_then(|limit| limit.refuses(signed, now)));
    failures
}
