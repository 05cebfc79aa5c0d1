//! Statements in `provenance/` and beside the file. Keys and policies are never looked for.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::evidence::{self, Evidence};
use super::{Artifact, VerifyError};
use crate::config::PROVENANCE_FOLDER;
use crate::provenance::{SIGSTORE_SUFFIX, SUFFIX};

/// Bytes of a file of evidence that are read at most.
const LARGEST: u64 = 64 << 20;

/// What follows an artifact's name in the names of its evidence.
const SUFFIXES: [&str; 5] =
    [SUFFIX, SIGSTORE_SUFFIX, ".slsa.attestation", ".publish.attestation", ".provenance"];

/// Files of evidence that the caller named: each is read once, for all artifacts.
#[derive(Debug, Default)]
pub struct NamedEvidence {
    paths: Vec<PathBuf>,
    all: Vec<Evidence>,
    /// Which of them say that they are about a digest. That only decides which are judged first.
    about: HashMap<String, Vec<usize>>,
}

impl NamedEvidence {
    /// Reads the files.
    ///
    /// # Errors
    /// One cannot be read or is too large.
    pub fn read(paths: &[PathBuf]) -> Result<Self, VerifyError> {
        let mut named = Self { paths: paths.to_vec(), ..Self::default() };
        for path in paths {
            named.all.extend(evidence::read(path, &read(path)?));
        }
        for (index, evidence) in named.all.iter().enumerate() {
            for digest in evidence.subjects() {
                named.about.entry(digest).or_default().push(index);
            }
        }
        Ok(named)
    }

    /// The evidence in the order in which an artifact's is looked for.
    fn of(&self, artifact: &Artifact) -> impl Iterator<Item = &Evidence> {
        let first: &[usize] = self.about.get(&artifact.digest).map_or(&[], Vec::as_slice);
        let rest = (0..self.all.len()).filter(|index| !first.contains(index));
        first.iter().copied().chain(rest).filter_map(|index| self.all.get(index))
    }
}

/// Goes through the evidence of an artifact, in the files that are named, else in `provenance/` and beside it, until
/// `judge` is satisfied: what it gave then, or else where was looked. What comes after is not read.
///
/// # Errors
/// A file that is there cannot be read or is too large.
pub fn find<T>(
    artifact: &Artifact,
    named: &NamedEvidence,
    mut judge: impl FnMut(&Evidence) -> Option<T>,
) -> Result<Result<T, Vec<PathBuf>>, VerifyError> {
    if let Some(found) = named.of(artifact).find_map(&mut judge) {
        return Ok(Ok(found));
    }
    let mut first = |path: &Path, bytes: &[u8]| evidence::read(path, bytes).iter().find_map(&mut judge);
    let mut looked = named.paths.clone();
    let (true, Some(path), Some(name)) = (looked.is_empty(), &artifact.path, &artifact.name) else {
        return Ok(Err(looked));
    };
    for folder in folders(path) {
        for suffix in SUFFIXES {
            let path = folder.join(format!("{name}{suffix}"));
            match read(&path) {
                Ok(bytes) => {
                    if let Some(found) = first(&path, &bytes) {
                        return Ok(Ok(found));
                    }
                }
                Err(VerifyError::Read { source, .. })
                    if matches!(
                        source.kind(),
                        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        looked.push(folder.join(format!("{name}{SUFFIX}")));
    }
    Ok(Err(looked))
}

/// `provenance/` beside the file's folder, in the file's folder, and the file's folder.
fn folders(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let above = match folder.file_name() {
        Some(_) => folder.parent().unwrap_or(Path::new("")).to_owned(),
        // `x` and `../x`: the folder above has no name here.
        None => folder.join(".."),
    };
    vec![above.join(PROVENANCE_FOLDER), folder.join(PROVENANCE_FOLDER), folder.to_owned()]
}

/// Reads a file of evidence.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, VerifyError> {
    let wrong = |source| VerifyError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(wrong)?;
    let expected = file.metadata().map_err(wrong)?.len().min(LARGEST);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default() + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() as u64 > LARGEST {
        return Err(VerifyError::TooLarge { path: path.to_owned(), limit: LARGEST });
    }
    Ok(bytes)
}
