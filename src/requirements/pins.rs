//! The pins that are collected: one version of each name.

use std::collections::BTreeMap;

use pep440_rs::Version;

use super::{Format, Pin, Place, RequirementsError};
use crate::name::PackageName;

/// Pins by name.
#[derive(Debug, Default)]
pub(super) struct Pins(BTreeMap<PackageName, Pin>);

impl Pins {
    /// Adds a pin. One that is there already with the same version is the same: acceptable is what both accept.
    ///
    /// # Errors
    /// Another version is there already, or no hash is acceptable to both.
    pub(super) fn add(&mut self, pin: Pin, format: Format) -> Result<(), RequirementsError> {
        let Some(there) = self.0.get_mut(&pin.name) else {
            self.0.insert(pin.name.clone(), pin);
            return Ok(());
        };
        if !equal(&there.version, &pin.version) {
            return Err(RequirementsError::Two {
                at: pin.at,
                format,
                name: pin.name.to_string(),
                version: pin.version,
                other: there.version.clone(),
                other_at: there.at.clone(),
            });
        }
        there.hashes.retain(|hash| pin.hashes.contains(hash));
        if there.hashes.is_empty() {
            let what = format!("{} {}", pin.name, pin.version);
            return Err(RequirementsError::Hashes { at: pin.at, what, other: there.at.clone() });
        }
        let Pin { hashes, files, required_by, .. } = there;
        files.extend(pin.files);
        files.retain(|file| hashes.contains(&file.sha256));
        files.dedup();
        required_by.extend(pin.required_by);
        Ok(())
    }

    /// The pins, sorted.
    pub(super) fn finish(self) -> Vec<Pin> {
        let mut pins: Vec<Pin> = self.0.into_values().collect();
        for pin in &mut pins {
            pin.required_by.sort();
            pin.required_by.dedup();
        }
        pins
    }
}

/// Whether two versions are one (PEP 440: `1.0` is `1.0.0`).
pub(super) fn equal(a: &str, b: &str) -> bool {
    match (a.parse::<Version>(), b.parse::<Version>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// A version as written, if it is one (PEP 440).
pub(super) fn version(
    text: &str,
    name: &str,
    format: Format,
    at: impl FnOnce() -> Place,
) -> Result<String, RequirementsError> {
    let version = text.trim();
    if version.parse::<Version>().is_ok() {
        return Ok(version.to_owned());
    }
    let message = format!("{name} has the version {text:?}, expected one as PEP 440 has them");
    Err(RequirementsError::Broken { at: at(), format, message })
}

/// A name, normalized.
pub(super) fn name(
    text: &str,
    format: Format,
    at: impl FnOnce() -> Place,
) -> Result<PackageName, RequirementsError> {
    text.parse().map_err(|error: crate::name::NameError| RequirementsError::Broken {
        at: at(),
        format,
        message: error.to_string(),
    })
}
