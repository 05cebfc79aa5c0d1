//! A Debian archive in memory: packages, their `Packages` file, a Release and its signatures.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, DetachedSignature, EncryptionCaps, KeyType, SecretKeyParamsBuilder,
    SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::ser::Serialize;
use pgp::types::Password;
use rand::SeedableRng;
use rand::rngs::StdRng;

use sealwright::digest::Sha256;
use sealwright::error::{Blame, Fault};
use sealwright::resolve::debian::{ArchiveKeys, Documents, Keyring};

/// A package to be made.
#[derive(Clone)]
pub struct Deb {
    name: String,
    version: String,
    fields: String,
    data: Vec<Member>,
    packer: &'static str,
    cut: usize,
}

#[derive(Clone)]
struct Member {
    path: String,
    kind: tar::EntryType,
    mode: u32,
    content: String,
}

impl Deb {
    pub fn new(name: &str, version: &str) -> Self {
        let (name, version) = (name.to_owned(), version.to_owned());
        Self { name, version, fields: String::new(), data: Vec::new(), packer: ".xz", cut: 0 }
    }

    pub fn field(mut self, line: &str) -> Self {
        self.fields.push_str(line);
        self.fields.push('\n');
        self
    }

    pub fn packed(mut self, packer: &'static str) -> Self {
        self.packer = packer;
        self
    }

    /// With its end missing.
    pub fn cut(mut self) -> Self {
        self.cut = 40;
        self
    }

    fn member(mut self, path: &str, kind: tar::EntryType, mode: u32, content: &str) -> Self {
        self.data.push(Member { path: path.to_owned(), kind, mode, content: content.to_owned() });
        self
    }

    pub fn file(self, path: &str, content: &str) -> Self {
        self.member(path, tar::EntryType::Regular, 0o644, content)
    }

    pub fn raw_file(self, path: &str, content: &str) -> Self {
        self.file(path, content)
    }

    pub fn program(self, path: &str, mode: u32, content: &str) -> Self {
        self.member(path, tar::EntryType::Regular, mode, content)
    }

    pub fn folder(self, path: &str) -> Self {
        self.member(path, tar::EntryType::Directory, 0o755, "")
    }

    pub fn link(self, path: &str, target: &str) -> Self {
        self.member(path, tar::EntryType::Symlink, 0o777, target)
    }

    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.member(path, tar::EntryType::Link, 0o644, target)
    }

    pub fn device(self, path: &str) -> Self {
        self.member(path, tar::EntryType::Block, 0o644, "")
    }

    fn paragraph(&self) -> String {
        let Self { name, version, fields, .. } = self;
        format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n{fields}")
    }

    fn build(&self) -> Vec<u8> {
        let control = Member {
            path: "./control".to_owned(),
            kind: tar::EntryType::Regular,
            mode: 0o644,
            content: self.paragraph() + "Description: made by a test\n",
        };
        let mut archive = ar::Builder::new(Vec::new());
        let mut add = |name: String, bytes: &[u8]| {
            archive.append(&ar::Header::new(name.into_bytes(), bytes.len() as u64), bytes).unwrap();
        };
        add("debian-binary".to_owned(), b"2.0\n");
        add(format!("control.tar{}", self.packer), &pack(self.packer, &tarred(&[control])));
        let data = pack(self.packer, &tarred(&self.data));
        add(format!("data.tar{}", self.packer), &data);
        let mut bytes = archive.into_inner().unwrap();
        bytes.truncate(bytes.len() - self.cut);
        bytes
    }
}

