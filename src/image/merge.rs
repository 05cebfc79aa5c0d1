//! One tree out of what all packages brought: who wins where several have one path.
//!
//! As dpkg decides it: a package whose `Replaces` names the others has the file; equal files are no quarrel. Else it is
//! an error. Which package was unpacked first never matters.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use debian_control::lossy::Relations;
use debian_control::relations::VersionConstraint;
use debversion::Version;

use super::ImageError;
use super::error::at;
use super::rootfs::{Entries, Node, Rootfs};
use super::unpack::{Claim, Unpacked};
use crate::digest::Sha256;
use crate::lock::LockedPackage;

/// A path as a package claims it.
#[derive(Clone, Copy)]
struct Claimed<'a> {
    package: usize,
    claim: &'a Claim,
}

/// Merges what was unpacked into `root`.
pub(super) fn merge(
    root: &Path,
    packages: &[LockedPackage],
    unpacked: &[Unpacked],
) -> Result<Rootfs, ImageError> {
    let mut paths: BTreeMap<&str, Vec<Claimed<'_>>> = BTreeMap::new();
    for (package, unpacked) in unpacked.iter().enumerate() {
        for claim in &unpacked.claims {
            paths.entry(&claim.path).or_default().push(Claimed { package, claim });
        }
    }
    let mut entries = Entries::new();
    // Other names of a file: by package and the name that the package gives as the first.
    let mut groups: HashMap<(usize, &str), Vec<&str>> = HashMap::new();
    for (path, claims) in &paths {
        let folder = claims.iter().find(|claimed| claimed.claim.node == Node::Shared);
        let winner = match folder.or(claims.iter().find(|claimed| claimed.claim.node.is_folder())) {
            Some(folder) => *folder,
            None => contest(root, path, claims, packages, unpacked)?,
        };
        // A folder is never on disk where a file of another package is: that was an error while unpacking.
        for above in ancestors(path) {
            entries.entry(above.to_owned()).or_insert(Node::Folder);
        }
        if let Node::Same(first) = &winner.claim.node {
            groups.entry((winner.package, first.as_str())).or_default().push(path);
        }
        entries.insert((*path).to_owned(), winner.claim.node.clone());
    }
    for ((package, first), others) in groups {
        name_group(
            root,
            first,
            &others,
            paths.get(first).is_some_and(|claims| claims.len() == 1 && claims[0].package == package),
            &mut entries,
        )?;
    }
    Ok(Rootfs::new(root, entries))
}

/// Lets the first path in sorted order be the file and the others its other names, as a tar file needs it.
fn name_group(
    root: &Path,
    first: &str,
    others: &[&str],
    first_is_ours: bool,
    entries: &mut Entries,
) -> Result<(), ImageError> {
    let mut names: Vec<&str> = others.to_vec();
    if first_is_ours {
        names.push(first);
    }
    names.sort_unstable();
    let place = root.join(names[0]);
    let metadata = fs::symlink_metadata(&place).map_err(at(&place))?;
    let program = matches!(entries.get(first), Some(Node::Program(_)));
    let file = if program { Node::Program(metadata.len()) } else { Node::File(metadata.len()) };
    entries.insert(names[0].to_owned(), file);
    for other in &names[1..] {
        entries.insert((*other).to_owned(), Node::Same(names[0].to_owned()));
    }
    Ok(())
}

fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

/// Who has a path that is no folder. The winner's file is in its place afterwards.
fn contest<'a>(
    root: &Path,
    path: &str,
    claims: &[Claimed<'a>],
    packages: &[LockedPackage],
    unpacked: &[Unpacked],
) -> Result<Claimed<'a>, ImageError> {
    let place = root.join(path);
    let [first, rest @ ..] = claims else {
        return Err(ImageError::Contested { path: path.to_owned(), packages: Vec::new() });
    };
    if rest.is_empty() {
        return Ok(*first);
    }
    let winner = if all_equal(&place, claims)? {
        *first
    } else {
        let beats_all = |claimed: &&Claimed<'a>| {
            let mut others = claims.iter().filter(|other| other.package != claimed.package);
            others.all(|other| replaces(&unpacked[claimed.package], &packages[other.package]))
        };
        *claims.iter().find(beats_all).ok_or_else(|| {
            let mut names: Vec<_> =
                claims.iter().map(|claimed| packages[claimed.package].name.clone()).collect();
            names.sort();
            ImageError::Contested { path: path.to_owned(), packages: names }
        })?
    };
    if let Some(aside) = &winner.claim.aside {
        fs::rename(aside, &place).map_err(at(&place))?;
    }
    Ok(winner)
}

/// Whether the packages bring one and the same there.
fn all_equal(place: &Path, claims: &[Claimed<'_>]) -> Result<bool, ImageError> {
    let mut digests = Vec::new();
    for claimed in claims {
        if claimed.claim.node != claims[0].claim.node {
            return Ok(false);
        }
        if matches!(claimed.claim.node, Node::File(_) | Node::Program(_) | Node::Same(_)) {
            let path = claimed.claim.aside.as_deref().unwrap_or(place);
            let file = fs::File::open(path).map_err(at(path))?;
            digests.push(Sha256::of_reader(file).map_err(at(path))?.0);
        }
    }
    Ok(digests.windows(2).all(|pair| pair[0] == pair[1]))
}

/// Whether a package's `Replaces` names the other one, in its version.
fn replaces(package: &Unpacked, other: &LockedPackage) -> bool {
    let field = package.control.paragraph.lines().find_map(|line| line.strip_prefix("Replaces:"));
    let Some(Ok(relations)) = field.map(str::parse::<Relations>) else { return false };
    let Ok(version) = other.version.parse::<Version>() else { return false };
    relations.0.iter().flatten().filter(|relation| relation.name == other.name).any(|relation| {
        relation.version.as_ref().is_none_or(|(constraint, limit)| match constraint {
            VersionConstraint::LessThan => version < *limit,
            VersionConstraint::LessThanEqual => version <= *limit,
            VersionConstraint::Equal => version == *limit,
            VersionConstraint::GreaterThan => version > *limit,
            VersionConstraint::GreaterThanEqual => version >= *limit,
        })
    })
}
