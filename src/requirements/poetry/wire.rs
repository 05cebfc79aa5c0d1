//! The file as it stands, in all its versions.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Spanned, Value};

#[derive(Deserialize)]
pub(super) struct Lock {
    #[serde(default)]
    pub(super) package: Vec<Spanned<Package>>,
    /// Extras of the project: names of the optional packages that each takes.
    #[serde(default)]
    pub(super) extras: BTreeMap<String, Vec<String>>,
    pub(super) metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Metadata {
    pub(super) python_versions: Spanned<String>,
    /// Until lock version 1.1.
    #[serde(default)]
    pub(super) files: BTreeMap<String, Vec<Spanned<File>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    #[serde(default)]
    pub(super) optional: bool,
    #[serde(default)]
    pub(super) develop: bool,
    pub(super) python_versions: Option<Spanned<String>>,
    /// From lock version 2.1.
    #[serde(default)]
    pub(super) groups: Vec<String>,
    /// From lock version 2.1: one for all groups, or a table by group.
    pub(super) markers: Option<Value>,
    /// From lock version 2.0.
    pub(super) files: Option<Vec<Spanned<File>>>,
    #[serde(default)]
    pub(super) dependencies: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) extras: BTreeMap<String, Vec<String>>,
    pub(super) source: Option<Source>,
}

#[derive(Deserialize)]
pub(super) struct File {
    pub(super) file: String,
    pub(super) hash: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Source {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) url: String,
}
