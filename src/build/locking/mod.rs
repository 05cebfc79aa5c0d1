//! Making the lock: the image, what the build asks for, and what the project pins to run.

mod images;
mod needs;
mod runtime;
mod sdists;
mod wanted;

use std::path::{Path, PathBuf};

use images::Images;
use needs::{Locker, Made, Subject};

use super::error::BuildError;
use super::fill::keep_locked;
use super::planning::{limits, settings};
use super::prepare::{Prepared, lock_path, python_named, python_of, read_lock};
use super::report::{LockOutcome, LockReport};
use super::request::{Context, LockMode, LockRequest, Upgrade};
use super::supply::Supplier;
use crate::builder::Builder;
use crate::config::{Target, Variant};
use crate::lock::{Lock, LockedTarget};
use crate::output::{Written, write_whole};

/// Makes or checks the lock of a project.
///
/// # Errors
/// With [`LockMode::Check`], a stale or missing lock. Else: something cannot be resolved, the backend fails while
/// it is asked, the network or the host fails.
pub fn lock(request: &LockRequest, context: Context<'_>) -> Result<LockReport, BuildError> {
    let prepared = Prepared::read(&request.place, &[])?;
    let path = lock_path(&request.place);
    let old = read_lock(&path)?;
    match (request.mode, &old) {
        (LockMode::Check, None) => return Err(BuildError::NoLock { path }),
        (LockMode::Check, Some(lock)) => {
            check(&prepared, lock, &path)?;
            return Ok(report(path, LockOutcome::Fresh, lock));
        }
        (LockMode::Write, _) => {}
    }
    let fresh = request.upgrade == Upgrade::Keep
        && old
            .as_ref()
            .is_some_and(|lock| check(&prepared, lock, &path).is_ok() && lock_is_whole(&prepared, lock));
    if let (true, Some(lock)) = (fresh, &old) {
        return Ok(report(path, LockOutcome::Fresh, lock));
    }
    let (lock, outcome) = renew(&prepared, &path, old, &request.upgrade, context)?;
    Ok(report(path, outcome, &lock))
}

fn report(path: PathBuf, outcome: LockOutcome, lock: &Lock) -> LockReport {
    LockReport {
        path,
        outcome,
        images: lock.images.len(),
        packages: lock.images.iter().map(|image| image.packages().len()).sum(),
        distributions: lock.targets.iter().map(|target| target.distributions.len()).sum(),
    }
}

/// Whether the lock holds no target that the project no longer has.
fn lock_is_whole(prepared: &Prepared, lock: &Lock) -> bool {
    lock.targets.iter().all(|locked| prepared.project.targets.iter().any(|target| target.name == locked.name))
}

/// Fails with everything that is stale in one of the targets that were asked for.
pub(super) fn check(prepared: &Prepared, lock: &Lock, path: &Path) -> Result<(), BuildError> {
    for (target, builder) in &prepared.targets {
        for variant in &target.variants {
            let reasons = match lock.find(&target.name, prepared.platform, variant.python) {
                None => {
                    let python = python_named(variant.python);
                    vec![format!("it holds nothing for {}{python}", prepared.platform)]
                }
                Some(locked) => locked.stale(lock, &prepared.asked(target, builder, variant, Some(locked))?),
            };
            if !reasons.is_empty() {
                let (path, target) = (path.to_owned(), target.name.clone());
                return Err(BuildError::Stale { path, target, reasons });
            }
        }
    }
    Ok(())
}

