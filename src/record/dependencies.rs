//! From source, configuration and lock to `resolvedDependencies`.

use serde_json::{Map, Value, json};

use super::{ConfigRecord, LockRecord, source};
use crate::lock::{self, Distribution, LockedImage, LockedPackage, LockedTarget};
use crate::provenance::{DigestSet, Purl, ResourceDescriptor};
use crate::source::SourceIdentity;

/// Everything that the build could use, in a fixed order: source, submodules, configuration, lock, image,
/// packages, Python distributions. `lock_from_statement` is the way back.
#[must_use]
pub fn resolved_dependencies(
    from: &SourceIdentity,
    config: &ConfigRecord,
    lock: &LockRecord,
) -> Vec<ResourceDescriptor> {
    let mut list = source::descriptors(from);
    list.extend(config.file.iter().map(|file| ResourceDescriptor::named(file.name.as_str(), &file.sha256)));
    list.extend(lock.slice.targets.iter().map(|target| lock_file(lock, target)));
    for locked in &lock.slice.images {
        list.push(image(locked));
        list.extend(locked.packages.iter().map(package));
    }
    for target in &lock.slice.targets {
        list.extend(target.distributions.iter().map(distribution));
    }
    list
}

/// The lock's file, and what of the target's entry is no dependency itself.
fn lock_file(lock: &LockRecord, target: &LockedTarget) -> ResourceDescriptor {
    let LockedTarget { name, platform, python, image, requires, hooks, distributions: _ } = target;
    let hooks: Map<String, Value> =
        hooks.iter().map(|hook| (hook.name.clone(), hook.requires.clone().into())).collect();
    let mut descriptor = ResourceDescriptor::named(lock::FILE_NAME, &lock.file)
        .with("version", lock::VERSION.to_string())
        .with("slice", json!({ "sha256": lock.slice.digest().to_string() }))
        .with("target", name.as_str())
        .with("platform", platform.to_string())
        .with("python", python.to_string())
        .with("image", json!({ "sha256": image.to_string() }))
        .with("requires", requires.clone());
    if !hooks.is_empty() {
        descriptor = descriptor.with("hooks", hooks);
    }
    descriptor
}

fn image(image: &LockedImage) -> ResourceDescriptor {
    let LockedImage { reference, platform, digest, recipe, include, suites, packages: _ } = image;
    let suites: Vec<Value> = suites
        .iter()
        .map(|suite| json!({ "name": suite.name, "archive": suite.archive, "date": suite.date }))
        .collect();
    ResourceDescriptor {
        name: reference.to_string(),
        digest: DigestSet::sha256(digest),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        ..ResourceDescriptor::default()
    }
    .with("role", "base-image")
    .with("platform", platform.to_string())
    .with("recipe", recipe.to_string())
    .with("include", include.clone())
    .with("suites", suites)
}

fn package(package: &LockedPackage) -> ResourceDescriptor {
    let LockedPackage { name, version, arch, size, sha256, path, suite } = package;
    ResourceDescriptor {
        name: name.clone(),
        uri: Purl::deb(name, version, arch).to_string(),
        digest: DigestSet::sha256(sha256),
        ..ResourceDescriptor::default()
    }
    .with("size", size.to_string())
    .with("path", path.as_str())
    .with("suite", suite.as_str())
}

fn distribution(file: &Distribution) -> ResourceDescriptor {
    let Distribution { role, name, version, file, size, sha256, required_by } = file;
    ResourceDescriptor {
        name: file.clone(),
        uri: Purl::pypi(name.as_str(), version, file).to_string(),
        digest: DigestSet::sha256(sha256),
        ..ResourceDescriptor::default()
    }
    .with("role", role.as_str())
    .with("size", size.to_string())
    .with("requiredBy", required_by.clone())
}
