//! The statement: read, and judged before anything that it says is done.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::{RebuildError, RebuildRequest, file_name};
use crate::digest::Sha256;
use crate::provenance::Statement;
use crate::sign::statement_of;
use crate::verify::{Artifact, Depth, Policy, Verified, evidence_of, judge};

/// Bytes of a statement that are read at most.
const LARGEST: u64 = 64 << 20;

/// Whom to believe.
#[derive(Debug)]
pub enum Trust {
    /// Keys and identities, and what they have to say.
    Policy(Box<Policy>, Depth),
    /// Nobody: the statement is repeated, but leads nowhere by itself.
    Unsigned,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// File name.
    pub name: String,
    /// Digest.
    pub sha256: Sha256,
}

/// A statement, and who vouches for it.
#[derive(Debug)]
pub struct Checked {
    /// The statement.
    pub statement: Statement,
    /// Name of its file.
    pub file: String,
    /// Digest of its payload: what signatures are over.
    pub payload: Sha256,
    /// What was verified of it; none with [`Trust::Unsigned`].
    pub verified: Option<Verified>,
}

/// A statement of which nothing is known yet.
pub(super) struct Claimed {
    statement: Statement,
    file: String,
    payload: Sha256,
    subject: Subject,
}

impl Claimed {
    pub(super) fn subject(&self) -> Subject {
        self.subject.clone()
    }
}

pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, RebuildError> {
    let wrong = |source| RebuildError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes)).map_err(wrong)?;
    Ok(bytes)
}

/// What the file says, whoever wrote it.
pub(super) fn claimed(path: &Path, bytes: &[u8]) -> Result<Claimed, RebuildError> {
    let file = file_name(path);
    let wrong = |source| RebuildError::Statement { file: file.clone(), source };
    let (statement, envelope) = statement_of(bytes).map_err(wrong)?;
    let payload = match envelope {
        Some(envelope) => Sha256::of(envelope.payload().map_err(wrong)?),
        None => Sha256::of(bytes.trim_ascii()),
    };
    let subject = subject(&statement)?;
    Ok(Claimed { statement, file, payload, subject })
}

/// The one subject that every statement of ours has.
pub(super) fn subject(statement: &Statement) -> Result<Subject, RebuildError> {
    let form = |what: String| RebuildError::Form { what };
    let [subject] = statement.subjects() else {
        return Err(form(format!("it has {} subjects, expected 1", statement.subjects().len())));
    };
    let name = subject.name.clone();
    // It becomes the name of a file.
    let plain = Path::new(&name).file_name().is_some_and(|file| file == name.as_str());
    let Some(sha256) = subject.digest.as_sha256().filter(|_| plain) else {
        return Err(form(format!("its subject {name:?} is no file with a sha256")));
    };
    Ok(Subject { name, sha256 })
}

/// Judges the statement as `verify` does, except that the artifact need not be here: its digest stands for it.
pub(super) fn check(
    claimed: Claimed,
    bytes: &[u8],
    request: &RebuildRequest,
) -> Result<Checked, RebuildError> {
    let Claimed { statement, file, payload, subject } = claimed;
    let (policy, depth) = match &request.trust {
        Trust::Policy(policy, depth) => (policy, *depth),
        Trust::Unsigned => return Ok(Checked { statement, file, payload, verified: None }),
    };
    let artifact = Artifact {
        shown: subject.name.clone(),
        path: None,
        name: Some(subject.name),
        algorithm: "sha256".to_owned(),
        digest: subject.sha256.to_string(),
    };
    let mut failures = Vec::new();
    for evidence in evidence_of(&request.statement, bytes) {
        match judge(&evidence, &artifact, policy, depth, request.now) {
            // What was verified is what is repeated, and nothing that was read before it.
            Ok(Verified { statement: None, .. }) => {
                failures.push("what is signed is no statement of a build".to_owned());
            }
            Ok(verified) => {
                let payload = verified.payload;
                let statement = verified.statement.clone().unwrap_or(statement);
                return Ok(Checked { statement, file, payload, verified: Some(verified) });
            }
            Err(found) => {
                failures.extend(found.iter().map(|failure| format!("{}: {failure}", failure.step())));
            }
        }
    }
    if failures.is_empty() {
        failures.push("it holds nothing that can be judged".to_owned());
    }
    Err(RebuildError::NotVerified { failures })
}
