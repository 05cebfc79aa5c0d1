//! Builder folders: the data that says how a kind of target is built.
//!
//! A folder holds `builder.toml`, the lock of its toolchain and the scripts that run in the box. The built-in ones
//! (`builders/NAME` of this repository) are embedded in the program; any folder can stand in for one.

mod embedded;
mod error;
mod folder;
mod manifest;
mod toolchain;

use std::collections::BTreeMap;
use std::path::Path;

pub use error::BuilderError;
pub use folder::BuilderFile;
pub use manifest::OutputRules;
pub use toolchain::{Resolver, Toolchain};

use crate::digest::Sha256;
use manifest::Manifest;

/// Where build types of the built-in builders live. Nothing else may claim an address below it.
pub const BUILD_TYPES: &str = "https://sealwright.dev/build-types/";

/// Where the builder's folder is mounted in the box, read-only.
pub const BUILDER_FOLDER: &str = "/env/builder";
/// Where the environment of build requirements is mounted in the box, read-only.
pub const BUILD_ENVIRONMENT: &str = "/env/build";
/// Where the environment of the builder's own tools is mounted in the box, read-only.
pub const TOOL_ENVIRONMENT: &str = "/env/tool";

/// A builder folder, read and checked.
#[derive(Debug, Clone)]
pub struct Builder {
    manifest: Manifest,
    toolchain: Toolchain,
    files: Vec<BuilderFile>,
    digest: Sha256,
    build_type: String,
}

/// A script of the builder folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Makes the outputs.
    Build,
    /// Asks the backend what it requires, for the lock.
    Requires,
}

impl Builder {
    /// One of the builders that this program holds.
    ///
    /// # Errors
    /// There is none of that name (the message lists those that there are).
    pub fn built_in(name: &str) -> Result<Self, BuilderError> {
        let files = embedded::files(name).ok_or_else(|| BuilderError::Unknown {
            name: name.to_owned(),
            known: embedded::NAMES.join(", "),
        })?;
        let builder = Self::of(Path::new(name), files, |manifest| match &manifest.build_type {
            None => Ok(format!("{BUILD_TYPES}{}/v{}", manifest.name, manifest.version)),
            Some(given) => Err(given.clone()),
        })?;
        Ok(builder)
    }

    /// The builder in a folder of the user's, which must declare a build type of its own.
    ///
    /// # Errors
    /// The folder cannot be read, holds what is no regular file, or its description is wrong.
    pub fn from_path(folder: &Path) -> Result<Self, BuilderError> {
        let files = folder::read(folder)?;
        Self::of(folder, files, |manifest| match &manifest.build_type {
            Some(given) if manifest::is_own_build_type(given) => Ok(given.clone()),
            Some(given) => Err(given.clone()),
            None => Err(String::new()),
        })
    }

    fn of(
        folder: &Path,
        files: Vec<BuilderFile>,
        build_type: impl FnOnce(&Manifest) -> Result<String, String>,
    ) -> Result<Self, BuilderError> {
        let text = folder::text(folder, &files, "builder.toml")?;
        let manifest = Manifest::parse(&folder.join("builder.toml"), text)?;
        let lock = folder::text(folder, &files, &manifest.toolchain.lock)?;
        let toolchain = Toolchain::parse(&folder.join(&manifest.toolchain.lock), lock)?;
        for script in [&manifest.run.build, &manifest.run.requires] {
            folder::text(folder, &files, script)?;
        }
        let build_type = build_type(&manifest)
            .map_err(|given| BuilderError::BuildType { file: folder.join("builder.toml"), given })?;
        let digest = folder::digest(&files);
        Ok(Self { manifest, toolchain, files, digest, build_type })
    }

    /// Its name, as `builder.toml` says.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// The address that says what its statements mean (`buildDefinition.buildType`, SLSA provenance v1).
    #[must_use]
    pub fn build_type(&self) -> &str {
        &self.build_type
    }

    /// Digest over the path, mode and bytes of every file of the folder.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        self.digest
    }

    /// Every file of the folder, sorted by path.
    #[must_use]
    pub fn files(&self) -> &[BuilderFile] {
        &self.files
    }

    /// Debian packages that the base image has to hold, sorted.
    #[must_use]
    pub fn image_packages(&self) -> &[String] {
        &self.manifest.image.include
    }

    /// What it runs itself, by digest.
    #[must_use]
    pub fn toolchain(&self) -> &Toolchain {
        &self.toolchain
    }

    /// What it may write.
    #[must_use]
    pub fn outputs(&self) -> &OutputRules {
        &self.manifest.outputs
    }

    /// The command line of a script in the box: the tool environment's interpreter, in isolated mode (no variable,
    /// no user folder), and `request` as its one argument.
    #[must_use]
    pub fn command(&self, script: Script, request: &serde_json::Value) -> Vec<String> {
        let path = match script {
            Script::Build => &self.manifest.run.build,
            Script::Requires => &self.manifest.run.requires,
        };
        vec![
            format!("{TOOL_ENVIRONMENT}/bin/python"),
            "-I".to_owned(),
            format!("{BUILDER_FOLDER}/{path}"),
            request.to_string(),
        ]
    }

    /// The whole environment of the box, for a source whose time is `epoch` (seconds since 1970, the value of
    /// `SOURCE_DATE_EPOCH`). The same on every host.
    #[must_use]
    pub fn environment(&self, epoch: i64) -> BTreeMap<String, String> {
        let mut environment = box_environment();
        environment.insert("SOURCE_DATE_EPOCH".to_owned(), epoch.to_string());
        environment.extend(self.manifest.run.environment.clone());
        environment
    }
}

/// What every box's environment holds: fixed paths, locale and time zone, and what keeps git from asking who owns
/// the source.
#[must_use]
pub fn box_environment() -> BTreeMap<String, String> {
    [
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "safe.directory"),
        ("GIT_CONFIG_VALUE_0", "*"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("HOME", "/home/build"),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("LOGNAME", "build"),
        ("NO_COLOR", "1"),
        ("PATH", "/env/build/bin:/usr/bin:/bin"),
        ("SHELL", "/bin/sh"),
        ("TERM", "dumb"),
        ("TMPDIR", "/tmp"),
        ("TZ", "UTC"),
        ("USER", "build"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

#[cfg(test)]
mod tests;
