//! Why a document is none of an image that can be used.

/// Why a document is none of an image that can be used. Each is a fragment that follows the image's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OciError {
    /// No JSON of this kind.
    #[error("not a {what} that can be read: {problem}")]
    Syntax {
        /// What it should be.
        what: &'static str,
        /// Where and why.
        problem: String,
    },
    /// A manifest of the form that Docker gave up in 2017: it names no digest of what it stands for.
    #[error(
        "its manifest is of Docker's schema 1, which does not name layers by the digest of their content"
    )]
    Schema1,
    /// Both a manifest and an index: readers would disagree (image-spec GHSA-77vh-xpmg-72qh).
    #[error("its document is both a manifest and an index")]
    Ambiguous,
    /// Something else than an image: a chart, a signature, a Wasm module.
    #[error("it is not a container image: {what} is {found:?}")]
    NotAnImage {
        /// What tells.
        what: &'static str,
        /// Its media type.
        found: String,
    },
    /// A layer of a kind that cannot be unpacked.
    #[error("its layer {digest} is of media type {found:?}, which cannot be unpacked")]
    Layer {
        /// Of the layer.
        digest: String,
        /// Its media type.
        found: String,
    },
    /// Something that has to be there is not, or is wrong.
    #[error("its {what} is {problem}")]
    Value {
        /// What.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}
