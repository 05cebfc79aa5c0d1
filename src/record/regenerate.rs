//! From a statement's `resolvedDependencies` back to the lock of its target, byte for byte.

use std::str::FromStr;

use serde_json::Value;

use super::annotation;
use crate::digest::Sha256;
use crate::error::{Blame, Fault};
use crate::lock::{
    self, AssembledImage, Distribution, HookRequires, ImageContent, Lock, LockError, LockedCrate,
    LockedImage, LockedLayer, LockedPackage, LockedRequirements, LockedSdist, LockedSuite, LockedTarget,
    LockedWheel, PulledImage, Role,
};
use crate::provenance::{Purl, ResourceDescriptor, Statement};

/// Why a lock cannot be made again from a statement.
#[derive(Debug, thiserror::Error)]
pub enum RegenerateError {
    /// No descriptor of the lock or the image, or several.
    #[error("statement has {found} resolved dependencies that are {what}, expected 1")]
    Count {
        /// What was looked for.
        what: &'static str,
        /// How many there are.
        found: usize,
    },
    /// A descriptor without something that the lock holds.
    #[error("resolved dependency {name:?}: {field} is {actual}, expected {expected}")]
    Field {
        /// The descriptor's name.
        name: String,
        /// Which of its fields or annotations.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is, as JSON.
        actual: String,
    },
    /// The lock was written by a newer sealwright.
    #[error("statement was made with a lock of version {found}, this sealwright reads version {supported}")]
    Version {
        /// In the statement.
        found: String,
        /// What this program reads.
        supported: i64,
    },
    /// The parts do not make a lock.
    #[error("resolved dependencies make no valid lock")]
    Lock(#[from] LockError),
    /// The parts make another lock than the one that the build used.
    #[error(
        "lock made from the statement has digest {actual}, expected {expected}: dependencies are missing or changed"
    )]
    Digest {
        /// As the statement says.
        expected: Sha256,
        /// Of the lock made.
        actual: Sha256,
    },
}

impl Fault for RegenerateError {
    fn blame(&self) -> Blame {
        Blame::Verification
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Version { .. } => vec!["update sealwright".to_owned()],
            Self::Count { .. } | Self::Field { .. } | Self::Lock(_) | Self::Digest { .. } => {
                vec!["the statement was not written by sealwright, or was changed since".to_owned()]
            }
        }
    }
}

/// The lock of the statement's target: equal, as text, to [`Lock::slice`] of the lock that the build used, and
/// to the whole file if the project has one target.
///
/// # Errors
/// A dependency or an annotation is missing or malformed, or the result has another digest than the statement
/// says.
pub fn lock_from_statement(statement: &Statement) -> Result<Lock, RegenerateError> {
    let list = &statement.predicate().build_definition.resolved_dependencies;
    let file = one(list, "the lock", |descriptor| descriptor.name == lock::FILE_NAME)?;
    let version = field(file, "version", "a number")?;
    if version != lock::VERSION.to_string() {
        return Err(RegenerateError::Version { found: version.to_owned(), supported: lock::VERSION });
    }
    let base =
        one(list, "the base image", |descriptor| descriptor.text("role") == Some(annotation::BASE_IMAGE))?;
    let mut images = vec![image(base, of_kind(list, "pkg:deb/").filter(|one| !has(one, annotation::IMAGE)))?];
    for other in list.iter().filter(|one| one.text("role") == Some(annotation::WHEEL_IMAGE)) {
        let digest = digest(other)?;
        let is_of =
            |one: &&ResourceDescriptor| nested_digest(one, annotation::IMAGE).is_ok_and(|of| of == digest);
        images.push(image(other, of_kind(list, "pkg:deb/").filter(is_of))?);
    }
    let is_sdist = |one: &&ResourceDescriptor| one.text("role") == Some(annotation::SDIST);
    let wheels =
        of_kind(list, "pkg:pypi/").filter(is_sdist).map(|one| wheel(list, one)).collect::<Result<_, _>>()?;
    let of_target = |one: &&ResourceDescriptor| !has(one, annotation::FOR) && !is_sdist(one);
    let mut target = target(file)?;
    target.distributions =
        of_kind(list, "pkg:pypi/").filter(of_target).map(distribution).collect::<Result<_, _>>()?;
    target.crates = of_kind(list, "pkg:cargo/").filter(of_target).map(one_crate).collect::<Result<_, _>>()?;

    let expected = nested_digest(file, "slice")?;
    // Through the text: what is made from foreign bytes is checked as strictly as a lock that is read.
    let lock = Lock::parse(&Lock { images, wheels, targets: vec![target] }.to_text())?;
    let actual = lock.digest();
    if actual == expected { Ok(lock) } else { Err(RegenerateError::Digest { expected, actual }) }
}

