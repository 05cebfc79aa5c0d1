//! `build`: everything in order, for each target and version of Python.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;

use super::attest::Observed;
use super::cache::{self, ActionResult, KeptOutput};
use super::check;
use super::check::CheckReport;
use super::error::BuildError;
use super::execute::{Folders, Program, Setting};
use super::fill::keep_locked;
use super::locking;
use super::plan::{BuildPlan, PlannedOutputs};
use super::planning::{Inputs, SOURCE, UsesCargo, kinds, limits, outputs};
use super::prepare::{Prepared, lock_path, python_named, read_lock};
use super::report::{BuildReport, BuiltOutput, BuiltTarget, Origin};
use super::request::{BuildRequest, CachePolicy, Checking, Context, LockPolicy, Upgrade};
use super::supply::{Parts, Supplier};
use crate::builder::Builder;
use crate::config::{ArchiveFormat, Normalize, Target};
use crate::digest::Sha256;
use crate::lock::{Lock, LockedImage, LockedTarget};
use crate::output::{
    FileMode, FolderLock, OutputLimits, OutputRules, Prepared as PreparedOutput, ProjectRules, Publication,
    collect,
};
use crate::provenance::TrustMode;
use crate::sandbox::Finished;
use crate::sign::{Format, Signing, envelope_of};
use crate::store::RootUses;

/// Builds the targets of a project and publishes outputs with their statements.
///
/// # Errors
/// Anything from the configuration to the disk; what was there before stays, and nothing half-written is left.
pub fn build(request: &BuildRequest, context: Context<'_>) -> Result<BuildReport, BuildError> {
    let prepared = Prepared::read(&request.place, &[&request.dist, &request.provenance])?;
    for note in prepared.source.notes() {
        context.reporter.note(note);
    }
    for (target, builder) in &prepared.targets {
        outputs(target, builder, prepared.platform, request.outputs)?;
    }
    prepared.source.require_history(&prepared.source.history_need()?)?;
    let lock = usable_lock(request, &prepared, context)?;
    let lock_file = Sha256::of(lock.to_text());
    let supplier = Supplier::new(&prepared, context);
    let mut results = Vec::new();
    let mut checks = Vec::new();
    let mut uses = RootUses::default();
    for (target, builder) in &prepared.targets {
        for variant in &target.variants {
            let platform = prepared.platform;
            let missing = || BuildError::Stale {
                path: lock_path(&request.place),
                target: target.name.clone(),
                reasons: vec![format!("it holds nothing for {platform}{}", python_named(variant.python))],
            };
            let locked = lock.find(&target.name, platform, variant.python).ok_or_else(missing)?;
            let image = lock.image(&locked.image).ok_or_else(missing)?;
            let lock = &lock;
            let one = One { request, prepared: &prepared, target, builder, lock_file, locked, image, lock };
            let (plan, origin, result) = one.result(&supplier, context)?;
            match request.checking {
                Checking::No => {}
                Checking::Yes => checks.push(check::check(&one, &plan, &result, &supplier, context)?),
            }
            let key = plan.action_key(context.engine.class(), TrustMode::Local);
            uses.actions.insert(key);
            results.push((target, plan, origin, result));
        }
    }
    // What is not the same under other conditions is not published, and nothing beside it.
    let equal = checks.iter().all(CheckReport::is_identical);
    let targets = if equal { publish(request, &results, context)? } else { Vec::new() };
    keep_locked(&lock, &lock_path(&request.place), context)?;
    context.store.set_root("build", &lock_path(&request.place), &uses)?;
    Ok(BuildReport { targets, checks })
}

/// The lock as it stands, or a new one where that is allowed.
fn usable_lock(
    request: &BuildRequest,
    prepared: &Prepared,
    context: Context<'_>,
) -> Result<Lock, BuildError> {
    let path = lock_path(&request.place);
    let old = read_lock(&path)?;
    let why = match &old {
        Some(lock) => match locking::check(prepared, lock, &path) {
            Ok(()) => return Ok(lock.clone()),
            Err(stale) if request.lock == LockPolicy::Locked => return Err(stale),
            Err(stale) => stale.to_string(),
        },
        None if request.lock == LockPolicy::Locked => return Err(BuildError::NoLock { path }),
        None => "there is no sealwright.lock".to_owned(),
    };
    context.reporter.note(&format!("locking first: {why}"));
    for (target, _) in &prepared.targets {
        if let Some(said) = &target.said {
            context.reporter.note(&format!("{}: {said}", target.name));
        }
    }
    let (lock, _) = locking::renew(prepared, &path, old, &Upgrade::Keep, context)?;
    context.reporter.note("wrote sealwright.lock: commit it");
    Ok(lock)
}

