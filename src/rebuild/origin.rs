//! The source that a statement names: what the user has of it, else from where the statement says.

use std::collections::BTreeSet;
use std::path::Path;

use super::recorded::Recorded;
use super::{RebuildError, RebuildRequest, network};
use crate::build::Context;
use crate::digest::Sha256;
use crate::fetch::{FetchError, GitWanted};
use crate::output::SdistName;
use crate::record::StatedSource;
use crate::source::{
    CommitIdentity, DirtyPolicy, GitId, IgnoredPaths, Source, SourceError, SourceIdentity, Submodules,
};
use crate::store::Scratch;

/// What is looked for, and where.
pub(super) struct Origin<'a> {
    pub(super) request: &'a RebuildRequest,
    pub(super) recorded: &'a Recorded,
    /// Whether somebody who is believed signed the statement: only then it may lead into the network.
    pub(super) trusted: bool,
    pub(super) context: Context<'a>,
}

/// A source, and the folder that it is read from while it is used.
pub(super) struct Found {
    pub(super) source: Source,
    _folder: Option<Scratch>,
}

impl From<Source> for Found {
    fn from(source: Source) -> Self {
        Self { source, _folder: None }
    }
}

impl Origin<'_> {
    /// The source, which is the one that the statement names or an error.
    pub(super) fn source(&self) -> Result<Found, RebuildError> {
        match (&self.recorded.source, &self.request.source) {
            (StatedSource::Commit(stated), Some(path)) => Ok(commit_in(path, stated)?.into()),
            (StatedSource::Commit(stated), None) => self.fetched(stated),
            (StatedSource::Archive { name, sha256 }, Some(path)) => {
                let path = if path.is_dir() { path.join(name) } else { path.clone() };
                self.archive(&path, name, *sha256)
            }
            (StatedSource::Archive { name, sha256 }, None) => self.indexed(name, *sha256),
            (StatedSource::Folder { tree }, Some(path)) => {
                let source = Source::folder(path, &IgnoredPaths::default())?;
                same_tree(path, source, tree)
            }
            (StatedSource::Dirty { tree, commit, subdirectory }, Some(path)) => {
                let path = subdirectory.as_ref().map_or_else(|| path.clone(), |below| path.join(below));
                let source = Source::checkout(&path, DirtyPolicy::Allow, &IgnoredPaths::default())?;
                let head = source.identity().head().map(|head| head.commit);
                if head != Some(*commit) {
                    return Err(other(&path, format!("a work tree on commit {commit}"), named(head)));
                }
                same_tree(&path, source, tree)
            }
            (StatedSource::Folder { .. }, None) => Err(RebuildError::NeedSource {
                why: "the statement is of a folder, which no address stands for",
                hint: "name the folder with `--source DIR`; it is checked by its digest",
            }),
            (StatedSource::Dirty { .. }, None) => Err(RebuildError::NeedSource {
                why: "the statement is of uncommitted changes, which are nowhere but in that work tree",
                hint: "name the work tree with `--source DIR`; it is checked by its digest",
            }),
        }
    }

    /// An archive that is here, under the name that the statement has for it.
    fn archive(&self, path: &Path, name: &str, expected: Sha256) -> Result<Found, RebuildError> {
        let scratch = self.context.store.scratch("source")?;
        let copy = scratch.path().join(name);
        let wrong = |source| RebuildError::Read { path: path.to_owned(), source };
        let mut to = scratch.file(name)?;
        let bytes = std::fs::File::open(path)
            .and_then(|mut from| std::io::copy(&mut from, &mut to))
            .map_err(wrong)?;
        drop(to);
        let actual = std::fs::File::open(&copy).and_then(Sha256::of_reader).map_err(wrong)?.0;
        if actual != expected {
            let actual = format!("sha256 {actual} ({bytes} bytes)");
            return Err(other(path, format!("sha256 {expected}"), actual));
        }
        let source = Source::path(&copy, DirtyPolicy::Refuse, &IgnoredPaths::default())?;
        Ok(Found { source, _folder: Some(scratch) })
    }

    fn indexed(&self, name: &str, sha256: Sha256) -> Result<Found, RebuildError> {
        if !self.trusted {
            return Err(UNSIGNED);
        }
        let readings = name.parse::<SdistName>().ok();
        let project = readings.as_ref().and_then(|name| name.readings().next().map(|(name, _)| name));
        let Some(project) = project else {
            return Err(RebuildError::NeedSource {
                why: "the statement is of an archive whose name is not that of an sdist, so no index has it",
                hint: "name the archive with `--source FILE`; it is checked by its digest",
            });
        };
        let path = network::archive((name, &project), sha256, self.context)?;
        self.archive(&path, name, sha256)
    }

    /// The commit and its submodules from where the statement says, into repositories that go away again.
    fn fetched(&self, stated: &CommitIdentity) -> Result<Found, RebuildError> {
        if !self.trusted {
            return Err(UNSIGNED);
        }
        let Some(uri) = &stated.uri else { return Err(NO_ADDRESS) };
        let scratch = self.context.store.scratch("source")?;
        let mut objects = BTreeSet::from([stated.commit.to_string()]);
        objects.extend(stated.tags.iter().filter_map(|tag| tag.object).map(|id| id.to_string()));
        let private = self.request.private;
        let outer = scratch.path().join("outer.git");
        let wanted = GitWanted { uri: uri.clone(), objects, private };
        network::repository(&wanted, &outer, self.context).map_err(|error| match error {
            RebuildError::Fetch(FetchError::NotOurs { object, .. })
                if object == stated.commit.to_string() =>
            {
                RebuildError::NoCommit { commit: stated.commit, place: uri.clone() }
            }
            other => other,
        })?;
        let mut submodules = Submodules::new();
        for (number, submodule) in stated.submodules.iter().enumerate() {
            let Some(uri) = &submodule.uri else { return Err(NO_ADDRESS) };
            let folder = scratch.path().join(format!("{number}.git"));
            let objects = BTreeSet::from([submodule.commit.to_string()]);
            let wanted = GitWanted { uri: uri.clone(), objects, private };
            network::repository(&wanted, &folder, self.context).map_err(|error| match error {
                RebuildError::Fetch(FetchError::NotOurs { .. }) => {
                    RebuildError::NoCommit { commit: submodule.commit, place: uri.clone() }
                }
                other => other,
            })?;
            submodules.insert(submodule.path.clone(), folder);
        }
        let source = Source::at(&outer, stated, &submodules)?;
        Ok(Found { source, _folder: Some(scratch) })
    }
}

