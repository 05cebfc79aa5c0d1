//! Configuration, lock and source → plan. Pure.

use std::collections::BTreeMap;

use super::error::BuildError;
use super::plan::{
    BuildPlan, OutputChoice, PLAN_VERSION, PlannedBuilder, PlannedEnvironment, PlannedImage, PlannedLimits,
    PlannedNormalizer, PlannedOutputs,
};
use crate::builder::{ArchiveName, Builder, Makes};
use crate::cargo;
use crate::config::{ArchiveFormat, ChosenLimits, Normalize, Target};
use crate::environment::Purpose;
use crate::lock::{HookRequires, ImageContent, LockedImage, LockedTarget};
use crate::name::{Platform, SandboxPath};
use crate::output::{Normalizer, OutputKind};
use crate::sandbox::Limits;
use crate::source::SourceIdentity;

/// Where the source lies in the box.
pub(super) const SOURCE: &str = "/src";

/// What a plan is made from.
pub(super) struct Inputs<'a> {
    pub(super) target: &'a Target,
    pub(super) builder: &'a Builder,
    pub(super) locked: &'a LockedTarget,
    pub(super) image: &'a LockedImage,
    pub(super) source: &'a SourceIdentity,
    /// Where the source lies in the box: [`SOURCE`], but for a check.
    pub(super) root: &'a str,
    pub(super) subdirectory: &'a str,
    pub(super) epoch: i64,
    pub(super) outputs: PlannedOutputs,
    pub(super) config_settings: &'a BTreeMap<String, Vec<String>>,
    pub(super) normalize: Normalize,
    pub(super) cargo: UsesCargo,
}

impl Inputs<'_> {
    /// The plan of a build.
    pub(super) fn plan(&self) -> BuildPlan {
        BuildPlan {
            version: PLAN_VERSION,
            target: self.target.name.clone(),
            platform: self.locked.platform,
            python: self.locked.python,
            builder: PlannedBuilder {
                build_type: self.builder.build_type().to_owned(),
                digest: self.builder.digest(),
            },
            image: PlannedImage {
                reference: self.image.reference.clone(),
                digest: self.image.digest,
                recipe: match &self.image.content {
                    ImageContent::Assembled(assembled) => Some(assembled.recipe),
                    ImageContent::Pulled(_) => None,
                },
            },
            environments: environments(self.locked, self.builder),
            crates: self.locked.crates.iter().map(|one| (one.file.clone(), one.sha256)).collect(),
            source: serde_json::json!(self.source),
            subdirectory: self.subdirectory.to_owned(),
            epoch: self.epoch,
            outputs: self.outputs.clone(),
            config_settings: self.config_settings.clone(),
            argv: self.builder.build_command(&self.request()),
            env: self.environment(),
            cwd: source_folder(self.root, self.subdirectory),
            limits: PlannedLimits::from(&limits(&self.target.limits)),
            normalizers: match self.normalize {
                Normalize::No => Vec::new(),
                Normalize::Yes => kinds(&self.outputs)
                    .into_iter()
                    .filter_map(Normalizer::of)
                    .map(|one| PlannedNormalizer { name: one.name().to_owned(), version: one.version() })
                    .collect(),
            },
        }
    }

    /// What the script in the box gets.
    fn request(&self) -> serde_json::Value {
        let source = source_folder(self.root, self.subdirectory);
        match &self.outputs {
            PlannedOutputs::Distributions(choice) => {
                backend_request(choice.distributions(), self.config_settings, &source, &self.locked.hooks)
            }
            PlannedOutputs::Archive { files, format, name, patterns, options } => serde_json::json!({
                "files": patterns,
                "format": format,
                "name": name,
                "options": options,
                "output": files.first(),
                "source": source,
            }),
        }
    }
}

