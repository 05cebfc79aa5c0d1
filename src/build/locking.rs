//! Making the lock: the image, then build requirements to a fixpoint.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::BuildError;
use super::planning::{limits, settings, source_folder};
use super::prepare::{Prepared, lock_path, python_named, python_of, read_lock, release};
use super::report::{LockOutcome, LockReport};
use super::request::{Context, LockMode, LockRequest, Upgrade};
use super::supply::{ArchiveDocuments, Supplier, keep_locked};
use crate::builder::Builder;
use crate::cargo::BoxCargo;
use crate::config::{Target, Variant};
use crate::digest::Sha256;
use crate::environment::{Environment, Purpose, Question, Workshop, ask_requires};
use crate::image::{self, Image};
use crate::lock::{
    Asked, AskedImage, Distribution, HookRequires, ImageContent, Lock, LockedImage, LockedTarget, Role,
};
use crate::output::{Written, write_whole};
use crate::resolve::debian::{self, ArchiveKeys};
use crate::resolve::python::{self, PythonError, Resolved, Wanted};

/// How often a backend is asked what it requires, each time with what it asked for before.
const ROUNDS: usize = 8;

/// Who asked for what `build-system.requires` names.
const STATIC: &str = "build-system.requires";

/// Makes or checks the lock of a project.
///
/// # Errors
/// With [`LockMode::Check`], a stale or missing lock. Else: something cannot be resolved, the backend fails while
/// it is asked, the network or the host fails.
pub fn lock(request: &LockRequest, context: Context<'_>) -> Result<LockReport, BuildError> {
    let prepared = Prepared::read(&request.place, &[])?;
    let path = lock_path(&request.place);
    let old = read_lock(&path)?;
    match (request.mode, &old) {
        (LockMode::Check, None) => return Err(BuildError::NoLock { path }),
        (LockMode::Check, Some(lock)) => {
            check(&prepared, lock, &path)?;
            return Ok(report(path, LockOutcome::Fresh, lock));
        }
        (LockMode::Write, _) => {}
    }
    let fresh = request.upgrade == Upgrade::Keep
        && old
            .as_ref()
            .is_some_and(|lock| check(&prepared, lock, &path).is_ok() && lock_is_whole(&prepared, lock));
    if let (true, Some(lock)) = (fresh, &old) {
        return Ok(report(path, LockOutcome::Fresh, lock));
    }
    let (lock, outcome) = renew(&prepared, &path, old, request.upgrade, context)?;
    Ok(report(path, outcome, &lock))
}

fn report(path: PathBuf, outcome: LockOutcome, lock: &Lock) -> LockReport {
    LockReport {
        path,
        outcome,
        images: lock.images.len(),
        packages: lock.images.iter().map(|image| image.packages().len()).sum(),
        distributions: lock.targets.iter().map(|target| target.distributions.len()).sum(),
    }
}

/// Whether the lock holds no target that the project no longer has.
fn lock_is_whole(prepared: &Prepared, lock: &Lock) -> bool {
    lock.targets.iter().all(|locked| prepared.project.targets.iter().any(|target| target.name == locked.name))
}

/// Fails with everything that is stale in one of the targets that were asked for.
pub(super) fn check(prepared: &Prepared, lock: &Lock, path: &Path) -> Result<(), BuildError> {
    for (target, builder) in &prepared.targets {
        for variant in &target.variants {
            let reasons = match lock.find(&target.name, prepared.platform, variant.python) {
                None => {
                    let python = python_named(variant.python);
                    vec![format!("it holds nothing for {}{python}", prepared.platform)]
                }
                Some(locked) => locked.stale(lock, &prepared.asked(target, builder, variant)),
            };
            if !reasons.is_empty() {
                let (path, target) = (path.to_owned(), target.name.clone());
                return Err(BuildError::Stale { path, target, reasons });
            }
        }
    }
    Ok(())
}

