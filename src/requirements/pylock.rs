//! `pylock.toml` (PEP 751; the packaging specification "pylock.toml", version 1.0).

mod wire;

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use super::error::Unlockable;
use super::marker::{self, Sets};
use super::pins::{self, Pins};
use super::place::Text;
use super::reader::{Reader, same};
use super::{Format, KnownFile, Pin, Place, RequirementsError, choose, hash, toml_text};
use crate::name::PackageName;
use wire::{File, Lock, Package};

const FORMAT: Format = Format::Pylock;

/// Read first: another version may have another form.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    lock_version: Spanned<String>,
}

/// Reads the packages whose markers hold, in the order of the specification's section "installation".
pub(super) fn read(path: &str, reader: &mut Reader<'_>) -> Result<Pins, RequirementsError> {
    let content = reader.text(path, FORMAT, None)?;
    let text = Text { file: path, text: &content };
    let head: Head = toml_text::parse(text, FORMAT)?;
    if head.lock_version.get_ref() != "1.0" {
        let (at, found) = (text.at(&head.lock_version.span()), head.lock_version.into_inner());
        return Err(RequirementsError::Version { at, format: FORMAT, found, known: "lock-version 1.0" });
    }
    let lock: Lock = toml_text::parse(text, FORMAT)?;
    if let Some(requires) = &lock.requires_python {
        reader.check_python(requires.get_ref(), FORMAT, path, || text.at(&requires.span()))?;
    }
    check_environments(&lock, text, reader)?;
    reader.check_selection(
        path,
        lock.extras.iter().map(String::as_str),
        lock.dependency_groups.iter().chain(&lock.default_groups).map(String::as_str),
    )?;
    let sets = sets(&lock, path, reader);
    let mut taken: Vec<(&Package, Pin)> = Vec::new();
    for package in &lock.packages {
        let at = text.at(&package.span());
        let package = package.get_ref();
        if let Some(marker) = &package.marker
            && !holds(marker, &sets, reader, || at.clone())?
        {
            continue;
        }
        let name = pins::name(&package.name, FORMAT, || at.clone())?;
        if let Some(requires) = &package.requires_python {
            reader.check_python(requires, FORMAT, name.as_str(), || at.clone())?;
        }
        let pin = pin(package, name, text, at)?;
        if let Some((_, other)) = taken.iter().find(|(_, other)| other.name == pin.name) {
            return Err(RequirementsError::Two {
                at: pin.at,
                format: FORMAT,
                name: pin.name.to_string(),
                version: pin.version,
                other: other.version.clone(),
                other_at: other.at.clone(),
            });
        }
        taken.push((package, pin));
    }
    let mut found = Pins::default();
    for (_, pin) in &taken {
        let needs = |(other, by): &(&Package, Pin)| {
            let named = other.dependencies.iter().filter_map(|needed| needed.name.as_deref());
            named.into_iter().any(|needed| same(needed, &pin.name)).then(|| by.name.to_string())
        };
        let mut pin = pin.clone();
        pin.required_by = taken.iter().filter_map(needs).collect();
        if pin.required_by.is_empty() {
            pin.required_by.push(path.to_owned());
        }
        found.add(pin, FORMAT)?;
    }
    Ok(found)
}

fn holds(
    marker: &str,
    sets: &Sets,
    reader: &Reader<'_>,
    at: impl FnOnce() -> Place,
) -> Result<bool, RequirementsError> {
    marker::holds_in_pylock(marker, reader.interpreter, sets).map_err(|problem| RequirementsError::Marker {
        at: at(),
        marker: marker.to_owned(),
        problem,
    })
}

