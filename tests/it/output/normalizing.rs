//! Normalizers change containers, never contents.

use std::io::Cursor;
use std::path::Path;

use proptest::prelude::*;
use sealwright::digest::Sha256;
use sealwright::event::{Cancel, Silent};
use sealwright::output::{
    Collected, Effect, FolderLock, OutputKind, OutputRules, Prepared, ProjectRules, Publication, collect,
};

use super::archives::{
    TarMember, demo_members, demo_wheel, file, folder, pkg_info, sdist, sdist_contents, wheel, wheel_contents,
};
use super::collecting::rules;

const EPOCH: i64 = 1_700_000_001;
const WHEEL: &str = "demo-1.0-py3-none-any.whl";
const SDIST: &str = "demo-1.0.tar.gz";

fn collected(name: &str, bytes: &[u8]) -> Collected {
    let folder = folder(&[(name, bytes)]);
    let kind = if name == SDIST { OutputKind::Sdist } else { OutputKind::Wheel };
    let rules = OutputRules { kinds: vec![kind], project: ProjectRules::default(), ..rules() };
    collect(folder.path(), &rules, &Cancel::new()).unwrap().remove(0)
}

/// The bytes of a prepared output, as they are published.
fn published(mut prepared: Prepared) -> Vec<u8> {
    let folder = folder(&[]);
    let lock = FolderLock::acquire(folder.path(), &Silent, &Cancel::new()).unwrap();
    let mut publication = Publication::new(&lock, &Cancel::new());
    publication.output(&mut prepared).unwrap();
    publication.commit().unwrap();
    let bytes = std::fs::read(folder.path().join(&prepared.name)).unwrap();
    assert_eq!((Sha256::of(&bytes), bytes.len() as u64), (prepared.sha256, prepared.size));
    bytes
}

fn normalized(name: &str, bytes: &[u8]) -> (Vec<u8>, Effect) {
    let scratch = folder(&[]);
    let prepared = collected(name, bytes).normalize(EPOCH, scratch.path()).unwrap();
    let effect = prepared.applied[0].effect;
    (published(prepared), effect)
}