/// Resolves the targets that were asked for again, and writes the lock.
pub(super) fn renew(
    prepared: &Prepared,
    path: &Path,
    old: Option<Lock>,
    upgrade: Upgrade,
    context: Context<'_>,
) -> Result<(Lock, LockOutcome), BuildError> {
    let _guard =
        context.store.lock_key(&format!("lock-{}", path.display()), context.reporter, context.cancel)?;
    let mut lock = old.unwrap_or_default();
    let supplier = Supplier::new(&prepared.project.debian, context);
    for (target, builder) in &prepared.targets {
        for variant in &target.variants {
            let locking = Locking {
                prepared,
                target,
                builder,
                variant,
                old: &lock,
                upgrade,
                supplier: &supplier,
                context,
            };
            let newer = locking.run()?;
            lock.merge(newer);
        }
    }
    lock.retain(|locked| {
        prepared.project.targets.iter().any(|target| {
            target.name == locked.name
                && target
                    .variants
                    .iter()
                    .any(|variant| variant.python.is_none_or(|python| python == locked.python))
        })
    });
    keep_locked(&lock, path, context)?;
    let outcome = match write_whole(path, lock.to_text().as_bytes())? {
        Written::Unchanged => LockOutcome::Unchanged,
        Written::New | Written::Replaced => LockOutcome::Written,
    };
    Ok((lock, outcome))
}

/// The locking of one target with one version of Python.
struct Locking<'a> {
    prepared: &'a Prepared,
    target: &'a Target,
    builder: &'a Builder,
    variant: &'a Variant,
    old: &'a Lock,
    upgrade: Upgrade,
    supplier: &'a Supplier<'a>,
    context: Context<'a>,
}

