//! Asks a build backend, in the box, what it requires to build: for the lock.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::error::Cause;
use super::{Environment, EnvironmentError, Workshop, box_path, mounts};
use crate::builder::Builder;
use crate::cargo::{self, BoxCargo, CRATES_FOLDER};
use crate::lock::HookRequires;
use crate::name::SandboxPath;
use crate::sandbox::{Access, BoxSpec, Exit, Limits, Mount, Network, Surface};

/// What a backend is asked with.
pub struct Question<'a> {
    /// The builder whose scripts ask.
    pub builder: &'a Builder,
    /// What the backend can import.
    pub build: &'a Environment,
    /// What the frontend can import.
    pub tool: &'a Environment,
    /// What cargo needs, if the source is Rust-backed.
    pub cargo: Option<&'a BoxCargo>,
    /// A copy of the source, of which nothing is kept: hooks write into it.
    pub source: &'a Path,
    /// Where the project is in the box: `/src` or a folder below it.
    pub folder: SandboxPath,
    /// The source's time, seconds since 1970.
    pub epoch: i64,
    /// `sdist`, `wheel` or both, in the order of asking.
    pub distributions: &'a [&'a str],
    /// For the backend, as the frontend takes them: text or a list of texts by name.
    pub config_settings: &'a serde_json::Map<String, serde_json::Value>,
    /// What the box may use.
    pub limits: Limits,
}

/// Bytes of the answer.
const LIMIT: u64 = 4 << 20;

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
enum Answer {
    Asked { requires: BTreeMap<String, Vec<String>> },
    Failed { message: String },
}

/// Runs the backend's `get_requires_for_build_*` hooks (PEP 517) and returns their answers, sorted by hook; none from
/// a builder that asks no backend.
///
/// # Errors
/// The backend fails (its log is in the error), or the box or the host does.
pub fn ask_requires(
    question: &Question<'_>,
    workshop: Workshop<'_>,
) -> Result<Vec<HookRequires>, EnvironmentError> {
    let request = serde_json::json!({
        "source": question.folder,
        "distributions": question.distributions,
        "config-settings": question.config_settings,
    });
    let Some(argv) = question.builder.requires_command(&request) else { return Ok(Vec::new()) };
    let folder = super::builder_folder(question.builder, workshop.store)?;
    let scratch = workshop.store.scratch("hooks-")?;
    let mut writable = Vec::new();
    for (name, target) in [("out", "/out"), ("tmp", "/tmp"), ("home", "/home/build")] {
        let source = scratch.path().join(name);
        fs::create_dir(&source).map_err(EnvironmentError::io("create", &source))?;
        writable.push(Mount { source, target: box_path(target)?, access: Access::Writable });
    }
    let source = question.source.to_owned();
    writable.push(Mount { source, target: box_path("/src")?, access: Access::Writable });
    let mut all = mounts([question.build, question.tool], &folder)?;
    let mut env = question.builder.environment(question.epoch);
    if let Some(cargo) = question.cargo {
        let home = scratch.path().join("home");
        cargo.write(&home).map_err(|error| EnvironmentError::Cargo(Box::new(error)))?;
        if let Some(tree) = &cargo.crates {
            all.push(super::read_only(&tree.path, CRATES_FOLDER)?);
        }
        env.extend(cargo::box_environment());
    }
    all.extend(writable);
    let spec = BoxSpec {
        root: workshop.image.root.clone(),
        mounts: all,
        argv,
        env,
        cwd: question.folder.clone(),
        network: Network::None,
        limits: question.limits,
        surface: Surface::default(),
    };
    let finished = workshop
        .engine
        .run(&spec, workshop.reporter, workshop.cancel)
        .map_err(|error| EnvironmentError::Engine { doing: "ask the build backend", source: Cause(error) })?;
    let result = scratch.path().join("out/result.json");
    let answer = read(&result);
    let failed = |message: String| EnvironmentError::Hook {
        message,
        exit: finished.exit,
        log: String::from_utf8_lossy(&finished.log.bytes).into_owned(),
    };
    match (finished.exit, answer) {
        (Exit::Code(0), Ok(Answer::Asked { requires })) => Ok(requires
            .into_iter()
            .map(|(name, mut requires)| {
                requires.sort();
                requires.dedup();
                HookRequires { name, requires }
            })
            .collect()),
        (_, Ok(Answer::Failed { message })) => Err(failed(message)),
        (Exit::Code(0), Err(error)) => Err(error),
        (Exit::Code(_) | Exit::Signal(_) | Exit::LimitHit(_), Ok(Answer::Asked { .. }) | Err(_)) => {
            Err(failed("it ended without an answer".to_owned()))
        }
    }
}

/// Reads what the box left: a small regular file with one JSON object.
fn read(path: &Path) -> Result<Answer, EnvironmentError> {
    let wrong = |why: String| EnvironmentError::Result { path: path.to_owned(), why };
    let metadata = path.symlink_metadata().map_err(EnvironmentError::io("read", path))?;
    if !metadata.is_file() || metadata.len() > LIMIT {
        return Err(wrong("not a file of a usual size".to_owned()));
    }
    let bytes = fs::read(path).map_err(EnvironmentError::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}
