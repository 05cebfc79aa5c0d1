//! Every way in which evidence fails, each with its own words.

use serde::Serialize;

/// Why evidence does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing was found.
    #[error("no statement was found: looked for {looked}")]
    NoStatement {
        /// Where.
        looked: String,
    },
    /// What cannot be read.
    #[error("it cannot be read: {why}")]
    Unreadable {
        /// Why.
        why: String,
    },
    /// Nobody signed.
    #[error("the statement is not signed: anybody could have written it")]
    Unsigned,
    /// A kind that keys cannot judge.
    #[error("it is {kind}, which a key cannot judge")]
    Foreign {
        /// What it is.
        kind: String,
    },
    /// A signature over bytes, where a statement is wanted.
    #[error("it is {kind}: it says nothing of how these bytes were made")]
    NoContent {
        /// What it is.
        kind: String,
    },
    /// A bundle whose parts do not fit.
    #[error("the bundle cannot be judged: {why}")]
    Bundle {
        /// Why.
        why: String,
    },
    /// A certificate that does not count.
    #[error("the certificate does not count: {why}")]
    Certificate {
        /// Why.
        why: String,
    },
    /// An entry of a transparency log that proves nothing.
    #[error("the transparency log's entry does not count: {why}")]
    LogEntry {
        /// Why.
        why: String,
    },
    /// No time of signing that somebody else vouches for.
    #[error("the time of signing is not proven: {why}")]
    SigningTime {
        /// Why.
        why: String,
    },
    /// A signature that does not hold.
    #[error("the bundle's signature does not hold: {why}")]
    BundleSignature {
        /// Why.
        why: String,
    },
    /// Somebody else signed.
    #[error("the certificate is for {actual:?}, expected {expected}")]
    Identity {
        /// Whom it names.
        actual: String,
        /// Who would do.
        expected: String,
    },
    /// Somebody else said who it is.
    #[error("the certificate's identity is by issuer {actual:?}, expected {expected}")]
    Issuer {
        /// Who said it.
        actual: String,
        /// Who would do.
        expected: String,
    },
    /// The authority was told of another repository than the statement tells.
    #[error(
        "the certificate was given to a workflow of {certificate:?}, and the statement's source is {statement}"
    )]
    OtherSource {
        /// What the certificate says.
        certificate: String,
        /// What the statement says.
        statement: String,
    },
    /// The envelope carries something else.
    #[error("the envelope's payload is {actual:?}, expected \"application/vnd.in-toto+json\"")]
    PayloadType {
        /// What it says.
        actual: String,
    },
    /// No signature at all.
    #[error("the envelope has no signature")]
    NoSignature,
    /// No signature of a root.
    #[error("none of the {count} signatures is by a trusted key (they call their keys {named})")]
    Signature {
        /// How many signatures there are.
        count: usize,
        /// What they call their keys.
        named: String,
    },
    /// Too few.
    #[error("{actual} different trusted keys signed, expected {expected}")]
    Threshold {
        /// How many have to.
        expected: usize,
        /// How many did.
        actual: usize,
    },
    /// A key that no longer counts.
    #[error("the key {key} that signed is revoked")]
    Revoked {
        /// Its name.
        key: String,
    },
    /// No subject is the artifact.
    #[error("the statement is about other bytes: expected {expected}, it names {named}")]
    Subject {
        /// The artifact's digest.
        expected: String,
        /// What it names.
        named: String,
    },
    /// The right bytes under another name.
    #[error("the statement calls these bytes {named:?}, and the file is {actual:?}")]
    Name {
        /// The subject's name.
        named: String,
        /// The file's.
        actual: String,
    },
    /// A build of ours has one output in each statement.
    #[error("the statement has {count} subjects, and this build type's have one")]
    Subjects {
        /// How many.
        count: usize,
    },
    /// Not a statement of in-toto v1.
    #[error("the statement is of type {actual:?}, expected \"https://in-toto.io/Statement/v1\"")]
    StatementType {
        /// What it says.
        actual: String,
    },
    /// Another predicate.
    #[error("the predicate is {named}, expected {expected}")]
    PredicateType {
        /// What it should be.
        expected: String,
        /// Its type, and what it is.
        named: String,
    },
    /// A predicate without what it must have.
    #[error("the statement is not well formed: {why}")]
    Form {
        /// What is wrong.
        why: String,
    },
    /// A builder that the signers may not speak for.
    #[error("no trusted signer may speak for builder {actual:?}, expected {expected}")]
    Builder {
        /// What the statement says.
        actual: String,
        /// What would do.
        expected: String,
    },
    /// Too low.
    #[error("signer and builder are believed Build level {actual}, expected at least {expected}")]
    Level {
        /// What is asked for.
        expected: u8,
        /// What they are believed.
        actual: u8,
    },
    /// Another way of building.
    #[error("the build type is {actual:?}, expected {expected}")]
    BuildType {
        /// What the statement says.
        actual: String,
        /// What would do.
        expected: String,
    },
    /// Another source.
    #[error("the source is {actual}, expected {expected}")]
    Source {
        /// What the statement says.
        actual: String,
        /// What was expected.
        expected: String,
    },
    /// Uncommitted changes.
    #[error("the source had uncommitted changes")]
    Dirty,
    /// What was built is not what was asked for.
    #[error("the source that was asked for is {asked}, and the one in the box was {resolved}")]
    Resolved {
        /// `externalParameters`.
        asked: String,
        /// `resolvedDependencies`.
        resolved: String,
    },
    /// Another branch or tag.
    #[error("the ref is {actual}, expected {expected}")]
    Ref {
        /// What the statement says.
        actual: String,
        /// What would do.
        expected: String,
    },
    /// A parameter that nobody expects.
    #[error("nobody expects the external parameter {name:?}, which is {actual}")]
    UnknownParameter {
        /// Its name.
        name: String,
        /// Its value.
        actual: String,
    },
    /// A parameter with another value.
    #[error("the external parameter {name:?} is {actual}, expected {expected}")]
    Parameter {
        /// Its name.
        name: String,
        /// Its value.
        actual: String,
        /// What was expected.
        expected: String,
    },
    /// A dependency without a digest.
    #[error("the dependency {name:?} has no digest")]
    NoDigest {
        /// Its name or address.
        name: String,
    },
    /// An image that is not in the list.
    #[error("the image {actual} is not in the list of allowed images")]
    Image {
        /// Its name and digest.
        actual: String,
    },
    /// No image where one is expected.
    #[error("the statement names no base image")]
    NoImage,
    /// Something forbidden.
    #[error("the dependency {actual:?} is forbidden by {rule:?}")]
    Forbidden {
        /// What it is.
        actual: String,
        /// The rule.
        rule: String,
    },
    /// Weaker isolation.
    #[error("the isolation's {what} is {actual}, expected {expected}")]
    Isolation {
        /// Of what.
        what: &'static str,
        /// What held.
        actual: String,
        /// What should have.
        expected: String,
    },
    /// A limit that did not hold.
    #[error("the limit {what} is {actual}, expected {expected}")]
    Limit {
        /// Of what.
        what: String,
        /// What held.
        actual: String,
        /// What should have.
        expected: String,
    },
    /// A builder folder that is not in the list.
    #[error("the builder folder is {actual}, expected {expected}")]
    Folder {
        /// Its digest.
        actual: String,
        /// What would do.
        expected: String,
    },
    /// Too old.
    #[error("it is from {actual}, older than {expected}")]
    TooOld {
        /// When.
        actual: String,
        /// How old it may be.
        expected: String,
    },
    /// No time where one is needed.
    #[error("it does not say when it was made")]
    NoTime,
    /// From after now.
    #[error("it is from {actual}, which is in the future")]
    Future {
        /// When.
        actual: String,
    },
    /// A summary of a verifier that nobody trusts.
    #[error("the verifier is {actual:?}, expected {expected}")]
    Verifier {
        /// Who it says it is.
        actual: String,
        /// Who would do.
        expected: String,
    },
    /// A summary of something else.
    #[error("the summary is about resource {actual:?}, expected {expected:?}")]
    Resource {
        /// What it names.
        actual: String,
        /// What was expected.
        expected: String,
    },
    /// A summary that says no.
    #[error("the summary's result is FAILED")]
    SummaryFailed,
    /// A summary for another level.
    #[error("the summary's levels are {actual}, expected {expected}")]
    SummaryLevel {
        /// What it grants.
        actual: String,
        /// What was expected.
        expected: String,
    },
}

