//! `poetry.lock`, lock versions 1.0, 1.1 (poetry 1.0 to 1.2), 2.0 (1.3 to 1.8) and 2.1 (2.x).
//!
//! From 2.1 on each package says in which groups it is and under which marker. Before, the project's own requirements
//! are in its `pyproject.toml` alone, and the graph is walked from there.

mod constraint;
mod groups;
mod project;
mod walk;
mod wire;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::error::Unlockable;
use super::pins::{self, Pins};
use super::place::Text;
use super::reader::{Reader, same};
use super::{Format, KnownFile, Pin, Place, RequirementsError, hash, toml_text};
use crate::name::PackageName;
use constraint::Constraint;
use wire::{File, Lock, Package};

const FORMAT: Format = Format::PoetryLock;

/// Read first: another version may have another form.
#[derive(Deserialize)]
struct Head {
    metadata: Option<HeadMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct HeadMetadata {
    lock_version: Option<Spanned<String>>,
}

/// The packages that are taken, by index, with those who need them.
type Taken = BTreeMap<usize, Vec<String>>;

/// Reads the packages of the main group, and those of the extras and groups that were asked for.
pub(super) fn read(path: &str, reader: &mut Reader<'_>) -> Result<Pins, RequirementsError> {
    let content = reader.text(path, FORMAT, None)?;
    let text = Text { file: path, text: &content };
    let head: Head = toml_text::parse(text, FORMAT)?;
    let version = head.metadata.and_then(|metadata| metadata.lock_version);
    let wrong = |at, found: &str| RequirementsError::Version {
        at,
        format: FORMAT,
        found: found.to_owned(),
        known: "lock-version 1.0, 1.1, 2.0 or 2.1",
    };
    let Some(version) = version else {
        let message = "no `lock-version` in [metadata], expected 1.0, 1.1, 2.0 or 2.1".to_owned();
        return Err(RequirementsError::Broken { at: text.line(1), format: FORMAT, message });
    };
    let says_groups = match version.get_ref().as_str() {
        "1.0" | "1.1" | "2.0" => false,
        "2.1" => true,
        other => return Err(wrong(text.at(&version.span()), other)),
    };
    let lock: Lock = toml_text::parse(text, FORMAT)?;
    check_python(&lock.metadata.python_versions, path, reader, || {
        text.at(&lock.metadata.python_versions.span())
    })?;
    let taken = if says_groups {
        groups::taken(&lock, text, reader)?
    } else {
        let pyproject = walk::pyproject(path);
        let own = project::read(&pyproject, text, reader)?;
        walk::taken(&lock, &own, text, reader)?
    };
    let mut pins = Pins::default();
    for (index, mut required_by) in taken {
        let package = &lock.package[index];
        let at = text.at(&package.span());
        let package = package.get_ref();
        if let Some(python) = &package.python_versions {
            check_python(python, &package.name, reader, || text.at(&python.span()))?;
        }
        let mut pin = pin(package, &lock, text, at)?;
        if required_by.is_empty() {
            required_by.push(path.to_owned());
        }
        pin.required_by = required_by;
        pins.add(pin, FORMAT)?;
    }
    Ok(pins)
}

fn check_python(
    requires: &Spanned<String>,
    what: &str,
    reader: &Reader<'_>,
    at: impl Fn() -> Place,
) -> Result<(), RequirementsError> {
    let constraint: Constraint =
        requires.get_ref().parse().map_err(|error: constraint::ConstraintError| {
            RequirementsError::Broken {
                at: at(),
                format: FORMAT,
                message: format!("python-versions of {what}: {error}"),
            }
        })?;
    if constraint.allows_python(reader.interpreter) == Some(true) {
        return Ok(());
    }
    Err(reader.wrong_python(requires.get_ref(), what, at()))
}

fn pin(package: &Package, lock: &Lock, text: Text<'_>, at: Place) -> Result<Pin, RequirementsError> {
    let name: PackageName = pins::name(&package.name, FORMAT, || at.clone())?;
    let source = package.source.as_ref();
    let kind = match source.map(|source| source.kind.as_str()) {
        None | Some("legacy" | "url" | "pypi") => None,
        Some("git") => Some(Unlockable::Repository),
        Some("directory") => Some(if package.develop { Unlockable::Editable } else { Unlockable::Folder }),
        Some("file") => Some(Unlockable::File),
        Some(other) => {
            let message = format!("{name} has a source of the type {other:?}, expected legacy or url");
            return Err(RequirementsError::Broken { at, format: FORMAT, message });
        }
    };
    if let Some(kind) = kind {
        return Err(RequirementsError::Unlockable { at, what: name.to_string(), kind });
    }
    let version = pins::version(&package.version, name.as_str(), FORMAT, || at.clone())?;
    let direct = source.filter(|source| source.kind == "url").and_then(|source| hash::link(&source.url));
    let mut files = Vec::new();
    for file in files_of(package, lock, &name) {
        let mut known = known(file, &name, text)?;
        known.url.clone_from(&direct);
        files.push(known);
    }
    if files.is_empty() {
        return Err(RequirementsError::NoHash { at, format: FORMAT, what: format!("{name} {version}") });
    }
    let hashes = hash::of_files(&files);
    Ok(Pin { name, version, hashes, files, at, required_by: Vec::new() })
}

/// With the package since lock version 2.0, before in `[metadata.files]`, for all versions of a name together.
fn files_of<'a>(package: &'a Package, lock: &'a Lock, name: &PackageName) -> Vec<&'a Spanned<File>> {
    if let Some(files) = &package.files {
        return files.iter().collect();
    }
    let together = lock.metadata.files.iter().find(|(key, _)| same(key, name));
    let together = together.map(|(_, files)| files.as_slice()).unwrap_or_default();
    let of_this = |file: &&Spanned<File>| {
        let version = super::choose::version_of(&file.get_ref().file, name);
        version.is_none_or(|version| pins::equal(&version, &package.version))
    };
    together.iter().filter(of_this).collect()
}

fn known(file: &Spanned<File>, name: &PackageName, text: Text<'_>) -> Result<KnownFile, RequirementsError> {
    let at = text.at(&file.span());
    let file = file.get_ref();
    if !hash::is_file_name(&file.file) {
        let message = format!("{:?} is no file name of {name}", file.file);
        return Err(RequirementsError::Broken { at, format: FORMAT, message });
    }
    let hashes = hash::acceptable(file.hash.as_deref(), FORMAT, &file.file, &at)?;
    let Some(sha256) = hashes.first().copied() else {
        return Err(RequirementsError::NoHash { at, format: FORMAT, what: file.file.clone() });
    };
    Ok(KnownFile { file: file.file.clone(), size: None, sha256, url: None })
}
