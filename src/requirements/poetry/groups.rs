//! Lock version 2.1: each package says its groups and markers.

use std::collections::BTreeSet;

use toml::Value;

use super::project::edges;
use super::wire::{Lock, Package};
use super::{FORMAT, RequirementsError, Taken};
use crate::name::PackageName;
use crate::requirements::marker::Active;
use crate::requirements::place::Text;
use crate::requirements::reader::{Reader, same};

/// The packages whose marker holds in one of the groups that are taken.
pub(super) fn taken(lock: &Lock, text: Text<'_>, reader: &Reader<'_>) -> Result<Taken, RequirementsError> {
    let groups: BTreeSet<&str> = lock
        .package
        .iter()
        .flat_map(|package| package.get_ref().groups.iter().map(String::as_str))
        .filter(|group| *group != "main")
        .collect();
    reader.check_selection(text.file, lock.extras.keys().map(String::as_str), groups)?;
    let active = Active::of(reader.selection.extras.iter().map(PackageName::as_str));
    let optional = optional(lock, reader);
    let mut taken = Taken::new();
    for (index, package) in lock.package.iter().enumerate() {
        let at = || text.at(&package.span());
        let package = package.get_ref();
        if package.groups.is_empty() {
            let message = format!("{} is in no group, expected `groups`", package.name);
            return Err(RequirementsError::Broken { at: at(), format: FORMAT, message });
        }
        let mut holds = false;
        for group in package.groups.iter().filter(|group| wanted(group, reader)) {
            let marker = match &package.markers {
                None => None,
                Some(Value::String(marker)) => Some(marker.as_str()),
                Some(Value::Table(markers)) => match markers.get(group) {
                    None => None,
                    Some(Value::String(marker)) => Some(marker.as_str()),
                    Some(_) => return Err(wrong_markers(package, at())),
                },
                Some(_) => return Err(wrong_markers(package, at())),
            };
            holds |= match marker {
                Some(marker) => reader.holds(marker, &active, at)?,
                // An optional package always has a marker that names its extra; if not, the extras decide.
                None => {
                    !package.optional || group != "main" || optional.contains(&package.name.to_lowercase())
                }
            };
        }
        if holds {
            taken.insert(index, Vec::new());
        }
    }
    say_who(&mut taken, lock, reader);
    Ok(taken)
}

fn wanted(group: &str, reader: &Reader<'_>) -> bool {
    group == "main" || reader.selection.groups.iter().any(|asked| same(group, asked))
}

fn wrong_markers(package: &Package, at: crate::requirements::Place) -> RequirementsError {
    let message = format!("markers of {}: expected a text, or texts by group", package.name);
    RequirementsError::Broken { at, format: FORMAT, message }
}

/// What the extras that were asked for take.
fn optional(lock: &Lock, reader: &Reader<'_>) -> BTreeSet<String> {
    let asked = |extra: &str| reader.selection.extras.iter().any(|asked| same(extra, asked));
    let lists = lock.extras.iter().filter(|(extra, _)| asked(extra)).map(|(_, names)| names);
    lists.flatten().map(|name| name.to_lowercase()).collect()
}

/// Names of those who need each package: of the taken ones, those that name it, whatever the condition.
fn say_who(taken: &mut Taken, lock: &Lock, reader: &Reader<'_>) {
    let all: Vec<usize> = taken.keys().copied().collect();
    for (index, by) in taken.iter_mut() {
        let Ok(name) = lock.package[*index].get_ref().name.parse::<PackageName>() else { continue };
        for other in all.iter().filter(|other| *other != index) {
            let other = lock.package[*other].get_ref();
            let named = other.dependencies.iter().filter(|(key, _)| same(key, &name));
            let holds = |marker: &str| {
                let extras = Active::of(other.extras.keys().map(String::as_str));
                reader
                    .holds(marker, &extras, || crate::requirements::Place { file: String::new(), line: 0 })
                    .unwrap_or(true)
            };
            let needs = named.flat_map(|(_, value)| edges(value).unwrap_or_default());
            if needs.into_iter().any(|edge| edge.markers.as_deref().is_none_or(holds)) {
                by.extend(other.name.parse::<PackageName>().ok().map(|name| name.to_string()));
            }
        }
    }
}
