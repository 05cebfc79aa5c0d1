//! Reading a lock's text.

use serde::Deserialize;
use toml::de::{DeTable, Deserializer};

use super::{Lock, LockError, Position, VERSION, keys};

/// More bytes than any lock has: a few thousand packages of some 300 bytes.
const LIMIT: usize = 16 << 20;

impl Lock {
    /// Reads a lock. Order and layout are free (people resolve merges), everything else is strict: version,
    /// keys, values, references. [`Lock::to_text`] of the result is the canonical text.
    ///
    /// # Errors
    /// What is wrong and where, first the version, then conflict markers and syntax, then keys and values.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        if text.len() > LIMIT {
            return Err(LockError::TooLarge { limit: LIMIT, actual: text.len() });
        }
        if let Some(at) = conflict(text) {
            return Err(LockError::Conflict { at });
        }
        let root = DeTable::parse(text).map_err(|error| LockError::Syntax {
            at: position(text, &error),
            message: error.message().to_owned(),
        })?;
        check_version(text, root.get_ref())?;
        keys::check(text, root.get_ref())?;
        let wire = Wire::deserialize(Deserializer::from(root)).map_err(|error| LockError::Value {
            at: position(text, &error),
            message: error.message().to_owned(),
        })?;
        let mut lock = Self { images: wire.image, wheels: wire.wheel, targets: wire.target };
        lock.sort();
        lock.check()?;
        Ok(lock)
    }
}

/// The file as it stands: the model and the version, which was checked before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "version")]
    _version: i64,
    #[serde(default)]
    image: Vec<super::LockedImage>,
    #[serde(default)]
    wheel: Vec<super::LockedWheel>,
    #[serde(default)]
    target: Vec<super::LockedTarget>,
}

fn check_version(text: &str, root: &DeTable<'_>) -> Result<(), LockError> {
    let Some((key, value)) = root.iter().find(|(key, _)| key.get_ref().as_ref() == "version") else {
        return Err(LockError::NoVersion { supported: VERSION });
    };
    let number = value
        .get_ref()
        .as_integer()
        .and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok());
    match number {
        Some(VERSION) => Ok(()),
        Some(found) if found > VERSION => Err(LockError::Newer { found, supported: VERSION }),
        _ => Err(LockError::BadVersion {
            at: Position::of(text, key.span().start),
            found: text.get(value.span()).unwrap_or_default().chars().take(40).collect(),
            supported: VERSION,
        }),
    }
}

/// Where the first conflict marker of a merge is (git, `merge.conflictStyle`): seven signs at the start of a line.
fn conflict(text: &str) -> Option<Position> {
    let marker = |line: &str| {
        ["<<<<<<<", ">>>>>>>", "|||||||"].iter().any(|sign| line.starts_with(sign))
            || line.trim_end() == "======="
    };
    let line = text.lines().position(marker)? + 1;
    Some(Position { line, column: 1 })
}

fn position(text: &str, error: &toml::de::Error) -> Position {
    Position::of(text, error.span().map_or(0, |span| span.start))
}
