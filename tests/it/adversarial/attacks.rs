//! The forgeries.

#![expect(
    clippy::assigning_clones,
    clippy::semicolon_if_nothing_returned,
    clippy::too_many_lines,
    reason = "a table"
)]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use sealwright::provenance::{PAYLOAD_TYPE, pae};
use serde_json::{Value, json};

use super::{Scene, WHEEL, envelope_of, key, signature};

type Attack = (&'static str, &'static str, fn(&mut Scene));

const DEFINITION: &str = "/predicate/buildDefinition";
const EXTERNAL: &str = "/predicate/buildDefinition/externalParameters";
const INTERNAL: &str = "/predicate/buildDefinition/internalParameters";
const DEPENDENCIES: &str = "/predicate/buildDefinition/resolvedDependencies";
const RUN: &str = "/predicate/runDetails";
const LOCAL: &str = "https://sealwright.dev/builders/local/v1";

fn at(parts: &[&str]) -> String {
    parts.concat()
}

fn builder_id(scene: &mut Scene, id: &str) {
    scene.set(&at(&[RUN, "/builder/id"]), json!(id));
}

fn source(scene: &mut Scene, uri: &str) {
    scene.set(&at(&[EXTERNAL, "/source/uri"]), json!(uri));
    scene.set(&at(&[DEPENDENCIES, "/0/uri"]), json!(format!("{uri}@refs/heads/main")));
}

fn subject(scene: &mut Scene, name: &str) {
    scene.set("/subject/0/name", json!(name));
}

fn digest(scene: &mut Scene, digest: Value) {
    scene.set("/subject/0/digest", digest);
}

/// The text of the payload with one part replaced, signed by the trusted key.
fn rewrite(scene: &mut Scene, from: &str, to: &str) {
    let text = String::from_utf8(scene.payload()).unwrap();
    assert!(text.contains(from), "{from}");
    scene.sign(text.replacen(from, to, 1).as_bytes());
}

/// The signature of a P-256 key with `s` turned into `n - s`.
fn other_half(signature: &Value) -> Value {
    let bytes = STANDARD.decode(signature["sig"].as_str().unwrap()).unwrap();
    let one = p256::ecdsa::Signature::from_der(&bytes).unwrap();
    let (r, s) = one.split_scalars();
    let other = p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    json!({ "keyid": key(8).public().as_str(), "sig": STANDARD.encode(other.to_der().as_bytes()) })
}

trait Named {
    fn public(&self) -> &sealwright::key::KeyId;
}

impl<S: sealwright::sign::Signer> Named for S {
    fn public(&self) -> &sealwright::key::KeyId {
        self.key_id()
    }
}

/// A second root that is believed too.
fn two_roots(scene: &mut Scene, threshold: usize) {
    scene.edit_policy("[expect]\n", &format!("[[root]]\nname = \"second\"\nkey = \"second.pub\"\nbuilders = {{ \"{LOCAL}\" = 1 }}\n\n[expect]\n"));
    scene.edit_policy("required-level = 1\n", &format!("required-level = 1\nthreshold = {threshold}\n"));
}

/// A summary of the wheel, signed by a key, with one field set.
fn summary(scene: &mut Scene, seed: u8, pointer: &str, value: Value) {
    let mut statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": scene.statement["subject"],
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": {
            "verifier": { "id": "https://verifier.example/v1" },
            "timeVerified": "2026-01-01T00:00:00Z",
            "resourceUri": "pkg:pypi/demo@1.0",
            "policy": { "uri": "https://policy.example/1" },
            "verificationResult": "PASSED",
            "verifiedLevels": ["SLSA_BUILD_LEVEL_2"],
        },
    });
    if !pointer.is_empty() {
        *statement.pointer_mut(pointer).unwrap() = value;
    }
    scene.add("summary.jsonl", envelope_of(statement.to_string().as_bytes(), &[seed]).to_string());
    scene.arguments(&[
        "--accept-vsa",
        "summary.jsonl",
        "--key",
        "release.pub",
        "--verifier-id",
        "https://verifier.example/v1",
        "--resource-uri",
        "pkg:pypi/demo@1.0",
        "--level",
        "SLSA_BUILD_LEVEL_2",
    ]);
}

/// A Sigstore bundle of the envelope.
fn bundle(scene: &mut Scene, change: impl FnOnce(&mut Value)) {
    let envelope = scene.envelope(&[7]);
    let mut bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "publicKey": { "hint": envelope["signatures"][0]["keyid"] } },
        "dsseEnvelope": envelope,
    });
    change(&mut bundle);
    scene.file = Some(bundle.to_string().into_bytes());
}

/// A public key of a curve or algorithm that is not judged, as the only root.
fn odd_key(scene: &mut Scene, der: &str) {
    let lines: Vec<&str> = der.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    scene.add(
        "release.pub",
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")),
    );
}

/// Every forgery: its name, what it tries, and how.
pub fn all() -> Vec<Attack> {
    let mut all = envelopes();
    all.extend(jsons());
    all.extend(subjects());
    all.extend(predicates());
    all.extend(builders());
    all.extend(sources());
    all.extend(parameters());
    all.extend(contents());
    all.extend(policies());
    all.extend(others());
    all
}

