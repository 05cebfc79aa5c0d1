//! Bundles with certificates against the identities of a policy, and attestations of package indexes.

use std::collections::BTreeSet;

use super::Policy;
use serde_json::Value;

use super::artifact::Artifact;
use super::failure::{Failure, Unchecked};
use super::foreign::{ForeignBundle, Origin, PUBLISH};
use super::judge::{Opened, form, payload_of};
use super::payload::Payload;
use super::roots::{Signed, SignedBy, Signers};
use super::sigstore::{self, About, Demand, Vouched};
use crate::name::PackageName;
use crate::provenance::{Material, PREDICATE_TYPE, ResourceDescriptor, Timestamp};
use crate::wheel::WheelName;

/// Step 1 for a bundle with a certificate: signature, logs and times, and whom the certificate names.
pub(super) fn open<'a>(
    bundle: &ForeignBundle,
    policy: &'a Policy,
    failures: &mut Vec<Failure>,
    unchecked: &mut BTreeSet<Unchecked>,
) -> Result<Opened<'a>, Vec<Failure>> {
    let Some(envelope) = &bundle.envelope else {
        return Err(vec![Failure::NoContent { kind: bundle.to_string() }]);
    };
    if policy.roots.identities().next().is_none() {
        return Err(vec![Failure::Foreign { kind: bundle.to_string() }]);
    }
    let payload = payload_of(envelope, failures)?;
    let vouched = vouched(bundle, About::Subject, policy, failures);
    let mut signers = Signers { count: 1, ..Signers::default() };
    if let Some(vouched) = &vouched {
        signers.valid = named(vouched, policy, failures);
        unchecked.extend(vouched.unchecked.iter().cloned());
    }
    let (expected, actual) = (policy.roots.threshold, signers.valid.len());
    if expected > 1 && actual < expected {
        failures.push(Failure::Threshold { expected, actual });
    }
    match Payload::read(payload) {
        Ok(payload) => Ok(Opened { payload, signers, vouched }),
        Err(error) => {
            failures.push(form(&error));
            Err(std::mem::take(failures))
        }
    }
}

/// A signature over the artifact itself, by an identity or a key of the policy.
pub(super) fn message<'a>(
    bundle: &ForeignBundle,
    artifact: &Artifact,
    policy: &'a Policy,
    failures: &mut Vec<Failure>,
    unchecked: &mut BTreeSet<Unchecked>,
) -> (Vec<Signed<'a>>, Option<Timestamp>) {
    let nobody = (Vec::new(), None);
    match &bundle.material {
        Material::Certificate => {
            if policy.roots.identities().next().is_none() {
                failures.push(Failure::Foreign { kind: bundle.to_string() });
                return nobody;
            }
            let Some(vouched) = vouched(bundle, About::Artifact(artifact), policy, failures) else {
                return nobody;
            };
            unchecked.extend(vouched.unchecked.iter().cloned());
            (named(&vouched, policy, failures), vouched.signed.map(|(first, _)| first))
        }
        Material::PublicKey { .. } => {
            unchecked.insert(Unchecked::SigningTime);
            unchecked.insert(Unchecked::LogAndTime);
            let mut refused = None;
            for root in &policy.roots.keys {
                let Some(key) = root.key() else { continue };
                let id = key.id().clone();
                let held = sigstore::bundle(&bundle.document)
                    .and_then(|parsed| sigstore::plain_message(&parsed, artifact, &key.to_pem()));
                match held {
                    Ok(()) if policy.roots.revoked.contains(id.as_str()) => {
                        refused = Some(Failure::Revoked { key: id.to_string() });
                    }
                    Ok(()) => return (vec![Signed { root, by: SignedBy::Key(id) }], None),
                    Err(failure) => refused = Some(refused.unwrap_or(failure)),
                }
            }
            failures.push(refused.unwrap_or(Failure::Foreign { kind: bundle.to_string() }));
            nobody
        }
    }
}

/// What the bundle proves under the first trusted root that it holds under.
fn vouched(
    bundle: &ForeignBundle,
    about: About<'_>,
    policy: &Policy,
    failures: &mut Vec<Failure>,
) -> Option<Vouched> {
    let parsed = match sigstore::bundle(&bundle.document) {
        Ok(parsed) => parsed,
        Err(failure) => {
            failures.push(failure);
            return None;
        }
    };
    let mut tried = BTreeSet::new();
    let mut refused: Vec<Failure> = Vec::new();
    for (_, identity) in policy.roots.identities() {
        if !tried.insert(identity.root.digest()) {
            continue;
        }
        match sigstore::certified(&parsed, about, &identity.root, Demand::NamedLogs) {
            Ok(vouched) => return Some(vouched),
            Err(failure) if refused.contains(&failure) => {}
            Err(failure) => refused.push(failure),
        }
    }
    failures.extend(refused);
    None
}

