//! The file as it stands. Keys that are not used here are passed over: uv adds some without a new version.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Lock {
    pub(super) requires_python: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) supported_markers: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) package: Vec<Spanned<Package>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) source: Source,
    #[serde(default)]
    pub(super) resolution_markers: Vec<String>,
    #[serde(default)]
    pub(super) dependencies: Vec<Spanned<Dependency>>,
    #[serde(default)]
    pub(super) optional_dependencies: BTreeMap<String, Vec<Spanned<Dependency>>>,
    #[serde(default)]
    pub(super) dev_dependencies: BTreeMap<String, Vec<Spanned<Dependency>>>,
    pub(super) sdist: Option<Spanned<File>>,
    #[serde(default)]
    pub(super) wheels: Vec<Spanned<File>>,
    #[serde(default)]
    metadata: Metadata,
}

/// What the project's own package says of itself; has those extras and groups too that hold nothing.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    #[serde(default)]
    provides_extras: Vec<String>,
    #[serde(default)]
    requires_dev: BTreeMap<String, toml::Value>,
}

/// Where a package comes from: one of these.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Source {
    pub(super) registry: Option<String>,
    pub(super) git: Option<String>,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) directory: Option<String>,
    pub(super) editable: Option<String>,
    pub(super) r#virtual: Option<String>,
    pub(super) subdirectory: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) source: Option<Source>,
    #[serde(default)]
    pub(super) extra: Vec<String>,
    pub(super) marker: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct File {
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) filename: Option<String>,
    pub(super) hash: Option<String>,
    pub(super) size: Option<u64>,
}

impl Package {
    pub(super) fn extras(&self) -> impl Iterator<Item = &str> {
        let provided = self.metadata.provides_extras.iter();
        provided.chain(self.optional_dependencies.keys()).map(String::as_str)
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        self.metadata.requires_dev.keys().chain(self.dev_dependencies.keys()).map(String::as_str)
    }
}