fn envelopes() -> Vec<Attack> {
    vec![
        ("payload-swapped", "The payload of another statement under the signature of this one.", |scene| {
            let old = scene.envelope(&[7]);
            builder_id(scene, "https://evil.example/builder");
            let payload = STANDARD.encode(scene.payload());
            scene.file = Some({
                let mut forged = old;
                forged["payload"] = json!(payload);
                forged.to_string().into_bytes()
            });
        }),
        ("payload-byte-changed", "One byte of the signed payload is another.", |scene| {
            scene.forge(|envelope| {
                let mut payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
                let last = payload.len() - 3;
                payload[last] = b' ';
                envelope["payload"] = json!(STANDARD.encode(payload));
            })
        }),
        ("payload-space-added", "A space after the payload, which JSON does not see.", |scene| {
            scene.forge(|envelope| {
                let mut payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
                payload.push(b' ');
                envelope["payload"] = json!(STANDARD.encode(payload));
            })
        }),
        ("payload-truncated", "The payload ends early.", |scene| {
            scene.forge(|envelope| {
                let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
                envelope["payload"] = json!(STANDARD.encode(&payload[..100]));
            })
        }),
        ("payload-empty", "There is nothing in the payload.", |scene| {
            scene.forge(|envelope| envelope["payload"] = json!(""))
        }),
        ("payload-no-base64", "The payload is plain text.", |scene| {
            scene.forge(|envelope| envelope["payload"] = json!("{}"))
        }),
        (
            "payload-two-alphabets",
            "The payload mixes both base64 alphabets, which readers take apart differently.",
            |scene| {
                scene.forge(|envelope| {
                    envelope["payload"] = json!(format!("-+{}", URL_SAFE.encode("x")));
                })
            },
        ),
        ("payload-missing", "There is no payload.", |scene| {
            scene.forge(|envelope| drop(envelope.as_object_mut().unwrap().shift_remove("payload")))
        }),
        ("payload-null", "The payload is null.", |scene| {
            scene.forge(|envelope| envelope["payload"] = Value::Null)
        }),
        ("payload-type-swapped", "Signed as a statement, called plain text.", |scene| {
            scene.forge(|envelope| envelope["payloadType"] = json!("text/plain"))
        }),
        ("payload-type-case", "The payload's type in capitals.", |scene| {
            scene.forge(|envelope| envelope["payloadType"] = json!(PAYLOAD_TYPE.to_uppercase()))
        }),
        ("payload-type-space", "The payload's type with a space at its end.", |scene| {
            scene.forge(|envelope| envelope["payloadType"] = json!(format!("{PAYLOAD_TYPE} ")))
        }),
        ("payload-type-empty", "The payload's type is empty.", |scene| {
            scene.forge(|envelope| envelope["payloadType"] = json!(""))
        }),
        ("payload-type-missing", "There is no type of the payload.", |scene| {
            scene.forge(|envelope| drop(envelope.as_object_mut().unwrap().shift_remove("payloadType")))
        }),
        ("payload-type-signed-otherwise", "Signed as plain text, called a statement.", |scene| {
            let payload = scene.payload();
            scene.forge(|envelope| {
                envelope["signatures"] = json!([signature(&pae("text/plain", &payload), 7)])
            });
        }),
        ("signatures-missing", "There is no list of signatures.", |scene| {
            scene.forge(|envelope| drop(envelope.as_object_mut().unwrap().shift_remove("signatures")))
        }),
        ("signatures-null", "The list of signatures is null.", |scene| {
            scene.forge(|envelope| envelope["signatures"] = Value::Null)
        }),
        ("signatures-empty", "The list of signatures is empty.", |scene| {
            scene.forge(|envelope| envelope["signatures"] = json!([]))
        }),
        ("signature-stripped", "The signature is empty, its key still named.", |scene| {
            scene.forge(|envelope| envelope["signatures"][0]["sig"] = json!(""))
        }),
        ("signature-truncated", "The signature ends early.", |scene| {
            scene.forge(|envelope| {
                let bytes = STANDARD.decode(envelope["signatures"][0]["sig"].as_str().unwrap()).unwrap();
                envelope["signatures"][0]["sig"] = json!(STANDARD.encode(&bytes[..bytes.len() - 1]));
            })
        }),
        ("signature-doubled", "The signature stands twice in a row.", |scene| {
            scene.forge(|envelope| {
                let bytes = STANDARD.decode(envelope["signatures"][0]["sig"].as_str().unwrap()).unwrap();
                envelope["signatures"][0]["sig"] = json!(STANDARD.encode([bytes.clone(), bytes].concat()));
            })
        }),
        ("signature-with-more", "A byte follows the signature.", |scene| {
            scene.forge(|envelope| {
                let mut bytes = STANDARD.decode(envelope["signatures"][0]["sig"].as_str().unwrap()).unwrap();
                bytes.push(0);
                envelope["signatures"][0]["sig"] = json!(STANDARD.encode(bytes));
            })
        }),
        ("signature-zero", "r and s are zero.", |scene| {
            scene.forge(|envelope| envelope["signatures"][0]["sig"] = json!(STANDARD.encode([0; 64])))
        }),
        ("signature-zero-der", "r and s are zero, in DER.", |scene| {
            scene.forge(|envelope| {
                envelope["signatures"][0]["sig"] = json!(STANDARD.encode([0x30, 6, 2, 1, 0, 2, 1, 0]))
            })
        }),
        ("signature-of-the-order", "r and s are the order of the curve.", |scene| {
            scene.forge(|envelope| {
                let order = [
                    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
                    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
                ];
                envelope["signatures"][0]["sig"] = json!(STANDARD.encode([order, order].concat()));
            })
        }),
        (
            "signature-without-pae",
            "The payload itself was signed, not its encoding with its type.",
            |scene| {
                let payload = scene.payload();
                scene.forge(|envelope| envelope["signatures"] = json!([signature(&payload, 7)]));
            },
        ),
        ("signature-of-the-digest", "The digest was signed instead of the bytes.", |scene| {
            let message = pae(PAYLOAD_TYPE, &scene.payload());
            let digest = sealwright::digest::Sha256::of(message);
            scene.forge(|envelope| envelope["signatures"] = json!([signature(digest.as_bytes(), 7)]));
        }),
        ("signature-by-a-stranger", "A key that no policy names.", |scene| {
            scene.file = Some(scene.envelope(&[9]).to_string().into_bytes())
        }),
        (
            "signature-by-a-stranger-with-a-trusted-name",
            "A stranger's signature calls its key by the trusted key's name.",
            |scene| {
                let mut envelope = scene.envelope(&[9]);
                envelope["signatures"][0]["keyid"] = json!(key(7).public().as_str());
                scene.file = Some(envelope.to_string().into_bytes());
            },
        ),
        ("signature-without-a-name", "A stranger's signature without a key's name.", |scene| {
            let mut envelope = scene.envelope(&[9]);
            envelope["signatures"][0]["keyid"] = Value::Null;
            scene.file = Some(envelope.to_string().into_bytes());
        }),
        ("signature-no-text", "The signature is a number.", |scene| {
            scene.forge(|envelope| envelope["signatures"][0]["sig"] = json!(1))
        }),
        ("signature-after-many", "Forty strangers' signatures before the good one.", |scene| {
            let mut seeds = [9; 41];
            seeds[40] = 7;
            scene.file = Some(scene.envelope(&seeds).to_string().into_bytes());
        }),
        ("threshold-one-of-two", "Two keys have to sign, one did.", |scene| two_roots(scene, 2)),
        ("threshold-one-key-twice", "Two keys have to sign, one signed twice.", |scene| {
            two_roots(scene, 2);
            scene.file = Some(scene.envelope(&[7, 7]).to_string().into_bytes());
        }),
        (
            "threshold-other-half",
            "The second signature is (r, n-s) of the first, under the second key's name.",
            |scene| {
                two_roots(scene, 2);
                scene.forge(|envelope| {
                    let second = other_half(&envelope["signatures"][0]);
                    envelope["signatures"].as_array_mut().unwrap().push(second);
                });
            },
        ),
        (
            "threshold-by-name",
            "The second signature has the second key's name and was made by the first.",
            |scene| {
                two_roots(scene, 2);
                scene.file = Some({
                    let mut envelope = scene.envelope(&[7, 7]);
                    envelope["signatures"][1]["keyid"] = json!(key(8).public().as_str());
                    envelope.to_string().into_bytes()
                });
            },
        ),
        ("threshold-with-a-stranger", "Two keys have to sign, one of them is nobody's.", |scene| {
            two_roots(scene, 2);
            scene.file = Some(scene.envelope(&[7, 9]).to_string().into_bytes());
        }),
        ("revoked-key", "The key was revoked.", |scene| {
            two_roots(scene, 1);
            let id = key(7).public().as_str().to_owned();
            scene.edit_policy("threshold = 1\n", &format!("threshold = 1\nrevoked = [\"{id}\"]\n"));
        }),
        ("revoked-key-in-a-threshold", "Of two signers one was revoked.", |scene| {
            two_roots(scene, 2);
            scene.edit_policy("[expect]\n", &format!("[[root]]\nname = \"third\"\nkey = \"stranger.pub\"\nbuilders = {{ \"{LOCAL}\" = 1 }}\n\n[expect]\n"));
            let id = key(8).public().as_str().to_owned();
            scene.edit_policy("threshold = 2\n", &format!("threshold = 2\nrevoked = [\"{id}\"]\n"));
            scene.file = Some(scene.envelope(&[7, 8]).to_string().into_bytes());
        }),
    ]
}

fn jsons() -> Vec<Attack> {
    vec![
        (
            "json-payload-twice",
            "The envelope has two payloads; readers take the first or the last.",
            |scene| {
                let text = scene.envelope(&[7]).to_string();
                scene.file = Some(text.replacen('{', "{\"payload\":\"e30=\",", 1).into_bytes());
            },
        ),
        ("json-signatures-twice", "The envelope has two lists of signatures.", |scene| {
            let text = scene.envelope(&[7]).to_string();
            scene.file = Some(text.replacen('{', "{\"signatures\":[],", 1).into_bytes());
        }),
        ("json-subject-twice", "The signed payload has two lists of subjects.", |scene| {
            rewrite(scene, "\"subject\":", "\"subject\":[],\"subject\":")
        }),
        ("json-builder-id-twice", "The signed payload has two builder ids.", |scene| {
            rewrite(scene, "\"builder\":{\"id\":", "\"builder\":{\"id\":\"https://evil.example\",\"id\":")
        }),
        ("json-escaped-key-twice", "The second key is written with an escape.", |scene| {
            rewrite(scene, "\"predicateType\":", "\"predicate\\u0054ype\":\"x\",\"predicateType\":")
        }),
        ("json-deep-payload", "The payload is nested a hundred thousand times.", |scene| {
            let deep = format!("\"x\":{}{},\"predicateType\":", "[".repeat(100_000), "]".repeat(100_000));
            rewrite(scene, "\"predicateType\":", &deep);
        }),
        ("json-deep-envelope", "The envelope is nested a hundred thousand times.", |scene| {
            scene.file = Some([b"{\"payload\":".as_slice(), "[".repeat(100_000).as_bytes()].concat());
        }),
        ("json-huge-envelope", "The envelope is larger than any.", |scene| {
            scene.forge(|envelope| envelope["more"] = json!("x".repeat(33 << 20)));
        }),
        ("json-huge-file", "The file is larger than any.", |scene| {
            scene.file = Some(vec![b' '; (64 << 20) + 1])
        }),
        ("json-more-follows", "A second document follows the envelope on its line.", |scene| {
            let text = scene.envelope(&[7]).to_string();
            scene.file = Some(format!("{text}{text}").into_bytes());
        }),
        ("json-not-a-number", "A number that JSON does not have.", |scene| {
            rewrite(scene, "\"predicateType\":", "\"x\":NaN,\"predicateType\":")
        }),
        ("json-huge-number", "A number that no type holds.", |scene| {
            rewrite(scene, "\"predicateType\":", "\"x\":1e999,\"predicateType\":")
        }),
        ("json-comment", "The payload has a comment.", |scene| {
            rewrite(scene, "\"predicateType\":", "/*x*/\"predicateType\":")
        }),
        ("json-comma", "The payload has one comma too many.", |scene| {
            rewrite(scene, "\"subject\":[{", "\"subject\":[,{")
        }),
        ("not-utf8-payload", "The signed payload is not UTF-8.", |scene| {
            let mut payload = scene.payload();
            let place = payload.windows(4).position(|bytes| bytes == b"demo").unwrap();
            payload[place] = 0xff;
            scene.sign(&payload);
        }),
        ("not-utf8-overlong", "The signed payload has a character in an overlong form.", |scene| {
            let mut payload = scene.payload();
            let place = payload.windows(4).position(|bytes| bytes == b"demo").unwrap();
            payload.splice(place..=place, [0xc1, 0xa4]);
            scene.sign(&payload);
        }),
        ("not-utf8-envelope", "The envelope is not UTF-8.", |scene| {
            let mut bytes = scene.envelope(&[7]).to_string().into_bytes();
            bytes[3] = 0xff;
            scene.file = Some(bytes);
        }),
        ("utf16-envelope", "The envelope is UTF-16.", |scene| {
            let text = scene.envelope(&[7]).to_string();
            scene.file = Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        }),
        ("lone-surrogate", "The payload has half of a character.", |scene| {
            rewrite(scene, "\"predicateType\":", "\"x\":\"\\ud800\",\"predicateType\":")
        }),
        ("byte-order-mark", "A byte order mark before the envelope.", |scene| {
            scene.file =
                Some(["\u{feff}".to_owned(), scene.envelope(&[7]).to_string()].concat().into_bytes());
        }),
        ("empty-file", "The file of the statement is empty.", |scene| scene.file = Some(Vec::new())),
        ("only-unknown-lines", "No line of the file is evidence.", |scene| {
            scene.file = Some(b"{}\n[]\n1\n".to_vec())
        }),
    ]
}

