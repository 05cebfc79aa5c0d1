//! Requirements → exact files, by a real resolver (uv), pinned by digest in the builder's folder.
//!
//! It runs in a box whose root is the target's base image, so that it sees the target's own interpreter, and
//! with the host's network, since it asks the user's indexes. It is told to build nothing: no package's code
//! ever runs where there is a network.

mod error;
mod pylock;
mod run;
mod via;

pub use error::PythonError;

use std::path::{Path, PathBuf};

use pep508_rs::VersionOrUrl;

use pylock::Pylock;
use url::Url;

use crate::digest::Sha256;
use crate::event::{Cancel, Reporter};
use crate::fetch::{NetConfig, Offline, PythonIndexes};
use crate::image::Image;
use crate::lock::Distribution;
use crate::name::{PackageName, PythonVersion};
use crate::sandbox::Engine;
use crate::store::Store;
use crate::wheel::{PythonTarget, WheelName};

/// One requirement and who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// As written (PEP 508).
    pub requirement: String,
    /// `build-system.requires`, or the name of a hook.
    pub by: String,
}

/// What is resolved, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The requirements.
    pub wanted: &'a [Wanted],
    /// The image's interpreter and platform.
    pub target: PythonTarget,
    /// Its language version.
    pub python: PythonVersion,
    /// Versions that are kept where they are still valid.
    pub keep: &'a [Distribution],
    /// Wheels that were built here, of projects that have none on an index.
    pub built: &'a [Built],
    /// Nothing that was uploaded later is taken (RFC 3339); only where the index says when it was.
    pub cutoff: Option<&'a str>,
}

/// A wheel that was built here, from an sdist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// File name.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// Digest.
    pub sha256: Sha256,
    /// Where it lies.
    pub path: PathBuf,
}

/// What the resolver works with.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// Where the resolver is installed: an environment that holds `bin/uv`.
    pub resolver: &'a Path,
    /// The root of its box.
    pub image: &'a Image,
    /// The local store: scratch folders, and the resolver's cache.
    pub store: &'a Store,
    /// What runs its box.
    pub engine: &'a dyn Engine,
    /// Package indexes.
    pub indexes: &'a PythonIndexes,
    /// Proxies, certificates, credentials.
    pub net: &'a NetConfig,
    /// Whether the network may be used.
    pub offline: Offline,
    /// Where progress goes.
    pub reporter: &'a dyn Reporter,
    /// Set when the user asks for a stop.
    pub cancel: &'a Cancel,
}

/// A distribution whose file was chosen. The index may not say how large it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Normalized name.
    pub name: PackageName,
    /// Version, as the index writes it.
    pub version: String,
    /// File name of the wheel.
    pub file: String,
    /// Bytes, if the index says.
    pub size: Option<u64>,
    /// Digest, as the index says.
    pub sha256: Sha256,
    /// Who asked for it, sorted.
    pub required_by: Vec<String>,
    /// Where the index has it: a hint for fetching, which never enters a lock.
    pub url: Option<Url>,
}

/// Resolves requirements to one wheel each.
///
/// # Errors
/// A requirement is none or names a URL; no set of versions fits, or only source distributions would; the index
/// gives no digest; the network or the host failed.
pub fn resolve(request: Request<'_>, tools: Tools<'_>) -> Result<Vec<Resolved>, PythonError> {
    for wanted in request.wanted {
        check(wanted)?;
    }
    if request.wanted.is_empty() {
        return Ok(Vec::new());
    }
    let answer = run::uv(request, tools)?;
    let pylock = Pylock::parse(&answer.pylock)?;
    let via = via::parse(&answer.annotated);
    let mut resolved: Vec<Resolved> =
        pylock.packages.iter().map(|package| choose(package, request, &via)).collect::<Result<_, _>>()?;
    resolved.sort_by(|a, b| (&a.name, &a.file).cmp(&(&b.name, &b.file)));
    Ok(resolved)
}

/// A requirement that an index can serve: name, versions, marker, but no URL.
fn check(wanted: &Wanted) -> Result<(), PythonError> {
    let Wanted { requirement, by } = wanted;
    let parsed = crate::name::requirement(requirement).map_err(|problem| PythonError::Requirement {
        requirement: requirement.clone(),
        by: by.clone(),
        problem,
    })?;
    match parsed.version_or_url {
        Some(VersionOrUrl::Url(_)) => {
            Err(PythonError::Direct { requirement: requirement.clone(), by: by.clone() })
        }
        Some(VersionOrUrl::VersionSpecifier(_)) | None => Ok(()),
    }
}

/// The wheel of a package that fits best.
fn choose(package: &pylock::Package, request: Request<'_>, via: &via::Via) -> Result<Resolved, PythonError> {
    let named: Vec<(WheelName, &pylock::Wheel)> =
        package.wheels.iter().filter_map(|wheel| Some((wheel.file().parse().ok()?, wheel))).collect();
    let none = || PythonError::NoWheel {
        name: package.name.to_string(),
        version: package.version.clone().unwrap_or_default(),
        files: package.wheels.iter().map(|wheel| wheel.file().to_owned()).collect(),
    };
    let best = request.target.best(named.iter().map(|(name, _)| name)).ok_or_else(none)?;
    let (_, wheel) = named.iter().find(|(name, _)| name == best).ok_or_else(none)?;
    let file = wheel.file().to_owned();
    if let Some(built) = request.built.iter().find(|built| built.file == file) {
        return Ok(Resolved {
            version: package.version.clone().unwrap_or_default(),
            size: Some(built.size),
            sha256: built.sha256,
            required_by: via.of(&package.name),
            url: None,
            name: package.name.clone(),
            file,
        });
    }
    let sha256 = wheel.hashes.get("sha256").ok_or_else(|| PythonError::NoHash { file: file.clone() })?;
    let sha256 = sha256.parse().map_err(|_| PythonError::NoHash { file: file.clone() })?;
    Ok(Resolved {
        version: package.version.clone().unwrap_or_default(),
        size: wheel.size,
        sha256,
        required_by: via.of(&package.name),
        url: wheel.url(),
        name: package.name.clone(),
        file,
    })
}
