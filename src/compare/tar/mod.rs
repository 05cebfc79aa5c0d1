//! Tar archives: sdists, layers of images, and any other.

mod fields;
mod read;

use rayon::prelude::*;

use super::CompareError;
use super::data::Data;
use super::facts::Facts;
use super::members::{self, Pairs, Single, Sorted};
use super::model::{Cause, Change, Normalization};
use super::oci;
use super::walk::{Broken, Role, Spot, Walk, unreadable};
use fields::Profile;
pub(super) use read::is_tar;
use read::{Archive, Entry};

/// Compares two archives.
pub(super) fn compare(walk: &Walk<'_>, spot: &Spot, a: &Data, b: &Data) -> Result<Vec<Change>, Broken> {
    let (one, two) = rayon::join(|| Archive::read(walk, spot, a), || Archive::read(walk, spot, b));
    let (one, two) = match (one, two) {
        (Err(Broken::Fatal(error)), _) | (_, Err(Broken::Fatal(error))) => return Err(error.into()),
        (Ok(one), Ok(two)) => (one, two),
        (Err(Broken::Damaged(why)), _) => {
            return Err(Broken::Damaged(format!("the first cannot be read as a tar archive: {why}")));
        }
        (_, Err(Broken::Damaged(why))) => {
            return Err(Broken::Damaged(format!("the second cannot be read as a tar archive: {why}")));
        }
    };
    let profile = match spot.role {
        Role::Layer => Profile::Layer,
        Role::Artifact if is_sdist(&one) && is_sdist(&two) => Profile::Sdist,
        Role::Artifact | Role::Content => Profile::Tar,
    };
    let archives = Archives { walk, spot, profile, a: &one, b: &two };
    if spot.role == Role::Artifact && oci::is_layout(one.names()) && oci::is_layout(two.names()) {
        return archives.compare_image();
    }
    archives.compare()
}

/// One folder with a PKG-INFO in it ("source distribution format").
fn is_sdist(archive: &Archive) -> bool {
    let mut tops = archive.entries.iter().map(|entry| entry.name.split('/').next().unwrap_or_default());
    let Some(top) = tops.next() else { return false };
    tops.all(|other| other == top)
        && archive.entries.iter().any(|entry| entry.name.strip_prefix(top) == Some("/PKG-INFO"))
}

impl Archive {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }
}

struct Archives<'a> {
    walk: &'a Walk<'a>,
    spot: &'a Spot,
    profile: Profile,
    a: &'a Archive,
    b: &'a Archive,
}

