//! A box of a target: its folders, its run, and what its script says.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::{BuildError, EngineFault, tail};
use super::planning::{SOURCE, sandbox_path};
use super::request::Context;
use super::supply::Parts;
use crate::builder::Builder;
use crate::cargo::CRATES_FOLDER;
use crate::environment;
use crate::name::{SandboxPath, TargetName};
use crate::output::read_foreign;
use crate::sandbox::{Access, BoxSpec, Exit, Finished, Limits, Mount, Network, Surface};
use crate::source::Source;
use crate::store::Scratch;

/// The folders of one run, below a scratch folder of the store.
pub(super) struct Folders {
    scratch: Scratch,
}

const OUT: &str = "out";

/// Where the box's home folder is.
pub(super) const HOME: &str = "/home/build";
/// Where the box's folder for temporary files is.
pub(super) const TEMPORARY: &str = "/tmp";

/// What a box looks like from inside: every build's, unless a check varies it.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// Host name, user, umask, cores.
    pub(super) surface: Surface,
    /// Where the source lies.
    pub(super) source: SandboxPath,
    /// Where the home folder lies.
    pub(super) home: SandboxPath,
    /// The source, the home folder and the one for temporary files: as they are, or copies.
    pub(super) folders: Access,
    /// A folder made below the one for temporary files.
    pub(super) below_temporary: Option<&'static str>,
    /// Files of ours that the image has not, or has otherwise: where, and what is in them.
    pub(super) files: Vec<(SandboxPath, Vec<u8>)>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            surface: Surface::default(),
            source: sandbox_path(SOURCE),
            home: sandbox_path(HOME),
            folders: Access::Writable,
            below_temporary: None,
            files: Vec::new(),
        }
    }
}

impl Folders {
    /// Makes the folders, writes the source and the builder's files into them.
    pub(super) fn new(source: &Source, context: Context<'_>) -> Result<Self, BuildError> {
        let scratch = context.store.scratch("build")?;
        let folders = Self { scratch };
        for name in [OUT, "tmp", "home"] {
            folders.scratch.folder(name)?;
        }
        source.export(&folders.path("src"))?;
        Ok(folders)
    }

    /// Where the script in the box leaves outputs.
    pub(super) fn outputs(&self) -> PathBuf {
        self.path(OUT).join("outputs")
    }

    /// A folder for temporary files of ours.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Removes everything.
    pub(super) fn close(self) -> Result<(), BuildError> {
        Ok(self.scratch.close()?)
    }

    /// Runs a command in the box.
    pub(super) fn run(
        &self,
        program: Program,
        parts: &Parts,
        builder: &Builder,
        context: Context<'_>,
    ) -> Result<Finished, BuildError> {
        let setting = &program.setting;
        let mut mounts = vec![mount(self.path(OUT), sandbox_path("/out"), Access::Writable)];
        let folders = [
            ("src", setting.source.clone()),
            ("tmp", sandbox_path(TEMPORARY)),
            ("home", setting.home.clone()),
        ];
        mounts.extend(folders.map(|(name, target)| mount(self.path(name), target, setting.folders)));
        if let Some(name) = setting.below_temporary {
            self.scratch.folder(&format!("tmp/{name}"))?;
        }
        for (number, (target, content)) in setting.files.iter().enumerate() {
            let name = format!("file-{number}");
            let path = self.path(&name);
            let written = self.scratch.file(&name)?.write_all(content);
            written.map_err(|source| BuildError::Write { path: path.clone(), source })?;
            mounts.push(mount(path, target.clone(), Access::ReadOnly));
        }
        let builder = environment::builder_folder(builder, context.store)?;
        mounts.extend(environment::mounts(&parts.environments, &builder)?);
        if let Some(cargo) = &parts.cargo {
            cargo.write(&self.path("home"))?;
            let crates = cargo.crates.iter();
            mounts.extend(
                crates.map(|tree| mount(tree.path.clone(), sandbox_path(CRATES_FOLDER), Access::ReadOnly)),
            );
        }
        let spec = BoxSpec {
            root: parts.image.root.clone(),
            mounts,
            argv: program.argv,
            env: program.env,
            cwd: program.cwd,
            network: Network::None,
            limits: program.limits,
            surface: program.setting.surface,
        };
        context
            .engine
            .run(&spec, context.reporter, context.cancel)
            .map_err(|fault| BuildError::Engine(EngineFault(fault)))
    }

