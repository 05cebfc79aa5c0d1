//! `uv.lock`, version 1: a graph that is walked from the project's own package.

mod walk;
mod wire;

use serde::Deserialize;
use toml::Spanned;

use super::error::Unlockable;
use super::marker::Active;
use super::pins::{self, Pins};
use super::place::Text;
use super::reader::Reader;
use super::{Format, KnownFile, Pin, Place, RequirementsError, hash, toml_text};
use crate::name::PackageName;
use wire::{File, Lock, Package, Source};

const FORMAT: Format = Format::UvLock;

/// Read first: another version may have another form.
#[derive(Deserialize)]
struct Head {
    version: Spanned<i64>,
}

/// Reads the packages that the project needs, with the extras and groups that were asked for.
pub(super) fn read(path: &str, reader: &mut Reader<'_>) -> Result<Pins, RequirementsError> {
    let content = reader.text(path, FORMAT, None)?;
    let text = Text { file: path, text: &content };
    let head: Head = toml_text::parse(text, FORMAT)?;
    if *head.version.get_ref() != 1 {
        let (at, found) = (text.at(&head.version.span()), head.version.get_ref().to_string());
        return Err(RequirementsError::Version { at, format: FORMAT, found, known: "version 1" });
    }
    let lock: Lock = toml_text::parse(text, FORMAT)?;
    if let Some(requires) = &lock.requires_python {
        reader.check_python(requires.get_ref(), FORMAT, path, || text.at(&requires.span()))?;
    }
    check_environments(&lock, text, reader)?;
    let root = lock.package.iter().position(|package| package.get_ref().source.is_root());
    let Some(root) = root else {
        return Err(RequirementsError::NoProject { file: path.to_owned() });
    };
    let own = lock.package[root].get_ref();
    reader.check_selection(path, own.extras(), own.groups())?;
    let graph = walk::Graph { lock: &lock, text, reader, root, active: conflicts(own, reader) };
    let mut pins = Pins::default();
    for (index, required_by) in graph.walk()? {
        let package = &lock.package[index];
        let at = text.at(&package.span());
        let mut pin = pin(package.get_ref(), text, at)?;
        pin.required_by = required_by.into_iter().collect();
        pins.add(pin, FORMAT)?;
    }
    Ok(pins)
}

/// `supported-markers` (`tool.uv.environments`): what the file was locked for, if not for everything.
fn check_environments(lock: &Lock, text: Text<'_>, reader: &Reader<'_>) -> Result<(), RequirementsError> {
    let mut any = lock.supported_markers.is_empty();
    for marker in &lock.supported_markers {
        any |= reader.holds(marker.get_ref(), &Active::default(), || text.at(&marker.span()))?;
    }
    match lock.supported_markers.first() {
        Some(first) if !any => {
            let written: Vec<&str> =
                lock.supported_markers.iter().map(|marker| marker.get_ref().as_str()).collect();
            Err(RequirementsError::Environments {
                at: text.at(&first.span()),
                environments: written.join(" or "),
                target: reader.interpreter.describe(),
            })
        }
        _ => Ok(()),
    }
}

/// How uv writes extras and groups that exclude each other into markers: `extra-6-projec-cpu`, the number being the
/// length of the project's name.
fn conflicts(own: &Package, reader: &Reader<'_>) -> Active {
    let mut active = Active::default();
    let name = &own.name;
    active.add(&format!("project-{}-{name}", name.len()));
    for extra in &reader.selection.extras {
        active.add(&format!("extra-{}-{name}-{extra}", name.len()));
    }
    for group in &reader.selection.groups {
        active.add(&format!("group-{}-{name}-{group}", name.len()));
    }
    active
}

fn pin(package: &Package, text: Text<'_>, at: Place) -> Result<Pin, RequirementsError> {
    let name: PackageName = pins::name(&package.name, FORMAT, || at.clone())?;
    if let Some(kind) = package.source.unlockable() {
        return Err(RequirementsError::Unlockable { at, what: name.to_string(), kind });
    }
    let Some(version) = &package.version else {
        let requirement = format!("{name} without a version");
        return Err(RequirementsError::Unpinned { at, format: FORMAT, requirement, name: name.to_string() });
    };
    let version = pins::version(version, name.as_str(), FORMAT, || at.clone())?;
    let mut files = Vec::new();
    for file in package.wheels.iter().chain(&package.sdist) {
        files.push(known(file, &package.source, &name, text)?);
    }
    if files.is_empty() {
        return Err(RequirementsError::NoHash { at, format: FORMAT, what: format!("{name} {version}") });
    }
    let hashes = hash::of_files(&files);
    Ok(Pin { name, version, hashes, files, at, required_by: Vec::new() })
}

fn known(
    file: &Spanned<File>,
    source: &Source,
    name: &PackageName,
    text: Text<'_>,
) -> Result<KnownFile, RequirementsError> {
    let at = text.at(&file.span());
    let file = file.get_ref();
    let link = file.url.as_deref().or(file.path.as_deref()).or(source.url.as_deref());
    let named = file.filename.clone().filter(|name| hash::is_file_name(name));
    let Some(named) = named.or_else(|| link.and_then(hash::file_name)) else {
        let message = format!("a file of {name} has no name, expected `url` or `filename`");
        return Err(RequirementsError::Broken { at, format: FORMAT, message });
    };
    let hashes = hash::acceptable(file.hash.as_deref(), FORMAT, &named, &at)?;
    let Some(sha256) = hashes.first().copied() else {
        return Err(RequirementsError::NoHash { at, format: FORMAT, what: named });
    };
    let url = link.and_then(hash::link);
    Ok(KnownFile { file: named, size: file.size, sha256, url })
}

impl Source {
    /// The project's own package: in the folder of the lock file.
    fn is_root(&self) -> bool {
        [&self.r#virtual, &self.editable, &self.directory].into_iter().flatten().any(|path| path == ".")
    }

    fn unlockable(&self) -> Option<Unlockable> {
        if self.editable.is_some() {
            Some(Unlockable::Editable)
        } else if self.git.is_some() {
            Some(Unlockable::Repository)
        } else if self.directory.is_some() || self.r#virtual.is_some() {
            Some(Unlockable::Folder)
        } else if self.path.is_some() {
            Some(Unlockable::File)
        } else {
            None
        }
    }
}