/// Resolves the targets that were asked for again, and writes the lock.
pub(super) fn renew(
    prepared: &Prepared,
    path: &Path,
    old: Option<Lock>,
    upgrade: &Upgrade,
    context: Context<'_>,
) -> Result<(Lock, LockOutcome), BuildError> {
    let _guard =
        context.store.lock_key(&format!("lock-{}", path.display()), context.reporter, context.cancel)?;
    let mut lock = old.unwrap_or_default();
    let supplier = Supplier::new(prepared, context);
    for (target, builder) in &prepared.targets {
        for variant in &target.variants {
            let newer =
                lock_target(prepared, (target, builder, variant), (&lock, upgrade), ORDINARY, &supplier)?;
            lock.merge(newer);
        }
    }
    lock.retain(|locked| {
        prepared.project.targets.iter().any(|target| {
            target.name == locked.name
                && target
                    .variants
                    .iter()
                    .any(|variant| variant.python.is_none_or(|python| python == locked.python))
        })
    });
    keep_locked(&lock, path, context)?;
    let outcome = match write_whole(path, lock.to_text().as_bytes())? {
        Written::Unchanged => LockOutcome::Unchanged,
        Written::New | Written::Replaced => LockOutcome::Written,
    };
    Ok((lock, outcome))
}

/// What is asked beyond what the project says itself.
#[derive(Clone, Copy)]
pub(super) struct Beyond<'a> {
    /// Further build requirements.
    pub(super) requires: &'a [String],
    /// Nothing that was uploaded later is taken.
    pub(super) cutoff: Option<&'a str>,
    /// What will be made.
    pub(super) distributions: &'a [&'a str],
}

const ORDINARY: Beyond<'_> = Beyond { requires: &[], cutoff: None, distributions: &["sdist", "wheel"] };

/// One target with one version of Python.
pub(super) fn lock_target(
    prepared: &Prepared,
    (target, builder, variant): (&Target, &Builder, &Variant),
    (old, upgrade): (&Lock, &Upgrade),
    beyond: Beyond<'_>,
    supplier: &Supplier<'_>,
) -> Result<Lock, BuildError> {
    let kept = old.find(&target.name, prepared.platform, variant.python);
    let asked = prepared.asked(target, builder, variant, kept)?;
    let images = Images { supplier, upgrade, old, platform: prepared.platform, python: variant.python };
    // What the source itself names comes first: it is small, and what is wrong with it is told at once.
    supplier.lock_crates(prepared.crates_of(builder).unwrap_or_default())?;
    let mut made = Made::default();
    let (locked_image, image) = images.image(&asked.image, kept.map(|kept| kept.image), &made)?;
    made.images.push(locked_image.clone());
    let locker = Locker {
        images,
        python: python_of(&locked_image)?.python,
        image: &variant.image,
        suites: &asked.image.suites,
        system_packages: &target.system_packages,
        cutoff: beyond.cutoff,
    };
    let subject = Subject {
        name: target.name.clone(),
        source: &prepared.source,
        requires: asked.requires.iter().chain(beyond.requires).cloned().collect(),
        crates: prepared.crates_of(builder),
        builder,
        distributions: beyond.distributions,
        config_settings: settings(&target.config_settings).into_iter().collect(),
        limits: limits(&target.limits),
        kept: kept.map(|kept| kept.distributions.as_slice()).unwrap_or_default(),
        above: &[],
    };
    let needs = locker.needs(&subject, &locked_image, &image, &mut made)?;
    let runtime = match prepared.own_lock(target, builder) {
        Some(own) => {
            let kept = kept.map(|kept| kept.distributions.as_slice()).unwrap_or_default();
            Some(locker.runtime(prepared, &own, target, &locked_image, kept, &mut made)?)
        }
        None => None,
    };
    let (requirements, runtime) =
        runtime.map_or_else(Default::default, |runtime| (runtime.requirements, runtime.distributions));
    let tools = builder.toolchain().distributions(prepared.platform);
    let entry = LockedTarget {
        name: target.name.clone(),
        platform: prepared.platform,
        python: locker.python,
        image: locked_image.digest,
        requirements,
        extras: asked.extras,
        groups: asked.groups,
        requires: subject.requires,
        hooks: needs.hooks,
        crates: needs.crates,
        distributions: tools.into_iter().chain(needs.distributions).chain(runtime).collect(),
    };
    let mut lock = Lock::default();
    lock.merge(Lock { images: made.images, wheels: made.wheels, targets: vec![entry] });
    Ok(lock)
}
