//! Whether a locked target is still what the project asks for, and if not, why.

use super::{
    AssembledImage, Distribution, ImageContent, Lock, LockedCrate, LockedRequirements, LockedTarget, Role,
};
use crate::digest::Sha256;
use crate::name::{ImageRef, PythonVersion};

/// What the project and its builder ask for now, for one target and platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The version of Python; `None` if the image decides.
    pub python: Option<PythonVersion>,
    /// The base image.
    pub image: AskedImage,
    /// `build-system.requires`, as the project writes it.
    pub requires: Vec<String>,
    /// The project's own lock file and what it includes, as they are now.
    pub requirements: Vec<LockedRequirements>,
    /// Extras of it, sorted.
    pub extras: Vec<String>,
    /// Dependency groups of it, sorted.
    pub groups: Vec<String>,
    /// Crates that the source's `Cargo.lock` files name, with their checksums.
    pub crates: Vec<(String, String, Sha256)>,
    /// The builder's own tools, by file and digest; `None` if they are not to be compared.
    pub tools: Option<Vec<Distribution>>,
}

/// What is asked of a base image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedImage {
    /// As written.
    pub reference: ImageRef,
    /// The recipe that this program assembles new images by; an older locked one is not stale.
    pub recipe: u32,
    /// Packages of the builder and of the target.
    pub include: Vec<String>,
    /// Names of the suites.
    pub suites: Vec<String>,
}

impl LockedTarget {
    /// Why this entry is not what is asked for now, each reason a fragment; empty if it is.
    ///
    /// `lock` holds the entry. The versions that were locked are never a reason: they stay until
    /// `lock --upgrade`.
    #[must_use]
    pub fn stale(&self, lock: &Lock, asked: &Asked) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Some(asked) = asked.python.filter(|asked| *asked != self.python) {
            reasons.push(format!("Python is {} in the lock and {asked} is asked for", self.python));
        }
        match lock.image(&self.image) {
            None => reasons.push(format!("the lock does not hold image {}", self.image)),
            Some(image) => {
                let AskedImage { reference, recipe, include, suites } = &asked.image;
                if image.reference != *reference {
                    let locked = &image.reference;
                    reasons
                        .push(format!("the base image is {locked} in the lock and {reference} is asked for"));
                }
                match &image.content {
                    ImageContent::Assembled(AssembledImage {
                        recipe: locked,
                        include: packages,
                        suites: from,
                        ..
                    }) => {
                        if locked > recipe {
                            reasons.push(format!(
                                "the base image is assembled by recipe {locked}, and this sealwright knows {recipe} at most"
                            ));
                        }
                        let from: Vec<String> = from.iter().map(|suite| suite.name.clone()).collect();
                        compare(&mut reasons, "suite", &from, suites);
                        compare(&mut reasons, "system package", packages, include);
                    }
                    ImageContent::Pulled(_) => {}
                }
            }
        }
        compare(&mut reasons, "build requirement", &self.requires, &asked.requires);
        self.stale_requirements(&mut reasons, asked);
        let named = |one: &LockedCrate| format!("{} {} ({})", one.name, one.version, one.sha256);
        let crates: Vec<String> = self.crates.iter().map(named).collect();
        let now: Vec<String> = asked
            .crates
            .iter()
            .map(|(name, version, sha256)| format!("{name} {version} ({sha256})"))
            .collect();
        compare(&mut reasons, "crate", &crates, &now);
        let tools = |files: &mut dyn Iterator<Item = &Distribution>| -> Vec<String> {
            files.map(|file| format!("{} ({})", file.file, file.sha256)).collect()
        };
        if let Some(asked) = &asked.tools {
            let locked = tools(&mut self.distributions.iter().filter(|file| file.role == Role::Tool));
            compare(&mut reasons, "builder's tool", &locked, &tools(&mut asked.iter()));
        }
        reasons
    }

    fn stale_requirements(&self, reasons: &mut Vec<String>, asked: &Asked) {
        for now in &asked.requirements {
            match self.requirements.iter().find(|locked| locked.file == now.file) {
                None => reasons.push(format!("{} is asked for and not in the lock", now.file)),
                Some(locked) if locked.sha256 != now.sha256 => {
                    reasons.push(format!("{} has changed since it was locked", now.file));
                }
                Some(_) => {}
            }
        }
        for locked in &self.requirements {
            if !asked.requirements.iter().any(|now| now.file == locked.file) {
                reasons.push(format!("{} is in the lock and no longer asked for", locked.file));
            }
        }
        compare(reasons, "extra", &self.extras, &asked.extras);
        compare(reasons, "group", &self.groups, &asked.groups);
    }
}

/// Names what is in one list only. Order is no reason.
fn compare(reasons: &mut Vec<String>, what: &str, locked: &[String], asked: &[String]) {
    for name in asked.iter().filter(|name| !locked.contains(name)) {
        reasons.push(format!("{what} {name} is asked for and not in the lock"));
    }
    for name in locked.iter().filter(|name| !asked.contains(name)) {
        reasons.push(format!("{what} {name} is in the lock and no longer asked for"));
    }
}