fn of_kind<'a>(
    list: &'a [ResourceDescriptor],
    kind: &'static str,
) -> impl Iterator<Item = &'a ResourceDescriptor> {
    list.iter().filter(move |descriptor| descriptor.uri.starts_with(kind))
}

fn has(descriptor: &ResourceDescriptor, annotation: &str) -> bool {
    descriptor.annotations.contains_key(annotation)
}

fn image<'a>(
    descriptor: &ResourceDescriptor,
    packages: impl Iterator<Item = &'a ResourceDescriptor>,
) -> Result<LockedImage, RegenerateError> {
    let list = |key: &'static str| {
        let list = descriptor.annotations.get(key).and_then(Value::as_array);
        list.ok_or_else(|| wrong(descriptor, key, "a list"))
    };
    let content = if descriptor.annotations.get("layers").is_none() {
        ImageContent::Assembled(AssembledImage {
            recipe: parsed(descriptor, "recipe", "a number")?,
            include: texts(descriptor, "include")?,
            suites: list("suites")?.iter().map(|value| suite(descriptor, value)).collect::<Result<_, _>>()?,
            packages: packages.map(package).collect::<Result<_, _>>()?,
        })
    } else {
        let index = has(descriptor, "index").then(|| nested_digest(descriptor, "index")).transpose()?;
        ImageContent::Pulled(PulledImage {
            index,
            size: parsed(descriptor, "size", "a number of bytes")?,
            python: field(descriptor, "python", "a path")?.to_owned(),
            glibc: field(descriptor, "glibc", "a version")?.to_owned(),
            layers: list("layers")?.iter().map(|value| layer(descriptor, value)).collect::<Result<_, _>>()?,
        })
    };
    Ok(LockedImage {
        reference: descriptor.name.parse().map_err(|_| wrong(descriptor, "name", "a base image"))?,
        platform: parsed(descriptor, "platform", "a platform")?,
        digest: digest(descriptor)?,
        content,
    })
}

fn layer(descriptor: &ResourceDescriptor, value: &Value) -> Result<LockedLayer, RegenerateError> {
    let text = |key: &str| {
        let text = value.get(key).and_then(Value::as_str);
        text.ok_or_else(|| wrong(descriptor, "layers", "a list of objects with sha256, size and mediaType"))
    };
    Ok(LockedLayer {
        digest: text("sha256")?.parse().map_err(|_| wrong(descriptor, "layers", "digests"))?,
        size: text("size")?.parse().map_err(|_| wrong(descriptor, "layers", "numbers of bytes"))?,
        media_type: text("mediaType")?.to_owned(),
    })
}

