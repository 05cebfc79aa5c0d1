//! sigstore's and in-toto's own types read what we sign.

use std::path::Path;
use std::process::Command;

use super::{assert_passes, assert_refuses, judge};
use crate::adversarial::WHEEL;
use crate::context::Project;

/// sigstore's `Bundle` wants a certificate and a log entry; the model of the format below it does not.
/// Nor is in-toto's model of a summary asked: in it `verifiedLevels` is one text.
const READS_OURS: &str = "
import base64, json, sys
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from sigstore import dsse
from sigstore_models.bundle.v1 import Bundle
bundle_path, envelope_path, summary_path = sys.argv[1:]
text = open(bundle_path).read()
bundle = Bundle.from_json(text)
assert bundle.media_type == 'application/vnd.dev.sigstore.bundle.v0.3+json', bundle
assert bundle.verification_material.public_key.hint == json.loads(text)['dsseEnvelope']['signatures'][0]['keyid']
payloads = [base64.b64decode(json.loads(text)['dsseEnvelope']['payload'])]
for path in (envelope_path, summary_path):
    [line] = open(path).read().splitlines()
    dsse.Envelope._from_json(line)
    payloads.append(base64.b64decode(json.loads(line)['payload']))
assert payloads[0] == payloads[1]
for payload in payloads:
    dsse.Statement(payload)
    statement = Statement.copy_from_pb(json_format.Parse(payload, statement_pb2.Statement()))
    statement.validate()
";

#[test]
fn sigstore_and_in_toto_read_our_bundles_envelopes_and_summaries() {
    let Some(python) = judge("python") else { skipped!("the judges are not installed") };
    let there = Command::new(&python).args(["-c", "import sigstore, in_toto_attestation"]).output().unwrap();
    if !there.status.success() {
        skipped!("sigstore is not installed: tests/setup.sh does it");
    }
    let project = crate::sign::unsigned();
    let (file, statement) = (format!("dist/{WHEEL}"), format!("provenance/{WHEEL}.intoto.jsonl"));
    let bundle = format!("provenance/{WHEEL}.sigstore.json");
    project.run(&["sign", &statement, "--key", "a.key", "--format", "sigstore"]).code(0);
    project.run(&["sign", &statement, "--key", "a.key"]).code(0);
    project.run(&["verify", &file, "--key", "a.pub", "--init-policy", "policy.toml"]).code(0);
    project
        .run(&["verify", &file, "--policy", "policy.toml", "--vsa", "summary.jsonl", "--key", "a.key"])
        .code(0);
    let read = |bundle: &str| {
        let mut command = Command::new(&python);
        command
            .args(["-c", READS_OURS])
            .args([bundle, &statement, "summary.jsonl"])
            .current_dir(project.path());
        command
    };
    assert_passes(&mut read(&bundle));
    let text = project.read(&bundle);
    for (from, to) in [("\"hint\"", "\"hints\""), ("bundle.v0.3", "bundle.v9"), ("dsseEnvelope", "envelope")]
    {
        assert!(text.contains(from), "{text}");
        project.write("changed.json", text.replace(from, to));
        assert_refuses(&mut read("changed.json"), "Error");
    }
}

/// PEP 740's own library takes our bundle of an attestation back to that attestation.
const TAKES_BACK: &str = "
import sys
from pypi_attestations import Attestation
from sigstore.models import Bundle
attestation_path, bundle_path = sys.argv[1:]
attestation = Attestation.model_validate_json(open(attestation_path).read())
[line] = open(bundle_path).read().splitlines()
back = Attestation.from_bundle(Bundle.from_json(line))
assert back == attestation, 'another attestation'
";

#[test]
fn pypi_attestations_takes_our_bundles_of_attestations_back() {
    let Some(python) = judge("python") else { skipped!("the judges are not installed") };
    let there = Command::new(&python).args(["-c", "import pypi_attestations"]).output().unwrap();
    if !there.status.success() {
        skipped!("pypi-attestations is not installed: tests/setup.sh does it");
    }
    let project = Project::new();
    for kind in ["publish", "slsa"] {
        let name = format!("pypi_attestations-0.0.19.tar.gz.{kind}.attestation");
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pep740").join(&name);
        project.write("one.attestation", std::fs::read_to_string(fixture).unwrap());
        let printed = project.run(&["inspect", "--format", "sigstore", "one.attestation"]).code(0).stdout;
        let takes = |bundle: &str| {
            project.write("bundle.json", bundle);
            let mut command = Command::new(&python);
            command.args(["-c", TAKES_BACK, "one.attestation", "bundle.json"]).current_dir(project.path());
            command
        };
        assert_passes(&mut takes(&printed));
        let mut changed: serde_json::Value = serde_json::from_str(&printed).unwrap();
        let payload = changed["dsseEnvelope"]["payload"].as_str().unwrap().to_owned();
        changed["dsseEnvelope"]["payload"] = format!("{}fQ==", &payload[..payload.len() / 8 * 4]).into();
        assert_refuses(&mut takes(&changed.to_string()), "another attestation");
    }
}
