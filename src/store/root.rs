//! Roots: what projects use, so that `gc` keeps it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::digest::Sha256;

/// What a project uses: digests of blobs, keys of trees, keys of actions. What these use in turn is kept too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootUses {
    /// Blobs: packages, distributions, outputs, logs.
    #[serde(default)]
    pub blobs: BTreeSet<Sha256>,
    /// Keys of trees.
    #[serde(default)]
    pub trees: BTreeSet<Sha256>,
    /// Keys of action results.
    #[serde(default)]
    pub actions: BTreeSet<Sha256>,
}

impl RootUses {
    /// Every digest and key.
    pub(super) fn all(&self) -> impl Iterator<Item = Sha256> + '_ {
        self.blobs.iter().chain(&self.trees).chain(&self.actions).copied()
    }
}

/// What a file in `roots/` holds.
#[derive(Serialize, Deserialize)]
pub(super) struct Root {
    version: u32,
    pub(super) name: String,
    owner: OwnerPath,
    pub(super) uses: RootUses,
}

/// A path of the host in JSON: as text, or as bytes if it is not UTF-8.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OwnerPath {
    Text(String),
    Bytes(Vec<u8>),
}

impl Root {
    /// The file whose presence keeps the root.
    pub(super) fn owner(&self) -> PathBuf {
        match &self.owner {
            OwnerPath::Text(text) => PathBuf::from(text),
            OwnerPath::Bytes(bytes) => PathBuf::from(OsString::from_vec(bytes.clone())),
        }
    }

    /// Whether its owner is still there. What cannot be looked at counts as being there.
    pub(super) fn is_alive(&self) -> bool {
        match fs::symlink_metadata(self.owner()) {
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        }
    }
}

impl Store {
    /// Says what `owner` (the path of a lock) uses under `name`, in place of what was said before. It holds until
    /// the owner vanishes.
    ///
    /// # Errors
    /// The host fails.
    pub fn set_root(&self, name: &str, owner: &Path, uses: &RootUses) -> Result<(), StoreError> {
        let owner = std::path::absolute(owner).map_err(|error| StoreError::io("find", owner, error))?;
        let bytes = owner.as_os_str().as_bytes();
        let mut id = name.as_bytes().to_vec();
        id.push(0);
        id.extend_from_slice(bytes);
        let path = self.folder("roots").join(format!("{}.json", &Sha256::of(id).to_hex()[..32]));
        let owner = owner
            .to_str()
            .map_or_else(|| OwnerPath::Bytes(bytes.to_vec()), |t| OwnerPath::Text(t.to_owned()));
        let root = Root { version: 1, name: name.to_owned(), owner, uses: uses.clone() };
        let text =
            serde_json::to_vec(&root).map_err(|source| StoreError::Encode { path: path.clone(), source })?;
        // The same again is the common case, and must cost no sync.
        if fs::read(&path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        self.write_small(&path, &[&text])
    }
}

pub(super) fn parse(bytes: &[u8]) -> Option<Root> {
    serde_json::from_slice::<Root>(bytes).ok().filter(|root| root.version == 1)
}
