//! What the box leaves is foreign: each thing that no builder declares is refused by name.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use tar::EntryType as Type;

use sealwright::digest::Sha256;
use sealwright::error::{Blame, Fault};
use sealwright::event::Cancel;
use sealwright::output::{OutputKind, OutputLimits, OutputRules, ProjectRules, Stated, collect};

use super::archives::{
    TarMember, demo_members, demo_wheel, file, folder, pkg_info, sdist, special, wheel, write,
};

const WHEEL: &str = "demo-1.0-py3-none-any.whl";
const SDIST: &str = "demo-1.0.tar.gz";

pub fn rules() -> OutputRules {
    OutputRules {
        kinds: vec![OutputKind::Wheel, OutputKind::Sdist],
        project: ProjectRules { name: Some("Demo".parse().unwrap()), version: Some("1.0.0".to_owned()) },
        archives: Vec::new(),
        limits: OutputLimits { files: 10, file_bytes: 1 << 20, unpacked_bytes: 1 << 20 },
    }
}

fn refusal(path: &Path, rules: &OutputRules) -> String {
    let error = collect(path, rules, &Cancel::new()).unwrap_err();
    assert_eq!(error.blame(), Blame::Build, "{error}");
    error.to_string()
}

#[test]
fn a_wheel_and_an_sdist_are_taken_with_their_digests() {
    let (wheel, sdist) = (demo_wheel(), sdist(&demo_members()));
    let folder = folder(&[(WHEEL, &wheel), (SDIST, &sdist)]);
    let outputs = collect(folder.path(), &rules(), &Cancel::new()).unwrap();
    let seen: Vec<_> =
        outputs.iter().map(|output| (output.name.as_str(), output.sha256, output.size)).collect();
    let expected = [(SDIST, &sdist), (WHEEL, &wheel)];
    assert_eq!(seen, expected.map(|(name, bytes)| (name, Sha256::of(bytes), bytes.len() as u64)));
    let stated = Stated { name: "demo".parse().unwrap(), version: "1.0".to_owned() };
    assert!(outputs.iter().all(|output| output.stated.as_ref() == Some(&stated)));
}

