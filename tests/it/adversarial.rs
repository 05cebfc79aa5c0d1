//! Forgeries: each is a folder of `tests/adversarial`, named after the attack, with what it tries and what the program says,
//! word for word. `UPDATE_EXPECTED=1` writes the folders anew; then read the difference.

mod attacks;
pub mod keyless;

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealwright::provenance::{PAYLOAD_TYPE, pae};
use sealwright::sign::{KeyFile, Signer, SigningKey};
use serde_json::{Value, json};

use crate::context::{Project, repository};
use crate::provenance::record;

/// The file that is attacked.
pub const WHEEL: &str = "demo-1.0-py3-none-any.whl";

/// A key that is the same in every run.
pub fn key(seed: u8) -> SigningKey {
    use p256::pkcs8::EncodePrivateKey as _;
    let pem =
        p256::SecretKey::from_slice(&[seed; 32]).unwrap().to_pkcs8_pem(p256::pkcs8::LineEnding::LF).unwrap();
    plain(pem.as_bytes())
}

fn plain(pem: &[u8]) -> SigningKey {
    match KeyFile::parse(pem, "test").unwrap() {
        KeyFile::Plain(key) => *key,
        KeyFile::Encrypted(_) => panic!("not encrypted"),
    }
}

/// The policy that the good statement passes.
const POLICY: &str = r#"version = 1
required-level = 1

[[root]]
name = "release"
key = "release.pub"
builders = { "https://sealwright.dev/builders/local/v1" = 1 }

[expect]
source = "https://git.example/team/demo"
ref = ["refs/heads/main", "refs/tags/v*"]

[expect.parameters]
target = "dist"
configPath = "sealwright.toml"
configuration = { builder = "python-build", python = "3.11", system-packages = ["gcc"] }
options = { configSettings = { --build-option = "--quiet" } }

[expect.dependencies]
images = ["debian:bookworm"]
forbidden = ["pkg:pypi/evil", "pkg:deb/debian/xz-utils@5.6.0-0.2"]

[expect.isolation]
engine = "native"
network = "none"
root = "read-only"
namespaces = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]
capabilities = []
no-new-privs = true
seccomp = "allow-list/1"

[expect.limits]
processes = 4096
fileSizeBytes = "enforced"
"#;

/// A project with one wheel, its signed statement and a policy, and what is done to it.
pub struct Scene {
    pub statement: Value,
    pub policy: String,
    pub wheel: Vec<u8>,
    pub name: String,
    pub arguments: Vec<String>,
    /// The file of the statement, once it is made.
    pub file: Option<Vec<u8>>,
    pub files: Vec<(String, Vec<u8>)>,
}

impl Scene {
    fn new() -> Self {
        Self {
            statement: serde_json::from_str(&record().statement().unwrap().to_line()).unwrap(),
            policy: POLICY.to_owned(),
            wheel: WHEEL.as_bytes().to_vec(),
            name: WHEEL.to_owned(),
            arguments: ["--policy", "policy.toml"].map(str::to_owned).into(),
            file: None,
            files: Vec::new(),
        }
    }

    /// Changes the statement before it is signed by the trusted key.
    pub fn set(&mut self, pointer: &str, value: Value) {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = self.statement.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}"));
        match parent {
            Value::Array(items) => {
                let index: usize = name.parse().unwrap();
                if index < items.len() { items[index] = value } else { items.push(value) }
            }
            _ => parent[name] = value,
        }
    }

    pub fn remove(&mut self, pointer: &str) {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        self.statement.pointer_mut(parent).unwrap().as_object_mut().unwrap().shift_remove(name).unwrap();
    }

    pub fn payload(&self) -> Vec<u8> {
        self.statement.to_string().into_bytes()
    }

    /// The envelope of the statement, signed by these keys.
    pub fn envelope(&self, seeds: &[u8]) -> Value {
        envelope_of(&self.payload(), seeds)
    }

    /// Changes the envelope after it was signed.
    pub fn forge(&mut self, change: impl FnOnce(&mut Value)) {
        let mut envelope = self.envelope(&[7]);
        change(&mut envelope);
        self.file = Some(envelope.to_string().into_bytes());
    }

    /// Signs other bytes than those of the statement.
    pub fn sign(&mut self, payload: &[u8]) {
        self.file = Some(envelope_of(payload, &[7]).to_string().into_bytes());
    }

    pub fn edit_policy(&mut self, from: &str, to: &str) {
        assert!(self.policy.contains(from), "{from}");
        self.policy = self.policy.replacen(from, to, 1);
    }

    pub fn arguments(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|text| (*text).to_owned()).collect();
    }

    pub fn add(&mut self, path: &str, bytes: impl AsRef<[u8]>) {
        self.files.push((path.to_owned(), bytes.as_ref().to_vec()));
    }

    fn project(self) -> (Project, Vec<String>) {
        let file = self.file.clone().unwrap_or_else(|| self.envelope(&[7]).to_string().into_bytes());
        let project = Project::new()
            .file("policy.toml", &self.policy)
            .file(&format!("dist/{}", self.name), &self.wheel)
            .file(&format!("provenance/{}.intoto.jsonl", self.name), file);
        for (name, seed) in [("release", 7), ("second", 8), ("stranger", 9)] {
            project.write(&format!("{name}.pub"), key(seed).public_key().to_pem());
        }
        for (path, bytes) in &self.files {
            project.write(path, bytes);
        }
        let mut arguments = vec!["verify".to_owned(), format!("dist/{}", self.name)];
        arguments.extend(self.arguments);
        (project, arguments)
    }
}

