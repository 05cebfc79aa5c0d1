//! `fetch`: everything that a lock names, into the store; and what a lock keeps there.

use std::collections::BTreeSet;
use std::path::Path;

use super::error::BuildError;
use super::prepare::{Prepared, lock_path, read_lock};
use super::report::FetchReport;
use super::request::{Context, Place};
use super::supply::Supplier;
use crate::builder::Builder;
use crate::digest::Sha256;
use crate::lock::{Distribution, Lock, LockedCrate, LockedImage, LockedWheel};
use crate::name::Platform;
use crate::store::RootUses;

/// Says that a project uses what its lock names, so that `store gc` keeps it.
pub(super) fn keep_locked(lock: &Lock, path: &Path, context: Context<'_>) -> Result<(), BuildError> {
    let of_images = lock.images.iter().flat_map(LockedImage::blobs);
    let of_targets = lock.targets.iter().flat_map(|target| &target.distributions);
    let of_wheels = lock.wheels.iter().flat_map(|wheel| &wheel.distributions);
    let files = of_targets.chain(of_wheels).map(|file| file.sha256);
    let of_targets = lock.targets.iter().flat_map(|target| &target.crates);
    let crates = of_targets.chain(lock.wheels.iter().flat_map(|wheel| &wheel.crates)).map(|one| one.sha256);
    let sdists = lock.wheels.iter().map(|wheel| wheel.sdist.sha256);
    let uses = RootUses {
        blobs: of_images.chain(files).chain(sdists).chain(crates).collect(),
        trees: lock.images.iter().map(|image| image.digest).collect(),
        ..RootUses::default()
    };
    Ok(context.store.set_root("lock", path, &uses)?)
}

/// Fills the store with everything that the lock of a project names, and unpacks its images. A wheel that is built here
/// needs its sdist and what builds it.
///
/// # Errors
/// There is no lock, something is not to be had or not what the lock says, or the host fails.
pub fn fetch(place: &Place, context: Context<'_>) -> Result<FetchReport, BuildError> {
    let prepared = Prepared::read(place, &[])?;
    let path = lock_path(place);
    let lock = read_lock(&path)?.ok_or_else(|| BuildError::NoLock { path: path.clone() })?;
    keep_locked(&lock, &path, context)?;
    let supplier = Supplier::new(&prepared, context);
    let mut list = List::default();
    for (target, builder) in &prepared.targets {
        for variant in &target.variants {
            let Some(locked) = lock.find(&target.name, prepared.platform, variant.python) else { continue };
            let wheels = lock.wheels_for(&locked.distributions);
            list.images.extend(lock.image(&locked.image));
            list.images.extend(wheels.iter().filter_map(|wheel| lock.image(&wheel.image)));
            let of_wheels = wheels.iter().flat_map(|wheel| &wheel.distributions);
            let files = locked.distributions.iter().chain(of_wheels);
            list.files.extend(files.filter(|file| lock.wheel(&file.sha256).is_none()));
            list.crates.extend(locked.crates.iter().chain(wheels.iter().flat_map(|wheel| &wheel.crates)));
            list.wheels.extend(wheels);
            fetch_resolver(builder, &supplier, prepared.platform)?;
        }
    }
    list.fetch(&supplier)
}

/// What has to be in the store.
#[derive(Default)]
struct List<'a> {
    images: Vec<&'a LockedImage>,
    files: Vec<&'a Distribution>,
    wheels: Vec<&'a LockedWheel>,
    crates: Vec<&'a LockedCrate>,
}

impl List<'_> {
    fn fetch(self, supplier: &Supplier<'_>) -> Result<FetchReport, BuildError> {
        let mut report = FetchReport { files: 0, bytes: 0, images: 0 };
        let mut seen: BTreeSet<Sha256> = BTreeSet::new();
        let mut images = self.images;
        images.retain(|image| seen.insert(image.digest));
        for image in &images {
            supplier.image_files(image)?;
        }
        let mut files = self.files;
        files.retain(|file| seen.insert(file.sha256));
        let files: Vec<Distribution> = files.into_iter().cloned().collect();
        supplier.distributions(&files)?;
        let mut wheels = self.wheels;
        wheels.retain(|wheel| seen.insert(wheel.sdist.sha256));
        supplier.sdists(&wheels)?;
        let mut crates = self.crates;
        crates.retain(|one| seen.insert(one.sha256));
        let crates: Vec<LockedCrate> = crates.into_iter().cloned().collect();
        supplier.crates(&crates)?;
        for image in &images {
            supplier.image(image)?;
        }
        let sizes: Vec<u64> = images
            .iter()
            .flat_map(|image| image.sizes())
            .chain(files.iter().map(|file| file.size))
            .chain(wheels.iter().map(|wheel| wheel.sdist.size))
            .chain(crates.iter().map(|one| one.size))
            .collect();
        report.files = sizes.len();
        report.bytes = sizes.iter().sum();
        report.images = images.len();
        Ok(report)
    }
}

/// The resolver is no part of a build, but `lock --offline` needs it.
fn fetch_resolver(builder: &Builder, supplier: &Supplier<'_>, platform: Platform) -> Result<(), BuildError> {
    match builder.toolchain().resolver(platform) {
        Some(resolver) => supplier.distributions(&[resolver.distribution()]),
        None => Ok(()),
    }
}
