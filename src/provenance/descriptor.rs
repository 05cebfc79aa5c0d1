//! in-toto's `ResourceDescriptor` v1 and `DigestSet`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::digest::Sha256;

/// Digests by the name of their algorithm, sorted. Values are lower-case hexadecimal digits.
///
/// Only the names of SLSA's list occur in what we write: `sha256` and `gitCommit`. A git tree's digest is an
/// annotation, since that closed list has no `gitTree`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DigestSet(BTreeMap<String, String>);

impl DigestSet {
    /// A set of one SHA-256.
    #[must_use]
    pub fn sha256(digest: &Sha256) -> Self {
        Self::of("sha256", digest.to_string())
    }

    /// A set of one git commit, by its object id in hexadecimal digits.
    #[must_use]
    pub fn git_commit(id: &str) -> Self {
        Self::of("gitCommit", id.to_owned())
    }

    /// A set of one digest.
    #[must_use]
    pub fn of(algorithm: &str, value: String) -> Self {
        Self(BTreeMap::from([(algorithm.to_owned(), value)]))
    }

    /// The digest of an algorithm, as written.
    #[must_use]
    pub fn get(&self, algorithm: &str) -> Option<&str> {
        self.0.get(algorithm).map(String::as_str)
    }

    /// The SHA-256, if there is one and it is well formed.
    #[must_use]
    pub fn as_sha256(&self) -> Option<Sha256> {
        self.get("sha256")?.parse().ok()
    }

    /// Every algorithm and digest, sorted by algorithm.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(algorithm, value)| (algorithm.as_str(), value.as_str()))
    }

    /// Whether there is no digest.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every value is hexadecimal digits in lower case.
    pub(super) fn is_well_formed(&self) -> bool {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        self.0.values().all(|value| !value.is_empty() && value.bytes().all(hex))
    }
}

/// in-toto's `ResourceDescriptor` v1. Empty, null and unset are equal and are not written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceDescriptor {
    /// For machines: tells descriptors of one list apart.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub name: String,
    /// Names the resource globally: a package URL, `git+https://…@ref`.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub uri: String,
    /// Its digests.
    #[serde(skip_serializing_if = "DigestSet::is_empty", deserialize_with = "or_default")]
    pub digest: DigestSet,
    /// The bytes themselves, base64, if they are few.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub content: String,
    /// Where the bytes were got.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub download_location: String,
    /// RFC 6838.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub media_type: String,
    /// What else is to be said.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "or_default")]
    pub annotations: Map<String, Value>,
}

impl ResourceDescriptor {
    /// A named thing with a SHA-256.
    #[must_use]
    pub fn named(name: impl Into<String>, digest: &Sha256) -> Self {
        Self { name: name.into(), digest: DigestSet::sha256(digest), ..Self::default() }
    }

    /// The same with one more annotation.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.annotations.insert(key.to_owned(), value.into());
        self
    }

    /// An annotation that is a text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.annotations.get(key)?.as_str()
    }

    /// An annotation that is a list of texts; `None` if it is anything else.
    #[must_use]
    pub fn texts(&self, key: &str) -> Option<Vec<String>> {
        let items = self.annotations.get(key)?.as_array()?;
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
    }
}

/// Null is the same as unset (SLSA, "parsing rules").
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
