//! SLSA Provenance v1, the predicate. Fields in the order of the specification, which is the order in which
//! they are written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::descriptor::{ResourceDescriptor, or_default};
use super::time::Timestamp;

/// The predicate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Predicate {
    /// What was built, from what.
    pub build_definition: BuildDefinition,
    /// This one run.
    pub run_details: RunDetails,
}

/// `buildDefinition`: the inputs; two builds of one commit have equal ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// URI of the text that explains the parameters.
    pub build_type: String,
    /// What the user set: a verifier compares all of it.
    #[serde(default, deserialize_with = "or_default")]
    pub external_parameters: Map<String, Value>,
    /// What the builder set.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "or_default")]
    pub internal_parameters: Map<String, Value>,
    /// Everything that the build could use, by digest. Unordered by specification; we write a fixed order.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub resolved_dependencies: Vec<ResourceDescriptor>,
}

/// `runDetails`: one execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// Who built.
    pub builder: Builder,
    /// When.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: BuildMetadata,
    /// What came out beside the subject: log, package list, environment record.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub byproducts: Vec<ResourceDescriptor>,
}

/// `runDetails.builder`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    /// URI of the builder in its trust mode: the sole determiner of the level.
    pub id: String,
    /// What the builder itself is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub builder_dependencies: Vec<ResourceDescriptor>,
    /// Versions of the builder's parts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub version: BTreeMap<String, String>,
}

/// `runDetails.metadata`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BuildMetadata {
    /// Unique to this run.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub invocation_id: String,
    /// When the build started.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_default")]
    pub started_on: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_default")]
    pub finished_on: Option<Timestamp>,
}
