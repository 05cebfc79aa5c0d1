//! What a lock holds, for other tools: a wheelhouse, `pylock.toml`, bills of materials.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::BuildError;
use super::locking;
use super::prepare::{Prepared, lock_path, read_lock};
use super::request::{Context, Place};
use super::supply::Supplier;
use super::wheels;
use crate::builder::{Builder, Makes};
use crate::config::Target;
use crate::digest::Sha256;
use crate::export::{self, ExportError, Product, ProductKind};
use crate::lock::{Distribution, Lock, LockedTarget};
use crate::name::PythonVersion;
use crate::output::{FileMode, FolderLock, Publication};

/// Where `lock --export pylock` writes, unless told otherwise. Not the project's folder: a `pylock.toml` there is the
/// project's own lock file.
pub const WHEELHOUSE: &str = "wheelhouse";

/// The format of a bill of materials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillFormat {
    /// CycloneDX 1.5, JSON.
    CycloneDx,
    /// SPDX 2.3, JSON.
    Spdx,
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportReport {
    /// Where.
    pub folder: PathBuf,
    /// Python distributions.
    pub distributions: Vec<String>,
    /// Requirements files and lock files of other tools.
    pub files: Vec<String>,
}

/// A project's lock as it stands, and the entries that were asked for.
struct Locked {
    prepared: Prepared,
    lock: Lock,
}

impl Locked {
    fn read(place: &Place) -> Result<Self, BuildError> {
        let prepared = Prepared::read(place, &[])?;
        let path = lock_path(place);
        let lock = read_lock(&path)?.ok_or_else(|| BuildError::NoLock { path: path.clone() })?;
        locking::check(&prepared, &lock, &path)?;
        Ok(Self { prepared, lock })
    }

    /// Each target and version of Python that was asked for.
    fn entries(&self) -> impl Iterator<Item = (&Target, &Builder, &LockedTarget)> {
        self.prepared.targets.iter().flat_map(move |(target, builder)| {
            target.variants.iter().filter_map(move |variant| {
                let locked = self.lock.find(&target.name, self.prepared.platform, variant.python)?;
                Some((target, builder, locked))
            })
        })
    }
}

/// The bill of materials of one target.
///
/// # Errors
/// The lock is missing or stale; several targets or versions of Python are there and none is chosen.
pub fn bill(place: &Place, python: Option<PythonVersion>, format: BillFormat) -> Result<String, BuildError> {
    let locked = Locked::read(place)?;
    let mut entries: Vec<_> =
        locked.entries().filter(|(_, _, entry)| python.is_none_or(|python| entry.python == python)).collect();
    let (Some((target, builder, entry)), true) = (entries.pop(), entries.is_empty()) else {
        let known =
            locked.entries().map(|(_, _, entry)| format!("{} with Python {}", entry.name, entry.python));
        return Err(ExportError::Several { known: known.collect() }.into());
    };
    let project = locked.prepared.project.pyproject.as_ref().and_then(|file| file.project.as_ref());
    let product = Product {
        name: project.and_then(|project| project.name.as_deref()).unwrap_or(target.name.as_str()),
        version: project.and_then(|project| project.version.as_deref()),
        kind: match builder.outputs().makes {
            Makes::Distributions => ProductKind::Library,
            Makes::Archive => ProductKind::Application,
        },
        epoch: locked.prepared.source.epoch(),
    };
    let slice = locked.lock.slice(&entry.name, entry.platform, entry.python).unwrap_or_default();
    Ok(match format {
        BillFormat::CycloneDx => export::cyclonedx(&slice, product)?,
        BillFormat::Spdx => export::spdx(&slice, product)?,
    })
}

/// Writes `pylock.toml` of each target that was asked for into a folder: what it runs with, else what it is built with, as
/// files of that very folder, where [`export_wheelhouse`] puts them. Several targets or versions of Python get names with
/// the target.
///
/// # Errors
/// The lock is missing or stale, a target has no Python distributions, the host fails.
pub fn export_pylock(place: &Place, folder: &Path, context: Context<'_>) -> Result<ExportReport, BuildError> {
    let texts = pylocks(&Locked::read(place)?)?;
    write(folder, BTreeMap::new(), texts, context)
}

