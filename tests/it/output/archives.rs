//! Wheels and sdists for tests, good and hostile, and what is in them.

use std::collections::BTreeMap;
use std::io::{Read, Seek, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;

/// A member of a tar: what the header says, and the content.
#[derive(Clone)]
pub struct TarMember {
    pub path: String,
    pub kind: tar::EntryType,
    pub link: String,
    pub mode: u32,
    pub mtime: u64,
    pub content: Vec<u8>,
}

pub fn file(path: &str, content: &[u8]) -> TarMember {
    TarMember {
        path: path.to_owned(),
        kind: tar::EntryType::Regular,
        link: String::new(),
        mode: 0o664,
        mtime: 2_000_000_000,
        content: content.to_owned(),
    }
}

pub fn special(path: &str, kind: tar::EntryType, link: &str) -> TarMember {
    TarMember { kind, link: link.to_owned(), ..file(path, b"") }
}

pub fn pkg_info(name: &str, version: &str) -> Vec<u8> {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: x\n\nName: not this\n")
        .into_bytes()
}

/// The honest sdist `demo-1.0.tar.gz`.
pub fn demo_members() -> Vec<TarMember> {
    let long = format!("demo-1.0/{}x.py", "long_folder_name/".repeat(12));
    vec![
        special("demo-1.0/", tar::EntryType::Directory, ""),
        file("demo-1.0/setup.py", b"print('hi')\n"),
        file("demo-1.0/PKG-INFO", &pkg_info("demo", "1.0")),
        TarMember { mode: 0o775, ..file("demo-1.0/run.sh", b"#!/bin/sh\n") },
        TarMember { mtime: 5, ..file(&long, b"") },
        file("demo-1.0/d\u{e9}j\u{e0}.txt", &vec![b'x'; 3000]),
        special("demo-1.0/link.py", tar::EntryType::Symlink, "setup.py"),
        special("demo-1.0/again.py", tar::EntryType::Link, "demo-1.0/setup.py"),
    ]
}

pub fn sdist(members: &[TarMember]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for member in members {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(member.kind);
        header.set_mode(member.mode);
        header.set_mtime(member.mtime);
        header.set_uid(1234);
        header.set_username("somebody").unwrap();
        header.set_size(member.content.len() as u64);
        if !member.link.is_empty() {
            header.set_link_name_literal(&member.link).unwrap();
        }
        // Hostile names are not taken by the safe calls of the library.
        if member.path.len() <= 100 {
            header.as_old_mut().name[..member.path.len()].copy_from_slice(member.path.as_bytes());
            header.set_cksum();
            builder.append(&header, &member.content[..]).unwrap();
        } else {
            builder.append_data(&mut header, &member.path, &member.content[..]).unwrap();
        }
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// Path → (kind, whether its owner may execute it, link, content) of every member, hard links as the files that
/// they are. Modes of folders and links say nothing.
pub fn sdist_contents(bytes: &[u8]) -> BTreeMap<String, (u8, bool, String, Vec<u8>)> {
    let mut contents = BTreeMap::new();
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().trim_end_matches('/').to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let link = entry.link_name().unwrap().map_or(String::new(), |link| link.to_str().unwrap().to_owned());
        let header = entry.header();
        let kind = header.entry_type().as_byte();
        let executable = kind == b'0' && header.mode().unwrap() & 0o100 != 0;
        contents.insert(path, (kind, executable, link, content));
    }
    let files = contents.clone();
    for value in contents.values_mut().filter(|value| value.0 == b'1') {
        *value = files[&value.2].clone();
    }
    contents
}

/// The honest wheel `demo-1.0-py3-none-any.whl`.
pub fn demo_wheel() -> Vec<u8> {
    wheel(&[
        ("demo-1.0.dist-info/RECORD", b"x,y,z\n", 0o100_664),
        ("demo-1.0.dist-info/METADATA", &pkg_info("demo", "1.0"), 0o100_664),
        ("demo/__init__.py", &vec![b'a'; 5000], 0o100_600),
        ("demo/tool", b"#!python\n", 0o100_775),
        ("demo/d\u{e9}.txt", b"", 0o100_644),
        ("A/z.py", b"1", 0o100_644),
    ])
}

pub fn wheel(members: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (index, (name, content, mode)) in members.iter().enumerate() {
        let time =
            zip::DateTime::from_date_and_time(2031, 1, 2, 3, 4, u8::try_from(index % 60).unwrap()).unwrap();
        let method = if content.len() < 10 {
            zip::CompressionMethod::Stored
        } else {
            zip::CompressionMethod::Deflated
        };
        let options = SimpleFileOptions::default()
            .last_modified_time(time)
            .compression_method(method)
            .unix_permissions(*mode);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Mode and bytes by name.
pub type Contents = BTreeMap<String, (u32, Vec<u8>)>;

/// Name → (executable, content) of every member, and the names in their order.
pub fn wheel_contents(reader: impl Read + Seek) -> (Vec<String>, Contents) {
    let mut archive = zip::ZipArchive::new(reader).unwrap();
    let (mut order, mut contents) = (Vec::new(), BTreeMap::new());
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).unwrap();
        let name = member.name().unwrap().into_owned();
        let mut content = Vec::new();
        member.read_to_end(&mut content).unwrap();
        order.push(name.clone());
        contents.insert(name, (member.unix_mode().unwrap() & 0o111, content));
    }
    (order, contents)
}

/// A folder as the box leaves it.
pub fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        write(folder.path(), name, bytes);
    }
    folder
}

pub fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}