/// A wheel that was built from an sdist, with everything of the list that built it.
fn wheel(list: &[ResourceDescriptor], sdist: &ResourceDescriptor) -> Result<LockedWheel, RegenerateError> {
    let purl = purl(sdist)?;
    let made = sdist.annotations.get("wheel");
    let of_made = |key: &str| {
        let text = made.and_then(|made| made.get(key)).and_then(Value::as_str);
        text.ok_or_else(|| wrong(sdist, "wheel", "an object with file, size and sha256"))
    };
    let sha256: Sha256 = of_made("sha256")?.parse().map_err(|_| wrong(sdist, "wheel", "a sha256"))?;
    let is_of = |one: &&ResourceDescriptor| nested_digest(one, annotation::FOR).is_ok_and(|of| of == sha256);
    Ok(LockedWheel {
        name: purl.name.parse().map_err(|_| wrong(sdist, "uri", "a package URL of a Python project"))?,
        version: purl.version,
        platform: parsed(sdist, "platform", "a platform")?,
        python: parsed(sdist, "python", "a version of Python")?,
        image: nested_digest(sdist, annotation::IMAGE)?,
        sdist: LockedSdist {
            file: sdist.name.clone(),
            size: parsed(sdist, "size", "a number of bytes")?,
            sha256: digest(sdist)?,
        },
        file: of_made("file")?.to_owned(),
        size: of_made("size")?.parse().map_err(|_| wrong(sdist, "wheel", "a number of bytes"))?,
        sha256,
        requires: texts(sdist, "requires")?,
        hooks: hooks(sdist)?,
        crates: of_kind(list, "pkg:cargo/").filter(is_of).map(one_crate).collect::<Result<_, _>>()?,
        distributions: of_kind(list, "pkg:pypi/")
            .filter(is_of)
            .map(distribution)
            .collect::<Result<_, _>>()?,
    })
}

fn one_crate(descriptor: &ResourceDescriptor) -> Result<LockedCrate, RegenerateError> {
    let purl = purl(descriptor)?;
    Ok(LockedCrate {
        name: purl.name,
        version: purl.version,
        file: descriptor.name.clone(),
        size: parsed(descriptor, "size", "a number of bytes")?,
        sha256: digest(descriptor)?,
        required_by: texts(descriptor, "requiredBy")?,
    })
}

fn suite(descriptor: &ResourceDescriptor, value: &Value) -> Result<LockedSuite, RegenerateError> {
    let text = |key: &str| {
        let text = value.get(key).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| wrong(descriptor, "suites", "a list of objects with name, archive and date"))
    };
    Ok(LockedSuite { name: text("name")?, archive: text("archive")?, date: text("date")? })
}

fn package(descriptor: &ResourceDescriptor) -> Result<LockedPackage, RegenerateError> {
    let purl = purl(descriptor)?;
    let arch =
        purl.qualifier("arch").ok_or_else(|| wrong(descriptor, "uri", "a package URL with arch"))?.to_owned();
    Ok(LockedPackage {
        arch,
        name: purl.name,
        version: purl.version,
        size: parsed(descriptor, "size", "a number of bytes")?,
        sha256: digest(descriptor)?,
        path: field(descriptor, "path", "a path in the archive")?.to_owned(),
        suite: field(descriptor, "suite", "a suite's name")?.to_owned(),
    })
}

fn distribution(descriptor: &ResourceDescriptor) -> Result<Distribution, RegenerateError> {
    let purl = purl(descriptor)?;
    let file = purl.qualifier("file_name");
    let file = file.ok_or_else(|| wrong(descriptor, "uri", "a package URL with file_name"))?.to_owned();
    let role = match field(descriptor, "role", "a role")? {
        "build" => Role::Build,
        "runtime" => Role::Runtime,
        "tool" => Role::Tool,
        _ => return Err(wrong(descriptor, "role", "build, runtime or tool")),
    };
    Ok(Distribution {
        role,
        file,
        name: purl.name.parse().map_err(|_| wrong(descriptor, "uri", "a package URL of a Python project"))?,
        version: purl.version,
        size: parsed(descriptor, "size", "a number of bytes")?,
        sha256: digest(descriptor)?,
        required_by: texts(descriptor, "requiredBy")?,
    })
}

fn hooks(descriptor: &ResourceDescriptor) -> Result<Vec<HookRequires>, RegenerateError> {
    let Some(value) = descriptor.annotations.get("hooks") else { return Ok(Vec::new()) };
    let map = value.as_object().ok_or_else(|| wrong(descriptor, "hooks", "an object"))?;
    let hook = |(name, requires): (&String, &Value)| {
        let requires = list_of_texts(requires).ok_or_else(|| wrong(descriptor, "hooks", "lists of texts"))?;
        Ok(HookRequires { name: name.clone(), requires })
    };
    map.iter().map(hook).collect()
}

