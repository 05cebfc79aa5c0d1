//! What came out of a verification.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::evidence::Place;
use super::failure::{Failure, Unchecked};
use super::roots::{Signed, SignedBy};
use super::{Artifact, NamedEvidence, Policy, VerifyError, find, judge};
use crate::digest::Sha256;
use crate::provenance::{Statement, Timestamp};

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every step.
    Full,
    /// Signature and subject: who signed, and that it is about this artifact.
    SignatureOnly,
}

/// One that signed and counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// As the policy calls it.
    pub name: String,
    /// By what it signed.
    pub by: SignedBy,
}

impl Signer {
    pub(super) fn of(signed: &Signed<'_>) -> Self {
        Self { name: signed.root.name.clone(), by: signed.by.clone() }
    }
}

/// Evidence that failed nothing. Only [`judge()`](judge::judge) makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Where it was found.
    pub place: Place,
    /// The subject's name.
    pub subject: String,
    /// Who signed.
    pub signers: Vec<Signer>,
    /// When it was signed at the latest, if somebody else than the signer vouches for it.
    pub signed: Option<Timestamp>,
    /// What kind of statement it is.
    pub kind: String,
    /// Who built; none if that was not looked at.
    pub builder: Option<String>,
    /// SLSA Build level that signer and builder are believed; none if that was not looked at.
    pub level: Option<u8>,
    /// What was not looked at; never empty.
    pub unchecked: Vec<Unchecked>,
    /// Digest of the payload.
    pub payload: Sha256,
    /// The statement, if it is SLSA Provenance v1. With [`Depth::SignatureOnly`] nothing in it was looked at; [`verify`]
    /// keeps it only then.
    pub statement: Option<Statement>,
}

/// Evidence that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Where it was found; none where nothing was.
    pub place: Option<Place>,
    /// Why.
    pub failures: Vec<Failure>,
}

/// The decision on one artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was judged.
    pub artifact: Artifact,
    /// The first evidence that holds, or all that does not.
    pub outcome: Result<Verified, Vec<Rejected>>,
}

/// Verifies artifacts, many at a time; the result is in their order.
///
/// # Errors
/// A file cannot be read. That something does not verify is a [`Decision`].
pub fn verify(
    files: &[PathBuf],
    statements: &[PathBuf],
    policy: &Policy,
    depth: Depth,
    now: Timestamp,
) -> Result<Vec<Decision>, VerifyError> {
    let named = NamedEvidence::read(statements)?;
    files.par_iter().map(|file| decide(file, &named, policy, depth, now)).collect()
}

fn decide(
    file: &Path,
    named: &NamedEvidence,
    policy: &Policy,
    depth: Depth,
    now: Timestamp,
) -> Result<Decision, VerifyError> {
    let artifact = Artifact::open(file)?;
    let mut rejected = Vec::new();
    let found = find(&artifact, named, |evidence| {
        judge(evidence, &artifact, policy, depth, now)
            .map_err(|failures| rejected.push(Rejected { place: Some(evidence.place.clone()), failures }))
            .ok()
    })?;
    let looked = match found {
        Ok(mut verified) => {
            match depth {
                // Of many artifacts the statements together would be large, and they were judged already.
                Depth::Full => verified.statement = None,
                Depth::SignatureOnly => {}
            }
            return Ok(Decision { artifact, outcome: Ok(verified) });
        }
        Err(looked) => looked,
    };
    if rejected.is_empty() {
        let looked: Vec<String> = looked.iter().map(|path| path.display().to_string()).collect();
        let looked =
            if looked.is_empty() { "nowhere, since none is named".to_owned() } else { looked.join(", ") };
        rejected.push(Rejected { place: None, failures: vec![Failure::NoStatement { looked }] });
    }
    Ok(Decision { artifact, outcome: Err(rejected) })
}
