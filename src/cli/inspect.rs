//! `sealwright inspect`: a statement for people.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::failure::Failure;
use super::session::Session;
use crate::config::PROVENANCE_FOLDER;
use crate::error::{Blame, Fault, io_hints};
use crate::provenance::{self, Envelope, Limits, Statement, StatementError, parse_json, pep740};
use crate::report::{self, Signing, Style};
use crate::sign::statement_of;

/// Shows a statement for people, or with --json for programs
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A statement, or an output whose statement lies in `provenance/` or beside it
    file: PathBuf,
    /// Print another form of it
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<FormatArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FormatArg {
    /// The subjects as `sha256sum` would, in base64 on one line: what generic provenance generators take
    Base64Subjects,
    /// Attestations of a package index (PEP 740) as Sigstore bundles, one a line
    Sigstore,
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
    let wrong = |source| InspectError::Statement { path: path.clone(), source };
    if args.format == Some(FormatArg::Sigstore) {
        let bundles =
            parse_json(&bytes, Limits::default()).and_then(|document| pep740::to_bundles(&document));
        let lines: String = bundles.map_err(wrong)?.iter().map(|bundle| format!("{bundle}\n")).collect();
        return session.print(&lines);
    }
    let (statement, envelope) = statement_of(&bytes).map_err(wrong)?;
    let signing = envelope.as_ref().map_or(Signing::Unsigned, signing);
    if args.format == Some(FormatArg::Base64Subjects) {
        return session.print(&base64_subjects(&statement));
    }
    if session.json() {
        session.print(&statement.to_pretty())
    } else {
        let style = Style { width: super::terminal::width(), strong: ("\u{1b}[1m", "\u{1b}[0m") };
        session.print(&report::statement_text(&statement, &signing, style))
    }
}

/// Who says that they signed. Nothing of it was verified, and the text says so.
fn signing(envelope: &Envelope) -> Signing {
    let names: Vec<&str> = envelope
        .signatures()
        .iter()
        .map(|signature| if signature.keyid.is_empty() { "a key without a name" } else { &signature.keyid })
        .collect();
    if names.is_empty() {
        return Signing::Unsigned;
    }
    Signing::Signed(format!("signed by {}; not verified: `sealwright verify` does that", names.join(" and ")))
}

/// Lines of `sha256sum`, in base64 on one line.
fn base64_subjects(statement: &Statement) -> String {
    let lines: String = statement
        .subjects()
        .iter()
        .filter_map(|subject| Some(format!("{}  {}\n", subject.digest.as_sha256()?, subject.name)))
        .collect();
    format!("{}\n", STANDARD.encode(lines))
}

/// The statement itself, or the one of an output.
fn find(path: PathBuf) -> Result<PathBuf, InspectError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if name.ends_with(provenance::SUFFIX)
        || path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"))
        || ["attestation", "provenance"].iter().any(|end| name.ends_with(&format!(".{end}")))
        || name.is_empty()
    {
        return Ok(path);
    }
    let statement = provenance::file_name(&name);
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let bundle = format!("{name}{}", provenance::SIGSTORE_SUFFIX);
    let folders = [folder.join("..").join(PROVENANCE_FOLDER), folder];
    let looked: Vec<PathBuf> =
        folders.iter().flat_map(|folder| [folder.join(&statement), folder.join(&bundle)]).collect();
    looked.iter().find(|path| path.is_file()).cloned().ok_or(InspectError::None { path, looked })
}
