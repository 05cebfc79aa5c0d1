//! `Pipfile.lock` (pipfile-spec 6).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::Unlockable;
use super::marker::Active;
use super::pins::{self, Pins};
use super::reader::{Reader, same};
use super::{Format, KnownFile, Pin, Place, RequirementsError, hash};

const FORMAT: Format = Format::PipfileLock;

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "pipfile-spec")]
    spec: serde_json::Value,
    #[serde(default)]
    requires: Requires,
    #[serde(default)]
    sources: Vec<serde_json::Value>,
}

#[derive(Default, Deserialize)]
struct Requires {
    python_version: Option<String>,
    python_full_version: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    version: Option<String>,
    #[serde(default)]
    hashes: Vec<String>,
    markers: Option<String>,
    editable: Option<bool>,
    path: Option<String>,
    file: Option<String>,
    git: Option<String>,
    hg: Option<String>,
    svn: Option<String>,
    bzr: Option<String>,
}

/// Reads the default packages, and those of the categories that were asked for.
pub(super) fn read(path: &str, reader: &mut Reader<'_>) -> Result<Pins, RequirementsError> {
    let text = reader.text(path, FORMAT, None)?;
    let broken = |line: usize, message: String| RequirementsError::Broken {
        at: Place { file: path.to_owned(), line },
        format: FORMAT,
        message,
    };
    let json = |error: &serde_json::Error| {
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        broken(error.line().max(1), message.to_owned())
    };
    let mut sections: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&text).map_err(|error| json(&error))?;
    let lines = Lines::of(&text);
    let meta = sections
        .remove("_meta")
        .ok_or_else(|| broken(1, "no `_meta`, expected a Pipfile.lock".to_owned()))?;
    let meta_line = lines.get("_meta", None);
    let meta: Meta =
        serde_json::from_value(meta).map_err(|error| broken(meta_line, format!("_meta: {error}")))?;
    if meta.spec != 6 {
        let at = Place { file: path.to_owned(), line: lines.get("_meta", Some("pipfile-spec")) };
        return Err(RequirementsError::Version {
            at,
            format: FORMAT,
            found: meta.spec.to_string(),
            known: "pipfile-spec 6",
        });
    }
    if meta.sources.len() > 1 {
        let note = format!(
            "{path} names {} sources: files are taken from the configured indexes, by digest",
            meta.sources.len()
        );
        reader.notes.push(note);
    }
    check_python(&meta.requires, reader, || Place {
        file: path.to_owned(),
        line: lines.get("_meta", Some("requires")),
    })?;
    let groups: Vec<&str> = sections.keys().map(String::as_str).filter(|name| *name != "default").collect();
    // What pipenv's commands call `dev` is `develop` in the file.
    let aliases = if sections.contains_key("develop") { &["dev", "dev-packages"][..] } else { &[] };
    reader.check_selection(path, [], groups.iter().chain(aliases).copied())?;
    let wanted = |section: &str| {
        section == "default"
            || reader.selection.groups.iter().any(|group| {
                same(section, group) || section == "develop" && aliases.contains(&group.as_str())
            })
    };
    let mut pins = Pins::default();
    for (section, value) in sections.iter().filter(|(section, _)| wanted(section)) {
        let line = lines.get(section, None);
        let entries = value
            .as_object()
            .ok_or_else(|| broken(line, format!("{section}: expected a table of packages")))?;
        for (name, value) in entries {
            let at = Place { file: path.to_owned(), line: lines.get(section, Some(name)) };
            if let Some(twice) = lines.twice(section, name) {
                return Err(broken(twice, format!("{name} stands twice in {section}")));
            }
            let entry =
                Entry::deserialize(value).map_err(|error| broken(at.line, format!("{name}: {error}")))?;
            let holds = match &entry.markers {
                Some(marker) => reader.holds(marker, &Active::default(), || at.clone())?,
                None => true,
            };
            if holds {
                pins.add(entry.pin(name, path, at)?, FORMAT)?;
            }
        }
    }
    Ok(pins)
}

