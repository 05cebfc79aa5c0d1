//! A git checkout with its submodules: which commit, which files, what is uncommitted.

use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::head::Kind as HeadKind;
use gix::objs::Kind;

use crate::digest::Sha256;

use super::commit::Commit;
use super::error::SourceError;
use super::history::History;
use super::identity::{CommitIdentity, GitId, SubmoduleIdentity};
use super::reader::Reader;
use super::repository::{Objects, Repo};
use super::status::{self, Dirt, State, WorkTree, host_path};
use super::tree::{Content, Entry, Mode};
use super::{IgnoredPaths, Submodules, submodule, uri};

/// What HEAD was, and is again in the export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    /// On a branch: its full name.
    Branch(BString),
    Detached,
}

/// One repository of a checkout: the outermost, or a submodule.
pub(super) struct Member {
    pub(super) repo: Repo,
    /// Its folder in the source: empty, or a path without a slash at its end.
    pub(super) folder: BString,
    pub(super) commit: Commit,
    pub(super) head: Head,
    /// Of the outermost only.
    pub(super) history: Option<History>,
}

/// A checkout that was looked at.
pub(super) struct Checkout {
    pub(super) members: Vec<Member>,
    /// All files, those of submodules too, sorted.
    pub(super) entries: Vec<Entry>,
    pub(super) identity: CommitIdentity,
    pub(super) dirt: Vec<Dirt>,
    pub(super) untracked: usize,
    pub(super) notes: Vec<String>,
}

/// Where the files of a checkout come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    /// The commit.
    Commit,
    /// Tracked files as the work tree has them.
    WorkTree,
    /// A commit that a statement names: nobody looks at the work tree.
    Stated,
}

struct Loader<'a> {
    files: Files,
    skip: &'a dyn Fn(&BStr) -> bool,
    /// Repositories of submodules that are known.
    known: &'a Submodules,
    members: Vec<Member>,
    entries: Vec<Entry>,
    submodules: Vec<SubmoduleIdentity>,
    dirt: Vec<Dirt>,
    untracked: usize,
}

impl Checkout {
    /// Looks at the checkout around `dir`.
    pub(super) fn load(dir: &Path, files: Files, ignored: &IgnoredPaths) -> Result<Self, SourceError> {
        let dir = dir.canonicalize().map_err(SourceError::io("open", dir))?;
        let repo = Repo::discover(&dir)?;
        let objects = repo.objects();
        let bare = || SourceError::Bare { path: objects.git.git_dir().to_owned() };
        let root = objects.git.workdir().ok_or_else(bare)?;
        let root = root.canonicalize().map_err(SourceError::io("open", root))?;
        let folder = dir.strip_prefix(&root).map_err(|_| SourceError::NoCheckout { path: dir.clone() })?;
        let subdirectory = BString::from(folder.as_os_str().as_encoded_bytes());
        let (head, id) = read_head(&objects)?;
        let remote = objects.remote();
        let uri = remote.as_deref().and_then(uri::clean);
        let mut notes = Vec::new();
        if remote.is_some() && uri.is_none() {
            notes.push("the remote's address is a path of this host or cannot be cleaned surely: statements will not name it".to_owned());
        }
        let history = History::read(&objects, id)?;
        let replaced =
            objects.git.references().and_then(|all| all.prefixed("refs/replace/").map(Iterator::count));
        if replaced.is_ok_and(|count| count > 0) || objects.git.common_dir().join("info/grafts").exists() {
            notes.push(
                "replacement refs and grafts are not applied: the commit is built as it was made".to_owned(),
            );
        }
        drop(objects);
        let skip = |path: &BStr| ignored.holds(path, subdirectory.as_bstr());
        let mut loader = Loader {
            files,
            skip: &skip,
            known: &Submodules::new(),
            members: Vec::new(),
            entries: Vec::new(),
            submodules: Vec::new(),
            dirt: Vec::new(),
            untracked: 0,
        };
        let reference = reference(&head, id, &history);
        let outer = Member {
            repo,
            folder: BString::default(),
            commit: placeholder(id),
            head,
            history: Some(history),
        };
        loader.load(outer, id, Some(&root), uri.as_deref(), 0)?;
        let Loader { members, mut entries, mut submodules, mut dirt, untracked, .. } = loader;
        super::tree::check(&mut entries, &format!("commit {id}"))?;
        submodules.sort_by(|a, b| a.path.cmp(&b.path));
        dirt.sort_unstable();
        let outer = &members[0];
        let (tags, shallow) = outer.history.as_ref().map_or_else(Default::default, |history| {
            (history.tags.iter().map(super::history::Tag::identity).collect(), &history.boundary[..])
        });
        let identity = CommitIdentity {
            uri,
            reference,
            commit: GitId::from(id),
            tree: GitId::from(outer.commit.tree),
            subdirectory: (!subdirectory.is_empty()).then(|| subdirectory.to_string()),
            tags,
            submodules,
            shallow: shallow.iter().copied().map(GitId::from).collect(),
        };
        let mut below = subdirectory.clone();
        below.push(b'/');
        if !subdirectory.is_empty() && !entries.iter().any(|entry| entry.path.starts_with(&below)) {
            return Err(SourceError::NotInCommit {
                folder: subdirectory.to_string(),
                commit: GitId::from(id),
            });
        }
        Ok(Self { members, entries, identity, dirt, untracked, notes })
    }

