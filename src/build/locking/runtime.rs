//! What the project's own lock file pins: one file for each distribution, carried over with its hash.

use std::collections::BTreeMap;

use super::super::error::BuildError;
use super::super::pinned::OwnLock;
use super::super::prepare::{Prepared, python_of};
use super::needs::{Locker, Made};
use super::sdists::Sdist;
use crate::config::Target;
use crate::fetch::{IndexFile, Places, Wanted};
use crate::lock::{Distribution, LockedImage, LockedRequirements, Role};
use crate::name::PackageName;
use crate::requirements::{Choice, Interpreter, KnownFile, Pin, choose};

/// The files that were read, and what they pin.
pub(super) struct Runtime {
    pub(super) requirements: Vec<LockedRequirements>,
    /// With role `runtime`.
    pub(super) distributions: Vec<Distribution>,
}

impl Locker<'_> {
    /// Takes over what a lock file of the project pins. `kept` is what was locked before.
    pub(super) fn runtime(
        &self,
        prepared: &Prepared,
        own: &OwnLock,
        target: &Target,
        image: &LockedImage,
        kept: &[Distribution],
        made: &mut Made,
    ) -> Result<Runtime, BuildError> {
        let context = self.images.supplier.context();
        if let Some(said) = &own.said {
            context.reporter.note(said);
        }
        let interpreter = interpreter(image)?;
        let indexes = self.images.supplier.fetcher()?.indexes().shown();
        let read = prepared.read_requirements(own, target, indexes, &interpreter)?;
        for note in &read.notes {
            context.reporter.note(note);
        }
        let mut distributions = Vec::new();
        let mut open: Vec<&Pin> = Vec::new();
        for pin in &read.pins {
            match self.kept_file(pin, kept, made)? {
                Some(kept) => distributions.push(kept),
                None => open.push(pin),
            }
        }
        distributions.extend(self.chosen(&open, &interpreter, made)?);
        let file = |file: crate::requirements::ReadFile| LockedRequirements {
            file: file.path,
            format: file.format.as_str().to_owned(),
            sha256: file.sha256,
        };
        Ok(Runtime { requirements: read.files.into_iter().map(file).collect(), distributions })
    }

    /// The file that was locked for a pin, if the pin still takes it.
    fn kept_file(
        &self,
        pin: &Pin,
        kept: &[Distribution],
        made: &mut Made,
    ) -> Result<Option<Distribution>, BuildError> {
        let of_name = self.kept(kept, Role::Runtime).filter(|file| file.name == pin.name);
        for file in of_name.filter(|file| file.version == pin.version) {
            let takes = match self.images.old.wheel(&file.sha256) {
                Some(wheel) => {
                    pin.hashes.contains(&wheel.sdist.sha256) && self.keep_if_it_stays(wheel, made)?
                }
                None => pin.hashes.contains(&file.sha256),
            };
            if takes {
                return Ok(Some(Distribution { required_by: pin.required_by.clone(), ..file.clone() }));
            }
        }
        Ok(None)
    }

    /// Chooses a file for each pin, among those that the lock file names or that an index lists. Sdists are built.
    fn chosen(
        &self,
        pins: &[&Pin],
        interpreter: &Interpreter,
        made: &mut Made,
    ) -> Result<Vec<Distribution>, BuildError> {
        let context = self.images.supplier.context();
        let unnamed: Vec<PackageName> =
            pins.iter().filter(|pin| pin.files.is_empty()).map(|pin| pin.name.clone()).collect();
        let mut listed: BTreeMap<PackageName, Vec<KnownFile>> = BTreeMap::new();
        if !unnamed.is_empty() {
            context.reporter.stage(&format!("asking for the files of {} distributions", unnamed.len()));
            let answers = self.images.supplier.fetcher()?.listings(&unnamed, context.cancel)?;
            listed.extend(unnamed.into_iter().zip(answers).map(|(name, files)| (name, known(files))));
        }
        let mut wheels = Vec::new();
        let mut distributions = Vec::new();
        for pin in pins {
            let files = if pin.files.is_empty() { listed.get(&pin.name) } else { Some(&pin.files) };
            let files = files.map(Vec::as_slice).unwrap_or_default();
            let choice = choose(pin, files, interpreter.target())?;
            if let Some(url) = &choice.file().url {
                self.images.supplier.fetcher()?.hint(choice.file().sha256, url.clone());
            }
            match choice {
                Choice::Wheel(file) => wheels.push((*pin, file)),
                Choice::Sdist(file) => distributions.push(self.built(pin, file, made)?),
            }
        }
        self.measure(&wheels)?;
        for (pin, file) in wheels {
            let size = match file.size {
                Some(size) => size,
                None => context.store.open_blob(&file.sha256)?.size(),
            };
            distributions.push(distribution(pin, &file.file, size, file.sha256));
        }
        Ok(distributions)
    }

    /// Builds the sdist that a pin is locked to.
    fn built(&self, pin: &Pin, file: &KnownFile, made: &mut Made) -> Result<Distribution, BuildError> {
        let sdist = Sdist {
            name: pin.name.clone(),
            version: pin.version.clone(),
            file: file.file.clone(),
            size: file.size,
            sha256: file.sha256,
            required_by: pin.required_by.clone(),
        };
        let wheel = self.wheel(&sdist, &[], made)?;
        Ok(distribution(pin, &wheel.file, wheel.size, wheel.sha256))
    }

    /// Fetches the files whose size nobody says, together.
    fn measure(&self, wheels: &[(&Pin, &KnownFile)]) -> Result<(), BuildError> {
        let context = self.images.supplier.context();
        let unknown: Vec<Wanted> = wheels
            .iter()
            .filter(|(_, file)| file.size.is_none() && !context.store.has(&file.sha256))
            .map(|(pin, file)| Wanted {
                file: file.file.clone(),
                sha256: file.sha256,
                size: None,
                required_by: vec![pin.at.to_string()],
                places: Places::Indexes(pin.name.clone()),
            })
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let fetcher = self.images.supplier.fetcher()?;
        Ok(fetcher.files(&unknown, "distributions", context.reporter, context.cancel)?)
    }
}

fn distribution(pin: &Pin, file: &str, size: u64, sha256: crate::digest::Sha256) -> Distribution {
    Distribution {
        role: Role::Runtime,
        name: pin.name.clone(),
        version: pin.version.clone(),
        file: file.to_owned(),
        size,
        sha256,
        required_by: pin.required_by.clone(),
    }
}

/// The files of a listing whose digest the index says.
fn known(files: Vec<IndexFile>) -> Vec<KnownFile> {
    let known = |file: IndexFile| {
        let sha256 = file.sha256?;
        Some(KnownFile { file: file.file, size: file.size, sha256, url: Some(file.url) })
    };
    files.into_iter().filter_map(known).collect()
}

/// The image's interpreter, with its patch release where a package of the image says it.
fn interpreter(image: &LockedImage) -> Result<Interpreter, BuildError> {
    let target = python_of(image)?;
    let name = format!("python{}", target.python);
    let package = image.packages().iter().find(|package| package.name == name);
    let interpreter = Interpreter::from(target);
    Ok(match package {
        Some(package) => interpreter.with_full_version(&package.version),
        None => interpreter,
    })
}
