//! What was made to exhaust whoever reads it, and what cannot be compared.

use sealwright::compare::{CompareError, Options, Verdict, compare};

use super::compare_bytes;
use super::make::*;

fn limited(name: &str, a: &[u8], b: &[u8], options: &Options) -> Result<Verdict, CompareError> {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|side| folder.path().join(format!("{side}-{name}")));
    for (path, bytes) in paths.iter().zip([a, b]) {
        std::fs::write(path, bytes).unwrap();
    }
    compare(&paths[0], &paths[1], options).map(|report| report.verdict)
}

#[test]
fn a_bomb_is_an_error_that_says_so() {
    let bomb = |byte: u8| zip(&[member("zeros.bin", vec![byte; 8 << 20])]);
    let options = Options { max_unpacked: 1 << 20, ..Options::default() };
    let error = limited("bomb.zip", &bomb(0), &bomb(1), &options).unwrap_err();
    assert_eq!(error.to_string(), "zeros.bin: more than 1048576 bytes are not compared");
    let stream = |byte: u8| gzip(&vec![byte; 8 << 20], 0, 9);
    assert!(limited("bomb.gz", &stream(0), &stream(1), &options).is_err());
    // What is the same is never unpacked.
    let same = |year| zip(&[Member { year, ..member("zeros.bin", vec![0; 8 << 20]) }]);
    assert!(matches!(limited("bomb.zip", &same(2020), &same(2021), &options), Ok(Verdict::Equal { .. })));
}

#[test]
fn too_many_members_are_an_error() {
    let many = |text: &str| zip(&(0..100).map(|n| member(&format!("{n}.txt"), text)).collect::<Vec<_>>());
    let options = Options { max_members: 150, ..Options::default() };
    let error = limited("many.zip", &many("a"), &many("b"), &options).unwrap_err();
    assert!(error.to_string().ends_with("more than 150 members are not compared"), "{error}");
}

#[test]
fn archives_in_archives_end_somewhere() {
    let nest = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..40 {
            bytes = gzip(&bytes, 0, 6);
        }
        bytes
    };
    let report = compare_bytes("deep.gz", &nest("one"), &nest("two"));
    assert_eq!(report.verdict, Verdict::Different);
    assert!(report.changes[0].detail.contains("deeper than 12 archives"), "{report:#?}");
}

#[test]
fn byte_code_that_nests_without_end_is_only_different() {
    let with = |tail: &[u8]| {
        let header = pyc(&Pyc::default())[..16].to_vec();
        [header.as_slice(), tail].concat()
    };
    let tuples = [b")\x01".repeat(100_000), b"N".to_vec()].concat();
    let huge = b"(\xff\xff\xff\x7f".to_vec();
    let own = b"\xa9\x01r\0\0\0\0".to_vec();
    // A thousand tuples, each with a reference to the one before: deep without nesting.
    let mut chain = b"(\xe8\x03\0\0\xa9\0".to_vec();
    for index in 0..999_u32 {
        chain.extend(b"\xa9\x01r");
        chain.extend(index.to_le_bytes());
    }
    for tail in [tuples, huge, own, chain, b"c".to_vec(), b"<\x01\0\0\0".to_vec()] {
        let report = compare_bytes("x.pyc", &with(&tail), &with(b"N"));
        assert_eq!(report.verdict, Verdict::Different);
    }
}

#[test]
fn hundreds_of_archives_in_archives_are_compared_at_once() {
    let inner = |text: &str| zip(&(0..20).map(|n| member(&format!("{n}.txt"), text)).collect::<Vec<_>>());
    let middle =
        |text: &str| tar(&(0..10).map(|n| tar_member(&format!("{n}.zip"), inner(text))).collect::<Vec<_>>());
    let outer =
        |text: &str| zip(&(0..30).map(|n| member(&format!("{n}.tar"), middle(text))).collect::<Vec<_>>());
    let report = compare_bytes("all.zip", &outer("one\n"), &outer("two\n"));
    assert_eq!((report.verdict, report.changes.len()), (Verdict::Different, 30 * 10 * 20));
    assert_eq!(report.changes[0].path, ["0.tar", "0.zip", "0.txt"]);
}

/// Beyond 64 MiB a member is kept in a temporary file, and a file is read where it is.
#[test]
fn what_is_large_does_not_have_to_fit_into_memory() {
    let make = |last: u8| {
        let mut content = vec![0; 65 << 20];
        content.push(last);
        tar(&[tar_member("large.bin", content), tar_member("small.txt", "x\n")])
    };
    let (one, two) = (make(1), make(2));
    for (name, a, b) in
        [("x.tar", one.clone(), two.clone()), ("x.tar.gz", gzip(&one, 0, 1), gzip(&two, 0, 1))]
    {
        let report = compare_bytes(name, &a, &b);
        assert_eq!(report.verdict, Verdict::Different);
        assert_eq!(report.changes.len(), 1, "{report:#?}");
        assert_eq!(report.changes[0].path, ["large.bin"]);
        assert!(report.changes[0].detail.ends_with("the first difference at 0x4100000"), "{report:#?}");
    }
    let report = compare_bytes("x.tar.gz", &gzip(&one, 0, 1), &zstd(&one, 1));
    assert_eq!(report.verdict.to_string(), "equal after compression", "{report:#?}");
}

#[test]
fn lines_made_to_be_slow_are_not() {
    // Each is a single line of what looks like versions, paths, times or locales all along.
    for piece in ["1-", "1.1-", "/a/", "(/a", "a_A-", "2024-01-02", "C.", "0x7f"] {
        let line = piece.repeat(20_000);
        let report = compare_bytes("x.txt", format!("{line}a\n").as_bytes(), format!("{line}b\n").as_bytes());
        assert_eq!(report.verdict, Verdict::Different, "{piece}");
    }
}

#[test]
fn what_the_user_ends_ends() {
    let cancel = sealwright::event::Cancel::new();
    cancel.cancel(2);
    let options = Options { cancel, ..Options::default() };
    let error = limited("x.txt", b"a", b"b", &options).unwrap_err();
    assert_eq!(sealwright::error::Fault::blame(&error).exit_code(), 130);
}

#[test]
fn a_missing_file_a_folder_and_a_file_and_a_device_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let options = Options::default();
    let missing = compare(&file, &folder.path().join("none"), &options).unwrap_err();
    assert!(matches!(missing, CompareError::Read { .. }), "{missing}");
    let mixed = compare(folder.path(), &file, &options).unwrap_err();
    assert!(matches!(mixed, CompareError::Mixed { .. }), "{mixed}");
    let device = compare("/dev/null".as_ref(), &file, &options).unwrap_err();
    assert_eq!(device.to_string(), "/dev/null is a device: expected a file or a folder");
}
