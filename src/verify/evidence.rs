//! What lies beside an artifact, as it is carried: nothing here was verified.

use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

use super::foreign::{ForeignBundle, Origin};
use crate::provenance::{
    Envelope, Limits, Material, ResourceDescriptor, SigstoreBundle, StatementError, parse_json, pep740,
};

/// Where evidence was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Its line, from 1; none if the file is one document.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            None => write!(f, "{}", self.path.display()),
            Some(line) => write!(f, "{}:{line}", self.path.display()),
        }
    }
}

/// One piece of evidence.
#[derive(Debug)]
pub struct Evidence {
    /// Where it was found.
    pub place: Place,
    /// What it is.
    pub content: Content,
}

impl Evidence {
    /// The digests that it says it is about; nobody vouches for them.
    pub(super) fn subjects(&self) -> Vec<String> {
        #[derive(serde::Deserialize)]
        struct Named {
            subject: Vec<ResourceDescriptor>,
        }
        let envelope = match &self.content {
            Content::Signed { envelope, .. } => Some(envelope),
            Content::Foreign(bundle) => bundle.envelope.as_ref(),
            Content::Unsigned | Content::Broken(_) => None,
        };
        let payload = envelope.and_then(|envelope| envelope.payload().ok()).unwrap_or_default();
        let named: Option<Named> = serde_json::from_slice(&payload).ok();
        let subjects = named.map(|named| named.subject).unwrap_or_default();
        let digests = |subject: &ResourceDescriptor| {
            subject.digest.iter().map(|(_, digest)| digest.to_owned()).collect::<Vec<_>>()
        };
        subjects.iter().flat_map(digests).collect()
    }
}

/// What a piece of evidence is.
#[derive(Debug)]
pub enum Content {
    /// A DSSE envelope whose signatures keys can judge.
    Signed {
        /// The envelope.
        envelope: Envelope,
        /// What it came in.
        carrier: Carrier,
    },
    /// A statement that nobody signed.
    Unsigned,
    /// A bundle with a certificate, or with no statement.
    Foreign(Box<ForeignBundle>),
    /// Something that cannot be read.
    Broken(StatementError),
}

/// What an envelope came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Itself.
    Envelope,
    /// A Sigstore bundle with a public key; whether it has log entries or time stamps, which no key judges.
    Bundle {
        /// They are there.
        has_log_or_time: bool,
    },
}

/// All evidence of a file, in order. Lines that are of no known kind are left out, as in-toto's bundles want it.
#[must_use]
pub fn read(path: &std::path::Path, bytes: &[u8]) -> Vec<Evidence> {
    let at = |line| Place { path: path.to_owned(), line };
    let lines: Vec<(usize, &[u8])> = bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    // A document on many lines (`jq`, PEP 740) is one piece.
    if lines.len() > 1
        && let Ok(value) = parse_json(bytes, Limits::default())
    {
        return of_value(value).into_iter().map(|content| Evidence { place: at(None), content }).collect();
    }
    let alone = lines.len() == 1;
    lines
        .into_iter()
        .flat_map(|(number, line)| {
            // A line that cannot be an object is of no kind that is known.
            let contents = if !alone && !line.starts_with(b"{") {
                Vec::new()
            } else {
                match parse_json(line, Limits::default()) {
                    Ok(value) => of_value(value),
                    Err(error) => vec![Content::Broken(error)],
                }
            };
            let place = at((!alone).then_some(number));
            contents.into_iter().map(move |content| Evidence { place: place.clone(), content })
        })
        .collect()
}

fn of_value(value: Value) -> Vec<Content> {
    if SigstoreBundle::is_one(&value) {
        return vec![of_bundle(value, Origin::Bundle)];
    }
    if pep740::is_one(&value) {
        return match pep740::to_bundles(&value) {
            Ok(bundles) => bundles.into_iter().map(|bundle| of_bundle(bundle, Origin::Pep740)).collect(),
            Err(error) => vec![Content::Broken(error)],
        };
    }
    if ["payload", "payloadType", "signatures"].iter().any(|name| value.get(name).is_some()) {
        return vec![match Envelope::from_value(value) {
            Ok(envelope) => Content::Signed { envelope, carrier: Carrier::Envelope },
            Err(error) => Content::Broken(error),
        }];
    }
    if value.get("_type").is_some() { vec![Content::Unsigned] } else { Vec::new() }
}

fn of_bundle(value: Value, origin: Origin) -> Content {
    match SigstoreBundle::from_value(&value) {
        Err(error) => Content::Broken(error),
        Ok(SigstoreBundle {
            material: Material::PublicKey { .. },
            envelope: Some(envelope),
            has_log_or_time,
            ..
        }) => Content::Signed { envelope, carrier: Carrier::Bundle { has_log_or_time } },
        Ok(read) => Content::Foreign(Box::new(ForeignBundle::new(read, origin, value))),
    }
}
