//! Filling the store: from mirrors and indexes, by digest; images and environments from what was fetched.

use std::sync::OnceLock;

use super::error::BuildError;
use super::prepare::{Prepared, python_of};
use super::request::Context;
use super::wheels;
use crate::builder::Builder;
use crate::cargo::{BoxCargo, Crate};
use crate::config::DebianSources;
use crate::digest::Sha256;
use crate::environment::{self, Environment, Purpose, Workshop};
use crate::error::Fault;
use crate::fetch::{
    CrateRegistries, DebianMirrors, Fetcher, MirrorSettings, NetConfig, Places, PythonIndexes, Registries,
    Wanted,
};
use crate::image::{self, Image};
use crate::lock::{Distribution, ImageContent, Lock, LockedCrate, LockedImage, LockedTarget, LockedWheel};
use crate::resolve::debian::Documents;
use crate::wheel::PythonTarget;

/// Gets what is missing in the store. The network's settings are read when something is missing, not before.
pub(super) struct Supplier<'a> {
    context: Context<'a>,
    prepared: &'a Prepared,
    fetcher: OnceLock<Fetcher>,
}

impl<'a> Supplier<'a> {
    pub(super) fn new(prepared: &'a Prepared, context: Context<'a>) -> Self {
        Self { context, prepared, fetcher: OnceLock::new() }
    }

    /// What everything works with.
    pub(super) fn context(&self) -> Context<'a> {
        self.context
    }

    /// The fetcher, made at its first use.
    pub(super) fn fetcher(&self) -> Result<&Fetcher, BuildError> {
        if let Some(fetcher) = self.fetcher.get() {
            return Ok(fetcher);
        }
        let from = self.context.surroundings;
        let DebianSources { mirrors, security_mirrors, snapshot } = self.prepared.project.debian.clone();
        let settings = MirrorSettings { mirrors, security_mirrors, snapshot };
        let mirrors = DebianMirrors::load(&settings, from)?;
        let fetcher = Fetcher::new(
            self.context.store,
            NetConfig::load(from)?,
            PythonIndexes::load(from)?,
            mirrors,
            self.context.offline,
        )
        .with_crates(CrateRegistries::load(from)?)
        .with_registries(Registries::load(
            &self.prepared.project.registry,
            &self.prepared.folder,
            from,
        ));
        Ok(self.fetcher.get_or_init(|| fetcher))
    }

    /// The image, unpacked; its packages or layers are fetched if it is not there.
    pub(super) fn image(&self, locked: &LockedImage) -> Result<Image, BuildError> {
        let Context { store, engine, reporter, cancel, .. } = self.context;
        if let Some(image) = image::present(&locked.digest, store)? {
            return Ok(image.of(locked));
        }
        self.image_files(locked)?;
        Ok(image::ensure(locked, store, engine, reporter, cancel)?)
    }

    /// Fetches what an image is made of, where it is missing: its packages, or its manifest and layers.
    pub(super) fn image_files(&self, locked: &LockedImage) -> Result<(), BuildError> {
        let Context { store, reporter, cancel, .. } = self.context;
        if locked.blobs().all(|blob| store.has(&blob)) {
            return Ok(());
        }
        match &locked.content {
            ImageContent::Assembled(_) => self.fetcher()?.debian_packages(locked, reporter, cancel)?,
            ImageContent::Pulled(_) => self.fetcher()?.image_blobs(locked, reporter, cancel)?,
        }
        Ok(())
    }

    /// Fetches distributions that are missing.
    pub(super) fn distributions(&self, files: &[Distribution]) -> Result<(), BuildError> {
        let Context { store, reporter, cancel, .. } = self.context;
        if !files.iter().all(|file| store.has(&file.sha256)) {
            self.fetcher()?.distributions(files, reporter, cancel)?;
        }
        Ok(())
    }

    /// Fetches the sdists of wheels that are built here, where they are missing.
    pub(super) fn sdists(&self, wheels: &[&LockedWheel]) -> Result<(), BuildError> {
        let Context { store, reporter, cancel, .. } = self.context;
        let missing: Vec<Wanted> = wheels
            .iter()
            .filter(|wheel| !store.has(&wheel.sdist.sha256))
            .map(|wheel| wheels::wanted(wheel))
            .collect();
        if !missing.is_empty() {
            self.fetcher()?.files(&missing, "sdists", reporter, cancel)?;
        }
        Ok(())
    }

    /// Fetches a file of unknown size, and says its size.
    pub(super) fn measure(&self, file: &Distribution) -> Result<u64, BuildError> {
        let Context { store, reporter, cancel, .. } = self.context;
        let wanted = Wanted {
            file: file.file.clone(),
            sha256: file.sha256,
            size: None,
            required_by: file.required_by.clone(),
            places: Places::Indexes(file.name.clone()),
        };
        self.fetcher()?.files(&[wanted], "distributions", reporter, cancel)?;
        Ok(store.open_blob(&file.sha256)?.size())
    }

    /// What environments of an image are made with.
    pub(super) fn workshop<'b>(&'b self, image: &'b Image, target: PythonTarget) -> Workshop<'b> {
        let Context { store, engine, reporter, cancel, .. } = self.context;
        Workshop { store, engine, image, target, reporter, cancel }
    }

    /// An environment, installed; its wheels are fetched if it has to be made.
    pub(super) fn environment(
        &self,
        files: &[Distribution],
        purpose: Purpose,
        workshop: Workshop<'_>,
    ) -> Result<Environment, BuildError> {
        if let Some(environment) = environment::present(files, purpose, workshop)? {
            return Ok(environment);
        }
        let of_role: Vec<Distribution> =
            files.iter().filter(|file| file.role == purpose.role()).cloned().collect();
        self.distributions(&of_role)?;
        Ok(environment::ensure(files, purpose, workshop)?)
    }
}

