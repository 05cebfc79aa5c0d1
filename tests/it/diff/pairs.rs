//! Pairs of artifacts that differ in one thing each: the verdict, and the cause of it, exactly.

use std::collections::BTreeSet;

use sealwright::compare::{Cause, Normalization, Verdict};

use super::make::*;
use super::{compare_bytes, compare_paths};

/// What a pair has to come to.
enum Expected {
    Equal(&'static [Normalization], &'static [Cause]),
    Different(&'static [Cause]),
}
use Cause as C;
use Expected::{Different, Equal};
use Normalization as N;

struct Pair {
    what: &'static str,
    name: &'static str,
    a: Vec<u8>,
    b: Vec<u8>,
    expected: Expected,
}

fn pair(what: &'static str, name: &'static str, a: Vec<u8>, b: Vec<u8>, expected: Expected) -> Pair {
    Pair { what, name, a, b, expected }
}

const WHEEL: &str = "demo-1.0-py3-none-any.whl";
const SDIST: &str = "demo-1.0.tar.gz";

fn check(pairs: Vec<Pair>) {
    let mut wrong = Vec::new();
    for Pair { what, name, a, b, expected } in pairs {
        assert!(a != b, "{what}: the two are the same");
        for side in [&a, &b] {
            assert_eq!(compare_bytes(name, side, side).verdict, Verdict::Identical, "{what}");
        }
        let report = compare_bytes(name, &a, &b);
        let (verdict, causes) = match expected {
            Equal(normalizations, causes) => {
                (Verdict::Equal { normalizations: normalizations.iter().copied().collect() }, causes)
            }
            Different(causes) => (Verdict::Different, causes),
        };
        let causes: BTreeSet<Cause> = causes.iter().copied().collect();
        if (&report.verdict, report.causes()) != (&verdict, causes.clone()) {
            wrong.push(format!("{what}: expected {verdict}, {causes:?}, got {report:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn file(what: &'static str, a: &str, b: &str, cause: Cause) -> Pair {
    let causes: &'static [Cause] = Box::leak(Box::new([cause]));
    let made = |text: &str| with_file("demo/made.txt", text);
    pair(what, WHEEL, made(a), made(b), Different(causes))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn headers_of_zip_archives() {
    let wheel = wheel(&demo());
    let each = |change: fn(&mut Member)| wheel_with(|members| members.iter_mut().for_each(change));
    let one = |change: fn(&mut Member)| wheel_with(|members| change(&mut members[0]));
    let folder =
        wheel_with(|members| members.push(Member { level: None, mode: 0o755, ..member("demo/", "") }));
    let zipped = |mode| zip(&[Member { mode, ..member("handler.py", "x = 1\n") }]);
    check(vec![
        pair(
            "times",
            WHEEL,
            wheel.clone(),
            each(|member| member.year = 2024),
            Equal(&[N::ArchiveTime], &[C::TimeStamp]),
        ),
        pair(
            "order",
            WHEEL,
            wheel.clone(),
            {
                let mut members = demo();
                members.push(member(RECORD, record(&members)));
                members.swap(0, 1);
                zip(&members)
            },
            Equal(&[N::ArchiveOrder], &[C::Order]),
        ),
        pair(
            "mode",
            WHEEL,
            wheel.clone(),
            each(|member| member.mode = 0o664),
            Equal(&[N::ArchiveMode], &[C::Mode]),
        ),
        pair("a program", WHEEL, wheel.clone(), one(|member| member.mode = 0o755), Different(&[C::Mode])),
        pair(
            "setuid",
            WHEEL,
            wheel.clone(),
            {
                // The library that writes zip in tests does not write this bit: mode, in the first entry of the directory.
                let mut bytes = wheel.clone();
                let entry = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
                bytes[entry + 41] |= 0x08;
                bytes
            },
            Different(&[C::Mode]),
        ),
        pair(
            "compression level",
            WHEEL,
            wheel.clone(),
            each(|member| member.level = Some(1)),
            Equal(&[N::Compression], &[C::Compression]),
        ),
        pair(
            "stored, which needs an older version",
            WHEEL,
            wheel.clone(),
            one(|member| member.level = None),
            Equal(&[N::Compression, N::ArchiveHeader], &[C::Compression, C::ArchiveHeader]),
        ),
        pair(
            "comment",
            WHEEL,
            wheel.clone(),
            one(|member| member.comment = Some("hello")),
            Equal(&[N::ArchiveHeader], &[C::ArchiveHeader]),
        ),
        pair(
            "extra time",
            "x.zip",
            zip_with_extra(0x5455, b"\x01\0\0\0\x01"),
            zip_with_extra(0x5455, b"\x01\0\0\0\x02"),
            Equal(&[N::ArchiveTime], &[C::TimeStamp]),
        ),
        pair(
            "extra owner",
            "x.zip",
            zip_with_extra(0x7875, b"\x01\x04\0\0\0\0\x04\0\0\0\0"),
            zip_with_extra(0x7875, b"\x01\x04\x01\0\0\0\x04\0\0\0\0"),
            Equal(&[N::ArchiveOwner], &[C::Owner]),
        ),
        pair(
            "unknown extra field",
            "x.zip",
            zip_with_extra(0x7777, b"what"),
            zip_with_extra(0x7777, b"this"),
            Different(&[C::Content]),
        ),
        pair(
            "entry of a folder",
            WHEEL,
            wheel.clone(),
            folder,
            Equal(&[N::ArchiveFolders], &[C::ArchiveHeader]),
        ),
        pair(
            "bytes before it",
            WHEEL,
            wheel.clone(),
            [b"#!/bin/sh\n".as_slice(), &wheel].concat(),
            Different(&[C::Content]),
        ),
        pair("cut off", WHEEL, wheel.clone(), wheel[..wheel.len() - 30].to_vec(), Different(&[C::Content])),
        pair(
            "mode in a zip that is no wheel",
            "app.zip",
            zipped(0o644),
            zipped(0o600),
            Different(&[C::Mode]),
        ),
    ]);
}

#[test]
fn contents_of_wheels() {
    let demo_wheel = wheel(&demo());
    let changed = |index: usize, content: &'static str| {
        wheel_with(move |members| members[index].content = content.into())
    };
    let record_of = |change: fn(String) -> String| {
        let mut members = demo();
        members.push(member(RECORD, change(record(&demo()))));
        zip(&members)
    };
    let pyc_with = |change: fn(&mut Pyc)| {
        wheel_with(|members| {
            let mut code = Pyc::default();
            change(&mut code);
            members[2].content = pyc(&code);
        })
    };
    let untrue = || {
        let mut members = demo();
        let record = record(&members);
        members[2].content = pyc(&Pyc { mtime: 5, ..Pyc::default() });
        members.push(member(RECORD, record));
        zip(&members)
    };
    let nested = |year| with_file("demo/inner.zip", zip(&[Member { year, ..member("x.txt", "x\n") }]));
    check(vec![
        pair("content", WHEEL, demo_wheel.clone(), changed(0, "ANSWER = 43\n"), Different(&[C::Content])),
        pair(
            "generator",
            WHEEL,
            demo_wheel.clone(),
            changed(4, "Wheel-Version: 1.0\nGenerator: setuptools (75.2.0)\nTag: py3-none-any\n"),
            Different(&[C::VersionString]),
        ),
        pair("added", WHEEL, demo_wheel.clone(), with_file("demo/new.py", "new\n"), Different(&[C::Content])),
        pair(
            "renamed",
            WHEEL,
            demo_wheel.clone(),
            wheel_with(|members| members[1].name = "demo/other.bin".into()),
            Different(&[C::Name]),
        ),
        pair(
            "rows in another order",
            WHEEL,
            demo_wheel.clone(),
            record_of(|text| {
                let mut lines: Vec<&str> = text.lines().collect();
                lines.reverse();
                lines.join("\n") + "\n"
            }),
            Equal(&[N::Record], &[C::Order]),
        ),
        pair(
            "RECORD with other line ends",
            WHEEL,
            demo_wheel.clone(),
            record_of(|text| text.replace('\n', "\r\n")),
            Equal(&[N::Record], &[C::LineEndings]),
        ),
        pair(
            "METADATA with other line ends",
            WHEEL,
            demo_wheel.clone(),
            changed(3, "Metadata-Version: 2.1\r\nName: demo\r\nVersion: 1.0\r\n"),
            Equal(&[N::MetadataLines, N::Record], &[C::LineEndings, C::Consequence]),
        ),
        pair(
            "METADATA with other line ends in places",
            WHEEL,
            demo_wheel.clone(),
            changed(3, "Metadata-Version: 2.1\r\nName: demo\nVersion: 1.0\r\n"),
            Different(&[C::LineEndings]),
        ),
        pair(
            "RECORD that lies",
            WHEEL,
            demo_wheel.clone(),
            record_of(|text| text.replacen("sha256=", "sha256=A", 1)),
            Different(&[C::Content]),
        ),
        pair(
            "time in byte code",
            WHEEL,
            demo_wheel.clone(),
            pyc_with(|code| code.mtime += 1),
            Equal(&[N::PycTime, N::Record], &[C::TimeStamp, C::Consequence]),
        ),
        pair(
            "time in byte code, RECORD not told",
            WHEEL,
            demo_wheel.clone(),
            untrue(),
            Different(&[C::Content]),
        ),
        pair("an archive inside", WHEEL, nested(2020), nested(2024), Different(&[C::TimeStamp])),
    ]);
}

#[test]
fn texts() {
    let lines = |order: &[&str]| order.iter().map(|line| format!("{line}\n")).collect::<String>();
    check(vec![
        file("ISO time", "built 2024-01-02T03:04:05Z\n", "built 2025-11-12T13:14:15Z\n", C::TimeStamp),
        file("date of C", "# Jan  2 2024 03:04:05\n", "# Nov 12 2025 13:14:15\n", C::TimeStamp),
        file(
            "date of asctime",
            "x = 'Tue Jan  2 03:04:05 2024'\n",
            "x = 'Wed Nov 12 13:14:15 2025'\n",
            C::TimeStamp,
        ),
        file("seconds", "TIME = 1600000000\n", "TIME = 1700000001\n", C::TimeStamp),
        file(
            "path",
            "PREFIX = '/tmp/build-env-x8d2/lib'\n",
            "PREFIX = '/home/somebody/project/lib'\n",
            C::EmbeddedPath,
        ),
        file(
            "path of a compiler's flag",
            "cc -I/tmp/a1/include -O2\n",
            "cc -I/var/tmp/b2/include -O2\n",
            C::EmbeddedPath,
        ),
        file("version", "Generator: hatchling 1.25.0\n", "Generator: hatchling 1.26.3\n", C::VersionString),
        file("requirement", "Requires-Dist: idna==3.6\n", "Requires-Dist: idna==3.7\n", C::VersionString),
        file("a number that is no version", "PI = 3.14\n", "PI = 3.15\n", C::Content),
        file("an address that is no version", "HOST = '127.0.0.1'\n", "HOST = '127.0.0.2'\n", C::Content),
        file("line ends", "one\ntwo\n", "one\r\ntwo\r\n", C::LineEndings),
        file("order of lines", &lines(&["b", "c", "a"]), &lines(&["c", "a", "b"]), C::HashSeed),
        file("order of a set", "names = {'a', 'bb', 'ccc'}\n", "names = {'bb', 'ccc', 'a'}\n", C::HashSeed),
        file("collation", &lines(&["B", "Z", "a", "c"]), &lines(&["a", "B", "c", "Z"]), C::Locale),
        file("month", "am 3. Dezember 2024\n", "am 3. December 2024\n", C::Locale),
        file("decimal comma", "took 1,5 seconds\n", "took 1.5 seconds\n", C::Locale),
        file("character set", "LANG=C.UTF-8\n", "LANG=de_DE.UTF-8\n", C::Locale),
        file(
            "address in memory",
            "default=<object at 0x7f1234567890>\n",
            "default=<object at 0x7fabcdefabcd>\n",
            C::MemoryAddress,
        ),
        file("order of a dictionary", "{'a': 1, 'bb': 2}\n", "{'bb': 2, 'a': 1}\n", C::HashSeed),
        file("values of a dictionary", "{'a': 1, 'bb': 2}\n", "{'a': 2, 'bb': 1}\n", C::Content),
        file("order of words", "Keywords: one,two,three\n", "Keywords: three,one,two\n", C::HashSeed),
        file("arguments in another order", "f(x, yy)\n", "f(yy, x)\n", C::Content),
        file("operands in another order", "return x - y\n", "return y - x\n", C::Content),
        file("quotes of a language", "can't open ‘x’\n", "can't open 'x'\n", C::Locale),
        file("other quotes in code", "x = 'text'\n", "x = \"text\"\n", C::Content),
        file("real content", "def f(x):\n    return x\n", "def f(x):\n    return x + 1\n", C::Content),
        file("a line more", "one\n", "one\ntwo\n", C::Content),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn tar_archives() {
    let sdist = sdist_with(|_| {});
    let each = |change: fn(&mut TarMember)| sdist_with(|members| members.iter_mut().for_each(change));
    let bare = tar(&sdist_members());
    let plain = |change: fn(&mut TarMember)| {
        let mut member = tar_member("data.txt", "");
        change(&mut member);
        tar(&[member])
    };
    let link = |link| tar(&[TarMember { kind: tar::EntryType::Symlink, link, ..tar_member("link", "") }]);
    check(vec![
        pair(
            "times",
            SDIST,
            sdist.clone(),
            each(|member| member.mtime += 1),
            Equal(&[N::ArchiveTime], &[C::TimeStamp]),
        ),
        pair(
            "time of gzip",
            SDIST,
            sdist.clone(),
            gzip(&bare, 7, 6),
            Equal(&[N::ArchiveTime], &[C::TimeStamp]),
        ),
        pair(
            "level of gzip",
            SDIST,
            sdist.clone(),
            gzip(&bare, 0, 4),
            Equal(&[N::Compression, N::ArchiveHeader], &[C::Compression, C::ArchiveHeader]).only_if(
                gzip(&bare, 0, 4)[8] != sdist[8],
                &[N::Compression],
                &[C::Compression],
            ),
        ),
        pair(
            "owner",
            SDIST,
            sdist.clone(),
            each(|member| member.uid = 1000),
            Equal(&[N::ArchiveOwner], &[C::Owner]),
        ),
        pair(
            "owner's name",
            SDIST,
            sdist.clone(),
            each(|member| member.user = "builder"),
            Equal(&[N::ArchiveOwner], &[C::Owner]),
        ),
        pair(
            "mode",
            SDIST,
            sdist.clone(),
            each(|member| member.mode = 0o664),
            Equal(&[N::ArchiveMode], &[C::Mode]),
        ),
        pair(
            "a program",
            SDIST,
            sdist.clone(),
            sdist_with(|members| members[2].mode = 0o755),
            Different(&[C::Mode]),
        ),
        pair(
            "order",
            SDIST,
            sdist.clone(),
            sdist_with(|members| members.swap(0, 1)),
            Equal(&[N::ArchiveOrder], &[C::Order]),
        ),
        pair(
            "dialect",
            SDIST,
            sdist.clone(),
            each(|member| member.ustar = false),
            Equal(&[N::ArchiveHeader], &[C::ArchiveHeader]),
        ),
        pair(
            "time of access",
            SDIST,
            sdist.clone(),
            each(|member| member.pax = vec![("atime", b"5")]),
            Equal(&[N::ArchiveTime], &[C::TimeStamp]),
        ),
        pair(
            "extended attribute",
            SDIST,
            sdist.clone(),
            each(|member| member.pax = vec![("SCHILY.xattr.user.x", b"5")]),
            Different(&[C::Content]),
        ),
        pair(
            "content",
            SDIST,
            sdist.clone(),
            sdist_with(|members| members[1].content = b"x = 2\n".to_vec()),
            Different(&[C::Content]),
        ),
        pair("gzip and xz", SDIST, sdist.clone(), xz(&bare, 6), Equal(&[N::Compression], &[C::Compression])),
        pair(
            "level of xz",
            "demo.tar.xz",
            xz(&bare, 0),
            xz(&bare, 6),
            Equal(&[N::Compression], &[C::Compression]),
        ),
        pair(
            "level of zstd",
            "demo.tar.zst",
            zstd(&bare, 1),
            zstd(&bare, 19),
            Equal(&[N::Compression], &[C::Compression]),
        ),
        pair(
            "not compressed",
            "demo.tar",
            bare.clone(),
            zstd(&bare, 1),
            Equal(&[N::Compression], &[C::Compression]),
        ),
        pair(
            "zeros at its end",
            "demo.tar",
            bare.clone(),
            [bare.as_slice(), &[0; 512]].concat(),
            Equal(&[N::ArchiveHeader], &[C::ArchiveHeader]),
        ),
        pair(
            "bytes at its end",
            "demo.tar",
            bare.clone(),
            [bare.as_slice(), &[1; 512]].concat(),
            Different(&[C::Content]),
        ),
        pair(
            "mode of a tar that is no sdist",
            "data.tar",
            plain(|_| {}),
            plain(|member| member.mode = 0o600),
            Different(&[C::Mode]),
        ),
        pair(
            "kind",
            "data.tar",
            plain(|_| {}),
            plain(|member| member.kind = tar::EntryType::Fifo),
            Different(&[C::Mode]),
        ),
        pair("target of a link", "data.tar", link("one"), link("two"), Different(&[C::Content])),
    ]);
}

impl Expected {
    /// Another expectation, unless something holds: compressors differ in what they say of themselves.
    fn only_if(
        self,
        holds: bool,
        normalizations: &'static [Normalization],
        causes: &'static [Cause],
    ) -> Self {
        if holds { self } else { Equal(normalizations, causes) }
    }
}

#[test]
fn byte_code() {
    let with = |change: fn(&mut Pyc)| {
        let mut code = Pyc::default();
        change(&mut code);
        pyc(&code)
    };
    let one = with(|_| {});
    let name = "x.cpython-311.pyc";
    check(vec![
        pair("time", name, one.clone(), with(|code| code.mtime += 9), Equal(&[N::PycTime], &[C::TimeStamp])),
        pair("size of the source", name, one.clone(), with(|code| code.size += 1), Different(&[C::Content])),
        pair(
            "file",
            name,
            one.clone(),
            with(|code| code.file = "/tmp/build/x.py"),
            Different(&[C::EmbeddedPath]),
        ),
        pair(
            "order of a set",
            name,
            one.clone(),
            with(|code| code.set = ["three", "one", "two"]),
            Different(&[C::HashSeed]),
        ),
        pair(
            "another set",
            name,
            one.clone(),
            with(|code| code.set = ["three", "one", "four"]),
            Different(&[C::Content]),
        ),
        pair(
            "references",
            name,
            one.clone(),
            with(|code| code.referred = true),
            Different(&[C::MarshalReferences]),
        ),
        pair("text", name, one.clone(), with(|code| code.text = "other words"), Different(&[C::Content])),
        pair(
            "a time in a text",
            name,
            with(|code| code.text = "at 2024-01-02"),
            with(|code| code.text = "at 2025-02-03"),
            Different(&[C::TimeStamp]),
        ),
        pair("Python", name, one.clone(), with(|code| code.version = 3531), Different(&[C::VersionString])),
        pair(
            "digest of the source",
            name,
            with(|code| code.hashed = Some([1; 8])),
            with(|code| code.hashed = Some([2; 8])),
            Different(&[C::Content]),
        ),
        pair("cut off", name, one.clone(), one[..60].to_vec(), Different(&[C::Content])),
    ]);
}

#[test]
fn objects() {
    let one = object(|_| {});
    let set = |index: usize, bytes: &'static [u8]| object(move |sections| sections[index].1 = bytes.to_vec());
    let name = "demo.cpython-311-x86_64-linux-gnu.so";
    check(vec![
        pair(
            "build id",
            name,
            one.clone(),
            object(|sections| sections[3].1[20] = 9),
            Different(&[C::BuildId]),
        ),
        pair(
            "compiler",
            name,
            one.clone(),
            set(2, b"GCC: (Debian 13.3.0-1) 13.3.0\0"),
            Different(&[C::VersionString]),
        ),
        pair(
            "path",
            name,
            one.clone(),
            set(1, b"\x01\0\x02\0built in /tmp/xx/demo\0\0\0\x03"),
            Different(&[C::EmbeddedPath]),
        ),
        pair(
            "path for a debugger",
            name,
            one.clone(),
            set(4, b"GNU C17 12.2.0 -O2\0/tmp/x/demo\0main.c\0"),
            Different(&[C::EmbeddedPath]),
        ),
        pair("code", name, one.clone(), object(|sections| sections[0].1[5] = 43), Different(&[C::Content])),
        pair(
            "a section more",
            name,
            one.clone(),
            object(|sections| sections.push((".data", vec![1]))),
            Different(&[C::Content]),
        ),
        pair(
            "stripped",
            name,
            one.clone(),
            object(|sections| drop(sections.pop())),
            Different(&[C::Content]),
        ),
    ]);
}

/// Bootloader, script, module, data file, level of compression.
type Parts = (Vec<u8>, Pyc, Pyc, Vec<u8>, u32);

#[test]
fn executables_of_pyinstaller() {
    let program = |change: fn(&mut Parts)| {
        let mut parts = (b"\x55\xc3".to_vec(), Pyc::default(), Pyc::default(), b"hello\n".to_vec(), 6);
        change(&mut parts);
        executable(&parts.0, &parts.1, &parts.2, &parts.3, parts.4)
    };
    let one = program(|_| {});
    check(vec![
        pair("bootloader", "app", one.clone(), program(|parts| parts.0[0] = 0x56), Different(&[C::Content])),
        pair(
            "path in the script",
            "app",
            one.clone(),
            program(|parts| parts.1.file = "/tmp/y/main.py"),
            Different(&[C::EmbeddedPath]),
        ),
        pair(
            "set in a module",
            "app",
            one.clone(),
            program(|parts| parts.2.set = ["two", "one", "three"]),
            Different(&[C::HashSeed]),
        ),
        pair(
            "data file",
            "app",
            one.clone(),
            program(|parts| parts.3 = b"world\n".to_vec()),
            Different(&[C::Content]),
        ),
        pair(
            "time in a data file",
            "app",
            program(|parts| parts.3 = b"at 2024-01-02\n".to_vec()),
            program(|parts| parts.3 = b"at 2025-01-02\n".to_vec()),
            Different(&[C::TimeStamp]),
        ),
        pair("compression", "app", one.clone(), program(|parts| parts.4 = 0), Different(&[C::Compression])),
    ]);
    let report = compare_bytes("app", &one, &program(|parts| parts.2.file = "/tmp/z/module.py"));
    assert_eq!(report.changes[0].path, ["pydata", "PYZ.pyz", "demo.module"], "{report:#?}");
}

/// The image with a manifest that says zstd of a layer that gzip packed.
fn media_type_that_lies(base: &[u8], time: &str) -> Vec<u8> {
    let mut files = layout(&[gzip(base, 0, 1)], &[base.to_vec()], time, "A=1");
    let is_manifest = |bytes: &[u8]| bytes.starts_with(b"{\"schemaVersion\":2,\"mediaType");
    let manifest = files.iter_mut().find(|(_, bytes)| is_manifest(bytes)).unwrap();
    let text = String::from_utf8(manifest.1.clone()).unwrap().replace("tar+gzip", "tar+zstd");
    let (size, digest) = (text.len(), sealwright::digest::Sha256::of(&text).to_string());
    let old = manifest.0.rsplit('/').next().unwrap().to_owned();
    assert_eq!(size, manifest.1.len());
    *manifest = (format!("blobs/sha256/{digest}"), text.into_bytes());
    let index = files.last_mut().unwrap();
    index.1 = String::from_utf8(index.1.clone()).unwrap().replace(&old, &digest).into_bytes();
    tar(&files.iter().map(|(name, bytes)| tar_member(name, bytes)).collect::<Vec<_>>())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn images() {
    let (name, time) = ("image.tar", "2024-01-02T03:04:05Z");
    let base = layer(|_| {});
    let of = |unpacked: &Vec<u8>| image(&[gzip(unpacked, 0, 6)], std::slice::from_ref(unpacked), time, "A=1");
    let one = of(&base);
    let layer_with = |change: fn(&mut TarMember)| of(&layer(|members| change(&mut members[1])));
    check(vec![
        pair(
            "compression",
            name,
            one.clone(),
            image(&[zstd(&base, 3)], std::slice::from_ref(&base), time, "A=1"),
            Equal(&[N::Compression, N::References], &[C::Compression, C::Consequence]),
        ),
        pair(
            "times in a layer",
            name,
            one.clone(),
            layer_with(|member| member.mtime = 7),
            Equal(&[N::ArchiveTime, N::References], &[C::TimeStamp, C::Consequence]),
        ),
        pair(
            "time of the image",
            name,
            one.clone(),
            image(&[gzip(&base, 0, 6)], std::slice::from_ref(&base), "2025-01-02T03:04:05Z", "A=1"),
            Equal(&[N::ArchiveTime, N::References], &[C::TimeStamp, C::Consequence]),
        ),
        pair(
            "owner in a layer",
            name,
            one.clone(),
            layer_with(|member| member.uid = 1000),
            Different(&[C::Owner]),
        ),
        pair(
            "mode in a layer",
            name,
            one.clone(),
            layer_with(|member| member.mode = 0o600),
            Different(&[C::Mode]),
        ),
        pair(
            "file in a layer",
            name,
            one.clone(),
            layer_with(|member| member.content = b"print('bye')\n".to_vec()),
            Different(&[C::Content]),
        ),
        pair(
            "environment",
            name,
            one.clone(),
            image(&[gzip(&base, 0, 6)], std::slice::from_ref(&base), time, "A=2"),
            Different(&[C::Content]),
        ),
        pair(
            "diff_ids that lie",
            name,
            one.clone(),
            image(&[gzip(&base, 0, 6)], &[b"lie".to_vec()], time, "A=1"),
            Different(&[C::Content]),
        ),
        pair(
            "a media type that lies",
            name,
            one.clone(),
            media_type_that_lies(&base, time),
            Different(&[C::Content]),
        ),
        pair(
            "a layer more",
            name,
            one.clone(),
            {
                let more = layer(|members| members.truncate(1));
                image(&[gzip(&base, 0, 6), gzip(&more, 0, 6)], &[base.clone(), more], time, "A=1")
            },
            Different(&[C::Content]),
        ),
        pair(
            "times of the layout's own archive",
            name,
            one.clone(),
            {
                let files = layout(&[gzip(&base, 0, 6)], std::slice::from_ref(&base), time, "A=1");
                tar(&files
                    .iter()
                    .map(|(name, bytes)| TarMember { mtime: 9, ..tar_member(name, bytes) })
                    .collect::<Vec<_>>())
            },
            Equal(&[N::ArchiveTime], &[C::TimeStamp]),
        ),
        pair(
            "a blob that lies",
            name,
            one.clone(),
            {
                let mut files = layout(&[gzip(&base, 0, 6)], std::slice::from_ref(&base), time, "A=1");
                files[1].1 = gzip(&base, 0, 1);
                tar(&files.iter().map(|(name, bytes)| tar_member(name, bytes)).collect::<Vec<_>>())
            },
            Different(&[C::Content]),
        ),
    ]);
}

#[test]
fn bytes_of_no_known_kind() {
    let with = |text: &str| [b"\x01\x02\x00\x03", text.as_bytes(), b"\0\x05\xff"].concat();
    check(vec![
        pair("bytes", "x.bin", vec![1, 0, 2], vec![1, 0, 3], Different(&[C::Content])),
        pair(
            "a time",
            "x.bin",
            with("made 2024-01-02 "),
            with("made 2025-03-04 "),
            Different(&[C::TimeStamp]),
        ),
        pair(
            "a text and a number",
            "x.bin",
            with("made 2024-01-02 "),
            [&with("made 2025-03-04 ")[..], &[9]].concat(),
            Different(&[C::Content]),
        ),
        pair("another kind", "x.txt", b"text\n".to_vec(), wheel(&demo()), Different(&[C::Content])),
        pair("empty", "x.txt", Vec::new(), b"text\n".to_vec(), Different(&[C::Content])),
    ]);
}

#[test]
fn folders() {
    let make = |change: &dyn Fn(&std::path::Path)| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::create_dir(path.join("dist")).unwrap();
        std::fs::write(path.join("dist").join(WHEEL), wheel(&demo())).unwrap();
        std::fs::write(path.join("run"), "#!/bin/sh\n").unwrap();
        std::os::unix::fs::symlink("run", path.join("link")).unwrap();
        change(path);
        folder
    };
    let one = make(&|_| {});
    assert_eq!(compare_paths(one.path(), make(&|_| {}).path()).verdict, Verdict::Identical);
    let expect = |change: &dyn Fn(&std::path::Path), verdict: &str, cause: Cause| {
        let report = compare_paths(one.path(), make(change).path());
        assert_eq!(
            (report.verdict.to_string().as_str(), report.causes()),
            (verdict, BTreeSet::from([cause])),
            "{report:#?}"
        );
    };
    let later = wheel_with(|members| members[0].year = 2024);
    expect(
        &|path| std::fs::write(path.join("dist").join(WHEEL), &later).unwrap(),
        "equal after archive-time",
        C::TimeStamp,
    );
    expect(&|path| std::fs::write(path.join("more"), "x").unwrap(), "different", C::Content);
    expect(&|path| std::fs::create_dir(path.join("empty")).unwrap(), "different", C::Content);
    expect(&|path| std::fs::rename(path.join("run"), path.join("go")).unwrap(), "different", C::Name);
    expect(
        &|path| {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(path.join("run"), std::fs::Permissions::from_mode(0o755)).unwrap();
        },
        "different",
        C::Mode,
    );
    expect(
        &|path| {
            std::fs::remove_file(path.join("link")).unwrap();
            std::os::unix::fs::symlink("dist", path.join("link")).unwrap();
        },
        "different",
        C::Content,
    );
    let layouts: Vec<tempfile::TempDir> = ["2024-01-02T03:04:05Z", "2025-01-02T03:04:05Z"]
        .map(|time| {
            let folder = tempfile::tempdir().unwrap();
            for (name, bytes) in layout(&[layer(|_| {})], &[layer(|_| {})], time, "A=1") {
                let path = folder.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            folder
        })
        .into();
    let report = compare_paths(layouts[0].path(), layouts[1].path());
    assert_eq!(report.verdict.to_string(), "equal after archive-time, references", "{report:#?}");
}
