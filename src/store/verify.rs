//! `store verify`: everything is hashed again, in parallel.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::list::named;
use super::manifest::{Manifest, Modes};
use super::{Store, StoreError, TreeKind, record};
use crate::digest::Sha256;
use crate::event::{Cancel, Event, Reporter, Unit};

/// What was looked at and what of it is damaged.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VerifyReport {
    /// Blobs that were hashed.
    pub blobs: u64,
    /// Trees that were hashed.
    pub trees: u64,
    /// Action results that were read.
    pub actions: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Everything that is not what it should be. It was moved aside.
    pub damaged: Vec<Damage>,
}

/// One damaged thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// `blob`, `image`, `environment`, `action` or `root`.
    pub what: &'static str,
    /// Where it was.
    pub path: PathBuf,
    /// The digest that it should have, if that is known.
    pub expected: Option<Sha256>,
    /// The digest that it has, if it could be read.
    pub actual: Option<Sha256>,
    /// Why it could not be read, if it could not.
    pub reason: Option<String>,
    /// What to do, a sentence fragment.
    pub remedy: &'static str,
}

const FETCH: &str = "run `sealwright fetch`: it is fetched again";
const REMAKE: &str = "nothing to do: the next build makes it again";

enum Check {
    Blob(Sha256, PathBuf),
    Tree(TreeKind, Sha256),
    Action(PathBuf),
}

impl Store {
    /// Hashes every blob and tree again and reads every record. What is damaged is moved aside, so that the next
    /// `fetch` or build mends it, and all of it is in the report.
    ///
    /// # Errors
    /// The host fails otherwise than on one thing, or the user asked for a stop.
    pub fn verify(&self, reporter: &dyn Reporter, cancel: &Cancel) -> Result<VerifyReport, StoreError> {
        let mut checks: Vec<Check> =
            self.tree_keys()?.into_iter().map(|(kind, key)| Check::Tree(kind, key)).collect();
        checks.extend(self.blob_files()?.into_iter().map(|(digest, path)| Check::Blob(digest, path)));
        checks.extend(named(&self.folder("actions"))?.into_iter().map(|(_, path)| Check::Action(path)));
        let total = checks.len() as u64;
        let done = AtomicU64::new(0);
        let results: Vec<(u64, Option<Damage>)> = checks
            .par_iter()
            .map(|check| {
                if let Some(signal) = cancel.signal() {
                    return Err(StoreError::Interrupted { signal, path: self.path().to_owned() });
                }
                let result = self.verify_one(check);
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                let what = "verified".to_owned();
                reporter.report(Event::Progress { what, done, total: Some(total), unit: Unit::Items });
                result
            })
            .collect::<Result<_, _>>()?;
        let mut report = VerifyReport::default();
        for (check, (bytes, damage)) in checks.iter().zip(results) {
            *match check {
                Check::Blob(..) => &mut report.blobs,
                Check::Tree(..) => &mut report.trees,
                Check::Action(_) => &mut report.actions,
            } += 1;
            report.bytes += bytes;
            report.damaged.extend(damage);
        }
        for (path, root) in self.root_files()? {
            if root.is_none() {
                self.set_aside(&path)?;
                let reason = Some("not a root record".to_owned());
                let remedy = "nothing to do: the next build of that project writes it again";
                report.damaged.push(Damage {
                    what: "root",
                    path,
                    expected: None,
                    actual: None,
                    reason,
                    remedy,
                });
            }
        }
        Ok(report)
    }

    fn verify_one(&self, check: &Check) -> Result<(u64, Option<Damage>), StoreError> {
        match check {
            Check::Blob(digest, path) => Ok(match self.open_blob(digest) {
                Ok(file) => (file.size(), None),
                // Removed by another process since it was listed.
                Err(StoreError::Missing { .. }) => (0, None),
                Err(error) => (0, Some(damage("blob", path.clone(), Some(*digest), &error, FETCH))),
            }),
            Check::Tree(kind, key) => self.verify_tree(*kind, key),
            Check::Action(path) => {
                let Ok(bytes) = fs::read(path) else { return Ok((0, None)) };
                if record::parse(&bytes).is_some() {
                    return Ok((bytes.len() as u64, None));
                }
                self.set_aside(path)?;
                let reason = Some("not an action record, or changed".to_owned());
                let (expected, actual) = (None, None);
                let path = path.clone();
                Ok((0, Some(Damage { what: "action", path, expected, actual, reason, remedy: REMAKE })))
            }
        }
    }

    fn verify_tree(&self, kind: TreeKind, key: &Sha256) -> Result<(u64, Option<Damage>), StoreError> {
        let what = match kind {
            TreeKind::Image => "image",
            TreeKind::Environment => "environment",
        };
        let folder = self.tree_folder(kind, key);
        let Some((tree, _)) = self.read_tree(kind, key)? else {
            if fs::symlink_metadata(&folder).is_err() {
                return Ok((0, None));
            }
            self.set_aside(&folder)?;
            let reason = Some("its tree.json is missing or cannot be read".to_owned());
            let (expected, actual) = (None, None);
            return Ok((0, Some(Damage { what, path: folder, expected, actual, reason, remedy: REMAKE })));
        };
        let found = match Manifest::of(&tree.path, Modes::Keep) {
            Ok(found) if found.digest == tree.digest => return Ok((found.bytes, None)),
            Ok(found) => Damage {
                what,
                path: tree.path,
                expected: Some(tree.digest),
                actual: Some(found.digest),
                reason: None,
                remedy: REMAKE,
            },
            Err(_) if fs::symlink_metadata(&folder).is_err() => return Ok((0, None)),
            Err(error) => damage(what, tree.path, Some(tree.digest), &error, REMAKE),
        };
        self.set_aside(&folder)?;
        Ok((0, Some(found)))
    }
}

fn damage(
    what: &'static str,
    path: PathBuf,
    expected: Option<Sha256>,
    error: &StoreError,
    remedy: &'static str,
) -> Damage {
    match error {
        StoreError::Damaged { actual, .. } => {
            Damage { what, path, expected, actual: Some(*actual), reason: None, remedy }
        }
        other => {
            let cause = std::error::Error::source(other).map(|source| format!(": {source}"));
            let reason = Some(format!("{other}{}", cause.unwrap_or_default()));
            Damage { what, path, expected, actual: None, reason, remedy }
        }
    }
}
