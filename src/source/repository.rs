//! Opening a repository so that nothing of it runs, and reading objects that are what their names say.

use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;
use gix::objs::{Find as _, Kind};
use gix::{ObjectId, ThreadSafeRepository};

use super::error::{Completeness, SourceError};
use super::identity::GitId;

/// A repository that objects are read from.
pub(super) struct Repo {
    shared: ThreadSafeRepository,
    /// The folder to name in messages: the work tree, else the git folder.
    pub(super) place: PathBuf,
    clone: Completeness,
}

/// One thread's view of a [`Repo`].
pub(super) struct Objects<'a> {
    pub(super) git: gix::Repository,
    pub(super) repo: &'a Repo,
}

/// The configuration is only read (line ends, ignore files, the remote's address); neither variables (`GIT_DIR`
/// of a hook that calls us) nor the git program are asked. Replacement refs would put another commit's content
/// in the place of the one that is named.
fn options() -> gix::open::Options {
    use gix::open::permissions::{Attributes, Config, Environment};
    let allow = gix::sec::Permission::Allow;
    let permissions = gix::open::Permissions {
        env: Environment { home: allow, xdg_config_home: allow, ..Environment::isolated() },
        config: Config { git_binary: false, env: false, ..Config::all() },
        attributes: Attributes { git_binary: false, ..Attributes::all() },
    };
    gix::open::Options::default().permissions(permissions).config_overrides(["core.useReplaceRefs=false"])
}

impl Repo {
    /// The repository whose work tree `dir` is in. Its owner does not matter: nothing of it is executed.
    pub(super) fn discover(dir: &Path) -> Result<Self, SourceError> {
        let upwards = gix::discover::upwards::Options {
            trust: gix::discover::upwards::TrustPolicy::Assume(gix::sec::Trust::Full),
            ..Default::default()
        };
        let (path, _) = gix::discover::upwards_opts(dir, upwards)
            .map_err(|_| SourceError::NoCheckout { path: dir.to_owned() })?;
        let git_dir = path.into_repository_and_work_tree_directories();
        let place = git_dir.1.unwrap_or(git_dir.0);
        Self::open(&place)
    }

    /// The repository at a git folder or at the root of a work tree.
    pub(super) fn open(place: &Path) -> Result<Self, SourceError> {
        let shared = options().with(gix::sec::Trust::Full).open(place).map_err(|error| {
            unsupported_format(place).unwrap_or_else(|| SourceError::git("the configuration", place, error))
        })?;
        let git = shared.to_thread_local();
        if let Some(error) = unsupported_format(git.common_dir()) {
            return Err(error);
        }
        let config = git.config_snapshot();
        let promisor = config
            .plumbing()
            .sections_by_name("remote")
            .is_some_and(|mut all| all.any(|section| section.value("promisor").is_some()));
        let partial = promisor || config.string("extensions.partialClone").is_some();
        let clone = if partial { Completeness::Partial } else { Completeness::Full };
        let place = git.workdir().unwrap_or_else(|| git.git_dir()).to_owned();
        Ok(Self { shared, place, clone })
    }

    /// A view for this thread.
    pub(super) fn objects(&self) -> Objects<'_> {
        Objects { git: self.shared.to_thread_local(), repo: self }
    }
}

impl Objects<'_> {
    /// Reads an object into `buffer`, and compares what was read with the name.
    pub(super) fn read(
        &self,
        id: ObjectId,
        kind: Kind,
        buffer: &mut Vec<u8>,
        what: &dyn Fn() -> String,
    ) -> Result<(), SourceError> {
        self.read_unchecked(id, kind, buffer, what)?;
        // A loose object is hashed by nobody else, and a pack's index may say anything.
        let damaged = |actual: String| SourceError::DamagedObject {
            id: GitId::from(id),
            actual,
            path: self.git.git_dir().to_owned(),
        };
        let actual =
            gix::objs::compute_hash(id.kind(), kind, buffer).map_err(|error| damaged(error.to_string()))?;
        if actual == id { Ok(()) } else { Err(damaged(actual.to_string())) }
    }

    /// Reads an object without hashing it: for walks whose objects are read again when they are written.
    pub(super) fn read_unchecked(
        &self,
        id: ObjectId,
        kind: Kind,
        buffer: &mut Vec<u8>,
        what: &dyn Fn() -> String,
    ) -> Result<(), SourceError> {
        let found = match self.git.objects.try_find(&id, buffer) {
            Ok(Some(data)) => Some((data.kind, data.data.len())),
            Ok(None) => None,
            Err(error) => return Err(SourceError::git("an object", self.git.git_dir(), error)),
        };
        match found {
            Some((found, length)) if found == kind => {
                buffer.truncate(length);
                Ok(())
            }
            Some((found, _)) => Err(SourceError::DamagedObject {
                id: GitId::from(id),
                actual: format!("a {found}, not a {kind}"),
                path: self.git.git_dir().to_owned(),
            }),
            None => Err(SourceError::MissingObject {
                kind: kind_name(kind),
                id: GitId::from(id),
                what: what(),
                path: self.git.git_dir().to_owned(),
                clone: self.repo.clone,
            }),
        }
    }

    /// The kind of an object, if it is there.
    pub(super) fn kind(&self, id: ObjectId) -> Option<Kind> {
        self.git.try_find_header(id).ok().flatten().map(|header| header.kind())
    }

    /// The address of remote `origin`, or of the only remote, as it is configured.
    pub(super) fn remote(&self) -> Option<String> {
        let config = self.git.config_snapshot();
        let remotes: Vec<_> = config.plumbing().sections_by_name("remote").into_iter().flatten().collect();
        let origin = remotes.iter().find(|section| {
            section.header().subsection_name() == Some("origin".into()) && section.value("url").is_some()
        });
        let only = || {
            let mut with_url = remotes.iter().filter(|section| section.value("url").is_some());
            with_url.next().filter(|_| with_url.next().is_none())
        };
        let url = origin.or_else(only)?.value("url")?;
        url.to_str().ok().map(str::to_owned)
    }
}

/// The word for a kind in messages.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Commit => "commit",
        Kind::Tree => "tree",
        Kind::Blob => "blob",
        Kind::Tag => "tag",
    }
}

/// Forms of repositories that the library does not read, found in the configuration file itself, since it may
/// refuse to open them, or take a reference table for an unborn branch.
fn unsupported_format(place: &Path) -> Option<SourceError> {
    let folder = if place.join(".git").is_dir() { place.join(".git") } else { place.to_owned() };
    let path = folder.join("config");
    let text = std::fs::read(&path).ok()?;
    let config = gix::config::File::try_from(text.to_str().ok()?).ok()?;
    [("extensions.objectFormat", "sha1"), ("extensions.refStorage", "files")].into_iter().find_map(
        |(extension, expected)| {
            let actual = config.string(extension)?.to_string();
            let wrong = !actual.eq_ignore_ascii_case(expected);
            wrong.then(|| SourceError::Format { path: folder.clone(), extension, expected, actual })
        },
    )
}
