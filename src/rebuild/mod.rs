//! A build repeated from its statement, and what comes of it: a verdict with its causes, and a record of that.
//!
//! In order: the statement and who signed it (`read`), what it says, as far as this program knows it (`recorded`), the source
//! that it names (`origin`), the build again (`crate::build::repeat`), the comparison (`outcome`), the result as a statement of
//! its own (`result`). A failure anywhere is a result too.

mod error;
mod network;
mod origin;
mod outcome;
mod published;
mod read;
mod recorded;
mod result;

use std::path::{Path, PathBuf};

use crate::build::{self, Context};
use crate::fetch::PrivateHosts;
use crate::provenance::Timestamp;

pub use error::RebuildError;
pub use outcome::{Compared, Ending, FoundOut, Original, Outcome, Stage};
pub use read::{Checked, Subject, Trust};
pub use result::{Rebuilder, ResultIssue, predicate, statement as result_statement, summary};

use origin::Origin;
use published::Published;
use recorded::Recorded;

/// What `sealwright rebuild STATEMENT` is asked.
#[derive(Debug)]
pub struct RebuildRequest {
    /// The file with the statement.
    pub statement: PathBuf,
    /// Whom to believe.
    pub trust: Trust,
    /// Where the source is, if it is here already.
    pub source: Option<PathBuf>,
    /// Whether sources may come from addresses of a private network.
    pub private: PrivateHosts,
    /// A file to compare with member by member; the statement's subject.
    pub against: Option<PathBuf>,
    /// Where outputs are kept.
    pub outdir: Option<PathBuf>,
    /// Where paths of image layouts start.
    pub folder: PathBuf,
    /// Now.
    pub now: Timestamp,
}

/// Repeats a build. There is always an outcome: what could not be built is one.
pub fn rebuild(request: &RebuildRequest, context: Context<'_>) -> Outcome {
    let started = now();
    let mut outcome = Outcome::unread(&request.statement, started);
    let ending = steps(request, context, &mut outcome);
    outcome.ending =
        ending.unwrap_or_else(|(stage, error)| Ending::NotBuilt { stage, error: Box::new(error) });
    outcome.finished = now();
    outcome
}

/// What `sealwright rebuild --upstream SDIST --against WHEEL` is asked.
#[derive(Debug)]
pub struct UpstreamAsked {
    /// The sdist.
    pub sdist: PathBuf,
    /// The wheel that was published.
    pub wheel: PathBuf,
    /// Where what is built is kept.
    pub outdir: Option<PathBuf>,
}

/// Builds a wheel again of which there is no statement: from its sdist, with build requirements that are found out.
pub fn upstream(asked: &UpstreamAsked, context: Context<'_>) -> Outcome {
    let mut outcome = Outcome::unread(&asked.wheel, now());
    let ending = upstream_steps(asked, context, &mut outcome);
    outcome.ending =
        ending.unwrap_or_else(|(stage, error)| Ending::NotBuilt { stage, error: Box::new(error) });
    outcome.finished = now();
    outcome
}

fn upstream_steps(
    asked: &UpstreamAsked,
    context: Context<'_>,
    outcome: &mut Outcome,
) -> Result<Ending, Failed> {
    let published = Published::read(&asked.wheel).map_err(at(Stage::Record))?;
    outcome.subject = Subject { name: published.name.to_string(), sha256: published.sha256 };
    let name = published.name.to_string();
    let request = build::UpstreamRequest {
        sdist: &asked.sdist,
        project: &published.name.name,
        wheel: (&name, published.sha256),
        pins: &published.pins,
        epoch: published.epoch,
    };
    let built = build::upstream(&request, context).map_err(at(Stage::Build))?;
    let (compared, found) =
        Compared::of_upstream(built, (&published, &asked.wheel)).map_err(at(Stage::Comparison))?;
    outcome.upstream = Some(FoundOut { sdist: file_name(&asked.sdist), ..found });
    if let Some(outdir) = &asked.outdir {
        compared.keep(outdir, context).map_err(at(Stage::Comparison))?;
    }
    Ok(Ending::Compared(Box::new(compared)))
}

fn now() -> Timestamp {
    Timestamp::from_seconds(jiff::Timestamp::now().as_second())
}

type Failed = (Stage, RebuildError);

fn at<E: Into<RebuildError>>(stage: Stage) -> impl FnOnce(E) -> Failed {
    move |error| (stage, error.into())
}

fn steps(request: &RebuildRequest, context: Context<'_>, outcome: &mut Outcome) -> Result<Ending, Failed> {
    let bytes = read::bytes(&request.statement).map_err(at(Stage::Statement))?;
    let claimed = read::claimed(&request.statement, &bytes).map_err(at(Stage::Statement))?;
    outcome.subject = claimed.subject();
    let checked = read::check(claimed, &bytes, request).map_err(at(Stage::Verification))?;
    let recorded = Recorded::of(&checked.statement);
    let checked = outcome.statement.insert(checked);
    let recorded = recorded.map_err(at(Stage::Record))?;
    outcome.plan = Some(recorded.plan);
    let original = match &request.against {
        Some(path) => Some(Original::open(path, &recorded.subject).map_err(at(Stage::Comparison))?),
        None => None,
    };
    let trusted = checked.verified.is_some();
    let origin = Origin { request, recorded: &recorded, trusted, context };
    let source = origin.source().map_err(at(Stage::Source))?;
    network::check_registries(&recorded.lock, request.private, context).map_err(at(Stage::Source))?;
    let folder = folder(request);
    let repeat = build::RepeatRequest {
        source: source.source,
        folder: &folder,
        target: &recorded.target,
        configuration: &recorded.configuration,
        options: &recorded.options,
        lock: &recorded.lock,
        builder: recorded.builder,
    };
    let repeated = build::repeat(repeat, context).map_err(at(Stage::Build))?;
    let compared = Compared::of(repeated, (&recorded, &request.statement), original, context)
        .map_err(at(Stage::Comparison))?;
    if let Some(outdir) = &request.outdir {
        compared.keep(outdir, context).map_err(at(Stage::Comparison))?;
    }
    Ok(Ending::Compared(Box::new(compared)))
}

fn folder(request: &RebuildRequest) -> PathBuf {
    match &request.source {
        Some(path) if path.is_dir() => path.clone(),
        Some(_) | None => request.folder.clone(),
    }
}

/// The last part of a path, for people and records: no folder of this host is in a record.
fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
