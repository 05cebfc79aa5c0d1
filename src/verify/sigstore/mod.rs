//! Bundles with certificates, logs and time stamps. All use of Sigstore's crates is in here.
//!
//! The crates judge signature, chain, certificate log, transparency log and time stamps. By hand (`rules`): a root in the
//! bundle's chain, each log entry proven and not only one, the statement's own types, and the end of a log key's validity.

mod crypto;
mod root;
mod rules;

use std::fs::File;
use std::io::Read as _;

use serde_json::Value;
use sigstore_verify::crypto::{SigningScheme, verify_signature_prehashed};
use sigstore_verify::types::{Bundle, DerPublicKey, HashAlgorithm, SignatureContent};
use sigstore_verify::{
    Error, Policy, PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult, Verifier,
};

use root::Naming;
pub use root::{PUBLIC_TRUSTED_ROOT, TrustRoot};

use super::Artifact;
use super::failure::{Failure, Unchecked};
use crate::provenance::Timestamp;

/// What a certificate bundle proved.
#[derive(Debug)]
pub(super) struct Vouched {
    /// Whom the certificate names.
    pub(super) identity: String,
    /// Who said so to the authority.
    pub(super) issuer: String,
    /// The trusted root that it holds under.
    pub(super) under: crate::digest::Sha256,
    /// The repository that the issuer named, if it did.
    pub(super) source: Option<String>,
    /// The earliest and the latest proven time of signing.
    pub(super) signed: Option<(Timestamp, Timestamp)>,
    /// What could not be looked at.
    pub(super) unchecked: Vec<Unchecked>,
}

/// What a bundle's signature has to be about.
#[derive(Debug, Clone, Copy)]
pub(super) enum About<'a> {
    /// This very artifact.
    Artifact(&'a Artifact),
    /// A subject of the statement, whichever: who asks compares it.
    Subject,
}

/// What is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// Both kinds of logs, always.
    AllLogs,
    /// Those kinds of logs that the trusted root names.
    NamedLogs,
}

/// Bytes of an artifact that are read as a whole at most, where a signature is over the bytes and not their digest.
const WHOLE: u64 = 1 << 30;

/// Reads the bundle of a document.
pub(super) fn bundle(document: &Value) -> Result<Bundle, Failure> {
    crypto::install();
    let bundle = Bundle::from_json(&document.to_string()).map_err(|error| unfit(&error))?;
    rules::shape(&bundle)?;
    Ok(bundle)
}

/// Judges a bundle with a certificate. Whom the certificate names is for the caller to compare.
pub(super) fn certified(
    bundle: &Bundle,
    about: About<'_>,
    root: &TrustRoot,
    demand: Demand,
) -> Result<Vouched, Failure> {
    let mut policy = VerificationPolicy::any_identity();
    let mut unchecked = Vec::new();
    if demand == Demand::NamedLogs {
        if root.named.logs == Naming::None {
            policy = policy.skip_tlog_unsafe();
            unchecked.push(Unchecked::Log);
        }
        if root.named.certificate_logs == Naming::None {
            policy = policy.skip_sct();
            unchecked.push(Unchecked::CertificateLog);
        }
    }
    if policy.verifies_tlog() {
        rules::proven(bundle)?;
    }
    if !root.dropped().is_empty() {
        unchecked.push(Unchecked::TrustRoot(root.dropped().to_vec()));
    }
    let result = run(bundle, about, root, &policy, None)?;
    let Some(identity) = result.identity() else {
        return Err(Failure::Certificate { why: "it names nobody".to_owned() });
    };
    let source =
        result.certificate().and_then(|certificate| certificate.ci_claims.source_repository_uri.clone());
    Ok(Vouched {
        identity: identity.as_str().to_owned(),
        issuer: result.issuer().unwrap_or_default().to_owned(),
        under: root.digest(),
        source,
        signed: times(&result),
        unchecked,
    })
}

/// Judges a bundle with a plain key, its log entries and time stamps too if it has any.
pub(super) fn keyed(
    bundle: &Bundle,
    artifact: &Artifact,
    pem: &str,
    root: &TrustRoot,
    now: Timestamp,
) -> Result<(), Failure> {
    let key = DerPublicKey::from_pem(pem).map_err(|error| unfit(&error))?;
    rules::keyed(bundle)?;
    let material = &bundle.verification_material;
    if material.tlog_entries.is_empty() && material.timestamp_verification_data.rfc3161_timestamps.is_empty()
    {
        return plain(bundle, artifact, &key);
    }
    let mut policy = PublicKeyVerificationPolicy::new(key);
    if material.tlog_entries.is_empty() {
        policy = policy.skip_tlog_unsafe();
    } else {
        rules::proven(bundle)?;
    }
    run(bundle, About::Artifact(artifact), root, &policy, Some(now)).map(drop)
}

/// Judges a signature over the artifact by a plain key; log entries and time stamps are left alone.
pub(super) fn plain_message(bundle: &Bundle, artifact: &Artifact, pem: &str) -> Result<(), Failure> {
    rules::keyed(bundle)?;
    let key = DerPublicKey::from_pem(pem).map_err(|error| unfit(&error))?;
    plain(bundle, artifact, &key)
}

