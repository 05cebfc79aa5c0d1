//! Evidence of other ecosystems: named as what it is, and refused until something judges it.

use std::fmt;

use serde_json::Value;

/// Evidence that keys alone cannot judge.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A Sigstore bundle whose signature a certificate vouches for.
    CertificateBundle {
        /// `0.1`, `0.2`, `0.3`.
        version: String,
        /// The whole bundle.
        document: Value,
    },
    /// A Sigstore bundle with a signature over the artifact and no statement.
    MessageSignature {
        /// `0.1`, `0.2`, `0.3`.
        version: String,
    },
    /// An attestation or provenance object of PEP 740.
    Pep740 {
        /// The whole document.
        document: Value,
    },
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CertificateBundle { version, .. } => {
                write!(f, "a Sigstore bundle v{version} with a certificate")
            }
            Self::MessageSignature { version } => {
                write!(f, "a Sigstore bundle v{version} with a signature over the artifact and no statement")
            }
            Self::Pep740 { .. } => f.write_str("a PEP 740 attestation"),
        }
    }
}

/// Kinds of statements that are known by name, whoever made them.
#[must_use]
pub fn predicate_name(predicate_type: &str) -> Option<&'static str> {
    Some(match predicate_type {
        "https://slsa.dev/provenance/v1" => "SLSA Provenance v1",
        "https://slsa.dev/provenance/v0.2" => "SLSA Provenance v0.2",
        "https://slsa.dev/provenance/v0.1" => "SLSA Provenance v0.1",
        "https://slsa.dev/verification_summary/v1" => "a SLSA Verification Summary Attestation v1",
        "https://docs.pypi.org/attestations/publish/v1" => "a publish attestation of a package index",
        "https://spdx.dev/Document" => "an SPDX document",
        "https://cyclonedx.org/bom" => "a CycloneDX document",
        "https://in-toto.io/attestation/link/v0.3" => "an in-toto link",
        _ => return None,
    })
}