/// An envelope of bytes, signed by these keys.
pub fn envelope_of(payload: &[u8], seeds: &[u8]) -> Value {
    let signatures: Vec<Value> =
        seeds.iter().map(|seed| signature(&pae(PAYLOAD_TYPE, payload), *seed)).collect();
    json!({ "payload": STANDARD.encode(payload), "payloadType": PAYLOAD_TYPE, "signatures": signatures })
}

/// A signature over bytes as they are.
pub fn signature(bytes: &[u8], seed: u8) -> Value {
    let key = key(seed);
    json!({ "keyid": key.key_id().as_str(), "sig": STANDARD.encode(key.sign(bytes).unwrap()) })
}

#[test]
fn the_good_statement_passes() {
    let (project, arguments) = Scene::new().project();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = project.run(&arguments).code(0);
    insta::assert_snapshot!(outcome.stdout, @r"
    ok      dist/demo-1.0-py3-none-any.whl
            SLSA Build L1, built by https://sealwright.dev/builders/local/v1
            signed by release (SHA256:ZV2bFitY8/5t39DITy20N/r8HKhvJ0slnPrrTbvzAcQ)
            not checked: when it was signed: a plain key's signature has no trusted time; the bytes of the builder folder; its age
    ");
}

#[test]
fn what_the_forgeries_of_others_start_from_passes() {
    for (name, _, attack) in keyless::good() {
        let mut scene = Scene::new();
        attack(&mut scene);
        let (project, arguments) = scene.project();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let outcome = project.run(&arguments);
        assert_eq!(outcome.code, Some(0), "{name}: {}{}", outcome.stdout, outcome.stderr);
    }
}

#[test]
fn every_forgery_is_refused_in_its_own_words() {
    let folder = repository().join("tests/adversarial");
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut attacks = attacks::all();
    attacks.extend(keyless::all());
    assert!(attacks.len() >= 100, "{}", attacks.len());
    let mut complaints = Vec::new();
    for (name, what, attack) in &attacks {
        let mut scene = Scene::new();
        attack(&mut scene);
        let (project, arguments) = scene.project();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let outcome = project.run(&arguments);
        let code = outcome.code.unwrap_or(-1);
        if !matches!(code, 2 | 4) {
            complaints.push(format!("{name}: exit {code}\n{}{}", outcome.stdout, outcome.stderr));
            continue;
        }
        let said = format!("exit {code}\n{}{}", outcome.stdout, outcome.stderr);
        let place = folder.join(name);
        if update {
            std::fs::create_dir_all(&place).unwrap();
            std::fs::write(place.join("attack.txt"), format!("{what}\n")).unwrap();
            std::fs::write(place.join("expected.txt"), &said).unwrap();
            continue;
        }
        let read = |file: &str| std::fs::read_to_string(place.join(file)).unwrap_or_default();
        if read("attack.txt").trim_end() != *what {
            complaints.push(format!("{name}: attack.txt says something else"));
        }
        if read("expected.txt") != said {
            complaints.push(format!("{name}: expected\n{}got\n{said}", read("expected.txt")));
        }
    }
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir() && !attacks.iter().any(|(name, ..)| path.ends_with(name)));
    complaints.extend(folders.iter().map(|path| format!("{} is no attack", path.display())));
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
