//! Bundles, attestations and statements of others: judged as the public conformance suite's cases are named.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use sealwright::provenance::Timestamp;
use sealwright::provenance::pep740::to_bundle;
use sealwright::sign::Signer as _;
use sealwright::verify::{Artifact, Asked, Depth, Identity, Policy, TrustRoot, Verified, evidence_of, judge};
use serde_json::{Value, json};

use crate::adversarial::keyless::{IDENTITY, ISSUER, SDIST};
use crate::adversarial::{envelope_of, key};
use crate::context::{Project, repository};

/// Who signed the suite's bundles.
const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";

fn fixtures(folder: &str) -> PathBuf {
    repository().join("tests/fixtures").join(folder)
}

fn document(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixtures(path)).unwrap()).unwrap()
}

fn client(arguments: &[&str]) -> (bool, String) {
    let outcome = Command::new(repository().join("tests/sigstore-client"))
        .env("SEALWRIGHT", env!("CARGO_BIN_EXE_sealwright"))
        .arg("verify-bundle")
        .args(arguments)
        .output()
        .unwrap();
    (outcome.status.success(), String::from_utf8_lossy(&outcome.stderr).into_owned())
}

#[test]
fn each_case_of_the_conformance_suite_is_decided_as_its_name_says() {
    let folder = fixtures("bundle");
    let mut cases = 0;
    let mut complaints = Vec::new();
    for case in std::fs::read_dir(&folder).unwrap().map(|case| case.unwrap().path()) {
        if !case.is_dir() {
            continue;
        }
        cases += 1;
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let there = |file: &str| case.join(file).exists().then(|| case.join(file).display().to_string());
        let text = |file: &str, other: &str| {
            there(file).map_or_else(|| other.to_owned(), |path| std::fs::read_to_string(path).unwrap())
        };
        let bundle = case.join("bundle.sigstore.json").display().to_string();
        let (identity, issuer) = (text("identity", BEACON), text("issuer", ISSUER));
        let (key, root) = (there("key.pub"), there("trusted_root.json"));
        let mut arguments = vec!["--bundle", &bundle];
        match &key {
            Some(key) => arguments.extend(["--key", key]),
            None => arguments.extend([
                "--certificate-identity",
                identity.trim(),
                "--certificate-oidc-issuer",
                issuer.trim(),
            ]),
        }
        if let Some(root) = &root {
            arguments.extend(["--trusted-root", root]);
        }
        let artifact = there("artifact").unwrap_or_else(|| folder.join("a.txt").display().to_string());
        let digest = format!("sha256:{}", sealwright::digest::Sha256::of(std::fs::read(&artifact).unwrap()));
        for artifact in [&artifact, &digest] {
            let mut arguments = arguments.clone();
            arguments.push(artifact);
            let (passed, said) = client(&arguments);
            if passed == name.ends_with("_fail") {
                complaints.push(format!("{name} with {artifact}: {said}"));
            }
        }
    }
    assert!(cases >= 18, "{cases}");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_client_takes_one_signer_and_compares_it_whole() {
    let at = |path: &str| fixtures("bundle").join(path).display().to_string();
    let (bundle, artifact) = (at("happy-path-v0.3/bundle.sigstore.json"), at("a.txt"));
    let (keyed, key) =
        (at("managed-key-happy-path/bundle.sigstore.json"), at("managed-key-happy-path/key.pub"));
    let good = [
        "--bundle",
        &bundle,
        "--certificate-identity",
        BEACON,
        "--certificate-oidc-issuer",
        ISSUER,
        &artifact,
    ];
    assert!(client(&good).0);
    for (from, to) in [
        (BEACON, BEACON.to_uppercase()),
        (BEACON, BEACON.replace("main", "*")),
        (BEACON, format!("{BEACON}x")),
        (ISSUER, format!("{ISSUER}/")),
    ] {
        let other: Vec<&str> =
            good.into_iter().map(|one| if one == from { to.as_str() } else { one }).collect();
        let (passed, said) = client(&other);
        assert!(!passed && said.contains("the certificate"), "{said}");
    }
    let mut both = good.to_vec();
    both.extend(["--key", &key]);
    assert!(!client(&both).0);
    assert!(!client(&["--bundle", &bundle, &artifact]).0);
    // A key does not judge a certificate, nor an identity a key.
    assert!(!client(&["--bundle", &bundle, "--key", &key, &artifact]).0);
    assert!(client(&["--bundle", &keyed, "--key", &key, &artifact]).0);
    assert!(
        !client(&[
            "--bundle",
            &keyed,
            "--certificate-identity",
            BEACON,
            "--certificate-oidc-issuer",
            ISSUER,
            &artifact
        ])
        .0
    );
}

/// A bundle by a plain key, with neither log entries nor time stamps.
fn plain(content: &Value) -> Value {
    let mut bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "publicKey": { "hint": "" } },
    });
    for (name, value) in content.as_object().unwrap() {
        bundle[name] = value.clone();
    }
    bundle
}

