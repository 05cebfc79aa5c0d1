//! What can go wrong when an environment is made or its backend is asked.

use std::path::{Path, PathBuf};

use crate::cargo::CargoError;
use crate::digest::Sha256;
use crate::error::{Blame, Fault, io_hints};
use crate::name::NameError;
use crate::sandbox::Exit;
use crate::store::StoreError;
use crate::wheel::WheelError;

/// What can go wrong when an environment is made or its backend is asked.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The store.
    #[error(transparent)]
    Store(Box<StoreError>),
    /// A wheel is wrong.
    #[error(transparent)]
    Wheel(Box<WheelError>),
    /// A wheel is made for another interpreter.
    #[error("{file} does not fit Python {python} on {platform}")]
    Unfit {
        /// The wheel.
        file: String,
        /// The interpreter's version.
        python: String,
        /// What it runs on.
        platform: String,
    },
    /// Two wheels bring the same file with different bytes.
    #[error("{first} and {second} both install {path}, with different content")]
    Clash {
        /// One wheel.
        first: String,
        /// The other wheel.
        second: String,
        /// Path in the environment.
        path: String,
    },
    /// A wheel brings a file that is the environment's own.
    #[error("{file} installs {path}, which belongs to the environment itself")]
    Own {
        /// The wheel.
        file: String,
        /// Path in the environment.
        path: String,
    },
    /// What cargo needs cannot be made.
    #[error(transparent)]
    Cargo(Box<CargoError>),
    /// The host fails.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The box could not be run.
    #[error("cannot {doing} in the box")]
    Engine {
        /// What was tried.
        doing: &'static str,
        /// Why.
        source: Cause,
    },
    /// A step of ours failed in the box.
    #[error("cannot {doing}: Python ended with {exit:?}; its last words:\n{log}")]
    Step {
        /// What was tried.
        doing: &'static str,
        /// How it ended.
        exit: Exit,
        /// The end of its log.
        log: String,
    },
    /// The backend's hooks failed.
    #[error("the build backend failed when it was asked for its requirements ({exit:?}): {message}")]
    Hook {
        /// What the frontend says.
        message: String,
        /// How it ended.
        exit: Exit,
        /// The log, for `-v` and for the tail that is shown.
        log: String,
    },
    /// What the box left is not what its scripts write.
    #[error("the builder left no usable {}: {why}", path.display())]
    Result {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A value cannot be written as JSON.
    #[error("cannot encode the environment's key")]
    Encode(#[source] serde_json::Error),
    /// A fixed path of ours.
    #[error(transparent)]
    Path(NameError),
    /// A wheel of another size or digest than the lock says.
    #[error("{file} in the store is not the locked one: expected sha256 {expected}")]
    Locked {
        /// The wheel.
        file: String,
        /// In the lock.
        expected: Sha256,
    },
}

/// An error of a layer that is used through a trait, as the cause of one of ours.
#[derive(Debug)]
pub struct Cause(pub Box<dyn Fault>);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl From<StoreError> for EnvironmentError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<WheelError> for EnvironmentError {
    fn from(error: WheelError) -> Self {
        Self::Wheel(Box::new(error))
    }
}

impl EnvironmentError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

impl Fault for EnvironmentError {
    fn blame(&self) -> Blame {
        match self {
            Self::Store(error) => error.blame(),
            Self::Wheel(error) => error.blame(),
            Self::Cargo(error) => error.blame(),
            Self::Unfit { .. } | Self::Locked { .. } => Blame::Integrity,
            Self::Clash { .. } | Self::Own { .. } => Blame::User,
            Self::Io { .. } => Blame::Environment,
            Self::Engine { source, .. } => source.0.blame(),
            Self::Hook { .. } => Blame::Build,
            Self::Step { .. } | Self::Result { .. } | Self::Encode(_) | Self::Path(_) => Blame::Ours,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Store(error) => error.hints(),
            Self::Wheel(error) => error.hints(),
            Self::Cargo(error) => error.hints(),
            Self::Engine { source, .. } => source.0.hints(),
            Self::Io { source, .. } => io_hints(source),
            Self::Unfit { .. } | Self::Locked { .. } => vec!["run `sealwright lock`".to_owned()],
            Self::Clash { first, second, .. } => {
                vec![format!("require only one of {first} and {second}, or other versions of them")]
            }
            Self::Own { .. } => vec!["require another version of that project".to_owned()],
            Self::Hook { .. } => vec![
                "the backend's own words are above; a module that it cannot import belongs into build-system.requires"
                    .to_owned(),
            ],
            Self::Step { .. } | Self::Result { .. } | Self::Encode(_) | Self::Path(_) => Vec::new(),
        }
    }
}
