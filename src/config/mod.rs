//! Configuration: what was typed ([`typed`]), and what it means ([`Project`], [`Target`]).

mod application;
mod error;
mod limits;
mod meaning;
mod parse;
mod rust;
pub mod typed;
mod variants;

pub use application::{ArchiveFormat, DEFAULT_FILES, Packing, RuntimeChoice};
pub use error::ConfigError;
pub use meaning::{
    BuilderChoice, ChosenLimits, DebianSources, Normalize, Project, ProjectFiles, RegistrySources, Target,
    Variant,
};
pub use parse::{Document, parse_config, parse_pyproject};
pub use rust::{PACKAGES as RUST_PACKAGES, is_rust_backed};

/// Builders that are built into the program, sorted.
pub const BUILDERS: [&str; 3] = ["bundle", "pyinstaller", "python-build"];

/// The configuration file that a project may have beside its `pyproject.toml`.
pub const CONFIG_FILE: &str = "sealwright.toml";
/// The lock.
pub const LOCK_FILE: &str = "sealwright.lock";
/// Where outputs go, unless told otherwise.
pub const DIST_FOLDER: &str = "dist";
/// Where statements go, unless told otherwise.
pub const PROVENANCE_FOLDER: &str = "provenance";
