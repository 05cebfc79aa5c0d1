//! cosign and slsa-verifier: they take what we sign, and we what cosign signs.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealwright::digest::Sha256;
use sealwright::provenance::{Envelope, SigstoreBundle};
use serde_json::{Value, json};

use super::{assert_passes, assert_refuses, judge};
use crate::adversarial::WHEEL;
use crate::context::Project;
use crate::provenance::record;

const SOURCE: &str = "https://git.example/team/demo";
const VERIFIER: &str = "https://sealwright.dev/verifiers/local/v1";
const PASSPHRASE: &str = "correct horse";

fn wheel() -> String {
    format!("dist/{WHEEL}")
}

fn statement() -> String {
    format!("provenance/{WHEEL}.intoto.jsonl")
}

/// A call of a judge in a project, with nothing of this host's configuration.
fn call(program: &Path, project: &Project, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(project.path()).env_clear();
    command.env("HOME", project.home()).env("COSIGN_PASSWORD", PASSPHRASE);
    command
}

fn keygen(project: &Project, kind: &str) -> (String, String) {
    project.run(&["keygen", "--type", kind, "--output-prefix", kind, "--no-passphrase"]).code(0);
    (format!("{kind}.key"), format!("{kind}.pub"))
}

/// A JSON file of the project, changed.
fn changed(project: &Project, from: &str, to: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&project.read(from)).unwrap();
    change(&mut value);
    project.write(to, value.to_string());
}

/// One byte of the payload in an envelope is another one.
fn alter_payload(envelope: &mut Value) {
    let mut payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let end = payload.len() - 1;
    payload.insert(end, b' ');
    envelope["payload"] = json!(STANDARD.encode(payload));
}

#[test]
fn cosign_takes_our_bundles_and_refuses_changed_ones() {
    let Some(cosign) = judge("cosign") else { skipped!("cosign is not there: `make judges` builds it") };
    let project = crate::sign::unsigned();
    let bundle = format!("provenance/{WHEEL}.sigstore.json");
    let unsigned = project.read(&statement());
    project.write("other", "other bytes");
    for kind in ["p256", "ed25519"] {
        let (key, public) = keygen(&project, kind);
        project.write(&statement(), &unsigned);
        let _ = std::fs::remove_file(project.join(&bundle));
        project.run(&["sign", &statement(), "--key", &key, "--format", "sigstore"]).code(0);
        let verify = |bundle: &str, public: &str, file: &str| {
            let arguments = [
                "verify-blob-attestation",
                "--key",
                public,
                "--bundle",
                bundle,
                "--type",
                "slsaprovenance1",
                "--insecure-ignore-tlog=true",
                file,
            ];
            call(&cosign, &project, &arguments)
        };
        assert_passes(&mut verify(&bundle, &public, &wheel()));
        assert_refuses(&mut verify(&bundle, &public, "other"), "do not match digests in statement");
        assert_refuses(&mut verify(&bundle, "a.pub", &wheel()), "could not verify envelope");
        changed(&project, &bundle, "changed.json", |bundle| alter_payload(&mut bundle["dsseEnvelope"]));
        assert_refuses(&mut verify("changed.json", &public, &wheel()), "could not verify envelope");
    }
}

