//! What can go wrong in a build or while locking.

use std::path::PathBuf;

use super::repeat::RepeatError;
use crate::builder::BuilderError;
use crate::cargo::CargoError;
use crate::compare::CompareError;
use crate::config::ConfigError;
use crate::digest::Sha256;
use crate::environment::EnvironmentError;
use crate::error::{Blame, Fault, io_hints};
use crate::export::ExportError;
use crate::fetch::FetchError;
use crate::image::ImageError;
use crate::lock::LockError;
use crate::name::{ImageRef, PackageName, Platform, TargetName};
use crate::output::OutputError;
use crate::provenance::StatementError;
use crate::requirements::RequirementsError;
use crate::resolve::debian::DebianError;
use crate::resolve::python::PythonError;
use crate::sandbox::Limit;
use crate::sign::SignError;
use crate::source::SourceError;
use crate::store::StoreError;

/// Lines of a failed build's log that are shown.
const TAIL: usize = 40;

/// A failure of `build`, `lock` or `fetch`.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The text of the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The crates of a Rust-backed source.
    #[error(transparent)]
    Crates(#[from] CargoError),
    /// The project's own lock file.
    #[error(transparent)]
    Requirements(#[from] RequirementsError),
    /// The lock file that the configuration names is not there.
    #[error("target {target}: there is no {file} in the source")]
    NoRequirements {
        /// The target.
        target: TargetName,
        /// As the configuration names it.
        file: String,
    },
    /// Getting bytes.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Assembling an image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Installing distributions.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Resolving Debian packages.
    #[error(transparent)]
    Debian(#[from] DebianError),
    /// Resolving Python distributions.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// The outputs.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A builder's folder.
    #[error(transparent)]
    Builder(#[from] BuilderError),
    /// An export.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A statement that could not be made.
    #[error("cannot write the statement")]
    Statement(#[from] StatementError),
    /// Outputs of a check that cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// A statement that could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The engine failed.
    #[error("{}", .0)]
    Engine(EngineFault),
    /// This machine is none that can be built on.
    #[error("this machine is a {machine}; sealwright builds on x86_64 and aarch64")]
    Platform {
        /// As the compiler calls it.
        machine: &'static str,
    },
    /// A file of the project cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A temporary file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An image by reference where one from packages is needed.
    #[error("base image {image} is not assembled from Debian packages")]
    NotAssembled {
        /// As written.
        image: ImageRef,
    },
    /// There is a configuration, and it is not part of what is built.
    #[error("sealwright.toml is there, but not in the commit that is built")]
    ConfigNotCommitted,
    /// No lock, and none may be made.
    #[error("there is no {path}")]
    NoLock {
        /// Where it should be.
        path: PathBuf,
    },
    /// The lock is not what the project asks for.
    #[error("{path} is stale for target {target}: {}", .reasons.join("; "))]
    Stale {
        /// The lock.
        path: PathBuf,
        /// The target.
        target: TargetName,
        /// Why.
        reasons: Vec<String>,
    },
    /// The backend asks for what is not locked.
    #[error("target {target}: the build backend asks for what the lock does not hold: {}", .missing.join(", "))]
    NotLocked {
        /// The target.
        target: TargetName,
        /// Requirements.
        missing: Vec<String>,
    },
    /// The backend asks for something new after every answer.
    #[error("target {target}: the build backend still asks for more after {rounds} rounds, last for {}", .last.join(", "))]
    NoFixpoint {
        /// The target.
        target: TargetName,
        /// How often it was asked.
        rounds: usize,
        /// What it asked for last.
        last: Vec<String>,
    },
    /// A wheel that is needed cannot be built from its sdist.
    #[error("cannot build a wheel from {sdist}, which {} needs: {source}", .required_by.join(", "))]
    Wheel {
        /// File name of the sdist.
        sdist: String,
        /// Who asked for it.
        required_by: Vec<String>,
        /// Why.
        source: Box<BuildError>,
    },
    /// Sdists that need each other to be built.
    #[error("sdists need each other to be built: {}", .sdists.join(" needs "))]
    Cycle {
        /// Each needs the next; the last is one of those before.
        sdists: Vec<String>,
    },
    /// A wheel came out otherwise than when it was locked.
    #[error("{file}, built from {sdist}, is not the locked wheel: expected sha256 {expected}, got {actual}")]
    OtherWheel {
        /// File name of the wheel.
        file: String,
        /// File name of its sdist.
        sdist: String,
        /// In the lock.
        expected: Sha256,
        /// Built now.
        actual: Sha256,
    },
    /// The index names no digest of an sdist that is needed.
    #[error("the package index gives no sha256 for {file}")]
    NoHash {
        /// File name.
        file: String,
    },
    /// A project's name that is too long for a build of ours.
    #[error("{name} cannot be built: its name is longer than 64 characters")]
    Name {
        /// The project.
        name: PackageName,
    },
    /// A lock without an image that it names.
    #[error("the lock does not hold image {digest}")]
    NoImage {
        /// Digest of its manifest.
        digest: Sha256,
    },
    /// A file of the store changed while it was read.
    #[error("{path} is not what it was a moment ago")]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// The user's build failed.
    #[error("target {target}: {what}")]
    Failed {
        /// The target.
        target: TargetName,
        /// How it ended.
        what: String,
        /// Its log.
        log: Sha256,
        /// Where the whole log is.
        log_path: PathBuf,
        /// The end of its log.
        tail: Vec<String>,
    },
    /// The user's build broke a limit.
    #[error("target {target}: the build was ended: {}", limit_text(*.limit))]
    Limit {
        /// The target.
        target: TargetName,
        /// Which.
        limit: Limit,
        /// The end of its log.
        tail: Vec<String>,
    },
    /// The script in the box did not say how it ended.
    #[error("target {target}: the builder's script ended without a readable result")]
    NoResult {
        /// The target.
        target: TargetName,
        /// Why.
        #[source]
        source: Option<serde_json::Error>,
        /// The end of its log.
        tail: Vec<String>,
    },
    /// The command line asks for distributions, and a target makes none.
    #[error("target {target}: builder {builder} makes no sdist and no wheel")]
    NoDistributions {
        /// The target.
        target: TargetName,
        /// Its builder.
        builder: String,
    },
    /// Two Pythons or two targets made different files of one name.
    #[error(
        "{name} is built differently by target {target} and before it by another target or version of Python"
    )]
    Clash {
        /// The target.
        target: TargetName,
        /// File name.
        name: String,
    },
    /// No mirror's URL can be used.
    #[error("no mirror of the archive {archive} has a usable URL")]
    NoMirror {
        /// `debian` or `debian-security`.
        archive: String,
    },
    /// A builder without a resolver for this platform.
    #[error("builder {builder} names no resolver for {platform}")]
    NoResolver {
        /// Its name.
        builder: String,
        /// This host's.
        platform: Platform,
    },
    /// A build that cannot be made again from its record.
    #[error(transparent)]
    Repeat(#[from] RepeatError),
    /// The user stopped it.
    #[error("stopped by signal {signal}")]
    Interrupted {
        /// The signal.
        signal: i32,
    },
}

/// A fault of the engine, whichever it is.
#[derive(Debug)]
pub struct EngineFault(pub Box<dyn Fault>);

impl std::fmt::Display for EngineFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn limit_text(limit: Limit) -> &'static str {
    match limit {
        Limit::Wall => "it took longer than its wall-clock limit",
        Limit::Memory => "it used more memory than its limit",
        Limit::Processes => "it started more processes than its limit",
        Limit::FileSize => "it wrote a larger file than its limit",
    }
}

impl BuildError {
    /// The end of the build's log, where there is one that tells why.
    #[must_use]
    pub fn log_tail(&self) -> Vec<String> {
        match self {
            Self::Failed { tail, .. } | Self::Limit { tail, .. } | Self::NoResult { tail, .. } => {
                tail.clone()
            }
            Self::Wheel { source, .. } => source.log_tail(),
            Self::Cycle { .. }
            | Self::OtherWheel { .. }
            | Self::NoHash { .. }
            | Self::Name { .. }
            | Self::NoImage { .. }
            | Self::Changed { .. }
            | Self::Config(_)
            | Self::Source(_)
            | Self::Lock(_)
            | Self::Store(_)
            | Self::Crates(_)
            | Self::Requirements(_)
            | Self::NoRequirements { .. }
            | Self::Fetch(_)
            | Self::Image(_)
            | Self::Environment(_)
            | Self::Debian(_)
            | Self::Python(_)
            | Self::Output(_)
            | Self::Builder(_)
            | Self::Export(_)
            | Self::Compare(_)
            | Self::Sign(_)
            | Self::Statement(_)
            | Self::Engine(_)
            | Self::Repeat(_)
            | Self::Platform { .. }
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::NoMirror { .. }
            | Self::NoResolver { .. }
            | Self::NoDistributions { .. }
            | Self::NotAssembled { .. }
            | Self::ConfigNotCommitted
            | Self::NoLock { .. }
            | Self::Stale { .. }
            | Self::NotLocked { .. }
            | Self::NoFixpoint { .. }
            | Self::Clash { .. }
            | Self::Interrupted { .. } => Vec::new(),
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        Some(match self {
            Self::Config(error) => error,
            Self::Source(error) => error,
            Self::Lock(error) => error,
            Self::Store(error) => error,
            Self::Crates(error) => error,
            Self::Fetch(error) => error,
            Self::Requirements(error) => error,
            Self::Image(error) => error,
            Self::Environment(error) => error,
            Self::Debian(error) => error,
            Self::Python(error) => error,
            Self::Output(error) => error,
            Self::Builder(error) => error,
            Self::Export(error) => error,
            Self::Compare(error) => error,
            Self::Sign(error) => error,
            Self::Repeat(error) => error,
            Self::Engine(error) => error.0.as_ref(),
            Self::Wheel { source, .. } => source.as_ref(),
            Self::Cycle { .. }
            | Self::OtherWheel { .. }
            | Self::NoHash { .. }
            | Self::Name { .. }
            | Self::NoImage { .. }
            | Self::Changed { .. }
            | Self::NoRequirements { .. }
            | Self::Statement(_)
            | Self::Platform { .. }
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::NoMirror { .. }
            | Self::NoResolver { .. }
            | Self::NoDistributions { .. }
            | Self::NotAssembled { .. }
            | Self::ConfigNotCommitted
            | Self::NoLock { .. }
            | Self::Stale { .. }
            | Self::NotLocked { .. }
            | Self::NoFixpoint { .. }
            | Self::Failed { .. }
            | Self::Limit { .. }
            | Self::NoResult { .. }
            | Self::Clash { .. }
            | Self::Interrupted { .. } => return None,
        })
    }
}

impl Fault for BuildError {
    fn blame(&self) -> Blame {
        match self {
            Self::Platform { .. } | Self::Changed { .. } | Self::Write { .. } => Blame::Environment,
            Self::NoHash { .. } => Blame::Network,
            Self::ConfigNotCommitted
            | Self::Cycle { .. }
            | Self::Name { .. }
            | Self::NoRequirements { .. }
            | Self::Read { .. }
            | Self::NoMirror { .. }
            | Self::NoDistributions { .. }
            | Self::NotAssembled { .. }
            | Self::NoResolver { .. } => Blame::User,
            Self::NoLock { .. }
            | Self::Stale { .. }
            | Self::NotLocked { .. }
            | Self::OtherWheel { .. }
            | Self::NoImage { .. } => Blame::Integrity,
            Self::Failed { .. }
            | Self::Limit { .. }
            | Self::NoResult { .. }
            | Self::NoFixpoint { .. }
            | Self::Clash { .. } => Blame::Build,
            Self::Interrupted { signal } => Blame::Interrupted(*signal),
            Self::Statement(_) => Blame::Ours,
            Self::Config(_)
            | Self::Source(_)
            | Self::Lock(_)
            | Self::Store(_)
            | Self::Crates(_)
            | Self::Fetch(_)
            | Self::Image(_)
            | Self::Environment(_)
            | Self::Debian(_)
            | Self::Python(_)
            | Self::Output(_)
            | Self::Builder(_)
            | Self::Export(_)
            | Self::Compare(_)
            | Self::Sign(_)
            | Self::Wheel { .. }
            | Self::Requirements(_)
            | Self::Repeat(_)
            | Self::Engine(_) => self.inner().map_or(Blame::Ours, Fault::blame),
        }
    }

    fn hints(&self) -> Vec<String> {
        let relock = "run `sealwright lock` and commit sealwright.lock";
        match self {
            Self::Read { source, .. } | Self::Write { source, .. } => io_hints(source),
            Self::ConfigNotCommitted => vec!["commit it, or build with --allow-dirty".to_owned()],
            Self::NoRequirements { .. } => {
                vec!["`requirements` names it in the configuration: commit it, or name another".to_owned()]
            }
            Self::NoLock { .. } | Self::Stale { .. } | Self::NotLocked { .. } => vec![relock.to_owned()],
            Self::Failed { log_path, .. } => vec![
                format!("the whole log is {}", log_path.display()),
                "the box has no network and holds only what the lock names: missing libraries go into `system-packages`"
                    .to_owned(),
            ],
            Self::Limit { limit, .. } => {
                let key = match limit {
                    Limit::Wall => "time",
                    Limit::Memory => "memory",
                    Limit::Processes => "processes",
                    Limit::FileSize => "output-size",
                };
                vec![format!("raise `{key}` in [target.NAME.limits] if the build needs more")]
            }
            Self::NoDistributions { .. } => {
                vec!["--sdist and --wheel are for targets that make them: name these on the command line".to_owned()]
            }
            Self::Cycle { .. } => {
                vec!["give a wheel of one of them: on an index, or in a folder named by PIP_FIND_LINKS".to_owned()]
            }
            Self::OtherWheel { .. } => vec![
                "its build is not reproducible: `sealwright lock --upgrade-package` locks it anew, and a wheel on an index or in \
                 a folder named by PIP_FIND_LINKS avoids building it"
                    .to_owned(),
            ],
            Self::NoHash { .. } => vec!["use an index that gives hashes (PEP 503, PEP 691)".to_owned()],
            Self::Clash { .. } => {
                vec!["give each version of Python a target of its own, with a `name` or an --outdir of its own".to_owned()]
            }
            _ => self.inner().map(Fault::hints).unwrap_or_default(),
        }
    }
}

/// The last lines of a log.
pub(super) fn tail(log: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(log);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| format!("  | {line}")).collect()
}