fn tarred(members: &[Member]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in members {
        // By hand: the library refuses to write what these tests are about.
        let mut header = tar::Header::new_gnu();
        let name = &mut header.as_gnu_mut().unwrap().name;
        name[..member.path.len()].copy_from_slice(member.path.as_bytes());
        let body: &[u8] = if member.kind.is_file() { member.content.as_bytes() } else { b"" };
        if !member.kind.is_file() {
            header.as_gnu_mut().unwrap().linkname[..member.content.len()]
                .copy_from_slice(member.content.as_bytes());
        }
        header.set_entry_type(member.kind);
        header.set_mode(member.mode);
        header.set_uid(5);
        header.set_gid(6);
        header.set_mtime(1_700_000_000);
        header.set_size(body.len() as u64);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(body);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn pack(packer: &str, bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut small = Vec::new();
    match packer {
        "" => small.extend_from_slice(bytes),
        ".xz" => {
            liblzma::read::XzEncoder::new(bytes, 1).read_to_end(&mut small).unwrap();
        }
        ".gz" => {
            flate2::read::GzEncoder::new(bytes, flate2::Compression::fast()).read_to_end(&mut small).unwrap();
        }
        ".zst" => small = zstd::encode_all(bytes, 1).unwrap(),
        _ => panic!("{packer}"),
    }
    small
}

/// A key to sign archives with.
pub struct Signer {
    key: SignedSecretKey,
}

impl Signer {
    /// A key of its own for each seed.
    pub fn new(seed: u64) -> Self {
        let mut builder = SecretKeyParamsBuilder::default();
        builder
            .key_type(KeyType::Ed25519Legacy)
            .can_certify(true)
            .can_sign(true)
            .can_encrypt(EncryptionCaps::None)
            .primary_user_id("archive <archive@debian.example>".to_owned());
        let key = builder.build().unwrap().generate(StdRng::seed_from_u64(seed)).unwrap();
        Self { key }
    }

    fn clear(&self, text: &str) -> Vec<u8> {
        let rng = StdRng::seed_from_u64(2);
        let message =
            CleartextSignedMessage::sign(rng, text, &self.key.primary_key, &Password::empty()).unwrap();
        message.to_armored_bytes(ArmorOptions::default()).unwrap()
    }

    fn detached(&self, text: &str) -> Vec<u8> {
        let signature = DetachedSignature::sign_binary_data(
            StdRng::seed_from_u64(3),
            &self.key.primary_key,
            &Password::empty(),
            HashAlgorithm::Sha256,
            text.as_bytes(),
        );
        signature.unwrap().to_armored_bytes(ArmorOptions::default()).unwrap()
    }
}

/// The archive.
pub struct Archive {
    signer: Signer,
    files: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    /// One suite, `bookworm`, with these packages.
    pub fn new(signer: Signer, debs: &[Deb]) -> Self {
        let mut files = BTreeMap::new();
        let mut packages = String::new();
        for deb in debs {
            let bytes = deb.build();
            let path = format!("pool/main/{}_{}_amd64.deb", deb.name, deb.version);
            packages += &deb.paragraph();
            writeln!(
                packages,
                "Filename: {path}
Size: {}
SHA256: {}
",
                bytes.len(),
                Sha256::of(&bytes)
            )
            .unwrap();
            files.insert(path, bytes);
        }
        let packed = pack(".xz", packages.as_bytes());
        let mut release =
            "Origin: test\nSuite: oldstable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n\
            Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\nSHA256:\n"
                .to_owned();
        for (name, bytes) in [("Packages", packages.as_bytes()), ("Packages.xz", &packed)] {
            writeln!(release, " {} {} main/binary-amd64/{name}", Sha256::of(bytes), bytes.len()).unwrap();
        }
        let folder = "dists/bookworm/main/binary-amd64";
        files.insert(format!("{folder}/by-hash/SHA256/{}", Sha256::of(&packed)), packed);
        files.insert("dists/bookworm/InRelease".to_owned(), signer.clear(&release));
        files.insert("dists/bookworm/Release.gpg".to_owned(), signer.detached(&release));
        files.insert("dists/bookworm/Release".to_owned(), release.into_bytes());
        Self { signer, files }
    }

    /// Two packages that have one of everything.
    pub fn small() -> Self {
        let base = Deb::new("base", "1:2.0-3")
            .field("Essential: yes")
            .folder("./")
            .folder("./lib/")
            .file("./lib/library.so.1", "library")
            .link("./usr/lib/library.so", "../../lib/library.so.1")
            .program("./usr/bin/gcc", 0o4755, "compiler")
            .hard_link("./usr/bin/abc", "./usr/bin/gcc")
            .file("./usr/share/both", "by base\n")
            .file(&format!("./usr/share/{}/name", "long/".repeat(10)), "long")
            .packed(".zst");
        let hello = Deb::new("hello", "1.0-1")
            .field("Depends: base (>= 1:2)")
            .field("Replaces: base")
            .program("./bin/hello", 0o700, "#!/bin/sh\necho hello\n")
            .file("./usr/share/both", "by hello, which replaces base\n")
            .packed(".gz");
        let unused = Deb::new("unused", "1");
        Self::new(Signer::new(1), &[base, hello, unused])
    }

    pub fn keyring(&self) -> Keyring {
        let certificate = self.signer.key.to_public_key().to_bytes().unwrap();
        Keyring::read(&[("test", &certificate)]).unwrap()
    }

    pub fn keys(&self) -> ArchiveKeys {
        ArchiveKeys::new(self.keyring(), self.keyring())
    }

    pub fn file(&self, path: &str) -> &[u8] {
        &self.files[path]
    }

    pub fn remove(&mut self, path: &str) {
        self.files.remove(path).unwrap();
    }

    pub fn copy(&mut self, from: &str, to: &str) {
        let bytes = self.files[from].clone();
        self.files.insert(to.to_owned(), bytes);
    }

    pub fn change(&mut self, path: &str, change: impl FnOnce(String) -> String) {
        let text = String::from_utf8(self.files.remove(path).unwrap()).unwrap();
        self.files.insert(path.to_owned(), change(text).into_bytes());
    }

    /// Changes a byte of `Packages.xz`; returns what its digest should be.
    pub fn tamper_packages(&mut self) -> Sha256 {
        let (path, bytes) = self.files.iter_mut().find(|(path, _)| path.contains("by-hash")).unwrap();
        bytes[20] ^= 1;
        path.rsplit('/').next().unwrap().parse().unwrap()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no such file")]
struct NoSuchFile;

impl Fault for NoSuchFile {
    fn blame(&self) -> Blame {
        Blame::Network
    }
}

impl Documents for Archive {
    fn document(&self, archive: &str, path: &str, limit: u64) -> Result<Vec<u8>, Box<dyn Fault>> {
        let path = if archive == "debian-security" { path.replace("-security", "") } else { path.to_owned() };
        let bytes = self.files.get(&path).ok_or_else(|| Box::new(NoSuchFile) as Box<dyn Fault>)?;
        assert!(bytes.len() as u64 <= limit, "{path}");
        Ok(bytes.clone())
    }
}
