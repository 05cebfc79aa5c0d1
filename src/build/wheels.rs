//! Wheels that are built here from sdists, each in a box of its own: the same bytes on every machine, or an error.

use std::collections::BTreeMap;

use super::error::BuildError;
use super::execute::{Folders, Program, Setting};
use super::planning::{SOURCE, backend_request, source_folder};
use super::request::Context;
use super::supply::{Parts, Supplier};
use crate::builder::Builder;
use crate::cargo::{self, Crate};
use crate::config::typed::Pyproject;
use crate::config::{Document, is_rust_backed};
use crate::digest::Sha256;
use crate::fetch::{Places, Wanted};
use crate::lock::{HookRequires, Lock, LockedWheel};
use crate::name::PackageName;
use crate::output::{OutputKind, OutputLimits, OutputRules, ProjectRules, collect};
use crate::sandbox::Limits;
use crate::source::{DirtyPolicy, IgnoredPaths, Source};

/// The building of one wheel, everything for it in place.
pub(super) struct WheelBuild<'a> {
    pub(super) name: &'a PackageName,
    pub(super) version: &'a str,
    pub(super) hooks: &'a [HookRequires],
    pub(super) source: &'a Source,
    pub(super) builder: &'a Builder,
}

/// A wheel in the store.
pub(super) struct MadeWheel {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: Sha256,
}

impl WheelBuild<'_> {
    /// Runs the build, and puts the normalized wheel into the store.
    pub(super) fn run(&self, parts: &Parts, context: Context<'_>) -> Result<MadeWheel, BuildError> {
        let target = self.name.as_str().parse().map_err(|_| BuildError::Name { name: self.name.clone() })?;
        context.reporter.stage(&format!("building a wheel of {} {}", self.name, self.version));
        let folders = Folders::new(self.source, context)?;
        let epoch = self.source.epoch();
        let folder = source_folder(SOURCE, self.source.subdirectory());
        let request = backend_request(&["wheel"], &BTreeMap::new(), &folder, self.hooks);
        let mut env = if parts.cargo.is_some() { cargo::box_environment() } else { BTreeMap::new() };
        env.extend(self.builder.environment(epoch));
        let program = Program {
            argv: self.builder.build_command(&request),
            env,
            cwd: folder,
            limits: Limits::default(),
            setting: Setting::default(),
        };
        let finished = folders.run(program, parts, self.builder, context)?;
        folders.check(&target, &finished, context)?;
        let rules = OutputRules {
            kinds: vec![OutputKind::Wheel],
            archives: Vec::new(),
            project: ProjectRules { name: Some(self.name.clone()), version: Some(self.version.to_owned()) },
            limits: OutputLimits::default(),
        };
        let mut collected = collect(&folders.outputs(), &rules, context.cancel)?;
        let Some(output) = collected.pop() else {
            return Err(BuildError::NoResult { target, source: None, tail: Vec::new() });
        };
        let mut output = output.normalize(epoch, folders.scratch())?;
        let (name, sha256) = (output.name.clone(), output.sha256);
        let blob = context.store.insert(output.reader()?, Some(sha256))?;
        folders.close()?;
        Ok(MadeWheel { name, size: blob.size, sha256 })
    }
}

/// Builds the wheels of a lock that are not in the store, each before what needs it.
///
/// # Errors
/// Something is not to be had, a build fails, or gives another wheel than the lock names.
pub(super) fn ensure(
    wheels: &[&LockedWheel],
    lock: &Lock,
    supplier: &Supplier<'_>,
) -> Result<(), BuildError> {
    for wheel in wheels {
        if !supplier.context().store.has(&wheel.sha256) {
            let wrong = |source: BuildError| BuildError::Wheel {
                sdist: wheel.sdist.file.clone(),
                required_by: vec![wheel.file.clone()],
                source: Box::new(source),
            };
            build(wheel, lock, supplier).map_err(wrong)?;
        }
    }
    Ok(())
}

fn build(wheel: &LockedWheel, lock: &Lock, supplier: &Supplier<'_>) -> Result<(), BuildError> {
    let context = supplier.context();
    let image = lock.image(&wheel.image).ok_or_else(|| BuildError::NoImage { digest: wheel.image })?;
    supplier.sdists(&[wheel])?;
    let source = open(&wheel.sdist.sha256, context)?;
    let unpacked = supplier.image(image)?;
    let builder = Builder::built_in("python-build")?;
    let pyproject = source.read("pyproject.toml")?;
    let pyproject = pyproject
        .as_deref()
        .map(|bytes| Document { file: "pyproject.toml", bytes }.parse::<Pyproject>())
        .transpose()?;
    let named = crates(&source, pyproject.as_ref(), source.read("Cargo.toml")?.as_deref())?;
    let crates = (named.as_deref(), wheel.crates.as_slice());
    let parts = Parts::installed((image, unpacked), &builder, &wheel.distributions, crates, supplier)?;
    let build = WheelBuild {
        name: &wheel.name,
        version: &wheel.version,
        hooks: &wheel.hooks,
        source: &source,
        builder: &builder,
    };
    let made = build.run(&parts, context)?;
    if made.sha256 == wheel.sha256 {
        return Ok(());
    }
    Err(BuildError::OtherWheel {
        file: wheel.file.clone(),
        sdist: wheel.sdist.file.clone(),
        expected: wheel.sha256,
        actual: made.sha256,
    })
}

/// The crates that a source names; none if cargo does not compile it.
pub(super) fn crates(
    source: &Source,
    pyproject: Option<&Pyproject>,
    cargo_toml: Option<&[u8]>,
) -> Result<Option<Vec<Crate>>, BuildError> {
    is_rust_backed(pyproject, cargo_toml).then(|| super::crates::of_source(source)).transpose()
}

/// The source in an sdist of the store.
pub(super) fn open(sdist: &Sha256, context: Context<'_>) -> Result<Source, BuildError> {
    let path = context.store.blob_path(sdist);
    let source = Source::path(&path, DirtyPolicy::Refuse, &IgnoredPaths::default())?;
    // Read once, hashed as it was read.
    match source.identity() {
        crate::source::SourceIdentity::Archive { sha256, .. } if sha256 == sdist => Ok(source),
        _ => {
            context.store.read(sdist)?;
            Err(BuildError::Changed { path })
        }
    }
}

/// What is fetched of a wheel that is built here.
pub(super) fn wanted(wheel: &LockedWheel) -> Wanted {
    Wanted {
        file: wheel.sdist.file.clone(),
        sha256: wheel.sdist.sha256,
        size: Some(wheel.sdist.size),
        required_by: vec![wheel.file.clone()],
        places: Places::Indexes(wheel.name.clone()),
    }
}