fn check_environments(lock: &Lock, text: Text<'_>, reader: &Reader<'_>) -> Result<(), RequirementsError> {
    let mut any = lock.environments.is_empty();
    for marker in &lock.environments {
        any |= holds(marker.get_ref(), &Sets::default(), reader, || text.at(&marker.span()))?;
    }
    match lock.environments.first() {
        Some(first) if !any => {
            let written: Vec<&str> =
                lock.environments.iter().map(|marker| marker.get_ref().as_str()).collect();
            Err(RequirementsError::Environments {
                at: text.at(&first.span()),
                environments: written.join(" or "),
                target: reader.interpreter.describe(),
            })
        }
        _ => Ok(()),
    }
}

/// The extras and groups that markers see; the file's `default-groups` when no group was asked for.
fn sets(lock: &Lock, path: &str, reader: &mut Reader<'_>) -> Sets {
    let mut groups: BTreeSet<PackageName> = reader.selection.groups.iter().cloned().collect();
    if groups.is_empty() && !lock.default_groups.is_empty() {
        groups.extend(lock.default_groups.iter().filter_map(|name| name.parse().ok()));
        let names = lock.default_groups.join(", ");
        reader.notes.push(format!("{path}: the file's default groups are taken: {names}"));
    }
    Sets { extras: reader.selection.extras.iter().cloned().collect(), groups }
}

fn pin(package: &Package, name: PackageName, text: Text<'_>, at: Place) -> Result<Pin, RequirementsError> {
    let unlockable = |at: &Place, kind| {
        Err(RequirementsError::Unlockable { at: at.clone(), what: name.to_string(), kind })
    };
    if package.vcs.is_some() {
        return unlockable(&at, Unlockable::Repository);
    }
    if let Some(directory) = &package.directory {
        let editable = directory.editable == Some(true);
        return unlockable(&at, if editable { Unlockable::Editable } else { Unlockable::Folder });
    }
    if let Some(archive) = &package.archive {
        let place = text.at(&archive.span());
        if archive.get_ref().subdirectory.is_some() {
            return Err(RequirementsError::Option {
                at: place,
                option: "subdirectory".to_owned(),
                why: "an archive is built as a whole",
                hint: "name an archive that holds the project alone",
            });
        }
        if archive.get_ref().url.is_none() {
            return unlockable(&place, Unlockable::File);
        }
    }
    let mut files = Vec::new();
    for file in package.wheels.iter().chain(&package.sdist).chain(&package.archive) {
        files.push(known(file, &name, text)?);
    }
    let named = files.iter().find_map(|file| choose::version_of(&file.file, &name));
    let Some(version) = package.version.clone().or(named) else {
        let requirement = format!("{name} without a version");
        return Err(RequirementsError::Unpinned { at, format: FORMAT, requirement, name: name.to_string() });
    };
    let version = pins::version(&version, name.as_str(), FORMAT, || at.clone())?;
    if files.is_empty() {
        return Err(RequirementsError::NoHash { at, format: FORMAT, what: format!("{name} {version}") });
    }
    let hashes = hash::of_files(&files);
    Ok(Pin { name, version, hashes, files, at, required_by: Vec::new() })
}

fn known(file: &Spanned<File>, name: &PackageName, text: Text<'_>) -> Result<KnownFile, RequirementsError> {
    let at = text.at(&file.span());
    let file = file.get_ref();
    let link = file.url.as_deref().or(file.path.as_deref());
    let named = file.name.clone().filter(|name| hash::is_file_name(name));
    let Some(named) = named.or_else(|| link.and_then(hash::file_name)) else {
        let message = format!("a file of {name} has no name, expected `name`, `url` or `path`");
        return Err(RequirementsError::Broken { at, format: FORMAT, message });
    };
    let hashes: Vec<String> =
        file.hashes.iter().map(|(algorithm, digest)| format!("{algorithm}:{digest}")).collect();
    let hashes = hash::acceptable(hashes.iter().map(String::as_str), FORMAT, &named, &at)?;
    let Some(sha256) = hashes.first().copied() else {
        return Err(RequirementsError::NoHash { at, format: FORMAT, what: named });
    };
    Ok(KnownFile { file: named, size: file.size, sha256, url: file.url.as_deref().and_then(hash::link) })
}
