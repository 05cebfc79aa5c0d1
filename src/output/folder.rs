//! A folder that one build writes to at a time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::OutputError;
use super::whole::TEMPORARY;
use crate::event::{Cancel, Reporter};

/// A folder of outputs, held until this is dropped. The lock is on the folder itself (`flock(2)`), so that it
/// leaves nothing behind and ends with the process.
pub struct FolderLock {
    path: PathBuf,
    _lock: Flock<File>,
}

impl FolderLock {
    /// Makes the folder if it is not there, and waits until no other build holds it; says so when it has to
    /// wait. Then removes what a build that was killed left behind.
    ///
    /// # Errors
    /// The folder cannot be made or opened, or the user asked to stop while waiting.
    pub fn acquire(path: &Path, reporter: &dyn Reporter, cancel: &Cancel) -> Result<Self, OutputError> {
        let mut said = false;
        loop {
            std::fs::create_dir_all(path).map_err(OutputError::io("make the folder", path))?;
            let mut folder = File::open(path).map_err(OutputError::io("open the folder", path))?;
            loop {
                match Flock::lock(folder, FlockArg::LockExclusiveNonblock) {
                    Ok(lock) => {
                        // Removed and made anew while we waited? Then this is a lock on nothing.
                        if !is_same(&lock, path) {
                            break;
                        }
                        let locked = Self { path: path.to_owned(), _lock: lock };
                        locked.sweep();
                        return Ok(locked);
                    }
                    Err((back, Errno::EWOULDBLOCK | Errno::EINTR)) => folder = back,
                    Err((_, error)) => return Err(OutputError::io("lock the folder", path)(error.into())),
                }
                if let Some(signal) = cancel.signal() {
                    return Err(OutputError::Interrupted { signal });
                }
                if !said {
                    reporter.note(&format!("waiting for another build that writes to {}", path.display()));
                    said = true;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes temporary files of builds that were killed: whoever wrote them held this lock.
    fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1) {
                // A file that cannot be removed harms nobody, and its name tells whose it is.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn is_same(lock: &Flock<File>, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (lock.metadata(), path.metadata()) {
        (Ok(locked), Ok(there)) => (locked.dev(), locked.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}
