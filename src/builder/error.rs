//! What can be wrong with a builder folder.

use std::path::PathBuf;

use super::BUILD_TYPES;
use crate::error::{Blame, Fault};
use crate::name::TargetName;

/// What can be wrong with a builder folder.
#[derive(Debug, thiserror::Error)]
pub enum BuilderError {
    /// No built-in builder has that name.
    #[error("no builder is named {name:?} (built in: {known})")]
    Unknown {
        /// As written.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The folder, or a file in it, cannot be read.
    #[error("cannot read {} of the builder folder", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A link, a device or another odd thing.
    #[error("{} is neither a regular file nor a folder: a builder folder holds nothing else", path.display())]
    NotRegular {
        /// What.
        path: PathBuf,
    },
    /// A name that is no UTF-8.
    #[error("the builder folder holds a file whose name is not UTF-8: {}", path.display())]
    Name {
        /// What.
        path: PathBuf,
    },
    /// A file is missing, or is no text.
    #[error("the builder folder {} lacks {file:?}, or it is no UTF-8 text", folder.display())]
    Missing {
        /// Which folder.
        folder: PathBuf,
        /// Path in it.
        file: String,
    },
    /// Broken TOML, an unknown key, a wrong type.
    #[error("{}: {source}", file.display())]
    Syntax {
        /// Which file.
        file: PathBuf,
        /// What and where, with the line.
        #[source]
        source: toml::de::Error,
    },
    /// A value that is not allowed.
    #[error("{}: {what}: expected {expected}, got {actual:?}", file.display())]
    Value {
        /// Which file.
        file: PathBuf,
        /// Which key.
        what: String,
        /// What it may be.
        expected: String,
        /// What it is.
        actual: String,
    },
    /// The build type is missing, or is not the folder's to claim.
    #[error("{}: build-type is {}", file.display(), if given.is_empty() { "missing".to_owned() } else { format!("{given:?}, which is not its own to claim") })]
    BuildType {
        /// Which file.
        file: PathBuf,
        /// What it says, or nothing.
        given: String,
    },
    /// A target holds a key that its builder does not take.
    #[error("[target.{target}] {key}: builder {builder} does not take it")]
    NotTaken {
        /// The target.
        target: TargetName,
        /// The key.
        key: String,
        /// The builder's name.
        builder: String,
        /// What it takes, beside the keys of all targets.
        takes: Vec<String>,
    },
    /// A target chooses what its builder does not take.
    #[error("[target.{target}] {key}: builder {builder} takes {expected}, got {actual}")]
    Choice {
        /// The target.
        target: TargetName,
        /// The key.
        key: String,
        /// The builder's name.
        builder: String,
        /// What it takes.
        expected: String,
        /// What is written.
        actual: String,
    },
    /// A target lacks a key that its builder needs.
    #[error("[target.{target}] has no {key}, which builder {builder} needs")]
    Needed {
        /// The target.
        target: TargetName,
        /// The key.
        key: String,
        /// The builder's name.
        builder: String,
    },
}

impl Fault for BuilderError {
    fn blame(&self) -> Blame {
        match self {
            Self::Unknown { .. }
            | Self::Read { .. }
            | Self::NotRegular { .. }
            | Self::Name { .. }
            | Self::Missing { .. }
            | Self::Syntax { .. }
            | Self::Value { .. }
            | Self::BuildType { .. }
            | Self::NotTaken { .. }
            | Self::Choice { .. }
            | Self::Needed { .. } => Blame::User,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown { .. } => {
                vec!["to use a folder of your own, write its path: builder = \"./NAME\"".to_owned()]
            }
            Self::Read { source, .. } => crate::error::io_hints(source),
            Self::NotRegular { .. } | Self::Name { .. } => vec!["remove it from the folder".to_owned()],
            Self::Missing { .. } | Self::Syntax { .. } | Self::Value { .. } => {
                vec!["compare with the built-in folder, builders/python-build".to_owned()]
            }
            Self::NotTaken { builder, takes, .. } if takes.is_empty() => {
                vec![format!("{builder} takes no key beside those of all targets")]
            }
            Self::NotTaken { builder, takes, .. } => {
                vec![format!("beside the keys of all targets {builder} takes {}", takes.join(", "))]
            }
            Self::Choice { builder, .. } => {
                vec![format!("builders/{builder}/README.md says what each option does")]
            }
            Self::Needed { key, .. } => vec![format!("add `{key}` to the target's table")],
            Self::BuildType { .. } => vec![format!(
                "a folder that replaces a built-in builder is another build type: set build-type to an https address of your own that describes it (not below {BUILD_TYPES})"
            )],
        }
    }
}
