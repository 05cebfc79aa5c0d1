//! The values that a lock holds.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::name::{ImageRef, PackageName, Platform, PythonVersion, TargetName};

/// A whole lock: everything that builds of one project may use, by digest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// Base images, sorted by reference, platform and digest. Every target names one by digest.
    pub images: Vec<LockedImage>,
    /// Wheels that are built here from source distributions, sorted by name, version, platform and Python. A
    /// [`Distribution`] with the digest of one is that wheel.
    pub wheels: Vec<LockedWheel>,
    /// Targets, sorted by name, platform and Python version.
    pub targets: Vec<LockedTarget>,
}

/// A base image, by the digest of its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "super::wire::WireImage")]
pub struct LockedImage {
    /// As written: `debian:bookworm`.
    pub reference: ImageRef,
    /// What it runs on.
    pub platform: Platform,
    /// Digest of the OCI image manifest.
    pub digest: Sha256,
    /// What it is made of.
    pub content: ImageContent,
}

/// What a base image is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageContent {
    /// Debian packages, assembled here.
    Assembled(AssembledImage),
    /// Layers that somebody else made, by reference.
    Pulled(PulledImage),
}

/// A base image that is assembled from Debian packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssembledImage {
    /// How the image is assembled from its packages; a number that never changes its meaning.
    pub recipe: u32,
    /// The packages that were asked for (the builder's and the target's), sorted; the rest is their closure.
    pub include: Vec<String>,
    /// The suites that the packages come from, sorted by name.
    pub suites: Vec<LockedSuite>,
    /// Every package of the closure, sorted by name and architecture.
    pub packages: Vec<LockedPackage>,
}

/// A base image by reference: what its manifest says, and the interpreter that was found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledImage {
    /// Digest of the image index that the manifest was chosen from, if there was one.
    pub index: Option<Sha256>,
    /// Bytes of the manifest.
    pub size: u64,
    /// Absolute path of its Python in the image. Its name tells the version: `/usr/local/bin/python3.12`.
    pub python: String,
    /// Version of its C library: `2.36`.
    pub glibc: String,
    /// The configuration, then every layer, in the manifest's order.
    pub layers: Vec<LockedLayer>,
}

/// A blob that an image's manifest names (OCI image specification, "descriptor").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedLayer {
    /// Digest of the blob as it is stored.
    pub digest: Sha256,
    /// Its bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
}

impl PulledImage {
    /// The version of its Python.
    #[must_use]
    pub fn python_version(&self) -> Option<PythonVersion> {
        self.python.rsplit_once('/')?.1.strip_prefix("python")?.parse().ok()
    }

    /// The version of its C library, as two numbers.
    #[must_use]
    pub fn glibc_version(&self) -> Option<(u16, u16)> {
        let (major, minor) = self.glibc.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }
}

impl LockedImage {
    /// Digests of the files that it is made of: packages, or the manifest with the blobs that it names.
    pub fn blobs(&self) -> impl Iterator<Item = Sha256> + '_ {
        let (manifest, layers) = match &self.content {
            ImageContent::Assembled(_) => (None, &[] as &[LockedLayer]),
            ImageContent::Pulled(pulled) => (Some(self.digest), pulled.layers.as_slice()),
        };
        let packages = self.packages().iter().map(|package| package.sha256);
        packages.chain(manifest).chain(layers.iter().map(|layer| layer.digest))
    }

    /// Bytes of each of these files.
    pub fn sizes(&self) -> impl Iterator<Item = u64> + '_ {
        let (manifest, layers) = match &self.content {
            ImageContent::Assembled(_) => (None, &[] as &[LockedLayer]),
            ImageContent::Pulled(pulled) => (Some(pulled.size), pulled.layers.as_slice()),
        };
        let packages = self.packages().iter().map(|package| package.size);
        packages.chain(manifest).chain(layers.iter().map(|layer| layer.size))
    }

    /// The packages that it is assembled from; none of an image by reference.
    #[must_use]
    pub fn packages(&self) -> &[LockedPackage] {
        match &self.content {
            ImageContent::Assembled(assembled) => &assembled.packages,
            ImageContent::Pulled(_) => &[],
        }
    }
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
    /// Name of the suite that named it, one of [`AssembledImage::suites`].
    pub suite: String,
}

/// What one target is built with, for one platform and one version of Python.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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
    /// The project's own lock file, and every file that it includes, in the order of reading.
    #[serde(default)]
    pub requirements: Vec<LockedRequirements>,
    /// Extras that are taken of it, sorted.
    #[serde(default)]
    pub extras: Vec<String>,
    /// Dependency groups that are taken of it, sorted.
    #[serde(default)]
    pub groups: Vec<String>,
    /// `build-system.requires` as the project wrote it, in its order.
    pub requires: Vec<String>,
    /// What the backend's `get_requires_for_build_*` hooks asked for, sorted by hook.
    #[serde(default)]
    pub hooks: Vec<HookRequires>,
    /// Crates that the source's `Cargo.lock` names, sorted by name and version.
    #[serde(default)]
    pub crates: Vec<LockedCrate>,
    /// Every Python distribution, sorted by role, name and file.
    #[serde(default)]
    pub distributions: Vec<Distribution>,
}

/// A file of the project that pins its run-time dependencies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedRequirements {
    /// Path below the project's folder.
    pub file: String,
    /// `requirements.txt`, `Pipfile.lock`, `poetry.lock`, `uv.lock`, `pylock.toml`.
    pub format: String,
    /// Digest of the file.
    pub sha256: Sha256,
}
/// A wheel that is built here, in a box of its own, from a source distribution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedWheel {
    /// Normalized name.
    pub name: PackageName,
    /// Version, as the wheel's file name has it.
    pub version: String,
    /// What it is built on.
    pub platform: Platform,
    /// The language version of the image's interpreter.
    pub python: PythonVersion,
    /// Digest of one of [`Lock::images`].
    pub image: Sha256,
    /// What it is built from.
    pub sdist: LockedSdist,
    /// File name of the wheel.
    pub file: String,
    /// Its bytes.
    pub size: u64,
    /// Its digest: every build of it gives this.
    pub sha256: Sha256,
    /// `build-system.requires` as the project wrote it, in its order.
    pub requires: Vec<String>,
    /// What the backend's `get_requires_for_build_*` hooks asked for, sorted by hook.
    #[serde(default)]
    pub hooks: Vec<HookRequires>,
    /// Crates that the source's `Cargo.lock` names, sorted by name and version.
    #[serde(default)]
    pub crates: Vec<LockedCrate>,
    /// Every Python distribution, sorted by role, name and file.
    #[serde(default)]
    pub distributions: Vec<Distribution>,
}

/// A source distribution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedSdist {
    /// File name.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// Digest.
    pub sha256: Sha256,
}

/// A crate that a `Cargo.lock` names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockedCrate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `NAME-VERSION.crate`.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// Its checksum in the `Cargo.lock`.
    pub sha256: Sha256,
    /// Paths of the `Cargo.lock` files that name it, sorted.
    pub required_by: Vec<String>,
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
    /// Who asked for it, sorted: names of distributions of the same role, `build-system.requires`, a hook's name,
    /// the project's own lock file, or `builder` for the builder's own tools.
    pub required_by: Vec<String>,
}

/// What a Python distribution is for. Each role is an environment of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A build requirement: importable by the backend.
    Build,
    /// A dependency of the program that is built.
    Runtime,
    /// A tool of the builder: the frontend.
    Tool,
}
