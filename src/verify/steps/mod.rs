//! What a statement says, compared with what is expected: SLSA's steps after signature and subject.

mod dependencies;
mod held;
mod parameters;
mod published;

pub(super) use dependencies::package;
pub(super) use published::published;

use std::collections::BTreeSet;

use super::Policy;
use super::failure::{Failure, Unchecked};
use super::roots::Signed;
use super::sigstore::Vouched;
use crate::config::BUILDERS;
use crate::provenance::{BASE, Statement, Timestamp, build_type};

/// One statement, and what came of it so far.
pub(super) struct Steps<'a> {
    pub(super) statement: &'a Statement,
    pub(super) policy: &'a Policy,
    /// What a certificate bundle proved beside the statement.
    pub(super) vouched: Option<&'a Vouched>,
    pub(super) failures: Vec<Failure>,
    pub(super) unchecked: BTreeSet<Unchecked>,
}

impl Steps<'_> {
    /// All of them; gives the level that signers and builder are believed.
    pub(super) fn run(&mut self, signers: &[Signed<'_>], now: Timestamp) -> Option<u8> {
        let level = self.builder(signers);
        self.build_type();
        self.parameters();
        self.dependencies();
        self.isolation();
        self.limits();
        self.folder();
        self.age(now);
        level
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.failures.push(failure);
    }

    pub(super) fn skip(&mut self, what: Unchecked) {
        self.unchecked.insert(what);
    }

    /// Whether the statement is of one of our own build types.
    pub(super) fn is_ours(&self) -> bool {
        self.statement.predicate().build_definition.build_type.starts_with(&format!("{BASE}/build-types/"))
    }

    /// Step 4: the roots' map of (signer, `builder.id`).
    fn builder(&mut self, signers: &[Signed<'_>]) -> Option<u8> {
        let id = &self.statement.predicate().run_details.builder.id;
        let roots = &self.policy.roots;
        // With too few signers the signature's failure says enough; then the builders of all roots are compared.
        let few = signers.len() < roots.threshold;
        let believed = if few { roots.level_of_all(id) } else { roots.level(signers, id) };
        let Some(level) = believed else {
            let asked: Vec<_> = if few {
                roots.keys.iter().collect()
            } else {
                signers.iter().map(|signed| signed.root).collect()
            };
            let allowed: BTreeSet<&str> =
                asked.iter().flat_map(|root| root.builders.keys().map(String::as_str)).collect();
            let expected = allowed.into_iter().map(|id| format!("{id:?}")).collect::<Vec<_>>().join(" or ");
            self.fail(Failure::Builder { actual: id.chars().take(200).collect(), expected });
            return None;
        };
        let expected = self.policy.required_level;
        if level < expected {
            self.fail(Failure::Level { expected, actual: level });
        }
        Some(level)
    }

    /// Step 5: the build type. Ours are those of the built-in builders; a replaced builder folder has an address of its own.
    fn build_type(&mut self) {
        let actual = &self.statement.predicate().build_definition.build_type;
        let allowed: Vec<String> = match &self.policy.expect.build_types {
            Some(types) => types.clone(),
            None => BUILDERS.into_iter().map(build_type).collect(),
        };
        if !allowed.contains(actual) {
            let expected = allowed.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or ");
            self.fail(Failure::BuildType { actual: actual.chars().take(200).collect(), expected });
        }
        let count = self.statement.subjects().len();
        if self.is_ours() && count != 1 {
            self.fail(Failure::Subjects { count });
        }
    }

    fn age(&mut self, now: Timestamp) {
        let Some(limit) = &self.policy.expect.max_age else { return self.skip(Unchecked::Age) };
        let finished = self.statement.predicate().run_details.metadata.finished_on;
        // What others vouch for counts as well: the earlier of both.
        let signed = self.vouched.and_then(|vouched| vouched.signed).map(|(first, _)| first);
        let finished = finished.into_iter().chain(signed).min_by_key(|time| time.seconds());
        if let Some(failure) = limit.refuses(finished, now) {
            self.fail(failure);
        }
    }
}
