//! The configuration as it is typed: TOML with unknown keys refused, no input or output.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A `sealwright.toml`, or the `[tool.sealwright]` table of a `pyproject.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TypedConfig {
    /// Targets by name.
    #[serde(default)]
    pub target: BTreeMap<String, TypedTarget>,
    /// Where Debian packages come from.
    #[serde(default)]
    pub debian: TypedDebian,
    /// Where images by reference come from.
    #[serde(default)]
    pub registry: TypedRegistry,
}

/// `[registry]`: where base images come from that are named by reference (`image = "HOST/NAME:TAG"`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TypedRegistry {
    /// The registry of references that name none, such as `python:3.12-slim`: `HOST` or `HOST:PORT`.
    pub default: Option<String>,
    /// For a registry the base URLs that are asked in its place, in this order: `"HOST" = ["https://mirror.example"]`.
    #[serde(default)]
    pub mirrors: BTreeMap<String, OneOrMany>,
    /// Registries that are asked by plain http though they are not on this machine. What comes is checked by digest; which digest a tag has is then anybody's word on the way.
    #[serde(default)]
    pub plain_http: Vec<String>,
}

/// `[debian]`: where packages come from, besides the host's own apt sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TypedDebian {
    /// Base URLs of mirrors of the main archive, tried before the host's.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// Base URLs of mirrors of the security archive.
    #[serde(default)]
    pub security_mirrors: Vec<String>,
    /// URL of a snapshot archive; `{archive}` and `{timestamp}` in it are replaced.
    pub snapshot: Option<String>,
}

/// `[target.NAME]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TypedTarget {
    /// Name of a built-in builder, or path of a builder folder (it holds a `/`).
    pub builder: Option<String>,
    /// Base image: `debian:bookworm` or `debian:trixie`, assembled from packages; or one with a Python in it, by reference: `HOST/NAME:TAG`, `NAME:TAG` of the default registry, `oci-layout:PATH[:TAG]`, `oci-archive:PATH[:TAG]`, `docker-engine:NAME`.
    pub image: Option<String>,
    /// Debian suites to take packages from.
    pub suites: Option<Vec<String>>,
    /// `3.11`, or a list for one wheel each.
    pub python: Option<OneOrMany>,
    /// Debian packages to add to the image.
    #[serde(default)]
    pub system_packages: Vec<String>,
    /// Passed on to the build backend (PEP 517, `config_settings`).
    #[serde(default)]
    pub config_settings: BTreeMap<String, OneOrMany>,
    /// The project's own lock file, which names the run-time dependencies: a hashed `requirements.txt`, `Pipfile.lock`,
    /// `poetry.lock`, `uv.lock`, `pylock.toml`. For builders that take run-time dependencies.
    pub requirements: Option<String>,
    /// Extras that are taken of that lock file.
    #[serde(default)]
    pub extras: Vec<String>,
    /// Dependency groups that are taken of that lock file.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Which files of the project a `bundle` holds: patterns (`**` for any folders, `!` in front to leave out; the last one
    /// that matches decides). Without it every tracked file, but no hidden ones, no `tests`, nothing that builds and locks
    /// the project.
    pub files: Option<Vec<String>>,
    /// What a `bundle` or an executable is called: `NAME-linux-x86_64.zip`. Without it `project.name`, else the target's name.
    pub name: Option<String>,
    /// Format of a `bundle` (`zip`, or `tar.gz`) or of what `pyinstaller` makes (`tar.gz`, `zip`, or `file`: the executable
    /// itself). Without it the builder's first.
    pub format: Option<String>,
    /// Options of the builder's own, as its `builder.toml` declares them: its page lists each
    /// ([pyinstaller](../../builders/pyinstaller/README.md)).
    #[serde(default)]
    pub options: BTreeMap<String, TypedOption>,
    /// Whether outputs are normalized; on unless `false`.
    pub normalize: Option<bool>,
    /// Resource limits.
    #[serde(default)]
    pub limits: TypedLimits,
}

/// `[target.NAME.limits]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TypedLimits {
    /// Wall-clock time of the box: `90s`, `30m`, `2h`.
    pub time: Option<String>,
    /// Memory of all processes: `512M`, `4G`.
    pub memory: Option<String>,
    /// Processes and threads.
    pub processes: Option<u64>,
    /// Bytes of one output file: `512M`, `4G`.
    pub output_size: Option<String>,
}

/// The value of a builder's own option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text, a list of texts, true or false")]
pub enum TypedOption {
    /// `true` or `false`
    Flag(bool),
    /// A text.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
}

impl fmt::Display for TypedOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Texts(list) => write!(f, "{list:?}"),
        }
    }
}

/// A text or a list of texts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// As a list.
    #[must_use]
    pub fn to_vec(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::Many(list) => list.clone(),
        }
    }
}

/// The part of a `pyproject.toml` that concerns us.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Pyproject {
    /// PEP 518.
    #[serde(rename = "build-system")]
    pub build_system: Option<BuildSystem>,
    /// PEP 621.
    pub project: Option<ProjectTable>,
    /// Everything below `[tool]`.
    #[serde(default)]
    pub tool: BTreeMap<String, toml::Value>,
}

/// `[build-system]` (PEP 518, PEP 517).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuildSystem {
    /// Requirements (PEP 508).
    pub requires: Vec<String>,
    /// The backend's import path.
    pub build_backend: Option<String>,
    /// Folders of an in-tree backend.
    #[serde(default)]
    pub backend_path: Vec<String>,
}

/// `[project]` (PEP 621), the fields that we read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProjectTable {
    /// Name as written.
    pub name: Option<String>,
    /// Version, unless it is dynamic.
    pub version: Option<String>,
    /// `requires-python`.
    pub requires_python: Option<String>,
    /// Fields that the backend fills.
    #[serde(default)]
    pub dynamic: Vec<String>,
}
