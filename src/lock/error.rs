//! What is wrong with a lock's text.

use std::fmt;

use super::FILE_NAME;
use crate::error::{Blame, Fault};

/// A place in the lock's text, both counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl Position {
    /// The place of a byte offset in a text.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FILE_NAME}:{}:{}", self.line, self.column)
    }
}

/// A lock that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// The text is larger than any lock.
    #[error("{FILE_NAME} holds {actual} bytes, expected at most {limit}")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes found.
        actual: usize,
    },
    /// Two versions of the file were merged and not resolved.
    #[error("{at}: merge conflict marker: two versions of the lock were merged and not resolved")]
    Conflict {
        /// Where the first marker is.
        at: Position,
    },
    /// No TOML.
    #[error("{at}: broken TOML: {message}")]
    Syntax {
        /// Where.
        at: Position,
        /// What the parser expected.
        message: String,
    },
    /// No `version`.
    #[error("{FILE_NAME} has no `version`, expected `version = {supported}` at its top")]
    NoVersion {
        /// What this program reads.
        supported: i64,
    },
    /// A later version.
    #[error(
        "{FILE_NAME} has version {found} and was written by a newer sealwright, this one reads version {supported}"
    )]
    Newer {
        /// In the file.
        found: i64,
        /// What this program reads.
        supported: i64,
    },
    /// No version that ever was.
    #[error("{at}: unknown lock version {found}, expected {supported}")]
    BadVersion {
        /// Where.
        at: Position,
        /// In the file.
        found: String,
        /// What this program reads.
        supported: i64,
    },
    /// A key of version 1 that this program does not read yet.
    #[error(
        "{at}: `{key}` in {table} is part of lock version 1 that this sealwright does not read: a newer one wrote it"
    )]
    Reserved {
        /// Where.
        at: Position,
        /// The key.
        key: String,
        /// In which table.
        table: &'static str,
    },
    /// A key that no version has.
    #[error("{at}: unknown key `{key}` in {table}{}", .suggestion.as_ref().map(|key| format!(", did you mean `{key}`?")).unwrap_or_default())]
    UnknownKey {
        /// Where.
        at: Position,
        /// The key.
        key: String,
        /// In which table.
        table: &'static str,
        /// The nearest known key.
        suggestion: Option<String>,
    },
    /// A value of the wrong type or form, or a missing key.
    #[error("{at}: {message}")]
    Value {
        /// Where.
        at: Position,
        /// Expected and actual.
        message: String,
    },
    /// Two entries for one thing.
    #[error("{FILE_NAME} names {what} twice")]
    Duplicate {
        /// For instance `package libc6 (amd64) of image debian:bookworm`.
        what: String,
    },
    /// An entry refers to one that is not there.
    #[error("{FILE_NAME}: {what} refers to {missing}, which is not in the lock")]
    Dangling {
        /// Who refers.
        what: String,
        /// To what.
        missing: String,
    },
    /// A value that no lock may hold, whatever its form.
    #[error("{FILE_NAME}: {what} has {key} {value:?}, expected {expected}")]
    Bad {
        /// Whose value.
        what: String,
        /// Which.
        key: &'static str,
        /// The value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl Fault for LockError {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Newer { .. } | Self::Reserved { .. } => {
                vec!["update sealwright, or write the lock again with this one: `sealwright lock`".to_owned()]
            }
            Self::Conflict { .. } => vec![
                "take either side (`git checkout --ours sealwright.lock`) and run `sealwright lock`, which mends it"
                    .to_owned(),
            ],
            Self::TooLarge { .. }
            | Self::Syntax { .. }
            | Self::NoVersion { .. }
            | Self::BadVersion { .. }
            | Self::UnknownKey { .. }
            | Self::Value { .. }
            | Self::Duplicate { .. }
            | Self::Dangling { .. }
            | Self::Bad { .. } => {
                vec!["the lock is written by `sealwright lock`: remove the file and run it, or take the file of the last commit".to_owned()]
            }
        }
    }
}