/// What a box of a target is made of.
pub(super) struct Parts {
    pub(super) image: Image,
    /// One for each role of the builder.
    pub(super) environments: Vec<Environment>,
    /// What cargo needs, of a Rust-backed source.
    pub(super) cargo: Option<BoxCargo>,
}

impl Parts {
    /// Makes what is not there yet: wheels that are built here, too. `lock` is the target's part of the lock, `named` the
    /// crates of a Rust-backed source.
    pub(super) fn ensure(
        locked: &LockedTarget,
        image: &LockedImage,
        lock: &Lock,
        builder: &Builder,
        named: Option<&[Crate]>,
        supplier: &Supplier<'_>,
    ) -> Result<Self, BuildError> {
        wheels::ensure(&lock.wheels_for(&locked.distributions), lock, supplier)?;
        let unpacked = supplier.image(image)?;
        let LockedTarget { distributions, crates, .. } = locked;
        Self::installed((image, unpacked), builder, distributions, (named, crates), supplier)
    }

    /// The parts of a box whose wheels are there or can be fetched.
    pub(super) fn installed(
        (locked, image): (&LockedImage, Image),
        builder: &Builder,
        distributions: &[Distribution],
        (named, crates): (Option<&[Crate]>, &[LockedCrate]),
        supplier: &Supplier<'_>,
    ) -> Result<Self, BuildError> {
        let workshop = supplier.workshop(&image, python_of(locked)?);
        let environment = |role| supplier.environment(distributions, Purpose::from(role), workshop);
        let environments = builder.roles().into_iter().map(environment).collect::<Result<_, _>>()?;
        let cargo = supplier.cargo(named, crates)?;
        Ok(Self { image, environments, cargo })
    }

    /// Keys of the trees.
    pub(super) fn keys(&self) -> Vec<Sha256> {
        let environments = self.environments.iter().map(|environment| environment.key);
        let crates = self.cargo.iter().filter_map(|cargo| Some(cargo.crates.as_ref()?.key));
        [self.image.digest].into_iter().chain(environments).chain(crates).collect()
    }
}

/// Documents of Debian's archives, from the mirrors in their order.
pub(super) struct ArchiveDocuments<'a> {
    pub(super) fetcher: &'a Fetcher,
    pub(super) context: Context<'a>,
}

impl Documents for ArchiveDocuments<'_> {
    fn document(&self, archive: &str, path: &str, limit: u64) -> Result<Vec<u8>, Box<dyn Fault>> {
        let mirrors =
            self.fetcher.mirrors().bases(archive).map_err(|error| Box::new(error) as Box<dyn Fault>)?;
        let mut first: Option<Box<dyn Fault>> = None;
        for base in mirrors {
            let result = match base.join(path) {
                Ok(url) => self.fetcher.get_kept(&url, limit, self.context.cancel),
                Err(_) => continue,
            };
            match result {
                Ok(bytes) => return Ok(bytes),
                Err(error) => first = first.or(Some(Box::new(error))),
            }
        }
        Err(first.unwrap_or_else(|| Box::new(BuildError::NoMirror { archive: archive.to_owned() })))
    }
}
