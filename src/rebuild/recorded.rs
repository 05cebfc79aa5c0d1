//! What a statement says, as far as this program knows the form: everything that a build is made again from.

use serde_json::{Map, Value};

use super::RebuildError;
use super::read::{Subject, subject};
use crate::config::BUILDERS;
use crate::digest::Sha256;
use crate::lock::{ImageContent, Lock};
use crate::output::{Normalizer, OutputKind};
use crate::provenance::{BASE, Statement, build_type};
use crate::record::{
    RegenerateError, StatedOptions, StatedSource, lock_from_statement, options_from_statement,
    source_from_statement,
};

/// A record, taken apart.
pub(super) struct Recorded {
    pub(super) subject: Subject,
    pub(super) target: String,
    pub(super) configuration: Map<String, Value>,
    pub(super) options: StatedOptions,
    pub(super) source: StatedSource,
    pub(super) lock: Lock,
    pub(super) builder: Sha256,
    pub(super) plan: Sha256,
}

/// External parameters that this version writes, and so knows what they mean.
const KNOWN: [&str; 5] = ["source", "target", "configPath", "configuration", "options"];
/// The same, of the parameter `source`.
const KNOWN_OF_SOURCE: [&str; 6] = ["uri", "ref", "subdirectory", "allowDirty", "archive", "folder"];

impl Recorded {
    pub(super) fn of(statement: &Statement) -> Result<Self, RebuildError> {
        let definition = &statement.predicate().build_definition;
        let newer = |what: String| RebuildError::Newer { version: version(statement), what };
        check_build_type(&definition.build_type, newer)?;
        let external = &definition.external_parameters;
        if let Some(name) = external.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(newer(format!("the external parameter {name:?}")));
        }
        let of_source = external.get("source").and_then(Value::as_object);
        if let Some(name) =
            of_source.and_then(|map| map.keys().find(|name| !KNOWN_OF_SOURCE.contains(&name.as_str())))
        {
            return Err(newer(format!("the external parameter \"source.{name}\"")));
        }
        let table = |key: &str| match external.get(key) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map.clone()),
            Some(_) => Err(RebuildError::Form { what: format!("its parameter {key} is no object") }),
        };
        let options = options_from_statement(&table("options")?)
            .map_err(|name| newer(format!("the external parameter {name:?}")))?;
        let target = external.get("target").and_then(Value::as_str);
        let target = target.ok_or_else(|| form("its parameter target is no text"))?.to_owned();
        let lock = match lock_from_statement(statement) {
            Ok(lock) => lock,
            Err(RegenerateError::Version { found, .. }) => {
                return Err(newer(format!("locks of version {found}")));
            }
            Err(error) => return Err(error.into()),
        };
        check_recipes(&lock, newer)?;
        check_normalizers(&definition.internal_parameters, newer)?;
        let folders = &statement.predicate().run_details.builder.builder_dependencies;
        let builder = match folders.as_slice() {
            [one] => one.digest.as_sha256(),
            _ => None,
        };
        let plan = definition.internal_parameters.get("plan").and_then(|plan| plan.get("sha256"));
        let plan = plan.and_then(Value::as_str).and_then(|text| text.parse().ok());
        Ok(Self {
            subject: subject(statement)?,
            target,
            configuration: table("configuration")?,
            options,
            source: source_from_statement(statement)?,
            lock,
            builder: builder.ok_or_else(|| form("it names no builder folder by sha256"))?,
            plan: plan.ok_or_else(|| form("its internal parameter plan is no sha256"))?,
        })
    }
}

fn form(what: &str) -> RebuildError {
    RebuildError::Form { what: what.to_owned() }
}

/// The version of sealwright that a statement says it was written by.
fn version(statement: &Statement) -> String {
    let version = statement.predicate().run_details.builder.version.get("sealwright");
    version.map_or_else(|| "of unknown version".to_owned(), |text| text.chars().take(40).collect())
}

/// A build type that we write. A user's own builder folder has its own, of any form; one below our address that we do not
/// know is of a version to come.
fn check_build_type(text: &str, newer: impl Fn(String) -> RebuildError) -> Result<(), RebuildError> {
    if BUILDERS.iter().any(|name| build_type(name) == text) {
        return Ok(());
    }
    if text.starts_with(&format!("{BASE}/build-types/")) {
        return Err(newer(format!("the build type {text:?}")));
    }
    Ok(())
}

fn check_recipes(lock: &Lock, newer: impl Fn(String) -> RebuildError) -> Result<(), RebuildError> {
    for image in &lock.images {
        if let ImageContent::Assembled(assembled) = &image.content
            && assembled.recipe > crate::image::RECIPE
        {
            return Err(newer(format!("recipe {} of base images", assembled.recipe)));
        }
    }
    Ok(())
}

/// A normalizer of a later version gives other bytes; an older one of ours is said by the plan's digest.
fn check_normalizers(
    internal: &Map<String, Value>,
    newer: impl Fn(String) -> RebuildError,
) -> Result<(), RebuildError> {
    const KINDS: [OutputKind; 5] =
        [OutputKind::Sdist, OutputKind::Wheel, OutputKind::Zip, OutputKind::TarGz, OutputKind::Program];
    let ours: Vec<Normalizer> = KINDS.into_iter().filter_map(Normalizer::of).collect();
    for stated in internal.get("normalizers").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| stated.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, version) = (text("name"), text("version"));
        let known = ours.iter().any(|one| {
            one.name() == name && version.parse::<u32>().is_ok_and(|version| version <= one.version())
        });
        if !known {
            return Err(newer(format!("version {version:?} of the normalizer {name:?}")));
        }
    }
    Ok(())
}