fn subjects() -> Vec<Attack> {
    vec![
        ("artifact-changed", "One byte of the wheel is another.", |scene| scene.wheel[0] ^= 1),
        ("artifact-appended", "A byte follows the wheel.", |scene| scene.wheel.push(0)),
        ("artifact-empty", "The wheel is empty.", |scene| scene.wheel.clear()),
        ("artifact-renamed", "The wheel is called a newer version.", |scene| {
            scene.name = "demo-2.0-py3-none-any.whl".to_owned()
        }),
        ("artifact-renamed-case", "The wheel's name in another case.", |scene| {
            scene.name = "Demo-1.0-py3-none-any.whl".to_owned()
        }),
        ("statement-of-another-file", "The signed statement of another file of the same release.", |scene| {
            subject(scene, "demo-1.0.tar.gz");
            digest(scene, json!({ "sha256": "1".repeat(64) }));
        }),
        ("subject-swapped", "The digest of another wheel, after signing.", |scene| {
            scene.wheel = b"evil".to_vec();
            let good = scene.envelope(&[7]);
            digest(scene, json!({ "sha256": sealwright::digest::Sha256::of("evil") }));
            let mut forged = good;
            forged["payload"] = json!(STANDARD.encode(scene.payload()));
            scene.file = Some(forged.to_string().into_bytes());
        }),
        ("second-subject-added", "A second subject, after signing.", |scene| {
            scene.wheel = b"evil".to_vec();
            let good = scene.envelope(&[7]);
            scene.set(
                "/subject/1",
                json!({ "name": WHEEL, "digest": { "sha256": sealwright::digest::Sha256::of("evil") } }),
            );
            let mut forged = good;
            forged["payload"] = json!(STANDARD.encode(scene.payload()));
            scene.file = Some(forged.to_string().into_bytes());
        }),
        ("second-subject-signed", "A build of one output, signed for two.", |scene| {
            scene.set("/subject/1", json!({ "name": "evil.whl", "digest": { "sha256": "1".repeat(64) } }))
        }),
        ("second-subject-of-one-name", "Two subjects with one name.", |scene| {
            scene.set("/subject/1", json!({ "name": WHEEL, "digest": { "sha256": "1".repeat(64) } }))
        }),
        ("subject-empty", "No subject.", |scene| scene.set("/subject", json!([]))),
        ("subject-null", "The subject is null.", |scene| scene.set("/subject", Value::Null)),
        ("subject-missing", "There is no subject.", |scene| scene.remove("/subject")),
        ("subject-no-list", "The subject is no list.", |scene| {
            let one = scene.statement["subject"][0].clone();
            scene.set("/subject", one);
        }),
        ("subject-without-digest", "The subject has no digest.", |scene| digest(scene, json!({}))),
        ("subject-digest-null", "The subject's digest is null.", |scene| {
            digest(scene, json!({ "sha256": null }))
        }),
        ("subject-digest-sha512", "The subject has a SHA-512 only.", |scene| {
            digest(scene, json!({ "sha512": "1".repeat(128) }))
        }),
        ("subject-digest-sha1", "The subject has a SHA-1 only.", |scene| {
            digest(scene, json!({ "sha1": "1".repeat(40) }))
        }),
        ("subject-digest-as-commit", "The wheel's digest is called a commit's.", |scene| {
            let hex = scene.statement["subject"][0]["digest"]["sha256"].clone();
            digest(scene, json!({ "gitCommit": hex }));
        }),
        ("subject-algorithm-case", "The algorithm is written SHA256.", |scene| {
            let hex = scene.statement["subject"][0]["digest"]["sha256"].clone();
            digest(scene, json!({ "SHA256": hex }));
        }),
        ("subject-algorithm-dash", "The algorithm is written sha-256.", |scene| {
            let hex = scene.statement["subject"][0]["digest"]["sha256"].clone();
            digest(scene, json!({ "sha-256": hex }));
        }),
        ("subject-digest-capitals", "The digest in capitals.", |scene| {
            let hex = scene.statement["subject"][0]["digest"]["sha256"].as_str().unwrap().to_uppercase();
            digest(scene, json!({ "sha256": hex }));
        }),
        ("subject-digest-truncated", "The first half of the digest.", |scene| {
            let hex = scene.statement["subject"][0]["digest"]["sha256"].as_str().unwrap()[..32].to_owned();
            digest(scene, json!({ "sha256": hex }));
        }),
        ("subject-digest-prefixed", "The digest with its algorithm before it.", |scene| {
            let hex =
                format!("sha256:{}", scene.statement["subject"][0]["digest"]["sha256"].as_str().unwrap());
            digest(scene, json!({ "sha256": hex }));
        }),
        ("subject-name-case", "The subject's name in another case.", |scene| {
            subject(scene, "Demo-1.0-py3-none-any.whl")
        }),
        ("subject-name-normalized", "The subject's name as an index would write it.", |scene| {
            subject(scene, "demo-1.0.0-py3-none-any.whl")
        }),
        ("subject-name-homoglyph", "A Cyrillic letter in the subject's name.", |scene| {
            subject(scene, "d\u{435}mo-1.0-py3-none-any.whl")
        }),
        ("subject-name-fullwidth", "A full-width letter, which NFKC makes an ordinary one.", |scene| {
            subject(scene, "\u{ff44}emo-1.0-py3-none-any.whl")
        }),
        ("subject-name-invisible", "An invisible character in the subject's name.", |scene| {
            subject(scene, "demo\u{200b}-1.0-py3-none-any.whl")
        }),
        ("subject-name-turned", "A sign that turns the direction of writing.", |scene| {
            subject(scene, "\u{202e}lhw.demo")
        }),
        ("subject-name-escape", "A terminal's escape sequence in the subject's name.", |scene| {
            subject(scene, "\u{1b}[2Kok demo.whl")
        }),
        ("subject-name-path", "A path before the subject's name.", |scene| {
            subject(scene, &format!("dist/{WHEEL}"))
        }),
        ("subject-name-parent", "A way up before the subject's name.", |scene| {
            subject(scene, &format!("../{WHEEL}"))
        }),
        ("subject-name-space", "A space after the subject's name.", |scene| {
            subject(scene, &format!("{WHEEL} "))
        }),
        ("subject-name-nul", "A zero byte and another name after the subject's name.", |scene| {
            subject(scene, &format!("{WHEEL}\0.txt"))
        }),
        ("subject-name-empty", "The subject's name is empty.", |scene| subject(scene, "")),
        ("subject-name-missing", "The subject has no name.", |scene| scene.remove("/subject/0/name")),
    ]
}