/// One target with one version of Python.
pub(super) struct One<'a> {
    request: &'a BuildRequest,
    prepared: &'a Prepared,
    pub(super) target: &'a Target,
    pub(super) builder: &'a Builder,
    lock_file: Sha256,
    locked: &'a LockedTarget,
    image: &'a LockedImage,
    lock: &'a Lock,
}

/// A box that came to its end, and what it made: checked and normalized.
pub(super) struct Made {
    pub(super) folders: Folders,
    finished: Finished,
    pub(super) outputs: Vec<PreparedOutput>,
}

impl One<'_> {
    /// The bytes: of an earlier build of the same plan, or of one that is done now.
    fn result(
        &self,
        supplier: &Supplier<'_>,
        context: Context<'_>,
    ) -> Result<(BuildPlan, Origin, ActionResult), BuildError> {
        let plan = self.plan(SOURCE)?;
        let key = plan.action_key(context.engine.class(), TrustMode::Local);
        if self.request.cache == CachePolicy::Use
            && let Some(result) = cache::find(&key, context)?
        {
            return Ok((plan, Origin::Cached, result));
        }
        let began = Instant::now();
        let parts = self.parts(supplier)?;
        let result = self.build(&plan, &parts, context)?;
        cache::keep(&key, &result, &parts.keys(), context)?;
        Ok((plan, Origin::Built { seconds: began.elapsed().as_secs_f64() }, result))
    }

    fn normalize(&self) -> Normalize {
        self.request.normalize.unwrap_or(self.target.normalize)
    }

    /// What will happen, with the source at `root` in the box.
    pub(super) fn plan(&self, root: &str) -> Result<BuildPlan, BuildError> {
        let mut config_settings = self.target.config_settings.clone();
        config_settings.extend(self.request.config_settings.clone());
        let source = &self.prepared.source;
        let inputs = Inputs {
            target: self.target,
            builder: self.builder,
            locked: self.locked,
            image: self.image,
            source: source.identity(),
            root,
            subdirectory: source.subdirectory(),
            epoch: source.epoch(),
            outputs: outputs(self.target, self.builder, self.prepared.platform, self.request.outputs)?,
            config_settings: &config_settings,
            normalize: self.normalize(),
            cargo: match self.prepared.crates_of(self.builder) {
                Some(_) => UsesCargo::Yes,
                None => UsesCargo::No,
            },
        };
        Ok(inputs.plan())
    }

    /// What the box is made of.
    pub(super) fn parts(&self, supplier: &Supplier<'_>) -> Result<Parts, BuildError> {
        let crates = self.prepared.crates_of(self.builder);
        Parts::ensure(self.locked, self.image, &self.slice(), self.builder, crates, supplier)
    }

    /// Runs a planned box in a setting, and takes what it made.
    pub(super) fn make(
        &self,
        plan: &BuildPlan,
        setting: Setting,
        parts: &Parts,
        context: Context<'_>,
    ) -> Result<Made, BuildError> {
        let folders = Folders::new(&self.prepared.source, context)?;
        let program = Program {
            argv: plan.argv.clone(),
            env: plan.env.clone(),
            cwd: plan.cwd.clone(),
            limits: limits(&self.target.limits),
            setting,
        };
        let finished = folders.run(program, parts, self.builder, context)?;
        folders.check(&self.target.name, &finished, context)?;
        let outputs = collected(self.prepared, self.target, (&folders, plan), self.normalize(), context)?;
        Ok(Made { folders, finished, outputs })
    }

    fn build(
        &self,
        plan: &BuildPlan,
        parts: &Parts,
        context: Context<'_>,
    ) -> Result<ActionResult, BuildError> {
        let started = Timestamp::now();
        context.reporter.stage(&format!("building {}", self.target.name));
        let Made { folders, finished, outputs } = self.make(plan, Setting::default(), parts, context)?;
        let observed = Observed {
            prepared: self.prepared,
            target: self.target,
            builder: self.builder,
            request: self.request,
            lock_file: self.lock_file,
            slice: self.slice(),
            plan,
            finished: &finished,
            invocation_id: format!("urn:uuid:{}", uuid::Uuid::new_v4()),
            started: started.as_second(),
            ended: Timestamp::now().as_second(),
        };
        let kept = observed.keep(context)?;
        let mut result = ActionResult { outputs: Vec::new() };
        for mut output in outputs {
            let statement = observed.statement(&output, &kept, context)?;
            let statement = context.store.insert(statement.to_line().as_bytes(), None)?;
            let sha256 = output.sha256;
            context.store.insert(output.reader()?, Some(sha256))?;
            result.outputs.push(KeptOutput {
                name: output.name.clone(),
                size: output.size,
                sha256: output.sha256,
                statement: statement.digest,
                byproducts: kept.digests(),
            });
        }
        folders.close()?;
        Ok(result)
    }

    fn slice(&self) -> Lock {
        let LockedTarget { name, platform, python, .. } = self.locked;
        self.lock.slice(name, *platform, *python).expect("the target was found in this lock")
    }
}

