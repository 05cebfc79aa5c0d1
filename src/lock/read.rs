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
        let mut lock = Self { images: wire.image, targets: wire.target };
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

impl Lock {
    /// Puts every list into the canonical order.
    pub(super) fn sort(&mut self) {
        for image in &mut self.images {
            image.include.sort();
            image.suites.sort_by(|a, b| a.name.cmp(&b.name));
            image.packages.sort();
        }
        self.images.sort_by(|a, b| {
            (a.reference.to_string(), a.platform, a.digest).cmp(&(
                b.reference.to_string(),
                b.platform,
                b.digest,
            ))
        });
        for target in &mut self.targets {
            target.hooks.iter_mut().for_each(|hook| hook.requires.sort());
            target.hooks.sort();
            target.distributions.iter_mut().for_each(|file| file.required_by.sort());
            target.distributions.sort_by(|a, b| (a.role, &a.name, &a.file).cmp(&(b.role, &b.name, &b.file)));
        }
        self.targets.sort_by(|a, b| (&a.name, a.platform, a.python).cmp(&(&b.name, b.platform, b.python)));
    }

    /// Checks what the types do not hold: references, duplicates, values that become paths or URLs.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), LockError> {
        for (index, image) in self.images.iter().enumerate() {
            let what = format!("image {} ({})", image.reference, image.platform);
            if self.images[..index].iter().any(|other| other.digest == image.digest) {
                return Err(LockError::Duplicate { what });
            }
            image.check(&what)?;
        }
        let mut last = None;
        for target in &self.targets {
            let what = format!("target {} ({}, Python {})", target.name, target.platform, target.python);
            let key = (&target.name, target.platform, target.python);
            if last.replace(key) == Some(key) {
                return Err(LockError::Duplicate { what });
            }
            let image = self.images.iter().find(|image| image.digest == target.image);
            match image {
                None => return Err(LockError::Dangling { what, missing: format!("image {}", target.image) }),
                Some(image) if image.platform != target.platform => {
                    return Err(LockError::Bad {
                        what,
                        key: "image",
                        value: format!("of platform {}", image.platform),
                        expected: "an image of the target's platform",
                    });
                }
                Some(_) => {}
            }
            target.check(&what)?;
        }
        Ok(())
    }
}

impl super::LockedImage {
    fn check(&self, whose: &str) -> Result<(), LockError> {
        let mut last: Option<&str> = None;
        for suite in &self.suites {
            let what = format!("suite {} of {whose}", suite.name);
            if last.replace(&suite.name) == Some(&suite.name) {
                return Err(LockError::Duplicate { what });
            }
            plain(&what, "name", &suite.name)?;
            plain(&what, "archive", &suite.archive)?;
            if suite.date.parse::<jiff::Timestamp>().is_err() || !suite.date.ends_with('Z') {
                let (key, value) = ("date", suite.date.clone());
                return Err(LockError::Bad { what, key, value, expected: "an RFC 3339 time in UTC" });
            }
        }
        let mut last = None;
        for package in &self.packages {
            let what = format!("package {} ({}) of {whose}", package.name, package.arch);
            let key = (&package.name, &package.arch);
            if last.replace(key) == Some(key) {
                return Err(LockError::Duplicate { what });
            }
            if !self.suites.iter().any(|suite| suite.name == package.suite) {
                return Err(LockError::Dangling { what, missing: format!("suite {}", package.suite) });
            }
            plain(&what, "name", &package.name)?;
            plain(&what, "version", &package.version)?;
            plain(&what, "arch", &package.arch)?;
            package.path.split('/').try_for_each(|part| plain(&what, "path", part))?;
        }
        Ok(())
    }
}

impl super::LockedTarget {
    fn check(&self, whose: &str) -> Result<(), LockError> {
        let mut last: Option<&str> = None;
        for hook in &self.hooks {
            if last.replace(&hook.name) == Some(&hook.name) {
                return Err(LockError::Duplicate { what: format!("hook {} of {whose}", hook.name) });
            }
        }
        let mut last = None;
        for file in &self.distributions {
            let what = format!("file {} of {whose}", file.file);
            let key = (file.role, &file.file);
            if last.replace(key) == Some(key) {
                return Err(LockError::Duplicate { what });
            }
            plain(&what, "file", &file.file)?;
            plain(&what, "version", &file.version)?;
        }
        Ok(())
    }
}

/// What becomes a part of a path or a URL: ASCII letters, digits and `.+-_~:!`, and no dot first.
fn plain(what: &str, key: &'static str, value: &str) -> Result<(), LockError> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b".+-_~:!".contains(&byte);
    if value.is_empty() || value.starts_with('.') || value.len() > 255 || !value.bytes().all(good) {
        return Err(LockError::Bad {
            what: what.to_owned(),
            key,
            value: value.chars().take(120).collect(),
            expected: "ASCII letters, digits and .+-_~:!, and no dot first",
        });
    }
    Ok(())
}
