//! Whether a locked target is still what the project asks for, and if not, why.

use super::{Distribution, Lock, LockedTarget, Role};
use crate::name::{ImageRef, PythonVersion};

/// What the project and its builder ask for now, for one target and platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The version of Python.
    pub python: PythonVersion,
    /// The base image.
    pub image: AskedImage,
    /// `build-system.requires`, as the project writes it.
    pub requires: Vec<String>,
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
        if self.python != asked.python {
            reasons.push(format!("Python is {} in the lock and {} is asked for", self.python, asked.python));
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
                if image.recipe > *recipe {
                    reasons.push(format!(
                        "the base image is assembled by recipe {}, and this sealwright knows {recipe} at most",
                        image.recipe
                    ));
                }
                let suites_now: Vec<String> = image.suites.iter().map(|suite| suite.name.clone()).collect();
                compare(&mut reasons, "suite", &suites_now, suites);
                compare(&mut reasons, "system package", &image.include, include);
            }
        }
        compare(&mut reasons, "build requirement", &self.requires, &asked.requires);
        let tools = |files: &mut dyn Iterator<Item = &Distribution>| -> Vec<String> {
            files.map(|file| format!("{} ({})", file.file, file.sha256)).collect()
        };
        if let Some(asked) = &asked.tools {
            let locked = tools(&mut self.distributions.iter().filter(|file| file.role == Role::Tool));
            compare(&mut reasons, "builder's tool", &locked, &tools(&mut asked.iter()));
        }
        reasons
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
