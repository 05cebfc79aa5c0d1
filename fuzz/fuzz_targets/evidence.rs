//! Files of evidence, judged: nothing that nobody signed passes.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sealwright::key::PublicKey;
use sealwright::provenance::Timestamp;
use sealwright::verify::{Artifact, Depth, Policy, evidence_of, judge};

const KEY: &[u8] = b"-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeGa6ZCZn0q6WpaUwJrSk+PPYEsca
3Xkk3UrxvbQtoZzTmq0zIYq+4QQl0YBedSyy+XcwAMaUWTouTrB05WhYtg==
-----END PUBLIC KEY-----
";

fuzz_target!(|bytes: &[u8]| {
    let key = PublicKey::from_pem(KEY).expect("a good key");
    let policy =
        Policy::of_key(key, Some("https://git.example/team/demo"), None, None).expect("a good policy");
    let artifact = Artifact {
        shown: "x".to_owned(),
        path: None,
        name: Some("x".to_owned()),
        algorithm: "sha256".to_owned(),
        digest: "0".repeat(64),
    };
    for evidence in evidence_of(Path::new("x"), bytes) {
        let now = Timestamp::from_seconds(1_800_000_000);
        assert!(judge(&evidence, &artifact, &policy, Depth::Full, now).is_err());
    }
});
