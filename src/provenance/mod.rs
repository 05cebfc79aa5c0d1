//! Statements: in-toto Statement v1 with a SLSA Provenance v1 predicate, and the DSSE envelope.
//!
//! Pure serde: no clock, environment or file system. Written canonically (keys in the order of the
//! specifications, compact, one line), read strictly ([`Statement::parse`]).

mod bundle;
mod descriptor;
mod dsse;
mod error;
mod json;
pub mod pep740;
mod predicate;
mod purl;
mod statement;
mod time;
mod vsa;

pub use bundle::{Material, SigstoreBundle};
pub use descriptor::{DigestSet, ResourceDescriptor};
pub use dsse::{Envelope, Signature, pae};
pub use error::{PurlError, StatementError};
pub use json::{Limits, check_json, parse_json};
pub use predicate::{BuildDefinition, BuildMetadata, Builder, Predicate, RunDetails};
pub use purl::Purl;
pub use statement::Statement;
pub use time::Timestamp;
pub use vsa::{Policy, Verdict, VerificationSummary, Verifier};

use crate::name::TargetName;

/// Where the names of this project live. One place: owning it is a condition of the first public release.
pub const BASE: &str = "https://sealwright.dev";

/// `_type` of every statement (in-toto attestation framework, Statement v1).
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// `_type` of the version before, which cosign 3.1 and slsa-github-generator still write: of the same form, and read like
/// the present one.
pub const STATEMENT_TYPE_01: &str = "https://in-toto.io/Statement/v0.1";

/// `predicateType` of every build's statement (SLSA Provenance v1).
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// `payloadType` of a statement in an envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What follows an output's name to name the file of its statement.
pub const SUFFIX: &str = ".intoto.jsonl";

/// `predicateType` of the evidence of a verifier's decision (SLSA Verification Summary Attestation v1).
pub const VSA_TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// `predicateType` of what came of a rebuild (`docs/attestations/rebuild-v1.md`).
pub const REBUILD_TYPE: &str = "https://sealwright.dev/attestations/rebuild/v1";

/// What follows an output's name to name the file of its Sigstore bundle.
pub const SIGSTORE_SUFFIX: &str = ".sigstore.json";

/// The URI of a built-in builder's build type, for instance `https://sealwright.dev/build-types/python-build/v1`.
#[must_use]
pub fn build_type(builder: &str) -> String {
    format!("{BASE}/build-types/{builder}/v1")
}

/// Who builds and signs: each has its own `builder.id`, since each has other security properties (SLSA v1.2,
/// "builder.id").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustMode {
    /// The user who calls sealwright also holds the key: a laptop, a CI job.
    Local,
}

impl TrustMode {
    /// `runDetails.builder.id`.
    #[must_use]
    pub fn builder_id(self) -> String {
        match self {
            Self::Local => format!("{BASE}/builders/local/v1"),
        }
    }

    /// As the action cache's key and people's text name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
        }
    }
}

/// The file name of an output's statement.
#[must_use]
pub fn file_name(output: &str) -> String {
    format!("{output}{SUFFIX}")
}

/// The file name of the bundle with all statements of a target.
#[must_use]
pub fn bundle_name(target: &TargetName) -> String {
    format!("{target}{SUFFIX}")
}
