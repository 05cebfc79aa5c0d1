//! Artifacts made in the test, each field of them as a test wants it.

use std::io::{Cursor, Write};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealwright::digest::Sha256;
use zip::write::{ExtendedFileOptions, FileOptions};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// A member of a zip archive.
#[derive(Clone)]
pub struct Member {
    pub name: String,
    pub content: Vec<u8>,
    pub year: u16,
    pub mode: u32,
    pub level: Option<i64>,
    pub comment: Option<&'static str>,
}

pub fn member(name: &str, content: impl AsRef<[u8]>) -> Member {
    Member {
        name: name.to_owned(),
        content: content.as_ref().to_vec(),
        year: 2020,
        mode: 0o644,
        level: Some(6),
        comment: None,
    }
}

pub fn zip(members: &[Member]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for member in members {
        let time = DateTime::from_date_and_time(member.year, 1, 2, 3, 4, 6).unwrap();
        let mut options: FileOptions<'_, '_, ExtendedFileOptions> =
            FileOptions::default().last_modified_time(time).unix_permissions(member.mode);
        options = match member.level {
            Some(level) => {
                options.compression_method(CompressionMethod::Deflated).compression_level(Some(level))
            }
            None => options.compression_method(CompressionMethod::Stored),
        };
        if let Some(comment) = member.comment {
            options = options.with_file_comment(comment);
        }
        if member.name.ends_with('/') {
            writer.add_directory(member.name.clone(), options).unwrap();
        } else {
            writer.start_file(member.name.clone(), options).unwrap();
            writer.write_all(&member.content).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// A zip archive of one stored member, with an extra field in both of its headers.
pub fn zip_with_extra(id: u16, field: &[u8]) -> Vec<u8> {
    let (name, content) = (b"x.txt", b"some text\n");
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let extra = [&id.to_le_bytes()[..], &u16::try_from(field.len()).unwrap().to_le_bytes(), field].concat();
    let size = u32::try_from(content.len()).unwrap().to_le_bytes();
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    common.extend(crc.sum().to_le_bytes());
    common.extend([size, size].concat());
    common.extend([5, 0]);
    common.extend(u16::try_from(extra.len()).unwrap().to_le_bytes());
    let mut out = [b"PK\x03\x04".as_slice(), &common, name, &extra, content].concat();
    let start = u32::try_from(out.len()).unwrap().to_le_bytes();
    let external = (0o100_644_u32 << 16).to_le_bytes();
    let central =
        [b"PK\x01\x02\x14\x03", common.as_slice(), &[0; 6], &external, &[0; 4], name, &extra].concat();
    let length = u32::try_from(central.len()).unwrap().to_le_bytes();
    out.extend(central);
    out.extend([b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &length[..], &start, &[0; 2]].concat());
    out
}

pub const RECORD: &str = "demo-1.0.dist-info/RECORD";

/// RECORD of members, in their order.
pub fn record(members: &[Member]) -> String {
    let mut text = String::new();
    for member in members.iter().filter(|member| !member.name.ends_with('/')) {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::of(&member.content).as_bytes());
        text.push_str(&format!("{},sha256={digest},{}\n", member.name, member.content.len()));
    }
    text + RECORD + ",,\n"
}

pub fn demo() -> Vec<Member> {
    vec![
        member(
            "demo/__init__.py",
            "\"\"\"A demonstration of nothing.\"\"\"\nANSWER = 42\nNAMES = ['a', 'b']\n".repeat(8),
        ),
        member("demo/data.bin", [0_u8, 1, 2, 3, 255, 254].repeat(40)),
        member("demo/__pycache__/x.cpython-311.pyc", pyc(&Pyc::default())),
        member("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
        member(
            "demo-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: setuptools (75.1.0)\nTag: py3-none-any\n",
        ),
    ]
}

/// A wheel with a true RECORD.
pub fn wheel(members: &[Member]) -> Vec<u8> {
    let mut all = members.to_vec();
    all.push(member(RECORD, record(members)));
    zip(&all)
}

/// The demo's wheel with some members changed.
pub fn wheel_with(change: impl Fn(&mut Vec<Member>)) -> Vec<u8> {
    let mut members = demo();
    change(&mut members);
    wheel(&members)
}

/// The demo's wheel with a file of this name and content.
pub fn with_file(name: &str, content: impl AsRef<[u8]>) -> Vec<u8> {
    wheel_with(|members| members.push(member(name, &content)))
}

/// A member of a tar archive.
#[derive(Clone)]
pub struct TarMember {
    pub name: String,
    pub content: Vec<u8>,
    pub mode: u32,
    pub uid: u64,
    pub user: &'static str,
    pub mtime: u64,
    pub kind: tar::EntryType,
    pub link: &'static str,
    pub ustar: bool,
    pub pax: Vec<(&'static str, &'static [u8])>,
}

pub fn tar_member(name: &str, content: impl AsRef<[u8]>) -> TarMember {
    TarMember {
        name: name.to_owned(),
        content: content.as_ref().to_vec(),
        mode: 0o644,
        uid: 0,
        user: "root",
        mtime: 1_600_000_000,
        kind: tar::EntryType::Regular,
        link: "",
        ustar: true,
        pax: Vec::new(),
    }
}

pub fn tar(members: &[TarMember]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for member in members {
        if !member.pax.is_empty() {
            builder.append_pax_extensions(member.pax.iter().copied()).unwrap();
        }
        let mut header = if member.ustar { tar::Header::new_ustar() } else { tar::Header::new_gnu() };
        header.set_mode(member.mode);
        header.set_uid(member.uid);
        header.set_gid(member.uid);
        header.set_username(member.user).unwrap();
        header.set_groupname(member.user).unwrap();
        header.set_mtime(member.mtime);
        header.set_entry_type(member.kind);
        header.set_size(member.content.len() as u64);
        if member.link.is_empty() {
            builder.append_data(&mut header, &member.name, member.content.as_slice()).unwrap();
        } else {
            header.set_size(0);
            builder.append_link(&mut header, &member.name, member.link).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8], mtime: u32, level: u32) -> Vec<u8> {
    let mut writer = flate2::GzBuilder::new().mtime(mtime).write(Vec::new(), flate2::Compression::new(level));
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub fn xz(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut writer = liblzma::write::XzEncoder::new(Vec::new(), level);
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub fn zstd(bytes: &[u8], level: i32) -> Vec<u8> {
    zstd::encode_all(bytes, level).unwrap()
}

/// The members of an sdist.
pub fn sdist_members() -> Vec<TarMember> {
    vec![
        tar_member("demo-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
        tar_member("demo-1.0/demo.py", "x = 1\n".repeat(300)),
        tar_member("demo-1.0/run.sh", "#!/bin/sh\n"),
    ]
}

pub fn sdist_with(change: impl Fn(&mut Vec<TarMember>)) -> Vec<u8> {
    let mut members = sdist_members();
    change(&mut members);
    gzip(&tar(&members), 0, 6)
}

/// Byte code of Python 3.11.
#[derive(Clone)]
pub struct Pyc {
    pub mtime: u32,
    pub size: u32,
    pub file: &'static str,
    pub set: [&'static str; 3],
    pub text: &'static str,
    pub referred: bool,
    pub version: u16,
    pub hashed: Option<[u8; 8]>,
}

impl Default for Pyc {
    fn default() -> Self {
        Self {
            mtime: 1_600_000_000,
            size: 100,
            file: "/usr/lib/x.py",
            set: ["one", "two", "three"],
            text: "some words",
            referred: false,
            version: 3495,
            hashed: None,
        }
    }
}

fn text(text: &str, reference: u8) -> Vec<u8> {
    [&[b'z' | reference, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [b"s".as_slice(), &u32::try_from(bytes.len()).unwrap().to_le_bytes(), bytes].concat()
}

/// The marshalled code alone.
pub fn code(pyc: &Pyc) -> Vec<u8> {
    let set: Vec<u8> = pyc.set.iter().flat_map(|item| text(item, 0)).collect();
    let set = [b">\x03\0\0\0".as_slice(), &set].concat();
    let reference = if pyc.referred { 0x80 } else { 0 };
    let consts = [b")\x03".as_slice(), &set, &text(pyc.text, reference), b"N"].concat();
    let mut out = vec![b'c'];
    for number in [0_u32, 0, 0, 2, 64] {
        out.extend(number.to_le_bytes());
    }
    out.extend(bytes(&[0x97, 0, 0x64, 2, 0x53, 0]));
    out.extend(consts);
    // names, names of local variables, their kinds
    out.extend(b")\0)\0");
    out.extend(bytes(b""));
    out.extend(text(pyc.file, 0));
    out.extend(text("<module>", 0));
    out.extend(text("<module>", 0));
    out.extend(1_u32.to_le_bytes());
    out.extend(bytes(&[0xf0, 3, 1, 1]));
    out.extend(bytes(b""));
    out
}

pub fn pyc(pyc: &Pyc) -> Vec<u8> {
    let mut out = [pyc.version.to_le_bytes(), *b"\r\n"].concat();
    match pyc.hashed {
        Some(digest) => {
            out.extend(3_u32.to_le_bytes());
            out.extend(digest);
        }
        None => {
            for number in [0, pyc.mtime, pyc.size] {
                out.extend(number.to_le_bytes());
            }
        }
    }
    out.extend(code(pyc));
    out
}

/// A 64-bit object with these sections.
pub fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut names = vec![0_u8];
    let mut offsets = Vec::new();
    for name in sections.iter().map(|(name, _)| *name).chain([".shstrtab"]) {
        offsets.push(u32::try_from(names.len()).unwrap());
        names.extend(name.as_bytes());
        names.push(0);
    }
    let mut body = Vec::new();
    let mut headers = vec![[0_u8; 64].to_vec()];
    let all = sections.iter().map(|(name, bytes)| (*name, *bytes)).chain([(".shstrtab", names.as_slice())]);
    for ((name, content), offset) in all.zip(&offsets) {
        while body.len() % 16 != 0 {
            body.push(0);
        }
        let kind: u32 = match name {
            ".shstrtab" => 3,
            name if name.starts_with(".note") => 7,
            _ => 1,
        };
        let mut header = Vec::new();
        header.extend(offset.to_le_bytes());
        header.extend(kind.to_le_bytes());
        for value in [0, 0, 64 + body.len() as u64, content.len() as u64, 0, 1, 0] {
            header.extend(value.to_le_bytes());
        }
        // Link and info are one field of eight bytes here.
        headers.push(header);
        body.extend(content);
    }
    let count = u16::try_from(headers.len()).unwrap();
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    for value in [1_u16, 62] {
        out.extend(value.to_le_bytes());
    }
    out.extend(1_u32.to_le_bytes());
    for value in [0, 0, 64 + body.len() as u64] {
        out.extend(value.to_le_bytes());
    }
    out.extend(0_u32.to_le_bytes());
    for value in [64_u16, 0, 0, 64, count, count - 1] {
        out.extend(value.to_le_bytes());
    }
    out.extend(body);
    out.extend(headers.concat());
    out
}

/// An object as a linker makes it.
pub fn object<'a>(change: impl Fn(&mut Vec<(&'a str, Vec<u8>)>)) -> Vec<u8> {
    let note = [&[4_u8, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0][..], b"GNU\0", &[7; 20]].concat();
    let mut sections = vec![
        (".text", b"\x55\x48\x89\xe5\xb8\x2a\0\0\0\x5d\xc3".to_vec()),
        (".rodata", b"\x01\0\x02\0built in /usr/src/demo\0\0\0\x03".to_vec()),
        (".comment", b"GCC: (Debian 12.2.0-14) 12.2.0\0".to_vec()),
        (".note.gnu.build-id", note),
        (".debug_str", b"GNU C17 12.2.0 -O2\0/usr/src/demo\0main.c\0".to_vec()),
    ];
    change(&mut sections);
    let borrowed: Vec<(&str, &[u8])> =
        sections.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    elf(&borrowed)
}

fn deflated(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// PyInstaller's archive of byte code.
pub fn pyz(modules: &[(&str, Pyc)], level: u32) -> Vec<u8> {
    let mut out = b"PYZ\0".to_vec();
    out.extend(3495_u16.to_le_bytes());
    out.extend(b"\r\n\0\0\0\0");
    let count = u32::try_from(modules.len()).unwrap();
    let mut table = [b"[".as_slice(), &count.to_le_bytes()].concat();
    for (name, pyc) in modules {
        let packed = deflated(&code(pyc), level);
        table.extend(b")\x02");
        table.extend(text(name, 0));
        table.extend(b")\x03");
        for number in [0, out.len(), packed.len()] {
            table.push(b'i');
            table.extend(u32::try_from(number).unwrap().to_le_bytes());
        }
        out.extend(packed);
    }
    let place = u32::try_from(out.len()).unwrap().to_be_bytes();
    out[8..12].copy_from_slice(&place);
    out.extend(table);
    out
}

/// PyInstaller's archive, as it is appended to an executable: name, kind, bytes.
pub fn carchive(members: &[(&str, u8, Vec<u8>)], level: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut table = Vec::new();
    for (name, kind, bytes) in members {
        let packed = if *kind == b'z' { bytes.clone() } else { deflated(bytes, level) };
        let mut name = name.as_bytes().to_vec();
        name.push(0);
        while (18 + name.len()) % 16 != 0 {
            name.push(0);
        }
        for number in [18 + name.len(), out.len(), packed.len(), bytes.len()] {
            table.extend(u32::try_from(number).unwrap().to_be_bytes());
        }
        table.push(u8::from(*kind != b'z'));
        table.push(*kind);
        table.extend(name);
        out.extend(packed);
    }
    let (place, size) = (out.len(), table.len());
    out.extend(table);
    let total = out.len() + 88;
    out.extend(b"MEI\x0c\x0b\x0a\x0b\x0e");
    for number in [total, place, size, 311] {
        out.extend(u32::try_from(number).unwrap().to_be_bytes());
    }
    let mut library = b"libpython3.11.so.1.0".to_vec();
    library.resize(64, 0);
    out.extend(library);
    out
}

/// An executable of PyInstaller's.
pub fn executable(text: &[u8], script: &Pyc, module: &Pyc, data: &[u8], level: u32) -> Vec<u8> {
    let members = [
        ("main", b's', code(script)),
        ("PYZ.pyz", b'z', pyz(&[("demo.module", module.clone())], level)),
        ("data/file.txt", b'x', data.to_vec()),
    ];
    elf(&[(".text", text), ("pydata", &carchive(&members, level))])
}

/// An image's layout: files by name.
pub fn layout(
    layers: &[Vec<u8>],
    unpacked: &[Vec<u8>],
    created: &str,
    environment: &str,
) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
    let mut blob = |kind: &str, bytes: Vec<u8>| {
        let digest = Sha256::of(&bytes);
        let kind = format!("application/vnd.oci.image.{kind}");
        let descriptor =
            serde_json::json!({ "mediaType": kind, "digest": digest.to_oci(), "size": bytes.len() });
        files.push((format!("blobs/sha256/{digest}"), bytes));
        descriptor
    };
    let ids: Vec<String> = unpacked.iter().map(|layer| Sha256::of(layer).to_oci()).collect();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "created": created,
        "config": { "Env": [environment] },
        "rootfs": { "type": "layers", "diff_ids": ids },
    });
    let layers: Vec<serde_json::Value> = layers
        .iter()
        .map(|layer| {
            let kind = match layer.first() {
                Some(0x1f) => "layer.v1.tar+gzip",
                Some(0x28) => "layer.v1.tar+zstd",
                _ => "layer.v1.tar",
            };
            blob(kind, layer.clone())
        })
        .collect();
    let config = blob("config.v1+json", config.to_string().into_bytes());
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers,
    });
    let manifest = blob("manifest.v1+json", manifest.to_string().into_bytes());
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [manifest] });
    files.push(("index.json".to_owned(), index.to_string().into_bytes()));
    files
}

/// The members of a layer.
pub fn layer(change: impl Fn(&mut Vec<TarMember>)) -> Vec<u8> {
    let mut members = vec![
        TarMember { kind: tar::EntryType::Directory, mode: 0o755, ..tar_member("app/", "") },
        tar_member("app/main.py", "print('hello')\n".repeat(50)),
        TarMember { mode: 0o755, ..tar_member("app/run", "#!/bin/sh\n") },
    ];
    change(&mut members);
    tar(&members)
}

/// A layout in one tar file.
pub fn image(layers: &[Vec<u8>], unpacked: &[Vec<u8>], created: &str, environment: &str) -> Vec<u8> {
    let files = layout(layers, unpacked, created, environment);
    tar(&files.iter().map(|(name, bytes)| tar_member(name, bytes)).collect::<Vec<_>>())
}
