//! `sealwright sign`: signs statements that were made before.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::key::{FormatArg, KeyArgs};
use super::session::{Session, shown};
use crate::config::DIST_FOLDER;
use crate::digest::Sha256;
use crate::error::{Blame, Fault, io_hints};
use crate::output::write_whole;
use crate::provenance::{Envelope, SIGSTORE_SUFFIX, SUFFIX, StatementError, TrustMode};
use crate::sign::{Signing, add_signature, statement_of};

/// Signs statements made earlier, if their outputs are there
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Statements; signed ones get one more signature
    #[arg(required = true, value_name = "STATEMENT")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    /// Write DSSE envelopes or Sigstore bundles
    #[arg(long, value_enum, value_name = "FORM", default_value = "dsse")]
    format: FormatArg,
    /// Where the outputs are [default: `dist` beside the statement's folder, that folder, or the one above]
    #[arg(long, value_name = "DIR")]
    dist: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
enum CannotSign {
    #[error("no key to sign with")]
    NoKey,
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is no statement")]
    Statement { path: PathBuf, source: StatementError },
    #[error("{path}: the builder is {actual:?}, and a key signs only for {expected:?}")]
    Builder { path: PathBuf, actual: String, expected: String },
    #[error("{path}: its output {name:?} is not there: looked for {}", .looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    NoOutput { path: PathBuf, name: String, looked: Vec<PathBuf> },
    #[error("{path}: its output {output} holds other bytes: expected sha256:{expected}, got sha256:{actual}")]
    Other { path: PathBuf, output: PathBuf, expected: String, actual: Sha256 },
}

impl Fault for CannotSign {
    fn blame(&self) -> Blame {
        match self {
            Self::NoKey | Self::Read { .. } | Self::NoOutput { .. } => Blame::User,
            Self::Statement { .. } | Self::Builder { .. } | Self::Other { .. } => Blame::Verification,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoKey => {
                vec!["name one with `--key FILE` or SEALWRIGHT_KEY; `sealwright keygen` makes one".to_owned()]
            }
            Self::Read { source, .. } => io_hints(source),
            Self::NoOutput { .. } => vec!["say where it is with `--dist DIR`".to_owned()],
            Self::Statement { .. } | Self::Builder { .. } | Self::Other { .. } => Vec::new(),
        }
    }
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let signing = args.key.signing(args.format, session)?.ok_or(CannotSign::NoKey)?;
    // All are checked and signed before the first is written.
    let mut signed = Vec::new();
    for path in &args.files {
        signed.push(sign(path, args.dist.as_deref(), &signing)?);
    }
    let mut text = String::new();
    let mut list = Vec::new();
    for (path, bytes) in &signed {
        write_whole(path, bytes)?;
        text.push_str(&format!("{}  signed by {}\n", shown(path), signing.signer.key_id()));
        list.push(serde_json::json!({ "statement": path, "keyId": signing.signer.key_id().as_str() }));
    }
    if session.json() {
        return session.print_json(&serde_json::json!({ "signed": list }));
    }
    if session.quiet() { Ok(()) } else { session.print(&text) }
}

/// The signed statement and where it goes.
fn sign(path: &Path, dist: Option<&Path>, signing: &Signing) -> Result<(PathBuf, Vec<u8>), Failure> {
    let bytes = std::fs::read(path).map_err(|source| CannotSign::Read { path: path.to_owned(), source })?;
    let wrong = |source| CannotSign::Statement { path: path.to_owned(), source };
    let (statement, envelope) = statement_of(&bytes).map_err(wrong)?;
    let envelope = envelope.unwrap_or_else(|| Envelope::of(&statement, Vec::new()));
    let (actual, expected) = (&statement.predicate().run_details.builder.id, TrustMode::Local.builder_id());
    if *actual != expected {
        return Err(CannotSign::Builder { path: path.to_owned(), actual: actual.clone(), expected }.into());
    }
    for subject in statement.subjects() {
        let output = output(path, &subject.name, dist)?;
        let file = std::fs::File::open(&output)
            .map_err(|source| CannotSign::Read { path: output.clone(), source })?;
        let (actual, _) =
            Sha256::of_reader(file).map_err(|source| CannotSign::Read { path: output.clone(), source })?;
        if subject.digest.as_sha256() != Some(actual) {
            let expected = subject.digest.get("sha256").unwrap_or("none").to_owned();
            return Err(CannotSign::Other { path: path.to_owned(), output, expected, actual }.into());
        }
    }
    let line = add_signature(&envelope, signing.signer.as_ref())?.to_line(signing.format)?;
    Ok((place(path, signing), line.into_bytes()))
}

/// The output of a subject's name. The name is one of a file and no path.
fn output(statement: &Path, name: &str, dist: Option<&Path>) -> Result<PathBuf, CannotSign> {
    let folder = statement.parent().unwrap_or(Path::new(""));
    let looked: Vec<PathBuf> = match dist {
        Some(dist) => vec![dist.join(name)],
        None => [folder.join("..").join(DIST_FOLDER), folder.to_owned(), folder.join("..")]
            .map(|folder| folder.join(name))
            .into(),
    };
    let is_file_name = Path::new(name).file_name().is_some_and(|file| file == name);
    let there = looked.iter().find(|path| is_file_name && path.is_file()).cloned();
    there.ok_or_else(|| CannotSign::NoOutput { path: statement.to_owned(), name: name.to_owned(), looked })
}

/// Where a signed statement goes: into its own file, or beside it under the other form's name.
fn place(path: &Path, signing: &Signing) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let base = name.strip_suffix(SUFFIX).or_else(|| name.strip_suffix(SIGSTORE_SUFFIX));
    base.map_or_else(|| path.to_owned(), |base| path.with_file_name(signing.format.file_name(base)))
}
