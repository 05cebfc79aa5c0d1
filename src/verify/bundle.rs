//! One Sigstore bundle and one artifact: what the conformance suite's client protocol asks, and nothing of what a
//! statement says.

use std::path::Path;

use super::failure::Failure;
use super::sigstore::{self, About, Demand};
use super::{Artifact, Identity, TrustRoot, VerifyError, find};
use crate::provenance::{Limits, SigstoreBundle, Timestamp, parse_json};

/// Who has to have signed.
#[derive(Debug)]
pub enum Expected<'a> {
    /// An identity, whose certificate and signature both are logged.
    Identity(Identity),
    /// A plain key in PEM, and the root of the log entries and time stamps that the bundle may have.
    Key(&'a str, Box<TrustRoot>),
}

/// Judges one bundle; `Ok(Err(…))` says why it does not hold.
///
/// # Errors
/// The bundle's file cannot be read.
pub fn verify_bundle(
    path: &Path,
    artifact: &Artifact,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Result<(), Failure>, VerifyError> {
    Ok(judge(&find::read(path)?, artifact, expected, now))
}

fn judge(bytes: &[u8], artifact: &Artifact, expected: &Expected<'_>, now: Timestamp) -> Result<(), Failure> {
    let unreadable = |error| Failure::Unreadable { why: super::judge::with_cause(&error) };
    let document = parse_json(bytes, Limits::default()).map_err(unreadable)?;
    SigstoreBundle::from_value(&document).map_err(unreadable)?;
    let bundle = sigstore::bundle(&document)?;
    match expected {
        Expected::Key(pem, root) => sigstore::keyed(&bundle, artifact, pem, root, now),
        Expected::Identity(identity) => {
            let vouched =
                sigstore::certified(&bundle, About::Artifact(artifact), &identity.root, Demand::AllLogs)?;
            if identity.subject != vouched.identity {
                let expected = format!("{:?}", identity.subject);
                return Err(Failure::Identity { actual: vouched.identity, expected });
            }
            if identity.issuer != vouched.issuer {
                let expected = format!("{:?}", identity.issuer);
                return Err(Failure::Issuer { actual: vouched.issuer, expected });
            }
            Ok(())
        }
    }
}
