//! What one build of a check gave, and how two of them differ.

use std::collections::{BTreeMap, BTreeSet};

use super::super::cache::ActionResult;
use super::super::error::BuildError;
use super::super::request::Context;
use super::super::run::Made;
use super::report::{Difference, MemberChange};
use crate::compare::{self, Cause, Change};
use crate::digest::Sha256;
use crate::error::{Blame, Fault};

/// What a build gave. The bytes of outputs are in the store.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// Outputs by name.
    Built(BTreeMap<String, Sha256>),
    /// It failed.
    Failed(String),
}

impl Trial {
    /// A build that is kept already.
    pub(super) fn of_cache(result: &ActionResult) -> Self {
        Self::Built(result.outputs.iter().map(|output| (output.name.clone(), output.sha256)).collect())
    }

    /// A build that was done now. That the user's build fails is a result; anything else is an error.
    pub(super) fn of_build(made: Result<Made, BuildError>, context: Context<'_>) -> Result<Self, BuildError> {
        let made = match made {
            Ok(made) => made,
            Err(error) if error.blame() == Blame::Build => return Ok(Self::Failed(error.to_string())),
            Err(error) => return Err(error),
        };
        let mut outputs = BTreeMap::new();
        for mut output in made.outputs {
            let sha256 = output.sha256;
            context.store.insert(output.reader()?, Some(sha256))?;
            outputs.insert(output.name.clone(), sha256);
        }
        made.folders.close()?;
        Ok(Self::Built(outputs))
    }

    /// Why it failed, if it did.
    pub(super) fn failure(&self) -> Option<String> {
        match self {
            Self::Built(_) => None,
            Self::Failed(message) => Some(message.clone()),
        }
    }

    fn outputs(&self) -> BTreeMap<&str, Sha256> {
        match self {
            Self::Built(outputs) => outputs.iter().map(|(name, sha256)| (name.as_str(), *sha256)).collect(),
            Self::Failed(_) => BTreeMap::new(),
        }
    }

    /// Outputs that differ; none if either build failed.
    pub(super) fn differences(
        &self,
        other: &Self,
        context: Context<'_>,
    ) -> Result<Vec<Difference>, BuildError> {
        let (first, second) = match (self, other) {
            (Self::Built(_), Self::Built(_)) => (self.outputs(), other.outputs()),
            (Self::Built(_) | Self::Failed(_), Self::Failed(_)) | (Self::Failed(_), Self::Built(_)) => {
                return Ok(Vec::new());
            }
        };
        let names: BTreeSet<&str> = first.keys().chain(second.keys()).copied().collect();
        let mut differences = Vec::new();
        for name in names {
            let pair = (first.get(name).copied(), second.get(name).copied());
            if pair.0 != pair.1 {
                let changes = match pair {
                    (Some(first), Some(second)) => members(name, first, second, context)?,
                    (Some(_) | None, None) | (None, Some(_)) => Vec::new(),
                };
                differences.push(Difference {
                    name: name.to_owned(),
                    first: pair.0,
                    second: pair.1,
                    changes,
                });
            }
        }
        Ok(differences)
    }

    /// What differs, each as one text: an output, or a member of one.
    pub(super) fn changes(&self, other: &Self, context: Context<'_>) -> Result<BTreeSet<String>, BuildError> {
        let mut all = BTreeSet::new();
        for Difference { name, changes, .. } in self.differences(other, context)? {
            if changes.is_empty() {
                all.insert(name);
            } else {
                all.extend(changes.into_iter().map(|change| format!("{name}: {}", change.path)));
            }
        }
        Ok(all)
    }
}

/// Members of an output that differ, but those that differ only because others do.
fn members(
    name: &str,
    first: Sha256,
    second: Sha256,
    context: Context<'_>,
) -> Result<Vec<MemberChange>, BuildError> {
    let scratch = context.store.scratch("check")?;
    let mut paths = Vec::new();
    for (side, digest) in [("first", first), ("second", second)] {
        // Comparing looks at how a file is named.
        scratch.folder(side)?;
        let name = format!("{side}/{name}");
        let path = scratch.path().join(&name);
        let mut copy = scratch.file(&name)?;
        std::io::copy(&mut context.store.open_blob(&digest)?, &mut copy)
            .map_err(|source| BuildError::Write { path: path.clone(), source })?;
        paths.push(path);
    }
    let report = compare::compare(&paths[0], &paths[1], &compare::Options::default())?;
    scratch.close()?;
    let consequence = |change: &Change| change.causes.iter().all(|cause| *cause == Cause::Consequence);
    let mut changes: Vec<MemberChange> = report
        .changes
        .iter()
        .filter(|change| !consequence(change))
        .map(|change| MemberChange {
            path: change.path.join(" » "),
            causes: change.causes.iter().copied().collect(),
        })
        .collect();
    changes.dedup();
    Ok(changes)
}
