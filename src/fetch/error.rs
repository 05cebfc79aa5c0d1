//! What can go wrong when fetching.

use std::io;
use std::path::PathBuf;

use super::images::ImageSourceError;
use crate::digest::Sha256;
use crate::error::{Blame, Fault, io_hints};
use crate::store::StoreError;

/// What can go wrong when fetching. URLs in it never hold credentials or queries.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The store failed.
    #[error("cannot store {file}")]
    Store {
        /// What was to be stored.
        file: String,
        /// Why it was not.
        source: Box<StoreError>,
    },
    /// Something is missing and the network may not be used.
    #[error("{} not in the store, and the network may not be used (--offline): {}", files(.missing), .missing.join(", "))]
    Offline {
        /// Everything that is missing: names of files, or URLs.
        missing: Vec<String>,
    },
    /// What somebody else wrote leads to a private network.
    #[error("{url} is at {address}, which is of this host or of a private network")]
    Private {
        /// The URL.
        url: String,
        /// The address.
        address: std::net::IpAddr,
    },
    /// A git server does not have an object.
    #[error("{url} does not have the git object {object}")]
    NotOurs {
        /// The repository.
        url: String,
        /// The object.
        object: String,
    },
    /// A file came with another digest than the locked one. It was not stored.
    #[error("{file} from {from} is not the locked file: expected sha256 {expected}, got {actual}{}", asked_by(.required_by))]
    WrongDigest {
        /// Name of the file.
        file: Box<str>,
        /// Where it came from.
        from: Box<str>,
        /// The locked digest.
        expected: Sha256,
        /// The digest of what came, or that the index says it has.
        actual: Sha256,
        /// Who asked for it.
        required_by: Box<[String]>,
    },
    /// A file came with another size than the locked one. It was not stored.
    #[error("{file} from {from} is not the locked file: expected {expected} bytes, got {actual}{}", asked_by(.required_by))]
    WrongSize {
        /// Name of the file.
        file: String,
        /// Where it came from.
        from: String,
        /// The locked size in bytes.
        expected: u64,
        /// What came: a number of bytes, or that it was more.
        actual: String,
        /// Who asked for it.
        required_by: Vec<String>,
    },
    /// No place that is configured has the file.
    #[error("{file} (sha256 {sha256}) is nowhere to be had{}: asked {}", asked_by(.required_by), .asked.join(", "))]
    NotFound {
        /// Name of the file.
        file: String,
        /// The locked digest.
        sha256: Sha256,
        /// Every place that was asked, with its answer.
        asked: Vec<String>,
        /// Who asked for it.
        required_by: Vec<String>,
    },
    /// A folder that serves as an index has nothing of a project.
    #[error("there is no {}", path.display())]
    NoPage {
        /// The project's page.
        path: PathBuf,
    },
    /// A server answered with a status that is no success.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A server could not be reached, or broke off, or was too slow, as often as it was tried.
    #[error("cannot get {url} (tried {attempts} times): {problem}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// How often.
        attempts: u32,
        /// What went wrong the last time.
        problem: String,
    },
    /// A server wants fewer requests.
    #[error("{url} answered 429 Too Many Requests (tried {attempts} times{})", wait(*.seconds))]
    Throttled {
        /// What was asked for.
        url: String,
        /// How often.
        attempts: u32,
        /// After how many seconds it may be asked again, as it says.
        seconds: Option<u64>,
    },
    /// An image by reference.
    #[error(transparent)]
    Image(#[from] Box<ImageSourceError>),
    /// A server sent something that cannot be used.
    #[error("{url}: {problem}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// A document is larger than it may be.
    #[error("{url} is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The most that it may have.
        limit: u64,
    },
    /// No mirror of an archive of Debian packages is known.
    #[error("no mirror of the archive {archive:?} is known: nothing is configured{}", because(.skipped))]
    NoMirror {
        /// `debian` or `debian-security`.
        archive: String,
        /// Entries of the host's apt sources that cannot be used, each with why.
        skipped: Vec<String>,
    },
    /// A crate comes from a registry that cargo is not configured with.
    #[error("{file} comes from the registry {index}, which is not configured{}", asked_by(.required_by))]
    NoRegistry {
        /// Name of the file.
        file: String,
        /// The registry's index, as `Cargo.lock` writes it.
        index: String,
        /// Who asked for it.
        required_by: Vec<String>,
    },
    /// A setting of pip, uv, cargo, apt or the environment cannot be understood.
    #[error("{origin}: {problem}")]
    Setting {
        /// The file or the variable.
        origin: String,
        /// What is wrong.
        problem: String,
    },
    /// A file of the host that a setting names cannot be read.
    #[error("cannot read {} (named by {origin})", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Who names it.
        origin: String,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The HTTP client cannot be made.
    #[error("cannot set up the network client: {problem}")]
    Client {
        /// Why.
        problem: String,
    },
    /// The user asked for a stop.
    #[error("fetching was stopped by signal {signal}")]
    Interrupted {
        /// SIGINT or SIGTERM, by number.
        signal: i32,
    },
    /// More than one file failed.
    #[error("{} files could not be fetched:\n  {}", .0.len(), .0.iter().map(chain).collect::<Vec<_>>().join("\n  "))]
    Several(Vec<FetchError>),
}

