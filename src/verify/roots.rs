//! Roots: keys and identities, and what each is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::sigstore::TrustRoot;
use super::source::fits;
use crate::key::{KeyId, PublicKey};
use crate::provenance::Envelope;
use crate::provenance::pae;

/// Keys and identities that count, how many of them have to sign, and the keys that no longer do.
#[derive(Debug, Clone)]
pub struct Roots {
    /// Each once.
    pub keys: Vec<Root>,
    /// How many different ones have to sign.
    pub threshold: usize,
    /// Names of keys whose signatures no longer count, however old: a plain key's signature has no trusted time.
    pub revoked: BTreeSet<String>,
}

/// One that is believed.
#[derive(Debug, Clone)]
pub struct Root {
    /// As the policy calls it.
    pub name: String,
    /// How it is known.
    pub credential: Credential,
    /// The builders that it may speak for, and the highest Build level that it is believed for each.
    pub builders: BTreeMap<String, u8>,
}

/// How a signer is known.
#[derive(Debug, Clone)]
pub enum Credential {
    /// By a key.
    Key(PublicKey),
    /// By a certificate that an authority gave to an identity.
    Identity(Identity),
}

/// Whom a certificate has to name.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The name in the certificate, exactly; in a ref at its end `*` stands for anything but `/`.
    pub subject: String,
    /// Who told the authority so: the address of an `OpenID` Connect issuer, exactly.
    pub issuer: String,
    /// The authorities and logs.
    pub root: Arc<TrustRoot>,
}

impl Identity {
    /// Whether a certificate names this one. Nothing is brought into another form first.
    #[must_use]
    pub fn is(&self, subject: &str) -> bool {
        match self.pattern() {
            None => self.subject == subject,
            Some((who, pattern)) => subject
                .strip_prefix(who)
                .is_some_and(|reference| reference.starts_with("refs/") && fits(pattern, reference)),
        }
    }

    /// The part up to the ref and the ref, if there is a `*` in it.
    pub(super) fn pattern(&self) -> Option<(&str, &str)> {
        let at = self.subject.rfind("@refs/")? + 1;
        let (who, reference) = self.subject.split_at(at);
        reference.contains('*').then_some((who, reference))
    }
}

impl Root {
    /// The key, if it is known by one.
    #[must_use]
    pub fn key(&self) -> Option<&PublicKey> {
        match &self.credential {
            Credential::Key(key) => Some(key),
            Credential::Identity(_) => None,
        }
    }

    /// The identity, if it is known by one.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        match &self.credential {
            Credential::Key(_) => None,
            Credential::Identity(identity) => Some(identity),
        }
    }
}

/// By what somebody signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// A key.
    Key(KeyId),
    /// A certificate.
    Identity {
        /// Whom it names.
        subject: String,
        /// Who said so.
        issuer: String,
    },
}

impl fmt::Display for SignedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Identity { subject, issuer } => write!(f, "{subject}, says {issuer}"),
        }
    }
}

/// A root that signed.
#[derive(Debug, Clone)]
pub(super) struct Signed<'a> {
    pub(super) root: &'a Root,
    pub(super) by: SignedBy,
}

impl Signed<'_> {
    /// The level that it is believed for a builder.
    fn level(&self, builder: &str) -> Option<u8> {
        if let Some(level) = self.root.builders.get(builder) {
            return Some(*level);
        }
        // A builder that is written as the identity is, `*` and all, is the very one that the certificate names.
        match (&self.by, self.root.identity()) {
            (SignedBy::Identity { subject, .. }, Some(identity)) if subject == builder => {
                self.root.builders.get(&identity.subject).copied()
            }
            _ => None,
        }
    }
}

/// More signatures than this are not tried.
const SIGNATURES: usize = 32;

/// What came of an envelope's signatures.
#[derive(Debug, Default)]
pub(super) struct Signers<'a> {
    /// Roots that signed and count, each once.
    pub(super) valid: Vec<Signed<'a>>,
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
        let keys = || self.keys.iter().filter_map(|root| Some((root, root.key()?)));
        for signature in envelope.signatures().iter().take(SIGNATURES) {
            let bytes = signature.bytes().unwrap_or_default();
            let Some((root, key)) = keys().find(|(_, key)| key.verifies(&message, &bytes)) else {
                let name = if signature.keyid.is_empty() { "without a name" } else { &signature.keyid };
                let name: String = name.chars().take(80).collect();
                signers.foreign += 1;
                if !signers.unknown.contains(&name) {
                    signers.unknown.push(name);
                }
                continue;
            };
            let id = key.id();
            if self.revoked.contains(id.as_str()) {
                if !signers.revoked.contains(id) {
                    signers.revoked.push(id.clone());
                }
            } else if !signers.valid.iter().any(|other| other.root.key() == Some(key)) {
                signers.valid.push(Signed { root, by: SignedBy::Key(id.clone()) });
            }
        }
        signers
    }

    /// The highest level that enough of these signers are believed for a builder; `None` if too few may speak for it.
    pub(super) fn level(&self, signers: &[Signed<'_>], builder: &str) -> Option<u8> {
        let mut levels: Vec<u8> = signers.iter().filter_map(|signed| signed.level(builder)).collect();
        levels.sort_unstable_by(|a, b| b.cmp(a));
        levels.get(self.threshold.saturating_sub(1)).copied()
    }

    /// The level of all roots together, whoever signed: with too few signers the signature's failure says enough.
    pub(super) fn level_of_all(&self, builder: &str) -> Option<u8> {
        let mut levels: Vec<u8> =
            self.keys.iter().filter_map(|root| root.builders.get(builder).copied()).collect();
        levels.sort_unstable_by(|a, b| b.cmp(a));
        levels.get(self.threshold.saturating_sub(1)).copied()
    }

    /// Those that are known by an identity.
    pub(super) fn identities(&self) -> impl Iterator<Item = (&Root, &Identity)> {
        self.keys.iter().filter_map(|root| Some((root, root.identity()?)))
    }
}
