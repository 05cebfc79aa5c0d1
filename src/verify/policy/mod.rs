//! What is expected: from a policy file, or from a key and a source on the command line.

mod meaning;
mod starter;
mod typed;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::failure::Failure;
use super::roots::{Credential, Identity, Root, Roots};
use super::source::SourceUri;
use super::{VerifyError, find, foreign};
use crate::config::BUILDERS;
use crate::digest::Sha256;
use crate::key::PublicKey;
use crate::provenance::{PREDICATE_TYPE, Timestamp, TrustMode, build_type};

pub use starter::starter;

/// Whom to believe, and what to expect.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Keys and identities.
    pub roots: Roots,
    /// The Build level that signer and builder must be believed at least.
    pub required_level: u8,
    /// What the statement has to say.
    pub expect: Expectations,
    /// Verifiers whose summaries are believed.
    pub verifiers: Vec<TrustedVerifier>,
    /// Where the policy is published, if it says.
    pub uri: Option<String>,
    /// Digest of the policy's file; of the command line's words if there is none.
    pub digest: Sha256,
}

/// What a statement has to say; `None` is not looked at, and the result says so.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// The repository.
    pub source: Option<SourceUri>,
    /// Branches and tags, `*` for anything but `/`.
    pub refs: Option<Vec<String>>,
    /// The folder in the repository.
    pub subdirectory: Option<String>,
    /// Predicate types, some of [`foreign::PREDICATES`]; `None` for SLSA Provenance v1 alone.
    pub predicate_types: Option<Vec<String>>,
    /// Build types, exactly; `None` for those of the built-in builders.
    pub build_types: Option<Vec<String>>,
    /// External parameters beside the source, with their values. Others are refused.
    pub parameters: Option<BTreeMap<String, Value>>,
    /// External parameters that may have any value.
    pub any_parameters: BTreeSet<String>,
    /// Images, by name or `sha256:` digest.
    pub images: Option<Vec<String>>,
    /// Package addresses and digests that must not be in the box.
    pub forbidden: Vec<String>,
    /// What the box held back.
    pub isolation: Option<IsolationRule>,
    /// Limits by their names in statements.
    pub limits: BTreeMap<String, LimitRule>,
    /// The builder folder.
    pub folder: FolderRule,
    /// How old it may be.
    pub max_age: Option<Age>,
    /// What is allowed beyond the ordinary.
    pub lenient: BTreeSet<Leniency>,
}

/// What a policy may allow beyond the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leniency {
    /// A file may have another name than the statement gives it.
    FileName,
    /// Sources with uncommitted changes.
    Dirty,
}

/// What the box held back; `None` is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IsolationRule {
    /// One of these engines.
    pub engines: Option<Vec<String>>,
    /// One of these.
    pub network: Option<Vec<String>>,
    /// One of these.
    pub root: Option<Vec<String>>,
    /// All of these.
    pub namespaces: Option<Vec<String>>,
    /// No others than these.
    pub capabilities: Option<Vec<String>>,
    /// This.
    pub no_new_privs: Option<bool>,
    /// One of these.
    pub seccomp: Option<Vec<String>>,
}

impl IsolationRule {
    /// What every engine of ours holds: no network, a root that cannot be written, no capability, no new privileges.
    #[must_use]
    pub fn ordinary() -> Self {
        Self {
            network: Some(vec!["none".to_owned()]),
            root: Some(vec!["read-only".to_owned()]),
            capabilities: Some(Vec::new()),
            no_new_privs: Some(true),
            ..Self::default()
        }
    }
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitRule {
    /// It was enforced.
    Enforced,
    /// It was enforced, and was no larger.
    AtMost(u64),
}

/// The builder folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FolderRule {
    /// One of the built-in ones, whichever version: its build type says so.
    #[default]
    BuiltIn,
    /// One with these bytes.
    OneOf(Vec<Sha256>),
}

/// How old something may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Age {
    /// Seconds.
    pub seconds: i64,
    /// As written.
    pub shown: String,
}

/// Clocks differ: what is this much in the future is not refused, in seconds.
const SKEW: i64 = 300;

impl Age {
    /// Reads a span of days and shorter units, such as `90 days` or `12h`; more than nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        meaning::age(text)
    }

    /// Why a time is refused.
    pub(super) fn refuses(&self, time: Option<Timestamp>, now: Timestamp) -> Option<Failure> {
        let Some(time) = time else { return Some(Failure::NoTime) };
        if time.seconds() > now.seconds().saturating_add(SKEW) {
            return Some(Failure::Future { actual: time.to_string() });
        }
        let age = now.seconds().saturating_sub(time.seconds());
        (age > self.seconds)
            .then(|| Failure::TooOld { actual: time.to_string(), expected: self.shown.clone() })
    }
}

/// A verifier whose summaries are believed.
#[derive(Debug, Clone)]
pub struct TrustedVerifier {
    /// Its URI; its key may speak for no other.
    pub id: String,
    /// Its key.
    pub key: PublicKey,
}

impl Expectations {
    /// Whether a predicate type is among those that are expected.
    pub(super) fn takes(&self, predicate_type: &str) -> bool {
        match &self.predicate_types {
            None => predicate_type == PREDICATE_TYPE,
            Some(types) => types.iter().any(|one| one == predicate_type),
        }
    }

    /// The predicate types that are expected, for a message.
    pub(super) fn predicates(&self) -> String {
        match &self.predicate_types {
            None => format!("{PREDICATE_TYPE:?}"),
            Some(types) => types.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join(" or "),
        }
    }

