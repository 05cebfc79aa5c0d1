//! A commit's ancestry, and the tags on it.

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::hashtable::HashSet;
use gix::objs::commit::ref_iter::Token;
use gix::objs::{CommitRefIter, Kind, TagRefIter};

use super::error::SourceError;
use super::identity::{CommitIdentity, GitId, TagIdentity};
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
    /// The whole ancestry, if it was walked to its end.
    commits: Option<Vec<ObjectId>>,
}

/// How many tag objects may name one another.
const MAX_TAG_CHAIN: usize = 16;

impl History {
    /// Finds the tags on the ancestry of `head`. The walk ends as soon as all tags of the repository were met.
    pub(super) fn read(objects: &Objects<'_>, head: ObjectId) -> Result<Self, SourceError> {
        let boundary = shallow(objects)?;
        let mut tags = all_tags(objects)?;
        let mut open: HashSet<ObjectId> = tags.iter().map(|tag| tag.commit).collect();
        if open.is_empty() && boundary.is_empty() {
            return Ok(Self { boundary: Vec::new(), tags, commits: None });
        }
        let mut commits = Vec::new();
        let end = walk(objects, head, &boundary, |id| {
            commits.push(id);
            // Where a shallow history ends counts only if it is part of this one: then every commit is looked at.
            if open.remove(&id) && open.is_empty() && boundary.is_empty() { Walk::Stop } else { Walk::On }
        })?;
        tags.retain(|tag| !open.contains(&tag.commit));
        let mut found: Vec<_> = commits.iter().filter(|id| boundary.contains(*id)).copied().collect();
        found.sort_unstable();
        Ok(Self { boundary: found, tags, commits: (end == Walk::On).then_some(commits) })
    }

    /// The history that a statement names: its tags and no other, whatever tags the repository has now.
    pub(super) fn stated(objects: &Objects<'_>, stated: &CommitIdentity) -> Result<Self, SourceError> {
        let tag = |tag: &TagIdentity| {
            let first = tag.object.unwrap_or(tag.commit).id();
            let missing = || SourceError::MissingObject {
                kind: "tag",
                id: GitId::from(first),
                what: tag.name.clone(),
                path: objects.git.git_dir().to_owned(),
                clone: super::Completeness::Full,
            };
            match chain(objects, first, tag.name.as_bytes().as_bstr())? {
                Some((chain, commit)) if commit == tag.commit.id() => {
                    Ok(Tag { name: tag.name.as_str().into(), objects: chain, commit })
                }
                Some(_) | None => Err(missing()),
            }
        };
        let tags = stated.tags.iter().map(tag).collect::<Result<_, _>>()?;
        let mut boundary: Vec<_> = stated.shallow.iter().map(|id| id.id()).collect();
        boundary.sort_unstable();
        Ok(Self { boundary, tags, commits: None })
    }

    /// All commits of the ancestry of `head`, which is the first.
    pub(super) fn commits(
        &self,
        objects: &Objects<'_>,
        head: ObjectId,
    ) -> Result<Vec<ObjectId>, SourceError> {
        if let Some(commits) = &self.commits {
            return Ok(commits.clone());
        }
        let boundary = self.boundary.iter().copied().collect();
        let mut all = Vec::new();
        walk(objects, head, &boundary, |id| {
            all.push(id);
            Walk::On
        })?;
        Ok(all)
    }
}

/// The parents that a commit names. Reading ends with them: a whole history is a lot of commits.
pub(super) fn parents(content: &[u8], kind: gix::hash::Kind) -> impl Iterator<Item = ObjectId> + '_ {
    CommitRefIter::from_bytes(content, kind).skip(1).map_while(|field| match field {
        Ok(Token::Parent { id }) => Some(id),
        _ => None,
    })
}

/// Whether a walk goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    On,
    Stop,
}

/// Visits each commit of the ancestry once, and says whether it came to the end. Grafts and replacements do not exist here, a commit-graph file is
/// not asked: only the commits themselves say who their parents are.
fn walk(
    objects: &Objects<'_>,
    head: ObjectId,
    boundary: &HashSet<ObjectId>,
    mut visit: impl FnMut(ObjectId) -> Walk,
) -> Result<Walk, SourceError> {
    let mut seen = HashSet::default();
    seen.insert(head);
    let mut todo = vec![head];
    let mut buffer = Vec::new();
    while let Some(id) = todo.pop() {
        if visit(id) == Walk::Stop {
            return Ok(Walk::Stop);
        }
        if boundary.contains(&id) {
            continue;
        }
        objects.read_unchecked(id, Kind::Commit, &mut buffer, &|| "of the history".to_owned())?;
        for parent in parents(&buffer, id.kind()) {
            if seen.insert(parent) {
                todo.push(parent);
            }
        }
    }
    Ok(Walk::On)
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
    for reference in iter {
        let reference = reference.map_err(|error| SourceError::git("tags", place, error))?;
        let name = reference.name().as_bstr();
        let name = name.strip_prefix(b"refs/tags/").unwrap_or(name).as_bstr().to_owned();
        // A symbolic reference among the tags is followed by git, but is no tag of the history.
        let Some(id) = reference.try_id().map(gix::Id::detach) else { continue };
        if let Some((objects, commit)) = chain(objects, id, name.as_bstr())? {
            tags.push(Tag { name, objects, commit });
        }
    }
    tags.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tags)
}

/// The tag objects from `first` on, and the commit that they end at; none where they end at something else.
fn chain(
    objects: &Objects<'_>,
    first: ObjectId,
    name: &BStr,
) -> Result<Option<(Vec<ObjectId>, ObjectId)>, SourceError> {
    let place = &objects.repo.place;
    let (mut id, mut chain, mut buffer) = (first, Vec::new(), Vec::new());
    loop {
        match objects.kind(id) {
            Some(Kind::Commit) => return Ok(Some((chain, id))),
            Some(Kind::Tag) if chain.len() < MAX_TAG_CHAIN => {
                objects.read(id, Kind::Tag, &mut buffer, &|| format!("tag {name}"))?;
                chain.push(id);
                id = TagRefIter::from_bytes(&buffer, id.kind())
                    .target_id()
                    .map_err(|error| SourceError::git("a tag", place, error))?;
            }
            // Tags of trees and blobs are on no ancestry; those of missing objects cannot be either.
            Some(Kind::Tag | Kind::Tree | Kind::Blob) | None => return Ok(None),
        }
    }
}
