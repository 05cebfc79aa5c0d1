//! Two artifacts of whatever kind: comparing them never panics, ends, and says the same both ways.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwright::compare::{Options, Verdict, compare};

const NAMES: [&str; 7] = ["a.whl", "a.tar", "a.tar.gz", "a.pyc", "a.so", "a.txt", "a"];

fuzz_target!(|input: (u8, Vec<u8>, Vec<u8>)| {
    let (kind, a, b) = input;
    let folder = std::env::temp_dir().join(format!("sealwright-fuzz-{}", std::process::id()));
    let name = NAMES[usize::from(kind) % NAMES.len()];
    let paths = ["a", "b"].map(|side| folder.join(side).join(name));
    for (path, bytes) in paths.iter().zip([&a, &b]) {
        let _ = std::fs::create_dir_all(path.parent().unwrap_or(path));
        std::fs::write(path, bytes).expect("a file for the fuzzer");
    }
    let options = Options { max_unpacked: 64 << 20, max_members: 100_000, ..Options::default() };
    let there = compare(&paths[0], &paths[1], &options).map(|report| report.verdict).ok();
    let back = compare(&paths[1], &paths[0], &options).map(|report| report.verdict).ok();
    assert_eq!(there, back);
    if let Some(verdict) = there {
        assert_eq!(verdict == Verdict::Identical, a == b);
    }
});
