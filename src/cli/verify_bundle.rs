//! `sealwright verify-bundle`: the Sigstore conformance suite's client protocol, for judges. Not for people: it looks
//! at a signature and at nothing that a statement says.

use std::path::PathBuf;
use std::sync::Arc;

use super::failure::Failure;
use super::session::Session;
use crate::error::{Blame, Fault, io_hints};
use crate::provenance::Timestamp;
use crate::verify::{Artifact, Expected, Identity, TrustRoot, verify_bundle};

/// Checks the signature of one Sigstore bundle and nothing that a statement says: `verify` is for people
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("signer").required(true).args(["key", "certificate_identity"])))]
pub(super) struct Args {
    /// The bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// Whom the certificate has to name
    #[arg(long, value_name = "ID", requires = "certificate_oidc_issuer")]
    certificate_identity: Option<String>,
    /// Who has to have said so
    #[arg(long, value_name = "URL", requires = "certificate_identity", conflicts_with = "key")]
    certificate_oidc_issuer: Option<String>,
    /// A public key in PEM, instead of an identity
    #[arg(long, value_name = "PEM")]
    key: Option<PathBuf>,
    /// Authorities and logs, as a `trusted_root.json` [default: Sigstore's public instance]
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// The artifact, or its digest as sha256:HEX
    #[arg(value_name = "FILE_OR_DIGEST")]
    artifact: PathBuf,
}

#[derive(Debug, thiserror::Error)]
enum BundleError {
    #[error("cannot read the public key {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{bundle} does not verify: {why}")]
    NotVerified { bundle: PathBuf, why: String },
}

impl Fault for BundleError {
    fn blame(&self) -> Blame {
        match self {
            Self::Read { .. } => Blame::User,
            Self::NotVerified { .. } => Blame::Verification,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Read { source, .. } => io_hints(source),
            Self::NotVerified { .. } => Vec::new(),
        }
    }
}

pub(super) fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let root = args.trusted_root.as_deref().map_or_else(TrustRoot::public, TrustRoot::read)?;
    let artifact = Artifact::open(&args.artifact)?;
    let now = Timestamp::from_seconds(jiff::Timestamp::now().as_second());
    let pem = match &args.key {
        None => String::new(),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|source| BundleError::Read { path: path.clone(), source })?,
    };
    let expected = match (&args.certificate_identity, &args.certificate_oidc_issuer) {
        (Some(subject), Some(issuer)) => Expected::Identity(Identity {
            subject: subject.clone(),
            issuer: issuer.clone(),
            root: Arc::new(root),
        }),
        _ => Expected::Key(&pem, Box::new(root)),
    };
    if let Err(failure) = verify_bundle(&args.bundle, &artifact, &expected, now)? {
        let why = crate::report::harmless(&failure.to_string());
        return Err(BundleError::NotVerified { bundle: args.bundle.clone(), why }.into());
    }
    if session.json() {
        return session.print_json(&serde_json::json!({ "verdict": "passed" }));
    }
    if session.quiet() { Ok(()) } else { session.print("ok\n") }
}