#[test]
fn an_sdist_s_container_is_normalized_and_its_contents_are_not() {
    let raw = sdist(&demo_members());
    let (bytes, effect) = normalized(SDIST, &raw);
    assert_eq!(effect, Effect::Changed);
    assert_eq!(sdist_contents(&bytes), sdist_contents(&raw));
    assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    assert_eq!(normalized(SDIST, &bytes), (bytes.clone(), Effect::Unchanged));

    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
    let mut lines = Vec::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!((header.username_bytes(), header.groupname_bytes()), (Some(&b""[..]), Some(&b""[..])));
        let (mode, mtime) = (header.mode().unwrap(), header.mtime().unwrap());
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        lines.push(format!("{mode:o} {mtime} {path}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    755 1700000001 demo-1.0/
    644 1700000001 demo-1.0/PKG-INFO
    644 1700000001 demo-1.0/again.py
    644 1700000001 demo-1.0/déjà.txt
    777 1700000001 demo-1.0/link.py
    644 5 demo-1.0/long_folder_name/long_folder_name/long_folder_name/long_folder_name/long_folder_name/long_folder_name/long_folder_name/long_folder_name/long_folder_name/long_folder_name/long_folder_name/long_folder_name/x.py
    755 1700000001 demo-1.0/run.sh
    644 1700000001 demo-1.0/setup.py
    ");
}

/// These digests are the promise of `sdist-tar-gz` and `wheel-zip` version 1: a change is a new version.
#[test]
fn normalized_bytes_are_for_ever() {
    let digests = [
        Sha256::of(normalized(SDIST, &sdist(&demo_members())).0),
        Sha256::of(normalized(WHEEL, &demo_wheel()).0),
    ];
    insta::assert_snapshot!(format!("{}\n{}", digests[0], digests[1]), @r"
    ea958d62b6b367e8cebbfe79f306b8e389990b7569162484966f9ffc497c582f
    7791815f41a99dabeb5ac7513d10410eebb19c91aaa1c8ae05f69739b5d9cf58
    ");
}

#[test]
fn a_wheel_s_container_is_normalized_and_its_contents_are_not() {
    let raw = demo_wheel();
    let (bytes, effect) = normalized(WHEEL, &raw);
    assert_eq!(effect, Effect::Changed);
    let (order, contents) = wheel_contents(Cursor::new(&bytes));
    assert_eq!(contents, wheel_contents(Cursor::new(&raw)).1);
    insta::assert_snapshot!(order.join("\n"), @r"
    A/z.py
    demo/__init__.py
    demo/dé.txt
    demo/tool
    demo-1.0.dist-info/METADATA
    demo-1.0.dist-info/RECORD
    ");
    assert_eq!(normalized(WHEEL, &bytes), (bytes.clone(), Effect::Unchanged));
    let mut archive = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    for index in 0..archive.len() {
        let member = archive.by_index(index).unwrap();
        assert_eq!(member.last_modified().unwrap().to_string(), "2023-11-14 22:13:20");
        assert!(member.extra_data().is_none_or(|extra| extra.is_empty()));
        assert!(matches!(member.unix_mode().unwrap(), 0o100_644 | 0o100_755));
    }
}

#[test]
fn order_times_owners_and_level_of_the_original_do_not_matter() {
    let mut other = demo_members();
    other[1..].rotate_left(3);
    for member in &mut other {
        member.mtime = if member.mtime == 5 { 5 } else { 3_000_000_000 };
        member.mode = if member.mode & 0o100 == 0 { 0o600 } else { 0o700 };
    }
    assert_eq!(normalized(SDIST, &sdist(&other)).0, normalized(SDIST, &sdist(&demo_members())).0);
}

/// Some backends write `PKG-INFO` again over that of an sdist which they build from.
#[test]
fn of_repeated_files_the_last_is_kept() {
    let mut members = demo_members();
    members.insert(1, file("demo-1.0/PKG-INFO", &pkg_info("older", "0")));
    assert_eq!(normalized(SDIST, &sdist(&members)).0, normalized(SDIST, &sdist(&demo_members())).0);
}

#[test]
fn without_normalizing_the_bytes_are_the_box_s() {
    let raw = sdist(&demo_members());
    let prepared = collected(SDIST, &raw).as_it_is();
    assert!(prepared.applied.is_empty());
    assert_eq!(published(prepared), raw);
}

/// Python reads what we write; its `zipfile` and `tarfile` are what installers use.
#[test]
fn python_reads_normalized_archives() {
    let folder = folder(&[
        (WHEEL, &normalized(WHEEL, &demo_wheel()).0),
        (SDIST, &normalized(SDIST, &sdist(&demo_members())).0),
    ]);
    let script = "import sys, tarfile, zipfile\n\
                  z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None\n\
                  t = tarfile.open(sys.argv[2], errorlevel=2)\n\
                  print(len(z.namelist()), sorted(len(t.extractfile(m).read()) for m in t if m.isfile()))\n\
                  print(sum('\\xe9' in n for n in z.namelist() + t.getnames()))";
    let output = std::process::Command::new("python3")
        .args(["-I", "-c", script])
        .args([folder.path().join(WHEEL), folder.path().join(SDIST)])
        .output();
    let Ok(output) = output else { skipped!("no python3 here") };
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text, "6 [0, 10, 12, 12, 73, 3000]\n2\n", "{}", String::from_utf8_lossy(&output.stderr));
}

/// Larger than zip's 32 bits in the number of members: the larger forms are written and read.
#[test]
fn wheels_with_very_many_members_are_normalized() {
    let metadata = pkg_info("demo", "1.0");
    let names: Vec<String> = (0..66_000).map(|index| format!("d/{index}")).collect();
    let mut members: Vec<(&str, &[u8], u32)> =
        names.iter().map(|name| (name.as_str(), &b""[..], 0o644)).collect();
    members.push(("demo-1.0.dist-info/METADATA", &metadata, 0o644));
    let raw = wheel(&members);
    let folder = folder(&[(WHEEL, &raw)]);
    let mut rules = OutputRules { kinds: vec![OutputKind::Wheel], ..rules() };
    rules.limits.file_bytes = 1 << 30;
    let output = collect(folder.path(), &rules, &Cancel::new()).unwrap().remove(0);
    let bytes = published(output.normalize(EPOCH, folder.path()).unwrap());
    let mut archive = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(archive.len(), 66_001);
    archive.validate_header_consistency().unwrap();
}

/// Files of this host's own Python, read only: real wheels, where there are any.
#[test]
fn real_wheels_of_this_host_are_normalized() {
    let Ok(list) = std::process::Command::new("python3")
        .args(["-I", "-c", "import ensurepip, os, glob; print('\\n'.join(glob.glob(os.path.dirname(ensurepip.__file__) + '/_bundled/*.whl') + glob.glob('/usr/share/python-wheels/*.whl')))"])
        .output()
    else {
        skipped!("no python3 here")
    };
    let list = String::from_utf8(list.stdout).unwrap();
    if list.trim().is_empty() {
        skipped!("this host's Python brings no wheels");
    }
    for path in list.lines().map(Path::new) {
        let raw = std::fs::read(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let folder = folder(&[(name, &raw)]);
        let mut rules =
            OutputRules { kinds: vec![OutputKind::Wheel], project: ProjectRules::default(), ..rules() };
        rules.limits.file_bytes = 1 << 30;
        let output = collect(folder.path(), &rules, &Cancel::new()).unwrap().remove(0);
        let bytes = published(output.normalize(EPOCH, folder.path()).unwrap());
        assert_eq!(wheel_contents(Cursor::new(&bytes)).1, wheel_contents(Cursor::new(&raw)).1, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn contents_are_the_same_and_twice_is_once(
        files in proptest::collection::btree_map("[a-zA-Z\u{e9}/_.-]{1,130}", (proptest::collection::vec(any::<u8>(), 0..2000), any::<bool>(), any::<u32>()), 0..8)
    ) {
        let mut members = vec![file("demo-1.0/PKG-INFO", &pkg_info("demo", "1.0"))];
        let metadata = pkg_info("demo", "1.0");
        let mut zipped: Vec<(String, &[u8], u32)> = vec![("demo-1.0.dist-info/METADATA".to_owned(), &metadata, 0o644)];
        for (index, (name, (content, executable, mtime))) in files.iter().enumerate() {
            let name: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").collect();
            let name = format!("m{index}/{}", if name.is_empty() { "x".to_owned() } else { name.join("/") });
            let mode = if *executable { 0o755 } else { 0o644 };
            members.push(TarMember { mode, mtime: u64::from(*mtime), ..file(&format!("demo-1.0/{name}"), content) });
            zipped.push((name, content, mode));
        }
        let raw = sdist(&members);
        let (once, _) = normalized(SDIST, &raw);
        prop_assert_eq!(sdist_contents(&once), sdist_contents(&raw));
        prop_assert_eq!(&normalized(SDIST, &once).0, &once);

        let zipped: Vec<(&str, &[u8], u32)> = zipped.iter().map(|(name, content, mode)| (name.as_str(), *content, *mode)).collect();
        let raw = wheel(&zipped);
        let (once, _) = normalized(WHEEL, &raw);
        prop_assert_eq!(wheel_contents(Cursor::new(&once)).1, wheel_contents(Cursor::new(&raw)).1);
        prop_assert_eq!(&normalized(WHEEL, &once).0, &once);
    }

    /// One changed byte anywhere: refused, or the same contents come out as went in.
    #[test]
    fn damaged_archives_never_panic_nor_change_contents(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        for (name, mut bytes) in [(SDIST, sdist(&demo_members())), (WHEEL, demo_wheel())] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let folder = folder(&[(name, &bytes)]);
            let kind = if name == SDIST { OutputKind::Sdist } else { OutputKind::Wheel };
            let rules = OutputRules { kinds: vec![kind], ..rules() };
            let Ok(mut outputs) = collect(folder.path(), &rules, &Cancel::new()) else { continue };
            let Ok(prepared) = outputs.remove(0).normalize(EPOCH, folder.path()) else { continue };
            let after = published(prepared);
            if name == SDIST {
                prop_assert_eq!(sdist_contents(&after), sdist_contents(&bytes));
            } else {
                let names = |bytes: &[u8]| -> Vec<String> {
                    let archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
                    let mut names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
                    names.sort();
                    names
                };
                prop_assert_eq!(names(&after), names(&bytes));
            }
        }
    }
}
