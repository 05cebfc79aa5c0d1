//! Evidence of other ecosystems: named as what it is.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::provenance::{Envelope, Material, PREDICATE_TYPE, STATEMENT_TYPE, SigstoreBundle};

/// A Sigstore bundle that a key alone cannot judge: with a certificate, or with no statement.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignBundle {
    /// `0.1`, `0.2`, `0.3`.
    pub version: String,
    /// What it was made from.
    pub origin: Origin,
    /// What vouches for the signature.
    pub material: Material,
    /// The statement's envelope; none if the signature is over the artifact itself.
    pub envelope: Option<Envelope>,
    /// The whole bundle.
    pub document: Value,
}

/// What a bundle was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A bundle.
    Bundle,
    /// An attestation of PEP 740.
    Pep740,
}

impl ForeignBundle {
    /// A bundle that was read, with its document.
    #[must_use]
    pub fn new(read: SigstoreBundle, origin: Origin, document: Value) -> Self {
        let SigstoreBundle { version, material, envelope, .. } = read;
        Self { version, origin, material, envelope, document }
    }
}

impl fmt::Display for ForeignBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = &self.version;
        match (self.origin, &self.envelope) {
            (Origin::Pep740, _) => f.write_str("a PEP 740 attestation"),
            (Origin::Bundle, Some(_)) => write!(f, "a Sigstore bundle v{version} with a certificate"),
            (Origin::Bundle, None) => {
                write!(f, "a Sigstore bundle v{version} with a signature over the artifact and no statement")
            }
        }
    }
}

/// SLSA Provenance v0.2.
pub const PROVENANCE_02: &str = "https://slsa.dev/provenance/v0.2";

/// A publish attestation of a package index (PEP 740).
pub const PUBLISH: &str = "https://docs.pypi.org/attestations/publish/v1";

/// Predicates that a policy may take; the first alone if it says nothing.
pub const PREDICATES: [&str; 3] = [PREDICATE_TYPE, PROVENANCE_02, PUBLISH];

/// Build types of others whose source is known to be read rightly.
pub(super) const BUILD_TYPES: [&str; 6] = [
    GITHUB,
    GITHUB_OLD,
    "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
    "https://github.com/slsa-framework/slsa-github-generator/go@v1",
    "https://github.com/slsa-framework/slsa-github-generator/container@v1",
    "https://github.com/slsa-framework/slsa-github-generator/container-based-build/v0.1",
];

/// GitHub's workflows.
pub(super) const GITHUB: &str = "https://actions.github.io/buildtypes/workflow/v1";

/// What GitHub's workflows were called before.
pub(super) const GITHUB_OLD: &str = "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1";

/// A statement of SLSA Provenance v0.2 as one of v1 ("Migrating from 0.2"): nothing that has to be compared is left out.
pub(super) fn as_v1(mut value: Value) -> Value {
    let mut old = value.get_mut("predicate").map(Value::take).unwrap_or_default();
    let mut take = |pointer: &str| old.pointer_mut(pointer).map(Value::take).unwrap_or_default();
    let mut external = Map::new();
    external.insert("source".to_owned(), take("/invocation/configSource/uri"));
    external.insert("entryPoint".to_owned(), take("/invocation/configSource/entryPoint"));
    external.insert("parameters".to_owned(), take("/invocation/parameters"));
    let mut internal = Map::new();
    internal.insert("environment".to_owned(), take("/invocation/environment"));
    let predicate = json!({
        "buildDefinition": {
            "buildType": take("/buildType"),
            "externalParameters": external,
            "internalParameters": internal,
            "resolvedDependencies": take("/materials"),
        },
        "runDetails": {
            "builder": { "id": take("/builder/id") },
            "metadata": {
                "invocationId": take("/metadata/buildInvocationId"),
                "startedOn": take("/metadata/buildStartedOn"),
                "finishedOn": take("/metadata/buildFinishedOn"),
            },
        },
    });
    json!({
        "_type": STATEMENT_TYPE,
        "subject": value.get_mut("subject").map(Value::take).unwrap_or_default(),
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    })
}

/// Kinds of statements that are known by name, whoever made them.
#[must_use]
pub fn predicate_name(predicate_type: &str) -> Option<&'static str> {
    Some(match predicate_type {
        "https://slsa.dev/provenance/v1" => "SLSA Provenance v1",
        "https://slsa.dev/provenance/v0.2" => "SLSA Provenance v0.2",
        "https://slsa.dev/provenance/v0.1" => "SLSA Provenance v0.1",
        "https://slsa.dev/verification_summary/v1" => "a SLSA Verification Summary Attestation v1",
        "https://docs.pypi.org/attestations/publish/v1" => "a publish attestation of a package index",
        "https://spdx.dev/Document" => "an SPDX document",
        "https://cyclonedx.org/bom" => "a CycloneDX document",
        "https://in-toto.io/attestation/link/v0.3" => "an in-toto link",
        _ => return None,
    })
}
