//! Differences of an archive's headers, gathered: the same for a thousand members is one change.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Cause, Change, Effect, Normalization};

/// What the headers of two archives differ in.
#[derive(Default)]
pub(super) struct Facts {
    found: BTreeMap<(Cause, Effect, &'static str), Found>,
}

struct Found {
    members: BTreeSet<String>,
    first: String,
}

impl Facts {
    /// A difference that is taken away. `member` is empty for the archive's own headers.
    pub(super) fn add(
        &mut self,
        cause: Cause,
        normalization: Normalization,
        what: &'static str,
        member: &str,
        (a, b): (impl AsRef<str>, impl AsRef<str>),
    ) {
        let first = format!("{} → {}", shown(a.as_ref()), shown(b.as_ref()));
        let found = self
            .found
            .entry((cause, Effect::Normalized(normalization), what))
            .or_insert_with(|| Found { members: BTreeSet::new(), first });
        found.members.insert(member.to_owned());
    }

    /// Those of another part of the archive too.
    pub(super) fn extend(&mut self, other: Self) {
        for (key, found) in other.found {
            match self.found.entry(key) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(found);
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    entry.get_mut().members.extend(found.members);
                }
            }
        }
    }

    /// One change for each kind of difference, of the archive itself.
    pub(super) fn into_changes(self, path: &[String]) -> Vec<Change> {
        let mut changes = Vec::new();
        for ((cause, effect, what), found) in self.found {
            let example = found.members.iter().next().map(String::as_str).unwrap_or_default();
            let detail = match found.members.len() {
                1 if example.is_empty() => format!("{what}: {}", found.first),
                1 => format!("{what} of {example}: {}", found.first),
                count => format!("{what} of {count} members, as of {example}: {}", found.first),
            };
            let mut change = Change::changed(path, cause, detail);
            change.effect = effect;
            changes.push(change);
        }
        changes
    }
}

/// A value from an archive, in bounds.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(120).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    if short.is_empty() { "none".to_owned() } else { short }
}
