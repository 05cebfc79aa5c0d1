//! Roots: keys, and what each is believed.

use std::collections::{BTreeMap, BTreeSet};

use crate::key::{KeyId, PublicKey};
use crate::provenance::Envelope;
use crate::provenance::pae;

/// Keys that count, how many of them have to sign, and those that no longer do.
#[derive(Debug, Clone)]
pub struct Roots {
    /// Each key once.
    pub keys: Vec<Root>,
    /// How many different keys have to sign.
    pub threshold: usize,
    /// Names of keys whose signatures no longer count, however old: a plain key's signature has no trusted time.
    pub revoked: BTreeSet<String>,
}

/// One key.
#[derive(Debug, Clone)]
pub struct Root {
    /// As the policy calls it.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// The builders that it may speak for, and the highest Build level that it is believed for each.
    pub builders: BTreeMap<String, u8>,
}

/// More signatures than this are not tried.
const SIGNATURES: usize = 32;

/// What came of an envelope's signatures.
#[derive(Debug, Default)]
pub(super) struct Signers<'a> {
    /// Keys that signed and count, each once.
    pub(super) valid: Vec<&'a Root>,
    /// Keys that signed and no longer count.
    pub(super) revoked: Vec<KeyId>,
    /// Names that signatures gave themselves which no root verified.
    pub(super) unknown: Vec<String>,
    /// How many signatures no root verified.
    pub(super) foreign: usize,
    /// How many signatures there are.
    pub(super) count: usize,
}

impl Roots {
    /// Which keys signed. The `keyid` of a signature is no more than a hint and is not looked at.
    pub(super) fn signers(&self, envelope: &Envelope, payload: &[u8]) -> Signers<'_> {
        let message = pae(envelope.payload_type(), payload);
        let mut signers = Signers { count: envelope.signatures().len(), ..Signers::default() };
        for signature in envelope.signatures().iter().take(SIGNATURES) {
            let bytes = signature.bytes().unwrap_or_default();
            let Some(root) = self.keys.iter().find(|root| root.key.verifies(&message, &bytes)) else {
                let name = if signature.keyid.is_empty() { "without a name" } else { &signature.keyid };
                let name: String = name.chars().take(80).collect();
                signers.foreign += 1;
                if !signers.unknown.contains(&name) {
                    signers.unknown.push(name);
                }
                continue;
            };
            let id = root.key.id();
            if self.revoked.contains(id.as_str()) {
                if !signers.revoked.contains(id) {
                    signers.revoked.push(id.clone());
                }
            } else if !signers.valid.iter().any(|other| other.key == root.key) {
                signers.valid.push(root);
            }
        }
        signers
    }

    /// The highest level that enough of these signers are believed for a builder; `None` if too few may speak for it.
    pub(super) fn level(&self, signers: &[&Root], builder: &str) -> Option<u8> {
        let mut levels: Vec<u8> =
            signers.iter().filter_map(|root| root.builders.get(builder).copied()).collect();
        levels.sort_unstable_by(|a, b| b.cmp(a));
        levels.get(self.threshold.saturating_sub(1)).copied()
    }
}
