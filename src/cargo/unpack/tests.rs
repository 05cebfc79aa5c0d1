//! Crates, good and hostile.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::Header;

use super::*;

/// A crate of these entries. Paths are written as they are: the tar library would refuse the bad ones.
fn packed(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, kind, bytes) in entries {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("target").unwrap();
        }
        header.set_cksum();
        tar.extend_from_slice(header.as_bytes());
        tar.extend_from_slice(bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend_from_slice(&[0; 1024]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar).unwrap();
    gzip.finish().unwrap()
}

fn unpacked(bytes: &[u8]) -> (tempfile::TempDir, Result<(), Refused>) {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("root")).unwrap();
    let result = unpack(bytes, "a-1.0.0", &temp.path().join("root"));
    (temp, result)
}

const MANIFEST: (&str, EntryType, &[u8]) = ("a-1.0.0/Cargo.toml", EntryType::Regular, b"[package]");

#[test]
fn a_crate_is_unpacked() {
    let folder = ("a-1.0.0/src/", EntryType::Directory, &b""[..]);
    let (temp, result) =
        unpacked(&packed(&[MANIFEST, folder, ("a-1.0.0/src/lib.rs", EntryType::Regular, b"//")]));
    result.unwrap();
    let path = temp.path().join("root/a-1.0.0/src/lib.rs");
    assert_eq!(std::fs::read(&path).unwrap(), b"//");
    let modified = path.metadata().unwrap().modified().unwrap();
    assert_eq!(modified.duration_since(SystemTime::UNIX_EPOCH).unwrap(), TIME);
}

#[test]
fn hostile_crates_are_refused_and_write_nothing_outside() {
    let file = EntryType::Regular;
    let cases: [(&str, EntryType, &str); 10] = [
        ("../evil", file, "is no path below"),
        ("a-1.0.0/../../evil", file, "is no path below"),
        ("/etc/evil", file, "is no path below"),
        ("b-1.0.0/evil", file, "is no path below"),
        ("a-1.0.0//evil", file, "is no path below"),
        ("a-1.0.0/.cargo-checksum.json", file, "is no path below"),
        ("a-1.0.0/link", EntryType::Symlink, "is a link"),
        ("a-1.0.0/link", EntryType::Link, "is a link"),
        ("a-1.0.0/null", EntryType::Char, "is no regular file"),
        ("a-1.0.0/Cargo.toml", file, "is in it twice"),
    ];
    for (path, kind, expected) in cases {
        let (temp, result) = unpacked(&packed(&[MANIFEST, (path, kind, b"")]));
        let Err(Refused::Archive(problem)) = result else { panic!("{path}: {result:?}") };
        assert!(problem.contains(expected), "{path}: {problem}");
        assert!(!temp.path().join("evil").exists());
    }
}

#[test]
fn what_is_no_crate_is_refused() {
    for (bytes, expected) in [
        (b"<html>".to_vec(), "it cannot be unpacked"),
        (packed(&[MANIFEST])[..40].to_vec(), "it cannot be unpacked"),
        (packed(&[("a-1.0.0/lib.rs", EntryType::Regular, b"")]), "it does not hold a-1.0.0/Cargo.toml"),
    ] {
        let (_temp, result) = unpacked(&bytes);
        let Err(Refused::Archive(problem)) = result else { panic!("{result:?}") };
        assert!(problem.contains(expected), "{problem}");
    }
}

#[test]
fn a_file_that_says_to_be_huge_is_refused_before_it_is_written() {
    let mut header = Header::new_gnu();
    header.set_path("a-1.0.0/huge").unwrap();
    header.set_size(1 << 40);
    header.set_mode(0o644);
    header.set_cksum();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(header.as_bytes()).unwrap();
    gzip.write_all(&vec![0; 1 << 20]).unwrap();
    let (_temp, result) = unpacked(&gzip.finish().unwrap());
    let Err(Refused::Archive(problem)) = result else { panic!("{result:?}") };
    assert!(problem.contains("more than 536870912 bytes"), "{problem}");
}