    pub(super) fn exact_name(&self) -> bool {
        !self.lenient.contains(&Leniency::FileName)
    }

    pub(super) fn allow_dirty(&self) -> bool {
        self.lenient.contains(&Leniency::Dirty)
    }
}

/// External parameters that our build types have beside the source.
const KNOWN_PARAMETERS: [&str; 4] = ["target", "configPath", "configuration", "options"];

/// External parameters that others have beside the source: the file of the workflow.
const FOREIGN_PARAMETERS: [&str; 2] = ["entryPoint", "workflow"];

/// What the command line expects beside a root.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// `--source`
    pub source: Option<&'a str>,
    /// `--ref`
    pub reference: Option<&'a str>,
    /// `--builder-id`
    pub builder: Option<&'a str>,
}

impl Asked<'_> {
    fn expect(&self, any_parameters: BTreeSet<String>) -> Result<Expectations, VerifyError> {
        let flag = |flag, text: &str, expected| VerifyError::Flag { flag, text: text.to_owned(), expected };
        let parsed = self
            .source
            .map(|text| SourceUri::parse(text).ok_or_else(|| flag("--source", text, SourceUri::EXPECTED)));
        if let Some(text) = self.reference.filter(|text| !meaning::is_ref(text)) {
            return Err(flag("--ref", text, meaning::REF));
        }
        Ok(Expectations {
            source: parsed.transpose()?,
            refs: self.reference.map(|text| vec![text.to_owned()]),
            any_parameters,
            ..Expectations::default()
        })
    }
}

impl Policy {
    /// Reads a policy file; keys that it names lie beside it.
    ///
    /// # Errors
    /// It cannot be read, or says what it cannot mean: nothing is allowed, or everything by mistake.
    pub fn read(path: &Path) -> Result<Self, VerifyError> {
        let bytes = find::read(path)?;
        let file = path.display().to_string();
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&file, &bytes, &|key| find::read(&folder.join(key)))
    }

    /// The meaning of a policy's text; `open` reads the keys that it names.
    ///
    /// # Errors
    /// As [`Policy::read`].
    pub fn parse(
        file: &str,
        bytes: &[u8],
        open: &dyn Fn(&Path) -> Result<Vec<u8>, VerifyError>,
    ) -> Result<Self, VerifyError> {
        meaning::meaning(file, bytes, open)
    }

    /// One key, believed for one builder at Build L1, and what the command line expects.
    ///
    /// # Errors
    /// The source is no address, or the ref no full name.
    pub fn of_key(
        key: PublicKey,
        source: Option<&str>,
        reference: Option<&str>,
        builder: Option<&str>,
    ) -> Result<Self, VerifyError> {
        let asked = Asked { source, reference, builder };
        let builder = builder.map_or_else(|| TrustMode::Local.builder_id(), str::to_owned);
        let words = format!("{}\n{source:?}\n{reference:?}\n{builder}", key.id());
        Ok(Self {
            roots: Roots {
                keys: vec![Root {
                    name: "--key".to_owned(),
                    credential: Credential::Key(key),
                    builders: BTreeMap::from([(builder, 1)]),
                }],
                threshold: 1,
                revoked: BTreeSet::new(),
            },
            required_level: 1,
            expect: Expectations {
                isolation: Some(IsolationRule::ordinary()),
                ..asked.expect(KNOWN_PARAMETERS.map(str::to_owned).into())?
            },
            verifiers: Vec::new(),
            uri: None,
            digest: Sha256::of(words),
        })
    }

    /// One identity, believed for one builder (itself, if none is named) at Build L1, and what the command line
    /// expects. Without a source a publish attestation is enough, and nothing is said of a level.
    ///
    /// # Errors
    /// The identity is none, the source is no address, or the ref no full name.
    pub fn of_identity(identity: Identity, asked: &Asked<'_>) -> Result<Self, VerifyError> {
        for (flag, text) in
            [("--certificate-identity", &identity.subject), ("--certificate-oidc-issuer", &identity.issuer)]
        {
            if text.is_empty() || text.contains('*') {
                let expected = "the whole text that is in the certificate";
                return Err(VerifyError::Flag { flag, text: text.clone(), expected });
            }
        }
        let builder = asked.builder.map_or_else(|| identity.subject.clone(), str::to_owned);
        let words = format!(
            "{}\n{}\n{}\n{:?}\n{:?}\n{builder}",
            identity.subject,
            identity.issuer,
            identity.root.digest(),
            asked.source,
            asked.reference,
        );
        let known = KNOWN_PARAMETERS.into_iter().chain(FOREIGN_PARAMETERS).map(str::to_owned).collect();
        let types = foreign::BUILD_TYPES.into_iter().map(str::to_owned);
        let mut predicates = vec![PREDICATE_TYPE.to_owned(), foreign::PROVENANCE_02.to_owned()];
        if asked.source.is_none() && asked.reference.is_none() {
            predicates.push(foreign::PUBLISH.to_owned());
        }
        let expect = Expectations {
            predicate_types: Some(predicates),
            build_types: Some(types.chain(BUILDERS.into_iter().map(build_type)).collect()),
            ..asked.expect(known)?
        };
        Ok(Self {
            roots: Roots {
                keys: vec![Root {
                    name: "--certificate-identity".to_owned(),
                    credential: Credential::Identity(identity),
                    builders: BTreeMap::from([(builder, 1)]),
                }],
                threshold: 1,
                revoked: BTreeSet::new(),
            },
            required_level: u8::from(asked.source.is_some()),
            expect,
            verifiers: Vec::new(),
            uri: None,
            digest: Sha256::of(words),
        })
    }
}
