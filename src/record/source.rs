//! The source of a build, as a statement names it.

use serde_json::{Map, Value};

use crate::digest::Sha256;
use crate::provenance::{DigestSet, ResourceDescriptor};
use crate::source::{CommitIdentity, SourceIdentity, SubmoduleIdentity, TagIdentity};

/// `externalParameters.source`: what a person chose. Texts only.
pub(super) fn parameters(source: &SourceIdentity) -> Map<String, Value> {
    let mut map = Map::new();
    let mut add = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            map.insert(key.to_owned(), value.into());
        }
    };
    match source {
        SourceIdentity::Commit(head) => {
            add("uri", head.uri.as_deref());
            add("ref", head.reference.as_deref());
            add("subdirectory", head.subdirectory.as_deref());
        }
        SourceIdentity::Dirty { head, tree: _ } => {
            add("uri", head.uri.as_deref());
            add("ref", head.reference.as_deref());
            add("subdirectory", head.subdirectory.as_deref());
            add("allowDirty", Some("true"));
        }
        SourceIdentity::Archive { name, sha256: _ } => add("archive", Some(name)),
        SourceIdentity::Folder { tree: _ } => add("folder", Some(".")),
    }
    map
}

/// The source and its submodules as resolved dependencies.
pub(super) fn descriptors(source: &SourceIdentity) -> Vec<ResourceDescriptor> {
    match source {
        SourceIdentity::Commit(head) => {
            // SLSA's list of digests is closed and has no `gitTree`, so the tree is an annotation.
            let digest = DigestSet::git_commit(&head.commit.to_string());
            let first = named(dependency_uri(head), digest).with("gitTree", head.tree.to_string());
            with_submodules(history(first, head), head)
        }
        SourceIdentity::Dirty { head, tree } => {
            // Named by the digest of its files only: the commit is not what was built.
            let first = plain(tree, "folder", ".")
                .with("dirty", "true")
                .with("basedOn", dependency_uri(head))
                .with("basedOnCommit", head.commit.to_string());
            with_submodules(history(first, head), head)
        }
        SourceIdentity::Archive { name, sha256 } => vec![plain(sha256, "archive", name)],
        SourceIdentity::Folder { tree } => vec![plain(tree, "folder", ".")],
    }
}

fn named(uri: String, digest: DigestSet) -> ResourceDescriptor {
    ResourceDescriptor { name: "source".to_owned(), uri, digest, ..ResourceDescriptor::default() }
}

fn plain(digest: &Sha256, key: &str, value: &str) -> ResourceDescriptor {
    named(String::new(), DigestSet::sha256(digest)).with(key, value)
}

/// What else of the repository the box sees: its tags, and where a shallow history ends.
fn history(mut descriptor: ResourceDescriptor, head: &CommitIdentity) -> ResourceDescriptor {
    if !head.tags.is_empty() {
        descriptor = descriptor.with("tags", head.tags.iter().map(tag).collect::<Vec<_>>());
    }
    if !head.shallow.is_empty() {
        let ends: Vec<String> = head.shallow.iter().map(ToString::to_string).collect();
        descriptor = descriptor.with("shallow", ends);
    }
    descriptor
}

fn tag(tag: &TagIdentity) -> Value {
    let TagIdentity { name, commit, object } = tag;
    let mut map = Map::new();
    map.insert("name".to_owned(), name.as_str().into());
    map.insert("gitCommit".to_owned(), commit.to_string().into());
    if let Some(object) = object {
        map.insert("gitTag".to_owned(), object.to_string().into());
    }
    map.into()
}

fn with_submodules(first: ResourceDescriptor, head: &CommitIdentity) -> Vec<ResourceDescriptor> {
    [first].into_iter().chain(head.submodules.iter().map(submodule)).collect()
}

fn submodule(submodule: &SubmoduleIdentity) -> ResourceDescriptor {
    let SubmoduleIdentity { path, uri, commit, tree } = submodule;
    ResourceDescriptor {
        name: format!("submodule {path}"),
        uri: uri.clone().unwrap_or_default(),
        digest: DigestSet::git_commit(&commit.to_string()),
        ..ResourceDescriptor::default()
    }
    .with("path", path.as_str())
    .with("gitTree", tree.to_string())
}

/// `git+https://host/repo@refs/…`, the form of git dependencies in SLSA; empty without a remote.
fn dependency_uri(head: &CommitIdentity) -> String {
    match (&head.uri, &head.reference) {
        (Some(uri), Some(reference)) => format!("{uri}@{reference}"),
        (Some(uri), None) => uri.clone(),
        (None, _) => String::new(),
    }
}
