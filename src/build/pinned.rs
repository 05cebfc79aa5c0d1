//! The project's own lock file: which one it is, and what it is now.

use super::error::BuildError;
use super::prepare::Prepared;
use crate::builder::Builder;
use crate::config::Target;
use crate::digest::Sha256;
use crate::error::Fault;
use crate::lock::{LockedRequirements, LockedTarget, Role};
use crate::requirements::{self, Format, Interpreter, Requirements, Selection};

/// The project's own lock file, and how it was found.
pub(super) struct OwnLock {
    /// Relative to the project's folder.
    pub(super) path: String,
    /// What is worth saying, if nobody named it.
    pub(super) said: Option<String>,
}

impl Prepared {
    /// The lock file that a target's run-time dependencies are pinned in: the one that the configuration names, else the
    /// first of the usual names. None if the builder takes none, or if there is none.
    pub(super) fn own_lock(&self, target: &Target, builder: &Builder) -> Option<OwnLock> {
        if !builder.roles().contains(&Role::Runtime) {
            return None;
        }
        if let Some(path) = &target.runtime.requirements {
            return Some(OwnLock { path: path.clone(), said: None });
        }
        let list = self.source.list();
        let top = list.iter().map(String::as_str).filter(|path| !path.contains('/'));
        let found = requirements::detect(top);
        let (path, others) = found.split_first()?;
        let beside = match others {
            [] => String::new(),
            others => format!(", not {}", others.join(", ")),
        };
        let said = format!(
            "{}: run-time dependencies from {path}{beside} (`requirements` names another)",
            target.name
        );
        Some(OwnLock { path: (*path).to_owned(), said: Some(said) })
    }

    /// The files of the project that pin run-time dependencies, as they are now: those that were locked, or the one that
    /// is asked for.
    pub(super) fn requirements_now(
        &self,
        target: &Target,
        builder: &Builder,
        locked: Option<&LockedTarget>,
    ) -> Result<Vec<LockedRequirements>, BuildError> {
        let Some(own) = self.own_lock(target, builder) else { return Ok(Vec::new()) };
        let locked = locked.map(|locked| locked.requirements.as_slice()).unwrap_or_default();
        let paths: Vec<(&str, &str)> = match locked.first() {
            Some(first) if first.file == own.path => {
                locked.iter().map(|file| (file.file.as_str(), file.format.as_str())).collect()
            }
            _ => vec![(own.path.as_str(), Format::of(&own.path).map_or("unknown", Format::as_str))],
        };
        let mut now = Vec::new();
        for (path, format) in paths {
            if let Some(bytes) = self.source.read(path)? {
                now.push(LockedRequirements {
                    file: path.to_owned(),
                    format: format.to_owned(),
                    sha256: Sha256::of(bytes),
                });
            }
        }
        if now.is_empty() {
            return Err(BuildError::NoRequirements { target: target.name.clone(), file: own.path });
        }
        Ok(now)
    }

    /// Reads the lock file for an interpreter.
    pub(super) fn read_requirements(
        &self,
        own: &OwnLock,
        target: &Target,
        indexes: Vec<String>,
        interpreter: &Interpreter,
    ) -> Result<Requirements, BuildError> {
        let names = |texts: &[String]| texts.iter().filter_map(|text| text.parse().ok()).collect();
        let selection = Selection {
            extras: names(&target.runtime.extras),
            groups: names(&target.runtime.groups),
            indexes,
        };
        let files = |path: &str| self.source.read(path).map_err(|error| Box::new(error) as Box<dyn Fault>);
        Ok(requirements::read(&own.path, &files, &selection, interpreter)?)
    }
}
