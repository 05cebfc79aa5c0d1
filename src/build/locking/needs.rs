//! What the build of one source asks for, to a fixpoint: requirements, then what the backend asks for when it has
//! these, until it asks for nothing else.

use std::panic::resume_unwind;
use std::thread;
use std::time::Instant;

use super::super::error::BuildError;
use super::super::planning::{SOURCE, source_folder};
use super::super::prepare::python_of;
use super::super::request::Upgrade;
use super::images::Images;
use super::wanted::{requirements, wanted};
use crate::builder::Builder;
use crate::cargo::Crate;
use crate::environment::{Environment, Purpose, Question, Workshop, ask_requires};
use crate::event::Event;
use crate::image::Image;
use crate::lock::{Distribution, HookRequires, LockedCrate, LockedImage, LockedWheel, Role};
use crate::name::{ImageRef, PythonVersion, TargetName};
use crate::resolve::python::{self, PythonError, Resolved, Wanted};
use crate::sandbox::Limits;
use crate::source::Source;

/// How often a backend is asked what it requires, each time with what it asked for before.
const ROUNDS: usize = 8;

/// What locking works with, for one platform and version of Python.
pub(super) struct Locker<'a> {
    pub(super) images: Images<'a>,
    pub(super) python: PythonVersion,
    /// The target's base image and its suites, which sdists are built in too.
    pub(super) image: &'a ImageRef,
    pub(super) suites: &'a [String],
    /// What the target adds to its image; sdists that need it get it too.
    pub(super) system_packages: &'a [String],
    /// Nothing that was uploaded later is taken.
    pub(super) cutoff: Option<&'a str>,
}

/// A source whose build is locked: a target's, or an sdist that has no wheel.
pub(super) struct Subject<'a> {
    /// As messages name it.
    pub(super) name: TargetName,
    pub(super) source: &'a Source,
    /// `build-system.requires`
    pub(super) requires: Vec<String>,
    /// Crates that the source names; none if cargo does not compile it.
    pub(super) crates: Option<&'a [Crate]>,
    pub(super) builder: &'a Builder,
    /// What will be made: `sdist`, `wheel` or both.
    pub(super) distributions: &'a [&'a str],
    pub(super) config_settings: serde_json::Map<String, serde_json::Value>,
    pub(super) limits: Limits,
    /// What was locked for it before.
    pub(super) kept: &'a [Distribution],
    /// File names of the sdists whose builds need this one.
    pub(super) above: &'a [String],
}

/// Wheels that were built while locking, and the images that they were built in.
#[derive(Default)]
pub(super) struct Made {
    pub(super) images: Vec<LockedImage>,
    pub(super) wheels: Vec<LockedWheel>,
}

/// What a build asks for.
pub(super) struct Needs {
    pub(super) hooks: Vec<HookRequires>,
    pub(super) crates: Vec<LockedCrate>,
    /// With role `build`.
    pub(super) distributions: Vec<Distribution>,
}

