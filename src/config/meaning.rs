//! What a configuration means: targets with every choice made, nothing left to guess.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::application::{Key, Packing, RuntimeChoice};
use super::error::ConfigError;
use super::parse::{Document, closest, parse_config, parse_pyproject};
use super::typed::{Pyproject, TypedConfig, TypedLimits, TypedOption, TypedRegistry, TypedTarget};
use super::{BUILDERS, CONFIG_FILE, limits, rust};
use crate::name::{ImageRef, NameError, PythonVersion, RegistryHost, TargetName};

/// The files of a project that configuration is read from, as the box will see them.
#[derive(Debug, Clone, Default)]
pub struct ProjectFiles {
    /// `sealwright.toml`
    pub config: Option<Vec<u8>>,
    /// `pyproject.toml`
    pub pyproject: Option<Vec<u8>>,
    /// Whether there is a `setup.py`.
    pub setup_py: Option<Vec<u8>>,
    /// `Cargo.toml`
    pub cargo_toml: Option<Vec<u8>>,
    /// Where they lie, for messages.
    pub folder: String,
}

/// A project with its targets.
#[derive(Debug, Clone)]
pub struct Project {
    /// The file that configures it, if one does.
    pub config_file: Option<&'static str>,
    /// Targets, sorted by name. At least one.
    pub targets: Vec<Target>,
    /// Where Debian packages come from.
    pub debian: DebianSources,
    /// Where images by reference come from.
    pub registry: RegistrySources,
    /// The project's own metadata and build requirements.
    pub pyproject: Option<Pyproject>,
    /// What shows that cargo compiles it, if it does.
    pub rust: Option<String>,
}

/// `[debian]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DebianSources {
    /// Base URLs of mirrors of the main archive.
    pub mirrors: Vec<String>,
    /// Base URLs of mirrors of the security archive.
    pub security_mirrors: Vec<String>,
    /// URL of a snapshot archive.
    pub snapshot: Option<String>,
}

/// `[registry]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrySources {
    /// The registry of references that name none.
    pub default: Option<RegistryHost>,
    /// Base URLs that stand for a registry, in the order in which they are tried.
    pub mirrors: BTreeMap<RegistryHost, Vec<String>>,
    /// Registries that are asked without TLS though they are not this machine.
    pub plain_http: Vec<RegistryHost>,
}

/// Whether outputs are normalized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalize {
    /// The builder's normalizers run.
    Yes,
    /// Outputs stay as the build made them.
    No,
}

/// Which builder a target is built by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuilderChoice {
    /// One that is built into the program, by name.
    BuiltIn(String),
    /// A folder of the user's, relative to the project's folder.
    Folder(String),
}

/// One thing to build, every choice made.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name.
    pub name: TargetName,
    /// What builds it.
    pub builder: BuilderChoice,
    /// One variant per version of Python; at least one, the first makes the sdist.
    pub variants: Vec<Variant>,
    /// Debian packages to add to the image, sorted.
    pub system_packages: Vec<String>,
    /// Passed on to the build backend.
    pub config_settings: BTreeMap<String, Vec<String>>,
    /// What the program needs when it runs.
    pub runtime: RuntimeChoice,
    /// How the program is packed.
    pub packing: Packing,
    /// Options of the builder's own.
    pub options: BTreeMap<String, TypedOption>,
    /// Whether outputs are normalized.
    pub normalize: Normalize,
    /// Resource limits that were set.
    pub limits: ChosenLimits,
    /// The target's table as it was written, for the statement's `externalParameters`.
    pub written: serde_json::Map<String, serde_json::Value>,
    /// Why the image and the Python were chosen, if that is worth saying.
    pub said: Option<String>,
}

/// A base image with the Python in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Base image.
    pub image: ImageRef,
    /// Debian suites to take packages from, in the order written.
    pub suites: Vec<String>,
    /// The image's Python: which one it is to be, or `None` for the one that an image by reference has.
    pub python: Option<PythonVersion>,
}

/// Limits that the configuration sets; what it does not set is the engine's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChosenLimits {
    /// Wall-clock time.
    pub wall: Option<std::time::Duration>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
    /// Bytes of one output file.
    pub output_size: Option<u64>,
}

