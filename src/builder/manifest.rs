//! `builder.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BUILD_TYPES, BuilderError};

/// `builder.toml` as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) version: u32,
    #[serde(default)]
    pub(super) build_type: Option<String>,
    pub(super) image: ImageTable,
    pub(super) toolchain: ToolchainTable,
    pub(super) run: RunTable,
    pub(super) outputs: OutputRules,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageTable {
    pub(super) include: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolchainTable {
    pub(super) lock: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunTable {
    pub(super) build: String,
    pub(super) requires: String,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
}

/// What a builder may write: everything else in its output folder is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OutputRules {
    /// File names, with `*` for any run of characters; no folders.
    pub patterns: Vec<String>,
    /// How many files at most.
    pub max_files: u32,
}

impl OutputRules {
    /// Whether a file name is one that the builder declares.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern, name))
    }
}

/// Whether `name` matches a pattern whose `*` stand for any run of characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Whether a replaced folder may use this address as its build type.
pub(super) fn is_own_build_type(text: &str) -> bool {
    let base = BUILD_TYPES.trim_start_matches("https://").split('/').next().unwrap_or_default();
    url::Url::parse(text).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let ours = host == base || host.ends_with(&format!(".{base}"));
        url.scheme() == "https" && !host.is_empty() && !ours
    })
}

impl Manifest {
    pub(super) fn parse(file: &Path, text: &str) -> Result<Self, BuilderError> {
        let manifest: Self =
            toml::from_str(text).map_err(|source| BuilderError::Syntax { file: file.to_owned(), source })?;
        manifest.check(file)?;
        Ok(manifest)
    }

    fn check(&self, file: &Path) -> Result<(), BuilderError> {
        let wrong = |what: &str, expected: &str, actual: &str| {
            Err(BuilderError::Value {
                file: file.to_owned(),
                what: what.to_owned(),
                expected: expected.to_owned(),
                actual: actual.to_owned(),
            })
        };
        let lower = |text: &str, others: &[u8]| {
            text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || others.contains(&byte))
        };
        if !lower(&self.name, b"-") {
            return wrong("name", "lower-case letters, digits and '-'", &self.name);
        }
        if self.version == 0 {
            return wrong("version", "1 or more", "0");
        }
        for package in &self.image.include {
            // Debian policy, 5.6.1
            if package.len() < 2 || !lower(package, b"+-.") {
                return wrong("image.include", "names of Debian packages", package);
            }
        }
        if !self.image.include.is_sorted() {
            return wrong("image.include", "a sorted list", &self.image.include.join(" "));
        }
        for path in [&self.toolchain.lock, &self.run.build, &self.run.requires] {
            let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
            if !path.split('/').all(plain) {
                return wrong("path", "a path in the builder folder", path);
            }
        }
        for (name, value) in &self.run.environment {
            let named = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            if name.is_empty() || !name.bytes().all(named) || value.contains('\0') {
                return wrong("run.environment", "names of upper-case letters, digits and '_'", name);
            }
        }
        for pattern in &self.outputs.patterns {
            if pattern.is_empty() || pattern.contains('/') || pattern.starts_with('.') {
                return wrong("outputs.patterns", "file names with '*', without '/'", pattern);
            }
        }
        if self.outputs.patterns.is_empty() || self.outputs.max_files == 0 {
            return wrong("outputs", "at least one pattern and one file", "none");
        }
        Ok(())
    }
}