impl Locker<'_> {
    /// Resolves what a build asks for. Wheels that have to be built for it, and their images, are added to `made`.
    pub(super) fn needs(
        &self,
        subject: &Subject<'_>,
        locked: &LockedImage,
        image: &Image,
        made: &mut Made,
    ) -> Result<Needs, BuildError> {
        if !subject.builder.asks_backend() {
            return Ok(Needs { hooks: Vec::new(), crates: Vec::new(), distributions: Vec::new() });
        }
        let context = self.images.supplier.context();
        let workshop = self.images.supplier.workshop(image, python_of(locked)?);
        let tools = subject.builder.toolchain().distributions(self.images.platform);
        let tool = self.images.supplier.environment(&tools, Purpose::Tool, workshop)?;
        let crates = self.images.supplier.lock_crates(subject.crates.unwrap_or_default())?;
        let cargo = self.images.supplier.cargo(subject.crates, &crates)?;
        let scratch = context.store.scratch("lock")?;
        let mut hooks: Vec<HookRequires> = Vec::new();
        for round in 0..ROUNDS {
            let source = scratch.path().join(format!("src-{round}"));
            // The resolver mostly waits for the index.
            let (build, exported) = thread::scope(|scope| {
                let exporting = scope.spawn(|| subject.source.export(&source));
                let build = self.resolve(&wanted(&subject.requires, &hooks), subject, workshop, made);
                (build, exporting.join().unwrap_or_else(|panic| resume_unwind(panic)))
            });
            let build = build?;
            exported?;
            let environment = self.images.supplier.environment(&build, Purpose::Build, workshop)?;
            context.reporter.stage("asking the build backend what it requires");
            let question = Question {
                builder: subject.builder,
                build: &environment,
                tool: &tool,
                cargo: cargo.as_ref(),
                source: &source,
                folder: source_folder(SOURCE, subject.source.subdirectory()),
                epoch: subject.source.epoch(),
                distributions: subject.distributions,
                config_settings: &subject.config_settings,
                limits: subject.limits,
            };
            let began = Instant::now();
            let answer = ask_requires(&question, workshop)?;
            let seconds = began.elapsed().as_secs_f64();
            context
                .reporter
                .report(Event::StageDone { what: format!("asked the build backend: {seconds:.2} s") });
            if requirements(&answer) == requirements(&hooks) {
                scratch.close()?;
                return Ok(Needs { hooks: answer, crates, distributions: build });
            }
            hooks = answer;
        }
        let last = requirements(&hooks).into_iter().map(str::to_owned).collect();
        Err(BuildError::NoFixpoint { target: subject.name.clone(), rounds: ROUNDS, last })
    }

    /// Resolves build requirements; versions of the old lock stay where they still fit. What there is no wheel of is
    /// built from its sdist first.
    fn resolve(
        &self,
        wanted: &[Wanted],
        subject: &Subject<'_>,
        workshop: Workshop<'_>,
        made: &mut Made,
    ) -> Result<Vec<Distribution>, BuildError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let context = self.images.supplier.context();
        let resolver = self.resolver(subject.builder, workshop)?;
        let fetcher = self.images.supplier.fetcher()?;
        let keep: Vec<Distribution> = self.kept(subject.kept, Role::Build).cloned().collect();
        let tools = python::Tools {
            resolver: &resolver.root,
            image: workshop.image,
            store: context.store,
            engine: context.engine,
            indexes: fetcher.indexes(),
            net: fetcher.net(),
            offline: context.offline,
            reporter: context.reporter,
            cancel: context.cancel,
        };
        let mut search = super::sdists::Search::default();
        loop {
            context.reporter.stage("resolving build requirements");
            let built = search.built(context.store);
            let request = python::Request {
                wanted,
                target: workshop.target,
                python: self.python,
                keep: &keep,
                built: &built,
                cutoff: self.cutoff,
            };
            let answer = match python::resolve(request, tools) {
                // What was locked may not fit what is asked for now.
                Err(PythonError::Unsolvable { .. }) if !keep.is_empty() => {
                    python::resolve(python::Request { keep: &[], ..request }, tools)
                }
                other => other,
            };
            match answer {
                Ok(files) => return files.into_iter().map(|one| self.distribution(one)).collect(),
                Err(PythonError::Unsolvable { lines, needs_wheels }) if !needs_wheels.is_empty() => {
                    if !search.extend(self, &needs_wheels, wanted, subject, made)? {
                        return Err(PythonError::Unsolvable { lines, needs_wheels }.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What was locked before and may stay.
    pub(super) fn kept<'b>(
        &'b self,
        distributions: &'b [Distribution],
        role: Role,
    ) -> impl Iterator<Item = &'b Distribution> {
        distributions.iter().filter(move |file| {
            file.role == role
                && match self.images.upgrade {
                    Upgrade::All => false,
                    Upgrade::Keep => true,
                    Upgrade::Packages(names) => !names.contains(&file.name),
                }
        })
    }

    /// A resolved file as the lock names it.
    fn distribution(&self, resolved: Resolved) -> Result<Distribution, BuildError> {
        let Resolved { name, version, file, size, sha256, required_by, url } = resolved;
        if let Some(url) = url {
            self.images.supplier.fetcher()?.hint(sha256, url);
        }
        let known = size.unwrap_or_default();
        let mut distribution =
            Distribution { role: Role::Build, name, version, file, size: known, sha256, required_by };
        if size.is_none() {
            distribution.size = self.images.supplier.measure(&distribution)?;
        }
        Ok(distribution)
    }

    /// The resolver, installed.
    fn resolver(&self, builder: &Builder, workshop: Workshop<'_>) -> Result<Environment, BuildError> {
        let platform = self.images.platform;
        let resolver = builder
            .toolchain()
            .resolver(platform)
            .ok_or_else(|| BuildError::NoResolver { builder: builder.name().to_owned(), platform })?;
        self.images.supplier.environment(&[resolver.distribution()], Purpose::Tool, workshop)
    }
}
