//! Members of two archives, paired by name: which are only in one, which come in another order, which have another name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::data::Data;
use super::model::{Cause, Change, ChangeKind};
use super::tokens;
use super::walk::{Broken, Spot, unreadable};
use crate::digest::Sha256;

/// Members that one side alone has are compared by their bytes up to so many.
const MOST_RENAMED: usize = 2000;

/// Indexes of members, paired.
pub(super) struct Pairs {
    pub(super) both: Vec<(usize, usize)>,
    pub(super) removed: Vec<usize>,
    pub(super) added: Vec<usize>,
}

/// Pairs members by name; the second of one name with the second.
pub(super) fn pair<'a>(a: impl Iterator<Item = &'a str>, b: impl Iterator<Item = &'a str>) -> Pairs {
    let mut there: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut count = 0;
    for (index, name) in b.enumerate() {
        there.entry(name).or_default().push(index);
        count = index + 1;
    }
    let mut next: HashMap<&str, usize> = HashMap::new();
    let mut pairs = Pairs { both: Vec::new(), removed: Vec::new(), added: Vec::new() };
    let mut taken = vec![false; count];
    for (index, name) in a.enumerate() {
        let nth = next.entry(name).or_default();
        match there.get(name).and_then(|indexes| indexes.get(*nth)) {
            Some(other) => {
                pairs.both.push((index, *other));
                taken[*other] = true;
            }
            None => pairs.removed.push(index),
        }
        *nth += 1;
    }
    pairs.added = (0..count).filter(|index| !taken[*index]).collect();
    pairs
}

impl Pairs {
    /// The first pair that comes elsewhere in the second than in the first, when only those that both have are counted.
    pub(super) fn out_of_order(&self) -> Option<(usize, usize)> {
        let mut sorted: Vec<usize> = self.both.iter().map(|(_, b)| *b).collect();
        sorted.sort_unstable();
        self.both.iter().zip(sorted).find(|((_, b), expected)| b != expected).map(|(pair, _)| *pair)
    }
}

/// Names in their order, to find what lies in a folder without going through all.
pub(super) struct Sorted<'a>(BTreeSet<&'a str>);

impl<'a> Sorted<'a> {
    pub(super) fn new(names: impl Iterator<Item = &'a str>) -> Self {
        Self(names.collect())
    }

    /// How many different names.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether something lies in a folder, whose name ends with `/`.
    pub(super) fn has_below(&self, folder: &str) -> bool {
        use std::ops::Bound::{Excluded, Unbounded};
        let mut after = self.0.range::<str, _>((Excluded(folder), Unbounded));
        after.next().is_some_and(|name| name.starts_with(folder))
    }
}

/// A member that one side alone has.
pub(super) struct Single<'a> {
    pub(super) name: &'a str,
    pub(super) size: u64,
    pub(super) index: usize,
}

/// Changes of members that one side alone has. Those with the same bytes have another name only.
pub(super) fn singles(
    spot: &Spot,
    removed: &[Single<'_>],
    added: &[Single<'_>],
    content_a: impl Fn(usize) -> Result<Data, Broken>,
    content_b: impl Fn(usize) -> Result<Data, Broken>,
) -> Result<Vec<Change>, Broken> {
    let renamed = renamed(spot, removed, added, content_a, content_b)?;
    let versions = other_version(removed, added);
    let mut changes = Vec::new();
    for (index, single) in removed.iter().enumerate() {
        let path = spot.member(single.name).path;
        let mut change =
            Change::new(&path, ChangeKind::Removed, Cause::Content, format!("{} bytes", single.size));
        if let Some(to) = renamed.get(&index) {
            change.causes = name_causes(single.name, added[*to].name);
            change.detail = format!("the same bytes are added as {}", added[*to].name);
        } else if versions.contains(single.name) {
            change.causes = BTreeSet::from([Cause::VersionString]);
            change.detail = String::from("added under the name of another version");
        }
        changes.push(change);
    }
    for (index, single) in added.iter().enumerate() {
        let path = spot.member(single.name).path;
        let mut change =
            Change::new(&path, ChangeKind::Added, Cause::Content, format!("{} bytes", single.size));
        if let Some((from, _)) = renamed.iter().find(|(_, to)| **to == index) {
            change.causes = name_causes(removed[*from].name, single.name);
            change.detail = format!("the same bytes are removed as {}", removed[*from].name);
        } else if versions.contains(single.name) {
            change.causes = BTreeSet::from([Cause::VersionString]);
            change.detail = String::from("removed under the name of another version");
        }
        changes.push(change);
    }
    Ok(changes)
}

fn name_causes(a: &str, b: &str) -> BTreeSet<Cause> {
    match tokens::differ_in(a, b) {
        Some(causes) if !causes.is_empty() => causes,
        _ => BTreeSet::from([Cause::Name]),
    }
}

/// Which of the removed is which of the added, by bytes.
fn renamed(
    spot: &Spot,
    removed: &[Single<'_>],
    added: &[Single<'_>],
    content_a: impl Fn(usize) -> Result<Data, Broken>,
    content_b: impl Fn(usize) -> Result<Data, Broken>,
) -> Result<BTreeMap<usize, usize>, Broken> {
    let mut found = BTreeMap::new();
    if removed.len() > MOST_RENAMED || added.len() > MOST_RENAMED {
        return Ok(found);
    }
    let sizes: BTreeSet<u64> = removed.iter().map(|single| single.size).filter(|size| *size > 0).collect();
    let mut there: BTreeMap<Sha256, Vec<usize>> = BTreeMap::new();
    for (index, single) in added.iter().enumerate().filter(|(_, single)| sizes.contains(&single.size)) {
        if let Some(digest) = digest(spot, content_b(single.index))? {
            there.entry(digest).or_default().push(index);
        }
    }
    let sizes: BTreeSet<u64> = there.values().flatten().map(|index| added[*index].size).collect();
    for (index, single) in removed.iter().enumerate().filter(|(_, single)| sizes.contains(&single.size)) {
        let Some(digest) = digest(spot, content_a(single.index))? else { continue };
        let Some(candidates) = there.get_mut(&digest).filter(|candidates| !candidates.is_empty()) else {
            continue;
        };
        found.insert(index, candidates.remove(0));
    }
    Ok(found)
}

fn digest(spot: &Spot, data: Result<Data, Broken>) -> Result<Option<Sha256>, Broken> {
    match data {
        Ok(data) => Ok(Some(data.digest().map_err(unreadable(spot))?)),
        Err(Broken::Damaged(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Names that are there on the other side with another version number in them (`demo-1.0.dist-info/METADATA`).
fn other_version<'a>(removed: &[Single<'a>], added: &[Single<'a>]) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut there: HashMap<String, Vec<&'a str>> = HashMap::new();
    for single in added {
        there.entry(tokens::without_versions(single.name)).or_default().push(single.name);
    }
    for single in removed {
        let masked = tokens::without_versions(single.name);
        if let Some(names) = there.get(&masked).filter(|_| masked != single.name) {
            found.insert(single.name);
            found.extend(names.iter().copied());
        }
    }
    found
}
