//! The store: a content-addressed cache of blobs, unpacked trees and action results, shared by processes.
//!
//! Layout: `blobs/sha256/<2 hex>/<hex>`, `trees/<kind>/<key>/{root,tree.json}`, `actions/<key>`, `roots/`,
//! `locks/`, `documents/`, `partial/`, `damaged/` and `tmp/`. There is one way in: a temporary file of the same
//! file system, hashed while it is written, compared, synced and renamed. Reading a blob verifies it again.
//!
//! What is promised after a power loss: a blob may be missing, never wrong without being noticed (reading
//! verifies). A tree is not synced file by file; it carries the kernel's boot id, and the first use in another boot
//! rehashes it whole (see [`Store::tree`]).

mod blob;

mod error;
mod gc;
mod list;
mod lock;
mod manifest;
mod partial;
mod record;
mod remove;
mod root;
mod temp;
mod tree;
mod verify;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use blob::{Blob, BlobWriter, VerifiedFile};
pub use error::StoreError;
pub use gc::{DryRun, GcOptions, GcReport};
pub use list::{ActionEntry, BlobEntry, Listing, RootEntry, TreeEntry};
pub use lock::KeyGuard;
pub use partial::Partial;
pub use remove::remove_tree;
pub use root::RootUses;
pub use temp::Scratch;
pub use tree::{Tree, TreeBuilder, TreeKind};
pub use verify::{Damage, VerifyReport};

use error::IoContext;

/// The layout's version, kept in the file `version`.
const VERSION: &str = "1\n";

/// Folders of a store, below its path.
const FOLDERS: [&str; 10] = [
    "blobs/sha256",
    "trees/image",
    "trees/environment",
    "actions",
    "roots",
    "locks",
    "documents",
    "partial",
    "damaged",
    "tmp",
];

/// An open store. Clones share one lock: while any lives, `gc` of another process waits.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// `gc.lock`, held shared while the store is open.
    users: File,
    /// This process's folder below `tmp/`, made when it is first needed.
    session: OnceLock<temp::Session>,
}

impl Store {
    /// Opens the store at `path`, making it (mode 0700) if it is not there. Waits while `gc` runs elsewhere.
    ///
    /// # Errors
    /// The folder cannot be made or read, or it has a layout of a newer sealwright.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let path = std::path::absolute(path).io("find", path)?;
        let version = path.join("version");
        match fs::read_to_string(&version) {
            Ok(found) if found == VERSION => {}
            Ok(found) => {
                return Err(StoreError::Version { path, found: found.trim().chars().take(20).collect() });
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Self::create(&path)?,
            Err(error) => return Err(StoreError::io("read", &version, error)),
        }
        let users = lock::open_shared(&path.join("gc.lock"))?;
        Ok(Self(Arc::new(Inner { path, users, session: OnceLock::new() })))
    }

    fn create(path: &Path) -> Result<(), StoreError> {
        let mut folders = DirBuilder::new();
        folders.recursive(true).mode(0o700).create(path).io("create", path)?;
        for folder in FOLDERS {
            let folder = path.join(folder);
            folders.create(&folder).io("create", &folder)?;
        }
        // Last, and whole: a store whose version can be read has all its folders.
        let file = tempfile::NamedTempFile::new_in(path.join("tmp")).io("create a file in", path)?;
        fs::write(file.path(), VERSION).io("write", file.path())?;
        let version = path.join("version");
        file.persist(&version).map_err(|error| StoreError::io("create", &version, error.error))?;
        Ok(())
    }

    /// Where the store is unless the caller says otherwise: `SEALWRIGHT_STORE`, else `sealwright` in
    /// `XDG_CACHE_HOME` (if absolute, as the XDG base directory specification wants), else in `~/.cache`.
    ///
    /// # Errors
    /// None of these variables is set.
    pub fn default_location(env: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, StoreError> {
        let set = |name| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set("SEALWRIGHT_STORE")
            .or_else(|| {
                set("XDG_CACHE_HOME").filter(|path| path.is_absolute()).map(|path| path.join("sealwright"))
            })
            .or_else(|| set("HOME").map(|home| home.join(".cache/sealwright")))
            .ok_or(StoreError::NoLocation)
    }

    /// The store's folder, absolute.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.0.path.join(name)
    }

    /// Writes a small file of the store whole: temporary, synced, renamed.
    fn write_small(&self, path: &Path, parts: &[&[u8]]) -> Result<(), StoreError> {
        use std::io::Write;
        let mut file = self.temp_file()?;
        for part in parts {
            file.write_all(part).io("write", file.path())?;
        }
        file.as_file().sync_data().io("sync", file.path())?;
        file.persist(path).map_err(|error| StoreError::io("create", path, error.error))?;
        Ok(())
    }

    /// Moves what is damaged out of the way, so that it is made or fetched again. Returns where it is now.
    fn set_aside(&self, path: &Path) -> Result<PathBuf, StoreError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for number in 0_u32.. {
            let aside = self.folder("damaged").join(format!("{name}.{number}"));
            if fs::symlink_metadata(&aside).is_ok() {
                continue;
            }
            match fs::rename(path, &aside) {
                Ok(()) => return Ok(aside),
                // Another process was first: either it moved the thing away, or it took this number.
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(aside),
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
                Err(error) => return Err(StoreError::io("move aside", path, error)),
            }
        }
        Ok(path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_location_follows_the_variables_in_their_order() {
        let at = |set: &[(&str, &str)]| {
            let set: Vec<(String, String)> =
                set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Store::default_location(move |name| {
                set.iter().find(|(key, _)| key == name).map(|(_, value)| OsString::from(value))
            })
        };
        assert_eq!(at(&[("SEALWRIGHT_STORE", "/s"), ("XDG_CACHE_HOME", "/x")]).unwrap(), Path::new("/s"));
        assert_eq!(at(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]).unwrap(), Path::new("/x/sealwright"));
        assert_eq!(
            at(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]).unwrap(),
            Path::new("/h/.cache/sealwright")
        );
        assert!(matches!(at(&[("HOME", "")]), Err(StoreError::NoLocation)));
    }
}
