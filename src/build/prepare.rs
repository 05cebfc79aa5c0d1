//! Reading a project: its source, its configuration, its builders, and what they ask of the lock.

use std::path::{Path, PathBuf};

use super::crates;
use super::error::BuildError;
use super::request::{Place, SourceChoice};
use crate::builder::Builder;
use crate::cargo::Crate;
use crate::config::{
    BuilderChoice, CONFIG_FILE, DIST_FOLDER, LOCK_FILE, PROVENANCE_FOLDER, Project, ProjectFiles, Target,
    Variant, typed::Pyproject,
};
use crate::digest::Sha256;
use crate::image::RECIPE;
use crate::lock::{Asked, AskedImage, ImageContent, Lock, LockedImage, LockedTarget};
use crate::name::{DebianRelease, ImageRef, Platform, PythonVersion};
use crate::source::{DirtyPolicy, IgnoredPaths, Source};
use crate::wheel::PythonTarget;

/// The requirements that a project without any has (as `build` and pip take them).
const LEGACY_REQUIRES: &str = "setuptools >= 40.8.0";

/// A project, read.
pub(super) struct Prepared {
    /// The project's folder, which paths of layouts are relative to.
    pub(super) folder: PathBuf,
    pub(super) source: Source,
    pub(super) project: Project,
    /// The targets that were asked for, each with its builder.
    pub(super) targets: Vec<(Target, Builder)>,
    /// What is built on: this host's.
    pub(super) platform: Platform,
    /// The file that configures it, and its digest.
    pub(super) config: Option<ConfigFile>,
    /// Crates that the source names; none if cargo does not compile it.
    crates: Option<Vec<Crate>>,
}

/// The file that configures a project.
pub(super) struct ConfigFile {
    pub(super) path: String,
    pub(super) sha256: Sha256,
}

impl Prepared {
    /// Reads the project at a place.
    pub(super) fn read(place: &Place, ignored: &[&Path]) -> Result<Self, BuildError> {
        let platform = Platform::host().ok_or(BuildError::Platform { machine: std::env::consts::ARCH })?;
        let ignored = ignored_paths(&place.folder, ignored);
        let source = match &place.source {
            SourceChoice::Checkout => Source::checkout(&place.folder, place.dirty, &ignored)?,
            SourceChoice::Path(path) => Source::path(path, place.dirty, &ignored)?,
        };
        let files = ProjectFiles {
            config: config_text(place, &source)?,
            pyproject: source.read("pyproject.toml")?,
            setup_py: source.read("setup.py")?,
            cargo_toml: source.read("Cargo.toml")?,
            folder: place.folder.display().to_string(),
        };
        let project = Project::read(&files)?;
        let config = project.config_file.map(|path| ConfigFile {
            path: path.to_owned(),
            sha256: Sha256::of(
                (if path == CONFIG_FILE { &files.config } else { &files.pyproject })
                    .as_deref()
                    .unwrap_or_default(),
            ),
        });
        let targets = project
            .select(&place.targets)?
            .into_iter()
            .map(|target| {
                let builder = builder(&place.folder, &target.builder)?;
                builder.check_target(&target.name, target.written.keys().map(String::as_str))?;
                builder.check_choices(target)?;
                Ok((target.clone(), builder))
            })
            .collect::<Result<Vec<_>, BuildError>>()?;
        let crates = project.rust.as_ref().map(|_| crates::of_source(&source)).transpose()?;
        Ok(Self { folder: place.folder.clone(), source, project, targets, platform, config, crates })
    }

    /// A project of one target as a statement records it. `builders` is where a builder folder of the project's own lies.
    pub(super) fn recorded(
        source: Source,
        folder: &Path,
        (name, written): (&str, &serde_json::Map<String, serde_json::Value>),
        builders: &Path,
    ) -> Result<Self, BuildError> {
        let platform = Platform::host().ok_or(BuildError::Platform { machine: std::env::consts::ARCH })?;
        let files = ProjectFiles {
            config: source.read(CONFIG_FILE)?,
            pyproject: source.read("pyproject.toml")?,
            setup_py: source.read("setup.py")?,
            cargo_toml: source.read("Cargo.toml")?,
            folder: folder.display().to_string(),
        };
        let project = Project::recorded(&files, name, written)?;
        let mut targets = Vec::new();
        for target in &project.targets {
            let builder = builder(builders, &target.builder)?;
            builder.check_target(&target.name, target.written.keys().map(String::as_str))?;
            builder.check_choices(target)?;
            targets.push((target.clone(), builder));
        }
        let crates = project.rust.as_ref().map(|_| crates::of_source(&source)).transpose()?;
        let folder = folder.to_owned();
        Ok(Self { folder, source, project, targets, platform, config: None, crates })
    }

    /// Crates that the source names, if cargo compiles it and this builder asks its backend to.
    pub(super) fn crates_of(&self, builder: &Builder) -> Option<&[Crate]> {
        self.crates.as_deref().filter(|_| builder.asks_backend())
    }

    /// `build-system.requires`, or what stands for it in a project that has none.
    pub(super) fn requires(&self) -> Vec<String> {
        requires_of(self.project.pyproject.as_ref())
    }

