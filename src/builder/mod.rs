//! Builder folders: the data that says how a kind of target is built.
//!
//! A folder holds `builder.toml`, the lock of its toolchain and the scripts that run in the box. The built-in ones
//! (`builders/NAME` of this repository) are embedded in the program; any folder can stand in for one.

mod embedded;
mod error;
mod folder;
mod manifest;
mod options;
mod toolchain;

use std::collections::BTreeMap;
use std::path::Path;

pub use error::BuilderError;
pub use folder::BuilderFile;
pub use manifest::{ArchiveName, Makes, OutputRules};
pub use options::{OptionKind, OptionRule};
pub use toolchain::{Resolver, Toolchain};

use crate::config::{BUILDERS, Target};
use crate::digest::Sha256;
use crate::lock::Role;
use crate::name::TargetName;
use manifest::Manifest;

/// Where build types of the built-in builders live. Nothing else may claim an address below it.
pub const BUILD_TYPES: &str = "https://sealwright.dev/build-types/";

/// Where the builder's folder is mounted in the box, read-only.
pub const BUILDER_FOLDER: &str = "/env/builder";
/// Where the environment of build requirements is mounted in the box, read-only.
pub const BUILD_ENVIRONMENT: &str = "/env/build";
/// Where the environment of run-time requirements is mounted in the box, read-only.
pub const RUNTIME_ENVIRONMENT: &str = "/env/runtime";
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

impl Builder {
    /// One of the builders that this program holds.
    ///
    /// # Errors
    /// There is none of that name (the message lists those that there are).
    pub fn built_in(name: &str) -> Result<Self, BuilderError> {
        let files = embedded::files(name)
            .ok_or_else(|| BuilderError::Unknown { name: name.to_owned(), known: BUILDERS.join(", ") })?;
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
        let toolchain = match &manifest.toolchain {
            Some(table) => {
                Toolchain::parse(&folder.join(&table.lock), folder::text(folder, &files, &table.lock)?)?
            }
            None => Toolchain::default(),
        };
        for script in [Some(&manifest.run.build), manifest.run.requires.as_ref()].into_iter().flatten() {
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

    /// The roles of Python distributions that its boxes hold, sorted: each is an environment of its own. Build
    /// requirements only if it asks a backend, run-time requirements only if targets may name them.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        let mut roles = vec![Role::Tool];
        if self.asks_backend() {
            roles.push(Role::Build);
        }
        if self.takes("requirements") {
            roles.push(Role::Runtime);
        }
        roles.sort();
        roles
    }

    /// Whether a build backend is asked what it requires, and so whether there are build requirements.
    #[must_use]
    pub fn asks_backend(&self) -> bool {
        self.manifest.run.requires.is_some()
    }

    /// Whether a target of this builder may hold a key, beside those that all targets may.
    #[must_use]
    pub fn takes(&self, key: &str) -> bool {
        self.manifest.target.keys.iter().any(|taken| taken == key)
    }

    /// Checks that the table of a target holds what this builder takes and needs.
    ///
    /// # Errors
    /// A key that it does not take, or lacks one that it needs.
    pub fn check_target<'a>(
        &self,
        target: &TargetName,
        keys: impl Iterator<Item = &'a str>,
    ) -> Result<(), BuilderError> {
        let keys: Vec<&str> = keys.collect();
        let builder = || self.name().to_owned();
        if let Some(key) = keys.iter().find(|key| !manifest::COMMON_KEYS.contains(key) && !self.takes(key)) {
            return Err(BuilderError::NotTaken {
                target: target.clone(),
                key: (*key).to_owned(),
                builder: builder(),
                takes: self.manifest.target.keys.clone(),
            });
        }
        match self.manifest.target.required.iter().find(|key| !keys.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                Err(BuilderError::Needed { target: target.clone(), key: key.clone(), builder: builder() })
            }
        }
    }

    /// Checks what a target sets of this builder's own options, and the format that it chooses.
    ///
    /// # Errors
    /// An option that it has not, a value that it does not take, one that is missing; a format that it cannot make.
    pub fn check_choices(&self, target: &Target) -> Result<(), BuilderError> {
        let value = |key: String, expected: String, actual: String| BuilderError::Choice {
            target: target.name.clone(),
            key,
            builder: self.name().to_owned(),
            expected,
            actual,
        };
        if let Some(format) = target.packing.format
            && self.outputs().makes == Makes::Archive
            && !self.outputs().formats.contains(&format)
        {
            let formats: Vec<&str> = self.outputs().formats.iter().map(|format| format.as_str()).collect();
            return Err(value("format".to_owned(), formats.join(" or "), format!("{:?}", format.as_str())));
        }
        options::check(&self.manifest.options, &target.options).map_err(|wrong| match wrong {
            options::Wrong::Unknown { option, known } => {
                value(format!("options.{option}"), format!("one of {}", known.join(", ")), "this".to_owned())
            }
            options::Wrong::Value { option, expected, actual } => {
                value(format!("options.{option}"), expected, actual)
            }
            options::Wrong::Missing { option, expected } => {
                value(format!("options.{option}"), expected, "nothing".to_owned())
            }
        })
    }

    /// The command line of the script that makes the outputs: the tool environment's interpreter, in isolated mode
    /// (no variable, no user folder), and `request` as its one argument.
    #[must_use]
    pub fn build_command(&self, request: &serde_json::Value) -> Vec<String> {
        command(&self.manifest.run.build, request)
    }

    /// The command line of the script that asks the backend what it requires, for the lock; none if no backend is
    /// asked.
    #[must_use]
    pub fn requires_command(&self, request: &serde_json::Value) -> Option<Vec<String>> {
        self.manifest.run.requires.as_ref().map(|script| command(script, request))
    }

    /// Whether it sets a variable of the box itself, beside those that every box has.
    #[must_use]
    pub fn sets(&self, name: &str) -> bool {
        self.manifest.run.environment.contains_key(name)
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

fn command(script: &str, request: &serde_json::Value) -> Vec<String> {
    vec![
        format!("{TOOL_ENVIRONMENT}/bin/python"),
        "-I".to_owned(),
        format!("{BUILDER_FOLDER}/{script}"),
        request.to_string(),
    ]
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
        ("PATH", "/env/build/bin:/usr/local/bin:/usr/bin:/bin"),
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
