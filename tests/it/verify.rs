//! `verify`: what passes, what is said of it, and that no changed byte passes unseen.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use sealwright::provenance::{PAYLOAD_TYPE, Statement, Timestamp, VerificationSummary, pae};
use sealwright::sign::Signer;
use sealwright::verify::{Artifact, Depth, Evidence, Policy, Verified, evidence_of, judge};
use serde_json::{Value, json};

use crate::adversarial::{WHEEL, envelope_of, key};
use crate::context::{Project, repository};
use crate::provenance::record;

const SOURCE: &str = "https://git.example/team/demo";

fn statement() -> Statement {
    record().statement().unwrap()
}

fn payload() -> Vec<u8> {
    statement().to_line().trim_end().as_bytes().to_vec()
}

fn project(file: &Value) -> Project {
    let project = Project::new()
        .file(&format!("dist/{WHEEL}"), WHEEL)
        .file(&format!("provenance/{WHEEL}.intoto.jsonl"), file.to_string());
    project.write("release.pub", key(7).public_key().to_pem());
    project.write("release.key", key(7).to_pem(None).unwrap().as_bytes());
    project
}

const FILE: &str = "dist/demo-1.0-py3-none-any.whl";

#[test]
fn a_signed_statement_passes_and_says_what_was_not_looked_at() {
    let project = project(&envelope_of(&payload(), &[7]));
    let outcome = project.run(&["verify", FILE, "--key", "release.pub", "--source", SOURCE]).code(0);
    insta::assert_snapshot!(outcome.stdout, @r"
    ok      dist/demo-1.0-py3-none-any.whl
            SLSA Build L1, built by https://sealwright.dev/builders/local/v1
            signed by --key (SHA256:ZV2bFitY8/5t39DITy20N/r8HKhvJ0slnPrrTbvzAcQ)
            not checked: when it was signed: a plain key's signature has no trusted time; the ref; the external parameters target, configPath, configuration, options; which images and packages were in the box; the limits of the build; the bytes of the builder folder; its age
    ");
    let json =
        project.run(&["verify", FILE, "--key", "release.pub", "--signature-only", "--json"]).code(0).json();
    assert_eq!((&json["verdict"], &json["files"][0]["buildLevel"]), (&json!("passed"), &Value::Null));
    assert!(json["files"][0]["notChecked"].to_string().contains("content"), "{json}");
}

#[test]
fn other_lines_other_statements_and_their_order_do_not_matter() {
    let good = envelope_of(&payload(), &[7]).to_string();
    let stranger = envelope_of(&payload(), &[9]).to_string();
    let other = envelope_of(b"{}", &[7]).to_string();
    let lines = [good.as_str(), &stranger, &other, "{}", "{\"some\":\"thing\"}", ""];
    for turn in 0..lines.len() {
        let mut turned = lines;
        turned.rotate_left(turn);
        let project = project(&json!({}));
        project.write(&format!("provenance/{WHEEL}.intoto.jsonl"), turned.join("\n"));
        project.run(&["verify", FILE, "--key", "release.pub", "--source", SOURCE]).code(0);
    }
    // Beside the file, too, and where the caller says.
    let project = Project::new()
        .file(WHEEL, WHEEL)
        .file(&format!("{WHEEL}.intoto.jsonl"), &good)
        .file("release.pub", key(7).public_key().to_pem());
    project.run(&["verify", WHEEL, "--key", "release.pub", "--source", SOURCE]).code(0);
    project.write("all.jsonl", lines.join("\n"));
    let digest = format!("sha256:{}", sealwright::digest::Sha256::of(WHEEL));
    let said = project
        .run(&["verify", &digest, "--statement", "all.jsonl", "--key", "release.pub", "--source", SOURCE])
        .code(0);
    assert!(said.stdout.contains("the name of the file"), "{}", said.stdout);
}

#[test]
fn both_alphabets_both_forms_of_ecdsa_and_both_halves_pass() {
    use p256::ecdsa::Signature;
    let bytes = key(7).sign(&pae(PAYLOAD_TYPE, &payload())).unwrap();
    let one = Signature::from_der(&bytes).unwrap();
    let (r, s) = one.split_scalars();
    let other = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    for signature in
        [bytes, one.to_bytes().to_vec(), other.to_der().as_bytes().to_vec(), other.to_bytes().to_vec()]
    {
        for (payload, sig) in [
            (STANDARD.encode(payload()), STANDARD.encode(&signature)),
            (URL_SAFE_NO_PAD.encode(payload()), URL_SAFE_NO_PAD.encode(&signature)),
        ] {
            let project = project(
                &json!({ "payload": payload, "payloadType": PAYLOAD_TYPE, "signatures": [{ "sig": sig }], "more": 1 }),
            );
            project.run(&["verify", FILE, "--key", "release.pub", "--source", SOURCE]).code(0);
        }
    }
}

#[test]
fn a_policy_written_from_a_statement_passes_it_and_is_not_written_over() {
    let project = project(&envelope_of(&payload(), &[7]));
    project.run(&["verify", FILE, "--key", "release.pub", "--init-policy", "policy.toml"]).code(0);
    project.run(&["verify", FILE, "--policy", "policy.toml"]).code(0);
    project
        .run(&["verify", FILE, "--key", "release.pub", "--init-policy", "policy.toml"])
        .code(2)
        .stderr_has("is there already");
    let text = project.read("policy.toml");
    project.write("policy.toml", text.replace("refs/heads/main", "refs/heads/other"));
    project
        .run(&["verify", FILE, "--policy", "policy.toml"])
        .code(4)
        .stdout_has("source: the ref is \"refs/heads/main\"");
    insta::assert_snapshot!(text.replace(&key(7).public_key().to_pem(), "[PEM]\n"), @r###"
    # What `sealwright verify --policy` expects: docs/reference/policy.md has every key.
    # Written from one statement. Review it: it is as strict as that statement was.
    version = 1
    required-level = 1
    threshold = 1

    # ECDSA P-256 SHA256:ZV2bFitY8/5t39DITy20N/r8HKhvJ0slnPrrTbvzAcQ
    [[root]]
    name = "signer"
    key = """
    [PEM]
    """
    # The builders that this key may speak for, and the highest Build level it is believed.
    builders = { "https://sealwright.dev/builders/local/v1" = 1 }

    [expect]
    source = "git+https://git.example/team/demo"
    ref = ["refs/heads/main"]
    build-types = ["https://sealwright.dev/build-types/python-build/v1"]
    # max-age = "90 days"

    # External parameters beside the source: these and no others.
    [expect.parameters]
    target = "dist"
    configPath = "sealwright.toml"
    configuration = { builder = "python-build", python = "3.11", system-packages = ["gcc"] }
    options = { configSettings = { --build-option = "--quiet" } }

    [expect.dependencies]
    # forbidden = ["pkg:pypi/NAME", "pkg:deb/debian/NAME@VERSION"]
    images = ["debian:bookworm"]

    [expect.isolation]
    network = "none"
    root = "read-only"
    capabilities = []
    no-new-privs = true
    seccomp = "allow-list/1"

    # [expect.limits]
    # processes = "enforced"
    "###);
}

#[test]
fn a_threshold_counts_keys() {
    let project = project(&envelope_of(&payload(), &[8, 7]));
    project.run(&["verify", FILE, "--key", "release.pub", "--init-policy", "policy.toml"]).code(0);
    project.write("second.pub", key(8).public_key().to_pem());
    let text = project.read("policy.toml").replace("threshold = 1", "threshold = 2");
    let second = "\n[[root]]\nname = \"second\"\nkey = \"second.pub\"\nbuilders = { \"https://sealwright.dev/builders/local/v1\" = 1 }\n\n[expect]\n";
    project.write("policy.toml", text.replace("\n[expect]\n", second));
    let outcome = project.run(&["verify", FILE, "--policy", "policy.toml"]).code(0);
    assert!(
        outcome.stdout.contains("second (SHA256:") && outcome.stdout.contains("signer (SHA256:"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn a_summary_is_written_and_accepted_instead_of_the_provenance() {
    let project = project(&envelope_of(&payload(), &[7]));
    project.run(&["verify", FILE, "--key", "release.pub", "--init-policy", "policy.toml"]).code(0);
    project.write("verifier.key", key(8).to_pem(None).unwrap().as_bytes());
    project.write("verifier.pub", key(8).public_key().to_pem());
    let write =
        ["verify", FILE, "--policy", "policy.toml", "--vsa", "summary.jsonl", "--key", "verifier.key"];
    project.run(&write).code(0);
    let accept = [
        "verify",
        FILE,
        "--accept-vsa",
        "summary.jsonl",
        "--key",
        "verifier.pub",
        "--verifier-id",
        "https://sealwright.dev/verifiers/local/v1",
    ];
    let said = project.run(&accept).code(0);
    assert!(
        said.stdout.contains("SLSA Build L1") && said.stdout.contains("the provenance itself"),
        "{}",
        said.stdout
    );
    // A policy may name the verifier.
    project.write("consumer.toml", "version = 1\n[[verifier]]\nid = \"https://sealwright.dev/verifiers/local/v1\"\nkey = \"verifier.pub\"\n");
    project.run(&["verify", FILE, "--accept-vsa", "summary.jsonl", "--policy", "consumer.toml"]).code(0);
    // A decision against it is written down, too, and not accepted.
    project.write("policy.toml", project.read("policy.toml").replace("team/demo", "team/other"));
    project.run(&write).code(4);
    project.run(&accept).code(4).stdout_has("the summary's result is FAILED");
}

#[test]
fn a_summary_of_another_verifier_is_accepted() {
    let folder = repository().join("tests/fixtures/vsa");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let resource = "gce_image://gke-node-images:gke-12615-gke1418000-cos-101-17162-463-29-c-cgpv1-pre";
    let (file, key) = (path("gke-gce-pre.bcid-vsa.jsonl"), path("vsa_signing_public_key.pem"));
    let verifier = "https://bcid.corp.google.com/verifier/bcid_package_enforcer/v0.1";
    let call = |digest: &str, level: &str| {
        Project::new().run(&[
            "verify",
            digest,
            "--accept-vsa",
            &file,
            "--key",
            &key,
            "--verifier-id",
            verifier,
            "--resource-uri",
            resource,
            "--level",
            level,
        ])
    };
    call("gce_image_id:8970095005306000053", "SLSA_BUILD_LEVEL_2").code(0);
    call("gce_image_id:8970095005306000053", "BCID_L1").code(0);
    call("gce_image_id:8970095005306000053", "SLSA_BUILD_LEVEL_3").code(4);
    call("gce_image_id:8970095005306000054", "SLSA_BUILD_LEVEL_2").code(4);
}

#[test]
fn many_files_are_judged_in_one_call_and_each_is_told() {
    let project = project(&envelope_of(&payload(), &[7]));
    project.write("dist/other.whl", "x");
    let json = project
        .run(&["verify", FILE, "dist/other.whl", "--key", "release.pub", "--source", SOURCE, "--json"])
        .code(4)
        .json();
    assert_eq!(json["verdict"], "failed");
    assert_eq!(
        (&json["files"][0]["verdict"], &json["files"][1]["verdict"]),
        (&json!("passed"), &json!("failed"))
    );
    assert_eq!(json["files"][1]["rejected"][0]["failures"][0]["step"], "evidence");
}

#[test]
fn a_foreign_builder_s_provenance_is_judged_by_a_policy_for_it() {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": WHEEL, "digest": { "sha256": sealwright::digest::Sha256::of(WHEEL) } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": { "workflow": { "ref": "refs/tags/v1", "repository": "https://github.example/a/b", "path": ".github/workflows/release.yml" } },
            },
            "runDetails": { "builder": { "id": "https://github.example/actions/runner" } },
        },
    });
    let project = project(&envelope_of(statement.to_string().as_bytes(), &[7]));
    let policy = |source: &str| {
        format!(
            "version = 1\nrequired-level = 2\n[[root]]\nname = \"g\"\nkey = \"release.pub\"\nbuilders = {{ \"https://github.example/actions/runner\" = 2 }}\n\
         [expect]\nsource = \"{source}\"\nbuild-types = [\"https://actions.github.io/buildtypes/workflow/v1\"]\nunchecked = [\"isolation\"]\n[expect.parameters]\nworkflow = {{ path = \".github/workflows/release.yml\" }}\n"
        )
    };
    project.write("policy.toml", policy("https://github.example/a/b"));
    project.run(&["verify", FILE, "--policy", "policy.toml"]).code(0).stdout_has("SLSA Build L2");
    project.write("policy.toml", policy("https://github.example/a/c"));
    project.run(&["verify", FILE, "--policy", "policy.toml"]).code(4).stdout_has("the source is");
    project.write("policy.toml", policy("https://github.example/a/b").replace("release.yml", "test.yml"));
    project.run(&["verify", FILE, "--policy", "policy.toml"]).code(4).stdout_has("\"workflow\"");
}

#[test]
fn the_subjects_are_printed_as_generic_generators_took_them() {
    let project = project(&envelope_of(&payload(), &[7]));
    let said = project.run(&["inspect", FILE, "--format", "base64-subjects"]).code(0);
    let text = String::from_utf8(STANDARD.decode(said.stdout.trim_end()).unwrap()).unwrap();
    assert_eq!(text, format!("{}  {WHEEL}\n", sealwright::digest::Sha256::of(WHEEL)));
}

fn policy() -> Policy {
    Policy::of_key(key(7).public_key().clone(), Some(SOURCE), None, None).unwrap()
}

fn artifact(name: &str, bytes: &[u8]) -> Artifact {
    Artifact {
        shown: name.to_owned(),
        path: Some(PathBuf::from(name)),
        name: Some(name.to_owned()),
        algorithm: "sha256".to_owned(),
        digest: sealwright::digest::Sha256::of(bytes).to_string(),
    }
}

fn decide(file: &[u8], wheel: &[u8]) -> Option<Verified> {
    let now = Timestamp::from_seconds(1_800_000_000);
    let all: Vec<Evidence> = evidence_of(Path::new("x"), file);
    all.iter().find_map(|evidence| judge(evidence, &artifact(WHEEL, wheel), &policy(), Depth::Full, now).ok())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// A byte of payload, type or artifact: refused.
    #[test]
    fn no_changed_byte_of_what_is_signed_passes(place in any::<prop::sample::Index>(), bits in 1_u8.., which in 0..3) {
        let (mut payload, mut kind, mut wheel) = (payload(), PAYLOAD_TYPE.as_bytes().to_vec(), WHEEL.as_bytes().to_vec());
        let mut envelope = envelope_of(&payload, &[7]);
        let changed = match which {
            0 => &mut payload,
            1 => &mut kind,
            _ => &mut wheel,
        };
        let at = place.index(changed.len());
        changed[at] ^= bits;
        envelope["payload"] = json!(STANDARD.encode(&payload));
        envelope["payloadType"] = json!(String::from_utf8_lossy(&kind));
        prop_assert_eq!(decide(envelope.to_string().as_bytes(), &wheel), None);
    }

    /// Any other byte: refused, or the very same statement.
    #[test]
    fn a_changed_byte_of_the_envelope_is_refused_or_changes_nothing(place in any::<prop::sample::Index>(), bits in 1_u8..) {
        let mut file = envelope_of(&payload(), &[7]).to_string().into_bytes();
        let at = place.index(file.len());
        file[at] ^= bits;
        if let Some(verified) = decide(&file, WHEEL.as_bytes()) {
            prop_assert_eq!(verified.statement.unwrap(), statement());
        }
    }

    /// What is no statement is refused, and nothing panics.
    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert_eq!(decide(&bytes, WHEEL.as_bytes()), None);
        let signed = envelope_of(&bytes, &[7]).to_string();
        prop_assert_eq!(decide(signed.as_bytes(), WHEEL.as_bytes()), None);
        prop_assert!(VerificationSummary::parse(&bytes).is_err());
    }
}
