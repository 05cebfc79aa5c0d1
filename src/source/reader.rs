//! The bytes of entries, each compared with the name that the inspection gave it.

use std::path::Path;

use gix::ObjectId;
use gix::objs::Kind;
use rayon::prelude::*;

use crate::digest::Sha256;

use super::checkout::Member;
use super::error::SourceError;
use super::repository::Objects;
use super::spool::Spool;
use super::tree::{Content, Entry, Mode, TreeDigest};

/// One thread's access to everything that entries point to.
pub(super) struct Reader<'a> {
    objects: Vec<Objects<'a>>,
    spool: Option<&'a Spool>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(members: &'a [Member], spool: Option<&'a Spool>) -> Self {
        Self { objects: members.iter().map(|member| member.repo.objects()).collect(), spool }
    }

    /// The content of a file, or the target of a link; nothing for folders.
    pub(super) fn read(&self, entry: &Entry) -> Result<Vec<u8>, SourceError> {
        match &entry.content {
            Content::Blob(id) => self.object(entry.repo, *id, Kind::Blob, &|| entry.path.to_string()),
            Content::Host(path, expected) => read_host(path, expected),
            Content::Here(bytes) => Ok(bytes.clone()),
            Content::Spooled { offset, length } => {
                let Some(spool) = self.spool else { return Ok(Vec::new()) };
                spool.read(*offset, *length)
            }
            Content::Commit(_) | Content::Nothing => Ok(Vec::new()),
        }
    }

    /// An object of a member, hashed again.
    pub(super) fn object(
        &self,
        member: usize,
        id: ObjectId,
        kind: Kind,
        what: &dyn Fn() -> String,
    ) -> Result<Vec<u8>, SourceError> {
        let mut bytes = Vec::new();
        self.objects[member].read(id, kind, &mut bytes, what)?;
        Ok(bytes)
    }
}

fn read_host(path: &Path, expected: &Sha256) -> Result<Vec<u8>, SourceError> {
    let bytes = std::fs::read(path).map_err(SourceError::io("read", path))?;
    let actual = Sha256::of(&bytes);
    if actual != *expected {
        return Err(SourceError::Changed { path: path.to_owned(), expected: *expected, actual });
    }
    Ok(bytes)
}

/// The digest of a tree without a commit, as [`TreeDigest`] documents it. `entries` are sorted.
pub(super) fn tree_digest<'a>(
    entries: &[Entry],
    reader: &(dyn Fn() -> Reader<'a> + Sync),
) -> Result<Sha256, SourceError> {
    let hash = |reader: &mut Reader<'a>, entry: &Entry| match &entry.content {
        Content::Host(_, known) => Ok(*known),
        _ => reader.read(entry).map(Sha256::of),
    };
    let digests: Vec<Sha256> =
        entries.par_iter().with_min_len(32).map_init(reader, hash).collect::<Result<_, _>>()?;
    let mut digest = TreeDigest::new();
    for (entry, content) in entries.iter().zip(&digests) {
        if entry.mode != Mode::Submodule {
            digest.add(entry.mode, content, entry.path.as_ref());
        }
    }
    Ok(digest.finish())
}
