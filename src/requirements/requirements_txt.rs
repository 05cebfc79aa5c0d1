//! Requirements files with hashes (pip, "requirements file format"), as pip-compile, uv and people write them.

mod entry;
mod lines;
mod options;

use pep440_rs::{Version, VersionSpecifiers};

use super::error::Unlockable;
use super::marker::Active;
use super::pins::Pins;
use super::reader::Reader;
use super::{Format, KnownFile, Pin, Place, RequirementsError, hash};
use crate::digest::Sha256;
use crate::name::PackageName;
use entry::What;
use lines::Line;
use options::{Opt, Split};

const FORMAT: Format = Format::RequirementsTxt;
/// Files that include each other deeper than this are none that people write.
const DEPTH: usize = 32;

/// Reads `path` and the files that it names.
pub(super) fn read(path: &str, reader: &mut Reader<'_>) -> Result<Pins, RequirementsError> {
    reader.check_selection(path, [], [])?;
    let mut file = Collector { reader, entries: Vec::new(), constraints: Vec::new(), open: Vec::new() };
    file.file(path, Use::Install, None)?;
    let Collector { entries, constraints, .. } = file;
    let mut pins = Pins::default();
    for entry in entries {
        pins.add(entry.pin(&constraints)?, FORMAT)?;
    }
    Ok(pins)
}

/// What a file's lines are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Install,
    Constrain,
}

/// A line that is installed.
struct Entry {
    name: PackageName,
    version: String,
    hashes: Vec<String>,
    file: Option<entry::Direct>,
    at: Place,
    required_by: Vec<String>,
}

/// A line of a constraints file.
struct Constraint {
    name: PackageName,
    specifiers: VersionSpecifiers,
    hashes: Vec<String>,
    at: Place,
}

struct Collector<'a, 'r> {
    reader: &'a mut Reader<'r>,
    entries: Vec<Entry>,
    constraints: Vec<Constraint>,
    /// The files that are being read, the asked one first.
    open: Vec<String>,
}

impl Collector<'_, '_> {
    fn file(&mut self, path: &str, purpose: Use, from: Option<&Place>) -> Result<(), RequirementsError> {
        if let Some(at) = from
            && (self.open.iter().any(|open| open == path) || self.open.len() > DEPTH)
        {
            let chain = self.open.iter().map(String::as_str).chain([path]).collect::<Vec<_>>().join(" → ");
            return Err(RequirementsError::Loop { at: at.clone(), path: path.to_owned(), chain });
        }
        let text = self.reader.text(path, FORMAT, from)?;
        self.open.push(path.to_owned());
        for line in lines::logical(&text) {
            let at = Place { file: path.to_owned(), line: line.number };
            self.line(&line, purpose, &at)?;
        }
        self.open.pop();
        Ok(())
    }

    fn line(&mut self, line: &Line, purpose: Use, at: &Place) -> Result<(), RequirementsError> {
        let Split { requirement, options } = options::split(&line.text, at)?;
        if requirement.is_empty() {
            for option in options {
                self.option(option, purpose, at)?;
            }
            return Ok(());
        }
        let (requirement, marker) = entry::split_marker(requirement);
        if let Some(marker) = marker
            && !self.reader.holds(marker, &Active::default(), || at.clone())?
        {
            return Ok(());
        }
        let mut hashes = Vec::new();
        for option in options {
            match option {
                Opt::Hash(hash) => hashes.push(hash),
                Opt::BuildSetting(option) => {
                    return Err(refused(
                        at,
                        option,
                        "a setting of a build is not locked here",
                        "take a wheel, or set it in sealwright.toml",
                    ));
                }
                option => {
                    let message = format!("{} after a requirement, expected --hash", option.name());
                    return Err(broken(at, message));
                }
            }
        }
        match purpose {
            Use::Install => self.install(requirement, hashes, line, at),
            Use::Constrain => self.constrain(requirement, hashes, at),
        }
    }

    fn install(
        &mut self,
        requirement: &str,
        mut hashes: Vec<String>,
        line: &Line,
        at: &Place,
    ) -> Result<(), RequirementsError> {
        let (name, version, file) = match entry::parse(requirement, at)? {
            What::Named { name, specifiers } => {
                let version = pinned(&specifiers).ok_or_else(|| RequirementsError::Unpinned {
                    at: at.clone(),
                    format: FORMAT,
                    requirement: hash::without_secrets(requirement),
                    name: name.to_string(),
                })?;
                (name, version.to_string(), None)
            }
            What::Direct(direct) => {
                if let (Some(fragment), false) = (&direct.hash, hashes.is_empty())
                    && !hashes.contains(fragment)
                {
                    let what = direct.file.clone();
                    return Err(RequirementsError::Hashes { at: at.clone(), what, other: at.clone() });
                }
                if let Some(fragment) = &direct.hash {
                    hashes = vec![fragment.clone()];
                }
                (direct.name.clone(), direct.version.clone(), Some(direct))
            }
        };
        let required_by = if line.via.is_empty() { vec![self.open[0].clone()] } else { line.via.clone() };
        self.entries.push(Entry { name, version, hashes, file, at: at.clone(), required_by });
        Ok(())
    }

