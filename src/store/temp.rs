//! Temporary things: each process has a folder of its own below `tmp/`, which ends with it.
//!
//! Beside the folder `NAME` is `NAME.lock`, which its process holds locked. Whoever gets that lock knows that
//! the process is dead, and sweeps. Ages say nothing: a build may take a day.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::IoContext;
use super::{Store, StoreError, remove_tree};

/// This process's folder below `tmp/`.
pub(super) struct Session {
    folder: PathBuf,
    lock_path: PathBuf,
    _lock: File,
}

/// A folder for a build or for unpacking, removed when dropped even where it holds read-only folders.
pub struct Scratch {
    path: PathBuf,
    /// The last clone of a store removes the folder that this one is in.
    store: Store,
}

impl Store {
    /// A new empty folder (mode 0700) below `tmp/`, on the store's file system. If this process dies, the next
    /// one sweeps it.
    ///
    /// # Errors
    /// The host fails.
    pub fn scratch(&self, prefix: &str) -> Result<Scratch, StoreError> {
        let session = self.session()?;
        let made = tempfile::Builder::new().prefix(prefix).tempdir_in(&session.folder);
        // Ours from here on: TempDir cannot remove read-only folders.
        let path = made.io("create a folder in", &session.folder)?.keep();
        Ok(Scratch { path, store: self.clone() })
    }

    /// A folder that a tool of ours keeps its own cache in, below `cache/`: no input of a build, nothing of it is
    /// trusted, and it may be removed at any time.
    ///
    /// # Errors
    /// The host fails.
    pub fn cache_folder(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.folder("cache").join(name);
        fs::create_dir_all(&path).io("create", &path)?;
        Ok(path)
    }

    pub(super) fn temp_file(&self) -> Result<NamedTempFile, StoreError> {
        let session = self.session()?;
        NamedTempFile::new_in(&session.folder).io("create a file in", &session.folder)
    }

    fn session(&self) -> Result<&Session, StoreError> {
        if let Some(session) = self.0.session.get() {
            return Ok(session);
        }
        let tmp = self.folder("tmp");
        let made = Session::begin(&tmp)?;
        sweep(&tmp);
        // Two threads may get here at once: one folder is used, the other one goes at once.
        Ok(self.0.session.get_or_init(|| made))
    }
}

impl Session {
    fn begin(tmp: &Path) -> Result<Self, StoreError> {
        loop {
            let named = tempfile::Builder::new().prefix("s").suffix(".lock").tempfile_in(tmp);
            let (lock, lock_path) = named
                .io("create a file in", tmp)?
                .keep()
                .map_err(|error| StoreError::io("create a file in", tmp, error.error))?;
            lock.lock().io("lock", &lock_path)?;
            // A sweeper may have been between the two lines above: then the file is gone, and another is made.
            if !is_at(&lock, &lock_path) {
                continue;
            }
            let folder = lock_path.with_extension("");
            fs::DirBuilder::new().mode(0o700).create(&folder).io("create", &folder)?;
            return Ok(Self { folder, lock_path, _lock: lock });
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // While the lock is held. What cannot be removed now is swept by the next process.
        if remove_tree(&self.folder).is_ok() {
            let _ = fs::remove_file(&self.lock_path);
        }
    }
}

/// Whether `path` still names this open file.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Removes what dead processes left in `tmp`. What cannot be removed stays for the next time.
pub(super) fn sweep(tmp: &Path) {
    let Ok(entries) = fs::read_dir(tmp) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "lock") {
            continue;
        }
        let Ok(lock) = File::open(&path) else { continue };
        match lock.try_lock() {
            Ok(()) if is_at(&lock, &path) => {
                if remove_tree(&path.with_extension("")).is_ok() {
                    let _ = fs::remove_file(&path);
                }
            }
            Ok(()) | Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}

impl Scratch {
    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A new, empty file in it, open for writing.
    ///
    /// # Errors
    /// The host fails.
    pub fn file(&self, name: &str) -> Result<File, StoreError> {
        let path = self.path.join(name);
        File::create_new(&path).io("create", &path)
    }

    /// A new folder in it.
    ///
    /// # Errors
    /// The host fails.
    pub fn folder(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.path.join(name);
        fs::create_dir(&path).io("create", &path)?;
        Ok(path)
    }

    /// Removes the folder now, and says so if that fails.
    ///
    /// # Errors
    /// Something in it cannot be removed.
    pub fn close(self) -> Result<(), StoreError> {
        // Dropped after this, when there is nothing left to remove.
        remove_tree(&self.path).io("remove", &self.path)
    }

    /// The store that it is in.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = remove_tree(&self.path);
    }
}
