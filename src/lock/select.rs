//! Finding and cutting out what one target needs.

use super::{Lock, LockedImage, LockedTarget};
use crate::digest::Sha256;
use crate::name::{Platform, PythonVersion, TargetName};

impl Lock {
    /// The entry of one target.
    #[must_use]
    pub fn find(
        &self,
        name: &TargetName,
        platform: Platform,
        python: PythonVersion,
    ) -> Option<&LockedTarget> {
        self.targets
            .iter()
            .find(|target| target.name == *name && target.platform == platform && target.python == python)
    }

    /// The image with this digest.
    #[must_use]
    pub fn image(&self, digest: &Sha256) -> Option<&LockedImage> {
        self.images.iter().find(|image| image.digest == *digest)
    }

    /// A lock of one target and its image only: what a statement of that target holds.
    #[must_use]
    pub fn slice(&self, name: &TargetName, platform: Platform, python: PythonVersion) -> Option<Self> {
        let target = self.find(name, platform, python)?;
        let image = self.image(&target.image)?;
        Some(Self { images: vec![image.clone()], targets: vec![target.clone()] })
    }

    /// Replaces the entries of the same target, platform and Python by those of `newer`, adds what is new, and
    /// drops images that no target names any more.
    pub fn merge(&mut self, newer: Self) {
        for target in newer.targets {
            self.targets.retain(|old| {
                (&old.name, old.platform, old.python) != (&target.name, target.platform, target.python)
            });
            self.targets.push(target);
        }
        for image in newer.images {
            self.images.retain(|old| old.digest != image.digest);
            self.images.push(image);
        }
        self.prune();
    }

    /// Keeps only the targets that `wanted` says, and the images that these name.
    pub fn retain(&mut self, wanted: impl Fn(&LockedTarget) -> bool) {
        self.targets.retain(wanted);
        self.prune();
    }

    fn prune(&mut self) {
        let Self { images, targets } = self;
        images.retain(|image| targets.iter().any(|target| target.image == image.digest));
        self.sort();
    }
}
