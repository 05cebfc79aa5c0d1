//! A commit's ancestry, and the tags on it.

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::hashtable::HashSet;
use gix::objs::{CommitRefIter, Kind, TagRefIter};

use super::error::SourceError;
use super::identity::{GitId, TagIdentity};
use super::repository::Objects;

/// A tag and the objects between its name and its commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// Without `refs/tags/`.
    pub(super) name: BString,
    /// Tag objects from the outermost to the innermost; none for a lightweight tag.
    pub(super) objects: Vec<ObjectId>,
    /// Where it ends.
    pub(super) commit: ObjectId,
}

impl Tag {
    pub(super) fn identity(&self) -> TagIdentity {
        TagIdentity {
            name: self.name.to_string(),
            commit: GitId::from(self.commit),
            object: self.objects.first().copied().map(GitId::from),
        }
    }
}

/// The part of a repository's history that an export of `head` holds.
pub(super) struct History {
    /// Where a shallow history ends, sorted; only commits of the ancestry.
    pub(super) boundary: Vec<ObjectId>,
    /// The tags on the ancestry, sorted by name.
    pub(super) tags: Vec<Tag>,
}

/// How many tag objects may name one another.
const MAX_TAG_CHAIN: usize = 16;

impl History {
    /// Finds the tags on the ancestry of `head`. The walk ends as soon as all tags of the repository were met.
    pub(super) fn read(objects: &Objects<'_>, head: ObjectId) -> Result<Self, SourceError> {
        let boundary = shallow(objects)?;
        let mut tags = all_tags(objects)?;
        let mut wanted: HashSet<ObjectId> = tags.iter().map(|tag| tag.commit).collect();
        if boundary.is_empty() {
            let mut open = wanted.clone();
            if !open.is_empty() {
                walk(objects, head, &boundary, |id| {
                    open.remove(&id);
                    if open.is_empty() { Walk::Stop } else { Walk::On }
                })?;
            }
            wanted.retain(|id| !open.contains(id));
            tags.retain(|tag| wanted.contains(&tag.commit));
            return Ok(Self { boundary: Vec::new(), tags });
        }
        let mut seen = HashSet::default();
        walk(objects, head, &boundary, |id| {
            seen.insert(id);
            Walk::On
        })?;
        tags.retain(|tag| seen.contains(&tag.commit));
        let mut boundary: Vec<_> = boundary.into_iter().filter(|id| seen.contains(id)).collect();
        boundary.sort_unstable();
        Ok(Self { boundary, tags })
    }

    /// All commits of the ancestry of `head`, which is the first.
    pub(super) fn commits(
        &self,
        objects: &Objects<'_>,
        head: ObjectId,
    ) -> Result<Vec<ObjectId>, SourceError> {
        let boundary = self.boundary.iter().copied().collect();
        let mut all = Vec::new();
        walk(objects, head, &boundary, |id| {
            all.push(id);
            Walk::On
        })?;
        Ok(all)
    }
}

/// Whether a walk goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    On,
    Stop,
}

/// Visits each commit of the ancestry once. Grafts and replacements do not exist here, a commit-graph file is
/// not asked: only the commits themselves say who their parents are.
fn walk(
    objects: &Objects<'_>,
    head: ObjectId,
    boundary: &HashSet<ObjectId>,
    mut visit: impl FnMut(ObjectId) -> Walk,
) -> Result<(), SourceError> {
    let mut seen = HashSet::default();
    seen.insert(head);
    let mut todo = vec![head];
    let mut buffer = Vec::new();
    while let Some(id) = todo.pop() {
        if visit(id) == Walk::Stop {
            return Ok(());
        }
        if boundary.contains(&id) {
            continue;
        }
        objects.read_unchecked(id, Kind::Commit, &mut buffer, &|| "of the history".to_owned())?;
        for parent in CommitRefIter::from_bytes(&buffer, id.kind()).parent_ids() {
            if seen.insert(parent) {
                todo.push(parent);
            }
        }
    }
    Ok(())
}

fn shallow(objects: &Objects<'_>) -> Result<HashSet<ObjectId>, SourceError> {
    let commits = objects
        .git
        .shallow_commits()
        .map_err(|error| SourceError::git("the shallow boundary", &objects.repo.place, error))?;
    Ok(commits.map(|commits| commits.iter().copied().collect()).unwrap_or_default())
}

/// Every tag that ends at a commit, sorted by name.
fn all_tags(objects: &Objects<'_>) -> Result<Vec<Tag>, SourceError> {
    let place = &objects.repo.place;
    let platform = objects.git.references().map_err(|error| SourceError::git("references", place, error))?;
    let iter = platform.tags().map_err(|error| SourceError::git("tags", place, error))?;
    let mut tags = Vec::new();
    let mut buffer = Vec::new();
    for reference in iter {
        let reference = reference.map_err(|error| SourceError::git("tags", place, error))?;
        let name = reference.name().as_bstr();
        let name = name.strip_prefix(b"refs/tags/").unwrap_or(name).as_bstr().to_owned();
        // A symbolic reference among the tags is followed by git, but is no tag of the history.
        let Some(mut id) = reference.try_id().map(gix::Id::detach) else { continue };
        let mut chain = Vec::new();
        let commit = loop {
            match objects.kind(id) {
                Some(Kind::Commit) => break Some(id),
                Some(Kind::Tag) if chain.len() < MAX_TAG_CHAIN => {
                    objects.read(id, Kind::Tag, &mut buffer, &|| format!("tag {name}"))?;
                    chain.push(id);
                    id = TagRefIter::from_bytes(&buffer, id.kind())
                        .target_id()
                        .map_err(|error| SourceError::git("a tag", place, error))?;
                }
                // Tags of trees and blobs are on no ancestry; those of missing objects cannot be either.
                Some(Kind::Tag | Kind::Tree | Kind::Blob) | None => break None,
            }
        };
        if let Some(commit) = commit {
            tags.push(Tag { name, objects: chain, commit });
        }
    }
    tags.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tags)
}
