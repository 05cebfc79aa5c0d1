//! Archives of a program: taken under the declared name only, normalized without touching contents.

use std::io::Cursor;

use sealwright::digest::Sha256;
use sealwright::event::Cancel;
use sealwright::output::{Effect, OutputKind, OutputRules, collect};
use tar::EntryType as Type;

use super::archives::{
    TarMember, demo_wheel, file, folder, sdist, sdist_contents, special, wheel, wheel_contents,
};
use super::collecting::rules;

const EPOCH: i64 = 1_700_000_001;
const ZIP: &str = "app-linux-x86_64.zip";
const TAR: &str = "app-linux-x86_64.tar.gz";

fn rules_for(name: &str) -> OutputRules {
    let kind = if name == ZIP { OutputKind::Zip } else { OutputKind::TarGz };
    OutputRules { kinds: vec![kind], archives: vec![name.to_owned()], ..rules() }
}

fn normalized(name: &str, bytes: &[u8]) -> (Vec<u8>, Effect) {
    let (folder, scratch) = (folder(&[(name, bytes)]), folder(&[]));
    let collected = collect(folder.path(), &rules_for(name), &Cancel::new()).unwrap().remove(0);
    assert_eq!(collected.stated, None);
    let mut prepared = collected.normalize(EPOCH, scratch.path()).unwrap();
    let effect = prepared.applied[0].effect;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(prepared.reader().unwrap(), &mut bytes).unwrap();
    assert_eq!(Sha256::of(&bytes), prepared.sha256);
    (bytes, effect)
}

fn refused(name: &str, bytes: &[u8]) -> String {
    let folder = folder(&[(name, bytes)]);
    collect(folder.path(), &rules_for(name), &Cancel::new()).unwrap_err().to_string()
}

fn members() -> Vec<TarMember> {
    vec![
        file("handler.py", b"print()\n"),
        TarMember { mode: 0o775, ..file("bin/start", b"#!/bin/sh\n") },
        TarMember { mtime: 5, ..file("a.dist-info/RECORD", b"x") },
        file("a/b.py", &vec![b'b'; 3000]),
        special("link", Type::Symlink, "bin/../handler.py"),
    ]
}

#[test]
fn containers_are_normalized_and_contents_are_not() {
    let raw = sdist(&members());
    let (bytes, effect) = normalized(TAR, &raw);
    assert_eq!(effect, Effect::Changed);
    assert_eq!(sdist_contents(&bytes), sdist_contents(&raw));
    assert_eq!(normalized(TAR, &bytes), (bytes.clone(), Effect::Unchanged));
    let mut other = members();
    other.reverse();
    assert_eq!(normalized(TAR, &sdist(&other)).0, bytes);

    let raw = demo_wheel();
    let (bytes, effect) = normalized(ZIP, &raw);
    assert_eq!(effect, Effect::Changed);
    let (order, contents) = wheel_contents(Cursor::new(&bytes));
    assert_eq!(contents, wheel_contents(Cursor::new(&raw)).1);
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(normalized(ZIP, &bytes), (bytes, Effect::Unchanged));
}

/// These digests are the promise of `archive-tar-gz` and `archive-zip` version 1: a change is a new version.
#[test]
fn normalized_bytes_are_for_ever() {
    let digests =
        [Sha256::of(normalized(TAR, &sdist(&members())).0), Sha256::of(normalized(ZIP, &demo_wheel()).0)];
    insta::assert_snapshot!(format!("{}\n{}", digests[0], digests[1]), @r"
    b487e04f9f126c1f9b2535a40f0af40fec53ce879d8932c465371270e53d58c5
    b6e5199fe4935ba4ca528db221934d33c7b52a51f46142babc307fea300c8728
    ");
}

#[test]
fn other_names_and_hostile_members_are_refused() {
    let odd = folder(&[("other.zip", &demo_wheel()), ("app.whl", &demo_wheel())]);
    let other = collect(odd.path(), &rules_for(ZIP), &Cancel::new()).unwrap_err().to_string();
    let tar = |member: TarMember| refused(TAR, &sdist(&[member]));
    let messages = [
        other,
        refused(ZIP, b"no zip"),
        refused(ZIP, &wheel(&[("../x", b"", 0o100_644)])),
        refused(TAR, b"no gzip"),
        tar(file("../x", b"")),
        tar(file("/etc/x", b"")),
        tar(special("./", Type::Directory, "")),
        tar(special("dev", Type::Char, "")),
        tar(special("a/link", Type::Symlink, "../../x")),
        tar(special("link", Type::Symlink, "..")),
        tar(special("link", Type::Symlink, "/etc/passwd")),
    ];
    insta::assert_snapshot!(messages.join("\n"), @r#"
    outputs refused: app.whl: is not declared by the builder, which makes app-linux-x86_64.zip; other.zip: is not declared by the builder, which makes app-linux-x86_64.zip
    outputs refused: app-linux-x86_64.zip: no readable zip: invalid Zip archive: Could not find EOCD
    outputs refused: app-linux-x86_64.zip: member "../x" is a path with empty parts, '.' or '..'
    outputs refused: app-linux-x86_64.tar.gz: no readable tar.gz: unexpected end of file
    outputs refused: app-linux-x86_64.tar.gz: member "../x" leaves the archive
    outputs refused: app-linux-x86_64.tar.gz: member "/etc/x" is an absolute path
    outputs refused: app-linux-x86_64.tar.gz: member "./" is the archive's own folder
    outputs refused: app-linux-x86_64.tar.gz: member "dev" is a device
    outputs refused: app-linux-x86_64.tar.gz: member "a/link" is a symbolic link that leaves the archive
    outputs refused: app-linux-x86_64.tar.gz: member "link" is a symbolic link that leaves the archive
    outputs refused: app-linux-x86_64.tar.gz: member "link" is a symbolic link that leaves the archive
    "#);
}
