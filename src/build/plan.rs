//! The build plan: what will happen, as a value. A pure function of configuration, lock and source.
//!
//! Its digest, with the engine's class and the trust mode, is the key of the action cache. Nothing of the host
//! is in it: two machines that plan the same build have the same plan.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::ArchiveFormat;
use crate::config::typed::TypedOption;
use crate::digest::Sha256;
use crate::lock::Role;
use crate::name::{ImageRef, Platform, PythonVersion, SandboxPath, TargetName};
use crate::provenance::TrustMode;
use crate::sandbox::Limits;

/// Raised whenever the same plan would be carried out differently by this program than by its last version.
pub const PLAN_VERSION: u32 = 1;

/// One build, planned: a target on one platform with one version of Python.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildPlan {
    /// [`PLAN_VERSION`]
    pub version: u32,
    /// The target's name.
    pub target: TargetName,
    /// What it is built on and for.
    pub platform: Platform,
    /// The image's Python.
    pub python: PythonVersion,
    /// Which builder says how.
    pub builder: PlannedBuilder,
    /// The root file system.
    pub image: PlannedImage,
    /// Environments of Python distributions, sorted by role.
    pub environments: Vec<PlannedEnvironment>,
    /// Crates of a Rust-backed source, by file name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub crates: BTreeMap<String, Sha256>,
    /// The source as the statement names it.
    pub source: serde_json::Value,
    /// Where the project lies in the source; empty for its top.
    pub subdirectory: String,
    /// `SOURCE_DATE_EPOCH`: seconds since 1970-01-01 UTC.
    pub epoch: i64,
    /// What is built and from what.
    pub outputs: PlannedOutputs,
    /// Passed on to the backend (PEP 517).
    pub config_settings: BTreeMap<String, Vec<String>>,
    /// The program in the box and its arguments.
    pub argv: Vec<String>,
    /// The box's whole environment.
    pub env: BTreeMap<String, String>,
    /// The working folder in the box.
    pub cwd: SandboxPath,
    /// What the box may use.
    pub limits: PlannedLimits,
    /// What is done to the outputs, in order; empty with `--no-normalize`.
    pub normalizers: Vec<PlannedNormalizer>,
}

/// The builder of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedBuilder {
    /// URI of the build type.
    pub build_type: String,
    /// Digest of the builder's folder.
    pub digest: Sha256,
}

/// The image of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedImage {
    /// As written.
    pub reference: ImageRef,
    /// Of its manifest.
    pub digest: Sha256,
    /// How it is assembled, unless it is one by reference.
    pub recipe: Option<u32>,
}

/// An environment of Python distributions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedEnvironment {
    /// What it is for.
    pub role: Role,
    /// Where it lies in the box.
    pub mount: SandboxPath,
    /// What it is made of: wheels by file name.
    pub files: BTreeMap<String, Sha256>,
}

/// What is built: distributions, or archives of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PlannedOutputs {
    /// An sdist, a wheel or both.
    Distributions(OutputChoice),
    /// Archives of a program.
    Archive {
        /// What they are called, and nothing else may be written.
        files: Vec<String>,
        /// Their format.
        format: ArchiveFormat,
        /// What the program is called.
        name: String,
        /// Patterns of the files that they hold; empty if the builder takes none.
        patterns: Vec<String>,
        /// The builder's own options, as the target sets them.
        options: BTreeMap<String, TypedOption>,
    },
}

/// What is built, and from what, as `python -m build` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputChoice {
    /// The sdist, then the wheel from the unpacked sdist: the default.
    SdistThenWheel,
    /// The wheel, straight from the source: `--wheel`.
    Wheel,
    /// The sdist: `--sdist`.
    Sdist,
    /// Both, each straight from the source: `--sdist --wheel`.
    Both,
}

impl OutputChoice {
    /// What the in-box script takes as `distributions`: empty for the sdist and the wheel from it, else what to
    /// make from the source itself.
    #[must_use]
    pub fn distributions(self) -> &'static [&'static str] {
        match self {
            Self::SdistThenWheel => &[],
            Self::Wheel => &["wheel"],
            Self::Sdist => &["sdist"],
            Self::Both => &["sdist", "wheel"],
        }
    }
}

/// [`Limits`] in whole units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedLimits {
    /// Wall-clock seconds.
    pub wall_seconds: u64,
    /// Bytes of memory, if limited.
    pub memory: Option<u64>,
    /// Processes and threads, if limited.
    pub processes: Option<u64>,
    /// Bytes of one file, if limited.
    pub file_size: Option<u64>,
}

impl From<&Limits> for PlannedLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            wall_seconds: limits.wall.as_secs(),
            memory: limits.memory,
            processes: limits.processes,
            file_size: limits.file_size,
        }
    }
}

/// One named normalization of outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedNormalizer {
    /// For instance `wheel-zip-metadata`.
    pub name: String,
    /// Raised whenever it gives other bytes.
    pub version: u32,
}

impl BuildPlan {
    /// The digest of the plan's canonical JSON.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        Sha256::of(canonical(self))
    }

    /// The key of the action cache: the plan, the engine's class and the trust mode.
    #[must_use]
    pub fn action_key(&self, engine_class: &str, trust: TrustMode) -> Sha256 {
        #[derive(Serialize)]
        struct Action<'a> {
            plan: Sha256,
            engine: &'a str,
            trust: &'a str,
        }
        let trust = trust.as_str();
        Sha256::of(canonical(&Action { plan: self.digest(), engine: engine_class, trust }))
    }
}

/// Compact JSON with fields in the order of their declaration and maps sorted: one text for one value.
fn canonical(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain structures with text keys, written to memory")
}