/// An encrypted key of cosign's own making signs here.
#[test]
fn a_key_of_cosign_signs_and_cosign_takes_it() {
    let Some(cosign) = judge("cosign") else { skipped!("cosign is not there: `make judges` builds it") };
    let project = crate::sign::unsigned().env("SEALWRIGHT_PASSPHRASE", PASSPHRASE);
    assert_passes(&mut call(&cosign, &project, &["generate-key-pair"]));
    project.run(&["sign", &statement(), "--key", "cosign.key", "--format", "sigstore"]).code(0);
    let bundle = format!("provenance/{WHEEL}.sigstore.json");
    let file = wheel();
    let arguments = [
        "verify-blob-attestation",
        "--key",
        "cosign.pub",
        "--bundle",
        &bundle,
        "--type",
        "slsaprovenance1",
        "--insecure-ignore-tlog=true",
        &file,
    ];
    assert_passes(&mut call(&cosign, &project, &arguments));
    let wrong = project
        .command(&["sign", &statement(), "--key", "cosign.key"])
        .env("SEALWRIGHT_PASSPHRASE", "another")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

/// What cosign signs without a log: a predicate (which it puts into a Statement v0.1), and a whole statement.
#[test]
fn what_cosign_signs_is_verified() {
    let Some(cosign) = judge("cosign") else { skipped!("cosign is not there: `make judges` builds it") };
    let project = crate::sign::unsigned();
    assert_passes(&mut call(&cosign, &project, &["generate-key-pair"]));
    // As `cosign signing-config create` writes it, which asks the network.
    project.write(
        "signing.json",
        r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}"#,
    );
    let value: Value = serde_json::from_str(&record().statement().unwrap().to_line()).unwrap();
    project.write("predicate.json", value["predicate"].to_string());
    project.write("statement.json", value.to_string());
    let file = wheel();
    for (what, arguments) in [
        ("Statement/v0.1", &["--type", "slsaprovenance1", "--predicate", "predicate.json", &file][..]),
        ("Statement/v1", &["--statement", "statement.json"]),
    ] {
        let fixed = [
            "attest-blob",
            "--key",
            "cosign.key",
            "--signing-config",
            "signing.json",
            "--bundle",
            "theirs.json",
        ];
        assert_passes(&mut call(&cosign, &project, &[&fixed, arguments].concat()));
        let bundle = SigstoreBundle::parse(project.read("theirs.json").as_bytes()).unwrap();
        let payload = bundle.envelope.as_ref().map(Envelope::payload).unwrap().unwrap();
        assert!(String::from_utf8(payload).unwrap().contains(what), "{what}");
        let verify = |bundle: &str, public: &str| {
            project.run(&["verify", &file, "--statement", bundle, "--key", public, "--source", SOURCE])
        };
        verify("theirs.json", "cosign.pub").code(0);
        verify("theirs.json", "a.pub").code(4);
        changed(&project, "theirs.json", "changed.json", |bundle| alter_payload(&mut bundle["dsseEnvelope"]));
        verify("changed.json", "cosign.pub").code(4).stdout_has("signature:");
    }
    project.write(&wheel(), "other bytes");
    project
        .run(&["verify", &file, "--statement", "theirs.json", "--key", "cosign.pub", "--source", SOURCE])
        .code(4)
        .stdout_has("subject:");
}

#[test]
fn slsa_verifier_takes_our_summaries_and_refuses_others() {
    let Some(verifier) = judge("slsa-verifier") else {
        skipped!("slsa-verifier is not there: `make judges` builds it")
    };
    let project = crate::sign::unsigned();
    project.run(&["sign", &statement(), "--key", "a.key"]).code(0);
    project.run(&["verify", &wheel(), "--key", "a.pub", "--init-policy", "policy.toml"]).code(0);
    let digest = format!("sha256:{}", Sha256::of(WHEEL));
    let resource = format!("pkg:pypi/demo@1.0?file_name={WHEEL}");
    for kind in ["p256", "ed25519"] {
        let (key, public) = keygen(&project, kind);
        let write = ["verify", &wheel(), "--policy", "policy.toml", "--vsa", "summary.jsonl", "--key", &key];
        project.run(&write).code(0);
        changed(&project, "summary.jsonl", "changed.jsonl", alter_payload);
        let good = ["summary.jsonl", &public, &digest, VERIFIER, &resource, "SLSA_BUILD_LEVEL_1"];
        let verify = |given: [&str; 6]| {
            let names = [
                "--attestation-path",
                "--public-key-path",
                "--subject-digest",
                "--verifier-id",
                "--resource-uri",
                "--verified-level",
            ];
            let pairs: Vec<&str> =
                names.into_iter().zip(given).flat_map(|(name, value)| [name, value]).collect();
            call(&verifier, &project, &[&["verify-vsa"], &pairs[..]].concat())
        };
        assert_passes(&mut verify(good));
        let other = format!("sha256:{}", Sha256::of("other"));
        for (at, value) in [
            (0, "changed.jsonl"),
            (1, "a.pub"),
            (2, &other),
            (3, "https://verifier.example/other"),
            (4, "pkg:pypi/other@1.0"),
            (5, "SLSA_BUILD_LEVEL_2"),
        ] {
            let mut given = good;
            given[at] = value;
            assert_refuses(&mut verify(given), "FAILED");
        }
    }
}