    /// Fails unless the script in the box says that it built, and ended well.
    pub(super) fn check(
        &self,
        target: &TargetName,
        finished: &Finished,
        context: Context<'_>,
    ) -> Result<(), BuildError> {
        match self.result(target, finished, context)? {
            Ending::Built { .. } if finished.exit == Exit::Code(0) => Ok(()),
            Ending::Built { .. } => {
                let what = "the build ended badly after its last step".to_owned();
                Err(failed_build(target, what, finished, context))
            }
            Ending::Failed { message } => Err(failed_build(target, message, finished, context)),
            Ending::Stale { missing } => {
                let text = |one: Missing| match one.installed {
                    Some(version) => format!("{} (locked: {version})", one.requirement),
                    None => one.requirement,
                };
                let missing = missing.into_iter().map(text).collect();
                Err(BuildError::NotLocked { target: target.clone(), missing })
            }
        }
    }

    /// Reads what the script in the box said about its end. What the box wrote is foreign: a link is not followed, and no more is
    /// read than such a file can hold.
    fn result<T: DeserializeOwned>(
        &self,
        target: &TargetName,
        finished: &Finished,
        context: Context<'_>,
    ) -> Result<T, BuildError> {
        const LIMIT: u64 = 1 << 20;
        let failed =
            |source| BuildError::NoResult { target: target.clone(), source, tail: tail(&finished.log.bytes) };
        match finished.exit {
            Exit::LimitHit(limit) => {
                let tail = tail(&finished.log.bytes);
                return Err(BuildError::Limit { target: target.clone(), limit, tail });
            }
            Exit::Signal(signal) => {
                return Err(failed_build(
                    target,
                    format!("the build was killed by signal {signal}"),
                    finished,
                    context,
                ));
            }
            Exit::Code(_) => {}
        }
        match read_foreign(&self.path(OUT).join("result.json"), LIMIT) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(Some(error))),
            Err(_) => match finished.exit {
                Exit::Code(code) if code != 0 => Err(failed_build(
                    target,
                    format!("the build failed with exit status {code}"),
                    finished,
                    context,
                )),
                Exit::Code(_) | Exit::Signal(_) | Exit::LimitHit(_) => Err(failed(None)),
            },
        }
    }
}

/// A build that failed, with its log kept.
fn failed_build(target: &TargetName, what: String, finished: &Finished, context: Context<'_>) -> BuildError {
    let log = match context.store.insert(finished.log.bytes.as_slice(), None) {
        Ok(blob) => blob.digest,
        Err(error) => return error.into(),
    };
    let log_path = context.store.blob_path(&log);
    BuildError::Failed { target: target.clone(), what, log, log_path, tail: tail(&finished.log.bytes) }
}

/// How the script in the box ended.
#[derive(Debug, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
enum Ending {
    Built {
        #[expect(dead_code, reason = "outputs are found in their folder, not believed")]
        outputs: Vec<String>,
    },
    Failed {
        message: String,
    },
    Stale {
        missing: Vec<Missing>,
    },
}

#[derive(Debug, Deserialize)]
struct Missing {
    requirement: String,
    installed: Option<String>,
}

/// What runs in the box.
pub(super) struct Program {
    pub(super) argv: Vec<String>,
    pub(super) env: std::collections::BTreeMap<String, String>,
    pub(super) cwd: SandboxPath,
    pub(super) limits: Limits,
    pub(super) setting: Setting,
}

fn mount(source: PathBuf, target: SandboxPath, access: Access) -> Mount {
    Mount { source, target, access }
}
