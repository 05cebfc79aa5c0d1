//! Downloads that were cut off: kept under the digest that they are to have, to go on where they ended.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Sink, Write};
use std::path::PathBuf;

use super::blob::CHUNK;
use super::error::IoContext;
use super::temp::is_at;
use super::{Blob, Store, StoreError};
use crate::digest::{HashingWriter, Sha256};

/// The beginning of a blob. Dropped, it stays for the next time.
pub struct Partial {
    store: Store,
    digest: Sha256,
    path: PathBuf,
    file: File,
    hash: HashingWriter<Sink>,
}

impl Store {
    /// What is there of a blob that is being fetched, held for this process. Its bytes are hashed again here.
    /// `None` if another process is fetching the same blob into it.
    ///
    /// # Errors
    /// The host fails.
    pub fn partial(&self, digest: &Sha256) -> Result<Option<Partial>, StoreError> {
        let path = self.folder("partial").join(digest.to_hex());
        loop {
            let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = open.io("open", &path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path, error)),
            }
            if !is_at(&file, &path) {
                // Finished by another process between the two steps.
                continue;
            }
            let mut hash = HashingWriter::new(io::sink());
            let mut buffer = vec![0; CHUNK];
            loop {
                let count = file.read(&mut buffer).io("read", &path)?;
                if count == 0 {
                    break;
                }
                hash.write_all(&buffer[..count]).io("read", &path)?;
            }
            return Ok(Some(Partial { store: self.clone(), digest: *digest, path, file, hash }));
        }
    }
}

impl Partial {
    /// How many bytes are there.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.hash.count()
    }

    /// Whether nothing is there yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// The host fails.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hash.write_all(bytes).and_then(|()| self.file.write_all(bytes)).io("write", &self.path)
    }

    /// Begins again from nothing.
    ///
    /// # Errors
    /// The host fails.
    pub fn restart(&mut self) -> Result<(), StoreError> {
        self.file.set_len(0).io("truncate", &self.path)?;
        self.file.seek(SeekFrom::Start(0)).io("truncate", &self.path)?;
        self.hash = HashingWriter::new(io::sink());
        Ok(())
    }

    /// Removes what is there.
    ///
    /// # Errors
    /// The host fails.
    pub fn discard(self) -> Result<(), StoreError> {
        fs::remove_file(&self.path).io("remove", &self.path)
    }

    /// Puts the blob into the store. If it has another digest, nothing is stored and what was there is removed.
    ///
    /// # Errors
    /// The host fails, or the digest is another one.
    pub fn finish(self) -> Result<Blob, StoreError> {
        let Self { store, digest, path, file, hash } = self;
        let (_, actual, size) = hash.finish();
        if actual != digest {
            fs::remove_file(&path).io("remove", &path)?;
            return Err(StoreError::Mismatch { expected: digest, actual, size });
        }
        let path = tempfile::TempPath::try_from_path(&path).io("find", &path)?;
        store.keep(tempfile::NamedTempFile::from_parts(file, path), Blob { digest, size }, Some(digest))
    }
}
