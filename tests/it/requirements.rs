//! Lock files that projects have already: read as their tools write them, and refused when people broke them.

mod bad;
mod examples;
mod good;
mod mutations;
mod tools;

use std::collections::BTreeMap;
use std::path::PathBuf;

use sealwright::error::Fault;
use sealwright::name::{Platform, PythonVersion};
use sealwright::requirements::{Interpreter, Requirements, RequirementsError, Selection, read};
use sealwright::wheel::PythonTarget;

use crate::context::repository;

/// A lock file of a project, read for one interpreter: what the tables are written with.
struct Case {
    path: String,
    files: BTreeMap<String, Vec<u8>>,
    selection: Selection,
    interpreter: Interpreter,
}

fn fixtures() -> PathBuf {
    repository().join("tests/fixtures/requirements")
}

fn interpreter(python: &str) -> Interpreter {
    let mut parts = python.split('.').map(|part| part.parse().unwrap());
    let python_version = PythonVersion { major: parts.next().unwrap(), minor: parts.next().unwrap() };
    let target = PythonTarget { python: python_version, platform: Platform::LinuxAmd64, glibc: (2, 36) };
    Interpreter::from(target).with_full_version(python)
}

impl Case {
    /// A file of a folder, with all that lies beside it, for Python 3.11.2.
    fn of(folder: PathBuf, path: &str) -> Self {
        let mut files = BTreeMap::new();
        for entry in
            std::fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file())
        {
            files.insert(entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap());
        }
        let interpreter = interpreter("3.11.2");
        Self { path: path.to_owned(), files, selection: Selection::default(), interpreter }
    }

    /// A lock file of the fixtures: `uv/uv.lock`.
    fn fixture(path: &str) -> Self {
        let (folder, name) = path.split_once('/').unwrap();
        Self::of(fixtures().join(folder), name)
    }

    /// A file that was written by hand.
    fn text(path: &str, text: impl AsRef<str>) -> Self {
        let files = BTreeMap::from([(path.to_owned(), text.as_ref().as_bytes().to_vec())]);
        let interpreter = interpreter("3.11.2");
        Self { path: path.to_owned(), files, selection: Selection::default(), interpreter }
    }

    /// Another file beside it.
    fn file(mut self, path: &str, text: impl AsRef<str>) -> Self {
        self.files.insert(path.to_owned(), text.as_ref().as_bytes().to_vec());
        self
    }

    /// A file that is missing.
    fn without(mut self, path: &str) -> Self {
        self.files.remove(path).unwrap();
        self
    }

    /// A change by hand: every `from` becomes `to`; there must be one at least.
    fn edit(mut self, from: &str, to: &str) -> Self {
        let text = String::from_utf8(self.files.remove(&self.path).unwrap()).unwrap();
        assert!(text.contains(from), "{} does not hold {from:?}", self.path);
        self.files.insert(self.path.clone(), text.replace(from, to).into_bytes());
        self
    }

    fn extras(mut self, extras: &[&str]) -> Self {
        self.selection.extras = extras.iter().map(|name| name.parse().unwrap()).collect();
        self
    }

    fn groups(mut self, groups: &[&str]) -> Self {
        self.selection.groups = groups.iter().map(|name| name.parse().unwrap()).collect();
        self
    }

    fn indexes(mut self, indexes: &[&str]) -> Self {
        self.selection.indexes = indexes.iter().map(|index| (*index).to_owned()).collect();
        self
    }

    fn python(mut self, python: &str) -> Self {
        self.interpreter = interpreter(python);
        self
    }

    fn read(&self) -> Result<Requirements, RequirementsError> {
        let files =
            |path: &str| -> Result<Option<Vec<u8>>, Box<dyn Fault>> { Ok(self.files.get(path).cloned()) };
        read(&self.path, &files, &self.selection, &self.interpreter)
    }
}

/// What is pinned: `click 8.5.0, redis 5.2.1`.
fn pinned(requirements: &Requirements) -> String {
    let pins = requirements.pins.iter().map(|pin| format!("{} {}", pin.name, pin.version));
    pins.collect::<Vec<_>>().join(", ")
}
