//! What the repository promises about its own source (`docs/ARCHITECTURE.md`), checked.

use std::path::PathBuf;
use std::process::Command;

use crate::context::repository;

/// The tracked files, as git tells them; none where there is no checkout.
fn tracked() -> Option<Vec<PathBuf>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(repository()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let files: Vec<_> = text.split_terminator('\0').map(PathBuf::from).collect();
    (!files.is_empty()).then_some(files)
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let Some(files) = tracked() else { skipped!("no git checkout here") };
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        let Ok(text) = std::fs::read_to_string(repository().join(file)) else { continue };
        assert!(text.starts_with("//! "), "{} does not start with a //! header", file.display());
    }
}