fn predicates() -> Vec<Attack> {
    vec![
        ("statement-type-v02", "in-toto Statement v0.2, which there is not.", |scene| {
            scene.set("/_type", json!("https://in-toto.io/Statement/v0.2"))
        }),
        ("statement-type-missing", "No type of statement.", |scene| scene.remove("/_type")),
        ("statement-type-slash", "A slash after the type of statement.", |scene| {
            scene.set("/_type", json!("https://in-toto.io/Statement/v1/"))
        }),
        ("statement-no-object", "The payload is a list.", |scene| scene.sign(b"[]")),
        ("predicate-type-v10", "Predicate type v1.0, which there is not.", |scene| {
            scene.set("/predicateType", json!("https://slsa.dev/provenance/v1.0"))
        }),
        ("predicate-type-v11", "Predicate type v1.1, which there is not.", |scene| {
            scene.set("/predicateType", json!("https://slsa.dev/provenance/v1.1"))
        }),
        ("predicate-type-slash", "A slash after the predicate type.", |scene| {
            scene.set("/predicateType", json!("https://slsa.dev/provenance/v1/"))
        }),
        ("predicate-type-query", "A question mark after the predicate type.", |scene| {
            scene.set("/predicateType", json!("https://slsa.dev/provenance/v1?draft"))
        }),
        ("predicate-type-case", "The predicate type in another case.", |scene| {
            scene.set("/predicateType", json!("https://SLSA.dev/provenance/v1"))
        }),
        ("predicate-type-http", "The predicate type without TLS.", |scene| {
            scene.set("/predicateType", json!("http://slsa.dev/provenance/v1"))
        }),
        ("predicate-type-missing", "No predicate type.", |scene| scene.remove("/predicateType")),
        ("predicate-type-summary", "A build's predicate called a verification summary.", |scene| {
            scene.set("/predicateType", json!("https://slsa.dev/verification_summary/v1"))
        }),
        ("predicate-v02", "SLSA Provenance v0.2 of another builder: named as what it is.", |scene| {
            scene.set("/predicateType", json!("https://slsa.dev/provenance/v0.2"));
            scene
                .set("/predicate", json!({ "builder": { "id": LOCAL }, "buildType": "x", "invocation": {} }));
        }),
        ("predicate-v02-dressed-as-v1", "The fields of v0.2 under the type of v1.", |scene| {
            scene.set("/predicate", json!({ "builder": { "id": LOCAL }, "buildType": "https://sealwright.dev/build-types/python-build/v1", "invocation": { "configSource": { "uri": "git+https://git.example/team/demo@refs/heads/main" } } }))
        }),
        ("predicate-publish", "A publish attestation instead of provenance.", |scene| {
            scene.set("/predicateType", json!("https://docs.pypi.org/attestations/publish/v1"));
            scene.set("/predicate", Value::Null);
        }),
        ("predicate-missing", "No predicate.", |scene| scene.remove("/predicate")),
        ("predicate-null", "The predicate is null.", |scene| scene.set("/predicate", Value::Null)),
        ("build-definition-missing", "No buildDefinition.", |scene| scene.remove(DEFINITION)),
        ("build-type-missing", "No buildType.", |scene| scene.remove(&at(&[DEFINITION, "/buildType"]))),
        ("build-type-null", "buildType is null.", |scene| {
            scene.set(&at(&[DEFINITION, "/buildType"]), Value::Null)
        }),
        ("external-parameters-missing", "No externalParameters.", |scene| scene.remove(EXTERNAL)),
        ("external-parameters-list", "externalParameters is a list.", |scene| scene.set(EXTERNAL, json!([]))),
        ("run-details-missing", "No runDetails.", |scene| scene.remove(RUN)),
        ("builder-missing", "No builder.", |scene| scene.remove(&at(&[RUN, "/builder"]))),
        ("dependencies-no-list", "resolvedDependencies is an object.", |scene| {
            scene.set(DEPENDENCIES, json!({}))
        }),
    ]
}

fn builders() -> Vec<Attack> {
    vec![
        ("builder-id-missing", "No builder.id.", |scene| scene.remove(&at(&[RUN, "/builder/id"]))),
        ("builder-id-null", "builder.id is null.", |scene| {
            scene.set(&at(&[RUN, "/builder/id"]), Value::Null)
        }),
        ("builder-id-empty", "builder.id is empty.", |scene| builder_id(scene, "")),
        ("builder-id-list", "builder.id is a list with a good one.", |scene| {
            scene.set(&at(&[RUN, "/builder/id"]), json!([LOCAL]))
        }),
        ("builder-id-longer", "A path after a good builder.id.", |scene| {
            builder_id(scene, &format!("{LOCAL}/evil"))
        }),
        ("builder-id-digits", "A digit after a good builder.id.", |scene| {
            builder_id(scene, &format!("{LOCAL}0"))
        }),
        ("builder-id-shorter", "The beginning of a good builder.id.", |scene| {
            builder_id(scene, "https://sealwright.dev/builders/local")
        }),
        ("builder-id-before", "Something before a good builder.id.", |scene| {
            builder_id(scene, &format!("https://evil.example/?{LOCAL}"))
        }),
        ("builder-id-slash", "A slash after a good builder.id.", |scene| {
            builder_id(scene, &format!("{LOCAL}/"))
        }),
        ("builder-id-case", "A good builder.id in another case.", |scene| {
            builder_id(scene, "https://Sealwright.dev/builders/local/v1")
        }),
        ("builder-id-http", "A good builder.id without TLS.", |scene| {
            builder_id(scene, "http://sealwright.dev/builders/local/v1")
        }),
        ("builder-id-login", "A login in a good builder.id.", |scene| {
            builder_id(scene, "https://sealwright.dev@evil.example/builders/local/v1")
        }),
        ("builder-id-fragment", "A fragment after a good builder.id.", |scene| {
            builder_id(scene, &format!("{LOCAL}#x"))
        }),
        ("builder-id-dots", "A way up in a good builder.id.", |scene| {
            builder_id(scene, "https://sealwright.dev/builders/x/../local/v1")
        }),
        ("builder-id-escaped", "A letter of a good builder.id in percent-encoding.", |scene| {
            builder_id(scene, "https://sealwright.dev/builders/%6cocal/v1")
        }),
        ("builder-id-space", "A space after a good builder.id.", |scene| {
            builder_id(scene, &format!("{LOCAL} "))
        }),
        ("builder-id-homoglyph", "A Cyrillic letter in a good builder.id.", |scene| {
            builder_id(scene, "https://s\u{435}alwright.dev/builders/local/v1")
        }),
        ("builder-id-runner", "A laptop that calls itself a runner.", |scene| {
            builder_id(scene, "https://sealwright.dev/builders/runner/v1")
        }),
        ("builder-id-hosted", "A laptop that calls itself a hosted service.", |scene| {
            builder_id(scene, "https://github.com/actions/runner/github-hosted")
        }),
        ("builder-of-the-other-key", "A builder that only the other key may speak for.", |scene| {
            two_roots(scene, 1);
            scene.edit_policy(
                &format!("key = \"second.pub\"\nbuilders = {{ \"{LOCAL}\" = 1 }}"),
                "key = \"second.pub\"\nbuilders = { \"https://other.example/builder\" = 3 }",
            );
            builder_id(scene, "https://other.example/builder");
        }),
        ("level-of-the-other-key", "Level 3 is believed of another key than the one that signed.", |scene| {
            two_roots(scene, 1);
            scene.edit_policy("required-level = 1\n", "required-level = 3\n");
            scene.edit_policy(
                &format!("key = \"second.pub\"\nbuilders = {{ \"{LOCAL}\" = 1 }}"),
                &format!("key = \"second.pub\"\nbuilders = {{ \"{LOCAL}\" = 3 }}"),
            );
        }),
        (
            "level-of-the-better-of-two",
            "Two have to sign; the level is not that of the better one.",
            |scene| {
                two_roots(scene, 2);
                scene.edit_policy("required-level = 1\n", "required-level = 3\n");
                scene.edit_policy(
                    &format!("key = \"second.pub\"\nbuilders = {{ \"{LOCAL}\" = 1 }}"),
                    &format!("key = \"second.pub\"\nbuilders = {{ \"{LOCAL}\" = 3 }}"),
                );
                scene.file = Some(scene.envelope(&[7, 8]).to_string().into_bytes());
            },
        ),
        ("build-type-replaced-folder", "The build type of a replaced builder folder.", |scene| {
            scene.set(
                &at(&[DEFINITION, "/buildType"]),
                json!("https://evil.example/build-types/python-build/v1"),
            )
        }),
        ("build-type-unknown", "A build type of ours that there is not.", |scene| {
            scene.set(
                &at(&[DEFINITION, "/buildType"]),
                json!("https://sealwright.dev/build-types/anything/v1"),
            )
        }),
        ("build-type-version", "Another version of the build type.", |scene| {
            scene.set(
                &at(&[DEFINITION, "/buildType"]),
                json!("https://sealwright.dev/build-types/python-build/v10"),
            )
        }),
        ("build-type-not-in-the-list", "A build type of ours that the policy does not list.", |scene| {
            let ours = "build-types = [\"https://sealwright.dev/build-types/bundle/v1\"]\n";
            scene.edit_policy("[expect.parameters]", &format!("{ours}[expect.parameters]"));
        }),
        ("folder-with-other-bytes", "A builder folder with other bytes.", |scene| {
            scene.edit_policy(
                "[expect.parameters]",
                &format!("builder-folder = [\"sha256:{}\"]\n[expect.parameters]", "1".repeat(64)),
            )
        }),
        ("folder-not-stated", "No builder folder is stated where its bytes matter.", |scene| {
            scene.edit_policy(
                "[expect.parameters]",
                &format!(
                    "builder-folder = [\"sha256:{}\"]\n[expect.parameters]",
                    sealwright::digest::Sha256::of("builder")
                ),
            );
            scene.remove(&at(&[RUN, "/builder/builderDependencies"]));
        }),
    ]
}

