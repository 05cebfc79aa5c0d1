//! What can go wrong between a Debian archive and the lock.

use std::fmt;

use crate::digest::Sha256;
use crate::error::{Blame, Fault};
use crate::store::StoreError;

/// The error of whatever got a document.
#[derive(Debug)]
pub struct Cause(pub Box<dyn Fault>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// A resolution of Debian packages failed.
#[derive(Debug, thiserror::Error)]
pub enum DebianError {
    /// A document could not be had.
    #[error("suite {suite}: cannot get {path}")]
    Fetch {
        /// The suite.
        suite: String,
        /// The document, below the archive's root.
        path: String,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// An archive key that ships with this program cannot be read, or a given one.
    #[error("archive key {name}: {reason}")]
    Key {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A Release carries no signature that counts.
    #[error("suite {suite}: its Release is not signed by a trusted key: {reason}")]
    Signature {
        /// The suite.
        suite: String,
        /// What was found instead: one clause for each signature.
        reason: String,
    },
    /// A Release cannot be read, or does not name what is needed.
    #[error("suite {suite}: its Release is not usable: {reason}")]
    Release {
        /// The suite.
        suite: String,
        /// What is wrong.
        reason: String,
    },
    /// A Release is another suite's.
    #[error("suite {suite}: the Release names another suite: {actual}")]
    OtherSuite {
        /// The suite that was asked for.
        suite: String,
        /// What the Release says.
        actual: String,
    },
    /// A Release is no longer, or not yet, valid.
    #[error("suite {suite}: its Release {what} {limit}, and it is {now}")]
    Expired {
        /// The suite.
        suite: String,
        /// `was valid until` or `is dated`.
        what: &'static str,
        /// That date.
        limit: jiff::Timestamp,
        /// The present time.
        now: jiff::Timestamp,
    },
    /// A file is not the one that its Release names.
    #[error(
        "suite {suite}: {path} is not the file that the Release names: expected sha256 {expected}, got {actual}"
    )]
    Digest {
        /// The suite.
        suite: String,
        /// The file, below the suite's folder.
        path: String,
        /// Digest in the Release.
        expected: Sha256,
        /// Digest of what the mirror sent.
        actual: Sha256,
    },
    /// A `Packages` file cannot be read.
    #[error("suite {suite}: its Packages file is not usable: {reason}")]
    Packages {
        /// The suite, or a number of it.
        suite: String,
        /// What is wrong.
        reason: String,
    },
    /// A package that no suite holds.
    #[error("no package {name:?} in the suites (asked for by {asked_by})")]
    Unknown {
        /// The name.
        name: String,
        /// Who wants it.
        asked_by: String,
        /// Names that are like it.
        similar: Vec<String>,
    },
    /// Several packages provide what was asked for by a virtual name.
    #[error("{name:?} is provided by several packages: {}", providers.join(", "))]
    Ambiguous {
        /// The virtual name.
        name: String,
        /// Who provides it, sorted.
        providers: Vec<String>,
    },
    /// A dependency that the suites cannot satisfy.
    #[error("package {package} {version} depends on {relation}, which the suites cannot satisfy{}", have.as_ref().map(|text| format!(" (they hold {text})")).unwrap_or_default())]
    Unsatisfiable {
        /// Who depends.
        package: String,
        /// Its version.
        version: String,
        /// On what.
        relation: String,
        /// What there is of it.
        have: Option<String>,
        /// Who asked for the package, from the one that was included on.
        chain: Vec<String>,
    },
    /// Two packages of the closure exclude each other.
    #[error("package {package} {field} {relation}, and {other} is wanted too")]
    Conflict {
        /// Who excludes.
        package: String,
        /// `conflicts with` or `breaks`.
        field: &'static str,
        /// What is excluded.
        relation: String,
        /// The other package, with its version.
        other: String,
        /// Who asked for each, from the ones that were included on.
        chains: Vec<Vec<String>>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for DebianError {
    fn blame(&self) -> Blame {
        match self {
            Self::Fetch { source, .. } => source.0.blame(),
            Self::Key { .. } => Blame::Ours,
            Self::Signature { .. } | Self::Digest { .. } => Blame::Integrity,
            Self::Release { .. } | Self::OtherSuite { .. } | Self::Packages { .. } | Self::Expired { .. } => {
                Blame::Network
            }
            Self::Unknown { .. }
            | Self::Ambiguous { .. }
            | Self::Unsatisfiable { .. }
            | Self::Conflict { .. } => Blame::User,
            Self::Store(error) => error.blame(),
        }
    }

    fn hints(&self) -> Vec<String> {
        let chain = |names: &[String]| format!("wanted by way of: {}", names.join(" → "));
        match self {
            Self::Fetch { source, .. } => source.0.hints(),
            Self::Key { .. } => Vec::new(),
            Self::Signature { .. } => vec![
                "use a mirror of Debian itself: archives that are signed by other keys are not trusted".to_owned(),
                "a release newer than this program may be signed by keys that it does not know: upgrade sealwright".to_owned(),
            ],
            Self::Release { .. } | Self::Packages { .. } | Self::OtherSuite { .. } => {
                vec!["try another mirror, and check the names in `suites`".to_owned()]
            }
            Self::Expired { what, .. } => vec![if *what == "is dated" {
                "set this machine's clock".to_owned()
            } else {
                "the mirror is behind, or serves an old state on purpose: use another one".to_owned()
            }],
            Self::Digest { .. } => {
                vec!["the mirror was probably just being updated: try again in a minute, or use another one".to_owned()]
            }
            Self::Unknown { similar, .. } if similar.is_empty() => Vec::new(),
            Self::Unknown { similar, .. } => vec![format!("did you mean {}?", similar.join(" or "))],
            Self::Ambiguous { .. } => vec!["name one of them in `system-packages`".to_owned()],
            Self::Unsatisfiable { chain: names, .. } => {
                vec![chain(names), "add the suite that holds it to `suites`, or leave the package out".to_owned()]
            }
            Self::Conflict { chains, .. } => chains.iter().map(|names| chain(names)).collect(),
            Self::Store(error) => error.hints(),
        }
    }
}
