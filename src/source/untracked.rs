//! How many files of a work tree are neither tracked nor ignored: they are not in the build.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::bstr::{BStr, ByteSlice};
use gix::dir::EntryRef;
use gix::dir::entry::Status;
use gix::dir::walk::{Action, Delegate, EmissionMode};

use super::error::SourceError;
use super::repository::Objects;

struct Counter<'a> {
    count: usize,
    skip: &'a dyn Fn(&BStr) -> bool,
}

impl Delegate for Counter<'_> {
    fn emit(&mut self, entry: EntryRef<'_>, _collapsed: Option<Status>) -> Action {
        let counts = match entry.status {
            Status::Untracked => !(self.skip)(entry.rela_path.as_bstr()),
            Status::Tracked | Status::Ignored(_) | Status::Pruned => false,
        };
        self.count += usize::from(counts);
        ControlFlow::Continue(())
    }
}

/// Counts files; a repository within counts as one. Entries of `index` that are there carry the flag `UPTODATE`.
pub(super) fn count(
    objects: &Objects<'_>,
    root: &Path,
    index: &gix::index::State,
    skip: &dyn Fn(&BStr) -> bool,
) -> Result<usize, SourceError> {
    let failed = |error: gix::Error| SourceError::git("the work tree", root, error);
    let options = objects.git.dirwalk_options().map_err(failed)?;
    let options = options.emit_untracked(EmissionMode::Matching).emit_tracked(false);
    let mut counter = Counter { count: 0, skip };
    let patterns: [&BStr; 0] = [];
    objects.git.dirwalk(index, patterns, &AtomicBool::new(false), options, &mut counter).map_err(failed)?;
    Ok(counter.count)
}
