//! What came out, for people and programs.

use std::path::PathBuf;

use serde::Serialize;

use super::check::CheckReport;
use crate::digest::Sha256;
use crate::name::{PythonVersion, TargetName};

/// What `build` did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildReport {
    /// One for each target and version of Python, in order; none if a check found outputs that differ.
    pub targets: Vec<BuiltTarget>,
    /// What a check of each found; none without one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckReport>,
}

/// One target on one version of Python.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuiltTarget {
    /// Its name.
    pub target: TargetName,
    /// The image's Python.
    pub python: PythonVersion,
    /// The engine's class.
    pub engine: String,
    /// Digest of the build plan.
    pub plan: Sha256,
    /// Where the bytes come from.
    #[serde(flatten)]
    pub origin: Origin,
    /// Its outputs, sdist first.
    pub outputs: Vec<BuiltOutput>,
    /// Whether all statements are signed: now, or before and kept.
    pub signed: bool,
    /// The name of the key that signed them now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Where outputs come from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "origin", rename_all = "camelCase")]
pub enum Origin {
    /// They were built now.
    Built {
        /// Wall-clock time, the box and what surrounds it.
        seconds: f64,
    },
    /// The same plan was carried out before: its bytes, and its statements.
    Cached,
}

/// One output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuiltOutput {
    /// Where it lies.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Digest.
    pub sha256: Sha256,
    /// Where its statement lies.
    pub statement: PathBuf,
}

/// What `lock` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LockReport {
    /// The lock.
    pub path: PathBuf,
    /// What happened to it.
    pub outcome: LockOutcome,
    /// Images in it.
    pub images: usize,
    /// Debian packages in it, each image's counted.
    pub packages: usize,
    /// Python distributions in it, each target's counted.
    pub distributions: usize,
}

/// What happened to a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockOutcome {
    /// It is what the project asks for; nothing was resolved.
    Fresh,
    /// It was resolved again and came out the same.
    Unchanged,
    /// It was written.
    Written,
}

/// What `fetch` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FetchReport {
    /// Files that the lock names.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Images that are unpacked.
    pub images: usize,
}
