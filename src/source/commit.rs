//! A commit with its whole tree as a flat list, read straight from the object database.

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::objs::tree::EntryKind;
use gix::objs::{CommitRefIter, Kind, TreeRefIter};

use super::error::SourceError;
use super::repository::Objects;
use super::tree::{Content, Entry, MAX_ENTRIES, Mode};

/// A commit and its tree.
pub(super) struct Commit {
    pub(super) id: ObjectId,
    pub(super) tree: ObjectId,
    /// The committer's time, seconds since 1970.
    pub(super) time: i64,
    /// Sorted by path; paths are relative to this repository's root.
    pub(super) entries: Vec<Entry>,
    /// Every tree object of it, by folder (the root is the empty path).
    pub(super) trees: Vec<(BString, ObjectId)>,
}

impl Commit {
    /// Reads `id` and all trees below it, each compared with its name. `repo` is what entries are marked with.
    pub(super) fn read(objects: &Objects<'_>, id: ObjectId, repo: usize) -> Result<Self, SourceError> {
        let place = &objects.repo.place;
        let mut buffer = Vec::new();
        objects.read(id, Kind::Commit, &mut buffer, &|| "the commit to build".to_owned())?;
        let mut fields = CommitRefIter::from_bytes(&buffer, id.kind());
        let committer = fields.committer();
        let tree = fields.tree_id().map_err(|error| SourceError::git("the commit", place, error))?;
        let time = committer.map_err(|error| SourceError::git("the commit's time", place, error))?.seconds();
        let mut commit = Self { id, tree, time, entries: Vec::new(), trees: Vec::new() };
        commit.flatten(objects, repo)?;
        super::tree::check(&mut commit.entries, &format!("commit {id}"))?;
        Ok(commit)
    }

    fn flatten(&mut self, objects: &Objects<'_>, repo: usize) -> Result<(), SourceError> {
        let origin = || format!("commit {}", self.id);
        let mut buffer = Vec::new();
        let mut todo = vec![(BString::default(), self.tree)];
        while let Some((folder, id)) = todo.pop() {
            objects.read(id, Kind::Tree, &mut buffer, &|| format!("folder {:?}", folder.as_bstr()))?;
            for entry in TreeRefIter::from_bytes(&buffer, id.kind()) {
                let entry = entry.map_err(|error| SourceError::git("a tree", &objects.repo.place, error))?;
                let mut path = folder.clone();
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(entry.filename);
                // The same folder may be named often: a few small trees can stand for more than fits anywhere.
                if self.entries.len() + self.trees.len() + todo.len() > MAX_ENTRIES {
                    let limit = MAX_ENTRIES as u64;
                    return Err(SourceError::TooLarge { origin: origin(), limit, unit: "entries" });
                }
                let id = entry.oid.to_owned();
                let (mode, content) = match entry.mode.kind() {
                    EntryKind::Tree => {
                        // A name with a slash would make two folders of one.
                        if let Some(reason) = super::tree::refused_name(entry.filename, None) {
                            let path = path.to_string();
                            return Err(SourceError::Entry { path, origin: origin(), reason });
                        }
                        todo.push((path, id));
                        continue;
                    }
                    EntryKind::Blob => (Mode::File, Content::Blob(id)),
                    EntryKind::BlobExecutable => (Mode::Executable, Content::Blob(id)),
                    EntryKind::Link => (Mode::Link, Content::Blob(id)),
                    EntryKind::Commit => (Mode::Submodule, Content::Commit(id)),
                };
                if let Some(reason) = super::tree::refused_name(entry.filename, Some(mode)) {
                    let path = path.to_string();
                    return Err(SourceError::Entry { path, origin: origin(), reason });
                }
                self.entries.push(Entry { path, mode, content, repo });
            }
            self.trees.push((folder, id));
        }
        self.trees.sort_unstable();
        Ok(())
    }

    /// The entry at `path`.
    pub(super) fn entry(&self, path: &[u8]) -> Option<&Entry> {
        let found = self.entries.binary_search_by(|entry| entry.path.as_slice().cmp(path));
        found.ok().map(|index| &self.entries[index])
    }
}
