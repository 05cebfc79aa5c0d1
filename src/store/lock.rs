//! Locks between processes: the store's own (users share it, `gc` has it alone) and one for each key.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::error::IoContext;
use super::{Store, StoreError};
use crate::digest::Sha256;
use crate::event::{Cancel, Reporter};

/// Waiting is said after this time.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a lock is tried.
const PAUSE: Duration = Duration::from_millis(20);
/// How long opening waits for `gc` of another process.
const GC_TAKES: Duration = Duration::from_mins(10);

/// A lock of a key, held until dropped.
#[derive(Debug)]
pub struct KeyGuard {
    file: File,
}

impl Drop for KeyGuard {
    fn drop(&mut self) {
        // Closing the file unlocks too; the name of the holder goes before, so that nobody reads an old one.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

impl Store {
    /// Holds the lock of `name` among all processes and threads, so that a thing is not made twice at once.
    /// Waits for whoever has it, says so after two seconds, and stops waiting when `cancel` is set.
    ///
    /// # Errors
    /// The host fails, or the user asked for a stop.
    pub fn lock_key(
        &self,
        name: &str,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<KeyGuard, StoreError> {
        // Names may hold anything and be long: the file is named by the name's digest.
        let path = self.folder("locks").join(&Sha256::of(name).to_hex()[..32]);
        let mut file = open_lock(&path)?;
        let began = Instant::now();
        let mut said = false;
        loop {
            if let Some(signal) = cancel.signal() {
                return Err(StoreError::Interrupted { signal, path });
            }
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path, error)),
            }
            if !said && began.elapsed() > PATIENCE {
                said = true;
                reporter.note(&format!("waiting for {name}, which {} has", holder(&file)));
            }
        }
        // For the note of whoever waits; not being able to write it changes nothing.
        let _ = file.set_len(0);
        let _ = file.write_all(std::process::id().to_string().as_bytes());
        Ok(KeyGuard { file })
    }

    /// Runs `work` while no other process has this store open.
    pub(super) fn alone<T>(
        &self,
        wait: Duration,
        work: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let path = self.folder("gc.lock");
        let users = &self.0.users;
        // flock(2): changing a lock gives up the old one first, and a refused change loses it.
        let outcome = until(wait, &path, || users.try_lock()).and_then(|()| work());
        users.lock_shared().io("lock", &path)?;
        outcome
    }
}

pub(super) fn open_shared(path: &Path) -> Result<File, StoreError> {
    let file = open_lock(path)?;
    until(GC_TAKES, path, || file.try_lock_shared())?;
    Ok(file)
}

fn open_lock(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).io("open", path)
}

fn until(
    wait: Duration,
    path: &Path,
    mut try_lock: impl FnMut() -> Result<(), TryLockError>,
) -> Result<(), StoreError> {
    let began = Instant::now();
    loop {
        match try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if began.elapsed() < wait => sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                let holder = "another sealwright".to_owned();
                return Err(StoreError::Busy { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path, error)),
        }
    }
}

fn holder(mut file: &File) -> String {
    let mut text = String::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(20).read_to_string(&mut text));
    match (read, text.parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!("process {pid}"),
        _ => "another process".to_owned(),
    }
}