#[test]
fn a_plain_key_needs_no_log() {
    let bytes = b"an artifact";
    let digest = sealwright::digest::Sha256::of(bytes);
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "x", "digest": { "sha256": digest.to_string() } }],
        "predicateType": "https://example.org/any",
    });
    let mut envelope = envelope_of(statement.to_string().as_bytes(), &[7]);
    envelope["signatures"][0].as_object_mut().unwrap().shift_remove("keyid");
    let mut message = crate::adversarial::signature(bytes, 7);
    message = json!({
        "messageDigest": { "algorithm": "SHA2_256", "digest": STANDARD.encode(digest.as_bytes()) },
        "signature": message["sig"],
    });
    let project = Project::new().file("x", bytes).file("y", "another");
    for (name, seed) in [("good.pub", 7), ("other.pub", 9)] {
        project.write(name, key(seed).public_key().to_pem());
    }
    project.write("dsse.json", plain(&json!({ "dsseEnvelope": envelope })).to_string());
    project.write("message.json", plain(&json!({ "messageSignature": message })).to_string());
    for bundle in ["dsse.json", "message.json"] {
        let digest = digest.to_oci();
        project.run(&["verify-bundle", "--bundle", bundle, "--key", "good.pub", "x"]).code(0);
        project.run(&["verify-bundle", "--bundle", bundle, "--key", "good.pub", &digest]).code(0);
        project.run(&["verify-bundle", "--bundle", bundle, "--key", "other.pub", "x"]).code(4);
        project.run(&["verify-bundle", "--bundle", bundle, "--key", "good.pub", "y"]).code(4);
        let key = ["--key", "good.pub", "--signature-only", "--statement", bundle];
        project.run(&[&["verify", "x"][..], &key].concat()).code(0);
        project.run(&[&["verify", "y"][..], &key].concat()).code(4);
    }
    // Types of the statement that nobody knows are not taken for those that are known.
    for (name, value) in [("_type", json!("https://in-toto.io/Statement/v2")), ("predicateType", Value::Null)]
    {
        let mut statement = statement.clone();
        statement[name] = value;
        let envelope = envelope_of(statement.to_string().as_bytes(), &[7]);
        let mut bundle = plain(&json!({ "dsseEnvelope": envelope }));
        bundle["verificationMaterial"]["publicKey"]["hint"] = envelope["signatures"][0]["keyid"].clone();
        project.write("typed.json", bundle.to_string());
        project.run(&["verify-bundle", "--bundle", "typed.json", "--key", "good.pub", "x"]).code(4);
    }
}

#[test]
fn a_key_of_an_unknown_kind_in_a_trusted_root_is_left_out_and_said() {
    let mut root: Value = serde_json::from_str(sealwright::verify::PUBLIC_TRUSTED_ROOT).unwrap();
    let mut future = root["tlogs"][0].clone();
    future["baseUrl"] = json!("https://log.example");
    future["publicKey"]["rawBytes"] = json!("AQID");
    future["publicKey"]["keyDetails"] = json!("PKIX_FUTURE");
    future["logId"]["keyId"] = json!(STANDARD.encode([7; 32]));
    root["tlogs"].as_array_mut().unwrap().push(future);
    let project = published(".slsa.attestation").file("root.json", root.to_string());
    let said = project
        .run(&[
            "verify",
            SDIST,
            "--certificate-identity",
            IDENTITY,
            "--certificate-oidc-issuer",
            ISSUER,
            "--trusted-root",
            "root.json",
        ])
        .code(0);
    let expected =
        "logs of the trusted root with keys of unknown kinds: tlogs[2] https://log.example (PKIX_FUTURE)";
    assert!(said.stdout.contains("https://log.example (PKIX_FUTURE)"), "{expected}\n{}", said.stdout);
}