impl Failure {
    /// The step of verification that failed, for programs.
    #[must_use]
    pub fn step(&self) -> &'static str {
        match self {
            Self::NoStatement { .. }
            | Self::Unreadable { .. }
            | Self::Foreign { .. }
            | Self::NoContent { .. }
            | Self::Bundle { .. } => "evidence",
            Self::Certificate { .. }
            | Self::LogEntry { .. }
            | Self::SigningTime { .. }
            | Self::BundleSignature { .. }
            | Self::Identity { .. }
            | Self::Issuer { .. }
            | Self::Unsigned
            | Self::PayloadType { .. }
            | Self::NoSignature
            | Self::Signature { .. }
            | Self::Threshold { .. }
            | Self::Revoked { .. } => "signature",
            Self::Subject { .. } | Self::Name { .. } | Self::Subjects { .. } => "subject",
            Self::StatementType { .. } | Self::PredicateType { .. } | Self::Form { .. } => "predicate",
            Self::Builder { .. } | Self::Level { .. } => "builder",
            Self::BuildType { .. } => "buildType",
            Self::Source { .. }
            | Self::Dirty
            | Self::Resolved { .. }
            | Self::Ref { .. }
            | Self::OtherSource { .. } => "source",
            Self::UnknownParameter { .. } | Self::Parameter { .. } => "externalParameters",
            Self::NoDigest { .. } | Self::Image { .. } | Self::NoImage | Self::Forbidden { .. } => {
                "resolvedDependencies"
            }
            Self::Isolation { .. } => "isolation",
            Self::Limit { .. } => "limits",
            Self::Folder { .. } => "builderFolder",
            Self::TooOld { .. } | Self::NoTime | Self::Future { .. } => "age",
            Self::Verifier { .. }
            | Self::Resource { .. }
            | Self::SummaryFailed
            | Self::SummaryLevel { .. } => "summary",
        }
    }
}

