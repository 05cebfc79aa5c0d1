//! From source, configuration and lock to `resolvedDependencies`.

use serde_json::{Map, Value, json};

use super::{ConfigRecord, LockRecord, annotation, source};
use crate::lock::{
    self, AssembledImage, Distribution, HookRequires, ImageContent, LockedCrate, LockedImage, LockedPackage,
    LockedTarget, LockedWheel, PulledImage,
};
use crate::provenance::{DigestSet, Purl, ResourceDescriptor};
use crate::source::SourceIdentity;

/// Everything that the build could use, in a fixed order: source, submodules, configuration, lock, images with their
/// packages, Python distributions, crates, and for each wheel that is built here its sdist and what builds it.
/// `lock_from_statement` is the way back.
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
        let is_base = lock.slice.targets.iter().any(|target| target.image == locked.digest);
        list.push(image(locked, is_base));
        let packages = locked.packages().iter().map(package);
        let of_image = json!({ "sha256": locked.digest.to_string() });
        list.extend(packages.map(|package| {
            if is_base { package } else { package.with(annotation::IMAGE, of_image.clone()) }
        }));
    }
    for target in &lock.slice.targets {
        list.extend(target.distributions.iter().map(distribution));
        list.extend(target.crates.iter().map(one_crate));
    }
    for wheel in &lock.slice.wheels {
        let of_wheel = json!({ "sha256": wheel.sha256.to_string() });
        let parts = wheel.distributions.iter().map(distribution).chain(wheel.crates.iter().map(one_crate));
        list.push(sdist(wheel));
        list.extend(parts.map(|part| part.with(annotation::FOR, of_wheel.clone())));
    }
    list
}

/// The lock's file, and what of the target's entry is no dependency itself.
fn lock_file(lock: &LockRecord, target: &LockedTarget) -> ResourceDescriptor {
    let LockedTarget { name, platform, python, image, requirements, extras, groups, requires, hooks, .. } =
        target;
    let mut descriptor = ResourceDescriptor::named(lock::FILE_NAME, &lock.file)
        .with("version", lock::VERSION.to_string())
        .with("slice", json!({ "sha256": lock.slice.digest().to_string() }))
        .with("target", name.as_str())
        .with("platform", platform.to_string())
        .with("python", python.to_string())
        .with("image", json!({ "sha256": image.to_string() }))
        .with("requires", requires.clone());
    if !requirements.is_empty() {
        let files: Vec<Value> = requirements
            .iter()
            .map(
                |file| json!({ "file": file.file, "format": file.format, "sha256": file.sha256.to_string() }),
            )
            .collect();
        descriptor = descriptor.with("requirements", files);
    }
    for (key, values) in [("extras", extras), ("groups", groups)] {
        if !values.is_empty() {
            descriptor = descriptor.with(key, values.clone());
        }
    }
    with_hooks(descriptor, hooks)
}

fn with_hooks(descriptor: ResourceDescriptor, hooks: &[HookRequires]) -> ResourceDescriptor {
    if hooks.is_empty() {
        return descriptor;
    }
    let hooks: Map<String, Value> =
        hooks.iter().map(|hook| (hook.name.clone(), hook.requires.clone().into())).collect();
    descriptor.with("hooks", hooks)
}

/// The source distribution of a wheel that is built here, with the wheel that it gave.
fn sdist(wheel: &LockedWheel) -> ResourceDescriptor {
    let LockedWheel {
        name,
        version,
        platform,
        python,
        image,
        sdist,
        file,
        size,
        sha256,
        requires,
        hooks,
        ..
    } = wheel;
    let descriptor = ResourceDescriptor {
        name: sdist.file.clone(),
        uri: Purl::pypi(name.as_str(), version, &sdist.file).to_string(),
        digest: DigestSet::sha256(&sdist.sha256),
        ..ResourceDescriptor::default()
    }
    .with("role", annotation::SDIST)
    .with("size", sdist.size.to_string())
    .with("wheel", json!({ "file": file, "size": size.to_string(), "sha256": sha256.to_string() }))
    .with("platform", platform.to_string())
    .with("python", python.to_string())
    .with(annotation::IMAGE, json!({ "sha256": image.to_string() }))
    .with("requires", requires.clone());
    with_hooks(descriptor, hooks)
}

fn image(image: &LockedImage, is_base: bool) -> ResourceDescriptor {
    let LockedImage { reference, platform, digest, content } = image;
    let descriptor = ResourceDescriptor {
        name: reference.to_string(),
        digest: DigestSet::sha256(digest),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        ..ResourceDescriptor::default()
    }
    .with("role", if is_base { annotation::BASE_IMAGE } else { annotation::WHEEL_IMAGE })
    .with("platform", platform.to_string());
    match content {
        ImageContent::Assembled(AssembledImage { recipe, include, suites, packages: _ }) => {
            let suites: Vec<Value> = suites
                .iter()
                .map(|suite| json!({ "name": suite.name, "archive": suite.archive, "date": suite.date }))
                .collect();
            descriptor
                .with("recipe", recipe.to_string())
                .with("include", include.clone())
                .with("suites", suites)
        }
        ImageContent::Pulled(PulledImage { index, size, python, glibc, layers }) => {
            let layers: Vec<Value> = layers
                .iter()
                .map(|layer| {
                    json!({
                        "sha256": layer.digest.to_string(),
                        "size": layer.size.to_string(),
                        "mediaType": layer.media_type,
                    })
                })
                .collect();
            let descriptor = descriptor
                .with("size", size.to_string())
                .with("python", python.as_str())
                .with("glibc", glibc.as_str())
                .with("layers", layers);
            match index {
                Some(index) => descriptor.with("index", json!({ "sha256": index.to_string() })),
                None => descriptor,
            }
        }
    }
}

fn one_crate(one: &LockedCrate) -> ResourceDescriptor {
    let LockedCrate { name, version, file, size, sha256, required_by } = one;
    ResourceDescriptor {
        name: file.clone(),
        uri: Purl::cargo(name, version).to_string(),
        digest: DigestSet::sha256(sha256),
        ..ResourceDescriptor::default()
    }
    .with("size", size.to_string())
    .with("requiredBy", required_by.clone())
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