    /// What a target asks of the lock in one variant; `locked` is what it has now.
    pub(super) fn asked(
        &self,
        target: &Target,
        builder: &Builder,
        variant: &Variant,
        locked: Option<&LockedTarget>,
    ) -> Result<Asked, BuildError> {
        let mut include: Vec<String> = Vec::new();
        // An image by reference has what it has.
        if variant.image.is_assembled() {
            include.extend(builder.image_packages().iter().chain(&target.system_packages).cloned());
        }
        include.sort();
        include.dedup();
        let mut suites = variant.suites.clone();
        suites.sort();
        suites.dedup();
        Ok(Asked {
            python: variant.python,
            image: AskedImage { reference: variant.image.clone(), recipe: RECIPE, include, suites },
            requires: if builder.asks_backend() { self.requires() } else { Vec::new() },
            requirements: self.requirements_now(target, builder, locked)?,
            extras: target.runtime.extras.clone(),
            groups: target.runtime.groups.clone(),
            crates: self
                .crates_of(builder)
                .unwrap_or_default()
                .iter()
                .map(|one| (one.name.clone(), one.version.clone(), one.sha256))
                .collect(),
            tools: Some(builder.toolchain().distributions(self.platform)),
        })
    }
}

/// `build-system.requires`, or what stands for it in a project that has none.
pub(super) fn requires_of(pyproject: Option<&Pyproject>) -> Vec<String> {
    let system = pyproject.and_then(|pyproject| pyproject.build_system.as_ref());
    system.map_or_else(|| vec![LEGACY_REQUIRES.to_owned()], |system| system.requires.clone())
}

/// Where the lock of a project lies.
pub(super) fn lock_path(place: &Place) -> PathBuf {
    place.folder.join(LOCK_FILE)
}

/// The lock, if there is one.
pub(super) fn read_lock(path: &Path) -> Result<Option<Lock>, BuildError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(Lock::parse(&text)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BuildError::Read { path: path.to_owned(), source }),
    }
}

/// Where a builder is: built in, or a folder below the project's.
fn builder(folder: &Path, choice: &BuilderChoice) -> Result<Builder, BuildError> {
    Ok(match choice {
        BuilderChoice::BuiltIn(name) => Builder::built_in(name)?,
        BuilderChoice::Folder(path) => Builder::from_path(&folder.join(path))?,
    })
}

/// `sealwright.toml`: of the project's folder when another source is built, else the source's own.
fn config_text(place: &Place, source: &Source) -> Result<Option<Vec<u8>>, BuildError> {
    let path = place.folder.join(CONFIG_FILE);
    let on_disk = || match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BuildError::Read { path: path.clone(), source: error }),
    };
    match &place.source {
        SourceChoice::Path(_) => match on_disk()? {
            Some(bytes) => Ok(Some(bytes)),
            None => Ok(source.read(CONFIG_FILE)?),
        },
        SourceChoice::Checkout => match (source.read(CONFIG_FILE)?, place.dirty) {
            (Some(bytes), _) => Ok(Some(bytes)),
            (None, DirtyPolicy::Allow) => on_disk(),
            (None, DirtyPolicy::Refuse) if path.exists() => Err(BuildError::ConfigNotCommitted),
            (None, DirtyPolicy::Refuse) => Ok(None),
        },
    }
}

/// The lock and the output folders, relative to the project's folder where they lie in it.
fn ignored_paths(folder: &Path, outputs: &[&Path]) -> IgnoredPaths {
    let below = outputs.iter().filter_map(|path| {
        let path = path.strip_prefix(folder).unwrap_or(path);
        let relative = path.is_relative().then(|| path.to_str()).flatten()?;
        Some(format!("{}/", relative.trim_end_matches('/')))
    });
    let fixed = [LOCK_FILE.to_owned(), format!("{DIST_FOLDER}/"), format!("{PROVENANCE_FOLDER}/")];
    IgnoredPaths::new(fixed.into_iter().chain(below))
}

/// The release that an image is assembled from.
pub(super) fn release(image: &ImageRef) -> Result<DebianRelease, BuildError> {
    match image {
        ImageRef::Debian(release) => Ok(*release),
        ImageRef::Registry(_) | ImageRef::Layout(_) | ImageRef::Engine(_) => {
            Err(BuildError::NotAssembled { image: image.clone() })
        }
    }
}

/// The interpreter of an image.
pub(super) fn python_of(image: &LockedImage) -> Result<PythonTarget, BuildError> {
    let platform = image.platform;
    match &image.content {
        ImageContent::Assembled(_) => Ok(PythonTarget::debian(release(&image.reference)?, platform)),
        ImageContent::Pulled(pulled) => {
            // A lock that was read holds none without.
            let unknown = || BuildError::NotAssembled { image: image.reference.clone() };
            let python = pulled.python_version().ok_or_else(unknown)?;
            let glibc = pulled.glibc_version().ok_or_else(unknown)?;
            Ok(PythonTarget { python, platform, glibc })
        }
    }
}

/// A version of Python as messages name it.
pub(super) fn python_named(python: Option<PythonVersion>) -> String {
    python.map_or_else(String::new, |python| format!(" with Python {python}"))
}
