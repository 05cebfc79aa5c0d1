//! A build made again from its record: the same source, lock and configuration, and nothing of it published.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Map, Value};

use super::error::BuildError;
use super::execute::{Folders, Program, Setting};
use super::plan::OutputChoice;
use super::planning::{Inputs, SOURCE, UsesCargo, limits, outputs};
use super::prepare::Prepared;
use super::request::Context;
use super::run::collected;
use super::supply::{Parts, Supplier};
use crate::builder::Builder;
use crate::config::{Normalize, Target};
use crate::digest::Sha256;
use crate::error::{Blame, Fault, io_hints};
use crate::lock::{Lock, LockedImage, LockedTarget};
use crate::name::Platform;
use crate::record::StatedOptions;
use crate::sandbox::Isolation;
use crate::source::Source;
use crate::store::Scratch;

/// A build, as its record has it.
pub struct RepeatRequest<'a> {
    /// The source, which is the one that the record names.
    pub source: Source,
    /// Where paths of image layouts start.
    pub folder: &'a Path,
    /// The target's name.
    pub target: &'a str,
    /// Its table.
    pub configuration: &'a Map<String, Value>,
    /// What the command line added.
    pub options: &'a StatedOptions,
    /// The lock of this target alone.
    pub lock: &'a Lock,
    /// Digest of the builder folder.
    pub builder: Sha256,
}

/// What came out.
pub struct Repeated {
    /// Digest of the plan that was carried out.
    pub plan: Sha256,
    /// The engine's class and version.
    pub engine: (String, String),
    /// What the engine enforced.
    pub isolation: Isolation,
    /// Wall-clock time of everything.
    pub seconds: f64,
    /// The outputs, sdist first.
    pub outputs: Vec<RepeatedOutput>,
    /// The folder that they lie in, until this is dropped.
    pub folder: Scratch,
}

/// One output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedOutput {
    /// File name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Digest.
    pub sha256: Sha256,
    /// Where it lies for now.
    pub path: PathBuf,
}

/// A record that this program cannot repeat.
#[derive(Debug, thiserror::Error)]
pub enum RepeatError {
    /// The builder's folder is another one.
    #[error("builder {name} is another one: expected a folder of digest {expected}, this one has {actual}")]
    Builder {
        /// Its name.
        name: String,
        /// In the record.
        expected: Sha256,
        /// Here.
        actual: Sha256,
    },
    /// It was built on another platform.
    #[error("it was built on {expected}, and this machine is {actual}")]
    Platform {
        /// In the record.
        expected: Platform,
        /// Here.
        actual: Platform,
    },
    /// Lock and configuration of the record do not belong together.
    #[error("the record's lock is not one of its source and configuration: {}", .reasons.join("; "))]
    Stale {
        /// Why.
        reasons: Vec<String>,
    },
    /// The record builds something that its target does not make.
    #[error("the record's option outputs is {actual:?}, expected sdist, wheel or both")]
    Outputs {
        /// In the record.
        actual: String,
    },
    /// The host failed.
    #[error("cannot write {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Fault for RepeatError {
    fn blame(&self) -> Blame {
        match self {
            Self::Builder { .. } | Self::Stale { .. } => Blame::Integrity,
            Self::Outputs { .. } => Blame::Verification,
            Self::Platform { .. } | Self::Write { .. } => Blame::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Builder { .. } => {
                vec![
                    "the version of sealwright that the statement names (`builder.version`) has that folder"
                        .to_owned(),
                ]
            }
            Self::Platform { .. } => vec!["rebuild it on a machine of that platform".to_owned()],
            Self::Write { source, .. } => io_hints(source),
            Self::Stale { .. } | Self::Outputs { .. } => Vec::new(),
        }
    }
}

/// Builds again, whatever was built before. The outputs lie in a temporary folder.
///
/// # Errors
/// The record is none that can be repeated here, something is not to be had, or the build fails.
pub fn repeat(request: RepeatRequest<'_>, context: Context<'_>) -> Result<Repeated, BuildError> {
    let began = Instant::now();
    let folder = context.store.scratch("rebuild")?;
    let builders = own_builder(&request, &folder)?;
    let RepeatRequest { source, folder: base, target, configuration, options, lock, builder: expected } =
        request;
    for note in source.notes() {
        context.reporter.note(note);
    }
    let builders = builders.as_deref().unwrap_or(base);
    let prepared = Prepared::recorded(source, base, (target, configuration), builders)?;
    let [(target, builder)] = prepared.targets.as_slice() else {
        return Err(RepeatError::Stale { reasons: vec!["there is not one target".to_owned()] }.into());
    };
    if builder.digest() != expected {
        let (name, actual) = (builder.name().to_owned(), builder.digest());
        return Err(RepeatError::Builder { name, expected, actual }.into());
    }
    let (locked, image) = locked(&prepared, target, builder, lock)?;
    let normalize = if options.no_normalize { Normalize::No } else { target.normalize };
    let mut config_settings = target.config_settings.clone();
    config_settings.extend(options.config_settings.clone());
    let (epoch, choice) = (prepared.source.epoch(), choice(options)?);
    let again = Again {
        prepared: &prepared,
        target,
        builder,
        locked,
        image,
        lock,
        config_settings,
        normalize,
        epoch,
        choice,
        env: BTreeMap::new(),
    };
    again.run(folder, began, context)
}