const NO_ADDRESS: RebuildError = RebuildError::NeedSource {
    why: "the statement names a commit and no repository that others can reach",
    hint: "name a clone with `--source DIR`; the commit is checked by its name",
};

const UNSIGNED: RebuildError = RebuildError::NeedSource {
    why: "nobody who is believed signed the statement, so nothing is fetched from where it says",
    hint: "name the source with `--source FILE|DIR`; it is checked by its digest",
};

/// The commit, out of a clone.
fn commit_in(path: &Path, stated: &CommitIdentity) -> Result<Source, RebuildError> {
    if !path.is_dir() {
        let actual = "a file".to_owned();
        return Err(other(path, format!("a git repository with commit {}", stated.commit), actual));
    }
    Source::at(path, stated, &Submodules::new()).map_err(|error| match error {
        SourceError::MissingObject { kind: "commit", id, .. } if id == stated.commit => {
            RebuildError::NoCommit { commit: stated.commit, place: path.display().to_string() }
        }
        other => other.into(),
    })
}

fn same_tree(path: &Path, source: Source, expected: &Sha256) -> Result<Found, RebuildError> {
    let actual = match source.identity() {
        SourceIdentity::Folder { tree } | SourceIdentity::Dirty { tree, .. } => *tree,
        SourceIdentity::Commit(head) => {
            let expected = format!("files of digest {expected}");
            return Err(other(path, expected, format!("commit {} without a change", head.commit)));
        }
        SourceIdentity::Archive { sha256, .. } => *sha256,
    };
    if actual == *expected {
        return Ok(source.into());
    }
    Err(other(path, format!("files of digest {expected}"), format!("files of digest {actual}")))
}

fn named(commit: Option<GitId>) -> String {
    commit.map_or_else(|| "no commit".to_owned(), |commit| format!("commit {commit}"))
}

fn other(path: &Path, expected: String, actual: String) -> RebuildError {
    RebuildError::OtherSource { place: path.display().to_string(), expected, actual }
}