impl FetchError {
    /// Whether a server said that there is no such thing (404 or 410).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: 404 | 410, .. } | Self::NotFound { .. } | Self::NoPage { .. })
    }
}

fn wait(seconds: Option<u64>) -> String {
    seconds.map_or_else(String::new, |seconds| format!("; it asks to wait {seconds} s"))
}

fn files(missing: &[String]) -> String {
    match missing.len() {
        1 => "1 file is".to_owned(),
        count => format!("{count} files are"),
    }
}

fn asked_by(required_by: &[String]) -> String {
    if required_by.is_empty() { String::new() } else { format!(" (required by {})", required_by.join(", ")) }
}

fn because(skipped: &[String]) -> String {
    if skipped.is_empty() {
        ", and this host has no apt sources of Debian".to_owned()
    } else {
        format!(", and of this host's apt sources none can be used ({})", skipped.join("; "))
    }
}

fn chain(error: &FetchError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl Fault for FetchError {
    fn blame(&self) -> Blame {
        match self {
            Self::Store { source, .. } => source.blame(),
            Self::Image(error) => error.blame(),
            Self::WrongDigest { .. } | Self::WrongSize { .. } | Self::NotOurs { .. } => Blame::Integrity,
            Self::Private { .. } => Blame::User,
            Self::Offline { .. }
            | Self::NotFound { .. }
            | Self::NoPage { .. }
            | Self::Status { .. }
            | Self::Unreachable { .. }
            | Self::Throttled { .. }
            | Self::Answer { .. }
            | Self::TooLarge { .. } => Blame::Network,
            Self::NoMirror { .. } | Self::NoRegistry { .. } | Self::Setting { .. } | Self::File { .. } => {
                Blame::User
            }
            Self::Client { .. } => Blame::Environment,
            Self::Interrupted { signal } => Blame::Interrupted(*signal),
            // A wrong file weighs more than one that did not come.
            Self::Several(errors) => {
                let integrity = errors.iter().map(Self::blame).find(|blame| *blame == Blame::Integrity);
                integrity.or_else(|| errors.first().map(Self::blame)).unwrap_or(Blame::Network)
            }
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = |text: &str| vec![text.to_owned()];
        match self {
            Self::Store { source, .. } => source.hints(),
            Self::Image(error) => error.hints(),
            Self::Throttled { .. } => hint("wait and run it again: what came is kept; servers let users who log in ask more often"),
            Self::Offline { .. } => hint("run `sealwright fetch` where there is a network, then again"),
            Self::WrongDigest { .. } | Self::WrongSize { .. } => vec![
                "nothing of it was stored; a proxy or a mirror may have changed it, so try another index or mirror"
                    .to_owned(),
                "if the file was replaced on purpose, `sealwright lock --upgrade` locks the new one".to_owned(),
            ],
            Self::NotFound { .. } | Self::NoPage { .. } => vec![
                "check the index that pip or uv is configured with (PIP_INDEX_URL, UV_DEFAULT_INDEX, find-links), or the mirrors in [debian]".to_owned(),
                "if it was removed there, `sealwright lock --upgrade` chooses what there is".to_owned(),
            ],
            Self::Status { status: 401 | 403 | 407, .. } => {
                hint("credentials are taken from the URL that is configured, from the netrc file, or, for a user that the URL names, from the keyring (PIP_KEYRING_PROVIDER=subprocess)")
            }
            Self::Status { .. } | Self::Answer { .. } | Self::TooLarge { .. } => {
                hint("check the URL of that index or mirror")
            }
            Self::Unreachable { .. } => vec![
                "check the network, the proxy (HTTPS_PROXY, NO_PROXY) and the certificates (SSL_CERT_FILE), then run it again: what came is kept"
                    .to_owned(),
                "with a filled store `--offline` needs no network".to_owned(),
            ],
            Self::Private { .. } => hint("if that is where it should be, say so with --allow-private-network"),
            Self::NotOurs { .. } => {
                hint("a clone that still has it can be named with `--source DIR`: it is checked by its name")
            }
            Self::NoMirror { archive, .. } => {
                let key = if archive == "debian" { "mirrors" } else { "security-mirrors" };
                vec![format!("in sealwright.toml set, with a mirror near you: [debian] {key} = [\"http://mirror.example/{archive}\"]")]
            }
            Self::NoRegistry { index, .. } => vec![format!(
                "if you trust it, name it in the config.toml of your CARGO_HOME: [registries.NAME] index = {index:?}"
            )],
            Self::File { source, .. } => io_hints(source),
            Self::Setting { .. } | Self::Client { .. } | Self::Interrupted { .. } => Vec::new(),
            Self::Several(errors) => {
                let mut hints: Vec<String> = Vec::new();
                for hint in errors.iter().flat_map(Self::hints) {
                    if !hints.contains(&hint) {
                        hints.push(hint);
                    }
                }
                hints
            }
        }
    }
}