impl Project {
    /// Reads a project's files and makes every choice.
    ///
    /// # Errors
    /// A file is broken, a value is not what its key takes, or there is nothing to build.
    pub fn read(files: &ProjectFiles) -> Result<Self, ConfigError> {
        let (pyproject, embedded) = match &files.pyproject {
            Some(bytes) => {
                let (pyproject, ours) = parse_pyproject(Document { file: "pyproject.toml", bytes })?;
                (Some(pyproject), ours)
            }
            None => (None, None),
        };
        let (config_file, typed, text) = match (&files.config, embedded) {
            (Some(_), Some(_)) => return Err(ConfigError::Two),
            (Some(bytes), None) => {
                let document = Document { file: CONFIG_FILE, bytes };
                (Some(CONFIG_FILE), parse_config(document)?, document.parse::<toml::Table>()?)
            }
            (None, Some(ours)) => {
                let text = pyproject.as_ref().and_then(|pyproject| pyproject.tool.get("sealwright"));
                let text = text.and_then(toml::Value::as_table).cloned().unwrap_or_default();
                (Some("pyproject.toml"), ours, text)
            }
            (None, None) => (None, TypedConfig::default(), toml::Table::new()),
        };
        if typed.target.is_empty() && files.pyproject.is_none() && files.setup_py.is_none() {
            return Err(ConfigError::Nothing { folder: files.folder.clone() });
        }
        let rust = rust::sign(files, pyproject.as_ref());
        let file = config_file.unwrap_or(CONFIG_FILE);
        let reading = Reading { file, pyproject: pyproject.as_ref(), text: &text, rust: rust.as_deref() };
        let targets = if typed.target.is_empty() {
            vec![reading.target("dist", &TypedTarget::default())?]
        } else {
            typed
                .target
                .iter()
                .map(|(name, target)| reading.target(name, target))
                .collect::<Result<_, _>>()?
        };
        let debian = DebianSources {
            mirrors: typed.debian.mirrors,
            security_mirrors: typed.debian.security_mirrors,
            snapshot: typed.debian.snapshot,
        };
        let registry = reading.registry(&typed.registry)?;
        Ok(Self { config_file, targets, debian, registry, pyproject, rust })
    }

    /// A project of one target whose table is not what the files say but what a statement says (`externalParameters.configuration`).
    /// Mirrors come from the files as before: they decide where bytes come from, never which.
    ///
    /// # Errors
    /// A file is broken, or the table is not one of a target.
    pub fn recorded(
        files: &ProjectFiles,
        name: &str,
        written: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, ConfigError> {
        const STATEMENT: &str = "the statement's configuration";
        let (pyproject, embedded) = match &files.pyproject {
            Some(bytes) => {
                let (pyproject, ours) = parse_pyproject(Document { file: "pyproject.toml", bytes })?;
                (Some(pyproject), ours)
            }
            None => (None, None),
        };
        let beside =
            files.config.as_ref().and_then(|bytes| parse_config(Document { file: CONFIG_FILE, bytes }).ok());
        let TypedConfig { debian, registry, .. } = beside.or(embedded).unwrap_or_default();
        let wrong = |error: &dyn std::fmt::Display| ConfigError::Value {
            file: STATEMENT.to_owned(),
            key: format!("[target.{name}]"),
            actual: error.to_string(),
            expected: "the table of a target".to_owned(),
        };
        let table = toml::Table::try_from(written).map_err(|error| wrong(&error))?;
        let typed: TypedTarget =
            serde_json::from_value(written.clone().into()).map_err(|error| wrong(&error))?;
        let mut targets = toml::Table::new();
        targets.insert(name.to_owned(), table.into());
        let mut text = toml::Table::new();
        text.insert("target".to_owned(), targets.into());
        let rust = rust::sign(files, pyproject.as_ref());
        let reading =
            Reading { file: STATEMENT, pyproject: pyproject.as_ref(), text: &text, rust: rust.as_deref() };
        let targets = vec![reading.target(name, &typed)?];
        let debian = DebianSources {
            mirrors: debian.mirrors,
            security_mirrors: debian.security_mirrors,
            snapshot: debian.snapshot,
        };
        let registry = reading.registry(&registry)?;
        Ok(Self { config_file: None, targets, debian, registry, pyproject, rust })
    }

    /// The targets of these names, or all if none is named.
    ///
    /// # Errors
    /// A name that no target has.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Target>, ConfigError> {
        if names.is_empty() {
            return Ok(self.targets.iter().collect());
        }
        let known = || self.targets.iter().map(|target| target.name.as_str());
        let find = |name: &String| {
            self.targets.iter().find(|target| target.name.as_str() == name).ok_or_else(|| {
                ConfigError::NoTarget {
                    name: name.clone(),
                    known: known().collect::<Vec<_>>().join(", "),
                    suggestion: closest(name, known()).map(str::to_owned),
                }
            })
        };
        names.iter().map(find).collect()
    }
}

