//! `sealwright diff` and what it stands on: pairs with one cause each, mutations, images, the page, the command.

mod bounds;
mod command;
mod make;
mod mutations;
mod page;
mod pairs;
mod programs;

use std::path::Path;

use sealwright::compare::{Options, Report, compare};

/// Compares bytes as files of one name, both ways: the verdict and the causes do not depend on which is the first.
pub fn compare_bytes(name: &str, a: &[u8], b: &[u8]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|side| folder.path().join(side).join(name));
    for (path, bytes) in paths.iter().zip([a, b]) {
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    compare_paths(&paths[0], &paths[1])
}

pub fn compare_paths(a: &Path, b: &Path) -> Report {
    let report = compare(a, b, &Options::default()).unwrap();
    let back = compare(b, a, &Options::default()).unwrap();
    assert_eq!(report.verdict, back.verdict, "{report:#?}\n{back:#?}");
    assert_eq!(report.causes(), back.causes(), "{report:#?}\n{back:#?}");
    report
}
