//! Outputs, statements and signatures before judges that are not ours: twine, in-toto-attestation, securesystemslib and
//! sigstore from the package index, which `tests/setup.sh` installs; cosign and slsa-verifier, which `make judges` builds.
//!
//! Where one is not there, its tests are skipped and say so. Each judge is also shown something that it has to refuse: one
//! that takes everything is none.

mod go;
mod python;

use std::path::PathBuf;
use std::process::Command;

use crate::adversarial::WHEEL;
use crate::context::Project;

/// A judge's program: of the Python environment, or of those that are written in Go.
pub fn judge(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    ["judges", "judges-go"]
        .map(|judges| folder.join(judges).join("bin").join(name))
        .into_iter()
        .find(|path| path.is_file())
}

#[track_caller]
pub fn assert_passes(command: &mut Command) {
    let output = command.output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{command:?}:\n{said}");
}

#[track_caller]
fn assert_refuses(command: &mut Command, because: &str) {
    let output = command.output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(
        !output.status.success() && said.contains(because),
        "{command:?}: {because:?} is not in:\n{said}"
    );
}

const LOADS_AND_VALIDATES: &str = "
import sys
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
for path in sys.argv[1:]:
    with open(path) as file:
        [line] = file.read().splitlines()
    statement = Statement.copy_from_pb(json_format.Parse(line, statement_pb2.Statement()))
    statement.validate()
    predicate = json_format.MessageToDict(statement.pb.predicate)
    provenance = json_format.ParseDict(predicate, provenance_pb2.Provenance())
    assert provenance.build_definition.build_type and provenance.run_details.builder.id
";

#[test]
fn a_c_extension_passes_twine_and_its_statements_load_in_in_toto() {
    let (Some(twine), Some(python)) = (judge("twine"), judge("python")) else {
        skipped!("the judges are not installed");
    };
    let project = Project::copy_of("examples/c-extension").host_indexes().git();
    project.run(&["build", "--locked"]).code(0);
    let files = |folder: &'static str| -> Vec<PathBuf> {
        project.names(folder).into_iter().map(|name| project.join(folder).join(name)).collect()
    };
    assert_eq!((files("dist").len(), files("provenance").len()), (2, 2));
    assert_passes(Command::new(twine).args(["check", "--strict"]).args(files("dist")));
    assert_passes(Command::new(python).args(["-c", LOADS_AND_VALIDATES]).args(files("provenance")));
}

const SECURESYSTEMSLIB: &str = "
import base64, json, sys
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey
private, public, ours, theirs = sys.argv[1:]
with open(ours) as file:
    [line] = file.read().splitlines()
envelope = Envelope.from_dict(json.loads(line))
[keyid] = envelope.signatures
key = SSlibKey.from_crypto(load_pem_public_key(open(public, 'rb').read()), keyid=keyid)
assert len(envelope.verify([key], 1)) == 1
for change in ({'payload': envelope.payload + b' '}, {'payload_type': envelope.payload_type + 'x'}):
    changed = Envelope(**{'payload': envelope.payload, 'payload_type': envelope.payload_type, 'signatures': envelope.signatures} | change)
    try:
        changed.verify([key], 1)
    except VerificationError:
        continue
    raise SystemExit('securesystemslib takes what was changed')
theirs_envelope = Envelope(envelope.payload, envelope.payload_type, {})
theirs_envelope.sign(CryptoSigner(load_pem_private_key(open(private, 'rb').read(), None)))
with open(theirs, 'w') as file:
    json.dump(theirs_envelope.to_dict(), file)
";

/// securesystemslib takes what we sign, and we what it signs, with both kinds of keys.
#[test]
fn securesystemslib_and_we_take_each_other_s_envelopes() {
    let Some(python) = judge("python") else { skipped!("the judges are not installed") };
    let there = Command::new(&python).args(["-c", "import securesystemslib.dsse"]).output().unwrap();
    if !there.status.success() {
        skipped!("securesystemslib is not installed: tests/setup.sh does it");
    }
    for kind in ["p256", "ed25519"] {
        let project = crate::sign::unsigned();
        project.run(&["keygen", "--type", kind, "--output-prefix", kind, "--no-passphrase"]).code(0);
        let (key, public) = (format!("{kind}.key"), format!("{kind}.pub"));
        let statement = format!("provenance/{WHEEL}.intoto.jsonl");
        project.run(&["sign", &statement, "--key", &key]).code(0);
        let files = [&key, &public, &statement, "theirs.jsonl"].map(|name| project.join(name));
        assert_passes(Command::new(&python).args(["-c", SECURESYSTEMSLIB]).args(files));
        let wheel = format!("dist/{WHEEL}");
        let source = "https://git.example/team/demo";
        project
            .run(&["verify", &wheel, "--statement", "theirs.jsonl", "--key", &public, "--source", source])
            .code(0);
    }
}
