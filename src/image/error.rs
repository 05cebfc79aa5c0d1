//! What can go wrong while an image is assembled or unpacked.

use std::fmt;
use std::path::{Path, PathBuf};

use super::path::BadPath;
use super::pulled::PulledError;
use crate::digest::Sha256;
use crate::error::{Blame, Fault, io_hints};
use crate::sandbox::Exit;
use crate::store::StoreError;

/// The error of an engine.
#[derive(Debug)]
pub struct EngineError(pub Box<dyn Fault>);

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for EngineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// An assembly failed.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The lock's recipe is newer than this program.
    #[error("image recipe {recipe} is not known: the newest that this program knows is {newest}")]
    Recipe {
        /// In the lock.
        recipe: u32,
        /// Known.
        newest: u32,
    },
    /// The locked packages do not yield the locked image.
    #[error("image {reference}: the locked packages yield another image: expected {expected}, got {actual}")]
    OtherDigest {
        /// As written.
        reference: String,
        /// Manifest digest in the lock.
        expected: Sha256,
        /// Manifest digest of what was assembled.
        actual: Sha256,
    },
    /// A `.deb` file cannot be read.
    #[error("package {package}: not a Debian package that can be read: {reason}")]
    Deb {
        /// Name and version.
        package: String,
        /// What is wrong.
        reason: String,
    },
    /// A member of a package is refused.
    #[error("package {package}: {path:?} is refused: {reason}")]
    Member {
        /// Name and version.
        package: String,
        /// The path in the package.
        path: String,
        /// Why.
        reason: String,
    },
    /// A package has a path that leads out of the image.
    #[error("package {package}: {path:?} is refused")]
    Path {
        /// Name and version.
        package: String,
        /// The path in the package.
        path: String,
        /// Why.
        #[source]
        reason: BadPath,
    },
    /// Several packages have one file, and none says that it replaces the others.
    #[error("/{path} is in several packages and none replaces the others: {}", packages.join(", "))]
    Contested {
        /// Below the image's root.
        path: String,
        /// The packages, sorted.
        packages: Vec<String>,
    },
    /// A path is needed as a folder and is something else.
    #[error("/{path} is a folder in one package and not in another (seen while {package} was unpacked)")]
    NotAFolder {
        /// Below the image's root.
        path: String,
        /// The package that met it.
        package: String,
    },
    /// A step of the recipe that runs in the box failed.
    #[error("the image's {what} failed: {exit:?}")]
    Step {
        /// What was run.
        what: &'static str,
        /// How it ended.
        exit: Exit,
        /// The end of what it printed.
        log: String,
    },
    /// The engine failed.
    #[error("the image's {what} could not be run")]
    Engine {
        /// What was to be run.
        what: &'static str,
        /// Why not.
        #[source]
        source: EngineError,
    },
    /// The host failed.
    #[error("{}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// How.
        #[source]
        source: std::io::Error,
    },
    /// The store failed, or a blob in it is wrong.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user asked to stop.
    #[error("stopped while an image was assembled")]
    Cancelled {
        /// The signal.
        signal: i32,
    },
    /// The record of an image in the store is missing.
    #[error("image {digest} is not in the store")]
    Absent {
        /// Its manifest's digest.
        digest: Sha256,
    },
    /// An image by reference cannot be used.
    #[error(transparent)]
    Pulled(#[from] PulledError),
    /// A layer that was made again from the unpacked tree has another digest.
    #[error("the unpacked image {} was changed: its layer's digest should be {expected} and is {actual}", root.display())]
    TreeChanged {
        /// The unpacked tree.
        root: PathBuf,
        /// Of the layer.
        expected: Sha256,
        /// Of the layer made again.
        actual: Sha256,
    },
    /// A record of ours could not be written or read.
    #[error("a record of an image is not what it should be")]
    Json(#[source] serde_json::Error),
    /// A digest in a record of ours could not be read.
    #[error("a record of an image is not what it should be")]
    Digest(#[from] crate::digest::ParseDigestError),
}

/// An input/output error with its path.
pub(super) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> ImageError {
    let path = path.to_owned();
    move |source| ImageError::Io { path, source }
}

impl Fault for ImageError {
    fn blame(&self) -> Blame {
        match self {
            Self::Recipe { .. } | Self::Contested { .. } | Self::NotAFolder { .. } => Blame::User,
            Self::OtherDigest { .. }
            | Self::Deb { .. }
            | Self::Member { .. }
            | Self::Path { .. }
            | Self::TreeChanged { .. } => Blame::Integrity,
            Self::Step { .. } | Self::Io { .. } | Self::Absent { .. } => Blame::Environment,
            Self::Engine { source, .. } => source.0.blame(),
            Self::Pulled(error) => error.blame(),
            Self::Store(error) => error.blame(),
            Self::Cancelled { signal } => Blame::Interrupted(*signal),
            Self::Json(_) | Self::Digest(_) => Blame::Ours,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Recipe { .. } => vec!["the lock was written by a newer sealwright: use that one".to_owned()],
            Self::OtherDigest { .. } => vec![
                "the lock was edited, or written by a sealwright that assembles differently, which is a bug: run `sealwright lock` to lock the image anew".to_owned(),
            ],
            Self::Deb { .. } | Self::Member { .. } | Self::Path { .. } => {
                vec!["the file is the one that the archive's Release names: do not use this archive".to_owned()]
            }
            Self::Contested { .. } | Self::NotAFolder { .. } => {
                vec!["leave one of the packages out of `system-packages`".to_owned()]
            }
            Self::Step { log, .. } => log.lines().map(str::to_owned).collect(),
            Self::Engine { source, .. } => source.0.hints(),
            Self::Io { source, .. } => io_hints(source),
            Self::Pulled(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Absent { .. } => vec!["run `sealwright fetch`, then build once".to_owned()],
            Self::TreeChanged { .. } => {
                vec!["run `sealwright store verify`, which removes what is wrong; the image is then assembled again".to_owned()]
            }
            Self::Cancelled { .. } | Self::Json(_) | Self::Digest(_) => Vec::new(),
        }
    }
}
