//! Zip archives, wheels among them, by every field of their headers (APPNOTE 6.3.10).

mod directory;
mod end;
mod fields;

use rayon::prelude::*;

use super::data::Data;
use super::facts::Facts;
use super::members::{self, Single, Sorted};
use super::model::{Cause, Change, Normalization};
use super::walk::{Broken, Role, Spot, Walk, unreadable};
use super::{CompareError, wheel};
use directory::{Directory, Entry};
pub(super) use fields::Profile;

/// What two members come to.
pub(super) struct Pair {
    pub(super) a: usize,
    pub(super) b: usize,
    pub(super) changes: Vec<Change>,
    facts: Facts,
}

/// Compares two archives.
pub(super) fn compare(walk: &Walk<'_>, spot: &Spot, a: &Data, b: &Data) -> Result<Vec<Change>, Broken> {
    let (one, two) = rayon::join(|| Directory::read(walk, spot, a), || Directory::read(walk, spot, b));
    let (one, two) = match (one, two) {
        (Err(Broken::Fatal(error)), _) | (_, Err(Broken::Fatal(error))) => return Err(error.into()),
        (Ok(one), Ok(two)) => (one, two),
        (Err(Broken::Damaged(why)), _) => {
            return Err(Broken::Damaged(format!("the first cannot be read as a zip archive: {why}")));
        }
        (_, Err(Broken::Damaged(why))) => {
            return Err(Broken::Damaged(format!("the second cannot be read as a zip archive: {why}")));
        }
    };
    let archive = Archives { walk, spot, a: &one, b: &two };
    archive.compare()
}

struct Archives<'a> {
    walk: &'a Walk<'a>,
    spot: &'a Spot,
    a: &'a Directory,
    b: &'a Directory,
}