fn check_python(
    requires: &Requires,
    reader: &Reader<'_>,
    at: impl Fn() -> Place,
) -> Result<(), RequirementsError> {
    let check = |version: &str, star: &str| {
        reader.check_python(&format!("=={version}{star}"), FORMAT, "the Pipfile", &at)
    };
    match (&requires.python_full_version, &requires.python_version) {
        (Some(full), _) => check(full, ""),
        (None, Some(version)) => check(version, ".*"),
        (None, None) => Ok(()),
    }
}

impl Entry {
    fn pin(self, name: &str, file: &str, at: Place) -> Result<Pin, RequirementsError> {
        let unlockable =
            |kind| Err(RequirementsError::Unlockable { at: at.clone(), what: name.to_owned(), kind });
        if self.editable == Some(true) {
            return unlockable(Unlockable::Editable);
        }
        if self.git.is_some() || self.hg.is_some() || self.svn.is_some() || self.bzr.is_some() {
            return unlockable(Unlockable::Repository);
        }
        if self.path.is_some() {
            return unlockable(Unlockable::Folder);
        }
        let name = pins::name(name, FORMAT, || at.clone())?;
        let link = match self.file.as_deref() {
            None => None,
            Some(text) => match hash::link(text).filter(|url| url.scheme() != "file") {
                Some(url) => Some(url),
                None => return unlockable(Unlockable::File),
            },
        };
        let named = link.as_ref().and_then(|url| hash::file_name(url.as_str()));
        let version = match (&self.version, &named) {
            (Some(version), _) => version.trim_start_matches('=').to_owned(),
            (None, Some(file)) => super::choose::version_of(file, &name).unwrap_or_default(),
            (None, None) => String::new(),
        };
        let exact = self.version.as_ref().is_none_or(|version| version.starts_with("=="));
        if !exact || version.parse::<pep440_rs::Version>().is_err() {
            let requirement = format!("{name} {}", self.version.as_deref().unwrap_or("without a version"));
            return Err(RequirementsError::Unpinned {
                at,
                format: FORMAT,
                requirement,
                name: name.to_string(),
            });
        }
        let what = format!("{name} {version}");
        let hashes = hash::acceptable(self.hashes.iter().map(String::as_str), FORMAT, &what, &at)?;
        let files = match (link, named) {
            (Some(url), Some(file)) => hashes
                .iter()
                .map(|sha256| KnownFile {
                    file: file.clone(),
                    size: None,
                    sha256: *sha256,
                    url: Some(url.clone()),
                })
                .collect(),
            _ => Vec::new(),
        };
        Ok(Pin { name, version, hashes, files, at, required_by: vec![file.to_owned()] })
    }
}

/// Lines of the keys of the first two levels of a JSON text.
struct Lines(Vec<(Option<String>, String, usize)>);

impl Lines {
    /// Scans a text that is valid JSON.
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (mut line, mut depth, mut at) = (1, 0_usize, 0);
        let mut section = None;
        let mut found = Vec::new();
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'\n' => line += 1,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b'"' => {
                    let start = at - 1;
                    while bytes.get(at).is_some_and(|byte| *byte != b'"') {
                        at += if bytes[at] == b'\\' { 2 } else { 1 };
                    }
                    at += 1;
                    let key = text.get(start..at).and_then(|text| serde_json::from_str::<String>(text).ok());
                    let is_key =
                        bytes.get(at..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"));
                    match (depth, is_key, key) {
                        (1, true, Some(key)) => {
                            section = Some(key.clone());
                            found.push((None, key, line));
                        }
                        (2, true, Some(key)) => found.push((section.clone(), key, line)),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Self(found)
    }

    fn all<'a>(&'a self, section: &'a str, key: Option<&'a str>) -> impl Iterator<Item = usize> + 'a {
        let wanted = match key {
            None => (None, section),
            Some(key) => (Some(section), key),
        };
        self.0
            .iter()
            .filter(move |(section, key, _)| (section.as_deref(), key.as_str()) == wanted)
            .map(|found| found.2)
    }

    /// The line of a section, or of a key in it.
    fn get(&self, section: &str, key: Option<&str>) -> usize {
        self.all(section, key).next().unwrap_or(1)
    }

    /// The second line of a key that stands twice, where a parser takes the last.
    fn twice(&self, section: &str, key: &str) -> Option<usize> {
        self.all(section, Some(key)).nth(1)
    }
}