/// A build whose every part is chosen.
pub(super) struct Again<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) target: &'a Target,
    pub(super) builder: &'a Builder,
    pub(super) locked: &'a LockedTarget,
    pub(super) image: &'a LockedImage,
    pub(super) lock: &'a Lock,
    pub(super) config_settings: BTreeMap<String, Vec<String>>,
    pub(super) normalize: Normalize,
    pub(super) epoch: i64,
    pub(super) choice: Option<OutputChoice>,
    /// Variables of the box beyond the builder's own.
    pub(super) env: BTreeMap<String, String>,
}

impl Again<'_> {
    /// Builds; the outputs are put into `folder`.
    pub(super) fn run(
        &self,
        folder: Scratch,
        began: Instant,
        context: Context<'_>,
    ) -> Result<Repeated, BuildError> {
        let Self { prepared, target, builder, locked, image, normalize, .. } = *self;
        let crates = prepared.crates_of(builder);
        let mut plan = Inputs {
            target,
            builder,
            locked,
            image,
            source: prepared.source.identity(),
            root: SOURCE,
            subdirectory: prepared.source.subdirectory(),
            epoch: self.epoch,
            outputs: outputs(target, builder, prepared.platform, self.choice)?,
            config_settings: &self.config_settings,
            normalize,
            cargo: if crates.is_some() { UsesCargo::Yes } else { UsesCargo::No },
        }
        .plan();
        plan.env.extend(self.env.clone());
        let supplier = Supplier::new(prepared, context);
        let parts = Parts::ensure(locked, image, self.lock, builder, crates, &supplier)?;
        let folders = Folders::new(&prepared.source, context)?;
        context.reporter.stage(&format!("rebuilding {}", target.name));
        let program = Program {
            argv: plan.argv.clone(),
            env: plan.env.clone(),
            cwd: plan.cwd.clone(),
            limits: limits(&target.limits),
            setting: Setting::default(),
        };
        let finished = folders.run(program, &parts, builder, context)?;
        folders.check(&target.name, &finished, context)?;
        let mut made = Vec::new();
        for mut output in collected(prepared, target, (&folders, &plan), normalize, context)? {
            let path = folder.path().join(&output.name);
            let cannot = |source| RepeatError::Write { path: path.clone(), source };
            let mut file = folder.file(&output.name)?;
            io::copy(output.reader()?, &mut file).map_err(cannot)?;
            made.push(RepeatedOutput {
                name: output.name.clone(),
                size: output.size,
                sha256: output.sha256,
                path,
            });
        }
        folders.close()?;
        Ok(Repeated {
            plan: plan.digest(),
            engine: (context.engine.class().to_owned(), context.engine.version()),
            isolation: finished.isolation,
            seconds: began.elapsed().as_secs_f64(),
            outputs: made,
            folder,
        })
    }
}

/// What of the lock the target uses. A record whose lock was not made for its source and configuration is refused.
fn locked<'a>(
    prepared: &Prepared,
    target: &Target,
    builder: &Builder,
    lock: &'a Lock,
) -> Result<(&'a LockedTarget, &'a LockedImage), BuildError> {
    let stale = |reason: String| RepeatError::Stale { reasons: vec![reason] };
    let [locked] = lock.targets.as_slice() else {
        return Err(stale("it holds no target, or several".to_owned()).into());
    };
    if locked.platform != prepared.platform {
        let (expected, actual) = (locked.platform, prepared.platform);
        return Err(RepeatError::Platform { expected, actual }.into());
    }
    let fits = |python: Option<_>| python.is_none_or(|python| python == locked.python);
    let variant = target.variants.iter().find(|variant| fits(variant.python));
    let none = || stale(format!("Python {} is none that the configuration asks for", locked.python));
    let variant = variant.ok_or_else(none)?;
    let reasons = locked.stale(lock, &prepared.asked(target, builder, variant, Some(locked))?);
    if !reasons.is_empty() {
        return Err(RepeatError::Stale { reasons }.into());
    }
    let image = lock.image(&locked.image).ok_or_else(|| stale("its image is missing".to_owned()))?;
    Ok((locked, image))
}

/// The source, written down, where its builder is a folder of its own.
fn own_builder(request: &RepeatRequest<'_>, scratch: &Scratch) -> Result<Option<PathBuf>, BuildError> {
    let Some(name) = request.configuration.get("builder").and_then(Value::as_str) else { return Ok(None) };
    if !name.contains('/') {
        return Ok(None);
    }
    let place = scratch.path().join(".source");
    request.source.export(&place)?;
    Ok(Some(place.join(request.source.subdirectory())))
}

fn choice(options: &StatedOptions) -> Result<Option<OutputChoice>, RepeatError> {
    let names: Vec<&str> = options.outputs.iter().map(String::as_str).collect();
    match names.as_slice() {
        [] => Ok(None),
        ["wheel"] => Ok(Some(OutputChoice::Wheel)),
        ["sdist"] => Ok(Some(OutputChoice::Sdist)),
        ["sdist", "wheel"] => Ok(Some(OutputChoice::Both)),
        _ => Err(RepeatError::Outputs { actual: names.join(",") }),
    }
}
