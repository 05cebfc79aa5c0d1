//! The source of a build, as a statement names it.

use serde_json::{Map, Value};

use crate::digest::Sha256;
use crate::provenance::{DigestSet, ResourceDescriptor};

/// Where the source came from. No credentials, no path of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecord {
    /// What it is.
    pub kind: SourceKind,
    /// The folder below its root that is built, with `/`; empty for the root.
    pub subdirectory: String,
}

/// What a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// A clean checkout: exactly this commit.
    Commit {
        /// `https://host/repo` or `ssh://…`, without credentials; `None` if the repository has no remote.
        uri: Option<String>,
        /// `refs/heads/main`, `refs/tags/v1.0`; `None` for a detached head without a tag.
        reference: Option<String>,
        /// Object id of the commit, hexadecimal.
        commit: String,
        /// Object id of its tree, hexadecimal.
        tree: String,
        /// Tags that the box can see, sorted by name.
        tags: Vec<TagRecord>,
        /// Submodules that are checked out, sorted by path.
        submodules: Vec<SubmoduleRecord>,
    },
    /// A checkout with changes (`--allow-dirty`): named by the digest of its tree, never by the commit.
    Dirty {
        /// As for a commit.
        uri: Option<String>,
        /// As for a commit.
        reference: Option<String>,
        /// Digest over the tree that was built.
        sha256: Sha256,
        /// The commit that was changed.
        base: String,
        /// As for a commit.
        tags: Vec<TagRecord>,
        /// As for a commit.
        submodules: Vec<SubmoduleRecord>,
    },
    /// One archive (`--source FILE`).
    Archive {
        /// File name.
        name: String,
        /// Digest of the file.
        sha256: Sha256,
    },
    /// A folder that is no checkout.
    Folder {
        /// Digest over the tree.
        sha256: Sha256,
    },
}

/// A tag that the box can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRecord {
    /// Without `refs/tags/`.
    pub name: String,
    /// The commit that it points to, hexadecimal.
    pub commit: String,
}

/// A submodule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmoduleRecord {
    /// Its folder, with `/`.
    pub path: String,
    /// Its remote, without credentials, if it has one.
    pub uri: Option<String>,
    /// Object id of its commit, hexadecimal.
    pub commit: String,
}

impl SourceRecord {
    /// `externalParameters.source`: what a person chose. Texts only.
    #[must_use]
    pub fn parameters(&self) -> Map<String, Value> {
        let mut map = Map::new();
        let mut add = |key: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                map.insert(key.to_owned(), value.into());
            }
        };
        match &self.kind {
            SourceKind::Commit { uri, reference, .. } | SourceKind::Dirty { uri, reference, .. } => {
                add("uri", uri.as_deref().map(git_uri).as_deref());
                add("ref", reference.as_deref());
            }
            SourceKind::Archive { name, .. } => add("archive", Some(name)),
            SourceKind::Folder { .. } => add("folder", Some(".")),
        }
        if matches!(self.kind, SourceKind::Dirty { .. }) {
            add("allowDirty", Some("true"));
        }
        add("subdirectory", Some(&self.subdirectory));
        map
    }

    /// The source and its submodules as resolved dependencies.
    #[must_use]
    pub fn descriptors(&self) -> Vec<ResourceDescriptor> {
        let source = |uri: String, digest: DigestSet| ResourceDescriptor {
            name: "source".to_owned(),
            uri,
            digest,
            ..ResourceDescriptor::default()
        };
        match &self.kind {
            SourceKind::Commit { uri, reference, commit, tree, tags, submodules } => {
                let uri = dependency_uri(uri.as_deref(), reference.as_deref());
                // SLSA's list of digests is closed and has no `gitTree`, so the tree is an annotation.
                let first = source(uri, DigestSet::git_commit(commit)).with("gitTree", tree.as_str());
                [with_tags(first, tags)].into_iter().chain(submodules.iter().map(submodule)).collect()
            }
            SourceKind::Dirty { uri, reference, sha256, base, tags, submodules } => {
                let uri = dependency_uri(uri.as_deref(), reference.as_deref());
                let first = source(uri, DigestSet::sha256(sha256))
                    .with("dirty", "this tree is not the commit: it has changes that are in no repository")
                    .with("baseCommit", base.as_str());
                [with_tags(first, tags)].into_iter().chain(submodules.iter().map(submodule)).collect()
            }
            SourceKind::Archive { name, sha256 } => {
                vec![source(String::new(), DigestSet::sha256(sha256)).with("archive", name.as_str())]
            }
            SourceKind::Folder { sha256 } => {
                vec![source(String::new(), DigestSet::sha256(sha256)).with("folder", ".")]
            }
        }
    }
}

fn with_tags(descriptor: ResourceDescriptor, tags: &[TagRecord]) -> ResourceDescriptor {
    if tags.is_empty() {
        return descriptor;
    }
    let map: Map<String, Value> =
        tags.iter().map(|tag| (tag.name.clone(), tag.commit.as_str().into())).collect();
    descriptor.with("tags", map)
}

fn submodule(submodule: &SubmoduleRecord) -> ResourceDescriptor {
    ResourceDescriptor {
        name: format!("submodule {}", submodule.path),
        uri: dependency_uri(submodule.uri.as_deref(), None),
        digest: DigestSet::git_commit(&submodule.commit),
        ..ResourceDescriptor::default()
    }
    .with("path", submodule.path.as_str())
}

/// `git+https://host/repo@refs/…`, the form of git dependencies in SLSA; empty without a remote.
fn dependency_uri(uri: Option<&str>, reference: Option<&str>) -> String {
    let Some(uri) = uri else { return String::new() };
    match reference {
        Some(reference) => format!("{}@{reference}", git_uri(uri)),
        None => git_uri(uri),
    }
}

fn git_uri(uri: &str) -> String {
    if uri.starts_with("git+") { uri.to_owned() } else { format!("git+{uri}") }
}