pub(super) struct Reading<'a> {
    pub(super) file: &'a str,
    pub(super) pyproject: Option<&'a Pyproject>,
    text: &'a toml::Table,
    /// What shows that cargo compiles the project, if it does.
    pub(super) rust: Option<&'a str>,
}

impl Reading<'_> {
    fn target(&self, name: &str, typed: &TypedTarget) -> Result<Target, ConfigError> {
        let key = |key: &str| format!("[target.{name}] {key}");
        let (variants, said) = self.variants(typed, &key)?;
        let written = self
            .text
            .get("target")
            .and_then(|targets| targets.get(name))
            .and_then(|table| serde_json::to_value(table).ok())
            .and_then(|value| value.as_object().cloned())
            .unwrap_or_default();
        let mut system_packages = typed.system_packages.clone();
        for package in &system_packages {
            let good =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
            if package.len() < 2 || package.starts_with(['+', '-', '.']) || !package.bytes().all(good) {
                return Err(self.value(key("system-packages"), package, "names of Debian packages"));
            }
        }
        let assembled = variants.iter().any(|variant| variant.image.is_assembled());
        if assembled && self.rust(typed).is_some() {
            system_packages.extend(rust::PACKAGES.map(str::to_owned));
        }
        system_packages.sort();
        system_packages.dedup();
        let target: TargetName = self.name(name, key("name"))?;
        let keys = Key { file: self.file, target: name };
        let project = self.pyproject.and_then(|pyproject| pyproject.project.as_ref());
        Ok(Target {
            runtime: keys.runtime(typed)?,
            packing: keys.packing(typed, &target, project)?,
            options: typed.options.clone(),
            name: target,
            builder: self.builder(typed.builder.as_deref(), &key)?,
            variants,
            system_packages,
            config_settings: typed.config_settings.iter().map(|(k, v)| (k.clone(), v.to_vec())).collect(),
            normalize: if typed.normalize == Some(false) { Normalize::No } else { Normalize::Yes },
            limits: self.limits(&typed.limits, name)?,
            written,
            said,
        })
    }

    fn registry(&self, typed: &TypedRegistry) -> Result<RegistrySources, ConfigError> {
        let host = |text: &String, key: &str| self.name::<RegistryHost>(text, format!("[registry] {key}"));
        Ok(RegistrySources {
            default: typed.default.as_ref().map(|text| host(text, "default")).transpose()?,
            mirrors: typed
                .mirrors
                .iter()
                .map(|(name, urls)| Ok((host(name, "mirrors")?, urls.to_vec())))
                .collect::<Result<_, ConfigError>>()?,
            plain_http: typed
                .plain_http
                .iter()
                .map(|text| host(text, "plain-http"))
                .collect::<Result<_, _>>()?,
        })
    }

    fn builder(
        &self,
        typed: Option<&str>,
        key: &dyn Fn(&str) -> String,
    ) -> Result<BuilderChoice, ConfigError> {
        match typed {
            None => Ok(BuilderChoice::BuiltIn("python-build".to_owned())),
            Some(name) if BUILDERS.contains(&name) => Ok(BuilderChoice::BuiltIn(name.to_owned())),
            Some(path) if path.contains('/') => Ok(BuilderChoice::Folder(path.to_owned())),
            Some(name) => Err(ConfigError::NoBuilder {
                file: self.file.to_owned(),
                key: key("builder"),
                name: name.to_owned(),
            }),
        }
    }

    fn limits(&self, typed: &TypedLimits, target: &str) -> Result<ChosenLimits, ConfigError> {
        let key = |key: &str| format!("[target.{target}.limits] {key}");
        let size = |text: &Option<String>, name: &str| {
            let Some(text) = text else { return Ok(None) };
            let expected = "a size in bytes, or with K, M or G, for instance 4G";
            limits::size(text).map(Some).ok_or_else(|| self.value(key(name), text, expected))
        };
        let wall = match &typed.time {
            None => None,
            Some(text) => Some(limits::duration(text).ok_or_else(|| {
                self.value(key("time"), text, "a duration with its unit s, m or h, for instance 30m")
            })?),
        };
        if typed.processes == Some(0) {
            return Err(self.value(key("processes"), "0", "at least 1"));
        }
        Ok(ChosenLimits {
            wall,
            memory: size(&typed.memory, "memory")?,
            processes: typed.processes,
            output_size: size(&typed.output_size, "output-size")?,
        })
    }

    pub(super) fn name<T: FromStr<Err = NameError>>(
        &self,
        text: &str,
        key: String,
    ) -> Result<T, ConfigError> {
        text.parse().map_err(|source| ConfigError::Name { file: self.file.to_owned(), key, source })
    }

    pub(super) fn value(&self, key: String, actual: &str, expected: &str) -> ConfigError {
        ConfigError::Value {
            file: self.file.to_owned(),
            key,
            actual: actual.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(config: Option<&str>, pyproject: Option<&str>) -> Result<Project, String> {
        let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
        let files = ProjectFiles {
            config: bytes(config),
            pyproject: bytes(pyproject),
            setup_py: None,
            cargo_toml: None,
            folder: "the project".to_owned(),
        };
        Project::read(&files).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_configuration_there_is_one_target_named_dist() {
        let project = read(None, Some("")).unwrap();
        assert_eq!(project.targets.len(), 1);
        let target = &project.targets[0];
        assert_eq!(target.name.as_str(), "dist");
        assert_eq!(target.builder, BuilderChoice::BuiltIn("python-build".to_owned()));
        assert_eq!(target.variants[0].suites, ["bookworm", "bookworm-updates", "bookworm-security"]);
        assert_eq!(target.variants[0].python.unwrap().to_string(), "3.11");
        assert!(read(None, None).unwrap_err().starts_with("nothing to build in the project"));
    }

    #[test]
    fn requires_python_decides_and_is_said() {
        let project = read(None, Some("[project]\nrequires-python = '>=3.12'\n")).unwrap();
        let target = &project.targets[0];
        assert_eq!(target.variants[0].image.to_string(), "debian:trixie");
        assert_eq!(target.said.as_deref(), Some("Python 3.13 (requires-python = \">=3.12\")"));
        let error = read(None, Some("[project]\nrequires-python = '<3.9'\n")).unwrap_err();
        assert!(error.contains("fits no Python of a base image"), "{error}");
        assert!(read(None, Some("[project]\nrequires-python = 'three'\n")).unwrap_err().contains("PEP 440"));
        let project = read(None, Some("[project]\nrequires-python = '>=3.11.1'\n")).unwrap();
        assert_eq!(project.targets[0].variants[0].python.unwrap().to_string(), "3.11");
    }

    #[test]
    fn what_is_written_is_checked_and_kept_for_the_statement() {
        let config = "[target.dist]\npython = ['3.13', '3.11', '3.13']\nsystem-packages = ['libffi-dev']\n[target.dist.limits]\ntime = '5m'\nmemory = '1G'\n";
        let project = read(Some(config), Some("")).unwrap();
        let target = &project.targets[0];
        assert_eq!(
            target.variants.iter().map(|v| v.python.unwrap().to_string()).collect::<Vec<_>>(),
            ["3.13", "3.11"]
        );
        assert_eq!(target.limits.memory, Some(1 << 30));
        assert_eq!(target.written["system-packages"], serde_json::json!(["libffi-dev"]));
        for (wrong, message) in [
            ("python = '3.12'", "no base image holds Python 3.12"),
            ("image = 'debian:bookworm'\npython = '3.13'", "there are 3.11 in debian:bookworm"),
            ("image = 'python:'", "not a base image"),
            ("image = 'a/b:1'\nsuites = ['bookworm']", "the image is used as it is"),
            ("image = 'a/b:1'\nsystem-packages = ['gcc']", "the image is used as it is"),
            ("image = 'a/b:1'\npython = ['3.11', '3.12']", "the one version that the image has"),
            ("suites = ['trixie']", "suites of the image's release"),
            ("system-packages = ['--x']", "names of Debian packages"),
            ("builder = 'cmake'", "no builder is named"),
            ("limits = { time = '5' }", "a duration with its unit"),
            ("limits = { memory = '5T' }", "a size in bytes"),
        ] {
            let error = read(Some(&format!("[target.dist]\n{wrong}\n")), Some("")).unwrap_err();
            assert!(error.contains(message), "{wrong}: {error}");
        }
        assert!(read(Some("[target.'a/b']\n"), Some("")).unwrap_err().contains("not a target name"));
        assert!(read(Some(""), Some("[tool.sealwright]\n")).unwrap_err().contains("both there"));
    }

    #[test]
    fn targets_are_selected_by_name() {
        let project = read(Some("[target.a]\n[target.b]\n"), None).unwrap();
        assert_eq!(project.select(&[]).unwrap().len(), 2);
        assert_eq!(project.select(&["b".to_owned()]).unwrap()[0].name.as_str(), "b");
        assert!(project.select(&["c".to_owned()]).is_err());
    }
}
