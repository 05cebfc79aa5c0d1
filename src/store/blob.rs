//! Blobs: bytes under their own digest, hashed on the way in and again on the way out.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::IoContext;
use super::{Store, StoreError};
use crate::digest::{HashingWriter, Sha256};

/// Bytes that are read or written at once.
pub(super) const CHUNK: usize = 256 * 1024;

/// What was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Blob {
    /// Its digest, which is its name.
    pub digest: Sha256,
    /// Bytes.
    pub size: u64,
}

/// A blob on its way into the store. Dropped without [`BlobWriter::finish`] it leaves nothing.
pub struct BlobWriter {
    store: Store,
    out: BufWriter<HashingWriter<NamedTempFile>>,
}

/// A blob whose bytes were hashed just now, open for reading from its start.
///
/// The hash was taken over this very open file: replacing the blob's name changes nothing. A process of the same
/// user that writes into the file itself in that moment is not noticed (`docs/THREAT-MODEL.md`).
#[derive(Debug)]
pub struct VerifiedFile {
    file: File,
    size: u64,
}

impl Store {
    /// Where a blob is, or will be.
    #[must_use]
    pub fn blob_path(&self, digest: &Sha256) -> PathBuf {
        let hex = digest.to_hex();
        self.folder("blobs/sha256").join(&hex[..2]).join(hex)
    }

    /// Whether a blob of this name is there. Its bytes are not looked at.
    #[must_use]
    pub fn has(&self, digest: &Sha256) -> bool {
        fs::symlink_metadata(self.blob_path(digest)).is_ok_and(|meta| meta.is_file())
    }

    /// Stores all that `reader` yields. With `expected`, another digest is an error and stores nothing.
    ///
    /// # Errors
    /// The reader or the host fails, or the digest is another one.
    pub fn insert(&self, mut reader: impl Read, expected: Option<Sha256>) -> Result<Blob, StoreError> {
        let mut writer = self.writer()?;
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => return writer.finish(expected),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(source) => return Err(StoreError::Input { source }),
            };
            writer.write_all(&buffer[..count]).map_err(|error| writer.error(error))?;
        }
    }

    /// A writer for one blob.
    ///
    /// # Errors
    /// The host fails.
    pub fn writer(&self) -> Result<BlobWriter, StoreError> {
        let out = BufWriter::with_capacity(CHUNK, HashingWriter::new(self.temp_file()?));
        Ok(BlobWriter { store: self.clone(), out })
    }

    /// The bytes of a blob, verified.
    ///
    /// # Errors
    /// It is missing or damaged (then it was moved aside, so that it can be fetched again), or the host fails.
    pub fn read(&self, digest: &Sha256) -> Result<Vec<u8>, StoreError> {
        let (mut file, path) = self.open_unverified(digest)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).io("read", &path)?;
        self.check(digest, Sha256::of(&bytes), &file, path)?;
        Ok(bytes)
    }

    /// A blob open for reading, its bytes hashed just now.
    ///
    /// # Errors
    /// It is missing or damaged (then it was moved aside, so that it can be fetched again), or the host fails.
    pub fn open_blob(&self, digest: &Sha256) -> Result<VerifiedFile, StoreError> {
        let (mut file, path) = self.open_unverified(digest)?;
        let (actual, size) = Sha256::of_reader(&file).io("read", &path)?;
        self.check(digest, actual, &file, path.clone())?;
        file.seek(SeekFrom::Start(0)).io("read", &path)?;
        Ok(VerifiedFile { file, size })
    }

    fn open_unverified(&self, digest: &Sha256) -> Result<(File, PathBuf), StoreError> {
        let path = self.blob_path(digest);
        match File::open(&path) {
            Ok(file) => Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(StoreError::Missing { digest: *digest, store: self.path().to_owned() })
            }
            Err(error) => Err(StoreError::io("read", &path, error)),
        }
    }

    fn check(&self, expected: &Sha256, actual: Sha256, file: &File, path: PathBuf) -> Result<(), StoreError> {
        if actual == *expected {
            return Ok(());
        }
        // A good blob may have taken its place in the meantime: only the file that was read is moved.
        let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
        let moved_to = match (file.metadata(), fs::symlink_metadata(&path)) {
            (Ok(read), Ok(named)) if same(&read, &named) => self.set_aside(&path)?,
            _ => path.clone(),
        };
        Err(StoreError::Damaged { path, expected: *expected, actual, moved_to })
    }

    /// The last steps of every way in: compare, sync, rename.
    pub(super) fn keep(
        &self,
        file: NamedTempFile,
        blob: Blob,
        expected: Option<Sha256>,
    ) -> Result<Blob, StoreError> {
        if let Some(expected) = expected.filter(|expected| *expected != blob.digest) {
            return Err(StoreError::Mismatch { expected, actual: blob.digest, size: blob.size });
        }
        file.as_file().set_permissions(Permissions::from_mode(0o444)).io("set the mode of", file.path())?;
        file.as_file().sync_data().io("sync", file.path())?;
        let path = self.blob_path(&blob.digest);
        make_parent(&path)?;
        // Over one that is there: the bytes are the same, or it was damaged and is mended.
        file.persist(&path).map_err(|error| StoreError::io("create", &path, error.error))?;
        Ok(blob)
    }
}

fn make_parent(path: &Path) -> Result<(), StoreError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    match fs::create_dir(parent) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::io("create", parent, error)),
    }
}

impl BlobWriter {
    /// Stores what was written. With `expected`, another digest is an error and stores nothing.
    ///
    /// # Errors
    /// The host fails, or the digest is another one.
    pub fn finish(self, expected: Option<Sha256>) -> Result<Blob, StoreError> {
        let path = self.path();
        let hashing = self.out.into_inner().map_err(io::IntoInnerError::into_error).io("write", &path)?;
        let (file, digest, size) = hashing.finish();
        self.store.keep(file, Blob { digest, size }, expected)
    }

    fn path(&self) -> PathBuf {
        self.store.folder("tmp")
    }

    fn error(&self, error: io::Error) -> StoreError {
        StoreError::io("write into", &self.path(), error)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.out.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl VerifiedFile {
    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for VerifiedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Seek for VerifiedFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}