/// What a target's builder makes of it. `chosen` is what the command line says of sdist and wheel.
///
/// # Errors
/// The command line names distributions, and the builder makes none.
pub(super) fn outputs(
    target: &Target,
    builder: &Builder,
    platform: Platform,
    chosen: Option<OutputChoice>,
) -> Result<PlannedOutputs, BuildError> {
    match (builder.outputs().makes, chosen) {
        (Makes::Distributions, chosen) => {
            Ok(PlannedOutputs::Distributions(chosen.unwrap_or(OutputChoice::SdistThenWheel)))
        }
        (Makes::Archive, Some(_)) => Err(BuildError::NoDistributions {
            target: target.name.clone(),
            builder: builder.name().to_owned(),
        }),
        (Makes::Archive, None) => {
            let packing = &target.packing;
            let format = builder.outputs().format(packing.format);
            let files = builder.outputs().archives(ArchiveName { name: &packing.name, platform, format });
            let patterns = if builder.takes("files") { packing.files.clone() } else { Vec::new() };
            let options = target.options.clone();
            Ok(PlannedOutputs::Archive { files, format, name: packing.name.clone(), patterns, options })
        }
    }
}

impl Inputs<'_> {
    /// The box's whole environment. cargo's variables replace none of the builder's.
    fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = match self.cargo {
            UsesCargo::Yes => cargo::box_environment(),
            UsesCargo::No => BTreeMap::new(),
        };
        environment.extend(self.builder.environment(self.epoch));
        environment
    }
}

/// Whether cargo compiles the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsesCargo {
    /// Wholly or in part.
    Yes,
    /// It does not.
    No,
}

/// The environments that a box of this target has, and what each is made of.
fn environments(locked: &LockedTarget, builder: &Builder) -> Vec<PlannedEnvironment> {
    builder
        .roles()
        .into_iter()
        .map(Purpose::from)
        .map(|purpose| {
            let files = locked.distributions.iter().filter(|file| file.role == purpose.role());
            PlannedEnvironment {
                role: purpose.role(),
                mount: sandbox_path(purpose.folder()),
                files: files.map(|file| (file.file.clone(), file.sha256)).collect(),
            }
        })
        .collect()
}

/// What the script of a builder that calls a build backend is told.
pub(super) fn backend_request(
    distributions: &[&str],
    config_settings: &BTreeMap<String, Vec<String>>,
    source: &SandboxPath,
    hooks: &[HookRequires],
) -> serde_json::Value {
    let requires: BTreeMap<&str, &[String]> =
        hooks.iter().map(|hook| (hook.name.as_str(), hook.requires.as_slice())).collect();
    serde_json::json!({
        "distributions": distributions,
        "config-settings": settings(config_settings),
        "source": source,
        "requires": requires,
    })
}

/// Kinds of outputs.
pub(super) fn kinds(outputs: &PlannedOutputs) -> Vec<OutputKind> {
    match outputs {
        PlannedOutputs::Distributions(choice) => match choice {
            OutputChoice::SdistThenWheel | OutputChoice::Both => vec![OutputKind::Sdist, OutputKind::Wheel],
            OutputChoice::Wheel => vec![OutputKind::Wheel],
            OutputChoice::Sdist => vec![OutputKind::Sdist],
        },
        PlannedOutputs::Archive { format, .. } => vec![match format {
            ArchiveFormat::Zip => OutputKind::Zip,
            ArchiveFormat::TarGz => OutputKind::TarGz,
            ArchiveFormat::File => OutputKind::Program,
        }],
    }
}

/// The engine's defaults with what the target sets.
pub(super) fn limits(chosen: &ChosenLimits) -> Limits {
    let default = Limits::default();
    Limits {
        wall: chosen.wall.unwrap_or(default.wall),
        memory: chosen.memory.or(default.memory),
        processes: chosen.processes.or(default.processes),
        file_size: chosen.output_size.or(default.file_size),
        log: default.log,
    }
}

/// Config settings as backends get them: a text, or a list where a name came more than once (PEP 517).
pub(super) fn settings(settings: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, serde_json::Value> {
    settings
        .iter()
        .map(|(name, values)| {
            let value = match values.as_slice() {
                [one] => serde_json::json!(one),
                many => serde_json::json!(many),
            };
            (name.clone(), value)
        })
        .collect()
}

/// The project's folder in the box.
pub(super) fn source_folder(root: &str, subdirectory: &str) -> SandboxPath {
    match subdirectory {
        "" => sandbox_path(root),
        below => sandbox_path(&format!("{root}/{below}")),
    }
}

/// A path in the box that this program writes itself, or that the source's own file names give.
pub(super) fn sandbox_path(text: &str) -> SandboxPath {
    text.parse().expect("absolute, without `..`: constants, and folders of a checked source")
}