impl Archives<'_> {
    fn compare(&self) -> Result<Vec<Change>, Broken> {
        let (a, b) = (self.a, self.b);
        let names = |directory: &Directory| -> Vec<String> {
            directory.entries.iter().map(|entry| entry.name.clone()).collect()
        };
        let (names_a, names_b) = (names(a), names(b));
        let record =
            wheel::record_of(&names_a).filter(|name| wheel::record_of(&names_b).as_ref() == Some(name));
        let is_wheel = record.is_some() && self.spot.role == Role::Artifact;
        let profile = if is_wheel { Profile::Wheel } else { Profile::Zip };
        let pairs = members::pair(names_a.iter().map(String::as_str), names_b.iter().map(String::as_str));
        let compared: Vec<Result<Pair, CompareError>> = pairs
            .both
            .par_iter()
            .map(|(one, two)| {
                let is_record = is_wheel && record.as_ref() == Some(&a.entries[*one].name);
                self.pair(profile, (*one, *two), is_record)
            })
            .collect();
        let mut facts = Facts::default();
        let mut changes = Vec::new();
        let mut done = Vec::new();
        for pair in compared {
            let mut pair = pair?;
            facts.extend(std::mem::take(&mut pair.facts));
            done.push(pair);
        }
        if let Some(record) = record.as_ref().filter(|_| is_wheel) {
            changes.extend(wheel::compare_record(self.spot, record, &done, self)?);
        }
        changes.extend(done.into_iter().flat_map(|pair| pair.changes));
        self.order(&pairs, &mut facts);
        changes.extend(self.singles(&pairs, &mut facts)?);
        if a.comment != b.comment {
            let shown = |comment: &[u8]| String::from_utf8_lossy(comment).escape_debug().to_string();
            let comments = (shown(&a.comment), shown(&b.comment));
            facts.add(Cause::ArchiveHeader, Normalization::ArchiveHeader, "comment", "", comments);
        }
        if a.end != b.end {
            let ends = (&a.end, &b.end);
            facts.add(Cause::ArchiveHeader, Normalization::ArchiveHeader, "end record", "", ends);
        }
        if !self.same_outside()? {
            let detail = "bytes that belong to no member differ";
            changes.push(Change::changed(&self.spot.path, Cause::Content, detail));
        }
        changes.extend(facts.into_changes(&self.spot.path));
        Ok(changes)
    }

    /// Members in another order, in the directory or in the file.
    fn order(&self, pairs: &members::Pairs, facts: &mut Facts) {
        let mut by_place = pairs.both.clone();
        by_place.sort_by_key(|(one, _)| self.a.entries[*one].offset);
        let places: Vec<u64> = by_place.iter().map(|(_, two)| self.b.entries[*two].offset).collect();
        let moved = by_place.iter().zip(places.windows(2)).find(|(_, pair)| pair[0] > pair[1]);
        let moved = pairs.out_of_order().or(moved.map(|(pair, _)| *pair));
        if let Some((one, two)) = moved {
            let places = (format!("number {}", one + 1), format!("number {}", two + 1));
            let name = &self.a.entries[one].name;
            facts.add(Cause::Order, Normalization::ArchiveOrder, "place", name, places);
        }
    }

    /// Members that one side alone has.
    fn singles(&self, pairs: &members::Pairs, facts: &mut Facts) -> Result<Vec<Change>, Broken> {
        let mut only = |indexes: &[usize], here: &Directory, shown: [&str; 2]| -> Vec<usize> {
            let mut left = Vec::new();
            if indexes.is_empty() {
                return left;
            }
            let names = Sorted::new(here.entries.iter().map(|entry| entry.name.as_str()));
            for index in indexes {
                let entry = &here.entries[*index];
                if entry.is_implied_folder() && names.has_below(&entry.name) {
                    let (cause, what) = (Cause::ArchiveHeader, "entry of a folder that has members anyway");
                    facts.add(cause, Normalization::ArchiveFolders, what, &entry.name, (shown[0], shown[1]));
                } else {
                    left.push(*index);
                }
            }
            left
        };
        let removed = only(&pairs.removed, self.a, ["there", "none"]);
        let added = only(&pairs.added, self.b, ["none", "there"]);
        let removed = singles(self.a, &removed);
        let added = singles(self.b, &added);
        let content_a = |index: usize| self.a.entries[index].unpack(self.walk, self.spot);
        let content_b = |index: usize| self.b.entries[index].unpack(self.walk, self.spot);
        members::singles(self.spot, &removed, &added, content_a, content_b)
    }

    fn same_outside(&self) -> Result<bool, Broken> {
        let (a, b) = (&self.a.outside, &self.b.outside);
        if a.len() != b.len() {
            return Ok(false);
        }
        for (one, two) in a.iter().zip(b) {
            if !one.same(two).map_err(unreadable(self.spot))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Two members of one name. A RECORD's bytes are compared by whoever knows what it says.
    fn pair(
        &self,
        profile: Profile,
        (at_a, at_b): (usize, usize),
        is_record: bool,
    ) -> Result<Pair, CompareError> {
        let (a, b) = (&self.a.entries[at_a], &self.b.entries[at_b]);
        let spot = self.spot.member(&a.name);
        let mut pair = Pair { a: at_a, b: at_b, changes: Vec::new(), facts: Facts::default() };
        fields::compare(&spot, profile, a, b, &mut pair.changes, &mut pair.facts);
        let packed_alike = a.method == b.method && a.packed.same(&b.packed).map_err(unreadable(&spot))?;
        if packed_alike {
            if (a.crc32, a.size) != (b.crc32, b.size) {
                let detail = format!(
                    "the same bytes with another checksum or size: {:08x}, {} bytes → {:08x}, {} bytes",
                    a.crc32, a.size, b.crc32, b.size
                );
                pair.changes.push(Change::changed(&spot.path, Cause::Content, detail));
            }
            return Ok(pair);
        }
        let (one, two) = (a.unpack(self.walk, &spot), b.unpack(self.walk, &spot));
        let (one, two) = match (one, two) {
            (Err(Broken::Fatal(error)), _) | (_, Err(Broken::Fatal(error))) => return Err(error),
            (Ok(one), Ok(two)) => (one, two),
            (Err(Broken::Damaged(why)), _) => return Ok(pair.damaged(&spot, "first", &why)),
            (_, Err(Broken::Damaged(why))) => return Ok(pair.damaged(&spot, "second", &why)),
        };
        if one.same(&two).map_err(unreadable(&spot))? {
            let how = (a.packed_as(), b.packed_as());
            let what = "compressed form of the same bytes";
            pair.facts.add(Cause::Compression, Normalization::Compression, what, &a.name, how);
        } else if !is_record {
            pair.changes.extend(self.walk.compare(&spot, &one, &two)?);
        }
        Ok(pair)
    }
}

fn singles<'a>(directory: &'a Directory, indexes: &[usize]) -> Vec<Single<'a>> {
    let single = |index: &usize| {
        let entry = &directory.entries[*index];
        Single { name: &entry.name, size: entry.size, index: *index }
    };
    indexes.iter().map(single).collect()
}

impl Pair {
    fn damaged(mut self, spot: &Spot, which: &str, why: &str) -> Self {
        let detail = format!("the {which} is damaged: {why}");
        self.changes.push(Change::changed(&spot.path, Cause::Content, detail));
        self
    }
}

impl wheel::Members for Archives<'_> {
    fn name(&self, pair: &Pair) -> String {
        self.a.entries[pair.a].name.clone()
    }

    fn unpack(&self, pair: &Pair) -> Result<(Data, Data), Broken> {
        let (a, b): (&Entry, &Entry) = (&self.a.entries[pair.a], &self.b.entries[pair.b]);
        Ok((a.unpack(self.walk, self.spot)?, b.unpack(self.walk, self.spot)?))
    }
}
