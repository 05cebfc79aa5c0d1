//! Outputs and statements appear together, or not at all.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::normalize::Prepared;
use super::whole::{Existing, Placed, Staged, existing, temporary, temporary_with};
use super::{FolderLock, OutputError, Written};
use crate::digest::Sha256;
use crate::event::Cancel;

/// Files that are to appear together. Until [`Publication::commit`] nothing is seen; dropped, nothing is left.
pub struct Publication<'a> {
    folder: &'a FolderLock,
    cancel: Cancel,
    items: Vec<Item>,
}

/// One file of a publication.
struct Item {
    path: PathBuf,
    staged: Option<Staged>,
}

/// What may be done with a file, but for the umask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileMode {
    /// 0644
    Data,
    /// 0755
    Program,
}

impl FileMode {
    fn bits(self) -> u32 {
        match self {
            Self::Data => 0o644,
            Self::Program => 0o755,
        }
    }
}

/// A file that is in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Where.
    pub path: PathBuf,
    /// Whether anything changed.
    pub written: Written,
}

impl<'a> Publication<'a> {
    /// Starts one; `folder` is where outputs go and is held meanwhile.
    #[must_use]
    pub fn new(folder: &'a FolderLock, cancel: &Cancel) -> Self {
        Self { folder, cancel: cancel.clone(), items: Vec::new() }
    }

    /// Adds an output, which goes to the locked folder.
    ///
    /// # Errors
    /// It changed since it was checked, the host failed, or the user asked to stop.
    pub fn output(&mut self, output: &mut Prepared) -> Result<(), OutputError> {
        let path = self.folder.path().join(&output.name);
        if let Existing::File(mut file) = existing(&path)?
            && file.metadata().map_err(OutputError::io("read", &path))?.len() == output.size
            && copy(&mut file, &mut std::io::sink(), &self.cancel, &path)? == output.sha256
        {
            self.items.push(Item { path, staged: None });
            return Ok(());
        }
        output.file.seek(SeekFrom::Start(0)).map_err(OutputError::io("read", Path::new(&output.name)))?;
        let mut target = temporary(&path)?;
        let actual = copy(&mut output.file, &mut target, &self.cancel, &path)?;
        if actual != output.sha256 {
            return Err(OutputError::Changed { name: output.name.clone(), expected: output.sha256, actual });
        }
        self.items.push(Item { staged: Some(Staged::new(target, &path)?), path });
        Ok(())
    }

    /// Adds an output of an earlier build, which goes to the locked folder. `open` gives its bytes, and is asked only
    /// if other bytes are there.
    ///
    /// # Errors
    /// What is opened is not what `sha256` says, the host failed, or the user asked to stop.
    pub fn kept<R: Read, E>(
        &mut self,
        name: &str,
        sha256: Sha256,
        mode: FileMode,
        open: impl FnOnce() -> Result<R, E>,
    ) -> Result<(), E>
    where
        E: From<OutputError>,
    {
        let path = self.folder.path().join(name);
        if let Existing::File(mut file) = existing(&path)?
            && copy(&mut file, &mut std::io::sink(), &self.cancel, &path)? == sha256
        {
            self.items.push(Item { path, staged: None });
            return Ok(());
        }
        let mut target = temporary_with(&path, mode.bits())?;
        let actual = copy(&mut open()?, &mut target, &self.cancel, &path)?;
        if actual != sha256 {
            return Err(OutputError::Changed { name: name.to_owned(), expected: sha256, actual }.into());
        }
        self.items.push(Item { staged: Some(Staged::new(target, &path)?), path });
        Ok(())
    }

    /// Adds another file, for instance a statement in a folder beside; the folder is made if it is not there.
    ///
    /// # Errors
    /// The host failed.
    pub fn text(&mut self, path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(OutputError::io("make the folder", parent))?;
        }
        if let Existing::File(mut file) = existing(path)?
            && file.metadata().map_err(OutputError::io("read", path))?.len() == bytes.len() as u64
            && copy(&mut file, &mut std::io::sink(), &self.cancel, path)? == Sha256::of(bytes)
        {
            self.items.push(Item { path: path.to_owned(), staged: None });
            return Ok(());
        }
        let mut target = temporary(path)?;
        target.write_all(bytes).map_err(OutputError::io("write", path))?;
        self.items.push(Item { path: path.to_owned(), staged: Some(Staged::new(target, path)?) });
        Ok(())
    }

    /// Puts all files into their places, in the order in which they were added.
    ///
    /// # Errors
    /// One could not be placed: then the others are taken back and what was there before is there.
    pub fn commit(self) -> Result<Vec<Published>, OutputError> {
        let mut done: Vec<(PathBuf, Option<Placed>)> = Vec::new();
        for item in self.items {
            let stop = self.cancel.signal().map(|signal| OutputError::Interrupted { signal });
            let placed = match (stop, item.staged) {
                (Some(error), _) => Err(error),
                (None, None) => Ok(None),
                (None, Some(staged)) => staged.place().map(Some),
            };
            match placed {
                Ok(placed) => done.push((item.path, placed)),
                Err(error) => return Err(undo(done, error)),
            }
        }
        done.into_iter()
            .map(|(path, placed)| {
                let written = placed.map_or(Ok(Written::Unchanged), Placed::keep)?;
                Ok(Published { path, written })
            })
            .collect()
    }
}

fn undo(done: Vec<(PathBuf, Option<Placed>)>, mut error: OutputError) -> OutputError {
    for (_, placed) in done.into_iter().rev() {
        if let Some(Err((path, second))) = placed.map(Placed::undo) {
            error = OutputError::NotRestored { path, first: Box::new(error), second };
        }
    }
    error
}

/// Copies and hashes, stopping when the user asks to.
pub(super) fn copy(
    from: &mut impl Read,
    to: &mut impl Write,
    cancel: &Cancel,
    path: &Path,
) -> Result<Sha256, OutputError> {
    let mut writer = crate::digest::HashingWriter::new(to);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        if let Some(signal) = cancel.signal() {
            return Err(OutputError::Interrupted { signal });
        }
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(writer.finish().1),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(OutputError::io("copy", path)(error)),
        };
        writer.write_all(&buffer[..count]).map_err(OutputError::io("write", path))?;
    }
}