fn sources() -> Vec<Attack> {
    vec![
        ("source-other", "Another repository.", |scene| source(scene, "git+https://git.example/team/evil")),
        ("source-longer", "More letters after the repository.", |scene| {
            source(scene, "git+https://git.example/team/demo-evil")
        }),
        ("source-below", "A repository below the repository.", |scene| {
            source(scene, "git+https://git.example/team/demo/evil")
        }),
        ("source-host", "Another host with the same path.", |scene| {
            source(scene, "git+https://git.example.evil.example/team/demo")
        }),
        ("source-login", "The good host as a login of another.", |scene| {
            source(scene, "git+https://git.example@evil.example/team/demo")
        }),
        ("source-own-login", "A login before the good host.", |scene| {
            source(scene, "git+https://user@git.example/team/demo")
        }),
        ("source-dots", "A way up that ends at the repository.", |scene| {
            source(scene, "git+https://git.example/evil/../team/demo")
        }),
        ("source-escaped-dots", "A way up in percent-encoding.", |scene| {
            source(scene, "git+https://git.example/evil/%2e%2e/team/demo")
        }),
        ("source-dot-git", "The repository with .git, which may be another.", |scene| {
            source(scene, "git+https://git.example/team/demo.git")
        }),
        ("source-port", "Another port.", |scene| source(scene, "git+https://git.example:8443/team/demo")),
        ("source-default-port", "The default port, which our statements never write.", |scene| {
            source(scene, "git+https://git.example:443/team/demo")
        }),
        ("source-host-case", "The host in another case, which our statements never write.", |scene| {
            source(scene, "git+https://Git.Example/team/demo")
        }),
        ("source-path-case", "The path in another case.", |scene| {
            source(scene, "git+https://git.example/Team/demo")
        }),
        ("source-scheme-case", "The scheme in another case.", |scene| {
            source(scene, "GIT+HTTPS://git.example/team/demo")
        }),
        ("source-http", "The repository without TLS.", |scene| {
            source(scene, "git+http://git.example/team/demo")
        }),
        ("source-ssh", "The repository over another protocol.", |scene| {
            source(scene, "git+ssh://git.example/team/demo")
        }),
        ("source-without-git", "The address without git+.", |scene| {
            source(scene, "https://git.example/team/demo")
        }),
        ("source-slash", "A slash after the repository.", |scene| {
            source(scene, "git+https://git.example/team/demo/")
        }),
        ("source-two-slashes", "Two slashes in the path.", |scene| {
            source(scene, "git+https://git.example//team/demo")
        }),
        ("source-query", "A query after the repository.", |scene| {
            source(scene, "git+https://git.example/team/demo?x=1")
        }),
        ("source-fragment", "A fragment after the repository.", |scene| {
            source(scene, "git+https://git.example/team/demo#subdirectory=x")
        }),
        ("source-backslash", "A backslash, which browsers take for a slash.", |scene| {
            source(scene, "git+https://evil.example\\git.example/team/demo")
        }),
        ("source-dot-host", "A dot after the host.", |scene| {
            source(scene, "git+https://git.example./team/demo")
        }),
        ("source-homoglyph", "A Cyrillic letter in the path.", |scene| {
            source(scene, "git+https://git.example/t\u{435}am/demo")
        }),
        ("source-line-end", "A line end and the good address after another.", |scene| {
            source(scene, "git+https://evil.example/x\ngit+https://git.example/team/demo")
        }),
        ("source-missing", "No source.", |scene| scene.remove(&at(&[EXTERNAL, "/source"]))),
        ("source-null", "The source's address is null.", |scene| {
            scene.set(&at(&[EXTERNAL, "/source/uri"]), Value::Null)
        }),
        ("source-list", "A list of sources with a good one.", |scene| {
            scene.set(&at(&[EXTERNAL, "/source"]), json!([{ "uri": "git+https://git.example/team/demo" }]))
        }),
        ("source-number", "The source is a number.", |scene| {
            scene.set(&at(&[EXTERNAL, "/source"]), json!(1))
        }),
        ("source-unknown-part", "A part of the source that nobody knows.", |scene| {
            scene.set(&at(&[EXTERNAL, "/source/overlay"]), json!("https://evil.example/patch"))
        }),
        ("source-archive", "An archive instead of the repository.", |scene| {
            scene.set(&at(&[EXTERNAL, "/source"]), json!({ "archive": "demo-1.0.tar.gz" }))
        }),
        ("source-folder", "A folder instead of the repository.", |scene| {
            scene.set(&at(&[EXTERNAL, "/source"]), json!({ "folder": "." }))
        }),
        ("source-dirty", "Uncommitted changes.", |scene| {
            scene.set(&at(&[EXTERNAL, "/source/allowDirty"]), json!("true"))
        }),
        ("source-subdirectory", "A folder of the repository that nobody expects.", |scene| {
            scene.set(&at(&[EXTERNAL, "/source/subdirectory"]), json!("evil"))
        }),
        ("source-resolved-to-another", "The box held another repository than was asked for.", |scene| {
            scene.set(&at(&[DEPENDENCIES, "/0/uri"]), json!("git+https://evil.example/x@refs/heads/main"))
        }),
        ("source-resolved-to-another-ref", "The box held another ref than was asked for.", |scene| {
            scene.set(
                &at(&[DEPENDENCIES, "/0/uri"]),
                json!("git+https://git.example/team/demo@refs/heads/evil"),
            )
        }),
        ("source-resolved-to-nothing", "The statement does not say what source was in the box.", |scene| {
            scene.set(&at(&[DEPENDENCIES, "/0/name"]), json!("other"))
        }),
        ("source-resolved-twice", "Two sources were in the box.", |scene| {
            let first = scene.statement.pointer(DEPENDENCIES).unwrap()[0].clone();
            scene.set(&at(&[DEPENDENCIES, "/9999"]), first);
        }),
        ("source-resolved-without-commit", "The source in the box has no commit.", |scene| {
            scene.set(&at(&[DEPENDENCIES, "/0/digest"]), json!({ "sha256": "1".repeat(64) }))
        }),
        ("ref-other", "Another branch.", |scene| reference(scene, "refs/heads/evil")),
        ("ref-longer", "More letters after the branch.", |scene| reference(scene, "refs/heads/main2")),
        ("ref-below", "A branch below the pattern.", |scene| reference(scene, "refs/tags/v1/evil")),
        ("ref-branch-as-tag", "A branch that is named like a tag.", |scene| {
            reference(scene, "refs/heads/v1.0")
        }),
        ("ref-short", "A branch without refs/heads.", |scene| reference(scene, "main")),
        ("ref-pull", "A pull request.", |scene| reference(scene, "refs/pull/1/head")),
        ("ref-case", "The branch in another case.", |scene| reference(scene, "refs/heads/Main")),
        ("ref-missing", "No ref.", |scene| scene.remove(&at(&[EXTERNAL, "/source/ref"]))),
        ("ref-null", "The ref is null.", |scene| scene.set(&at(&[EXTERNAL, "/source/ref"]), Value::Null)),
    ]
}

