//! The canonical order of everything in a lock.

use super::{Distribution, HookRequires, ImageContent, Lock, LockedCrate};

impl Lock {
    /// Puts every list into the canonical order.
    pub(super) fn sort(&mut self) {
        for image in &mut self.images {
            match &mut image.content {
                ImageContent::Assembled(assembled) => {
                    assembled.include.sort();
                    assembled.suites.sort_by(|a, b| a.name.cmp(&b.name));
                    assembled.packages.sort();
                }
                // Layers have an order of their own.
                ImageContent::Pulled(_) => {}
            }
        }
        self.images.sort_by(|a, b| {
            (a.reference.to_string(), a.platform, a.digest).cmp(&(
                b.reference.to_string(),
                b.platform,
                b.digest,
            ))
        });
        for wheel in &mut self.wheels {
            sort_needs(&mut wheel.hooks, &mut wheel.crates, &mut wheel.distributions);
        }
        self.wheels.sort_by(|a, b| {
            (&a.name, &a.version, a.platform, a.python, a.sha256)
                .cmp(&(&b.name, &b.version, b.platform, b.python, b.sha256))
        });
        for target in &mut self.targets {
            target.extras.sort();
            target.groups.sort();
            sort_needs(&mut target.hooks, &mut target.crates, &mut target.distributions);
        }
        self.targets.sort_by(|a, b| (&a.name, a.platform, a.python).cmp(&(&b.name, b.platform, b.python)));
    }
}

fn sort_needs(hooks: &mut [HookRequires], crates: &mut [LockedCrate], distributions: &mut [Distribution]) {
    for hook in hooks.iter_mut() {
        hook.requires.sort();
    }
    hooks.sort();
    for one in crates.iter_mut() {
        one.required_by.sort();
    }
    crates.sort();
    for file in distributions.iter_mut() {
        file.required_by.sort();
    }
    distributions.sort_by(|a, b| (a.role, &a.name, &a.file).cmp(&(b.role, &b.name, &b.file)));
}