impl Archives<'_> {
    fn pairs(&self) -> Pairs {
        members::pair(self.a.names(), self.b.names())
    }

    fn compare(&self) -> Result<Vec<Change>, Broken> {
        let pairs = self.pairs();
        let compared: Vec<Result<(Vec<Change>, Facts), CompareError>> =
            pairs.both.par_iter().map(|(a, b)| self.pair(&self.a.entries[*a], &self.b.entries[*b])).collect();
        let mut facts = Facts::default();
        let mut changes = Vec::new();
        for pair in compared {
            let (own, headers) = pair?;
            changes.extend(own);
            facts.extend(headers);
        }
        self.around(&pairs, &mut changes, &mut facts)?;
        changes.extend(self.singles(&pairs, &mut facts)?);
        changes.extend(facts.into_changes(&self.spot.path));
        Ok(changes)
    }

    /// An image's layout: its blobs are compared as what they are, the headers of the archive around them as ever.
    fn compare_image(&self) -> Result<Vec<Change>, Broken> {
        let pairs = self.pairs();
        let mut facts = Facts::default();
        let mut changes = Vec::new();
        for (a, b) in &pairs.both {
            let (a, b) = (&self.a.entries[*a], &self.b.entries[*b]);
            let spot = self.spot.member(&a.name);
            fields::compare(self.spot, &spot, Profile::Image, a, b, &mut changes, &mut facts)?;
        }
        self.around(&pairs, &mut changes, &mut facts)?;
        let files = |archive: &Archive| {
            let files = archive.entries.iter().filter(|entry| !entry.is_folder());
            files.map(|entry| (entry.name.clone(), entry.content.clone())).collect()
        };
        changes.extend(oci::compare(self.walk, self.spot, files(self.a), files(self.b))?);
        changes.extend(facts.into_changes(&self.spot.path));
        Ok(changes)
    }

    fn pair(&self, a: &Entry, b: &Entry) -> Result<(Vec<Change>, Facts), CompareError> {
        let spot = self.spot.member(&a.name);
        let (mut changes, mut facts) = (Vec::new(), Facts::default());
        fields::compare(self.spot, &spot, self.profile, a, b, &mut changes, &mut facts)?;
        changes.extend(self.walk.compare(&spot, &a.content, &b.content)?);
        Ok((changes, facts))
    }

    /// Order, headers of the whole, and what follows the last member.
    fn around(&self, pairs: &Pairs, changes: &mut Vec<Change>, facts: &mut Facts) -> Result<(), Broken> {
        if let Some((a, b)) = pairs.out_of_order() {
            let (entry, places) =
                (&self.a.entries[a], (format!("number {}", a + 1), format!("number {}", b + 1)));
            if self.order_counts() {
                let detail =
                    format!("place of {}, where links or repeated names depend on the order", entry.name);
                changes.push(Change::changed(&self.spot.path, Cause::Order, detail));
            } else {
                facts.add(Cause::Order, Normalization::ArchiveOrder, "place", &entry.name, places);
            }
        }
        fields::compare_global(self.spot, &self.a.global, &self.b.global, changes, facts);
        let (a, b) = (&self.a.end, &self.b.end);
        if !a.same(b).map_err(unreadable(self.spot))? {
            let zero = |data: &Data| data.is_zero().map_err(unreadable(self.spot));
            if zero(a)? && zero(b)? {
                let (cause, normalization) = (Cause::ArchiveHeader, Normalization::ArchiveHeader);
                let ends = (format!("{} zeros", a.len()), format!("{} zeros", b.len()));
                facts.add(cause, normalization, "end of the archive", "", ends);
            } else {
                let detail = "bytes after the last member differ";
                changes.push(Change::changed(&self.spot.path, Cause::Content, detail));
            }
        }
        Ok(())
    }

    /// Whether unpacking in another order may give something else: a hard link before its file, a name twice, members
    /// behind a symbolic link.
    fn order_counts(&self) -> bool {
        let names = Sorted::new(self.a.names());
        let behind = |entry: &Entry| match entry.kind {
            b'1' => true,
            b'2' => names.has_below(&format!("{}/", entry.name)),
            _ => false,
        };
        names.len() < self.a.entries.len() || self.a.entries.iter().any(behind)
    }

    fn singles(&self, pairs: &Pairs, facts: &mut Facts) -> Result<Vec<Change>, Broken> {
        let mut only = |indexes: &[usize], here: &Archive, shown: [&str; 2]| -> Vec<usize> {
            let mut left = Vec::new();
            if indexes.is_empty() {
                return left;
            }
            let names = Sorted::new(here.names());
            for index in indexes {
                let entry = &here.entries[*index];
                // A layer's folder has an owner and a mode of its own.
                let implied = entry.is_folder() && self.profile != Profile::Layer;
                if implied && names.has_below(&entry.name) {
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
        let content_a = |index: usize| Ok(self.a.entries[index].content.clone());
        let content_b = |index: usize| Ok(self.b.entries[index].content.clone());
        members::singles(self.spot, &removed, &added, content_a, content_b)
    }
}

fn singles<'a>(archive: &'a Archive, indexes: &[usize]) -> Vec<Single<'a>> {
    let single = |index: &usize| {
        let entry = &archive.entries[*index];
        Single { name: &entry.name, size: entry.content.len(), index: *index }
    };
    indexes.iter().map(single).collect()
}
