//! What is wrong with a statement or envelope.

use crate::error::{Blame, Fault};

/// A statement, envelope or predicate that is not taken.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// Larger than any statement.
    #[error("statement holds {actual} bytes, expected at most {limit}")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes found.
        actual: usize,
    },
    /// No JSON, or JSON that two readers may read differently (duplicate keys, too deep).
    #[error("statement is no acceptable JSON")]
    Json(#[source] serde_json::Error),
    /// JSON of another shape.
    #[error("statement does not have the fields of in-toto Statement v1 with SLSA Provenance v1")]
    Shape(#[source] serde_json::Error),
    /// JSON that is no DSSE envelope.
    #[error("it does not have the fields of a DSSE envelope")]
    Envelope(#[source] serde_json::Error),
    /// JSON that is no verification summary.
    #[error("it does not have the fields of a SLSA Verification Summary Attestation v1")]
    Summary(#[source] serde_json::Error),
    /// JSON that is no Sigstore bundle.
    #[error("it does not have the fields of a Sigstore bundle")]
    Bundle(#[source] serde_json::Error),
    /// A field holds something else than it must.
    #[error("statement's {field} is {actual:?}, expected {expected}")]
    Field {
        /// Its path in the document.
        field: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        actual: String,
    },
    /// A file with something else than one statement.
    #[error("expected one statement on one line, found {lines} lines")]
    Lines {
        /// How many lines hold something.
        lines: usize,
    },
    /// A payload or signature that is no base64.
    #[error("{field} of the envelope is no base64")]
    Base64 {
        /// Which.
        field: &'static str,
        /// Why.
        #[source]
        source: base64::DecodeError,
    },
}

impl Fault for StatementError {
    fn blame(&self) -> Blame {
        Blame::Verification
    }
}

/// A text that is no package URL that we read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a package URL: {text:?} ({why})")]
pub struct PurlError {
    /// The text, shortened.
    pub text: String,
    /// What is wrong.
    pub why: &'static str,
}
