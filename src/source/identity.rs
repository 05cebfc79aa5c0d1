//! What a source is called in plans and statements: by digest, never by a path of the host.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Sha256;

/// The name of a git object: 40 lower-case hexadecimal digits (SHA-1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitId(gix::ObjectId);

/// A text that names no git object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a git object name: expected 40 lower-case hexadecimal digits, got {0:?}")]
pub struct ParseGitIdError(String);

impl GitId {
    /// As the git library has it.
    pub(super) fn id(self) -> gix::ObjectId {
        self.0
    }
}

impl From<gix::ObjectId> for GitId {
    fn from(id: gix::ObjectId) -> Self {
        Self(id)
    }
}

impl fmt::Display for GitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for GitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitId({self})")
    }
}

impl FromStr for GitId {
    type Err = ParseGitIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseGitIdError(text.chars().take(80).collect());
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 40 || !text.bytes().all(digit) {
            return Err(wrong());
        }
        gix::ObjectId::from_hex(text.as_bytes()).map(Self).map_err(|_| wrong())
    }
}

impl Serialize for GitId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GitId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a source is. Two sources with equal identities put the same bytes into the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SourceIdentity {
    /// A commit, as it is.
    Commit(CommitIdentity),
    /// A work tree with uncommitted changes: `tree` names its files, `head` only what they are based on.
    /// It must never be presented as `head` alone.
    Dirty {
        /// What HEAD was.
        head: CommitIdentity,
        /// Digest of the files that are built (algorithm: [`super::tree_digest_algorithm`]).
        tree: Sha256,
    },
    /// An archive file.
    Archive {
        /// File name, without folders.
        name: String,
        /// Digest of the file.
        sha256: Sha256,
    },
    /// A folder that is no checkout.
    Folder {
        /// Digest of its files (algorithm: [`super::tree_digest_algorithm`]).
        tree: Sha256,
    },
}

impl SourceIdentity {
    /// The commit, where the source is one or is based on one.
    #[must_use]
    pub fn head(&self) -> Option<&CommitIdentity> {
        match self {
            Self::Commit(head) | Self::Dirty { head, .. } => Some(head),
            Self::Archive { .. } | Self::Folder { .. } => None,
        }
    }
}

/// A commit and all that the box sees of its repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitIdentity {
    /// Where it was cloned from (`git+https://host/path`), without credentials. Absent when there is no remote
    /// `origin` (nor exactly one remote), or when it is a path of this host, or when it cannot be cleaned surely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The branch (`refs/heads/main`), or the tag of a detached HEAD if exactly one is there.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit.
    pub commit: GitId,
    /// The commit's tree.
    pub tree: GitId,
    /// The project's folder in the repository (`packages/a`), if it is not the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<String>,
    /// The tags on HEAD's ancestry, sorted by name: the box's repository holds these and no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagIdentity>,
    /// The submodules, nested ones too, sorted by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub submodules: Vec<SubmoduleIdentity>,
    /// Where a shallow history ends, sorted. Empty when the history is whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shallow: Vec<GitId>,
}

/// A tag in the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagIdentity {
    /// Without `refs/tags/`.
    pub name: String,
    /// The commit that it stands for in the end.
    pub commit: GitId,
    /// The tag object, if the tag is annotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<GitId>,
}

/// A submodule in the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmoduleIdentity {
    /// Its folder, relative to the root of the outermost repository.
    pub path: String,
    /// Its URL in `.gitmodules`, cleaned, relative ones resolved; absent as in [`CommitIdentity::uri`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The commit that the outer commit names.
    pub commit: GitId,
    /// That commit's tree.
    pub tree: GitId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_ids_are_parsed_strictly() {
        let id: GitId = "4b825dc642cb6eb9a060e54bf8d69288fbee4904".parse().unwrap();
        assert_eq!(id.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        for wrong in ["", "4b825dc", &"A".repeat(40), &"é".repeat(20), &"0".repeat(64)] {
            assert!(wrong.parse::<GitId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn identities_are_read_as_they_are_written() {
        let identity = SourceIdentity::Archive { name: "x-1.tar.gz".to_owned(), sha256: Sha256::of("x") };
        let text = serde_json::to_string(&identity).unwrap();
        assert!(text.starts_with(r#"{"kind":"archive","name":"x-1.tar.gz","sha256":""#), "{text}");
        assert_eq!(serde_json::from_str::<SourceIdentity>(&text).unwrap(), identity);
    }
}
