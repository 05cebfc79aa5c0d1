//! Where the repositories of submodules are on this host.

use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::objs::Kind;

use super::checkout::read_head;
use super::error::SourceError;
use super::repository::{Objects, Repo};
use super::status::host_path;
use super::tree::{Content, Entry, Mode};

/// What `.gitmodules` says: path, name and address of each submodule.
pub(super) struct Modules(Vec<(BString, BString, Option<String>)>);

impl Modules {
    /// Reads `.gitmodules` among `entries`, if there are submodules at all.
    pub(super) fn read(objects: &Objects<'_>, entries: &[Entry]) -> Result<Self, SourceError> {
        let file = entries.iter().find(|entry| entry.path == ".gitmodules" && entry.mode != Mode::Link);
        let Some(file) = file.filter(|_| entries.iter().any(|entry| entry.mode == Mode::Submodule)) else {
            return Ok(Self(Vec::new()));
        };
        let mut bytes = Vec::new();
        match &file.content {
            Content::Blob(id) => {
                objects.read(*id, Kind::Blob, &mut bytes, &|| ".gitmodules".to_owned())?;
            }
            Content::Host(path, _) => bytes = std::fs::read(path).map_err(SourceError::io("read", path))?,
            Content::Commit(_) | Content::Here(_) | Content::Spooled { .. } | Content::Nothing => {}
        }
        let text = String::from_utf8_lossy(&bytes);
        let config = gix::config::File::try_from(text.as_ref())
            .map_err(|error| SourceError::git(".gitmodules", &objects.repo.place, error))?;
        let sections = config.sections_by_name("submodule").into_iter().flatten();
        let modules = sections.filter_map(|section| {
            let name = section.header().subsection_name()?.to_owned();
            let path = section.value("path")?.trim_end_with(|c| c == '/').as_bstr().to_owned();
            let url = section.value("url").and_then(|url| url.to_str().ok().map(str::to_owned));
            Some((path, name, url))
        });
        Ok(Self(modules.collect()))
    }

    fn name(&self, path: &BStr) -> Option<&BStr> {
        self.0.iter().find(|(known, ..)| known == path).map(|(_, name, _)| name.as_bstr())
    }

    /// The address, as it is written.
    pub(super) fn url(&self, path: &BStr) -> Option<String> {
        self.0.iter().find(|(known, ..)| known == path).and_then(|(.., url)| url.clone())
    }
}

/// A submodule's repository.
pub(super) struct Place {
    /// Holds the wanted commit, or (with `head`) is the one that is checked out.
    pub(super) repo: Repo,
    /// The work tree, if it is checked out.
    pub(super) root: Option<PathBuf>,
    /// What is checked out there.
    pub(super) head: Option<ObjectId>,
}

/// Finds the repository of the submodule at `path` (`full` from the outermost root) that holds commit `wanted`:
/// the one checked out in the work tree, or that in `modules/` of the git folder.
pub(super) fn locate(
    objects: &Objects<'_>,
    modules: &Modules,
    path: &BStr,
    full: &BStr,
    root: Option<&Path>,
    wanted: ObjectId,
) -> Result<Place, SourceError> {
    let refused = |reason: String| SourceError::Submodule { path: full.to_string(), reason };
    let holds = |repo: &Repo| repo.objects().kind(wanted) == Some(Kind::Commit);
    let checked_out = root.and_then(|root| checked_out(root, path)).map(|folder| {
        let repo = Repo::open(&folder)?;
        let head = match read_head(&repo.objects()) {
            Ok((_, id)) => Some(id),
            Err(SourceError::Unborn { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok((repo, folder, head))
    });
    let (in_tree, head, folder) = match checked_out.transpose()? {
        Some((repo, folder, head)) => (Some(repo), head, Some(folder)),
        None => (None, None, None),
    };
    let mut incomplete = in_tree.is_some();
    if let Some(repo) = in_tree {
        // One that has another commit checked out is dirt, or what `--allow-dirty` builds.
        if holds(&repo) || head.is_some_and(|head| head != wanted) {
            return Ok(Place { repo, root: folder, head });
        }
    }
    if let Some(name) = modules.name(path) {
        // git's own rule (CVE-2018-11235): a name must not lead out of `modules/`.
        if name.is_empty() || name.split_str("/").any(|part| part == b"..") || name.starts_with(b"/") {
            return Err(refused(format!("its name {name:?} in .gitmodules leads out of the git folder")));
        }
        for git_dir in [objects.git.git_dir(), objects.git.common_dir()] {
            let candidate = git_dir.join("modules").join(host_path(name));
            if !candidate.join("HEAD").is_file() {
                continue;
            }
            incomplete = true;
            let repo = Repo::open(&candidate)?;
            if holds(&repo) {
                return Ok(Place { repo, root: None, head: None });
            }
        }
    }
    let reason = if incomplete {
        format!("commit {wanted} is not in its repository")
    } else {
        "its repository is not here: it was never initialized".to_owned()
    };
    Err(refused(reason))
}

/// The folder of a submodule that has a repository, if no link leads there.
fn checked_out(root: &Path, path: &BStr) -> Option<PathBuf> {
    let mut folder = root.to_owned();
    for part in path.split_str("/") {
        folder.push(host_path(part.as_bstr()));
        folder.symlink_metadata().ok().filter(std::fs::Metadata::is_dir)?;
    }
    folder.join(".git").symlink_metadata().is_ok().then_some(folder)
}
