//! One byte of a wheel changed, anywhere: its content, then its structure.

use proptest::prelude::*;
use sealwright::compare::{Verdict, compare};

use super::make::*;

const WHEEL: &str = "demo-1.0-py3-none-any.whl";

/// Name, bytes, kind, and whether it is a program.
type Installed = (String, Vec<u8>, u32, bool);

/// What an installer sees of a zip archive, by the library that reads zip elsewhere in this repository: names, bytes,
/// kinds, and whether each is a program.
fn installed(bytes: &[u8]) -> Option<Vec<Installed>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).ok()?;
    let mut all = Vec::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).ok()?;
        let mode = member.unix_mode().unwrap_or(0o100_644);
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut member, &mut content).ok()?;
        let kind = if mode & 0o170_000 == 0 { 0o100_000 } else { mode & 0o170_000 };
        all.push((name, content, kind, mode & 0o111 != 0));
    }
    all.sort();
    Some(all)
}

/// RECORD's own order and the other members' bytes: what the two of an equal verdict have to agree in.
fn without_record(members: Vec<Installed>) -> Vec<Installed> {
    members.into_iter().filter(|(name, ..)| name != RECORD).collect()
}

fn files(a: &[u8], b: &[u8]) -> (tempfile::TempDir, [std::path::PathBuf; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|side| folder.path().join(format!("{side}-{WHEEL}")));
    std::fs::write(&paths[0], a).unwrap();
    std::fs::write(&paths[1], b).unwrap();
    (folder, paths)
}

fn verdict(a: &[u8], b: &[u8]) -> Verdict {
    let (_folder, [one, two]) = files(a, b);
    compare(&one, &two, &sealwright::compare::Options::default()).unwrap().verdict
}

/// Every byte of every member, one after another; RECORD stays as it was, as it would when somebody tampers.
#[test]
fn a_changed_byte_of_content_is_different() {
    let mut members = demo();
    members.push(member(RECORD, record(&demo())));
    let one = zip(&members);
    for index in 0..members.len() {
        for at in 0..members[index].content.len() {
            let mut changed = members.clone();
            changed[index].content[at] ^= 1 << (at % 8);
            assert_eq!(
                verdict(&one, &zip(&changed)),
                Verdict::Different,
                "{} byte {at}",
                members[index].name
            );
        }
    }
}

/// Stored members: a changed byte of the file itself, checksums not told.
#[test]
fn a_changed_byte_anywhere_never_panics_and_is_equal_only_if_what_is_installed_is() {
    let mut members = demo();
    members[1].level = None;
    let one = wheel(&members);
    let before = without_record(installed(&one).unwrap());
    for at in 0..one.len() {
        for mask in [1_u8, 0x80, 0xff] {
            let mut changed = one.clone();
            changed[at] ^= mask;
            match verdict(&one, &changed) {
                Verdict::Identical => panic!("byte {at:#x} ^ {mask:#x} is called identical"),
                Verdict::Equal { .. } => {
                    let after = installed(&changed).map(without_record);
                    assert_eq!(after.as_ref(), Some(&before), "byte {at:#x} ^ {mask:#x}");
                }
                Verdict::Different => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same with a RECORD that is made again: the tampered wheel is consistent in itself.
    #[test]
    fn a_changed_byte_with_its_record_is_different(index in 0_usize..5, at in any::<prop::sample::Index>(), mask in 1_u8..=255) {
        let mut members = demo();
        let at = at.index(members[index].content.len());
        // The time of the source in byte code is the one thing in a member that is taken away, by its name.
        prop_assume!(!(index == 2 && (8..12).contains(&at)));
        members[index].content[at] ^= mask;
        prop_assert_eq!(verdict(&wheel(&demo()), &wheel(&members)), Verdict::Different);
    }

    /// Whatever becomes of any kind of file: no panic, no error, and the same verdict both ways.
    #[test]
    fn damaged_files_of_every_kind_are_compared(
        which in 0_usize..9, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()
    ) {
        let layers = [gzip(&layer(|_| {}), 0, 6)];
        let program = executable(b"\x55\xc3", &Pyc::default(), &Pyc::default(), b"hello\n", 6);
        let (name, one) = match which {
            0 => (WHEEL, wheel(&demo())),
            1 => ("demo-1.0.tar.gz", sdist_with(|_| {})),
            2 => ("demo.tar", tar(&sdist_members())),
            3 => ("demo.tar.xz", xz(&tar(&sdist_members()), 1)),
            4 => ("demo.tar.zst", zstd(&tar(&sdist_members()), 1)),
            5 => ("x.pyc", pyc(&Pyc::default())),
            6 => ("x.so", object(|_| {})),
            7 => ("app", program),
            _ => ("image.tar", image(&layers, &[layer(|_| {})], "2024-01-02T03:04:05Z", "A=1")),
        };
        let mut two = one.clone();
        for (at, value) in &changes {
            let at = at.index(two.len());
            two[at] = *value;
        }
        if changes.len() > 4 {
            two.truncate(cut.index(two.len()));
        }
        let report = super::compare_bytes(name, &one, &two);
        prop_assert_eq!(report.verdict == Verdict::Identical, one == two);
    }
}
