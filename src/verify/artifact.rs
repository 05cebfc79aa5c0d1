//! What is verified: a file, hashed here, or a digest that the caller knows.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::VerifyError;
use crate::digest::Sha256;
use crate::provenance::DigestSet;

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// As the caller named it.
    pub shown: String,
    /// Where it lies, if it is a file.
    pub path: Option<PathBuf>,
    /// Its file name, if it is a file.
    pub name: Option<String>,
    /// Its digest: of a file SHA-256.
    pub algorithm: String,
    /// Lower-case hexadecimal digits.
    pub digest: String,
}

impl Artifact {
    /// Reads and hashes a file, or takes `ALGORITHM:HEX` where no file of that name is.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(named: &Path) -> Result<Self, VerifyError> {
        let shown = named.display().to_string();
        let file = match File::open(named) {
            Ok(file) => file,
            Err(source) => {
                if let Some((algorithm, digest)) = as_digest(&shown) {
                    return Ok(Self { path: None, name: None, algorithm, digest, shown });
                }
                return Err(VerifyError::Read { path: named.to_owned(), source });
            }
        };
        let (digest, _) =
            Sha256::of_reader(file).map_err(|source| VerifyError::Read { path: named.to_owned(), source })?;
        let name = named.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(Self {
            path: Some(named.to_owned()),
            name,
            algorithm: "sha256".to_owned(),
            digest: digest.to_string(),
            shown,
        })
    }

    /// The digest as a set of one.
    #[must_use]
    pub fn digests(&self) -> DigestSet {
        DigestSet::of(&self.algorithm, self.digest.clone())
    }
}

/// `sha256:…`, or another algorithm's digest, as statements of others have them.
fn as_digest(text: &str) -> Option<(String, String)> {
    let (algorithm, digest) = text.split_once(':')?;
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let hex = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let whole = algorithm != "sha256" || digest.len() == 64;
    (word(algorithm) && hex(digest) && whole).then(|| (algorithm.to_owned(), digest.to_owned()))
}
