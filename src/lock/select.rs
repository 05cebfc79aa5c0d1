//! Finding and cutting out what one target needs.

use std::collections::BTreeSet;

use super::{Distribution, Lock, LockedImage, LockedTarget, LockedWheel};
use crate::digest::Sha256;
use crate::name::{Platform, PythonVersion, TargetName};

impl Lock {
    /// The entry of one target. Without a version of Python (the image decides) a target has one entry.
    #[must_use]
    pub fn find(
        &self,
        name: &TargetName,
        platform: Platform,
        python: impl Into<Option<PythonVersion>>,
    ) -> Option<&LockedTarget> {
        let python = python.into();
        let is_asked = |target: &&LockedTarget| {
            target.name == *name
                && target.platform == platform
                && python.is_none_or(|python| target.python == python)
        };
        self.targets.iter().find(is_asked)
    }

    /// The image with this digest.
    #[must_use]
    pub fn image(&self, digest: &Sha256) -> Option<&LockedImage> {
        self.images.iter().find(|image| image.digest == *digest)
    }

    /// The wheel with this digest, if it is one that is built here.
    #[must_use]
    pub fn wheel(&self, digest: &Sha256) -> Option<&LockedWheel> {
        self.wheels.iter().find(|wheel| wheel.sha256 == *digest)
    }

    /// Every wheel that has to be built for these distributions, and for building those, each before what needs it.
    #[must_use]
    pub fn wheels_for(&self, distributions: &[Distribution]) -> Vec<&LockedWheel> {
        let mut order = Vec::new();
        self.collect_wheels(distributions, &mut BTreeSet::new(), &mut order);
        order
    }

    fn collect_wheels<'a>(
        &'a self,
        distributions: &[Distribution],
        seen: &mut BTreeSet<Sha256>,
        order: &mut Vec<&'a LockedWheel>,
    ) {
        for wheel in distributions.iter().filter_map(|file| self.wheel(&file.sha256)) {
            if seen.insert(wheel.sha256) {
                self.collect_wheels(&wheel.distributions, seen, order);
                order.push(wheel);
            }
        }
    }

    /// A lock of one target, with the wheels and images that it needs: what a statement of that target holds.
    #[must_use]
    pub fn slice(&self, name: &TargetName, platform: Platform, python: PythonVersion) -> Option<Self> {
        let target = self.find(name, platform, python)?;
        self.image(&target.image)?;
        let mut lock = Self { targets: vec![target.clone()], ..self.clone() };
        lock.prune();
        Some(lock)
    }

    /// Replaces the entries of the same target, platform and Python by those of `newer`, adds what is new, and
    /// drops wheels and images that nothing names any more.
    pub fn merge(&mut self, newer: Self) {
        for target in newer.targets {
            self.targets.retain(|old| {
                (&old.name, old.platform, old.python) != (&target.name, target.platform, target.python)
            });
            self.targets.push(target);
        }
        for wheel in newer.wheels {
            self.wheels.retain(|old| old.sha256 != wheel.sha256);
            self.wheels.push(wheel);
        }
        for image in newer.images {
            self.images.retain(|old| old.digest != image.digest);
            self.images.push(image);
        }
        self.prune();
    }

    /// Keeps only the targets that `wanted` says, and the wheels and images that these need.
    pub fn retain(&mut self, wanted: impl Fn(&LockedTarget) -> bool) {
        self.targets.retain(wanted);
        self.prune();
    }

    fn prune(&mut self) {
        let needed: BTreeSet<Sha256> = self
            .targets
            .iter()
            .flat_map(|target| self.wheels_for(&target.distributions))
            .map(|wheel| wheel.sha256)
            .collect();
        let Self { images, wheels, targets } = self;
        wheels.retain(|wheel| needed.contains(&wheel.sha256));
        images.retain(|image| {
            targets.iter().any(|target| target.image == image.digest)
                || wheels.iter().any(|wheel| wheel.image == image.digest)
        });
        self.sort();
    }
}
