//! Comparing two artifacts, member by member: what was added, removed and changed, why probably, and whether that
//! changes what is installed.
//!
//! Files in, a report out: no process, no network, nothing written but what does not fit into memory. Identical bytes
//! are never unpacked. What is not known to be harmless is [`Cause::Content`] and [`Verdict::Different`]; what the
//! normalizations take away is in `docs/reference/diff.md`.

mod bytes;
mod compressed;
mod data;
mod elf;
mod error;
mod facts;
mod folder;
mod locale;
mod marshal;
mod members;
mod model;
mod oci;
mod pyc;
mod pyinstaller;
mod strings;
mod tar;
mod text;
mod tokens;
mod tokens_time;
mod walk;
mod wheel;
mod zip;

pub use error::CompareError;
pub use model::{Cause, Change, ChangeKind, Effect, Normalization, Report, Side, Verdict};

use std::fs::File;
use std::path::Path;

use crate::event::Cancel;
use data::Data;
use walk::{Spot, Walk};

/// Bytes of stack of each thread.
const STACK: usize = 32 << 20;

/// Bounds against archives that were made to exhaust whoever reads them, and how to stop.
#[derive(Debug, Clone)]
pub struct Options {
    /// Archives within archives that are looked into; what is deeper is compared as bytes.
    pub max_depth: usize,
    /// Bytes that may be unpacked in all.
    pub max_unpacked: u64,
    /// Members and files that may be listed in all.
    pub max_members: u64,
    /// Ends the comparison.
    pub cancel: Cancel,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_depth: 12, max_unpacked: 16 << 30, max_members: 1_000_000, cancel: Cancel::new() }
    }
}

/// Compares two files, or two folders.
///
/// # Errors
/// One cannot be read or is neither, a file is compared with a folder, or a bound of `options` is met. A damaged
/// archive is no error: its bytes differ.
pub fn compare(a: &Path, b: &Path, options: &Options) -> Result<Report, CompareError> {
    // Archives within archives, each with threads of their own to wait for, may need more stack than a thread has.
    match rayon::ThreadPoolBuilder::new().stack_size(STACK).build() {
        Ok(pool) => pool.install(|| compare_here(a, b, options)),
        Err(_) => compare_here(a, b, options),
    }
}

fn compare_here(a: &Path, b: &Path, options: &Options) -> Result<Report, CompareError> {
    let walk = Walk::new(options);
    match (folder::is_folder(a)?, folder::is_folder(b)?) {
        (true, true) => folder::compare_top(&walk, a, b),
        (false, false) => compare_files(&walk, a, b),
        (true, false) => Err(CompareError::Mixed { folder: a.to_owned(), file: b.to_owned() }),
        (false, true) => Err(CompareError::Mixed { folder: b.to_owned(), file: a.to_owned() }),
    }
}

fn compare_files(walk: &Walk<'_>, a: &Path, b: &Path) -> Result<Report, CompareError> {
    let open = |path: &Path| {
        let failed = |source| CompareError::Read { path: path.to_owned(), source };
        File::open(path).and_then(Data::file).map_err(failed)
    };
    let (one, two) = rayon::join(|| open(a), || open(b));
    let (one, two) = (one?, two?);
    let digest = |data: &Data, path: &Path| {
        data.digest().map_err(|source| CompareError::Read { path: path.to_owned(), source })
    };
    let side = |path: &Path, data: &Data, sha256| Side {
        name: path.display().to_string(),
        size: data.len(),
        sha256: Some(sha256),
    };
    let same = one.same(&two).map_err(|source| CompareError::Read { path: a.to_owned(), source })?;
    if same {
        let sha256 = digest(&one, a)?;
        let (a, b) = (side(a, &one, sha256), side(b, &two, sha256));
        return Ok(Report { a, b, verdict: Verdict::Identical, changes: Vec::new() });
    }
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // The first's name tells what both are, unless it tells nothing.
    let spot = Spot::top(&if name(a).contains('.') { name(a) } else { name(b) });
    let (digests, changes) = rayon::join(
        || rayon::join(|| digest(&one, a), || digest(&two, b)),
        || walk.compare(&spot, &one, &two),
    );
    let mut changes = changes?;
    changes.sort_by(|one, two| (&one.path, one.kind, &one.causes).cmp(&(&two.path, two.kind, &two.causes)));
    let verdict = Verdict::of(&changes);
    Ok(Report { a: side(a, &one, digests.0?), b: side(b, &two, digests.1?), verdict, changes })
}
