//! Writing files of the host: whole or not at all.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, renameat2};
use nix::libc;
use tempfile::NamedTempFile;

use super::OutputError;

/// How temporary files of ours begin and end; those of a process that was killed are swept by the next one.
pub(super) const TEMPORARY: (&str, &str) = (".sealwright-", ".tmp");

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// There was nothing.
    New,
    /// There was something else.
    Replaced,
    /// The same bytes were there: nothing was touched, the time of last change neither.
    Unchanged,
}

/// Writes a file: a temporary one beside it, made durable, then renamed. Mode 0644 as the umask allows. What
/// holds these bytes already is left as it is; a link at `path` is replaced, never followed.
///
/// # Errors
/// The host failed, or `path` is a folder. Then what was there before is there, and nothing else.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<Written, OutputError> {
    let existing = existing(path)?;
    if let Existing::File(file) = &existing
        && same(file, bytes).map_err(OutputError::io("read", path))?
    {
        return Ok(Written::Unchanged);
    }
    let mut temporary = temporary(path)?;
    temporary.write_all(bytes).map_err(OutputError::io("write", path))?;
    let staged = Staged::new(temporary, path)?;
    staged.place()?.keep()
}

/// What is done about a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays, and nothing is written.
    Refuse,
    /// It is replaced.
    Replace,
}

/// Writes a file that only its owner can read (mode 0600), whole.
///
/// # Errors
/// The host failed, or something is there that may not be replaced.
pub fn write_private(path: &Path, bytes: &[u8], there: Overwrite) -> Result<(), OutputError> {
    let mut temporary = temporary_with(path, 0o600)?;
    temporary.write_all(bytes).map_err(OutputError::io("write", path))?;
    match there {
        Overwrite::Replace => Staged::new(temporary, path)?.place()?.keep().map(drop),
        Overwrite::Refuse => {
            temporary.as_file().sync_all().map_err(OutputError::io("write", path))?;
            temporary.persist_noclobber(path).map_err(|error| OutputError::io("write", path)(error.error))?;
            Ok(())
        }
    }
}

/// What is at a path.
pub(super) enum Existing {
    Nothing,
    /// A regular file, open for reading.
    File(File),
    /// A link or something stranger, which may be replaced.
    Other,
}

pub(super) fn existing(path: &Path) -> Result<Existing, OutputError> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Existing::Nothing),
        Err(error) => return Err(OutputError::io("look at", path)(error)),
    };
    if metadata.is_dir() {
        return Err(OutputError::InTheWay { path: path.to_owned() });
    }
    if !metadata.is_file() {
        return Ok(Existing::Other);
    }
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    // What cannot be read can still be replaced.
    Ok(OpenOptions::new().read(true).custom_flags(flags).open(path).map_or(Existing::Other, Existing::File))
}

fn same(mut file: &File, bytes: &[u8]) -> io::Result<bool> {
    if file.metadata()?.len() != bytes.len() as u64 {
        return Ok(false);
    }
    let mut buffer = vec![0; bytes.len().clamp(1, 128 * 1024)];
    let mut rest = bytes;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(rest.is_empty());
        }
        let Some((first, after)) = rest.split_at_checked(count) else { return Ok(false) };
        if first != &buffer[..count] {
            return Ok(false);
        }
        rest = after;
    }
}

/// A temporary file in the folder of `path`, removed when it is dropped.
pub(super) fn temporary(path: &Path) -> Result<NamedTempFile, OutputError> {
    temporary_with(path, 0o644)
}

pub(super) fn temporary_with(path: &Path, mode: u32) -> Result<NamedTempFile, OutputError> {
    tempfile::Builder::new()
        .prefix(TEMPORARY.0)
        .suffix(TEMPORARY.1)
        // The kernel takes the umask away, as for any new file.
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder(path))
        .map_err(OutputError::io("write", path))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A file that is complete and durable, beside the place where it belongs.
pub(super) struct Staged {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl Staged {
    pub(super) fn new(temporary: NamedTempFile, path: &Path) -> Result<Self, OutputError> {
        temporary.as_file().sync_all().map_err(OutputError::io("write", path))?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// Puts the file into its place; what was there is kept under the temporary name until
    /// [`Placed::keep`] or [`Placed::undo`].
    pub(super) fn place(self) -> Result<Placed, OutputError> {
        let Self { temporary, path } = self;
        let there = !matches!(existing(&path)?, Existing::Nothing);
        if there {
            exchange(temporary.path(), &path).map_err(OutputError::io("replace", &path))?;
            return Ok(Placed { old: Some(temporary), path });
        }
        temporary.persist(&path).map_err(|error| OutputError::io("write", &path)(error.error))?;
        Ok(Placed { old: None, path })
    }
}

/// Lets two names swap their files. File systems without that get a short moment in which the old one is away.
fn exchange(new: &Path, path: &Path) -> io::Result<()> {
    match renameat2(AT_FDCWD, new, AT_FDCWD, path, RenameFlags::RENAME_EXCHANGE) {
        Ok(()) => Ok(()),
        Err(nix::Error::EINVAL | nix::Error::ENOSYS | nix::Error::ENOTSUP) => {
            let aside = new.with_extension(format!("old{}", TEMPORARY.1));
            std::fs::rename(path, &aside)?;
            if let Err(error) = std::fs::rename(new, path) {
                std::fs::rename(&aside, path)?;
                return Err(error);
            }
            std::fs::rename(&aside, new)
        }
        Err(error) => Err(error.into()),
    }
}

/// A file in its place, and what was there before.
pub(super) struct Placed {
    old: Option<NamedTempFile>,
    path: PathBuf,
}

impl Placed {
    /// Removes what was there before and makes the folder durable.
    pub(super) fn keep(self) -> Result<Written, OutputError> {
        let written = if self.old.is_some() { Written::Replaced } else { Written::New };
        let folder = folder(&self.path);
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        match synced {
            // Some file systems know no fsync of a folder.
            Err(error) if error.raw_os_error() != Some(libc::EINVAL) => {
                Err(OutputError::io("write", &self.path)(error))
            }
            _ => Ok(written),
        }
    }

    /// Puts back what was there before.
    pub(super) fn undo(self) -> Result<(), (PathBuf, io::Error)> {
        let undone = match &self.old {
            Some(old) => exchange(old.path(), &self.path),
            None => std::fs::remove_file(&self.path),
        };
        undone.map_err(|error| (self.path, error))
    }
}
