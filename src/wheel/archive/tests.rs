//! Wheels made in the test, hostile ones among them.

use std::io::{Cursor, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zip::write::SimpleFileOptions;

use super::*;

/// A wheel `demo-1.0` with these files and a right RECORD, which `change` may spoil.
fn wheel(
    files: &[(&str, &str)],
    change: impl FnOnce(String) -> String,
) -> Result<Archive<Cursor<Vec<u8>>>, WheelError> {
    let mut all: Vec<(String, String)> =
        vec![("demo-1.0.dist-info/WHEEL".to_owned(), "Wheel-Version: 1.0\n".to_owned())];
    all.extend(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    all.dedup_by(|b, a| {
        a.0 == b.0 && {
            *a = b.clone();
            true
        }
    });
    let mut record = String::new();
    for (path, text) in &all {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::of(text).as_bytes());
        record.push_str(&format!("{path},sha256={digest},{}\n", text.len()));
    }
    record.push_str("demo-1.0.dist-info/RECORD,,\n");
    all.push(("demo-1.0.dist-info/RECORD".to_owned(), change(record)));
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, text) in all {
        let program = Path::new(&path).extension().is_some_and(|end| end == "sh");
        let options = SimpleFileOptions::default().unix_permissions(if program { 0o755 } else { 0o644 });
        zip.start_file(path, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    Archive::open("demo-1.0-py3-none-any.whl", Cursor::new(zip.finish().unwrap().into_inner()))
}

fn refused(files: &[(&str, &str)]) -> String {
    wheel(files, |record| record).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn members_go_where_the_scheme_says() {
    let files = [
        ("demo/__init__.py", "x = 1\n"),
        ("demo/run.sh", "#!/bin/sh\n"),
        ("demo-1.0.data/purelib/pure.py", ""),
        ("demo-1.0.data/platlib/plat.so", ""),
        ("demo-1.0.data/scripts/tool", "#!python\n"),
        ("demo-1.0.data/headers/demo.h", ""),
        ("demo-1.0.data/data/share/man/x.1", ""),
        ("demo-1.0.dist-info/entry_points.txt", "[console_scripts]\ndemo = demo:main\n"),
    ];
    let mut archive = wheel(&files, |record| record).unwrap();
    assert_eq!(archive.entry_points().len(), 1);
    let place =
        |path: &str| archive.members().iter().find(|member| member.path == path).unwrap().place.clone();
    assert_eq!(place("demo/__init__.py"), Place::Site("demo/__init__.py".to_owned()));
    assert_eq!(place("demo-1.0.data/purelib/pure.py"), Place::Site("pure.py".to_owned()));
    assert_eq!(place("demo-1.0.data/scripts/tool"), Place::Script("tool".to_owned()));
    assert_eq!(place("demo-1.0.data/headers/demo.h"), Place::Header("demo.h".to_owned()));
    assert_eq!(place("demo-1.0.data/data/share/man/x.1"), Place::Data("share/man/x.1".to_owned()));
    let member = archive.members().iter().find(|member| member.path == "demo/run.sh").unwrap().clone();
    assert!(member.executable);
    assert_eq!(archive.read(&member).unwrap(), b"#!/bin/sh\n");
}

#[test]
fn names_that_lead_out_are_refused() {
    for path in ["../evil.py", "demo/../../evil.py", "/etc/evil", "demo//x.py", "./x.py"] {
        assert!(refused(&[(path, "")]).contains("leads out"), "{path}");
    }
    for path in ["demo\\x.py", "C:x.py", "demo/\u{7}.py"] {
        assert!(refused(&[(path, "")]).contains("characters"), "{path}");
    }
    assert!(refused(&[("demo-1.0.data/evil/x", "")]).contains("scheme is unknown"));
    assert!(refused(&[("demo-1.0.data/scripts/a/b", "")]).contains("scripts are in no folders"));
}

#[test]
fn two_members_of_one_name_are_refused() {
    assert!(refused(&[("demo/x.py", "1"), ("demo/X.py", "2")]).contains("same name"));
}

#[test]
fn a_link_is_refused() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("demo/link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let opened = Archive::open("demo-1.0-py3-none-any.whl", Cursor::new(zip.finish().unwrap().into_inner()));
    assert!(opened.err().unwrap().to_string().contains("a link or a device"));
}

#[test]
fn what_record_does_not_have_is_refused() {
    let files = [("demo/x.py", "x")];
    let said = |change: &dyn Fn(String) -> String| {
        wheel(&files, change).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let without = |record: String| {
        record.lines().filter(|line| !line.starts_with("demo/")).map(|line| format!("{line}\n")).collect()
    };
    assert!(said(&without).contains("RECORD does not have its digest"));
    assert!(said(&|record| record + "demo/more.py,,\n").contains("it is not there"));
    let mut archive = wheel(&files, |record| {
        let other = URL_SAFE_NO_PAD.encode(Sha256::of("y").as_bytes());
        record
            .lines()
            .map(|line| {
                if line.starts_with("demo/") {
                    format!("demo/x.py,sha256={other},1\n")
                } else {
                    format!("{line}\n")
                }
            })
            .collect()
    })
    .unwrap();
    let member = archive.members().iter().find(|member| member.path == "demo/x.py").unwrap().clone();
    assert!(matches!(archive.read(&member), Err(WheelError::Content { .. })));
}

#[test]
fn a_wheel_is_what_its_name_says() {
    assert!(refused(&[("demo-1.0.dist-info/WHEEL", "Wheel-Version: 2.0\n")]).contains("Wheel-Version"));
    assert!(refused(&[("other-1.0.dist-info/METADATA", "")]).contains(".dist-info"));
    let archive = Archive::open("demo-1.0-py3-none-any.whl", Cursor::new(b"no zip".to_vec()));
    assert!(matches!(archive, Err(WheelError::Archive { .. })));
    assert!(same_version("1.0+a_b", "1.0+a.b") && !same_version("1.0", "1.1"));
}