/// Takes the outputs from the box's folder, checked and normalized.
pub(super) fn collected(
    prepared: &Prepared,
    target: &Target,
    (folders, plan): (&Folders, &BuildPlan),
    normalize: Normalize,
    context: Context<'_>,
) -> Result<Vec<PreparedOutput>, BuildError> {
    let project = prepared.project.pyproject.as_ref().and_then(|pyproject| pyproject.project.as_ref());
    let mut limits = OutputLimits::default();
    if let Some(bytes) = target.limits.output_size {
        limits.file_bytes = bytes;
    }
    let rules = OutputRules {
        kinds: kinds(&plan.outputs),
        project: ProjectRules {
            name: project.and_then(|project| project.name.as_deref()?.parse().ok()),
            version: project.and_then(|project| project.version.clone()),
        },
        archives: match &plan.outputs {
            PlannedOutputs::Distributions(_) => Vec::new(),
            PlannedOutputs::Archive { files, .. } => files.clone(),
        },
        limits,
    };
    collect(&folders.outputs(), &rules, context.cancel)?
        .into_iter()
        .map(|output| {
            Ok(match normalize {
                Normalize::No => output.as_it_is(),
                Normalize::Yes => output.normalize(plan.epoch, folders.scratch())?,
            })
        })
        .collect()
}

/// Puts outputs and statements of all targets into their folders, together.
fn publish(
    request: &BuildRequest,
    results: &[(&Target, BuildPlan, Origin, ActionResult)],
    context: Context<'_>,
) -> Result<Vec<BuiltTarget>, BuildError> {
    let folder = FolderLock::acquire(&request.dist, context.reporter, context.cancel)?;
    let mut publication = Publication::new(&folder, context.cancel);
    let mut seen: BTreeMap<&str, Sha256> = BTreeMap::new();
    let mut targets = Vec::new();
    let mut bundle = Vec::new();
    let format = request.signing.as_ref().map_or(Format::Dsse, |signing| signing.format);
    for (target, plan, origin, result) in results {
        let mut outputs = Vec::new();
        let mut all_signed = true;
        let mode = match &plan.outputs {
            PlannedOutputs::Archive { format: ArchiveFormat::File, .. } => FileMode::Program,
            PlannedOutputs::Archive { .. } | PlannedOutputs::Distributions(_) => FileMode::Data,
        };
        for output in &result.outputs {
            let path = request.dist.join(&output.name);
            let statement = request.provenance.join(format.file_name(&output.name));
            outputs.push(BuiltOutput {
                path,
                size: output.size,
                sha256: output.sha256,
                statement: statement.clone(),
            });
            match seen.insert(&output.name, output.sha256) {
                Some(first) if first == output.sha256 => {
                    all_signed = all_signed && request.signing.is_some();
                    continue;
                }
                Some(_) => {
                    return Err(BuildError::Clash { target: target.name.clone(), name: output.name.clone() });
                }
                None => {}
            }
            publication.kept(&output.name, output.sha256, mode, || {
                context.store.open_blob(&output.sha256).map_err(BuildError::from)
            })?;
            let line = context.store.read(&output.statement)?;
            let line = signed(line, &statement, request.signing.as_ref())?;
            all_signed = all_signed && envelope_of(&line).is_some();
            publication.text(&statement, &line)?;
            bundle.extend_from_slice(&line);
        }
        targets.push(BuiltTarget {
            target: target.name.clone(),
            python: plan.python,
            engine: context.engine.class().to_owned(),
            plan: plan.digest(),
            origin: *origin,
            outputs,
            signed: all_signed,
            key: request.signing.as_ref().map(|signing| signing.signer.key_id().to_string()),
        });
    }
    if let Some(path) = &request.bundle {
        publication.text(path, &bundle)?;
    }
    publication.commit()?;
    Ok(targets)
}

/// A statement as it is published. The cache holds unsigned ones: who signs is no part of a build. A signed file of this very
/// statement stays as it is, also where nobody is to sign now.
fn signed(line: Vec<u8>, path: &Path, signing: Option<&Signing>) -> Result<Vec<u8>, BuildError> {
    let there = std::fs::read(path).ok();
    let payload = line.trim_ascii_end();
    if let Some(signing) = signing {
        return Ok(signing.file(payload, there.as_deref())?);
    }
    let same = there.as_deref().and_then(envelope_of).and_then(|envelope| envelope.payload().ok());
    Ok(if same.is_some_and(|same| same == payload) { there.unwrap_or(line) } else { line })
}