/// What was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(tag = "what", content = "names", rename_all = "camelCase")]
pub enum Unchecked {
    /// Always, with a plain key.
    #[error("when it was signed: a plain key's signature has no trusted time")]
    SigningTime,
    /// What a bundle brought.
    #[error("the bundle's log entries and time stamps")]
    LogAndTime,
    /// A trusted root without transparency logs.
    #[error("that the signature was logged: the trusted root names no log")]
    Log,
    /// A trusted root without logs of certificates.
    #[error("that the certificate was logged: the trusted root names no log of certificates")]
    CertificateLog,
    /// Logs of a trusted root whose keys are of no kind that is read.
    #[error("logs of the trusted root with keys of unknown kinds: {}", .0.join(", "))]
    TrustRoot(Vec<String>),
    /// With a publish attestation.
    #[error("how it was built: a publish attestation says who published it and no more")]
    Build,
    /// With `--signature-only`.
    #[error(
        "builder, level, build type, source, parameters, dependencies, isolation: only signature and subject were"
    )]
    Content,
    /// The file's name.
    #[error("the name of the file")]
    Name,
    /// The repository.
    #[error("the source")]
    Source,
    /// The branch or tag.
    #[error("the ref")]
    Ref,
    /// Values of known parameters.
    #[error("the external parameters {}", .0.join(", "))]
    Parameters(Vec<String>),
    /// Which build type.
    #[error("the build type")]
    BuildType,
    /// Which images and packages.
    #[error("which images and packages were in the box")]
    Dependencies,
    /// What the box held back.
    #[error("the isolation of the build")]
    Isolation,
    /// Memory, processes, time.
    #[error("the limits of the build")]
    Limits,
    /// The builder folder's bytes.
    #[error("the bytes of the builder folder")]
    Folder,
    /// How old it is.
    #[error("its age")]
    Age,
    /// What the other verifier checked.
    #[error("the provenance itself: the summary's verifier is believed")]
    Provenance,
}