#[test]
fn every_strange_thing_is_refused_and_all_are_told() {
    let folder = folder(&[
        (WHEEL, &demo_wheel()),
        ("demo-1.0-py2-none-any.whl", &demo_wheel()),
        ("notes.txt", b"x"),
        ("-rf.whl", b"x"),
        (".hidden.whl", b"x"),
        ("a b\u{1b}[31m.whl", b"x"),
        ("set.tar.gz", b"x"),
    ]);
    let path = folder.path();
    std::fs::set_permissions(path.join("set.tar.gz"), std::fs::Permissions::from_mode(0o4755)).unwrap();
    std::fs::create_dir(path.join("folder.whl")).unwrap();
    symlink("/etc/passwd", path.join(SDIST)).unwrap();
    nix::unistd::mkfifo(&path.join("pipe.whl"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    insta::assert_snapshot!(refusal(path, &rules()).replace("; ", "\n"), @r"
    outputs refused: -rf.whl: name begins with '-' or '.'
    .hidden.whl: name begins with '-' or '.'
    a b\u{1b}[31m.whl: name holds something else than ASCII letters, digits, '.', '_', '-', '+' and '!'
    demo-1.0-py3-none-any.whl: is a second wheel, expected one
    demo-1.0.tar.gz: is a symbolic link, expected a regular file
    folder.whl: is a folder, expected a regular file
    notes.txt: is not declared by the builder, which makes *.whl and *.tar.gz
    pipe.whl: is a named pipe, expected a regular file
    set.tar.gz: has mode 4755: set-user-id, set-group-id or sticky
    ");
}

#[test]
fn hard_links_too_many_too_large_and_missing_are_refused() {
    let whole = folder(&[(WHEEL, &demo_wheel()), (SDIST, &sdist(&demo_members()))]);
    let path = whole.path();
    let elsewhere = folder(&[]);
    std::fs::hard_link(path.join(WHEEL), elsewhere.path().join("x")).unwrap();
    assert_eq!(refusal(path, &rules()), format!("outputs refused: {WHEEL}: has 2 hard links, expected 1"));
    std::fs::remove_file(elsewhere.path().join("x")).unwrap();
    let with = |change: fn(&mut OutputLimits)| {
        let mut rules = rules();
        change(&mut rules.limits);
        refusal(path, &rules)
    };
    assert!(with(|limits| limits.files = 1).contains("the output folder: holds more than 1 files"));
    assert!(with(|limits| limits.file_bytes = 10).contains("bytes, expected at most 10"));
    assert!(with(|limits| limits.unpacked_bytes = 2000).contains("unpacks to more than 2000 bytes"));
    std::fs::remove_file(path.join(SDIST)).unwrap();
    assert_eq!(refusal(path, &rules()), "outputs refused: sdist: the build made none");
}

#[test]
fn the_folder_itself_may_be_no_link() {
    let real = folder(&[(WHEEL, &demo_wheel())]);
    let other = folder(&[]);
    symlink(real.path(), other.path().join("out")).unwrap();
    let error = collect(&other.path().join("out"), &rules(), &Cancel::new()).unwrap_err();
    assert_eq!(error.blame(), Blame::Environment);
    assert!(error.to_string().starts_with("cannot open the output folder"), "{error}");
}

#[test]
fn names_and_versions_must_be_the_project_s() {
    let only = |kind, name: &str, bytes: &[u8], project: ProjectRules| {
        let folder = folder(&[(name, bytes)]);
        let rules = OutputRules { kinds: vec![kind], project, ..rules() };
        match collect(folder.path(), &rules, &Cancel::new()) {
            Ok(outputs) => {
                let stated = outputs[0].stated.clone().unwrap();
                format!("taken: {} {}", stated.name, stated.version)
            }
            Err(error) => error.to_string().replace("outputs refused: ", ""),
        }
    };
    let wheel_of = |stem: &str, name: &str, version: &str| {
        wheel(&[(&format!("{stem}.dist-info/METADATA"), &pkg_info(name, version), 0o644)])
    };
    let sdist_of = |stem: &str, name: &str, version: &str| {
        sdist(&[file(&format!("{stem}/PKG-INFO"), &pkg_info(name, version))])
    };
    let (none, demo) = (ProjectRules::default(), rules().project);
    let (w, s) = (OutputKind::Wheel, OutputKind::Sdist);
    let lines = [
        only(w, "Demo_X-1.0-py3-none-any.whl", &wheel_of("Demo_X-1.0", "demo.x", "1.0.0"), none.clone()),
        only(w, WHEEL, &wheel_of("demo-1.0", "other", "1.0"), none.clone()),
        only(w, WHEEL, &wheel_of("demo-1.0", "demo", "1.1"), none.clone()),
        only(w, WHEEL, &wheel_of("demo-1.1", "demo", "1.0"), none.clone()),
        only(w, "demo-1.1-py3-none-any.whl", &wheel_of("demo-1.1", "demo", "1.1"), demo.clone()),
        only(w, "demo-1.0.whl", b"x", none.clone()),
        only(w, WHEEL, b"no zip at all", none.clone()),
        only(w, WHEEL, &wheel(&[("demo-1.0.dist-info/METADATA", b"Name: demo\n", 0o644)]), none.clone()),
        only(w, WHEEL, &wheel_of("demo-1.0", "demo\nName: demo", "1.0"), none.clone()),
        only(s, "My.Demo-1.0-1.tar.gz", &sdist_of("My.Demo-1.0-1", "my-demo", "1.0.post1"), none.clone()),
        only(s, SDIST, &sdist_of("demo-1.0", "other", "1.0"), none.clone()),
        only(s, SDIST, &sdist_of("demo-1.0", "demo", "2"), none.clone()),
        only(s, SDIST, &sdist_of("demo-1.1", "demo", "1.0"), none.clone()),
        only(s, SDIST, &sdist(&[file("demo-1.0/setup.py", b"")]), none.clone()),
        only(s, SDIST, &sdist_of("demo-1.0", "demo", "1.0")[..90], none.clone()),
        only(s, "demo-1.0.zip", b"x", none.clone()),
        only(s, "other-1.0.tar.gz", &sdist_of("other-1.0", "other", "1.0"), demo),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    taken: demo-x 1.0.0
    demo-1.0-py3-none-any.whl: its name is demo, expected other as METADATA says
    demo-1.0-py3-none-any.whl: its version is 1.0, expected 1.1 as METADATA says
    demo-1.0-py3-none-any.whl: holds no demo-1.0.dist-info/METADATA
    demo-1.1-py3-none-any.whl: its version is 1.1, expected 1.0.0 as pyproject.toml says
    demo-1.0.whl: its name is no file name of a wheel with a version
    demo-1.0-py3-none-any.whl: no readable wheel: invalid Zip archive: Could not find EOCD
    demo-1.0-py3-none-any.whl: METADATA: expected one Version, found 0
    demo-1.0-py3-none-any.whl: METADATA: expected one Name, found 2
    taken: my-demo 1.0.post1
    demo-1.0.tar.gz: its name is demo, expected other as PKG-INFO says
    demo-1.0.tar.gz: its version is 1.0, expected 2 as PKG-INFO says
    demo-1.0.tar.gz: member "demo-1.1/PKG-INFO" is not in the folder that the archive is named after
    demo-1.0.tar.gz: holds no demo-1.0/PKG-INFO
    demo-1.0.tar.gz: no readable sdist: incomplete deflate stream
    demo-1.0.zip: is not declared by the builder, which makes *.tar.gz
    other-1.0.tar.gz: its name is other, expected demo as pyproject.toml says
    "#);
}

#[test]
fn hostile_archives_are_refused() {
    let with = |member: TarMember| {
        let mut members = demo_members();
        members.push(member);
        let folder = folder(&[(SDIST, &sdist(&members))]);
        let rules = OutputRules { kinds: vec![OutputKind::Sdist], ..rules() };
        let collected = collect(folder.path(), &rules, &Cancel::new());
        let error = match collected {
            Err(error) => error,
            Ok(mut outputs) => outputs.remove(0).normalize(0, folder.path()).unwrap_err(),
        };
        error.to_string().replace("outputs refused: demo-1.0.tar.gz: ", "")
    };
    let mut lines = vec![
        with(file("demo-1.0/../../etc/passwd", b"x")),
        with(file("/etc/passwd", b"x")),
        with(file("elsewhere/x", b"x")),
        with(special("demo-1.0/setup.py", Type::Directory, "")),
        with(special("demo-1.0/null", Type::Char, "")),
        with(special("demo-1.0/pipe", Type::Fifo, "")),
        with(special("demo-1.0/sparse", Type::GNUSparse, "")),
        with(special("demo-1.0/out", Type::Symlink, "../../x")),
        with(special("demo-1.0/out", Type::Symlink, "/etc/passwd")),
        with(special("demo-1.0/hard", Type::Link, "demo-1.0/nothing")),
        with(special("demo-1.0/hard", Type::Link, "../x")),
        with(TarMember { content: vec![b'x'; 3], ..special("demo-1.0/d/", Type::Directory, "") }),
        with(file("demo-1.0/bomb", &vec![0; 2 << 20])),
    ];
    let wheel_with = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = wheel(&[
            ("demo-1.0.dist-info/METADATA", &pkg_info("demo", "1.0"), 0o644),
            ("aa.py", b"xxxxxxxxxxxxxxxxx", 0o644),
            (name, b"yyyyyyyyyyyyyyyyy", 0o644),
        ]);
        change(&mut bytes);
        let folder = folder(&[]);
        write(folder.path(), WHEEL, &bytes);
        let rules = OutputRules { kinds: vec![OutputKind::Wheel], ..rules() };
        refusal(folder.path(), &rules).replace("outputs refused: demo-1.0-py3-none-any.whl: ", "")
    };
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: &mut Vec<u8>| {
            for at in 0..bytes.len() - from.len() {
                if bytes[at..].starts_with(from.as_bytes()) {
                    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
                }
            }
        }
    };
    lines.extend([
        wheel_with("../bb.py", &|_| {}),
        wheel_with("/bb.py", &|_| {}),
        wheel_with("b\\b.py", &|_| {}),
        wheel_with("bb.py", &replace("bb.py", "aa.py")),
        wheel_with("bb.py", &|bytes| bytes.splice(0..0, *b"#!/bin/sh\n").for_each(drop)),
        wheel_with("bb.py", &|bytes| {
            let at = bytes.windows(5).position(|window| window == b"bb.py").unwrap();
            bytes[at] = b'c';
        }),
    ]);
    insta::assert_snapshot!(lines.join("\n"), @r#"
    member "demo-1.0/../../etc/passwd" leaves the archive
    member "/etc/passwd" is an absolute path
    member "elsewhere/x" is not in the folder that the archive is named after
    member "demo-1.0/setup.py" is there twice, and not as a file
    member "demo-1.0/null" is a device
    member "demo-1.0/pipe" is a named pipe
    no readable sdist: numeric field was not a number:  when getting real_size for :somebody
    member "demo-1.0/out" is a symbolic link that leaves the archive
    member "demo-1.0/out" is a symbolic link that leaves the archive
    member "demo-1.0/hard" is a hard link to something that is no file of this archive
    member "demo-1.0/hard" is a hard link that leaves the archive
    member "demo-1.0/d/" has content, though it is no file
    unpacks to more than 1048576 bytes
    member "../bb.py" is a path with empty parts, '.' or '..'
    member "/bb.py" is an absolute path
    member "b\\b.py" has a backslash or a NUL in its name
    no readable wheel: invalid Zip archive: header inconsistency detected: duplicate file names in central directory
    no readable wheel: something is before the archive
    no readable wheel: invalid Zip archive: header inconsistency detected: Local file header filename mismatch (does not match central directory)
    "#);
}
