//! Getting the text of the project's files, and what all formats ask of the target.

use pep440_rs::VersionSpecifiers;

use super::error::{Part, Unreadable};
use super::marker::{self, Active};
use super::{Files, Format, Interpreter, Place, ReadFile, RequirementsError, Selection};
use crate::digest::Sha256;
use crate::name::PackageName;

/// More bytes than any lock file has.
const LIMIT: usize = 32 << 20;

/// What all formats are read with.
pub(super) struct Reader<'a> {
    files: &'a Files<'a>,
    pub(super) selection: &'a Selection,
    pub(super) interpreter: &'a Interpreter,
    pub(super) read: Vec<ReadFile>,
    pub(super) notes: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(files: &'a Files<'a>, selection: &'a Selection, interpreter: &'a Interpreter) -> Self {
        Self { files, selection, interpreter, read: Vec::new(), notes: Vec::new() }
    }

    /// The text of a file, which `from` names.
    pub(super) fn text(
        &mut self,
        path: &str,
        format: Format,
        from: Option<&Place>,
    ) -> Result<String, RequirementsError> {
        let file = || path.to_owned();
        let bytes = (self.files)(path)
            .map_err(|source| RequirementsError::Read { file: file(), source: Unreadable(source) })?
            .ok_or_else(|| RequirementsError::Missing { file: file(), format, from: from.cloned() })?;
        if bytes.len() > LIMIT {
            return Err(RequirementsError::TooLarge { file: file(), actual: bytes.len(), limit: LIMIT });
        }
        let sha256 = Sha256::of(&bytes);
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = good.split(|byte| *byte == b'\n').count();
            let message = "not UTF-8".to_owned();
            RequirementsError::Broken { at: Place { file: file(), line }, format, message }
        })?;
        // Windows editors put one there; pip takes it.
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        if let Some(line) = conflict(&text) {
            return Err(RequirementsError::Conflict { at: Place { file: file(), line }, format });
        }
        if !self.read.iter().any(|file| file.path == path) {
            self.read.push(ReadFile { path: file(), format, sha256 });
        }
        Ok(text)
    }

    /// Whether a marker holds.
    pub(super) fn holds(
        &self,
        marker: &str,
        active: &Active,
        at: impl FnOnce() -> Place,
    ) -> Result<bool, RequirementsError> {
        marker::holds(marker, self.interpreter, active).map_err(|problem| RequirementsError::Marker {
            at: at(),
            marker: marker.to_owned(),
            problem,
        })
    }

    /// Fails unless a `requires-python` allows the target's.
    pub(super) fn check_python(
        &self,
        requires: &str,
        format: Format,
        what: &str,
        at: impl Fn() -> Place,
    ) -> Result<(), RequirementsError> {
        let specifiers: VersionSpecifiers = requires.parse().map_err(|_| {
            let message = format!("requires-python of {what} is {requires:?}, expected version specifiers");
            RequirementsError::Broken { at: at(), format, message }
        })?;
        if self.interpreter.allowed_by(&specifiers) != Some(true) {
            return Err(self.wrong_python(requires, what, at()));
        }
        Ok(())
    }

    pub(super) fn wrong_python(&self, requires: &str, what: &str, at: Place) -> RequirementsError {
        let target = self.interpreter.describe();
        RequirementsError::Python { at, what: what.to_owned(), requires: requires.to_owned(), target }
    }

    /// Fails for an extra or group that was asked for and is not among those of the file.
    pub(super) fn check_selection<'n>(
        &self,
        file: &str,
        extras: impl IntoIterator<Item = &'n str>,
        groups: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), RequirementsError> {
        let selection = self.selection;
        check_part(file, Part::Extra, &selection.extras, extras)?;
        check_part(file, Part::Group, &selection.groups, groups)
    }
}

fn check_part<'n>(
    file: &str,
    kind: Part,
    asked: &[PackageName],
    known: impl IntoIterator<Item = &'n str>,
) -> Result<(), RequirementsError> {
    let mut known: Vec<String> = known.into_iter().map(ToOwned::to_owned).collect();
    known.sort();
    known.dedup();
    let there = |name: &PackageName| known.iter().any(|known| same(known, name));
    match asked.iter().find(|name| !there(name)) {
        None => Ok(()),
        Some(name) => Err(RequirementsError::Unselectable {
            file: file.to_owned(),
            kind,
            asked: name.to_string(),
            known,
        }),
    }
}

/// Whether a name as written is a normalized one.
pub(super) fn same(written: &str, name: &PackageName) -> bool {
    written.parse::<PackageName>().is_ok_and(|written| written == *name)
}

/// The line of the first conflict marker of a merge (git, `merge.conflictStyle`).
fn conflict(text: &str) -> Option<usize> {
    let marker = |line: &str| {
        ["<<<<<<< ", ">>>>>>> ", "||||||| "].iter().any(|sign| line.starts_with(sign))
            || line.trim_end() == "======="
    };
    Some(text.lines().position(marker)? + 1)
}
