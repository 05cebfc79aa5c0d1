//! `policy.toml` as it is typed: `docs/reference/policy.md`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TypedPolicy {
    pub(super) version: u32,
    pub(super) uri: Option<String>,
    pub(super) required_level: Option<u8>,
    pub(super) threshold: Option<usize>,
    #[serde(default)]
    pub(super) revoked: Vec<String>,
    #[serde(default)]
    pub(super) root: Vec<TypedRoot>,
    #[serde(default)]
    pub(super) verifier: Vec<TypedVerifier>,
    pub(super) expect: Option<TypedExpect>,
}

/// `[[root]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TypedRoot {
    pub(super) name: String,
    pub(super) key: Option<String>,
    pub(super) identity: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) trusted_root: Option<String>,
    pub(super) builders: BTreeMap<String, u8>,
}

/// `[[verifier]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TypedVerifier {
    pub(super) id: String,
    pub(super) key: String,
}

/// `[expect]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TypedExpect {
    pub(super) source: Option<String>,
    #[serde(rename = "ref")]
    pub(super) refs: Option<Texts>,
    pub(super) subdirectory: Option<String>,
    pub(super) predicate_types: Option<Vec<String>>,
    pub(super) build_types: Option<Vec<String>>,
    pub(super) builder_folder: Option<Texts>,
    pub(super) file_name: Option<FileName>,
    #[serde(default)]
    pub(super) allow_dirty: bool,
    pub(super) max_age: Option<String>,
    #[serde(default)]
    pub(super) any_parameters: Vec<String>,
    #[serde(default)]
    pub(super) unchecked: Vec<Skipped>,
    pub(super) parameters: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    pub(super) dependencies: TypedDependencies,
    pub(super) isolation: Option<TypedIsolation>,
    #[serde(default)]
    pub(super) limits: BTreeMap<String, TypedLimit>,
}

/// What a policy says that it does not look at, so that nothing is left out by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Skipped {
    Source,
    Parameters,
    Isolation,
}

/// A text or several.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(super) enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// `file-name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FileName {
    Exact,
    Any,
}

/// `[expect.dependencies]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TypedDependencies {
    pub(super) images: Option<Vec<String>>,
    #[serde(default)]
    pub(super) forbidden: Vec<String>,
}

/// `[expect.isolation]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TypedIsolation {
    pub(super) engine: Option<Texts>,
    pub(super) network: Option<Texts>,
    pub(super) root: Option<Texts>,
    pub(super) namespaces: Option<Vec<String>>,
    pub(super) capabilities: Option<Vec<String>>,
    pub(super) no_new_privs: Option<bool>,
    pub(super) seccomp: Option<Texts>,
}

/// One of `[expect.limits]`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected \"enforced\" or the largest value that is allowed")]
pub(super) enum TypedLimit {
    AtMost(u64),
    Word(LimitWord),
}

/// The word of a limit.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LimitWord {
    Enforced,
}
