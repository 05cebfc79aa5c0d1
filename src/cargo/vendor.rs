//! The folder of crates: a tree of the store in the form of cargo's directory sources.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::CargoError;
use super::unpack::{Refused, set_time, unpack};
use crate::digest::Sha256;
use crate::event::{Cancel, Reporter};
use crate::lock::LockedCrate;
use crate::store::{Store, Tree, TreeKind};

/// Raised whenever the same crates would become another tree.
const LAYOUT: u32 = 1;

/// The tree of these crates, to be mounted at [`super::CRATES_FOLDER`]: one folder `NAME-VERSION` each. Made if it is
/// not in the store; every `.crate` file must be there then.
///
/// # Errors
/// A crate is not in the store, or is no archive as cargo packs it; the host fails.
pub fn vendor(
    crates: &[LockedCrate],
    store: &Store,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<Tree, CargoError> {
    let key = key(crates);
    if let Some(tree) = store.tree(TreeKind::Environment, &key)? {
        return Ok(tree);
    }
    let _guard = store.lock_key(&format!("crates-{key}"), reporter, cancel)?;
    if let Some(tree) = store.tree(TreeKind::Environment, &key)? {
        return Ok(tree);
    }
    reporter.stage(&format!("unpacking {} crates", crates.len()));
    let tree = store.new_tree(TreeKind::Environment, &key)?;
    crates.par_iter().try_for_each(|one| {
        if let Some(signal) = cancel.signal() {
            return Err(CargoError::Interrupted { signal });
        }
        folder(one, store, tree.path())
    })?;
    settle(tree.path())?;
    let uses: Vec<Sha256> = crates.iter().map(|one| one.sha256).collect();
    Ok(tree.commit(&uses)?)
}

/// The tree of these crates, if it is in the store.
///
/// # Errors
/// The host fails.
pub fn present(crates: &[LockedCrate], store: &Store) -> Result<Option<Tree>, CargoError> {
    Ok(store.tree(TreeKind::Environment, &key(crates))?)
}

/// Everything that decides the tree's bytes.
fn key(crates: &[LockedCrate]) -> Sha256 {
    let mut lines: Vec<String> =
        crates.iter().map(|one| format!("{}-{} {}\n", one.name, one.version, one.sha256)).collect();
    lines.sort();
    Sha256::of(format!("crates/{LAYOUT}\n{}", lines.concat()))
}

/// One crate's folder, with the file that cargo compares with `Cargo.lock`.
fn folder(one: &LockedCrate, store: &Store, root: &Path) -> Result<(), CargoError> {
    let wrong = |problem: String| CargoError::Archive {
        file: one.file.clone(),
        required_by: one.required_by.clone(),
        problem,
    };
    let name = format!("{}-{}", one.name, one.version);
    if name.contains('/') || name.starts_with('.') {
        return Err(wrong("its name is no name of a folder".to_owned()));
    }
    let archive = store.open_blob(&one.sha256)?;
    unpack(archive, &name, root).map_err(|refused| match refused {
        Refused::Archive(problem) => wrong(problem),
        Refused::Host(path, source) => CargoError::Io { doing: "write", path, source },
    })?;
    // The files were verified with the archive: cargo need not hash each again.
    let text = format!("{{\"files\":{{}},\"package\":\"{}\"}}", one.sha256);
    let path = root.join(&name).join(".cargo-checksum.json");
    fs::write(&path, text).map_err(CargoError::io("write", &path))?;
    File::open(&path).and_then(|file| set_time(&file)).map_err(CargoError::io("set the time of", &path))
}

/// Gives every folder the same time; files have it already.
fn settle(root: &Path) -> Result<(), CargoError> {
    for entry in walkdir::WalkDir::new(root).contents_first(true) {
        let entry = entry.map_err(|error| {
            let path = error.path().map_or_else(|| root.to_owned(), PathBuf::from);
            CargoError::Io { doing: "read", path, source: error.into() }
        })?;
        if entry.file_type().is_dir() {
            let path = entry.path();
            File::open(path)
                .and_then(|folder| set_time(&folder))
                .map_err(CargoError::io("set the time of", path))?;
        }
    }
    Ok(())
}