fn requirements(file: &ResourceDescriptor) -> Result<Vec<LockedRequirements>, RegenerateError> {
    let Some(value) = file.annotations.get("requirements") else { return Ok(Vec::new()) };
    let expected = "a list of objects with file, format and sha256";
    let list = value.as_array().ok_or_else(|| wrong(file, "requirements", expected))?;
    let one = |value: &Value| {
        let text = |key: &str| {
            value.get(key).and_then(Value::as_str).ok_or_else(|| wrong(file, "requirements", expected))
        };
        Ok(LockedRequirements {
            file: text("file")?.to_owned(),
            format: text("format")?.to_owned(),
            sha256: text("sha256")?.parse().map_err(|_| wrong(file, "requirements", expected))?,
        })
    };
    list.iter().map(one).collect()
}

fn target(file: &ResourceDescriptor) -> Result<LockedTarget, RegenerateError> {
    let optional = |key: &'static str| if has(file, key) { texts(file, key) } else { Ok(Vec::new()) };
    Ok(LockedTarget {
        name: parsed(file, "target", "a target's name")?,
        platform: parsed(file, "platform", "a platform")?,
        python: parsed(file, "python", "a version of Python")?,
        image: nested_digest(file, "image")?,
        requirements: requirements(file)?,
        extras: optional("extras")?,
        groups: optional("groups")?,
        requires: texts(file, "requires")?,
        hooks: hooks(file)?,
        crates: Vec::new(),
        distributions: Vec::new(),
    })
}

pub(super) fn one<'a>(
    list: &'a [ResourceDescriptor],
    what: &'static str,
    is: impl Fn(&ResourceDescriptor) -> bool,
) -> Result<&'a ResourceDescriptor, RegenerateError> {
    let mut found = list.iter().filter(|descriptor| is(descriptor));
    match (found.next(), found.count()) {
        (Some(descriptor), 0) => Ok(descriptor),
        (first, more) => Err(RegenerateError::Count { what, found: more + usize::from(first.is_some()) }),
    }
}

fn purl(descriptor: &ResourceDescriptor) -> Result<Purl, RegenerateError> {
    descriptor.uri.parse().map_err(|_| wrong(descriptor, "uri", "a package URL"))
}

pub(super) fn digest(descriptor: &ResourceDescriptor) -> Result<Sha256, RegenerateError> {
    descriptor.digest.as_sha256().ok_or_else(|| wrong(descriptor, "digest", "a sha256"))
}

fn nested_digest(descriptor: &ResourceDescriptor, key: &'static str) -> Result<Sha256, RegenerateError> {
    let text = descriptor.annotations.get(key).and_then(|value| value.get("sha256")).and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).ok_or_else(|| wrong(descriptor, key, "an object with a sha256"))
}

pub(super) fn field<'a>(
    descriptor: &'a ResourceDescriptor,
    key: &'static str,
    expected: &'static str,
) -> Result<&'a str, RegenerateError> {
    descriptor.text(key).ok_or_else(|| wrong(descriptor, key, expected))
}

pub(super) fn parsed<T: FromStr>(
    descriptor: &ResourceDescriptor,
    key: &'static str,
    expected: &'static str,
) -> Result<T, RegenerateError> {
    field(descriptor, key, expected)?.parse().map_err(|_| wrong(descriptor, key, expected))
}

fn texts(descriptor: &ResourceDescriptor, key: &'static str) -> Result<Vec<String>, RegenerateError> {
    descriptor.texts(key).ok_or_else(|| wrong(descriptor, key, "a list of texts"))
}

fn list_of_texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

pub(super) fn wrong(
    descriptor: &ResourceDescriptor,
    field: &'static str,
    expected: &'static str,
) -> RegenerateError {
    let actual = match field {
        "uri" => Value::from(descriptor.uri.as_str()),
        "name" => descriptor.name.as_str().into(),
        "digest" => descriptor.digest.iter().map(|(name, _)| name).collect::<Vec<_>>().into(),
        annotation => descriptor.annotations.get(annotation).cloned().unwrap_or(Value::Null),
    };
    let actual = actual.to_string().chars().take(120).collect();
    RegenerateError::Field { name: descriptor.name.clone(), field, expected, actual }
}
