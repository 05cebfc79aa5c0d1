//! The tree of an environment before any wheel is in it, and how files get into it.

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use walkdir::WalkDir;

use super::EnvironmentError;
use crate::name::PythonVersion;

/// The time of every file, 2000-01-01: zip archives that a backend makes of them cannot hold years before 1980.
const TIME: Duration = Duration::from_hours(262_968);

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Mode 0644.
    File,
    /// Mode 0755.
    Program,
}

/// The folder of modules below an environment's root.
pub(super) fn site(python: PythonVersion) -> String {
    format!("lib/python{python}/site-packages")
}

/// Paths below the root that no wheel may bring.
pub(super) fn is_own(path: &str, python: PythonVersion) -> bool {
    let program = path
        .strip_prefix("bin/")
        .is_some_and(|name| name == "python" || name == "python3" || name == format!("python{python}"));
    program || path == "pyvenv.cfg" || path == "lib64" || path.starts_with("lib64/")
}

/// Makes what `python -m venv` of the image's `interpreter` makes, less its activation scripts: see the `venv` documentation and PEP 405.
pub(super) fn make(root: &Path, python: PythonVersion, interpreter: &str) -> Result<(), EnvironmentError> {
    for folder in ["bin", "include", &site(python)] {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).map_err(EnvironmentError::io("create", &folder))?;
    }
    let home = interpreter.rsplit_once('/').map_or("/", |(folder, _)| folder);
    let config = format!("home = {home}\ninclude-system-site-packages = false\nversion = {python}\n");
    write(root, "pyvenv.cfg", config.as_bytes(), Mode::File)?;
    let own = format!("bin/python{python}");
    let links =
        [(interpreter, "bin/python"), ("python", "bin/python3"), ("python", own.as_str()), ("lib", "lib64")];
    for (target, link) in links {
        let link = root.join(link);
        symlink(target, &link).map_err(EnvironmentError::io("link", &link))?;
    }
    Ok(())
}

/// Writes one new file, with the folders that it needs.
pub(super) fn write(root: &Path, path: &str, bytes: &[u8], mode: Mode) -> Result<(), EnvironmentError> {
    let path = root.join(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(EnvironmentError::io("create", folder))?;
    }
    let mode = match mode {
        Mode::File => 0o644,
        Mode::Program => 0o755,
    };
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&path)
        .map_err(EnvironmentError::io("create", &path))?;
    file.write_all(bytes).map_err(EnvironmentError::io("write", &path))?;
    let time = SystemTime::UNIX_EPOCH + TIME;
    file.set_times(FileTimes::new().set_modified(time).set_accessed(time))
        .map_err(EnvironmentError::io("set the time of", &path))
}

/// Gives every folder the same time; files have it already.
pub(super) fn settle(root: &Path) -> Result<(), EnvironmentError> {
    let time = SystemTime::UNIX_EPOCH + TIME;
    for entry in WalkDir::new(root).contents_first(true) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_owned();
            EnvironmentError::Io { doing: "read", path, source: error.into() }
        })?;
        if entry.file_type().is_dir() {
            File::open(entry.path())
                .and_then(|folder| folder.set_times(FileTimes::new().set_modified(time).set_accessed(time)))
                .map_err(EnvironmentError::io("set the time of", entry.path()))?;
        }
    }
    Ok(())
}
