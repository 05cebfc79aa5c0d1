//! What is to be fetched: files of a lock, and where to look for each.

use url::Url;

use super::FetchError;
use super::crates::CrateOrigin;
use super::mirrors::DebianMirrors;
use crate::digest::Sha256;
use crate::lock::{AssembledImage, Distribution, LockedCrate};
use crate::name::PackageName;

/// One file to be fetched.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name, for people, and for Python distributions the name that indexes have it under.
    pub file: String,
    /// Its digest.
    pub sha256: Sha256,
    /// Its size in bytes, if it is known: another one is an error. If not, [`Wanted::LARGEST`] is the limit.
    pub size: Option<u64>,
    /// Who asked for it.
    pub required_by: Vec<String>,
    /// Where to look for it.
    pub places: Places,
}

/// Where to look for a file.
#[derive(Debug, Clone)]
pub enum Places {
    /// At these URLs, in this order.
    Urls(Vec<Url>),
    /// A hinted URL, then `find-links`, then the indexes, under the name of its project.
    Indexes(PackageName),
    /// In cargo's own cache, then in registries of crates.
    Crate {
        /// The crate's name.
        name: String,
        /// Its version.
        version: String,
        /// Which registries.
        origin: CrateOrigin,
    },
}

impl Wanted {
    /// Bytes that a file of unknown size may have.
    pub const LARGEST: u64 = 8 << 30;

    /// A file of a Python distribution.
    #[must_use]
    pub fn distribution(of: &Distribution) -> Self {
        Self {
            file: of.file.clone(),
            sha256: of.sha256,
            size: Some(of.size),
            required_by: of.required_by.clone(),
            places: Places::Indexes(of.name.clone()),
        }
    }

    /// A crate. A lock names no registry: any that is configured serves.
    #[must_use]
    pub fn of_crate(of: &LockedCrate) -> Self {
        let (name, version) = (of.name.clone(), of.version.clone());
        Self {
            file: of.file.clone(),
            sha256: of.sha256,
            size: Some(of.size),
            required_by: of.required_by.clone(),
            places: Places::Crate { name, version, origin: CrateOrigin::Any },
        }
    }

    /// Bytes that a crate of unknown size may have.
    pub const LARGEST_CRATE: u64 = 512 << 20;

    pub(super) fn limit(&self) -> u64 {
        self.size.unwrap_or(match self.places {
            Places::Urls(_) | Places::Indexes(_) => Self::LARGEST,
            Places::Crate { .. } => Self::LARGEST_CRATE,
        })
    }
}

/// The packages of an image, each with its URLs at all mirrors.
pub(super) fn debian(
    image: &AssembledImage,
    required_by: &str,
    mirrors: &DebianMirrors,
) -> Result<Vec<Wanted>, FetchError> {
    let mut bases = Vec::new();
    for suite in &image.suites {
        let mut urls = mirrors.bases(&suite.archive)?;
        urls.extend(mirrors.snapshot_base(&suite.archive, &suite.date));
        bases.push((suite.name.as_str(), urls));
    }
    let wanted = image.packages.iter().map(|package| {
        let bases = bases.iter().find(|(suite, _)| *suite == package.suite);
        // The lock's path is below the archive's root: a path that leads elsewhere is left out.
        let url =
            |base: &Url| base.join(&package.path).ok().filter(|url| url.as_str().starts_with(base.as_str()));
        let urls = bases.into_iter().flat_map(|(_, urls)| urls).filter_map(url).collect();
        Wanted {
            file: package.path.rsplit('/').next().unwrap_or(&package.path).to_owned(),
            sha256: package.sha256,
            size: Some(package.size),
            required_by: vec![required_by.to_owned()],
            places: Places::Urls(urls),
        }
    });
    Ok(wanted.collect())
}
