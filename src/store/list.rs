//! What the store holds.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::IoContext;
use super::{Store, StoreError, TreeKind, root};
use crate::digest::Sha256;

/// Everything in the store, each part sorted.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Listing {
    /// Blobs, by digest.
    pub blobs: Vec<BlobEntry>,
    /// Trees, by kind and key.
    pub trees: Vec<TreeEntry>,
    /// Action results, by key.
    pub actions: Vec<ActionEntry>,
    /// Roots, by owner and name.
    pub roots: Vec<RootEntry>,
}

/// A blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlobEntry {
    /// Its digest.
    pub digest: Sha256,
    /// Bytes.
    pub size: u64,
}

/// A tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreeEntry {
    /// What it is.
    pub kind: TreeKind,
    /// Its key.
    pub key: Sha256,
    /// Regular files in it.
    pub files: u64,
    /// Bytes of these files.
    pub size: u64,
}

/// An action result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActionEntry {
    /// Its key.
    pub key: Sha256,
    /// Bytes.
    pub size: u64,
}

/// A root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RootEntry {
    /// What the owner calls it.
    pub name: String,
    /// The file whose presence keeps it.
    pub owner: PathBuf,
    /// Whether that file is there. If not, the next `gc` drops the root.
    pub alive: bool,
    /// Blobs, trees and actions that it names.
    pub uses: u64,
}

impl Store {
    /// Lists what the store holds. Nothing is verified.
    ///
    /// # Errors
    /// The host fails.
    pub fn list(&self) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        for (digest, path) in self.blob_files()? {
            if let Some(size) = size(&path)? {
                listing.blobs.push(BlobEntry { digest, size });
            }
        }
        for (kind, key) in self.tree_keys()? {
            let (files, size) =
                self.read_tree(kind, &key)?.map_or((0, 0), |(tree, _)| (tree.files, tree.bytes));
            listing.trees.push(TreeEntry { kind, key, files, size });
        }
        for (key, path) in named(&self.folder("actions"))? {
            if let Some(size) = size(&path)? {
                listing.actions.push(ActionEntry { key, size });
            }
        }
        for (_, root) in self.root_files()? {
            let Some(root) = root else { continue };
            listing.roots.push(RootEntry {
                owner: root.owner(),
                alive: root.is_alive(),
                uses: root.uses.all().count() as u64,
                name: root.name,
            });
        }
        listing.roots.sort_by(|a, b| (&a.owner, &a.name).cmp(&(&b.owner, &b.name)));
        Ok(listing)
    }

    /// Every blob and its path, sorted.
    pub(super) fn blob_files(&self) -> Result<Vec<(Sha256, PathBuf)>, StoreError> {
        let mut blobs = Vec::new();
        for folder in entries(&self.folder("blobs/sha256"))? {
            blobs.extend(named(&folder)?);
        }
        blobs.sort();
        Ok(blobs)
    }

    /// Every tree, sorted.
    pub(super) fn tree_keys(&self) -> Result<Vec<(TreeKind, Sha256)>, StoreError> {
        let mut trees = Vec::new();
        for kind in TreeKind::ALL {
            trees.extend(named(&self.folder(kind.folder()))?.into_iter().map(|(key, _)| (kind, key)));
        }
        Ok(trees)
    }

    /// Every file in `roots/`, with the root in it if it can be understood.
    pub(super) fn root_files(&self) -> Result<Vec<(PathBuf, Option<root::Root>)>, StoreError> {
        let mut roots = Vec::new();
        for path in entries(&self.folder("roots"))? {
            match fs::read(&path) {
                Ok(bytes) => roots.push((path, root::parse(&bytes))),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("read", &path, error)),
            }
        }
        Ok(roots)
    }
}

/// What is in a folder, sorted.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).io("list", folder)? {
        paths.push(entry.io("list", folder)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// What in a folder has a digest as its name, sorted. Other names are nothing of ours.
pub(super) fn named(folder: &Path) -> Result<Vec<(Sha256, PathBuf)>, StoreError> {
    let digest = |path: &PathBuf| path.file_name()?.to_str()?.parse().ok();
    Ok(entries(folder)?.into_iter().filter_map(|path| Some((digest(&path)?, path))).collect())
}

fn size(path: &Path) -> Result<Option<u64>, StoreError> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path, error)),
    }
}
