//! The files of a builder folder and the digest over them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::BuilderError;
use crate::digest::{HashingWriter, Sha256};

/// One file of a builder folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuilderFile {
    /// Relative, with `/`.
    pub path: String,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Reads every file below `folder`, sorted by path. Byte code that Python left there is no part of it.
pub(super) fn read(folder: &Path) -> Result<Vec<BuilderFile>, BuilderError> {
    let failed = |path: &Path, source: std::io::Error| BuilderError::Read { path: path.to_owned(), source };
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(current) = open.pop() {
        for entry in fs::read_dir(&current).map_err(|error| failed(&current, error))? {
            let entry = entry.map_err(|error| failed(&current, error))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| failed(&path, error))?;
            if kind.is_dir() {
                if entry.file_name() != "__pycache__" {
                    open.push(path);
                }
                continue;
            }
            if !kind.is_file() {
                return Err(BuilderError::NotRegular { path });
            }
            let relative = path.strip_prefix(folder).unwrap_or(&path);
            let name = relative.to_str().ok_or_else(|| BuilderError::Name { path: path.clone() })?.to_owned();
            let mode = entry.metadata().map_err(|error| failed(&path, error))?.permissions().mode();
            let bytes = fs::read(&path).map_err(|error| failed(&path, error))?;
            files.push(BuilderFile { path: name, executable: mode & 0o100 != 0, bytes });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// The text of one file.
pub(super) fn text<'a>(folder: &Path, files: &'a [BuilderFile], path: &str) -> Result<&'a str, BuilderError> {
    files
        .iter()
        .find(|file| file.path == path)
        .and_then(|file| std::str::from_utf8(&file.bytes).ok())
        .ok_or_else(|| BuilderError::Missing { folder: folder.to_owned(), file: path.to_owned() })
}

/// Digest of the list `MODE SHA256 PATH\n`, sorted by path. The mode is `x` or `-`.
pub(super) fn digest(files: &[BuilderFile]) -> Sha256 {
    use std::io::Write;
    let mut list = HashingWriter::new(std::io::sink());
    for file in files {
        let mode = if file.executable { 'x' } else { '-' };
        // Writing to a sink cannot fail.
        let _ = writeln!(list, "{mode} {} {}", Sha256::of(&file.bytes), file.path);
    }
    list.finish().1
}
