//! Small records: results of actions, and documents of servers with what is needed to ask for them again.
//!
//! A record is one line of JSON (its version, the digest of what follows, the digests that it uses) and then the
//! value as it is.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::digest::Sha256;

#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    version: u32,
    sha256: Sha256,
    pub(super) uses: Vec<Sha256>,
}

impl Store {
    /// The result of an action, if there is one. A damaged one is none: it was moved aside.
    ///
    /// # Errors
    /// The host fails.
    pub fn action(&self, key: &Sha256) -> Result<Option<Vec<u8>>, StoreError> {
        self.record(&self.action_path(key))
    }

    /// Keeps the result of an action. `uses` are the blobs, trees and actions that `gc` keeps with it.
    ///
    /// # Errors
    /// The host fails.
    pub fn set_action(&self, key: &Sha256, value: &[u8], uses: &[Sha256]) -> Result<(), StoreError> {
        self.set_record(&self.action_path(key), value, uses)
    }

    /// A document that was kept under a name (for instance a URL), with no promise of being new.
    ///
    /// # Errors
    /// The host fails.
    pub fn document(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.record(&self.document_path(name))
    }

    /// Keeps a document under a name, in place of an older one.
    ///
    /// # Errors
    /// The host fails.
    pub fn set_document(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.set_record(&self.document_path(name), value, &[])
    }

    pub(super) fn action_path(&self, key: &Sha256) -> PathBuf {
        self.folder("actions").join(key.to_hex())
    }

    fn document_path(&self, name: &str) -> PathBuf {
        self.folder("documents").join(Sha256::of(name).to_hex())
    }

    fn record(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("read", path, error)),
        };
        if let Some((_, value)) = parse(&bytes) {
            return Ok(Some(value.to_vec()));
        }
        self.set_aside(path)?;
        Ok(None)
    }

    fn set_record(&self, path: &Path, value: &[u8], uses: &[Sha256]) -> Result<(), StoreError> {
        let header = Header { version: 1, sha256: Sha256::of(value), uses: uses.to_vec() };
        let mut line = serde_json::to_vec(&header)
            .map_err(|source| StoreError::Encode { path: path.to_owned(), source })?;
        line.push(b'\n');
        self.write_small(path, &[&line, value])
    }
}

/// The header and the value of a record that is whole.
pub(super) fn parse(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let header: Header = serde_json::from_slice(&bytes[..end]).ok()?;
    let value = &bytes[end + 1..];
    (header.version == 1 && header.sha256 == Sha256::of(value)).then_some((header, value))
}