/// The roots that a certificate names: identity and issuer, each exactly, under the root's own authorities.
fn named<'a>(vouched: &Vouched, policy: &'a Policy, failures: &mut Vec<Failure>) -> Vec<Signed<'a>> {
    let under = || policy.roots.identities().filter(|(_, identity)| identity.root.digest() == vouched.under);
    let subjects: Vec<_> = under().filter(|(_, identity)| identity.is(&vouched.identity)).collect();
    let found: Vec<_> = subjects
        .iter()
        .filter(|(_, identity)| identity.issuer == vouched.issuer)
        .map(|(root, _)| Signed {
            root,
            by: SignedBy::Identity { subject: vouched.identity.clone(), issuer: vouched.issuer.clone() },
        })
        // One certificate is one signer, however many roots name it.
        .take(1)
        .collect();
    if !found.is_empty() {
        return found;
    }
    let list = |texts: BTreeSet<&str>| {
        texts.into_iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or ")
    };
    let shown = |text: &str| text.chars().take(300).collect::<String>();
    if subjects.is_empty() {
        let expected = list(under().map(|(_, identity)| identity.subject.as_str()).collect());
        failures.push(Failure::Identity { actual: shown(&vouched.identity), expected });
    }
    let asked: Vec<_> = if subjects.is_empty() { under().collect() } else { subjects };
    if !asked.iter().any(|(_, identity)| identity.issuer == vouched.issuer) {
        let expected = list(asked.iter().map(|(_, identity)| identity.issuer.as_str()).collect());
        failures.push(Failure::Issuer { actual: shown(&vouched.issuer), expected });
    }
    Vec::new()
}

/// What PEP 740 wants of a statement beside its signature.
pub(super) fn index_rules(bundle: &ForeignBundle, payload: &Payload, failures: &mut Vec<Failure>) {
    match bundle.origin {
        Origin::Bundle => return,
        Origin::Pep740 => {}
    }
    let value = payload.value();
    let count = value.get("subject").and_then(Value::as_array).map_or(0, Vec::len);
    if count != 1 {
        failures.push(Failure::Form { why: format!("PEP 740 wants one subject, and there are {count}") });
    }
    if value.pointer("/subject/0/digest/sha256").is_none() {
        failures.push(Failure::Form { why: "PEP 740 wants a SHA-256 digest of the subject".to_owned() });
    }
    let predicate_type = payload.predicate_type();
    if predicate_type != PUBLISH && predicate_type != PREDICATE_TYPE {
        failures.push(Failure::Form {
            why: format!("PEP 740 has no attestations of predicate {predicate_type:?}"),
        });
    }
    if predicate_type == PUBLISH
        && value
            .get("predicate")
            .is_some_and(|body| !body.is_null() && body.as_object().is_none_or(|body| !body.is_empty()))
    {
        failures.push(Failure::Form { why: "a publish attestation has an empty predicate".to_owned() });
    }
}

/// Whether a subject's name is that of a file, as PEP 740 compares them: taken apart, not as texts.
pub(super) fn same_distribution(subject: &ResourceDescriptor, file: &str) -> bool {
    if subject.name == file {
        return true;
    }
    if let (Ok(one), Ok(other)) = (subject.name.parse::<WheelName>(), file.parse::<WheelName>()) {
        let set = |tags: &[String]| tags.iter().cloned().collect::<BTreeSet<_>>();
        return one.name == other.name
            && same_version(&one.version, &other.version)
            && one.build == other.build
            && set(&one.pythons) == set(&other.pythons)
            && set(&one.abis) == set(&other.abis)
            && set(&one.platforms) == set(&other.platforms);
    }
    match (sdist(&subject.name), sdist(file)) {
        (Some((one, version)), Some((other, other_version))) => {
            one == other && same_version(version, other_version)
        }
        _ => false,
    }
}

/// `NAME-VERSION.tar.gz`: the version holds no `-`.
fn sdist(file: &str) -> Option<(PackageName, &str)> {
    let (name, version) = file.strip_suffix(".tar.gz")?.rsplit_once('-')?;
    Some((name.parse().ok()?, version))
}

fn same_version(one: &str, other: &str) -> bool {
    let read = |text: &str| text.replace('_', "-").parse::<pep440_rs::Version>().ok();
    match (read(one), read(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_distributions_are_compared_taken_apart() {
        let same = |one: &str, other: &str| {
            same_distribution(
                &ResourceDescriptor { name: one.to_owned(), ..ResourceDescriptor::default() },
                other,
            )
        };
        for (one, other) in [
            ("Foo_Bar-1.0.tar.gz", "foo_bar-1.0.tar.gz"),
            ("foo.bar-1.0.tar.gz", "foo_bar-1.0.0.tar.gz"),
            ("foo-1.0-py2.py3-none-any.whl", "foo-1.0-py3.py2-none-any.whl"),
            ("x", "x"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("foo-1.0.tar.gz", "foo-1.0.1.tar.gz"),
            ("foo-1.0.tar.gz", "bar-1.0.tar.gz"),
            ("foo-1.0.tar.gz", "foo-1.0.zip"),
            ("foo-1.0-py3-none-any.whl", "foo-1.0-1-py3-none-any.whl"),
            ("foo-1.0-py3-none-any.whl", "foo-1.0-py3-none-linux_x86_64.whl"),
            ("foo-1.0-py3-none-any.whl", "foo-1.0.tar.gz"),
            ("x", "X"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
