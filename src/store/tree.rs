//! Unpacked trees: written once, read-only, under a key that says what they are made of.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::IoContext;
use super::manifest::{Manifest, Modes};
use super::{Scratch, Store, StoreError};
use crate::digest::Sha256;

/// What a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TreeKind {
    /// An unpacked base image.
    Image,
    /// Installed Python distributions.
    Environment,
}

impl TreeKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Image, Self::Environment];

    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Image => "trees/image",
            Self::Environment => "trees/environment",
        }
    }
}

impl fmt::Display for TreeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "image",
            Self::Environment => "environment",
        })
    }
}

/// A tree of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// What it is.
    pub kind: TreeKind,
    /// What it is made of, as the caller named it.
    pub key: Sha256,
    /// Its root folder. Read-only.
    pub path: PathBuf,
    /// Digest over everything in it: paths, kinds, x bits, sizes, contents, targets of links. No times, no owners.
    pub digest: Sha256,
    /// Regular files.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// What `gc` keeps with it.
    pub uses: Vec<Sha256>,
}

/// What `tree.json` holds.
#[derive(Serialize, Deserialize)]
struct Meta {
    version: u32,
    digest: Sha256,
    files: u64,
    bytes: u64,
    uses: Vec<Sha256>,
    /// The boot in which the tree was written ([`boot`]).
    boot: String,
}

/// A tree that is being made. Dropped without [`TreeBuilder::commit`] it leaves nothing.
pub struct TreeBuilder {
    kind: TreeKind,
    key: Sha256,
    scratch: Scratch,
    root: PathBuf,
}

impl Store {
    /// The tree of this key, if it was made.
    ///
    /// Its files are not read, with one exception: trees are not synced when they are made, so the first use in
    /// another boot than the one that made it rehashes the whole (some tenths of a second). If a power loss tore
    /// it, it is moved aside and there is none.
    ///
    /// # Errors
    /// The host fails.
    pub fn tree(&self, kind: TreeKind, key: &Sha256) -> Result<Option<Tree>, StoreError> {
        let folder = self.tree_folder(kind, key);
        let Some((tree, meta_boot)) = self.read_tree(kind, key)? else {
            if fs::symlink_metadata(&folder).is_ok() {
                self.set_aside(&folder)?;
            }
            return Ok(None);
        };
        let settled = folder.join("settled");
        if boot().is_some_and(|now| now == meta_boot) || fs::symlink_metadata(&settled).is_ok() {
            return Ok(Some(tree));
        }
        if Manifest::of(&tree.path, Modes::Keep)?.digest != tree.digest {
            self.set_aside(&folder)?;
            return Ok(None);
        }
        match fs::File::create(&settled) {
            Ok(_) => Ok(Some(tree)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("create", &settled, error)),
        }
    }

    /// Begins the tree of this key.
    ///
    /// # Errors
    /// The host fails.
    pub fn new_tree(&self, kind: TreeKind, key: &Sha256) -> Result<TreeBuilder, StoreError> {
        let scratch = self.scratch("tree-")?;
        let root = scratch.path().join("root");
        fs::create_dir(&root).io("create", &root)?;
        Ok(TreeBuilder { kind, key: *key, scratch, root })
    }

    pub(super) fn tree_folder(&self, kind: TreeKind, key: &Sha256) -> PathBuf {
        self.folder(kind.folder()).join(key.to_hex())
    }

    /// What `tree.json` says, and the boot in it. `None` if it is not there or cannot be understood.
    pub(super) fn read_tree(
        &self,
        kind: TreeKind,
        key: &Sha256,
    ) -> Result<Option<(Tree, String)>, StoreError> {
        let folder = self.tree_folder(kind, key);
        let path = folder.join("tree.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(StoreError::io("read", &path, error)),
        };
        let meta = serde_json::from_slice::<Meta>(&text).ok().filter(|meta| meta.version == 1);
        Ok(meta.map(|Meta { version: _, digest, files, bytes, uses, boot }| {
            (Tree { kind, key: *key, path: folder.join("root"), digest, files, bytes, uses }, boot)
        }))
    }
}

impl TreeBuilder {
    /// The folder to fill: files, folders and symbolic links. Its modes are set by [`TreeBuilder::commit`]; file
    /// times are kept as they are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Hashes the tree, makes it read-only (folders 0555, files 0555 or 0444) and puts it into the store. `uses`
    /// are blobs that `gc` keeps as long as the tree. If another process was first, its tree is the one.
    ///
    /// # Errors
    /// The tree holds something else than files, folders and links, or the host fails.
    pub fn commit(self, uses: &[Sha256]) -> Result<Tree, StoreError> {
        let Self { kind, key, scratch, root } = self;
        let store = scratch.store();
        let Manifest { digest, files, bytes } = Manifest::of(&root, Modes::Set)?;
        let boot = if let Some(boot) = boot() {
            boot
        } else {
            // Without a boot id a torn tree would not be noticed: sync now, and say that it is settled.
            let folder = fs::File::open(&root).io("open", &root)?;
            nix::unistd::syncfs(&folder).map_err(Into::into).io("sync", &root)?;
            let settled = scratch.path().join("settled");
            fs::File::create(&settled).io("create", &settled)?;
            String::new()
        };
        let meta = Meta { version: 1, digest, files, bytes, uses: uses.to_vec(), boot };
        let path = scratch.path().join("tree.json");
        let text =
            serde_json::to_vec(&meta).map_err(|source| StoreError::Encode { path: path.clone(), source })?;
        fs::write(&path, text).io("write", &path)?;
        let folder = store.tree_folder(kind, &key);
        loop {
            match fs::rename(scratch.path(), &folder) {
                Ok(()) => {
                    // The scratch folder is gone: dropping it removes nothing.
                    let path = folder.join("root");
                    return Ok(Tree { kind, key, path, digest, files, bytes, uses: uses.to_vec() });
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) =>
                {
                    // Theirs, unless it is damaged (then it has just been moved aside).
                    if let Some(tree) = store.tree(kind, &key)? {
                        return Ok(tree);
                    }
                }
                Err(error) => return Err(StoreError::io("create", &folder, error)),
            }
        }
    }
}

/// The kernel's name of this boot (random(4)), the same in every container of a host.
fn boot() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
