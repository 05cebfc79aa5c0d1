//! Why a project's lock file is not taken.

mod hints;

use std::fmt;

use super::{Format, Place};
use crate::error::Fault;

/// A lock file that is not taken, and why.
#[derive(Debug, thiserror::Error)]
pub enum RequirementsError {
    /// A file whose name says no format.
    #[error("{file}: no lock file that is known by its name")]
    Unknown {
        /// The file.
        file: String,
    },
    /// The file, or one that it names, is not there.
    #[error("{file} is not there{}", .from.as_ref().map(|at| format!(", named in {at}")).unwrap_or_default())]
    Missing {
        /// The file.
        file: String,
        /// What it is.
        format: Format,
        /// Who names it.
        from: Option<Place>,
    },
    /// The file cannot be read.
    #[error("{file} cannot be read")]
    Read {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: Unreadable,
    },
    /// Larger than any lock file.
    #[error("{file} holds {actual} bytes, expected at most {limit}")]
    TooLarge {
        /// The file.
        file: String,
        /// Bytes found.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Another file by its path, out of the project's folder.
    #[error("{at}: {path:?} is outside of the project's folder")]
    Outside {
        /// Where it is named.
        at: Place,
        /// As written.
        path: String,
    },
    /// Files that include each other.
    #[error("{at}: {path} is included by itself: {chain}")]
    Loop {
        /// Where it is named again.
        at: Place,
        /// The file.
        path: String,
        /// The files on the way, with `→`.
        chain: String,
    },
    /// Two versions of the file were merged and not resolved.
    #[error("{at}: merge conflict marker: two versions of the file were merged and not resolved")]
    Conflict {
        /// Where the first marker is.
        at: Place,
        /// What the file is.
        format: Format,
    },
    /// Not of its format: syntax, a wrong type, a missing or impossible value.
    #[error("{at}: {message}")]
    Broken {
        /// Where.
        at: Place,
        /// What the file is.
        format: Format,
        /// Expected and actual.
        message: String,
    },
    /// A version of the format that is not known.
    #[error("{at}: {format} of version {found}, expected {known}")]
    Version {
        /// Where.
        at: Place,
        /// What the file is.
        format: Format,
        /// In the file.
        found: String,
        /// What is read.
        known: &'static str,
    },
    /// An option of a requirements file that has no place in a locked build.
    #[error("{at}: {option}: {why}")]
    Option {
        /// Where.
        at: Place,
        /// As written, without credentials.
        option: String,
        /// Why not.
        why: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// Nothing says which bytes are meant.
    #[error("{at}: {what} has no hash")]
    NoHash {
        /// Where.
        at: Place,
        /// What the file is.
        format: Format,
        /// A distribution or a file.
        what: String,
    },
    /// No sha256 among the hashes.
    #[error("{at}: {what} has only {algorithms} hashes, expected sha256")]
    OtherHash {
        /// Where.
        at: Place,
        /// What the file is.
        format: Format,
        /// A distribution or a file.
        what: String,
        /// Those that there are.
        algorithms: String,
    },
    /// A hash that is none.
    #[error("{at}: {what} has the hash {text:?}, expected sha256: and 64 lower-case hexadecimal digits")]
    BadHash {
        /// Where.
        at: Place,
        /// What the file is.
        format: Format,
        /// A distribution or a file.
        what: String,
        /// As written.
        text: String,
    },
    /// Two places name hashes of one version, and none is the same.
    #[error("{at}: none of the hashes of {what} is among those at {other}")]
    Hashes {
        /// Where.
        at: Place,
        /// The distribution.
        what: String,
        /// The other place.
        other: Place,
    },
    /// Not one version.
    #[error("{at}: {requirement} is not pinned, expected {name}==VERSION")]
    Unpinned {
        /// Where.
        at: Place,
        /// What the file is.
        format: Format,
        /// As written.
        requirement: String,
        /// Its name.
        name: String,
    },
    /// An entry that no digest can stand for.
    #[error("{at}: {what} is {kind}, which no digest stands for")]
    Unlockable {
        /// Where.
        at: Place,
        /// The entry.
        what: String,
        /// What it is.
        kind: Unlockable,
    },
    /// Two versions of one distribution for one environment.
    #[error("{at}: {name} {version} {} at {other_at}", contradicts(.name, .version, .other))]
    Two {
        /// Where.
        at: Place,
        /// What the file is.
        format: Format,
        /// The distribution.
        name: String,
        /// Its version here.
        version: String,
        /// Its version there.
        other: String,
        /// There.
        other_at: Place,
    },
    /// A constraint that a pin does not keep.
    #[error("{at}: {name}=={version} contradicts the constraint {constraint} at {other}")]
    Constraint {
        /// Where the pin is.
        at: Place,
        /// The distribution.
        name: String,
        /// Its version.
        version: String,
        /// As written.
        constraint: String,
        /// Where the constraint is.
        other: Place,
    },
    /// A condition whose value cannot be said.
    #[error("{at}: the marker {marker:?} cannot be evaluated: {problem}")]
    Marker {
        /// Where.
        at: Place,
        /// As written.
        marker: String,
        /// Why not.
        problem: String,
    },
    /// An extra or group that the file does not have.
    #[error("{file} has no {kind} named {asked:?} ({})", there(.known))]
    Unselectable {
        /// The file.
        file: String,
        /// `extra` or `dependency group`.
        kind: Part,
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Made for other versions of Python.
    #[error("{at}: {what} requires Python {requires:?}, and the target is {target}")]
    Python {
        /// Where.
        at: Place,
        /// The file or a distribution.
        what: String,
        /// As written.
        requires: String,
        /// What the target has.
        target: String,
    },
    /// Made for other environments.
    #[error("{at}: locked for {environments}, and the target is {target}")]
    Environments {
        /// Where.
        at: Place,
        /// As written.
        environments: String,
        /// What the target has.
        target: String,
    },
    /// A dependency that is not in the file.
    #[error("{at}: {what} needs {name}, which is not in the file")]
    Dangling {
        /// Who needs it.
        at: Place,
        /// What the file is.
        format: Format,
        /// Who needs it.
        what: String,
        /// What is missing.
        name: String,
    },
    /// The file is about other projects.
    #[error("{file} holds no package of the project's own folder")]
    NoProject {
        /// The file.
        file: String,
    },
    /// No file of a pinned version can be installed.
    #[error("{at}: no file of {name} {version} is acceptable for {target}{}", listed(.files))]
    NoFile {
        /// Where it is pinned.
        at: Place,
        /// The distribution.
        name: String,
        /// Its version.
        version: String,
        /// Interpreter, platform and C library.
        target: String,
        /// Each file that there is, and why it is not taken.
        files: Vec<(String, &'static str)>,
    },
}

/// Why a file cannot be read, as its giver says.
#[derive(Debug)]
pub struct Unreadable(pub Box<dyn Fault>);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// What cannot be locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlockable {
    /// `-e`, `--editable`.
    Editable,
    /// A git, Mercurial, Subversion or Bazaar repository.
    Repository,
    /// A folder of this machine.
    Folder,
    /// A file of this machine.
    File,
}

impl fmt::Display for Unlockable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Editable => "an editable installation",
            Self::Repository => "a version control repository",
            Self::Folder => "a local folder",
            Self::File => "a local file",
        })
    }
}

/// What can be selected of a lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// An extra of the project.
    Extra,
    /// A dependency group.
    Group,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Extra => "extra",
            Self::Group => "dependency group",
        })
    }
}

fn contradicts(name: &str, version: &str, other: &str) -> String {
    if version == other { "stands twice, first".to_owned() } else { format!("contradicts {name} {other}") }
}

fn there(known: &[String]) -> String {
    if known.is_empty() { "there are none".to_owned() } else { format!("there are: {}", known.join(", ")) }
}

fn listed(files: &[(String, &'static str)]) -> String {
    if files.is_empty() {
        return ": there is none".to_owned();
    }
    let mut shown: Vec<String> = files.iter().take(20).map(|(file, why)| format!("{file} ({why})")).collect();
    if files.len() > shown.len() {
        shown.push(format!("{} more", files.len() - shown.len()));
    }
    format!(": {}", shown.join(", "))
}
