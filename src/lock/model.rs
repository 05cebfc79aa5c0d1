//! The values that a lock holds.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::name::{ImageRef, PackageName, Platform, PythonVersion, TargetName};

/// A whole lock: everything that builds of one project may use, by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Base images, sorted by reference, platform and digest. Every target names one by digest.
    #[serde(default, rename = "image")]
    pub images: Vec<LockedImage>,
    /// Targets, sorted by name, platform and Python version.
    #[serde(default, rename = "target")]
    pub targets: Vec<LockedTarget>,
}

/// A base image that is assembled from Debian packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedImage {
    /// As written: `debian:bookworm`.
    pub reference: ImageRef,
    /// What it runs on.
    pub platform: Platform,
    /// Digest of the OCI image manifest.
    pub digest: Sha256,
    /// How the image is assembled from its packages; a number that never changes its meaning.
    pub recipe: u32,
    /// The packages that were asked for (the builder's and the target's), sorted; the rest is their closure.
    pub include: Vec<String>,
    /// The suites that the packages come from, sorted by name.
    pub suites: Vec<LockedSuite>,
    /// Every package of the closure, sorted by name and architecture.
    pub packages: Vec<LockedPackage>,
}

/// A suite as its signed Release file named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedSuite {
    /// For instance `bookworm-security`.
    pub name: String,
    /// The archive that holds it: `debian` or `debian-security`. Not a host.
    pub archive: String,
    /// The `Date` of the Release file, RFC 3339 in UTC: with the path of a package, what a snapshot archive needs.
    pub date: String,
}

/// One Debian binary package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedPackage {
    /// Package name.
    pub name: String,
    /// Debian version, with epoch.
    pub version: String,
    /// Debian architecture: `amd64`, `all`.
    pub arch: String,
    /// Bytes of the `.deb`.
    pub size: u64,
    /// Digest of the `.deb`.
    pub sha256: Sha256,
    /// Path below the archive's root (`pool/main/…`).
    pub path: String,
    /// Name of the suite that named it, one of [`LockedImage::suites`].
    pub suite: String,
}

/// What one target is built with, for one platform and one version of Python.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedTarget {
    /// Name in the configuration.
    pub name: TargetName,
    /// What it is built on.
    pub platform: Platform,
    /// The language version of the image's interpreter.
    pub python: PythonVersion,
    /// Digest of one of [`Lock::images`].
    pub image: Sha256,
    /// `build-system.requires` as the project wrote it, in its order.
    pub requires: Vec<String>,
    /// What the backend's `get_requires_for_build_*` hooks asked for, sorted by hook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookRequires>,
    /// Every Python distribution, sorted by role, name and file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<Distribution>,
}

/// What a hook of the build backend answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HookRequires {
    /// For instance `get_requires_for_build_wheel`.
    pub name: String,
    /// Its answer, sorted. May be empty: then the hook was asked and wanted nothing.
    pub requires: Vec<String>,
}

/// One file of a Python distribution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Distribution {
    /// What it is for.
    pub role: Role,
    /// Normalized name.
    pub name: PackageName,
    /// Version (PEP 440, as the file's metadata writes it).
    pub version: String,
    /// File name.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// Digest.
    pub sha256: Sha256,
    /// Who asked for it, sorted: names of distributions of the same role, `build-system.requires`, a hook's name, or
    /// `builder` for the builder's own tools.
    pub required_by: Vec<String>,
}

/// What a Python distribution is for. Each role is an environment of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A build requirement: importable by the backend.
    Build,
    /// A dependency of the program that is built (later builders).
    Runtime,
    /// A tool of the builder: the frontend.
    Tool,
}