    /// The commit that a statement names, out of the repository at or around `dir`, whatever is checked out there.
    pub(super) fn at(
        dir: &Path,
        stated: &CommitIdentity,
        submodules: &Submodules,
    ) -> Result<Self, SourceError> {
        let dir = dir.canonicalize().map_err(SourceError::io("open", dir))?;
        let repo = Repo::discover(&dir)?;
        let objects = repo.objects();
        let root = objects.git.workdir().map(Path::to_owned);
        let id = stated.commit.id();
        // First: that the commit is gone is the plainer word than that one of its tags is.
        objects.read(id, Kind::Commit, &mut Vec::new(), &|| "the commit to build".to_owned())?;
        let history = History::stated(&objects, stated)?;
        drop(objects);
        let head = match &stated.reference {
            Some(name) if name.starts_with("refs/heads/") => Head::Branch(name.as_str().into()),
            Some(_) | None => Head::Detached,
        };
        let skip = |_: &BStr| false;
        let mut loader = Loader {
            files: Files::Stated,
            skip: &skip,
            known: submodules,
            members: Vec::new(),
            entries: Vec::new(),
            submodules: Vec::new(),
            dirt: Vec::new(),
            untracked: 0,
        };
        let outer = Member {
            repo,
            folder: BString::default(),
            commit: placeholder(id),
            head,
            history: Some(history),
        };
        loader.load(outer, id, root.as_deref(), stated.uri.as_deref(), 0)?;
        let Loader { members, mut entries, mut submodules, .. } = loader;
        super::tree::check(&mut entries, &format!("commit {id}"))?;
        submodules.sort_by(|a, b| a.path.cmp(&b.path));
        let identity =
            CommitIdentity { tree: GitId::from(members[0].commit.tree), submodules, ..stated.clone() };
        Ok(Self { members, entries, identity, dirt: Vec::new(), untracked: 0, notes: Vec::new() })
    }

    /// The digest of the files, and the files with what they held then.
    pub(super) fn digest(&self) -> Result<Sha256, SourceError> {
        super::reader::tree_digest(&self.entries, &|| Reader::new(&self.members, None))
    }
}

/// How deep submodules may nest.
const MAX_DEPTH: usize = 32;

impl Loader<'_> {
    fn load(
        &mut self,
        mut member: Member,
        id: ObjectId,
        root: Option<&Path>,
        uri: Option<&str>,
        depth: usize,
    ) -> Result<(), SourceError> {
        let number = self.members.len();
        let objects = member.repo.objects();
        let commit = Commit::read(&objects, id, number)?;
        if number > 0 {
            self.submodules.push(SubmoduleIdentity {
                path: member.folder.to_string(),
                uri: uri.map(str::to_owned),
                commit: GitId::from(id),
                tree: GitId::from(commit.tree),
            });
        }
        let folder = member.folder.clone();
        let full = |path: &BStr| join(folder.as_bstr(), path);
        let skip = |path: &BStr| (self.skip)(full(path).as_bstr());
        let looked = root.filter(|_| self.files != Files::Stated);
        let work = looked.map(|root| status::inspect(&objects, root, &commit, &skip)).transpose()?;
        let mut own = match (&work, self.files, root) {
            (Some(work), Files::WorkTree, Some(root)) => {
                work_tree_entries(work, &commit, root, &skip, number)?
            }
            _ => commit.entries.clone(),
        };
        let modules = submodule::Modules::read(&objects, &own)?;
        if let Some(work) = work {
            self.untracked += work.untracked;
            let prefixed = |dirt: Dirt| Dirt { path: full(dirt.path.as_bstr()), ..dirt };
            self.dirt.extend(work.dirt.into_iter().map(prefixed));
        }
        let mut found = Vec::new();
        for entry in own.iter_mut().filter(|entry| entry.mode == Mode::Submodule) {
            let Content::Commit(wanted) = entry.content else { continue };
            let path = full(entry.path.as_bstr());
            if depth >= MAX_DEPTH {
                let reason = format!("submodules are nested more than {MAX_DEPTH} deep");
                return Err(SourceError::Submodule { path: path.to_string(), reason });
            }
            let known = path.to_str().ok().and_then(|path| self.known.get(path));
            let place = match known {
                Some(folder) => submodule::Place { repo: Repo::open(folder)?, root: None, head: None },
                None => {
                    submodule::locate(&objects, &modules, entry.path.as_bstr(), path.as_bstr(), root, wanted)?
                }
            };
            let mut id = wanted;
            if let Some(head) = place.head.filter(|head| *head != wanted) {
                self.dirt.push(Dirt { path: path.clone(), change: status::Change::OtherCommit });
                if self.files == Files::WorkTree {
                    id = head;
                    entry.content = Content::Commit(head);
                }
            }
            let uri = modules.url(entry.path.as_bstr()).and_then(|url| uri::submodule(&url, uri));
            let root = place.root.filter(|_| place.head == Some(id));
            found.push((place.repo, path, id, root, uri));
        }
        drop(objects);
        self.entries.extend(own.into_iter().map(|entry| Entry { path: full(entry.path.as_bstr()), ..entry }));
        member.commit = commit;
        self.members.push(member);
        for (repo, folder, id, root, uri) in found {
            let inner = Member { repo, folder, commit: placeholder(id), head: Head::Detached, history: None };
            self.load(inner, id, root.as_deref(), uri.as_deref(), depth + 1)?;
        }
        Ok(())
    }
}

