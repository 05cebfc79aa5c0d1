//! The file as it stands. Keys that are not used here are passed over, as the specification asks.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Lock {
    #[serde(default)]
    pub(super) environments: Vec<Spanned<String>>,
    pub(super) requires_python: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) extras: Vec<String>,
    #[serde(default)]
    pub(super) dependency_groups: Vec<String>,
    #[serde(default)]
    pub(super) default_groups: Vec<String>,
    #[serde(default)]
    pub(super) packages: Vec<Spanned<Package>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) marker: Option<String>,
    pub(super) requires_python: Option<String>,
    #[serde(default)]
    pub(super) dependencies: Vec<Dependency>,
    pub(super) vcs: Option<toml::Table>,
    pub(super) directory: Option<Directory>,
    pub(super) archive: Option<Spanned<File>>,
    pub(super) sdist: Option<Spanned<File>>,
    #[serde(default)]
    pub(super) wheels: Vec<Spanned<File>>,
}

#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Directory {
    pub(super) editable: Option<bool>,
}

/// A wheel, an sdist or an archive.
#[derive(Deserialize)]
pub(super) struct File {
    pub(super) name: Option<String>,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) subdirectory: Option<String>,
    #[serde(default)]
    pub(super) hashes: BTreeMap<String, String>,
}
