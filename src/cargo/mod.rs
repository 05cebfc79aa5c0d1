//! Rust-backed sources: what their `Cargo.lock` files name, and the vendored tree that the box builds it from.
//!
//! Nothing is resolved here: the crates are those that the source itself locks, each by its checksum. In the box cargo
//! runs offline and finds them all in one folder, which replaces every registry.

mod config;
mod error;
mod manifest;
mod read;
mod unpack;
mod vendor;

use crate::digest::Sha256;

pub use config::{BoxCargo, CARGO_HOME, CRATES_FOLDER, box_environment};
pub use error::CargoError;
pub use manifest::needs_no_lock;
pub use read::{is_cargo_file, read};
pub use vendor::{present, vendor};

/// A file of a source, by its path in it (with `/`).
#[derive(Debug, Clone, Copy)]
pub struct CargoFile<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
}

/// A crate that a `Cargo.lock` names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version (semver).
    pub version: String,
    /// Where the lock says that it is published.
    pub registry: Registry,
    /// Digest of the `.crate` file: the lock's checksum.
    pub sha256: Sha256,
    /// Paths of the `Cargo.lock` files that name it, sorted.
    pub required_by: Vec<String>,
}

impl Crate {
    /// `NAME-VERSION.crate`, as registries name the file.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}-{}.crate", self.name, self.version)
    }
}

/// A registry of crates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Registry {
    /// The one that cargo uses when a dependency names none.
    Default,
    /// Another one, by the URL of its index as `Cargo.lock` writes it: `sparse+https://…/` or `registry+https://…`.
    Index(String),
}