/// The crate wants a log entry or a time stamp; a plain key's signature holds without.
fn plain(bundle: &Bundle, artifact: &Artifact, key: &DerPublicKey) -> Result<(), Failure> {
    let own = crate::key::PublicKey::from_der(key.as_bytes())
        .map_err(|error| Failure::BundleSignature { why: error.to_string() })?;
    let wrong = || Failure::BundleSignature { why: "it is not by this key".to_owned() };
    match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => {
            if !own.verifies(&envelope.pae(), envelope.signature.sig.as_bytes()) {
                return Err(wrong());
            }
            rules::names(bundle, artifact)
        }
        SignatureContent::MessageSignature(message) => {
            if let Some(digest) = &message.message_digest
                && digest.algorithm == HashAlgorithm::Sha2256
                && artifact.algorithm == "sha256"
                && hex(digest.digest.as_bytes()) != artifact.digest
            {
                return Err(Failure::BundleSignature { why: "its digest is of other bytes".to_owned() });
            }
            let held = if artifact.path.is_some() && own.algorithm() == "Ed25519" {
                own.verifies(&whole(artifact)?, message.signature.as_bytes())
            } else {
                let digest = rules::digest(&artifact.algorithm, &artifact.digest)
                    .filter(|digest| digest.algorithm() == HashAlgorithm::Sha2256)
                    .ok_or_else(|| no_digest(artifact))?;
                verify_signature_prehashed(
                    key,
                    digest.as_bytes(),
                    &message.signature,
                    SigningScheme::EcdsaP256Sha256,
                )
                .is_ok()
            };
            if held { Ok(()) } else { Err(wrong()) }
        }
        _ => Err(Failure::Bundle { why: "its content is of no kind that is read".to_owned() }),
    }
}

/// Runs the crate, and again with only those logs whose keys were valid when the signature was made.
fn run(
    bundle: &Bundle,
    about: About<'_>,
    root: &TrustRoot,
    policy: &(impl Policy + ?Sized),
    now: Option<Timestamp>,
) -> Result<VerificationResult, Failure> {
    let result = once(bundle, about, &root.verifier, policy)?;
    if bundle.verification_material.tlog_entries.is_empty() {
        return Ok(result);
    }
    let now = now.and_then(|now| jiff::Timestamp::from_second(now.seconds()).ok());
    let times = match (result.verified_timestamps(), &now) {
        // A plain key's signature may have no proven time: then a log's key has to be one today.
        ([], Some(now)) => std::slice::from_ref(now),
        ([], None) => return Err(Failure::SigningTime { why: "there is none".to_owned() }),
        (times, _) => times,
    };
    let mut valid = root.parsed.clone();
    valid.tlogs.retain(|log| {
        log.public_key.valid_for.is_none_or(|range| times.iter().all(|time| range.contains(*time)))
    });
    if valid.tlogs.len() == root.parsed.tlogs.len() {
        return Ok(result);
    }
    let verifier = Verifier::new(&valid).map_err(|error| failure(&error))?;
    once(bundle, about, &verifier, policy).map_err(|failure| match failure {
        Failure::LogEntry { why } => Failure::LogEntry {
            why: format!("{why}, among the keys of logs that were valid when it was signed"),
        },
        other => other,
    })
}

fn once(
    bundle: &Bundle,
    about: About<'_>,
    verifier: &Verifier,
    policy: &(impl Policy + ?Sized),
) -> Result<VerificationResult, Failure> {
    let artifact = match about {
        About::Subject => {
            return verifier
                .verify(rules::first_subject(bundle)?, bundle, policy)
                .map_err(|error| failure(&error));
        }
        About::Artifact(artifact) => artifact,
    };
    if artifact.path.is_none() {
        let digest =
            rules::digest(&artifact.algorithm, &artifact.digest).ok_or_else(|| no_digest(artifact))?;
        return verifier.verify(digest, bundle, policy).map_err(|error| failure(&error));
    }
    match verifier.verify_reader(open(artifact)?, bundle, policy) {
        // Ed25519 signs bytes and not their digest.
        Err(Error::UnsupportedArtifact(_)) => {
            verifier.verify(&whole(artifact)?[..], bundle, policy).map_err(|error| failure(&error))
        }
        other => other.map_err(|error| failure(&error)),
    }
}

fn no_digest(artifact: &Artifact) -> Failure {
    Failure::Bundle { why: format!("a digest {} is none that it can be about", artifact.algorithm) }
}

fn open(artifact: &Artifact) -> Result<File, Failure> {
    let path = artifact.path.as_deref().unwrap_or(std::path::Path::new(""));
    File::open(path).map_err(|error| Failure::Bundle { why: format!("{}: {error}", artifact.shown) })
}

/// The bytes of an artifact, for signatures that are not over a digest.
fn whole(artifact: &Artifact) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    open(artifact)?
        .take(WHOLE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::Bundle { why: format!("{}: {error}", artifact.shown) })?;
    if bytes.len() as u64 > WHOLE {
        return Err(Failure::Bundle { why: format!("{} holds more than {WHOLE} bytes", artifact.shown) });
    }
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn times(result: &VerificationResult) -> Option<(Timestamp, Timestamp)> {
    let seconds = || result.verified_timestamps().iter().map(|time| time.as_second());
    let at = |seconds| Timestamp::from_seconds(seconds);
    seconds().min().zip(seconds().max()).map(|(first, last)| (at(first), at(last)))
}

fn unfit(error: &dyn std::fmt::Display) -> Failure {
    Failure::Bundle { why: lower(&error.to_string()) }
}

/// What the crate says, under the part of the evidence that failed.
fn failure(error: &Error) -> Failure {
    let why = lower(&error.to_string());
    match error {
        Error::Certificate(_) => Failure::Certificate { why },
        Error::TransparencyLog(_) => Failure::LogEntry { why },
        Error::Timestamp(_) => Failure::SigningTime { why },
        Error::SignatureInvalid(_) | Error::Crypto(_) => Failure::BundleSignature { why },
        _ => Failure::Bundle { why },
    }
}

/// Our own messages are lowercase fragments of bounded length on one line.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| match letters.clone().next() {
        Some(second) if second.is_uppercase() => first,
        Some(_) | None => first.to_ascii_lowercase(),
    });
    first
        .into_iter()
        .chain(letters)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(400)
        .collect()
}
