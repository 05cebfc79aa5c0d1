//! Environments: wheels installed to a tree of the store, with their byte code, and what a box needs to use them.
//!
//! An environment looks like one that `python -m venv` makes and is mounted read-only at a fixed place. It is keyed by
//! everything that it is made of, so that a second build installs nothing.

mod compile;
mod error;
mod hooks;
mod install;
mod layout;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use error::EnvironmentError;
pub use hooks::{Question, ask_requires};

use crate::builder::{BUILD_ENVIRONMENT, BUILDER_FOLDER, Builder, RUNTIME_ENVIRONMENT, TOOL_ENVIRONMENT};
use crate::digest::Sha256;
use crate::event::{Cancel, Reporter};
use crate::image::Image;
use crate::lock::{Distribution, Role};
use crate::name::{PythonVersion, SandboxPath};
use crate::sandbox::{Access, Engine, Mount};
use crate::store::{Store, Tree, TreeKind};
use crate::wheel::PythonTarget;

/// Version of what this module makes: another number is another environment.
const INSTALLER: u32 = 1;

/// Which environment: each is mounted at a place of its own, which its scripts and byte code name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Build requirements: what the backend can import.
    Build,
    /// Run-time requirements: what the program that is built can import.
    Runtime,
    /// The builder's own tools, which the backend cannot import.
    Tool,
}

impl Purpose {
    /// Where it is mounted in the box.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Build => BUILD_ENVIRONMENT,
            Self::Runtime => RUNTIME_ENVIRONMENT,
            Self::Tool => TOOL_ENVIRONMENT,
        }
    }

    /// The role of its distributions.
    #[must_use]
    pub fn role(self) -> Role {
        match self {
            Self::Build => Role::Build,
            Self::Runtime => Role::Runtime,
            Self::Tool => Role::Tool,
        }
    }
}

impl From<Role> for Purpose {
    fn from(role: Role) -> Self {
        match role {
            Role::Build => Self::Build,
            Role::Runtime => Self::Runtime,
            Role::Tool => Self::Tool,
        }
    }
}

/// An installed environment in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// What it is for, and so where it is mounted.
    pub purpose: Purpose,
    /// The tree, read-only.
    pub root: PathBuf,
    /// Digest over everything that it is made of: its key in the store.
    pub key: Sha256,
}

impl Environment {
    /// How the box sees it.
    ///
    /// # Errors
    /// Never, as long as the fixed places are well-formed paths.
    pub fn mount(&self) -> Result<Mount, EnvironmentError> {
        read_only(&self.root, self.purpose.folder())
    }
}

/// What environments are made with.
#[derive(Clone, Copy)]
pub struct Workshop<'a> {
    /// Where wheels come from and environments go.
    pub store: &'a Store,
    /// What runs the image's Python to make byte code.
    pub engine: &'a dyn Engine,
    /// The image whose Python the environment is for.
    pub image: &'a Image,
    /// The interpreter in it.
    pub target: PythonTarget,
    /// Takes what is reported.
    pub reporter: &'a dyn Reporter,
    /// Tells to stop.
    pub cancel: &'a Cancel,
}

/// The environment of those `distributions` that have the purpose's role, if it is in the store: no wheel is needed
/// then.
///
/// # Errors
/// The host fails.
pub fn present(
    distributions: &[Distribution],
    purpose: Purpose,
    workshop: Workshop<'_>,
) -> Result<Option<Environment>, EnvironmentError> {
    let key = key(&wheels(distributions, purpose), purpose, workshop)?;
    let tree = workshop.store.tree(TreeKind::Environment, &key)?;
    Ok(tree.map(|tree| Environment { purpose, root: tree.path, key }))
}

