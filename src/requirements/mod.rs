//! What projects already have: the lock files of pip, pip-tools, pipenv, poetry and uv, and `pylock.toml` (PEP 751),
//! read for one interpreter.
//!
//! Pure: files come through a closure, and nothing is resolved, downloaded or hashed anew. A file says which versions
//! are taken and which digests are acceptable; which file of a version is installed is [`choose()`]'s matter. What is not
//! exactly pinned by name, version and sha256 is refused, with its line and the command that mends it.

mod choose;
mod error;
mod format;
mod hash;
mod interpreter;
mod marker;
mod pins;
mod pipfile;
mod place;
mod poetry;
mod pylock;
mod reader;
mod requirements_txt;
mod toml_text;
mod uv;

use url::Url;

pub use choose::{Choice, choose};
pub use error::RequirementsError;
pub use format::{Format, FormatError, detect};
pub use interpreter::Interpreter;
pub use place::Place;

use crate::digest::Sha256;
use crate::error::Fault;
use crate::name::PackageName;
use reader::Reader;

/// What of a lock file is taken, and what it may ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Extras of the project, normalized.
    pub extras: Vec<PackageName>,
    /// Dependency groups, normalized. The main dependencies are always taken.
    pub groups: Vec<PackageName>,
    /// Indexes and other places that the user's pip or uv is configured with, as written there but without
    /// credentials. A requirements file may name these and no others.
    pub indexes: Vec<String>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirements {
    /// Every file that was read, the asked one first.
    pub files: Vec<ReadFile>,
    /// What is installed, sorted by name; one version of each.
    pub pins: Vec<Pin>,
    /// What the user should hear.
    pub notes: Vec<String>,
}

/// A file of the project that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    /// Relative to the project's folder.
    pub path: String,
    /// The format that it belongs to (a `pyproject.toml` that a `poetry.lock` needs has the latter's).
    pub format: Format,
    /// Digest of its bytes.
    pub sha256: Sha256,
}

/// One distribution at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Normalized name.
    pub name: PackageName,
    /// Version, as the file writes it (PEP 440).
    pub version: String,
    /// Digests of acceptable files, sorted; at least one.
    pub hashes: Vec<Sha256>,
    /// The files, where the lock file names them; else an index must list them.
    pub files: Vec<KnownFile>,
    /// Where it stands.
    pub at: Place,
    /// Names of the distributions that need it, where the file says, sorted; else the file's name.
    pub required_by: Vec<String>,
}

/// A file of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    /// File name.
    pub file: String,
    /// Bytes, if known.
    pub size: Option<u64>,
    /// Digest.
    pub sha256: Sha256,
    /// Where it was when it was locked: a hint, since any index serves a file by its digest. Without credentials.
    pub url: Option<Url>,
}

/// Gives the contents of a file by its path relative to the project's folder (`/` between parts, no `..`), or none if
/// it is not there.
pub type Files<'a> = dyn Fn(&str) -> Result<Option<Vec<u8>>, Box<dyn Fault>> + 'a;

/// Reads the lock file `path` of a project, relative to its folder, for one interpreter.
///
/// # Errors
/// The first thing that is wrong, with its place: [`RequirementsError`].
pub fn read(
    path: &str,
    files: &Files<'_>,
    selection: &Selection,
    interpreter: &Interpreter,
) -> Result<Requirements, RequirementsError> {
    let Some(format) = Format::of(path) else {
        return Err(RequirementsError::Unknown { file: path.to_owned() });
    };
    let mut reader = Reader::new(files, selection, interpreter);
    let pins = match format {
        Format::RequirementsTxt => requirements_txt::read(path, &mut reader),
        Format::PipfileLock => pipfile::read(path, &mut reader),
        Format::PoetryLock => poetry::read(path, &mut reader),
        Format::UvLock => uv::read(path, &mut reader),
        Format::Pylock => pylock::read(path, &mut reader),
    }?;
    Ok(Requirements { files: reader.read, pins: pins.finish(), notes: reader.notes })
}
