//! The lock of a builder's own tools.

use std::path::Path;

use serde::Deserialize;

use super::BuilderError;
use crate::digest::Sha256;
use crate::lock::{Distribution, Role};
use crate::name::{PackageName, Platform};
use crate::wheel::WheelName;

/// What a builder runs itself, by digest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toolchain {
    /// The frontend and what it needs, all with [`Role::Tool`], sorted.
    pub(super) tools: Vec<Distribution>,
    /// The resolver for each platform, sorted.
    pub(super) resolvers: Vec<Resolver>,
}

/// The wheel of the resolver (uv) for one platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolver {
    /// What it runs on.
    pub platform: Platform,
    /// `uv`.
    pub name: PackageName,
    /// Its version.
    pub version: String,
    /// File name.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// Digest.
    pub sha256: Sha256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    version: u32,
    #[serde(default)]
    distribution: Vec<Distribution>,
    #[serde(default)]
    resolver: Vec<Resolver>,
}

impl Toolchain {
    pub(super) fn parse(file: &Path, text: &str) -> Result<Self, BuilderError> {
        let mut table: Table =
            toml::from_str(text).map_err(|source| BuilderError::Syntax { file: file.to_owned(), source })?;
        let wrong = |what: &str, expected: &str, actual: String| {
            Err(BuilderError::Value {
                file: file.to_owned(),
                what: what.to_owned(),
                expected: expected.to_owned(),
                actual,
            })
        };
        if table.version != 1 {
            return wrong("version", "1", table.version.to_string());
        }
        for each in &table.distribution {
            if each.role != Role::Tool {
                return wrong("role", "\"tool\"", format!("{:?}", each.role));
            }
            if runs_on(&each.file).is_empty() {
                return wrong("file", "a wheel for Linux or every platform", each.file.clone());
            }
        }
        table.distribution.sort();
        table.resolver.sort();
        Ok(Self { tools: table.distribution, resolvers: table.resolver })
    }

    /// What runs on `platform`.
    #[must_use]
    pub fn distributions(&self, platform: Platform) -> Vec<Distribution> {
        self.tools.iter().filter(|tool| runs_on(&tool.file).contains(&platform)).cloned().collect()
    }

    /// The resolver that runs on `platform`.
    #[must_use]
    pub fn resolver(&self, platform: Platform) -> Option<&Resolver> {
        self.resolvers.iter().find(|resolver| resolver.platform == platform)
    }
}

/// Platforms that a wheel is for, by its file name.
fn runs_on(file: &str) -> Vec<Platform> {
    let Ok(name) = file.parse::<WheelName>() else { return Vec::new() };
    let fits = |platform: &Platform| {
        let ending = format!("_{}", platform.machine());
        name.platforms
            .iter()
            .any(|tag| tag == "any" || tag.starts_with("manylinux") && tag.ends_with(&ending))
    };
    Platform::ALL.into_iter().filter(fits).collect()
}

impl Resolver {
    /// The same as a distribution, to be fetched like any other.
    #[must_use]
    pub fn distribution(&self) -> Distribution {
        Distribution {
            role: Role::Tool,
            name: self.name.clone(),
            version: self.version.clone(),
            file: self.file.clone(),
            size: self.size,
            sha256: self.sha256,
            required_by: vec!["builder".to_owned()],
        }
    }
}
