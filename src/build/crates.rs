//! Crates of a Rust-backed source: which ones, with their sizes, and the folder that cargo in the box takes them from.

use super::error::BuildError;
use super::request::Context;
use super::supply::Supplier;
use crate::cargo::{self, BoxCargo, CargoFile, Crate, Registry};
use crate::fetch::{CrateOrigin, Places, Wanted};
use crate::lock::LockedCrate;
use crate::source::Source;

/// The crates that the `Cargo.lock` files of a source name, those of a workspace that the project lies in included.
pub(super) fn of_source(source: &Source) -> Result<Vec<Crate>, BuildError> {
    let mut paths = source.list();
    let depth = source.subdirectory().split('/').filter(|part| !part.is_empty()).count();
    for up in (1..=depth).map(|count| "../".repeat(count)) {
        let above = ["Cargo.lock", ".cargo/config.toml", ".cargo/config"];
        paths.extend(above.into_iter().map(|name| format!("{up}{name}")).filter(|path| source.exists(path)));
    }
    paths.retain(|path| cargo::is_cargo_file(path));
    let mut files = Vec::new();
    for path in &paths {
        // A link that leads nowhere is no file.
        files.extend(source.read(path)?.map(|bytes| (path.as_str(), bytes)));
    }
    let files: Vec<CargoFile<'_>> = files.iter().map(|(path, bytes)| CargoFile { path, bytes }).collect();
    let locked = |folder: &str| files.iter().any(|file| file.path == format!("{folder}Cargo.lock"));
    let crates = cargo::read(&files)?;
    if !(0..=depth).any(|count| locked(&"../".repeat(count)))
        && let Some(bytes) = source.read("Cargo.toml")?
    {
        cargo::needs_no_lock(CargoFile { path: "Cargo.toml", bytes: &bytes })?;
    }
    Ok(crates)
}

impl Supplier<'_> {
    /// Fetches the crates that a source names: a `Cargo.lock` has no sizes.
    pub(super) fn lock_crates(&self, crates: &[Crate]) -> Result<Vec<LockedCrate>, BuildError> {
        let wanted: Vec<Wanted> = crates.iter().map(wanted).collect();
        self.crate_files(&wanted)?;
        crates
            .iter()
            .map(|one| {
                let size = self.context().store.open_blob(&one.sha256)?.size();
                let Crate { name, version, sha256, required_by, .. } = one.clone();
                Ok(LockedCrate { file: one.file(), name, version, size, sha256, required_by })
            })
            .collect()
    }

    /// Fetches crates that are missing.
    pub(super) fn crates(&self, crates: &[LockedCrate]) -> Result<(), BuildError> {
        self.crate_files(&crates.iter().map(Wanted::of_crate).collect::<Vec<_>>())
    }

    /// What a box has for cargo, with the folder of the crates that are locked; they are fetched if it has to be made.
    /// None if the source is not Rust-backed: `named` are the crates that it names.
    pub(super) fn cargo(
        &self,
        named: Option<&[Crate]>,
        locked: &[LockedCrate],
    ) -> Result<Option<BoxCargo>, BuildError> {
        let Context { store, reporter, cancel, .. } = self.context();
        let Some(named) = named else { return Ok(None) };
        let tree = if locked.is_empty() {
            None
        } else if let Some(tree) = cargo::present(locked, store)? {
            Some(tree)
        } else {
            self.crates(locked)?;
            Some(cargo::vendor(locked, store, reporter, cancel)?)
        };
        Ok(Some(BoxCargo::new(named, tree)))
    }

    fn crate_files(&self, wanted: &[Wanted]) -> Result<(), BuildError> {
        let context = self.context();
        if !wanted.iter().all(|one| context.store.has(&one.sha256)) {
            self.fetcher()?.files(wanted, "crates", context.reporter, context.cancel)?;
        }
        Ok(())
    }
}

fn wanted(one: &Crate) -> Wanted {
    let origin = match &one.registry {
        Registry::Default => CrateOrigin::Default,
        Registry::Index(index) => CrateOrigin::Index(index.clone()),
    };
    Wanted {
        file: one.file(),
        sha256: one.sha256,
        size: None,
        required_by: one.required_by.clone(),
        places: Places::Crate { name: one.name.clone(), version: one.version.clone(), origin },
    }
}