fn reference(scene: &mut Scene, reference: &str) {
    scene.set(&at(&[EXTERNAL, "/source/ref"]), json!(reference));
    scene
        .set(&at(&[DEPENDENCIES, "/0/uri"]), json!(format!("git+https://git.example/team/demo@{reference}")));
}

fn parameters() -> Vec<Attack> {
    vec![
        ("parameter-unknown", "An external parameter that nobody knows.", |scene| {
            scene.set(&at(&[EXTERNAL, "/preBuildScript"]), json!("evil.sh"))
        }),
        ("parameter-unknown-false", "An unknown external parameter whose value is false.", |scene| {
            scene.set(&at(&[EXTERNAL, "/verify"]), json!(false))
        }),
        ("parameter-name-case", "A known external parameter in another case.", |scene| {
            scene.set(&at(&[EXTERNAL, "/Target"]), json!("evil"))
        }),
        ("parameter-name-homoglyph", "A known external parameter with a Cyrillic letter.", |scene| {
            scene.set(&at(&[EXTERNAL, "/targ\u{435}t"]), json!("evil"))
        }),
        ("parameter-changed", "Another target.", |scene| {
            scene.set(&at(&[EXTERNAL, "/target"]), json!("evil"))
        }),
        ("parameter-missing", "A parameter that is expected is not there.", |scene| {
            scene.remove(&at(&[EXTERNAL, "/target"]))
        }),
        ("parameter-null", "A parameter that is expected is null.", |scene| {
            scene.set(&at(&[EXTERNAL, "/configPath"]), Value::Null)
        }),
        ("parameter-list-of-one", "A text as a list of one.", |scene| {
            scene.set(&at(&[EXTERNAL, "/target"]), json!(["dist"]))
        }),
        ("parameter-within", "A value within the configuration is another.", |scene| {
            scene.set(&at(&[EXTERNAL, "/configuration/python"]), json!("3.13"))
        }),
        ("parameter-within-added", "A key more within the configuration.", |scene| {
            scene.set(&at(&[EXTERNAL, "/configuration/rust"]), json!(true))
        }),
        ("parameter-within-removed", "A key less within the configuration.", |scene| {
            scene.remove(&at(&[EXTERNAL, "/configuration/python"]))
        }),
        ("parameter-within-order", "A list in another order, with one more.", |scene| {
            scene.set(&at(&[EXTERNAL, "/configuration/system-packages"]), json!(["g++", "gcc"]))
        }),
        ("parameter-number-as-text", "A number where a text is expected.", |scene| {
            scene.set(&at(&[EXTERNAL, "/configuration/python"]), json!(3.11))
        }),
        ("parameter-options", "An option of the command line that nobody expects.", |scene| {
            scene.set(&at(&[EXTERNAL, "/options/noNormalize"]), json!("true"))
        }),
        (
            "parameter-unknown-with-a-key-alone",
            "With --key and --source, too, unknown parameters are refused.",
            |scene| {
                scene.set(&at(&[EXTERNAL, "/preBuildScript"]), json!("evil.sh"));
                scene.arguments(&["--key", "release.pub", "--source", "https://git.example/team/demo"]);
            },
        ),
    ]
}

fn contents() -> Vec<Attack> {
    vec![
        ("dependency-without-digest", "A dependency has no digest.", |scene| {
            scene.remove(&at(&[DEPENDENCIES, "/4/digest"]))
        }),
        ("dependency-digest-empty", "A dependency has an empty set of digests.", |scene| {
            scene.set(&at(&[DEPENDENCIES, "/4/digest"]), json!({}))
        }),
        ("dependency-digest-null", "A dependency's digest is null.", |scene| {
            scene.set(&at(&[DEPENDENCIES, "/4/digest"]), Value::Null)
        }),
        ("image-other", "Another base image.", |scene| {
            scene.edit_policy("images = [\"debian:bookworm\"]", "images = [\"debian:trixie\"]")
        }),
        ("image-digest-other", "The same name of the image with other bytes.", |scene| {
            scene.edit_policy(
                "images = [\"debian:bookworm\"]",
                &format!("images = [\"sha256:{}\"]", "1".repeat(64)),
            )
        }),
        ("image-missing", "No base image is named.", |scene| {
            let list = scene.statement.pointer_mut(DEPENDENCIES).unwrap().as_array_mut().unwrap();
            list.retain(|item| item.pointer("/annotations/role") != Some(&json!("base-image")));
        }),
        ("forbidden-package", "A forbidden package was in the box.", |scene| {
            forbid(scene, "pkg:pypi/evil@1.0")
        }),
        ("forbidden-package-spelled-otherwise", "A forbidden package in another spelling.", |scene| {
            forbid(scene, "pkg:pypi/Evil@1.0?file_name=evil.whl")
        }),
        ("forbidden-package-escaped", "A forbidden package in percent-encoding.", |scene| {
            forbid(scene, "pkg:pypi/%65vil@1.0")
        }),
        ("forbidden-package-unreadable", "A package address that cannot be read may be anything.", |scene| {
            forbid(scene, "pkg:pypi/evil@1.0#x")
        }),
        ("forbidden-version", "A forbidden version of a Debian package.", |scene| {
            forbid(scene, "pkg:deb/debian/xz-utils@5.6.0-0.2?arch=amd64")
        }),
        ("forbidden-digest", "A forbidden file by its digest.", |scene| {
            forbid(scene, "pkg:pypi/innocent@1.0");
            scene.edit_policy("forbidden = [", &format!("forbidden = [\"sha256:{}\", ", "1".repeat(64)));
        }),
        ("isolation-network", "The box had the host's network.", |scene| {
            scene.set(&at(&[INTERNAL, "/isolation/network"]), json!("host"))
        }),
        (
            "isolation-network-with-a-key-alone",
            "With --key and --source, too, a box with a network is refused.",
            |scene| {
                scene.set(&at(&[INTERNAL, "/isolation/network"]), json!("host"));
                scene.arguments(&["--key", "release.pub", "--source", "https://git.example/team/demo"]);
            },
        ),
        ("isolation-root", "The root of the box could be written.", |scene| {
            scene.set(&at(&[INTERNAL, "/isolation/root"]), json!("writable"))
        }),
        ("isolation-capabilities", "The box had a capability.", |scene| {
            scene.set(&at(&[INTERNAL, "/isolation/capabilities"]), json!(["CAP_SYS_ADMIN"]))
        }),
        ("isolation-capabilities-missing", "The statement does not say which capabilities.", |scene| {
            scene.remove(&at(&[INTERNAL, "/isolation/capabilities"]))
        }),
        ("isolation-new-privileges", "The box could gain privileges.", |scene| {
            scene.set(&at(&[INTERNAL, "/isolation/noNewPrivs"]), json!(false))
        }),
        ("isolation-new-privileges-text", "A text instead of true.", |scene| {
            scene.set(&at(&[INTERNAL, "/isolation/noNewPrivs"]), json!("true"))
        }),
        ("isolation-seccomp", "No seccomp filter.", |scene| {
            scene.set(&at(&[INTERNAL, "/isolation/seccomp"]), json!("none"))
        }),
        ("isolation-namespaces", "The box shared the host's processes.", |scene| {
            scene.set(&at(&[INTERNAL, "/isolation/namespaces"]), json!(["mnt", "net", "user"]))
        }),
        ("isolation-missing", "The statement says nothing of the isolation.", |scene| {
            scene.remove(&at(&[INTERNAL, "/isolation"]))
        }),
        ("isolation-null", "The isolation is null.", |scene| {
            scene.set(&at(&[INTERNAL, "/isolation"]), Value::Null)
        }),
        ("engine-other", "Another engine.", |scene| scene.set(&at(&[INTERNAL, "/engine"]), json!("none"))),
        ("limit-not-enforced", "A limit did not hold.", |scene| {
            scene.set(&at(&[INTERNAL, "/limits/processes"]), json!({ "state": "not enforced", "why": "no" }))
        }),
        ("limit-larger", "A limit is larger than allowed.", |scene| {
            scene.set(&at(&[INTERNAL, "/limits/processes/value"]), json!("4097"))
        }),
        ("limit-unlimited", "A limit was not asked for.", |scene| {
            scene.set(&at(&[INTERNAL, "/limits/fileSizeBytes"]), json!({ "state": "unlimited" }))
        }),
        ("limit-overflow", "A limit that wraps around.", |scene| {
            scene.set(&at(&[INTERNAL, "/limits/processes/value"]), json!("18446744073709551617"))
        }),
        ("limit-negative", "A limit below zero.", |scene| {
            scene.set(&at(&[INTERNAL, "/limits/processes/value"]), json!("-1"))
        }),
        ("limits-missing", "The statement says nothing of limits.", |scene| {
            scene.remove(&at(&[INTERNAL, "/limits"]))
        }),
        ("age-too-old", "Older than the policy allows.", |scene| {
            old(scene);
            scene.set(&at(&[RUN, "/metadata/finishedOn"]), json!("2001-01-01T00:00:00Z"));
        }),
        ("age-in-the-future", "From the future.", |scene| {
            old(scene);
            scene.set(&at(&[RUN, "/metadata/finishedOn"]), json!("2999-01-01T00:00:00Z"));
        }),
        ("age-missing", "The statement does not say when.", |scene| {
            old(scene);
            scene.remove(&at(&[RUN, "/metadata/finishedOn"]));
        }),
        ("age-without-zone", "A time without a zone.", |scene| {
            old(scene);
            scene.set(&at(&[RUN, "/metadata/finishedOn"]), json!("2026-01-01T00:00:00"));
        }),
        ("everything-at-once", "Every failure is listed, not the first.", |scene| {
            scene.wheel.push(0);
            scene.file = None;
            source(scene, "git+https://evil.example/x");
            builder_id(scene, "https://evil.example/builder");
            scene.set(&at(&[EXTERNAL, "/evil"]), json!(1));
            scene.set(&at(&[INTERNAL, "/isolation/network"]), json!("host"));
            scene.remove(&at(&[DEPENDENCIES, "/4/digest"]));
            scene.file = Some(scene.envelope(&[9]).to_string().into_bytes());
        }),
    ]
}