    fn constrain(
        &mut self,
        requirement: &str,
        hashes: Vec<String>,
        at: &Place,
    ) -> Result<(), RequirementsError> {
        match entry::parse(requirement, at)? {
            What::Named { name, specifiers } => {
                self.constraints.push(Constraint { name, specifiers, hashes, at: at.clone() });
                Ok(())
            }
            What::Direct(direct) => Err(broken(
                at,
                format!("the URL of {} in a constraints file, expected a version", direct.file),
            )),
        }
    }

    fn option(&mut self, option: Opt, purpose: Use, at: &Place) -> Result<(), RequirementsError> {
        match option {
            Opt::Requirements(path) => {
                let path = options::beside(&at.file, &path, at)?;
                self.file(&path, purpose, Some(at))
            }
            Opt::Constraints(path) => {
                let path = options::beside(&at.file, &path, at)?;
                self.file(&path, Use::Constrain, Some(at))
            }
            Opt::Place { option, place } => {
                let shown = hash::without_secrets(&place);
                let trimmed = shown.trim_end_matches('/');
                let configured = &self.reader.selection.indexes;
                if configured.iter().any(|known| known.trim_end_matches('/') == trimmed) {
                    let note = format!("{at}: {option} {shown} is passed over: it is among the configured indexes");
                    self.reader.notes.push(note);
                    return Ok(());
                }
                Err(refused(
                    at,
                    format!("{option} {shown}"),
                    "files come from the configured indexes, and this is none of them",
                    "configure it as an index of pip or uv, or write the file without it (`pip-compile --no-emit-index-url --no-emit-find-links`)",
                ))
            }
            Opt::TrustedHost(host) => Err(refused(
                at,
                format!("--trusted-host {host}"),
                "a server without a valid certificate is not trusted",
                "write the file without it: `pip-compile --no-emit-trusted-host`",
            )),
            Opt::NoBinary(value) => Err(refused(
                at,
                format!("--no-binary {value}"),
                "a wheel is taken where the hashes allow one",
                "keep only the hash of the sdist, and it is built in the box",
            )),
            Opt::NoIndex => Err(refused(
                at,
                "--no-index".to_owned(),
                "where files come from is configured, not locked",
                "configure pip or uv so, or remove the line: hashes decide which files are taken",
            )),
            Opt::Editable(what) => Err(RequirementsError::Unlockable {
                at: at.clone(),
                what: hash::without_secrets(&what),
                kind: Unlockable::Editable,
            }),
            Opt::PreferBinary(option) => {
                self.reader.notes.push(format!("{at}: {option} is passed over: hashes decide, wheels come first"));
                Ok(())
            }
            Opt::Nothing(_) => Ok(()),
            Opt::Hash(_) => Err(broken(
                at,
                "--hash without a requirement (does the line above end with a backslash and nothing after it?)"
                    .to_owned(),
            )),
            Opt::BuildSetting(option) => Err(broken(at, format!("{option} without a requirement"))),
        }
    }
}

impl Entry {
    fn pin(self, constraints: &[Constraint]) -> Result<Pin, RequirementsError> {
        let Self { name, version, hashes, file, at, required_by } = self;
        let what = format!("{name}=={version}");
        let mut own = if hashes.is_empty() { None } else { Some(acceptable(&hashes, &what, &at)?) };
        let parsed: Option<Version> = version.parse().ok();
        for constraint in constraints.iter().filter(|constraint| constraint.name == name) {
            if !parsed.as_ref().is_some_and(|version| constraint.specifiers.contains(version)) {
                return Err(RequirementsError::Constraint {
                    at,
                    name: name.to_string(),
                    version,
                    constraint: format!("{name}{}", constraint.specifiers),
                    other: constraint.at.clone(),
                });
            }
            if constraint.hashes.is_empty() {
                continue;
            }
            let theirs = acceptable(&constraint.hashes, &what, &constraint.at)?;
            let both = match own {
                None => theirs,
                Some(own) => own.into_iter().filter(|hash| theirs.contains(hash)).collect(),
            };
            if both.is_empty() {
                return Err(RequirementsError::Hashes { at, what, other: constraint.at.clone() });
            }
            own = Some(both);
        }
        let Some(hashes) = own else {
            return Err(RequirementsError::NoHash { at, format: FORMAT, what });
        };
        let files = file.map(|direct| known(&direct, &hashes)).unwrap_or_default();
        Ok(Pin { name, version, hashes, files, at, required_by })
    }
}

fn known(direct: &entry::Direct, hashes: &[Sha256]) -> Vec<KnownFile> {
    let of = |sha256: &Sha256| KnownFile {
        file: direct.file.clone(),
        size: None,
        sha256: *sha256,
        url: Some(direct.url.clone()),
    };
    hashes.iter().map(of).collect()
}

fn acceptable(hashes: &[String], what: &str, at: &Place) -> Result<Vec<Sha256>, RequirementsError> {
    hash::acceptable(hashes.iter().map(String::as_str), FORMAT, what, at)
}

/// The one version that a single `==` or `===` without a `*` names.
fn pinned(specifiers: &VersionSpecifiers) -> Option<&Version> {
    match &**specifiers {
        [only] if matches!(only.operator(), pep440_rs::Operator::Equal | pep440_rs::Operator::ExactEqual) => {
            Some(only.version())
        }
        _ => None,
    }
}

fn broken(at: &Place, message: String) -> RequirementsError {
    RequirementsError::Broken { at: at.clone(), format: FORMAT, message }
}

fn refused(at: &Place, option: String, why: &'static str, hint: &'static str) -> RequirementsError {
    RequirementsError::Option { at: at.clone(), option, why, hint }
}