impl Locking<'_> {
    /// The image, then the requirements that the project writes, then those that its backend asks for when it has
    /// these, until it asks for nothing else.
    fn run(&self) -> Result<Lock, BuildError> {
        let asked = self.prepared.asked(self.target, self.builder, self.variant);
        let (locked_image, image) = self.image(&asked)?;
        let python = python_of(&locked_image)?;
        let tools = self.builder.toolchain().distributions();
        let workshop = self.supplier.workshop(&image, python);
        let tool = self.supplier.environment(tools, Purpose::Tool, workshop)?;
        let named = self.prepared.crates_of(self.builder);
        let crates = self.supplier.lock_crates(named.unwrap_or_default())?;
        let cargo = self.supplier.cargo(named, &crates)?;
        let scratch = self.context.store.scratch("lock")?;
        let mut hooks: Vec<HookRequires> = Vec::new();
        for round in 0..ROUNDS {
            let build = self.python(&wanted(&asked.requires, &hooks), workshop)?;
            let environment = self.supplier.environment(&build, Purpose::Build, workshop)?;
            let source = scratch.path().join(format!("src-{round}"));
            self.prepared.source.export(&source)?;
            let answer = self.ask(&environment, &tool, cargo.as_ref(), &source, workshop)?;
            if requirements(&answer) == requirements(&hooks) {
                scratch.close()?;
                let target = LockedTarget {
                    name: self.target.name.clone(),
                    platform: self.prepared.platform,
                    python: python.python,
                    image: locked_image.digest,
                    requirements: asked.requirements,
                    extras: asked.extras,
                    groups: asked.groups,
                    requires: asked.requires,
                    crates,
                    hooks: answer,
                    distributions: tools.iter().cloned().chain(build).collect(),
                };
                return Ok(Lock { images: vec![locked_image], wheels: Vec::new(), targets: vec![target] });
            }
            hooks = answer;
        }
        let last = requirements(&hooks).into_iter().map(str::to_owned).collect();
        Err(BuildError::NoFixpoint { target: self.target.name.clone(), rounds: ROUNDS, last })
    }

    /// The entry of the old lock, unless everything is to be new.
    fn kept(&self) -> Option<&LockedTarget> {
        match self.upgrade {
            Upgrade::All => None,
            Upgrade::Keep => self.old.find(&self.target.name, self.prepared.platform, self.variant.python),
        }
    }

    /// The old image, if it is still what is asked for, else a new one.
    fn image(&self, asked: &Asked) -> Result<(LockedImage, Image), BuildError> {
        let kept = self.kept().and_then(|kept| self.old.image(&kept.image)).filter(|old| {
            let AskedImage { reference, recipe, include, suites: asked_suites } = &asked.image;
            old.reference == *reference
                && match &old.content {
                    ImageContent::Assembled(old) => {
                        let suites = old.suites.iter().map(|suite| &suite.name);
                        old.recipe <= *recipe && old.include == *include && suites.eq(asked_suites)
                    }
                    ImageContent::Pulled(_) => true,
                }
        });
        if let Some(kept) = kept {
            return Ok((kept.clone(), self.supplier.image(kept)?));
        }
        let Context { store, engine, reporter, cancel, .. } = self.context;
        let fetcher = self.supplier.fetcher()?;
        let request = debian::Request {
            release: release(&asked.image.reference)?,
            platform: self.prepared.platform,
            suites: asked.image.suites.clone(),
            include: asked.image.include.clone(),
            now: Timestamp::now(),
        };
        let documents = ArchiveDocuments { fetcher, context: self.context };
        let inputs = debian::resolve(&request, &ArchiveKeys::debian()?, &documents, store, reporter)?;
        fetcher.debian_packages(&inputs.clone().locked(Sha256::of([])), reporter, cancel)?;
        let image = image::assemble(&inputs, store, engine, reporter, cancel)?;
        Ok((inputs.locked(image.digest), image))
    }

    /// Resolves build requirements; versions of the old lock stay where they still fit.
    fn python(&self, wanted: &[Wanted], workshop: Workshop<'_>) -> Result<Vec<Distribution>, BuildError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        self.context.reporter.stage("resolving build requirements");
        let resolver = self.resolver(workshop)?;
        let fetcher = self.supplier.fetcher()?;
        let keep: Vec<Distribution> = self.kept().map_or_else(Vec::new, |kept| {
            kept.distributions.iter().filter(|file| file.role == Role::Build).cloned().collect()
        });
        let tools = python::Tools {
            resolver: &resolver.root,
            image: workshop.image,
            store: self.context.store,
            engine: self.context.engine,
            indexes: fetcher.indexes(),
            net: fetcher.net(),
            offline: self.context.offline,
            reporter: self.context.reporter,
            cancel: self.context.cancel,
        };
        let request =
            python::Request { wanted, target: workshop.target, python: workshop.target.python, keep: &keep };
        let answer = match python::resolve(request, tools) {
            // What was locked may not fit what is asked for now.
            Err(PythonError::Unsolvable { .. }) if !keep.is_empty() => {
                python::resolve(python::Request { keep: &[], ..request }, tools)?
            }
            other => other?,
        };
        answer.into_iter().map(|resolved| self.distribution(resolved)).collect()
    }

    /// A resolved file as the lock names it.
    fn distribution(&self, resolved: Resolved) -> Result<Distribution, BuildError> {
        let Resolved { name, version, file, size, sha256, required_by, url } = resolved;
        if let Some(url) = url {
            self.supplier.fetcher()?.hint(sha256, url);
        }
        let known = size.unwrap_or_default();
        let mut distribution =
            Distribution { role: Role::Build, name, version, file, size: known, sha256, required_by };
        if size.is_none() {
            distribution.size = self.supplier.measure(&distribution)?;
        }
        Ok(distribution)
    }

    /// The resolver, installed.
    fn resolver(&self, workshop: Workshop<'_>) -> Result<Environment, BuildError> {
        let platform = self.prepared.platform;
        let resolver = self
            .builder
            .toolchain()
            .resolver(platform)
            .ok_or_else(|| BuildError::NoResolver { builder: self.builder.name().to_owned(), platform })?;
        self.supplier.environment(&[resolver.distribution()], Purpose::Tool, workshop)
    }

    fn ask(
        &self,
        build: &Environment,
        tool: &Environment,
        cargo: Option<&BoxCargo>,
        source: &Path,
        workshop: Workshop<'_>,
    ) -> Result<Vec<HookRequires>, BuildError> {
        self.context.reporter.stage("asking the build backend what it requires");
        let question = Question {
            builder: self.builder,
            build,
            tool,
            cargo,
            source,
            folder: source_folder(self.prepared.source.subdirectory()),
            epoch: self.prepared.source.epoch(),
            distributions: &["sdist", "wheel"],
            config_settings: &settings(&self.target.config_settings).into_iter().collect(),
            limits: limits(&self.target.limits),
        };
        Ok(ask_requires(&question, workshop)?)
    }
}

/// What the project writes, and what its backend asked for.
fn wanted(requires: &[String], hooks: &[HookRequires]) -> Vec<Wanted> {
    let written = requires.iter().map(|text| (text, STATIC));
    let asked = hooks.iter().flat_map(|hook| hook.requires.iter().map(|text| (text, hook.name.as_str())));
    written.chain(asked).map(|(text, by)| Wanted { requirement: text.clone(), by: by.to_owned() }).collect()
}

/// Every requirement that any hook named, sorted.
fn requirements(hooks: &[HookRequires]) -> BTreeSet<&str> {
    hooks.iter().flat_map(|hook| hook.requires.iter().map(String::as_str)).collect()
}