fn forbid(scene: &mut Scene, uri: &str) {
    scene.set(
        &at(&[DEPENDENCIES, "/9999"]),
        json!({ "name": "innocent", "uri": uri, "digest": { "sha256": "1".repeat(64) } }),
    );
}

fn old(scene: &mut Scene) {
    scene.edit_policy("[expect.parameters]", "max-age = \"90 days\"\n[expect.parameters]");
}

fn policies() -> Vec<Attack> {
    vec![
        ("policy-empty", "An empty policy.", |scene| scene.policy.clear()),
        ("policy-no-root", "A policy without keys allows nothing.", |scene| {
            scene.policy = "version = 1\n[expect]\nsource = \"https://git.example/team/demo\"\n".to_owned()
        }),
        ("policy-no-source", "A policy that forgot the source would allow every repository.", |scene| {
            scene.edit_policy("source = \"https://git.example/team/demo\"\n", "")
        }),
        ("policy-no-expectations", "A policy that forgot to expect anything.", |scene| {
            let end = scene.policy.find("[expect]").unwrap();
            scene.policy.truncate(end);
        }),
        ("policy-no-parameters", "A policy that forgot the parameters.", |scene| {
            let (start, end) = (
                scene.policy.find("[expect.parameters]").unwrap(),
                scene.policy.find("[expect.dependencies]").unwrap(),
            );
            scene.policy.replace_range(start..end, "");
        }),
        ("policy-star-source", "A source that is a pattern.", |scene| {
            scene.edit_policy("https://git.example/team/demo", "https://git.example/*")
        }),
        ("policy-star-host", "A source with any host.", |scene| {
            scene.edit_policy("https://git.example/team/demo", "https://*/team/demo")
        }),
        ("policy-star-ref", "A ref that is any.", |scene| {
            scene.edit_policy("\"refs/heads/main\", \"refs/tags/v*\"", "\"*\"")
        }),
        ("policy-empty-ref", "No ref is allowed.", |scene| {
            scene.edit_policy("\"refs/heads/main\", \"refs/tags/v*\"", "")
        }),
        ("policy-empty-images", "No image is allowed.", |scene| scene.edit_policy("\"debian:bookworm\"", "")),
        ("policy-star-builder", "A builder that is a pattern.", |scene| {
            scene.edit_policy(LOCAL, "https://sealwright.dev/builders/*")
        }),
        ("policy-no-builder", "A key that may speak for no builder.", |scene| {
            scene.edit_policy(&format!("{{ \"{LOCAL}\" = 1 }}"), "{}")
        }),
        ("policy-level-four", "A level that there is not.", |scene| {
            scene.edit_policy(&format!("\"{LOCAL}\" = 1"), &format!("\"{LOCAL}\" = 4"))
        }),
        ("policy-level-out-of-reach", "A level that no key is believed.", |scene| {
            scene.edit_policy("required-level = 1", "required-level = 3")
        }),
        ("policy-threshold-zero", "No signature is needed.", |scene| {
            scene.edit_policy("required-level = 1\n", "required-level = 1\nthreshold = 0\n")
        }),
        ("policy-threshold-out-of-reach", "More signatures than keys.", |scene| {
            scene.edit_policy("required-level = 1\n", "required-level = 1\nthreshold = 2\n")
        }),
        ("policy-all-revoked", "The only key is revoked.", |scene| {
            let id = key(7).public().as_str().to_owned();
            scene.edit_policy("required-level = 1\n", &format!("required-level = 1\nrevoked = [\"{id}\"]\n"));
        }),
        ("policy-revoked-by-mistake", "A revoked key that is no key's name.", |scene| {
            scene.edit_policy("required-level = 1\n", "required-level = 1\nrevoked = [\"release\"]\n")
        }),
        ("policy-one-key-twice", "One key under two names, to reach a threshold.", |scene| {
            two_roots(scene, 2);
            scene.add("second.pub", {
                use sealwright::sign::Signer as _;
                key(7).public_key().to_pem()
            });
        }),
        ("policy-unknown-key", "A misspelled key, which would not be looked at.", |scene| {
            scene.edit_policy("required-level", "required-lvl")
        }),
        ("policy-unknown-expectation", "A misspelled expectation.", |scene| {
            scene.edit_policy("[expect.isolation]", "[expect.isolaton]")
        }),
        ("policy-unknown-limit", "A limit that there is not.", |scene| {
            scene.edit_policy("processes = 4096", "proceses = 4096")
        }),
        ("policy-unknown-leniency", "Something that cannot be left unchecked.", |scene| {
            scene.edit_policy("[expect]\n", "[expect]\nunchecked = [\"signature\"]\n")
        }),
        ("policy-contradiction", "The source is expected and called unchecked.", |scene| {
            scene.edit_policy("[expect]\n", "[expect]\nunchecked = [\"source\"]\n")
        }),
        ("policy-version", "A policy of another version.", |scene| {
            scene.edit_policy("version = 1", "version = 2")
        }),
        ("policy-age-of-nothing", "Nothing is young enough.", |scene| {
            scene.edit_policy("[expect.parameters]", "max-age = \"0 days\"\n[expect.parameters]")
        }),
        ("policy-age-negative", "An age below zero.", |scene| {
            scene.edit_policy("[expect.parameters]", "max-age = \"-3 days\"\n[expect.parameters]")
        }),
        ("policy-forbidden-star", "A forbidden package that is a pattern.", |scene| {
            scene.edit_policy("\"pkg:pypi/evil\"", "\"evil*\"")
        }),
        ("policy-key-twice", "TOML with one key twice.", |scene| {
            scene.edit_policy("required-level = 1", "required-level = 1\nrequired-level = 0")
        }),
        ("policy-not-utf8", "A policy that is not UTF-8.", |scene| {
            scene.add("bytes.toml", b"\xff");
            scene.arguments(&["--policy", "bytes.toml"]);
        }),
        ("key-p384", "A key of the curve P-384.", |scene| {
            odd_key(
                scene,
                "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEqofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3NhfeSpYmLG9dnpi/kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f",
            )
        }),
        ("key-secp256k1", "A key of the curve secp256k1.", |scene| {
            odd_key(
                scene,
                "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEeb5mfvncu6xVoGKVzocLBwKb/NstzijZWfKBWxb4F5hIOtp3JqPEZV2k+/wOEQio/Re0SKaFVBmcR9CP+xDUuA==",
            )
        }),
        ("key-of-small-order", "An Ed25519 key that takes signatures that nobody made.", |scene| {
            odd_key(scene, "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        }),
        ("key-not-on-the-curve", "A P-256 key that is no point of its curve.", |scene| {
            odd_key(
                scene,
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==",
            )
        }),
        ("key-private", "A private key where a public one belongs.", |scene| {
            let pem = key(7).to_pem(None).unwrap();
            scene.add("release.pub", pem.as_bytes());
        }),
        ("key-certificate", "A certificate where a key belongs.", |scene| {
            scene.add("release.pub", "-----BEGIN CERTIFICATE-----\naGk=\n-----END CERTIFICATE-----\n")
        }),
        ("key-empty", "A file without a key.", |scene| scene.add("release.pub", "")),
        ("key-two", "Two keys in one file.", |scene| {
            use sealwright::sign::Signer as _;
            let both = [key(7).public_key().to_pem(), key(9).public_key().to_pem()].concat();
            scene.add("release.pub", both);
        }),
    ]
}

fn others() -> Vec<Attack> {
    vec![
        ("no-root", "Nobody to believe: keys and policies are never looked for.", |scene| {
            scene.add("dist/policy.toml", "");
            scene.add("provenance/release.pub", "");
            scene.arguments(&[]);
        }),
        ("key-without-expectation", "A key alone says nothing of what to expect.", |scene| {
            scene.arguments(&["--key", "release.pub"])
        }),
        ("key-with-a-wrong-source", "A source with a login.", |scene| {
            scene.arguments(&["--key", "release.pub", "--source", "https://user@git.example/team/demo"])
        }),
        ("key-with-another-source", "A key and another source.", |scene| {
            scene.arguments(&["--key", "release.pub", "--source", "https://git.example/team/other"])
        }),
        ("key-with-another-ref", "A key and another ref.", |scene| {
            scene.arguments(&[
                "--key",
                "release.pub",
                "--source",
                "https://git.example/team/demo",
                "--ref",
                "refs/tags/v1.0",
            ])
        }),
        ("key-with-another-builder", "A key and another builder.", |scene| {
            scene.arguments(&[
                "--key",
                "release.pub",
                "--source",
                "https://git.example/team/demo",
                "--builder-id",
                "https://other.example/b",
            ])
        }),
        ("signature-only-by-a-stranger", "A signature alone, by another key.", |scene| {
            scene.arguments(&["--key", "stranger.pub", "--signature-only"])
        }),
        ("signature-only-of-other-bytes", "A signature alone, of another wheel.", |scene| {
            scene.wheel.push(0);
            scene.arguments(&["--key", "release.pub", "--signature-only"]);
        }),
        ("unsigned", "The statement is not signed.", |scene| scene.file = Some(scene.payload())),
        ("no-statement", "There is no statement.", |scene| {
            scene.arguments(&["--policy", "policy.toml", "--statement", "policy.toml"])
        }),
        ("bundle-version", "A Sigstore bundle of a version that there is not.", |scene| {
            bundle(scene, |bundle| {
                bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v9.9+json")
            })
        }),
        ("bundle-hint", "The bundle's key is not the signature's.", |scene| {
            bundle(scene, |bundle| bundle["verificationMaterial"]["publicKey"]["hint"] = json!("other"))
        }),
        ("bundle-two-signatures", "A bundle with two signatures.", |scene| {
            bundle(scene, |bundle| {
                let one = bundle["dsseEnvelope"]["signatures"][0].clone();
                bundle["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(one);
            })
        }),
        ("bundle-two-contents", "A bundle with an envelope and a signature over the artifact.", |scene| {
            bundle(scene, |bundle| bundle["messageSignature"] = json!({}))
        }),
        ("bundle-no-content", "A bundle of nothing.", |scene| {
            bundle(scene, |bundle| drop(bundle.as_object_mut().unwrap().shift_remove("dsseEnvelope")))
        }),
        ("bundle-no-material", "A bundle that nobody vouches for.", |scene| {
            bundle(scene, |bundle| bundle["verificationMaterial"] = json!({}))
        }),
        ("bundle-two-materials", "A bundle with a key and a certificate.", |scene| {
            bundle(scene, |bundle| bundle["verificationMaterial"]["certificate"] = json!({ "rawBytes": "" }))
        }),
        ("bundle-certificate", "A bundle with a certificate, which a key does not judge.", |scene| {
            bundle(scene, |bundle| {
                bundle["verificationMaterial"] = json!({ "certificate": { "rawBytes": "" } })
            })
        }),
        ("bundle-message", "A bundle with a signature over the artifact and no statement.", |scene| {
            bundle(scene, |bundle| {
                bundle.as_object_mut().unwrap().shift_remove("dsseEnvelope");
                bundle["messageSignature"] = json!({});
            })
        }),
        ("pep740", "A PEP 740 attestation, which a key does not judge.", |scene| {
            scene.file = Some(
                json!({ "version": 1, "verification_material": {}, "envelope": {} }).to_string().into_bytes(),
            )
        }),
        ("summary-older", "A summary older than allowed.", |scene| {
            summary(scene, 7, "/predicate/timeVerified", json!("2001-01-01T00:00:00Z"));
            scene.arguments.extend(["--max-age".to_owned(), "30 days".to_owned()]);
        }),
        ("summary-in-the-future", "A summary from the future.", |scene| {
            summary(scene, 7, "/predicate/timeVerified", json!("2999-01-01T00:00:00Z"));
            scene.arguments.extend(["--max-age".to_owned(), "30 days".to_owned()]);
        }),
        ("summary-without-time", "A summary that does not say when.", |scene| {
            summary(scene, 7, "/predicate/timeVerified", Value::Null);
            scene.arguments.extend(["--max-age".to_owned(), "30 days".to_owned()]);
        }),
        ("summary-resource", "A summary for another resource.", |scene| {
            summary(scene, 7, "/predicate/resourceUri", json!("pkg:pypi/other@1.0"))
        }),
        ("summary-resource-longer", "A summary for a longer resource.", |scene| {
            summary(scene, 7, "/predicate/resourceUri", json!("pkg:pypi/demo@1.0.1"))
        }),
        ("summary-level", "A summary for a lower level.", |scene| {
            summary(
                scene,
                7,
                "/predicate/verifiedLevels",
                json!(["SLSA_BUILD_LEVEL_1", "SLSA_SOURCE_LEVEL_3"]),
            )
        }),
        ("summary-level-unevaluated", "A summary that judged no level.", |scene| {
            summary(scene, 7, "/predicate/verifiedLevels", json!(["SLSA_BUILD_LEVEL_UNEVALUATED"]))
        }),
        ("summary-level-made-up", "A summary for a level that there is not.", |scene| {
            summary(scene, 7, "/predicate/verifiedLevels", json!(["SLSA_BUILD_LEVEL_9"]))
        }),
        ("summary-level-empty", "A summary without a level.", |scene| {
            summary(scene, 7, "/predicate/verifiedLevels", json!([]))
        }),
        ("summary-failed", "A summary that says no.", |scene| {
            summary(scene, 7, "/predicate/verificationResult", json!("FAILED"))
        }),
        ("summary-result-case", "A result in small letters.", |scene| {
            summary(scene, 7, "/predicate/verificationResult", json!("passed"))
        }),
        ("summary-verifier", "A summary of another verifier.", |scene| {
            summary(scene, 7, "/predicate/verifier/id", json!("https://evil.example/v1"))
        }),
        ("summary-verifier-longer", "A summary of a verifier with a longer name.", |scene| {
            summary(scene, 7, "/predicate/verifier/id", json!("https://verifier.example/v1/evil"))
        }),
        ("summary-by-a-stranger", "A summary signed by another key.", |scene| {
            summary(scene, 9, "", Value::Null)
        }),
        ("summary-by-a-revoked-key", "A summary whose verifier's key was revoked.", |scene| {
            summary(scene, 8, "", Value::Null);
            let id = key(8).public().as_str().to_owned();
            scene.edit_policy("required-level = 1\n", &format!("required-level = 1\nrevoked = [\"{id}\"]\n"));
            scene
                .policy
                .push_str("\n[[verifier]]\nid = \"https://verifier.example/v1\"\nkey = \"second.pub\"\n");
            scene.arguments(&[
                "--accept-vsa",
                "summary.jsonl",
                "--policy",
                "policy.toml",
                "--resource-uri",
                "pkg:pypi/demo@1.0",
            ]);
        }),
        ("summary-of-other-bytes", "A summary of another wheel.", |scene| {
            summary(scene, 7, "/subject/0/digest", json!({ "sha256": "1".repeat(64) }))
        }),
        ("summary-predicate-type", "A summary of another version.", |scene| {
            summary(scene, 7, "/predicateType", json!("https://slsa.dev/verification_summary/v0.2"))
        }),
        ("summary-without-policy", "A summary without a policy.", |scene| {
            summary(scene, 7, "/predicate/policy", Value::Null)
        }),
        ("summary-is-provenance", "Provenance where a summary is expected.", |scene| {
            summary(scene, 7, "", Value::Null);
            let file = scene.envelope(&[7]).to_string();
            scene.files.clear();
            scene.add("summary.jsonl", file);
        }),
    ]
}