/// The real file with one of its pieces of evidence beside it.
fn published(suffix: &str) -> Project {
    let read = |name: &str| std::fs::read(fixtures("pep740").join(name)).unwrap();
    let evidence = format!("{SDIST}{suffix}");
    Project::new().file(SDIST, read(SDIST)).file(&evidence, read(&evidence))
}

#[test]
fn attestations_of_a_package_index_verify_by_identity() {
    let by = ["verify", SDIST, "--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER];
    let said = published(".publish.attestation").run(&by).code(0);
    insta::assert_snapshot!(said.stdout);
    published(".provenance").run(&by).code(0);
    let project = published(".slsa.attestation");
    project.run(&by).code(0);
    let all = [
        &by[..],
        &["--source", "https://github.com/trailofbits/pypi-attestations", "--ref", "refs/tags/v0.0.19"],
    ]
    .concat();
    let said = project.run(&all).code(0);
    insta::assert_snapshot!(said.stdout);
    // What the index serves is a bundle in other words.
    let printed =
        project.run(&["inspect", &format!("{SDIST}.slsa.attestation"), "--format", "sigstore"]).code(0);
    project.write("bundle.json", printed.stdout);
    project
        .run(&[
            "verify-bundle",
            "--bundle",
            "bundle.json",
            "--certificate-identity",
            IDENTITY,
            "--certificate-oidc-issuer",
            ISSUER,
            SDIST,
        ])
        .code(0);
    // Names are compared taken apart, and keys are read as the PEP's appendix has them too.
    let project = published(".publish.attestation");
    let other = "PyPI.Attestations-0.0.19.tar.gz";
    std::fs::rename(project.path().join(SDIST), project.path().join(other)).unwrap();
    let snake = std::fs::read_to_string(project.path().join(format!("{SDIST}.publish.attestation"))).unwrap();
    let snake = [
        "logIndex",
        "logId",
        "kindVersion",
        "integratedTime",
        "inclusionPromise",
        "inclusionProof",
        "canonicalizedBody",
    ]
    .into_iter()
    .fold(snake, |text, name| {
        let snake: String = name
            .chars()
            .map(|letter| {
                if letter.is_uppercase() {
                    format!("_{}", letter.to_ascii_lowercase())
                } else {
                    letter.to_string()
                }
            })
            .collect();
        text.replace(&format!("\"{name}\""), &format!("\"{snake}\""))
    });
    project.write(&format!("{other}.publish.attestation"), snake);
    project.run(&[&["verify", other][..], &by[2..]].concat()).code(0);
}

#[test]
fn a_policy_of_identities_is_written_and_read() {
    let project = published(".slsa.attestation");
    let by = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER];
    project.run(&[&["verify", SDIST][..], &by, &["--init-policy", "policy.toml"]].concat()).code(0);
    project.run(&["verify", SDIST, "--policy", "policy.toml"]).code(0);
    let policy = std::fs::read_to_string(project.path().join("policy.toml")).unwrap();
    assert!(policy.contains("workflow = { path = \".github/workflows/release.yml\" }"), "{policy}");
    // Any tag, and the builder that the certificate names, whichever tag it is of.
    let pattern = policy.replace("release.yml@refs/tags/v0.0.19", "release.yml@refs/tags/v*");
    project.write("policy.toml", &pattern);
    project.run(&["verify", SDIST, "--policy", "policy.toml"]).code(0);
    project.write(
        "policy.toml",
        pattern.replace("path = \".github/workflows/release.yml\"", "path = \"other\""),
    );
    let said = project.run(&["verify", SDIST, "--policy", "policy.toml"]).code(4);
    assert!(said.stdout.contains("\"workflow\""), "{}", said.stdout);
    // A publish attestation passes where a policy wants that and no more.
    let project = published(".publish.attestation");
    project.write(
        "policy.toml",
        format!("version = 1\nrequired-level = 0\n[[root]]\nname = \"index\"\nidentity = \"{IDENTITY}\"\nissuer = \"{ISSUER}\"\nbuilders = {{ \"{IDENTITY}\" = 0 }}\n[expect]\npredicate-types = [\"https://docs.pypi.org/attestations/publish/v1\"]\nunchecked = [\"source\", \"parameters\", \"isolation\"]\n"),
    );
    project.run(&["verify", SDIST, "--policy", "policy.toml"]).code(0);
}

