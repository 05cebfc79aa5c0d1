//! `Cargo.lock` files, good and bad.

use super::*;
use crate::error::{Blame, Fault};

const LOCK: &str = r#"
version = 4

[[package]]
name = "own"
version = "0.1.0"
dependencies = ["a"]

[[package]]
name = "a"
version = "1.0.0"
source = "DEFAULT"
checksum = "1111111111111111111111111111111111111111111111111111111111111111"
"#;

/// The text with the default registry's index, as cargo writes it.
fn lock(text: &str) -> String {
    text.replace("DEFAULT", &SourceId::default().to_string())
}

fn read_all(files: &[(&str, &str)]) -> Result<Vec<Crate>, CargoError> {
    let texts: Vec<(&str, String)> = files.iter().map(|(path, text)| (*path, lock(text))).collect();
    let files: Vec<CargoFile<'_>> =
        texts.iter().map(|(path, text)| CargoFile { path, bytes: text.as_bytes() }).collect();
    read(&files)
}

#[test]
fn crates_of_registries_are_read_and_the_sources_own_are_not() {
    let crates = read_all(&[("rust/Cargo.lock", LOCK), ("Cargo.lock", LOCK)]).unwrap();
    assert_eq!(crates.len(), 1);
    assert_eq!((crates[0].file().as_str(), &crates[0].registry), ("a-1.0.0.crate", &Registry::Default));
    assert_eq!(crates[0].sha256.to_string(), "1".repeat(64));
    assert_eq!(crates[0].required_by, ["Cargo.lock", "rust/Cargo.lock"]);
}

#[test]
fn every_version_of_the_format_is_read() {
    let digest = "2".repeat(64);
    let first = format!(
        "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"DEFAULT\"\n\n[metadata]\n\"checksum a 1.0.0 (DEFAULT)\" = \"{digest}\"\n"
    );
    let second = format!(
        "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"DEFAULT\"\nchecksum = \"{digest}\"\n"
    );
    for text in [first, second.clone(), format!("version = 3\n{second}"), format!("version = 4\n{second}")] {
        let crates = read_all(&[("Cargo.lock", &text)]).unwrap();
        assert_eq!(crates[0].sha256.to_string(), digest, "{text}");
    }
    let error = read_all(&[("Cargo.lock", &format!("version = 9\n{second}"))]).unwrap_err();
    assert!(error.to_string().starts_with("Cargo.lock: "), "{error}");
    assert_eq!(error.blame(), Blame::User);
}

#[test]
fn what_no_checksum_names_is_refused() {
    let package =
        |rest: &str| format!("version = 3\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n{rest}\n");
    let cases = [
        (
            "source = \"git+https://git.example/a?rev=1#0123456789012345678901234567890123456789\"",
            "x/Cargo.lock: a 1.0.0 comes from a git repository (git+https://git.example/a), which no checksum names",
        ),
        (
            "source = \"sparse+https://me:secret@crates.example/\"",
            "x/Cargo.lock: a 1.0.0 has no checksum: it comes from sparse+https://crates.example/",
        ),
        ("source = \"ftp+x\"", "x/Cargo.lock: "),
    ];
    for (rest, expected) in cases {
        let error = read_all(&[("x/Cargo.lock", &package(rest))]).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!format!("{error:?}").contains("secret") && !error.hints().is_empty());
    }
    let evil = "[[package]]\nname = \"../a\"\nversion = \"1.0.0\"\nsource = \"DEFAULT\"\nchecksum = \"1111111111111111111111111111111111111111111111111111111111111111\"\n";
    assert!(
        read_all(&[("Cargo.lock", evil)]).unwrap_err().to_string().contains("\"../a\" is no name of a crate")
    );
}

#[test]
fn two_checksums_for_one_crate_are_a_conflict() {
    let error =
        read_all(&[("Cargo.lock", LOCK), ("b/Cargo.lock", &LOCK.replace("1111", "2222"))]).unwrap_err();
    let (one, two) = ("1".repeat(64), "2".repeat(64));
    assert_eq!(
        error.to_string(),
        format!("a 1.0.0 has two checksums: {one} (Cargo.lock) and {two} (b/Cargo.lock)")
    );
    assert_eq!(error.blame().exit_code(), 3);
}

#[test]
fn another_registry_keeps_its_index() {
    let text = LOCK.replace("DEFAULT", "sparse+https://crates.example/index/");
    let crates = read_all(&[("Cargo.lock", &text)]).unwrap();
    assert_eq!(crates[0].registry, Registry::Index("sparse+https://crates.example/index/".to_owned()));
}

#[test]
fn a_project_that_brings_its_crates_needs_none() {
    let config = "[source.crates-io]\nreplace-with = \"vendored-sources\"\n[source.vendored-sources]\ndirectory = \"crates\"\n";
    assert_eq!(read_all(&[("p/Cargo.lock", LOCK), ("p/.cargo/config.toml", config)]).unwrap(), []);
    // One beside it is another project.
    assert_eq!(read_all(&[("Cargo.lock", LOCK), ("p/.cargo/config.toml", config)]).unwrap().len(), 1);
    let mirror =
        "[source.crates-io]\nreplace-with = \"m\"\n[source.m]\nregistry = \"sparse+https://m.example/\"\n";
    assert_eq!(read_all(&[("Cargo.lock", LOCK), (".cargo/config.toml", mirror)]).unwrap().len(), 1);
}

#[test]
fn files_are_wanted_where_cargo_looks_for_them() {
    for path in ["Cargo.lock", "a/b/Cargo.lock", ".cargo/config.toml", "rust/.cargo/config"] {
        assert!(is_cargo_file(path), "{path}");
    }
    for path in ["Cargo.toml", "target/x/Cargo.lock", "a/vendor/b/Cargo.lock", "config.toml", "xCargo.lock"] {
        assert!(!is_cargo_file(path), "{path}");
    }
}
