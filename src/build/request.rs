//! What is asked of a build, and what it works with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::plan::OutputChoice;
use crate::config::Normalize;
use crate::event::{Cancel, Reporter};
use crate::fetch::{Offline, Surroundings};
use crate::name::PackageName;
use crate::sandbox::Engine;
use crate::sign::Signing;
use crate::source::DirtyPolicy;
use crate::store::Store;

/// What every command of this layer works with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The local store.
    pub store: &'a Store,
    /// What runs boxes.
    pub engine: &'a dyn Engine,
    /// Where progress goes.
    pub reporter: &'a dyn Reporter,
    /// Set when the user asks for a stop.
    pub cancel: &'a Cancel,
    /// Where package indexes, mirrors, proxies and credentials are configured. Nothing of it reaches a box of a
    /// project.
    pub surroundings: &'a Surroundings,
    /// Whether the network may be used.
    pub offline: Offline,
}

/// Where the source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceChoice {
    /// The git checkout that the project's folder is in.
    Checkout,
    /// An archive or a folder, named by its digest.
    Path(PathBuf),
}

/// What is done about the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockPolicy {
    /// Lock first where the lock is missing or stale, and say so.
    Update,
    /// A lock that is missing or stale is an error.
    Locked,
}

/// Whether results of earlier builds are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CachePolicy {
    /// The same plan gives the same bytes with the statement of the build that made them.
    Use,
    /// Build again.
    Ignore,
}

/// Whether a build is done twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checking {
    /// Once.
    No,
    /// Again under other conditions, and compared before anything is published.
    Yes,
}

/// A project, where it is.
#[derive(Debug, Clone)]
pub struct Place {
    /// The project's folder: the lock lies there, and relative folders start there.
    pub folder: PathBuf,
    /// Where its source is.
    pub source: SourceChoice,
    /// What to do about uncommitted changes.
    pub dirty: DirtyPolicy,
    /// Names of targets; all if empty.
    pub targets: Vec<String>,
}

/// What `sealwright build` is asked.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The project.
    pub place: Place,
    /// What is done about the lock.
    pub lock: LockPolicy,
    /// Whether results of earlier builds are used.
    pub cache: CachePolicy,
    /// Whether it is done twice.
    pub checking: Checking,
    /// Which distributions are built, if the command line says; only for targets that make distributions.
    pub outputs: Option<OutputChoice>,
    /// Where outputs go.
    pub dist: PathBuf,
    /// Where statements go.
    pub provenance: PathBuf,
    /// Who signs the statements, if anybody does.
    pub signing: Option<Signing>,
    /// A file that gets all statements too.
    pub bundle: Option<PathBuf>,
    /// Config settings of the command line: a name that is there replaces the configuration's.
    pub config_settings: BTreeMap<String, Vec<String>>,
    /// Whether outputs are normalized, if the command line says.
    pub normalize: Option<Normalize>,
}

/// What `sealwright lock` is asked.
#[derive(Debug, Clone)]
pub struct LockRequest {
    /// The project.
    pub place: Place,
    /// What to keep of the lock that is there.
    pub upgrade: Upgrade,
    /// Whether the lock is written.
    pub mode: LockMode,
}

/// What is kept of an older lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgrade {
    /// Whatever is still valid.
    Keep,
    /// Whatever is still valid, but the newest of these Python distributions.
    Packages(Vec<PackageName>),
    /// Nothing: the newest of everything.
    All,
}

/// Whether the lock is written or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Written if it changes.
    Write,
    /// Compared; a stale one is an error.
    Check,
}
