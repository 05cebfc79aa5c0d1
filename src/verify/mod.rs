//! Whether an artifact is what its provenance says, and whether that is what is expected: offline, by keys and policies
//! that the caller names.
//!
//! Bytes go one way: `evidence` takes them as they are carried (wire), `judge` reads a payload and compares it with
//! a [`Policy`] (checked), and only what failed nothing is [`Verified`], which says too what was not checked. Every
//! failure is listed, not the first. The steps are those of SLSA v1.2, "Verifying artifacts".

mod artifact;
mod bundle;
mod certified;
mod error;
mod evidence;
mod failure;
mod find;
pub mod foreign;
mod judge;
mod payload;
mod policy;
mod result;
mod roots;
mod sigstore;
mod source;
mod steps;
mod summary;

pub use artifact::Artifact;
pub use bundle::{Expected, verify_bundle};
pub use error::VerifyError;
pub use evidence::{Carrier, Content, Evidence, Place, read as evidence_of};
pub use failure::{Failure, Unchecked};
pub use find::{NamedEvidence, find};
pub use judge::judge;
pub use policy::{
    Age, Asked, Expectations, FolderRule, IsolationRule, Leniency, LimitRule, Policy, TrustedVerifier,
    starter,
};
pub use result::{Decision, Depth, Rejected, Signer, Verified, verify};
pub use roots::{Credential, Identity, Root, Roots, SignedBy};
pub use sigstore::{PUBLIC_TRUSTED_ROOT, TrustRoot};
pub use source::SourceUri;
pub use summary::{SummaryExpectations, SummaryIssue, accept_summary, summarize};