#[test]
fn what_a_statement_says_of_its_source_is_what_the_certificate_says() {
    let project = Project::new().file("a.txt", std::fs::read(fixtures("bundle/a.txt")).unwrap()).file(
        "a.txt.sigstore.json",
        document("bundle/happy-path-intoto-in-dsse-v3/bundle.sigstore.json").to_string(),
    );
    let said = project
        .run(&[
            "verify",
            "a.txt",
            "--certificate-identity",
            BEACON,
            "--certificate-oidc-issuer",
            ISSUER,
            "--source",
            "https://github.com/loosebazooka/aa-test",
            "--builder-id",
            "https://github.com/loosebazooka/aa-test/.github/workflows/provenance.yaml@refs/heads/main",
        ])
        .code(4);
    assert!(said.stdout.contains("the certificate was given to a workflow of"), "{}", said.stdout);
}

/// The decision on a bundle, by the identity that signed the real file.
fn decide(bytes: &[u8]) -> Option<Verified> {
    static KNOWN: std::sync::OnceLock<(Policy, Artifact)> = std::sync::OnceLock::new();
    let (policy, artifact) = KNOWN.get_or_init(|| {
        let identity = Identity {
            subject: IDENTITY.to_owned(),
            issuer: ISSUER.to_owned(),
            root: std::sync::Arc::new(TrustRoot::public().unwrap()),
        };
        let policy = Policy::of_identity(identity, &Asked::default()).unwrap();
        (policy, Artifact::open(&fixtures("pep740").join(SDIST)).unwrap())
    });
    let now = Timestamp::from_seconds(1_800_000_000);
    evidence_of(std::path::Path::new("x"), bytes)
        .iter()
        .find_map(|evidence| judge(evidence, artifact, policy, Depth::Full, now).ok())
}

fn good_bundle() -> Vec<u8> {
    to_bundle(&document(&format!("pep740/{SDIST}.slsa.attestation"))).unwrap().to_string().into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// A byte of a bundle, or of anything that is base64 in it: refused, or the very same statement.
    #[test]
    fn a_changed_byte_of_a_bundle_is_refused_or_changes_nothing(place in any::<prop::sample::Index>(), bits in 1_u8.., which in 0..6) {
        let mut file = good_bundle();
        let good = decide(&file).unwrap();
        let inner = match which {
            0 => Some("/dsseEnvelope/payload"),
            1 => Some("/dsseEnvelope/signatures/0/sig"),
            2 => Some("/verificationMaterial/certificate/rawBytes"),
            3 => Some("/verificationMaterial/tlogEntries/0/canonicalizedBody"),
            4 => Some("/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp"),
            _ => None,
        };
        if let Some(pointer) = inner {
            let mut bundle: Value = serde_json::from_slice(&file).unwrap();
            let text = bundle.pointer_mut(pointer).unwrap();
            let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
            let at = place.index(bytes.len());
            bytes[at] ^= bits;
            *text = json!(STANDARD.encode(bytes));
            prop_assert_eq!(decide(bundle.to_string().as_bytes()), None, "{} {}", pointer, at);
        } else {
            let at = place.index(file.len());
            file[at] ^= bits;
            if let Some(verified) = decide(&file) {
                prop_assert_eq!((verified.statement, verified.signers), (good.statement, good.signers));
            }
        }
    }
}
