//! `sealwright inspect`: a statement for people.

use std::path::PathBuf;

use super::failure::Failure;
use super::session::Session;
use crate::config::PROVENANCE_FOLDER;
use crate::error::{Blame, Fault, io_hints};
use crate::provenance::{self, Statement, StatementError};
use crate::report::{self, Signing, Style};

/// Shows a statement for people, or with --json for programs
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A statement, or an output whose statement lies in `provenance/` or beside it
    file: PathBuf,
}

#[derive(Debug, thiserror::Error)]
enum InspectError {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is no statement")]
    Statement { path: PathBuf, source: StatementError },
    #[error("no statement for {path}: looked for {}", .looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and "))]
    None { path: PathBuf, looked: Vec<PathBuf> },
}

impl Fault for InspectError {
    fn blame(&self) -> Blame {
        match self {
            Self::Read { .. } | Self::None { .. } => Blame::User,
            Self::Statement { .. } => Blame::Verification,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Read { source, .. } => io_hints(source),
            Self::Statement { .. } => vec!["a statement's name ends in `.intoto.jsonl`".to_owned()],
            Self::None { .. } => vec!["`sealwright build` writes statements beside its outputs".to_owned()],
        }
    }
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let path = find(args.file.clone())?;
    let bytes = std::fs::read(&path).map_err(|source| InspectError::Read { path: path.clone(), source })?;
    let statement = Statement::parse_file(&bytes)
        .map_err(|source| InspectError::Statement { path: path.clone(), source })?;
    if session.json() {
        session.print(&statement.to_pretty())
    } else {
        let style = Style { width: super::terminal::width(), strong: ("\u{1b}[1m", "\u{1b}[0m") };
        session.print(&report::statement_text(&statement, &Signing::Unsigned, style))
    }
}

/// The statement itself, or the one of an output.
fn find(path: PathBuf) -> Result<PathBuf, InspectError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if name.ends_with(provenance::SUFFIX)
        || path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"))
        || name.is_empty()
    {
        return Ok(path);
    }
    let statement = provenance::file_name(&name);
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let looked = vec![folder.join("..").join(PROVENANCE_FOLDER).join(&statement), folder.join(&statement)];
    looked.iter().find(|path| path.is_file()).cloned().ok_or(InspectError::None { path, looked })
}