/// The environment of those `distributions` that have the purpose's role: the one in the store, or a new one.
/// Every wheel must be in the store.
///
/// # Errors
/// A wheel is missing, damaged, unsafe, or for another interpreter; two wheels hold the same file; the host fails.
pub fn ensure(
    distributions: &[Distribution],
    purpose: Purpose,
    workshop: Workshop<'_>,
) -> Result<Environment, EnvironmentError> {
    let wheels = wheels(distributions, purpose);
    let key = key(&wheels, purpose, workshop)?;
    let environment = |tree: Tree| Environment { purpose, root: tree.path, key };
    let store = workshop.store;
    if let Some(tree) = store.tree(TreeKind::Environment, &key)? {
        return Ok(environment(tree));
    }
    let _guard = store.lock_key(&format!("environment-{key}"), workshop.reporter, workshop.cancel)?;
    if let Some(tree) = store.tree(TreeKind::Environment, &key)? {
        return Ok(environment(tree));
    }
    workshop.reporter.stage(&format!("installing {} wheels to {}", wheels.len(), purpose.folder()));
    let tree = store.new_tree(TreeKind::Environment, &key)?;
    layout::make(tree.path(), workshop.target.python, &workshop.image.interpreter(workshop.target.python))?;
    install::install(&wheels, purpose, workshop, tree.path())?;
    compile::compile(purpose, workshop, tree.path())?;
    layout::settle(tree.path())?;
    let uses: Vec<Sha256> = wheels.iter().map(|wheel| wheel.sha256).collect();
    Ok(environment(tree.commit(&uses)?))
}

/// The distributions of a purpose, sorted.
fn wheels(distributions: &[Distribution], purpose: Purpose) -> Vec<&Distribution> {
    let mut wheels: Vec<&Distribution> =
        distributions.iter().filter(|distribution| distribution.role == purpose.role()).collect();
    wheels.sort();
    wheels
}

/// Everything that decides an environment's bytes.
#[derive(Serialize)]
struct Made<'a> {
    installer: u32,
    purpose: Purpose,
    python: PythonVersion,
    image: Sha256,
    /// Of an image by reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    interpreter: Option<&'a str>,
    wheels: Vec<(&'a str, Sha256)>,
}

fn key(
    wheels: &[&Distribution],
    purpose: Purpose,
    workshop: Workshop<'_>,
) -> Result<Sha256, EnvironmentError> {
    let made = Made {
        installer: INSTALLER,
        purpose,
        python: workshop.target.python,
        image: workshop.image.digest,
        interpreter: workshop.image.python.as_deref(),
        wheels: wheels.iter().map(|wheel| (wheel.file.as_str(), wheel.sha256)).collect(),
    };
    Ok(Sha256::of(serde_json::to_vec(&made).map_err(EnvironmentError::Encode)?))
}

/// A builder's folder as a tree of the store, to be mounted at [`BUILDER_FOLDER`].
///
/// # Errors
/// The host fails.
pub fn builder_folder(builder: &Builder, store: &Store) -> Result<PathBuf, EnvironmentError> {
    let key = Sha256::of(format!("builder-folder/1 {}", builder.digest()));
    if let Some(tree) = store.tree(TreeKind::Environment, &key)? {
        return Ok(tree.path);
    }
    let tree = store.new_tree(TreeKind::Environment, &key)?;
    for file in builder.files() {
        let mode = if file.executable { layout::Mode::Program } else { layout::Mode::File };
        layout::write(tree.path(), &file.path, &file.bytes, mode)?;
    }
    layout::settle(tree.path())?;
    Ok(tree.commit(&[])?.path)
}

/// What a box needs beside the source and the folders that it writes: its environments and the builder's folder.
///
/// # Errors
/// Never, as long as the fixed places are well-formed paths.
pub fn mounts<'a>(
    environments: impl IntoIterator<Item = &'a Environment>,
    builder_folder: &Path,
) -> Result<Vec<Mount>, EnvironmentError> {
    let mut mounts =
        environments.into_iter().map(Environment::mount).collect::<Result<Vec<_>, EnvironmentError>>()?;
    mounts.push(read_only(builder_folder, BUILDER_FOLDER)?);
    Ok(mounts)
}

fn read_only(source: &Path, target: &str) -> Result<Mount, EnvironmentError> {
    Ok(Mount { source: source.to_owned(), target: box_path(target)?, access: Access::ReadOnly })
}

fn box_path(text: &str) -> Result<SandboxPath, EnvironmentError> {
    text.parse().map_err(EnvironmentError::Path)
}

/// The environment of a box that runs no project's code.
fn plain_environment() -> BTreeMap<String, String> {
    [("LANG", "C.UTF-8"), ("PATH", "/usr/bin:/bin"), ("TZ", "UTC")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
