//! `store gc`: removes what no root uses.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::error::IoContext;
use super::list::{entries, named};
use super::{Store, StoreError, record, remove_tree, temp};
use crate::digest::Sha256;

/// Whether things are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    /// Only said.
    Yes,
    /// Removed.
    No,
}

/// How to collect.
#[derive(Debug, Clone, Copy)]
pub struct GcOptions {
    /// What came into the store less than this time ago is kept, used or not.
    pub keep_younger: Duration,
    /// How long other processes that use the store are waited for.
    pub wait: Duration,
    /// Whether things are removed.
    pub dry_run: DryRun,
}

impl Default for GcOptions {
    fn default() -> Self {
        Self { keep_younger: Duration::from_hours(24), wait: Duration::from_secs(10), dry_run: DryRun::No }
    }
}

/// What was removed (or would be).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Blobs.
    pub blobs: u64,
    /// Trees.
    pub trees: u64,
    /// Action results.
    pub actions: u64,
    /// Roots whose owner is gone.
    pub roots: u64,
    /// Cached documents, cut-off downloads, damaged things.
    pub other: u64,
    /// Bytes that all these had.
    pub bytes: u64,
    /// Bytes of blobs, trees and actions that stay.
    pub kept_bytes: u64,
}

impl Store {
    /// Removes what no root uses and what is older than the options say, while no other process has the store
    /// open. This process must not use it in other threads meanwhile.
    ///
    /// # Errors
    /// Others use the store for longer than the options wait, or the host fails.
    pub fn gc(&self, options: GcOptions) -> Result<GcReport, StoreError> {
        self.alone(options.wait, || Collection::new(self, options).run())
    }

    /// Everything that roots reach. A digest is looked up as a tree's key, as an action's key, and counts as a
    /// blob.
    fn reachable(&self, roots: impl IntoIterator<Item = Sha256>) -> Result<BTreeSet<Sha256>, StoreError> {
        let mut seen = BTreeSet::new();
        let mut todo: Vec<Sha256> = roots.into_iter().collect();
        while let Some(digest) = todo.pop() {
            if !seen.insert(digest) {
                continue;
            }
            for kind in super::TreeKind::ALL {
                if let Some((tree, _)) = self.read_tree(kind, &digest)? {
                    todo.extend(tree.uses);
                }
            }
            let action = fs::read(self.action_path(&digest)).ok();
            todo.extend(
                action.as_deref().and_then(record::parse).into_iter().flat_map(|(header, _)| header.uses),
            );
        }
        Ok(seen)
    }
}

struct Collection<'a> {
    store: &'a Store,
    dry_run: DryRun,
    /// What changed after this time stays. `None`: everything that is not used goes.
    since: Option<SystemTime>,
    report: GcReport,
}

impl<'a> Collection<'a> {
    fn new(store: &'a Store, options: GcOptions) -> Self {
        let since = (!options.keep_younger.is_zero())
            .then(|| SystemTime::now().checked_sub(options.keep_younger).unwrap_or(SystemTime::UNIX_EPOCH));
        Self { store, dry_run: options.dry_run, since, report: GcReport::default() }
    }

    fn run(mut self) -> Result<GcReport, StoreError> {
        let store = self.store;
        let mut starts = Vec::new();
        for (path, root) in store.root_files()? {
            match root {
                Some(root) if root.is_alive() => starts.extend(root.uses.all()),
                Some(_) => {
                    self.remove(&path)?;
                    self.report.roots += 1;
                }
                // Not understood: perhaps of a newer version. It keeps nothing, and `verify` tells of it.
                None => {}
            }
        }
        // What is young is kept with all that it uses.
        let actions = named(&store.folder("actions"))?;
        let trees = store.tree_keys()?;
        starts.extend(actions.iter().filter(|(_, path)| self.is_young(path)).map(|(key, _)| *key));
        let tree_path = |(kind, key): &(_, _)| store.tree_folder(*kind, key);
        starts.extend(trees.iter().filter(|tree| self.is_young(&tree_path(tree))).map(|(_, key)| *key));
        let used = store.reachable(starts)?;

        for (key, path) in actions {
            self.report.actions += self.judge(&path, size(&path), used.contains(&key))?;
        }
        for tree in trees {
            let bytes = store.read_tree(tree.0, &tree.1)?.map_or(0, |(tree, _)| tree.bytes);
            self.report.trees += self.judge(&tree_path(&tree), bytes, used.contains(&tree.1))?;
        }
        for (digest, path) in store.blob_files()? {
            let keep = used.contains(&digest) || self.is_young(&path);
            self.report.blobs += self.judge(&path, size(&path), keep)?;
        }
        for folder in ["documents", "partial", "damaged"] {
            for path in entries(&store.folder(folder))? {
                if folder == "damaged" || !self.is_young(&path) {
                    self.report.bytes += size(&path);
                    self.report.other += 1;
                    self.remove(&path)?;
                }
            }
        }
        if self.dry_run == DryRun::No {
            temp::sweep(&store.folder("tmp"));
            // Nobody has the store open, so nobody waits for a key.
            for path in entries(&store.folder("locks"))? {
                self.remove(&path)?;
            }
        }
        Ok(self.report)
    }

    fn is_young(&self, path: &Path) -> bool {
        let changed = fs::symlink_metadata(path).and_then(|meta| meta.modified());
        self.since.is_some_and(|since| changed.is_ok_and(|changed| changed > since))
    }

    /// Removes what is not to be kept. Returns how many things that were.
    fn judge(&mut self, path: &Path, bytes: u64, keep: bool) -> Result<u64, StoreError> {
        if keep {
            self.report.kept_bytes += bytes;
            return Ok(0);
        }
        self.report.bytes += bytes;
        self.remove(path)?;
        Ok(1)
    }

    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        match self.dry_run {
            DryRun::Yes => Ok(()),
            DryRun::No => remove_tree(path).io("remove", path),
        }
    }
}

fn size(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |meta| meta.len())
}
