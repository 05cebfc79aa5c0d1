//! A wheel of somebody else's made again from its sdist, with build requirements that have to be found first: the backend that
//! the wheel names, and everything else as it was when the wheel was uploaded.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::error::BuildError;
use super::locking::{Beyond, lock_target};
use super::plan::OutputChoice;
use super::prepare::Prepared;
use super::repeat::{Again, Repeated};
use super::request::{Context, Upgrade};
use super::supply::Supplier;
use crate::config::Normalize;
use crate::digest::Sha256;
use crate::fetch::Offline;
use crate::lock::Lock;
use crate::name::PackageName;
use crate::resolve::python::PythonError;
use crate::source::{DirtyPolicy, IgnoredPaths, Source};

/// A published wheel, and what it says of how it was made.
#[derive(Debug, Clone)]
pub struct UpstreamRequest<'a> {
    /// The sdist.
    pub sdist: &'a Path,
    /// The project.
    pub project: &'a PackageName,
    /// The wheel's file name and digest, as the index may have it.
    pub wheel: (&'a str, Sha256),
    /// Requirements that the wheel's own words come to.
    pub pins: &'a [String],
    /// `SOURCE_DATE_EPOCH`, if the wheel tells it; else the newest file's time of the sdist.
    pub epoch: Option<i64>,
}

/// What was built, and by what.
pub struct Upstream {
    /// The build.
    pub repeated: Repeated,
    /// Digest of the sdist.
    pub sdist: Sha256,
    /// The requirements that were added to the project's own.
    pub pins: Vec<String>,
    /// The time after which nothing was taken, if the index tells times.
    pub cutoff: Option<String>,
    /// Everything that it was built with.
    pub lock: Lock,
    /// What was tried before, and why it was not to be had.
    pub notes: Vec<String>,
}

/// Versions of Python that a build is tried with, in this order. A wheel of Python alone does not tell.
const PYTHONS: [&str; 2] = ["3.11", "3.13"];

/// What takes the compilers from a build.
const NO_COMPILER: [(&str, &str); 2] = [("CC", "/bin/false"), ("CXX", "/bin/false")];

/// Whether a wheel's name says that it holds nothing compiled.
fn is_pure(name: &str) -> bool {
    name.ends_with("-none-any.whl")
}

/// Finds build requirements and builds the wheel again, in a box like any other. It is not normalized: it is compared as its
/// backend makes it.
///
/// # Errors
/// The sdist is none, nothing fits what is asked for, or the build fails.
pub fn upstream(request: &UpstreamRequest<'_>, context: Context<'_>) -> Result<Upstream, BuildError> {
    let began = Instant::now();
    let mut notes = Vec::new();
    let mut last = None;
    let uploaded = uploaded(request, context, &mut notes)?;
    let cutoff = uploaded.as_deref();
    let none: &[String] = &[];
    let mut ways = vec![(request.pins, cutoff), (request.pins, None), (none, cutoff), (none, None)];
    ways.dedup();
    for (pins, cutoff) in ways {
        for python in PYTHONS {
            let prepared = prepared(request, python)?;
            let supplier = Supplier::new(&prepared, context);
            let Some((target, builder)) = prepared.targets.first() else { continue };
            let Some(variant) = target.variants.first() else { continue };
            let beyond = Beyond { requires: pins, cutoff, distributions: &["wheel"] };
            let what = (target, builder, variant);
            let lock =
                match lock_target(&prepared, what, (&Lock::default(), &Upgrade::All), beyond, &supplier) {
                    Ok(lock) => lock,
                    Err(error @ BuildError::Python(PythonError::Unsolvable { .. })) => {
                        notes.push(format!("with {} on Python {python}: {error}", shown(pins, cutoff)));
                        last = Some(error);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
            let (Some(locked), Some(image)) = (lock.targets.first(), lock.images.first()) else { continue };
            let image = lock.image(&locked.image).unwrap_or(image);
            let mut again = Again {
                prepared: &prepared,
                target,
                builder,
                locked,
                image,
                lock: &lock,
                config_settings: target.config_settings.clone(),
                normalize: Normalize::No,
                epoch: request.epoch.unwrap_or_else(|| prepared.source.epoch()),
                choice: Some(OutputChoice::Wheel),
                env: BTreeMap::new(),
            };
            let mut repeated = again.run(context.store.scratch("rebuild")?, began, context)?;
            if is_pure(request.wheel.0) && !repeated.outputs.iter().any(|output| is_pure(&output.name)) {
                // Published beside compiled ones, for where there is no compiler: so it is made where there is none.
                again.env = NO_COMPILER.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
                match again.run(context.store.scratch("rebuild")?, began, context) {
                    Ok(pure) => {
                        notes.push(
                            "it was built without a compiler, since the wheel holds nothing compiled"
                                .to_owned(),
                        );
                        repeated = pure;
                    }
                    Err(error @ BuildError::Failed { .. }) => {
                        notes.push(format!("without a compiler: {error}"));
                    }
                    Err(error) => return Err(error),
                }
            }
            let sdist = match prepared.source.identity() {
                crate::source::SourceIdentity::Archive { sha256, .. } => *sha256,
                _ => Sha256::of(""),
            };
            let (pins, cutoff) = (pins.to_vec(), cutoff.map(str::to_owned));
            return Ok(Upstream { repeated, sdist, pins, cutoff, lock, notes });
        }
    }
    Err(last.unwrap_or_else(|| BuildError::NoLock { path: request.sdist.to_owned() }))
}

fn shown(pins: &[String], cutoff: Option<&str>) -> String {
    let pins = if pins.is_empty() { "what the project asks for".to_owned() } else { pins.join(", ") };
    cutoff.map_or_else(|| pins.clone(), |cutoff| format!("{pins} as of {cutoff}"))
}

/// The sdist as a project with one target, which nothing configures: what upstream did not say is ours to choose.
fn prepared(request: &UpstreamRequest<'_>, python: &str) -> Result<Prepared, BuildError> {
    let source = Source::path(request.sdist, DirtyPolicy::Refuse, &IgnoredPaths::default())?;
    let suite = if python == "3.11" { "bookworm" } else { "trixie" };
    let mut written: Map<String, Value> = Map::new();
    written.insert("python".to_owned(), python.into());
    written.insert("suites".to_owned(), json!([suite]));
    let folder = request.sdist.parent().unwrap_or(Path::new(""));
    Prepared::recorded(source, folder, ("dist", &written), folder)
}

/// When the index took the wheel, if it says.
fn uploaded(
    request: &UpstreamRequest<'_>,
    context: Context<'_>,
    notes: &mut Vec<String>,
) -> Result<Option<String>, BuildError> {
    if context.offline == Offline::Yes {
        notes.push("the network may not be used, so nobody was asked when the wheel was uploaded".to_owned());
        return Ok(None);
    }
    let prepared = prepared(request, PYTHONS[0])?;
    let supplier = Supplier::new(&prepared, context);
    let listed = supplier.fetcher()?.listing(request.project, context.cancel);
    let (name, sha256) = request.wheel;
    let found = match listed {
        Ok(files) => files.into_iter().find(|file| file.file == name && file.sha256 == Some(sha256)),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    match found {
        None => notes.push("the index does not have this very wheel".to_owned()),
        Some(file) if file.upload_time.is_none() => {
            notes.push("the index does not say when the wheel was uploaded".to_owned());
        }
        Some(file) => return Ok(file.upload_time),
    }
    Ok(None)
}
