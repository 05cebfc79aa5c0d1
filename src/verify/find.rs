//! Statements in `provenance/` and beside the file. Keys and policies are never looked for.

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

/// What was found for an artifact, and where was looked.
#[derive(Debug)]
pub struct Finding {
    /// In the order of places.
    pub evidence: Vec<Evidence>,
    /// Folders or files.
    pub looked: Vec<PathBuf>,
}

/// Finds the evidence of an artifact: in the files that are named, else in `provenance/` and beside it.
///
/// # Errors
/// A file that is there, or that is named, cannot be read or is too large.
pub fn find(artifact: &Artifact, named: &[PathBuf]) -> Result<Finding, VerifyError> {
    let mut finding = Finding { evidence: Vec::new(), looked: Vec::new() };
    if !named.is_empty() {
        for path in named {
            finding.evidence.extend(evidence::read(path, &read(path)?));
            finding.looked.push(path.clone());
        }
        return Ok(finding);
    }
    let (Some(path), Some(name)) = (&artifact.path, &artifact.name) else { return Ok(finding) };
    for folder in folders(path) {
        for suffix in SUFFIXES {
            let path = folder.join(format!("{name}{suffix}"));
            match read(&path) {
                Ok(bytes) => finding.evidence.extend(evidence::read(&path, &bytes)),
                Err(VerifyError::Read { source, .. })
                    if matches!(
                        source.kind(),
                        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        finding.looked.push(folder.join(format!("{name}{SUFFIX}")));
    }
    Ok(finding)
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
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(wrong)?;
    if bytes.len() as u64 > LARGEST {
        return Err(VerifyError::TooLarge { path: path.to_owned(), limit: LARGEST });
    }
    Ok(bytes)
}
