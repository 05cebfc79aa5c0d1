//! Trusted roots: the authorities and logs of one Sigstore instance, as its `trusted_root.json` names them.

use std::fmt;
use std::path::Path;

use serde_json::Value;
use sigstore_trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};
use sigstore_verify::{Error, Verifier};

use super::crypto;
use crate::digest::Sha256;
use crate::provenance::{Limits, parse_json};
use crate::verify::{VerifyError, find};

/// Authorities and logs that are believed.
pub struct TrustRoot {
    /// The file, or what the built-in one is called.
    shown: String,
    digest: Sha256,
    pub(super) parsed: TrustedRoot,
    pub(super) verifier: Verifier,
    /// What it names that is of no kind that is read.
    dropped: Vec<String>,
    /// Whether it names transparency logs, and logs of certificates: what it names is demanded.
    pub(super) named: Named,
}

/// Kinds of logs that a trusted root names, known keys or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) logs: Naming,
    pub(super) certificate_logs: Naming,
}

/// Whether there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    Some,
    None,
}

/// The root of Sigstore's public instance, as it was when this program was built.
pub const PUBLIC_TRUSTED_ROOT: &str = SIGSTORE_PRODUCTION_TRUSTED_ROOT;

/// What the built-in root is called.
const PUBLIC: &str = "Sigstore's public instance";

/// Media types of trusted roots that are read.
const MEDIA_TYPES: [&str; 2] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

impl TrustRoot {
    /// The root of Sigstore's public instance, as it was when this program was built.
    ///
    /// # Errors
    /// Never; it is read as any other.
    pub fn public() -> Result<Self, VerifyError> {
        Self::parse(PUBLIC, PUBLIC_TRUSTED_ROOT.as_bytes())
    }

    /// Reads a `trusted_root.json`.
    ///
    /// # Errors
    /// It cannot be read or is none.
    pub fn read(path: &Path) -> Result<Self, VerifyError> {
        Self::parse(&path.display().to_string(), &find::read(path)?)
    }

    /// The meaning of a trusted root's text.
    ///
    /// # Errors
    /// It is none, names an authority or log twice, or a time that is none.
    pub fn parse(shown: &str, bytes: &[u8]) -> Result<Self, VerifyError> {
        crypto::install();
        let wrong = |what: String| VerifyError::TrustRoot { file: shown.to_owned(), what };
        let mut value = parse_json(bytes, Limits::default())
            .map_err(|error| wrong(crate::verify::judge::with_cause(&error)))?;
        let media_type = value.get("mediaType").and_then(Value::as_str).unwrap_or_default();
        if !MEDIA_TYPES.contains(&media_type) {
            return Err(wrong(format!("mediaType {media_type:?}: expected that of a trusted root")));
        }
        let naming = |name: &str| match value.get(name).and_then(Value::as_array) {
            Some(list) if !list.is_empty() => Naming::Some,
            Some(_) | None => Naming::None,
        };
        let named = Named { logs: naming("tlogs"), certificate_logs: naming("ctlogs") };
        let mut dropped = Vec::new();
        for list in ["tlogs", "ctlogs"] {
            let Some(items) = value.get_mut(list).and_then(Value::as_array_mut) else { continue };
            let mut kept = Vec::new();
            for (index, item) in std::mem::take(items).into_iter().enumerate() {
                match alone(list, &item) {
                    Alone::Read => kept.push(item),
                    Alone::Unknown => dropped.push(described(list, index, &item)),
                    Alone::Wrong(why) => return Err(wrong(format!("{list}[{index}]: {why}"))),
                }
            }
            *items = kept;
        }
        let parsed = TrustedRoot::from_json(&value.to_string()).map_err(|error| wrong(error.to_string()))?;
        let verifier = Verifier::new(&parsed).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { shown: shown.to_owned(), digest: Sha256::of(bytes), parsed, verifier, dropped, named })
    }

    /// The file, or what the built-in one is called.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Digest of its bytes.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        self.digest
    }

    /// What it names that is of no kind that is read, and so does not count.
    #[must_use]
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }
}

impl fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustRoot({:?}, {})", self.shown, self.digest)
    }
}

/// What one log of a root is when it is read alone.
enum Alone {
    Read,
    /// Its key is of a kind that is not read.
    Unknown,
    Wrong(String),
}

/// One unsupported key makes the crate refuse a whole root, so each is tried alone.
fn alone(list: &str, item: &Value) -> Alone {
    let root = serde_json::json!({ "mediaType": MEDIA_TYPES[0], list: [item] });
    let parsed = match TrustedRoot::from_json(&root.to_string()) {
        Ok(parsed) => parsed,
        Err(error) => return Alone::Wrong(error.to_string()),
    };
    match Verifier::new(&parsed) {
        Ok(_) => Alone::Read,
        Err(Error::Crypto(_)) => Alone::Unknown,
        Err(error) => Alone::Wrong(error.to_string()),
    }
}

fn described(list: &str, index: usize, item: &Value) -> String {
    let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    format!("{list}[{index}] {:.100} ({:.60})", text("/baseUrl"), text("/publicKey/keyDetails"))
}
