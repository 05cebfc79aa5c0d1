//! What the types of a lock do not hold: references, duplicates, values that become paths or URLs.

use super::{
    AssembledImage, Distribution, HookRequires, ImageContent, Lock, LockError, LockedCrate, LockedImage,
    LockedSuite, LockedTarget, LockedWheel, PulledImage,
};
use crate::digest::Sha256;
use crate::name::Platform;

impl Lock {
    /// Checks what the types do not hold.
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
        for (index, wheel) in self.wheels.iter().enumerate() {
            let what = format!("wheel {}", wheel.file);
            if self.wheels[..index].iter().any(|other| other.sha256 == wheel.sha256) {
                return Err(LockError::Duplicate { what });
            }
            self.check_image(&what, wheel.platform, &wheel.image)?;
            self.check_cycle(wheel, &what, &mut Vec::new())?;
            wheel.check(&what)?;
        }
        let mut last = None;
        for target in &self.targets {
            let what = format!("target {} ({}, Python {})", target.name, target.platform, target.python);
            let key = (&target.name, target.platform, target.python);
            if last.replace(key) == Some(key) {
                return Err(LockError::Duplicate { what });
            }
            self.check_image(&what, target.platform, &target.image)?;
            target.check(&what)?;
        }
        Ok(())
    }

    fn check_image(&self, whose: &str, platform: Platform, digest: &Sha256) -> Result<(), LockError> {
        let what = whose.to_owned();
        match self.image(digest) {
            None => Err(LockError::Dangling { what, missing: format!("image {digest}") }),
            Some(image) if image.platform != platform => Err(LockError::Bad {
                what,
                key: "image",
                value: format!("of platform {}", image.platform),
                expected: "an image of the same platform",
            }),
            Some(_) => Ok(()),
        }
    }

    /// A wheel that is needed to build itself cannot be built.
    fn check_cycle<'a>(
        &'a self,
        wheel: &'a LockedWheel,
        what: &str,
        above: &mut Vec<&'a Sha256>,
    ) -> Result<(), LockError> {
        if above.contains(&&wheel.sha256) {
            return Err(LockError::Bad {
                what: what.to_owned(),
                key: "distributions",
                value: wheel.file.clone(),
                expected: "no wheel that is needed to build itself",
            });
        }
        above.push(&wheel.sha256);
        for file in &wheel.distributions {
            if let Some(needed) = self.wheel(&file.sha256) {
                self.check_cycle(needed, what, above)?;
            }
        }
        above.pop();
        Ok(())
    }
}

impl LockedImage {
    fn check(&self, whose: &str) -> Result<(), LockError> {
        match &self.content {
            ImageContent::Assembled(assembled) => assembled.check(whose),
            ImageContent::Pulled(pulled) => pulled.check(whose),
        }
    }
}

impl PulledImage {
    fn check(&self, whose: &str) -> Result<(), LockError> {
        let bad = |key, value: &str, expected| {
            let value = value.chars().take(120).collect();
            Err(LockError::Bad { what: whose.to_owned(), key, value, expected })
        };
        if self.python.parse::<crate::name::SandboxPath>().is_err()
            || self.python.contains(char::is_whitespace)
            || self.python_version().is_none()
        {
            return bad(
                "python",
                &self.python,
                "an absolute path without '..' and spaces that ends with pythonX.Y",
            );
        }
        let number = |part: &str| part.len() <= 3 && part.parse::<u16>().is_ok();
        if !self.glibc.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor)) {
            return bad("glibc", &self.glibc, "MAJOR.MINOR, for instance 2.36");
        }
        for layer in &self.layers {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || b"/.+-_".contains(&byte);
            if layer.media_type.is_empty() || !layer.media_type.bytes().all(good) {
                return bad("media-type", &layer.media_type, "a media type");
            }
        }
        Ok(())
    }
}

impl AssembledImage {
    fn check(&self, whose: &str) -> Result<(), LockError> {
        let mut last: Option<&str> = None;
        for LockedSuite { name, archive, date } in &self.suites {
            let what = format!("suite {name} of {whose}");
            if last.replace(name) == Some(name) {
                return Err(LockError::Duplicate { what });
            }
            plain(&what, "name", name)?;
            plain(&what, "archive", archive)?;
            if date.parse::<jiff::Timestamp>().is_err() || !date.ends_with('Z') {
                let (key, value) = ("date", date.clone());
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

impl LockedTarget {
    fn check(&self, whose: &str) -> Result<(), LockError> {
        for file in &self.requirements {
            let what = format!("requirements {} of {whose}", file.file);
            plain(&what, "format", &file.format)?;
            let good = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\0');
            if !file.file.split('/').all(good) {
                let (key, value) = ("file", file.file.chars().take(120).collect());
                return Err(LockError::Bad {
                    what,
                    key,
                    value,
                    expected: "a path below the project's folder",
                });
            }
        }
        check_needs(whose, &self.hooks, &self.crates, &self.distributions)
    }
}

impl LockedWheel {
    fn check(&self, whose: &str) -> Result<(), LockError> {
        plain(whose, "file", &self.file)?;
        plain(whose, "version", &self.version)?;
        plain(whose, "sdist", &self.sdist.file)?;
        if self.file.strip_suffix(".whl").is_none() {
            let (what, value) = (whose.to_owned(), self.file.clone());
            return Err(LockError::Bad { what, key: "file", value, expected: "a wheel's file name" });
        }
        check_needs(whose, &self.hooks, &self.crates, &self.distributions)
    }
}

fn check_needs(
    whose: &str,
    hooks: &[HookRequires],
    crates: &[LockedCrate],
    distributions: &[Distribution],
) -> Result<(), LockError> {
    let mut last: Option<&str> = None;
    for hook in hooks {
        if last.replace(&hook.name) == Some(&hook.name) {
            return Err(LockError::Duplicate { what: format!("hook {} of {whose}", hook.name) });
        }
    }
    let mut last = None;
    for one in crates {
        let what = format!("crate {} of {whose}", one.file);
        let key = (&one.name, &one.version);
        if last.replace(key) == Some(key) {
            return Err(LockError::Duplicate { what });
        }
        plain(&what, "name", &one.name)?;
        plain(&what, "version", &one.version)?;
        plain(&what, "file", &one.file)?;
    }
    let mut last = None;
    for file in distributions {
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