/// Texts of `pylock.toml` files by name.
fn pylocks(locked: &Locked) -> Result<BTreeMap<String, String>, BuildError> {
    let entries: Vec<_> = locked.entries().collect();
    let mut texts = BTreeMap::new();
    for (target, _, entry) in &entries {
        let name = match entries.len() {
            1 => "pylock.toml".to_owned(),
            _ => format!("pylock.{}.toml", label(target, entry)),
        };
        texts.insert(name, export::pylock(entry, &locked.lock)?);
    }
    Ok(texts)
}

/// A target in file names; with its Python if it has several.
fn label(target: &Target, entry: &LockedTarget) -> String {
    let PythonVersion { major, minor } = entry.python;
    if target.variants.len() > 1 {
        format!("{}-py{major}{minor}", target.name)
    } else {
        target.name.to_string()
    }
}

/// Writes all Python distributions of the targets that were asked for into a folder, with a hashed requirements file for
/// each target and role and a `pylock.toml`: what pip and uv need to install without sealwright, from that folder alone.
/// The store holds what the lock names already ([`super::fetch`]); wheels that are built here are built.
///
/// # Errors
/// The lock is missing or stale, something is not to be had, the host fails.
pub fn export_wheelhouse(
    place: &Place,
    folder: &Path,
    context: Context<'_>,
) -> Result<ExportReport, BuildError> {
    let locked = Locked::read(place)?;
    let supplier = Supplier::new(&locked.prepared, context);
    let Locked { lock, .. } = &locked;
    let mut files: BTreeMap<String, Sha256> = BTreeMap::new();
    let mut texts = pylocks(&locked)?;
    for (target, _, entry) in locked.entries() {
        let built = lock.wheels_for(&entry.distributions);
        wheels::ensure(&built, lock, &supplier)?;
        let of_wheels = built.iter().flat_map(|wheel| &wheel.distributions);
        for file in entry.distributions.iter().chain(of_wheels) {
            add(&mut files, &file.file, file.sha256)?;
        }
        for wheel in &built {
            add(&mut files, &wheel.sdist.file, wheel.sdist.sha256)?;
            let title = format!("What {} is built with", wheel.file);
            requirements(
                &mut texts,
                &format!("{}-{}", wheel.name, wheel.version),
                &title,
                &wheel.distributions,
                lock,
            );
        }
        let title = format!("Target {} on {} with Python {}", target.name, entry.platform, entry.python);
        requirements(&mut texts, &label(target, entry), &title, &entry.distributions, lock);
        if locked.entries().count() == 1
            && let Some(role) = export::main_role(entry)
        {
            let text = export::requirements(&title, &entry.distributions, role, lock);
            texts.insert("requirements.txt".to_owned(), text);
        }
    }
    write(folder, files, texts, context)
}

/// Adds the requirements file of each role that there is.
fn requirements(
    texts: &mut BTreeMap<String, String>,
    label: &str,
    title: &str,
    distributions: &[Distribution],
    lock: &Lock,
) {
    let mut roles: Vec<_> = distributions.iter().map(|file| file.role).collect();
    roles.sort();
    roles.dedup();
    for role in roles {
        let title = format!("{title}: {}", role.as_str());
        let text = export::requirements(&title, distributions, role, lock);
        texts.insert(format!("requirements-{label}-{}.txt", role.as_str()), text);
    }
}

fn add(files: &mut BTreeMap<String, Sha256>, file: &str, sha256: Sha256) -> Result<(), BuildError> {
    match files.insert(file.to_owned(), sha256) {
        Some(other) if other != sha256 => Err(ExportError::TwoFiles { file: file.to_owned() }.into()),
        Some(_) | None => Ok(()),
    }
}

/// Puts everything into a folder, together.
fn write(
    folder: &Path,
    files: BTreeMap<String, Sha256>,
    texts: BTreeMap<String, String>,
    context: Context<'_>,
) -> Result<ExportReport, BuildError> {
    let held = FolderLock::acquire(folder, context.reporter, context.cancel)?;
    let mut publication = Publication::new(&held, context.cancel);
    for (name, sha256) in &files {
        publication.kept(name, *sha256, FileMode::Data, || {
            context.store.open_blob(sha256).map_err(BuildError::from)
        })?;
    }
    for (name, text) in &texts {
        publication.text(&folder.join(name), text.as_bytes())?;
    }
    publication.commit()?;
    Ok(ExportReport {
        folder: folder.to_owned(),
        distributions: files.into_keys().collect(),
        files: texts.into_keys().collect(),
    })
}
