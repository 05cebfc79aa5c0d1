//! What the repository promises about its own source (`docs/ARCHITECTURE.md`), checked.

mod layers;
mod tokens;
mod words;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::context::repository;
use tokens::Source;

/// The tracked files, as git tells them; none where there is no checkout.
fn tracked() -> Option<Vec<PathBuf>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(repository()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut files: Vec<_> = text.split_terminator('\0').map(PathBuf::from).collect();
    files.retain(|file| repository().join(file).is_file());
    (!files.is_empty()).then_some(files)
}

/// Every file of `src/`, read and lexed.
fn sources() -> Option<Vec<Source>> {
    let files = tracked()?;
    let wanted = files.iter().filter(|file| file.starts_with("src") && is_rust(file));
    Some(wanted.map(|file| Source::read(file)).collect())
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|end| end == "rs")
}

/// Fails with every complaint, not only the first.
#[track_caller]
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let Some(files) = tracked() else { skipped!("no git checkout here") };
    let without = files.iter().filter(|file| is_rust(file)).filter(|file| {
        let text = std::fs::read_to_string(repository().join(file)).unwrap();
        !text.starts_with("//! ")
    });
    assert_none(&without.map(|file| format!("{} has no //! header", file.display())).collect::<Vec<_>>());
}

/// The bar: median at most 150 lines, 90 % at most 450, none over 700; tests aside.
#[test]
fn files_are_short() {
    let Some(sources) = sources() else { skipped!("no git checkout here") };
    let mut sizes: Vec<(usize, &Path)> =
        sources.iter().map(|source| (source.lines_without_tests(), source.path.as_path())).collect();
    sizes.sort();
    let at = |percent: usize| sizes[(sizes.len() - 1) * percent / 100];
    let shown = |(lines, path): (usize, &Path)| format!("{} has {lines} lines", path.display());
    let mut complaints = Vec::new();
    if at(50).0 > 150 {
        complaints.push(format!("the median file is over 150 lines: {}", shown(at(50))));
    }
    if at(90).0 > 450 {
        complaints.push(format!("more than a tenth of the files are over 450 lines: {}", shown(at(90))));
    }
    complaints.extend(sizes.iter().filter(|(lines, _)| *lines > 700).map(|size| shown(*size)));
    let main = sizes.iter().filter(|(lines, path)| *path == Path::new("src/main.rs") && *lines > 60);
    complaints.extend(main.map(|size| shown(*size)));
    assert_none(&complaints);
}
