//! What can be wrong with a configuration.

use crate::error::{Blame, Fault};
use crate::name::{NameError, PythonVersion};

/// What is wrong with a configuration, and where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The text is no TOML, or holds a key or a type that is not expected.
    #[error("{file}:{line}:{column}: {message}")]
    Toml {
        /// The file, as the user knows it.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in characters.
        column: usize,
        /// What is wrong.
        message: String,
        /// What was meant, if an existing key is close to the one that is written.
        suggestion: Option<String>,
    },
    /// The text is not UTF-8, as TOML must be.
    #[error("{file}: not UTF-8 at byte {offset}")]
    Encoding {
        /// The file.
        file: String,
        /// Where the first wrong byte is.
        offset: usize,
    },
    /// A value is not what its key takes.
    #[error("{file}: {key}: {source}")]
    Name {
        /// The file.
        file: String,
        /// The key with its table.
        key: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// A value is not what its key takes.
    #[error("{file}: {key} = {actual:?}: expected {expected}")]
    Value {
        /// The file.
        file: String,
        /// The key with its table.
        key: String,
        /// What stands there.
        actual: String,
        /// What may stand there.
        expected: String,
    },
    /// A version of Python that no image holds.
    #[error("{file}: {key}: no base image holds Python {version} (there are {known})")]
    NoPython {
        /// The file.
        file: String,
        /// The key with its table.
        key: String,
        /// What was asked for.
        version: PythonVersion,
        /// What there is.
        known: String,
    },
    /// `requires-python` leaves no version that an image holds.
    #[error(
        "pyproject.toml: requires-python = {requires:?} fits no Python of a base image (there are {known})"
    )]
    RequiresPython {
        /// As written.
        requires: String,
        /// What there is.
        known: String,
    },
    /// Nothing to build.
    #[error("nothing to build in {folder}: no pyproject.toml, setup.py or sealwright.toml")]
    Nothing {
        /// Where we looked.
        folder: String,
    },
    /// Both files configure sealwright.
    #[error("sealwright.toml and [tool.sealwright] in pyproject.toml are both there")]
    Two,
    /// A target that is not there.
    #[error("no target is named {name:?} (there are: {known})")]
    NoTarget {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
        /// The closest name.
        suggestion: Option<String>,
    },
    /// A builder that is not there.
    #[error("{file}: {key}: no builder is named {name:?} (built in: {})", super::BUILDERS.join(", "))]
    NoBuilder {
        /// The file.
        file: String,
        /// The key with its table.
        key: String,
        /// What was asked for.
        name: String,
    },
}

impl Fault for ConfigError {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Toml { suggestion: Some(key), .. } => vec![format!("did you mean `{key}`?")],
            Self::NoTarget { suggestion: Some(name), .. } => vec![format!("did you mean `{name}`?")],
            Self::Nothing { .. } => {
                vec![
                    "run it in a Python project's folder, or name one with `-C DIR` or `--source`".to_owned(),
                ]
            }
            Self::Two => vec!["keep one of them".to_owned()],
            Self::NoBuilder { .. } => {
                vec![
                    "a builder folder of your own is named by a path with a `/`, such as `./my-builder`"
                        .to_owned(),
                ]
            }
            Self::RequiresPython { .. } | Self::NoPython { .. } => {
                vec!["Debian 12 holds Python 3.11, Debian 13 holds Python 3.13".to_owned()]
            }
            Self::Toml { suggestion: None, .. }
            | Self::Encoding { .. }
            | Self::Name { .. }
            | Self::Value { .. }
            | Self::NoTarget { suggestion: None, .. } => Vec::new(),
        }
    }
}
