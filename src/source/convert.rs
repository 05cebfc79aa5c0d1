//! git's built-in conversions of file contents (line ends, `ident`, encodings), without any configured program.

use std::path::Path;

use gix::ObjectId;
use gix::bstr::BStr;
use gix::filter::plumbing::pipeline::{CrlfRoundTripCheck, convert::ToGitOutcome};
use gix::objs::{Find as _, Kind};
use gix::worktree::stack::state::attributes::Source;

use super::repository::Objects;
use super::status::host_path;

/// Converts files of a work tree as `git add` would, filter drivers excepted. Made when first needed.
pub(super) struct Converter<'a> {
    objects: &'a Objects<'a>,
    index: &'a gix::index::State,
    parts: Option<(gix::filter::plumbing::Pipeline, gix::AttributeStack<'a>)>,
}

impl<'a> Converter<'a> {
    pub(super) fn new(objects: &'a Objects<'a>, index: &'a gix::index::State) -> Self {
        Self { objects, index, parts: None }
    }

    /// The name that the blob of `file` would get; `None` if that cannot be told without running a program.
    pub(super) fn blob_id(&mut self, path: &BStr, file: &Path) -> Option<ObjectId> {
        if self.parts.is_none() {
            let git = &self.objects.git;
            let mut options = gix::filter::Pipeline::options(git).ok()?;
            // A filter driver is a program that the repository names: there is none here.
            options.drivers = Vec::new();
            options.crlf_roundtrip_check = CrlfRoundTripCheck::Skip;
            let context = gix::command::Context::default();
            let pipeline = gix::filter::plumbing::Pipeline::new(context, git.object_hash(), options);
            let attributes = git.attributes_only(self.index, Source::WorktreeThenIdMapping).ok()?;
            self.parts = Some((pipeline, attributes));
        }
        let (pipeline, attributes) = self.parts.as_mut()?;
        let bytes = std::fs::read(file).ok()?;
        let relative = host_path(path);
        let platform = attributes.at_path(relative, None).ok()?;
        let (index, objects) = (self.index, self.objects);
        let outcome = pipeline
            .convert_to_git(
                bytes.as_slice(),
                relative,
                &mut |_, out| {
                    platform.matching_attributes(out);
                },
                &mut |buffer| {
                    let Some(entry) = index.entry_by_path(path) else { return Ok(None) };
                    let found = objects.git.objects.try_find(&entry.id, buffer)?;
                    Ok(found.filter(|found| found.kind == Kind::Blob).map(|_| ()))
                },
            )
            .ok()?;
        let converted = match &outcome {
            ToGitOutcome::Unchanged(_) => bytes.as_slice(),
            ToGitOutcome::Buffer(buffer) => buffer,
            ToGitOutcome::Process(_) => return None,
        };
        gix::objs::compute_hash(git_hash(index), Kind::Blob, converted).ok()
    }
}

fn git_hash(index: &gix::index::State) -> gix::hash::Kind {
    index.object_hash()
}