/// Stands where a commit will be once it was read.
fn placeholder(id: ObjectId) -> Commit {
    Commit { id, tree: id, time: 0, entries: Vec::new(), trees: Vec::new() }
}

/// `folder/path`, or `path` in the root.
pub(super) fn join(folder: &BStr, path: &BStr) -> BString {
    if folder.is_empty() {
        return path.to_owned();
    }
    let mut joined = folder.to_owned();
    joined.push(b'/');
    joined.extend_from_slice(path);
    joined
}

/// HEAD's form and its commit.
pub(super) fn read_head(objects: &Objects<'_>) -> Result<(Head, ObjectId), SourceError> {
    let place = &objects.repo.place;
    let failed = |error: gix::Error| SourceError::git("HEAD", place, error);
    let head = objects.git.head().map_err(failed)?;
    match &head.kind {
        HeadKind::Unborn(name) => {
            let branch = name.shorten().to_string();
            Err(SourceError::Unborn { path: place.clone(), branch })
        }
        HeadKind::Symbolic(reference) => {
            let name = reference.name.as_bstr().to_owned();
            let id = objects.git.head_id().map_err(failed)?.detach();
            let branch = name.starts_with(b"refs/heads/");
            Ok((if branch { Head::Branch(name) } else { Head::Detached }, id))
        }
        HeadKind::Detached { target, peeled } => Ok((Head::Detached, peeled.unwrap_or(*target))),
    }
}

/// The branch, or the one tag that a detached HEAD is exactly at.
fn reference(head: &Head, id: ObjectId, history: &History) -> Option<String> {
    match head {
        Head::Branch(name) => Some(name.to_string()),
        Head::Detached => {
            let mut here = history.tags.iter().filter(|tag| tag.commit == id);
            let first = here.next()?;
            here.next().is_none().then(|| format!("refs/tags/{}", first.name))
        }
    }
}

/// The tracked files as they are in the work tree; what is never dirt stays as it is in the commit.
fn work_tree_entries(
    work: &WorkTree,
    commit: &Commit,
    root: &Path,
    skip: &dyn Fn(&BStr) -> bool,
    repo: usize,
) -> Result<Vec<Entry>, SourceError> {
    let mut entries: Vec<Entry> =
        commit.entries.iter().filter(|entry| skip(entry.path.as_bstr())).cloned().collect();
    for file in work.tracked.iter().filter(|file| !skip(file.path.as_bstr())) {
        let path = file.path.clone();
        let host: PathBuf = root.join(host_path(path.as_bstr()));
        let failed = SourceError::io("read", &host);
        let (mode, content) = match file.state {
            State::Gone => continue,
            State::Same => (file.mode, Content::Blob(file.id)),
            State::Submodule => (Mode::Submodule, Content::Commit(file.id)),
            State::Differs(_, mode @ Mode::Link) => {
                (mode, Content::Here(status::content(&host, mode).map_err(failed)?))
            }
            State::Differs(_, mode) => {
                let bytes = status::content(&host, mode).map_err(failed)?;
                (mode, Content::Host(host, Sha256::of(bytes)))
            }
        };
        entries.push(Entry { path, mode, content, repo });
    }
    super::tree::check(&mut entries, "the work tree")?;
    Ok(entries)
}
