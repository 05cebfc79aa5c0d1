//! Forgeries of evidence of others: certificate bundles, attestations of package indexes, SLSA v0.2.

#![expect(
    clippy::assigning_clones,
    clippy::semicolon_if_nothing_returned,
    clippy::too_many_lines,
    reason = "a table"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealwright::provenance::pep740::to_bundle;
use serde_json::{Value, json};

use super::Scene;
use crate::context::repository;

type Attack = (&'static str, &'static str, fn(&mut Scene));

/// A real file of a package index, with its attestations.
pub const SDIST: &str = "pypi_attestations-0.0.19.tar.gz";
pub const IDENTITY: &str =
    "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19";
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";
const SOURCE: &str = "https://github.com/trailofbits/pypi-attestations";
const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";

fn fixture(path: &str) -> Vec<u8> {
    std::fs::read(repository().join("tests/fixtures").join(path)).unwrap()
}

fn document(path: &str) -> Value {
    serde_json::from_slice(&fixture(path)).unwrap()
}

/// An attestation of the file: `slsa` or `publish`.
fn attestation(kind: &str) -> Value {
    document(&format!("pep740/{SDIST}.{kind}.attestation"))
}

fn subject(scene: &mut Scene) {
    SDIST.clone_into(&mut scene.name);
    scene.wheel = fixture(&format!("pep740/{SDIST}"));
}

/// The real file with its real provenance as a bundle that is changed; the caller expects all that it says.
fn keyless(scene: &mut Scene, change: impl FnOnce(&mut Value)) {
    subject(scene);
    let mut bundle = to_bundle(&attestation("slsa")).unwrap();
    change(&mut bundle);
    scene.file = Some(bundle.to_string().into_bytes());
    expect(scene, IDENTITY, ISSUER, &["--source", SOURCE, "--ref", "refs/tags/v0.0.19"]);
}

fn expect(scene: &mut Scene, identity: &str, issuer: &str, more: &[&str]) {
    let mut arguments = vec!["--certificate-identity", identity, "--certificate-oidc-issuer", issuer];
    arguments.extend(more);
    scene.arguments(&arguments);
}

fn identity(scene: &mut Scene, identity: &str) {
    keyless(scene, |_| {});
    expect(scene, identity, ISSUER, &["--source", SOURCE, "--builder-id", IDENTITY]);
}

fn issuer(scene: &mut Scene, issuer: &str) {
    keyless(scene, |_| {});
    expect(scene, IDENTITY, issuer, &["--source", SOURCE]);
}

/// A trusted root: that of the public instance, changed.
fn root(scene: &mut Scene, change: impl FnOnce(&mut Value)) {
    keyless(scene, |_| {});
    let mut root: Value = serde_json::from_str(sealwright::verify::PUBLIC_TRUSTED_ROOT).unwrap();
    change(&mut root);
    scene.add("root.json", root.to_string());
    scene.arguments.extend(["--trusted-root".to_owned(), "root.json".to_owned()]);
}

/// The real file with its attestation as the index serves it, changed; only who published it is expected.
fn pep740(scene: &mut Scene, change: impl FnOnce(&mut Value)) {
    subject(scene);
    let mut attestation = attestation("publish");
    change(&mut attestation);
    scene.file = Some(attestation.to_string().into_bytes());
    expect(scene, IDENTITY, ISSUER, &[]);
}

/// A bundle of a private instance with time stamps, its log of the second generation.
fn second_log(scene: &mut Scene, bundle: impl FnOnce(&mut Value), root: impl FnOnce(&mut Value)) {
    "a.txt".clone_into(&mut scene.name);
    scene.wheel = fixture("bundle/a.txt");
    let mut one = document("bundle/rekor2-dsse-happy-path/bundle.sigstore.json");
    let mut other = document("bundle/rekor2-dsse-happy-path/trusted_root.json");
    bundle(&mut one);
    root(&mut other);
    scene.file = Some(one.to_string().into_bytes());
    scene.add("root.json", other.to_string());
    expect(scene, BEACON, ISSUER, &["--signature-only", "--trusted-root", "root.json"]);
}

fn policy(scene: &mut Scene, root: &str) {
    keyless(scene, |_| {});
    scene.policy = format!(
        "version = 1\n\n{root}\n[expect]\nsource = \"{SOURCE}\"\nbuild-types = [\"https://actions.github.io/buildtypes/workflow/v1\"]\nunchecked = [\"isolation\", \"parameters\"]\n"
    );
    scene.arguments(&["--policy", "policy.toml"]);
}

/// A statement of SLSA v0.2, signed by the trusted key, under a policy that takes such.
fn older(scene: &mut Scene, change: impl FnOnce(&mut Value)) {
    let mut statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "subject": scene.statement["subject"],
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "predicate": {
            "builder": { "id": "https://builder.example/v2" },
            "buildType": "https://builder.example/generic@v1",
            "invocation": {
                "configSource": {
                    "uri": "git+https://git.example/team/demo@refs/heads/main",
                    "digest": { "sha1": "1".repeat(40) },
                    "entryPoint": "release.yml",
                },
                "parameters": {},
                "environment": { "actor": "somebody" },
            },
            "metadata": { "buildFinishedOn": "2026-01-01T00:00:00Z" },
            "materials": [{ "uri": "git+https://git.example/team/demo@refs/heads/main", "digest": { "sha1": "1".repeat(40) } }],
        },
    });
    change(&mut statement);
    scene.sign(statement.to_string().as_bytes());
    scene.policy = "version = 1\n[[root]]\nname = \"release\"\nkey = \"release.pub\"\nbuilders = { \"https://builder.example/v2\" = 2 }\n[expect]\npredicate-types = [\"https://slsa.dev/provenance/v0.2\"]\nbuild-types = [\"https://builder.example/generic@v1\"]\nsource = \"https://git.example/team/demo\"\nref = \"refs/heads/main\"\nunchecked = [\"isolation\"]\n[expect.parameters]\nentryPoint = \"release.yml\"\n".to_owned();
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

fn drop_key(value: &mut Value, key: &str) {
    value.as_object_mut().unwrap().shift_remove(key).unwrap();
}

/// The same base64 with one bit of a byte turned.
fn flipped(text: &Value, at: usize) -> Value {
    let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
    bytes[at] ^= 1;
    json!(STANDARD.encode(bytes))
}

/// The good ones, for the table's test: what the forgeries start from passes.
pub fn good() -> Vec<Attack> {
    vec![
        ("keyless", "", |scene| keyless(scene, |_| {})),
        ("root", "", |scene| root(scene, |_| {})),
        ("pep740", "", |scene| pep740(scene, |_| {})),
        ("second-log", "", |scene| second_log(scene, |_| {}, |_| {})),
        ("older", "", |scene| older(scene, |_| {})),
        ("policy", "", |scene| {
            policy(
                scene,
                &format!(
                    "[[root]]\nname = \"release\"\nidentity = \"{}\"\nissuer = \"{ISSUER}\"\nbuilders = {{ \"{0}\" = 2 }}\n",
                    IDENTITY.replace("v0.0.19", "v*")
                ),
            )
        }),
    ]
}

pub fn all() -> Vec<Attack> {
    let mut all = identities();
    all.extend(bundles());
    all.extend(logs());
    all.extend(trust());
    all.extend(indexes());
    all.extend(policies());
    all.extend(olders());
    all
}

fn identities() -> Vec<Attack> {
    vec![
        (
            "keyless-identity-prefix",
            "The expected identity is the beginning of the certificate's.",
            |scene| identity(scene, IDENTITY.strip_suffix("9").unwrap()),
        ),
        ("keyless-identity-longer", "The expected identity goes on after the certificate's.", |scene| {
            identity(scene, &format!("{IDENTITY}0"))
        }),
        ("keyless-identity-case", "The identity in another case.", |scene| {
            identity(scene, &IDENTITY.replace("trailofbits", "TrailOfBits"))
        }),
        ("keyless-identity-other-ref", "The same workflow on a branch.", |scene| {
            identity(scene, &IDENTITY.replace("refs/tags/v0.0.19", "refs/heads/main"))
        }),
        ("keyless-identity-other-workflow", "Another workflow of the repository.", |scene| {
            identity(scene, &IDENTITY.replace("release.yml", "test.yml"))
        }),
        ("keyless-identity-without-a-ref", "The workflow of any ref.", |scene| {
            identity(scene, IDENTITY.split('@').next().unwrap())
        }),
        ("keyless-identity-escaped", "The identity with an escaped letter.", |scene| {
            identity(scene, &IDENTITY.replace("release", "rel%65ase"))
        }),
        ("keyless-identity-star", "An identity that is a pattern on the command line.", |scene| {
            identity(scene, "*")
        }),
        ("keyless-identity-empty", "An identity that is nothing.", |scene| identity(scene, "")),
        ("keyless-issuer-other", "An identity by another issuer.", |scene| {
            issuer(scene, "https://accounts.google.com")
        }),
        ("keyless-issuer-longer", "The issuer with a slash at its end.", |scene| {
            issuer(scene, &format!("{ISSUER}/"))
        }),
        ("keyless-issuer-case", "The issuer in another case.", |scene| {
            issuer(scene, &ISSUER.replace("token", "Token"))
        }),
        ("keyless-issuer-plain", "The issuer without encryption.", |scene| {
            issuer(scene, &ISSUER.replace("https", "http"))
        }),
        ("keyless-issuer-missing", "An identity by whatever issuer.", |scene| {
            keyless(scene, |_| {});
            scene.arguments(&["--certificate-identity", IDENTITY, "--source", SOURCE]);
        }),
        ("keyless-identity-and-key", "An identity and a key.", |scene| {
            keyless(scene, |_| {});
            scene.arguments.extend(["--key".to_owned(), "release.pub".to_owned()]);
        }),
        ("keyless-other-source", "Provenance of another repository than expected.", |scene| {
            keyless(scene, |_| {});
            expect(scene, IDENTITY, ISSUER, &["--source", "https://github.com/trailofbits/other"]);
        }),
        ("keyless-source-with-git", "The repository with `.git`.", |scene| {
            keyless(scene, |_| {});
            expect(scene, IDENTITY, ISSUER, &["--source", &format!("{SOURCE}.git")]);
        }),
        ("keyless-other-ref", "Provenance of another tag than expected.", |scene| {
            keyless(scene, |_| {});
            expect(scene, IDENTITY, ISSUER, &["--source", SOURCE, "--ref", "refs/tags/v0.0.18"]);
        }),
        ("keyless-other-builder", "Provenance of another builder than expected.", |scene| {
            keyless(scene, |_| {});
            expect(
                scene,
                IDENTITY,
                ISSUER,
                &["--source", SOURCE, "--builder-id", "https://sealwright.dev/builders/local/v1"],
            );
        }),
        ("keyless-other-artifact", "The provenance of a file under a file with one more byte.", |scene| {
            keyless(scene, |_| {});
            scene.wheel.push(0);
        }),
        ("keyless-renamed-artifact", "The file as another version of itself.", |scene| {
            keyless(scene, |_| {});
            scene.name = SDIST.replace("0.0.19", "0.0.20");
        }),
        ("keyless-by-a-key", "A statement signed by a key where an identity is expected.", |scene| {
            expect(scene, IDENTITY, ISSUER, &["--source", "https://git.example/team/demo"]);
        }),
    ]
}

fn bundles() -> Vec<Attack> {
    vec![
        (
            "keyless-payload-swapped",
            "Another builder in the payload under the certificate's signature.",
            |scene| {
                keyless(scene, |bundle| {
                    let payload =
                        STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
                    let payload = String::from_utf8(payload).unwrap().replace("release.yml", "evilone.yml");
                    bundle["dsseEnvelope"]["payload"] = json!(STANDARD.encode(payload));
                })
            },
        ),
        ("keyless-payload-type", "The payload under another type.", |scene| {
            keyless(scene, |bundle| bundle["dsseEnvelope"]["payloadType"] = json!("text/plain"))
        }),
        ("keyless-signature-changed", "One bit of the signature is another.", |scene| {
            keyless(scene, |bundle| {
                let signature = &mut bundle["dsseEnvelope"]["signatures"][0]["sig"];
                *signature = flipped(signature, 20);
            })
        }),
        (
            "keyless-signature-of-other",
            "The signature of the same identity over another statement.",
            |scene| {
                keyless(scene, |bundle| {
                    let other = to_bundle(&attestation("publish")).unwrap();
                    bundle["dsseEnvelope"]["signatures"] = other["dsseEnvelope"]["signatures"].clone();
                })
            },
        ),
        (
            "keyless-signature-by-a-key",
            "The envelope signed by a key of one's own under the real certificate.",
            |scene| {
                keyless(scene, |bundle| {
                    let payload =
                        STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
                    bundle["dsseEnvelope"]["signatures"] =
                        super::envelope_of(&payload, &[9])["signatures"].clone();
                })
            },
        ),
        ("keyless-signature-twice", "Two signatures in a bundle.", |scene| {
            keyless(scene, |bundle| {
                let one = bundle["dsseEnvelope"]["signatures"][0].clone();
                bundle["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(one);
            })
        }),
        ("keyless-certificate-swapped", "Another certificate of the same identity.", |scene| {
            keyless(scene, |bundle| {
                let other = to_bundle(&attestation("publish")).unwrap();
                bundle["verificationMaterial"]["certificate"] =
                    other["verificationMaterial"]["certificate"].clone();
            })
        }),
        ("keyless-certificate-of-another", "A bundle of somebody else's as a whole.", |scene| {
            keyless(scene, |bundle| {
                *bundle = document("bundle/happy-path-intoto-in-dsse-v3/bundle.sigstore.json")
            })
        }),
        ("keyless-certificate-changed", "One bit of the certificate is another.", |scene| {
            keyless(scene, |bundle| {
                let certificate = &mut bundle["verificationMaterial"]["certificate"]["rawBytes"];
                *certificate = flipped(certificate, 300);
            })
        }),
        ("keyless-certificate-truncated", "The certificate ends early.", |scene| {
            keyless(scene, |bundle| {
                let certificate = &mut bundle["verificationMaterial"]["certificate"]["rawBytes"];
                let bytes = STANDARD.decode(certificate.as_str().unwrap()).unwrap();
                *certificate = json!(STANDARD.encode(&bytes[..200]));
            })
        }),
        ("keyless-certificate-empty", "A certificate of no bytes.", |scene| {
            keyless(scene, |bundle| bundle["verificationMaterial"]["certificate"]["rawBytes"] = json!(""))
        }),
        ("keyless-certificate-gone", "The certificate is gone and a key's hint is there.", |scene| {
            keyless(scene, |bundle| {
                drop_key(&mut bundle["verificationMaterial"], "certificate");
                bundle["verificationMaterial"]["publicKey"] = json!({ "hint": IDENTITY });
            })
        }),
        ("keyless-key-and-certificate", "A certificate and a key's hint.", |scene| {
            keyless(scene, |bundle| bundle["verificationMaterial"]["publicKey"] = json!({ "hint": "" }))
        }),
        ("keyless-chain-in-the-third-version", "A chain, which bundles v0.3 do not have.", |scene| {
            keyless(scene, |bundle| {
                let certificate = bundle["verificationMaterial"]["certificate"].clone();
                drop_key(&mut bundle["verificationMaterial"], "certificate");
                bundle["verificationMaterial"]["x509CertificateChain"] =
                    json!({ "certificates": [certificate] });
            })
        }),
        ("keyless-root-in-the-chain", "A chain that brings its own root.", |scene| {
            keyless(scene, |bundle| {
                let certificate = bundle["verificationMaterial"]["certificate"].clone();
                let root: Value = serde_json::from_str(sealwright::verify::PUBLIC_TRUSTED_ROOT).unwrap();
                let root = root["certificateAuthorities"][0]["certChain"]["certificates"][0].clone();
                drop_key(&mut bundle["verificationMaterial"], "certificate");
                bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.2");
                bundle["verificationMaterial"]["x509CertificateChain"] =
                    json!({ "certificates": [certificate, root] });
            })
        }),
        ("keyless-version-longer", "A version that begins as one that there is.", |scene| {
            keyless(scene, |bundle| {
                bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.30+json")
            })
        }),
        ("keyless-version-parameter", "A version with one more parameter.", |scene| {
            keyless(scene, |bundle| {
                bundle["mediaType"] =
                    json!("application/vnd.dev.sigstore.bundle+json;version=0.3;version=0.1")
            })
        }),
        ("keyless-version-case", "A media type in capitals.", |scene| {
            keyless(scene, |bundle| {
                bundle["mediaType"] = json!("APPLICATION/VND.DEV.SIGSTORE.BUNDLE.V0.3+JSON")
            })
        }),
        ("keyless-version-missing", "A bundle that does not say which version it is.", |scene| {
            keyless(scene, |bundle| drop_key(bundle, "mediaType"))
        }),
        (
            "keyless-message-as-provenance",
            "A signature over the file where provenance is expected.",
            |scene| {
                "a.txt".clone_into(&mut scene.name);
                scene.wheel = fixture("bundle/a.txt");
                scene.file = Some(fixture("bundle/happy-path-v0.3/bundle.sigstore.json"));
                expect(scene, BEACON, ISSUER, &[]);
            },
        ),
        ("keyless-message-of-other-bytes", "A signature over another file.", |scene| {
            "a.txt".clone_into(&mut scene.name);
            scene.file = Some(fixture("bundle/happy-path-v0.3/bundle.sigstore.json"));
            expect(scene, BEACON, ISSUER, &["--signature-only"]);
        }),
    ]
}

fn logs() -> Vec<Attack> {
    vec![
        ("keyless-no-log", "No entry of a log.", |scene| {
            keyless(scene, |bundle| bundle["verificationMaterial"]["tlogEntries"] = json!([]))
        }),
        ("keyless-log-gone", "No list of entries.", |scene| {
            keyless(scene, |bundle| drop_key(&mut bundle["verificationMaterial"], "tlogEntries"))
        }),
        ("keyless-log-of-other", "The entry of another statement of the same identity.", |scene| {
            keyless(scene, |bundle| {
                *entry(bundle) =
                    to_bundle(&attestation("publish")).unwrap()["verificationMaterial"]["tlogEntries"][0]
                        .clone();
            })
        }),
        ("keyless-second-entry-of-other", "A second entry, of another statement.", |scene| {
            keyless(scene, |bundle| {
                let other = to_bundle(&attestation("publish")).unwrap();
                let other = other["verificationMaterial"]["tlogEntries"][0].clone();
                bundle["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(other);
            })
        }),
        ("keyless-second-entry-unproven", "A second entry that nothing proves.", |scene| {
            keyless(scene, |bundle| {
                let mut other = entry(bundle).clone();
                drop_key(&mut other, "inclusionProof");
                drop_key(&mut other, "inclusionPromise");
                bundle["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(other);
            })
        }),
        ("keyless-many-entries", "More entries than anybody needs.", |scene| {
            keyless(scene, |bundle| {
                let one = entry(bundle).clone();
                bundle["verificationMaterial"]["tlogEntries"] = json!(vec![one; 33]);
            })
        }),
        ("keyless-proof-gone", "An entry without a proof.", |scene| {
            keyless(scene, |bundle| drop_key(entry(bundle), "inclusionProof"))
        }),
        ("keyless-proof-changed", "One bit of the proof is another.", |scene| {
            keyless(scene, |bundle| {
                let hash = &mut entry(bundle)["inclusionProof"]["hashes"][0];
                *hash = flipped(hash, 0);
            })
        }),
        ("keyless-proof-shortened", "A proof with one hash less.", |scene| {
            keyless(scene, |bundle| {
                entry(bundle)["inclusionProof"]["hashes"].as_array_mut().unwrap().pop();
            })
        }),
        ("keyless-root-hash", "A proof for another root of the tree.", |scene| {
            keyless(scene, |bundle| {
                let hash = &mut entry(bundle)["inclusionProof"]["rootHash"];
                *hash = flipped(hash, 0);
            })
        }),
        ("keyless-checkpoint-of-other", "A checkpoint of another time.", |scene| {
            keyless(scene, |bundle| {
                let other = to_bundle(&attestation("publish")).unwrap();
                entry(bundle)["inclusionProof"]["checkpoint"] =
                    other["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"].clone();
            })
        }),
        ("keyless-checkpoint-unsigned", "A checkpoint that nobody signed.", |scene| {
            keyless(scene, |bundle| {
                let envelope = &mut entry(bundle)["inclusionProof"]["checkpoint"]["envelope"];
                let text = envelope.as_str().unwrap().split("\n\n").next().unwrap().to_owned();
                *envelope = json!(format!("{text}\n\n"));
            })
        }),
        ("keyless-log-index", "Another place in the log.", |scene| {
            keyless(scene, |bundle| entry(bundle)["inclusionProof"]["logIndex"] = json!("1"))
        }),
        ("keyless-log-index-negative", "A place before the log's beginning.", |scene| {
            keyless(scene, |bundle| entry(bundle)["inclusionProof"]["logIndex"] = json!("-1"))
        }),
        ("keyless-promise-gone", "No promise, and so no time of signing.", |scene| {
            keyless(scene, |bundle| drop_key(entry(bundle), "inclusionPromise"))
        }),
        ("keyless-promise-changed", "One bit of the promise is another.", |scene| {
            keyless(scene, |bundle| {
                let promise = &mut entry(bundle)["inclusionPromise"]["signedEntryTimestamp"];
                *promise = flipped(promise, 12);
            })
        }),
        ("keyless-time-later", "A time of signing after the certificate's end.", |scene| {
            keyless(scene, |bundle| entry(bundle)["integratedTime"] = json!("1893456000"))
        }),
        ("keyless-time-earlier", "A time of signing one second earlier.", |scene| {
            keyless(scene, |bundle| {
                let time: i64 = entry(bundle)["integratedTime"].as_str().unwrap().parse().unwrap();
                entry(bundle)["integratedTime"] = json!((time - 1).to_string());
            })
        }),
        ("keyless-entry-kind", "An entry of a kind that there is not.", |scene| {
            keyless(scene, |bundle| entry(bundle)["kindVersion"]["version"] = json!("0.0.9"))
        }),
        ("keyless-entry-other-kind", "An entry that says it is of another kind.", |scene| {
            keyless(scene, |bundle| {
                entry(bundle)["kindVersion"] = json!({ "kind": "hashedrekord", "version": "0.0.2" })
            })
        }),
        ("keyless-body-changed", "The entry's body is another.", |scene| {
            keyless(scene, |bundle| {
                let body = &mut entry(bundle)["canonicalizedBody"];
                *body = flipped(body, 40);
            })
        }),
        ("second-log-no-time", "No time stamp, where the log gives no time.", |scene| {
            second_log(
                scene,
                |bundle| drop_key(&mut bundle["verificationMaterial"], "timestampVerificationData"),
                |_| {},
            )
        }),
        ("second-log-other-time", "The time stamp of another signature.", |scene| {
            second_log(
                scene,
                |bundle| {
                    let other = document("bundle/rekor2-no-inclusion-proof_fail/bundle.sigstore.json");
                    bundle["verificationMaterial"]["timestampVerificationData"] =
                        other["verificationMaterial"]["timestampVerificationData"].clone();
                },
                |_| {},
            )
        }),
        ("second-log-authority-gone", "A time stamp of an authority that nobody trusts.", |scene| {
            second_log(scene, |_| {}, |root| root["timestampAuthorities"] = json!([]))
        }),
        ("second-log-authority-ended", "A time stamp of an authority that was no longer one.", |scene| {
            second_log(
                scene,
                |_| {},
                |root| {
                    for authority in root["timestampAuthorities"].as_array_mut().unwrap() {
                        authority["validFor"] =
                            json!({ "start": "2020-01-01T00:00:00Z", "end": "2020-02-01T00:00:00Z" });
                    }
                },
            )
        }),
        ("second-log-ended", "An entry of a log whose key had ended when it was signed.", |scene| {
            second_log(
                scene,
                |_| {},
                |root| {
                    for log in root["tlogs"].as_array_mut().unwrap() {
                        log["publicKey"]["validFor"] =
                            json!({ "start": "2020-01-01T00:00:00Z", "end": "2020-02-01T00:00:00Z" });
                    }
                },
            )
        }),
        ("second-log-not-yet", "An entry of a log whose key was none yet when it was signed.", |scene| {
            second_log(
                scene,
                |_| {},
                |root| {
                    for log in root["tlogs"].as_array_mut().unwrap() {
                        log["publicKey"]["validFor"] = json!({ "start": "2026-06-01T00:00:00Z" });
                    }
                },
            )
        }),
    ]
}

fn trust() -> Vec<Attack> {
    vec![
        ("trust-other-root", "The root of another instance.", |scene| {
            keyless(scene, |_| {});
            scene.add("root.json", fixture("bundle/rekor2-dsse-happy-path/trusted_root.json"));
            scene.arguments.extend(["--trusted-root".to_owned(), "root.json".to_owned()]);
        }),
        ("trust-authority-ended", "A root whose authorities had ended when it was signed.", |scene| {
            root(scene, |root| {
                for authority in root["certificateAuthorities"].as_array_mut().unwrap() {
                    authority["validFor"] =
                        json!({ "start": "2020-01-01T00:00:00Z", "end": "2020-02-01T00:00:00Z" });
                }
            })
        }),
        ("trust-authority-not-yet", "A root whose authorities were none yet when it was signed.", |scene| {
            root(scene, |root| {
                for authority in root["certificateAuthorities"].as_array_mut().unwrap() {
                    authority["validFor"] = json!({ "start": "2026-01-01T00:00:00Z" });
                }
            })
        }),
        ("trust-log-ended", "A root whose logs had ended when it was signed.", |scene| {
            root(scene, |root| {
                for log in root["tlogs"].as_array_mut().unwrap() {
                    log["publicKey"]["validFor"] =
                        json!({ "start": "2020-01-01T00:00:00Z", "end": "2020-02-01T00:00:00Z" });
                }
            })
        }),
        ("trust-certificate-log-ended", "A root whose logs of certificates had ended.", |scene| {
            root(scene, |root| {
                for log in root["ctlogs"].as_array_mut().unwrap() {
                    log["publicKey"]["validFor"] =
                        json!({ "start": "2020-01-01T00:00:00Z", "end": "2020-02-01T00:00:00Z" });
                }
            })
        }),
        (
            "trust-log-unreadable",
            "A root whose only log has a key of no known kind: it still wants a log.",
            |scene| {
                root(scene, |root| {
                    root["tlogs"].as_array_mut().unwrap().truncate(1);
                    root["tlogs"][0]["publicKey"]["rawBytes"] = json!("AQID");
                    root["tlogs"][0]["publicKey"]["keyDetails"] = json!("PKIX_FUTURE");
                })
            },
        ),
        ("trust-no-authority", "A root without authorities.", |scene| {
            root(scene, |root| root["certificateAuthorities"] = json!([]))
        }),
        ("trust-log-twice", "A root with one log twice.", |scene| {
            root(scene, |root| {
                let one = root["tlogs"][0].clone();
                root["tlogs"].as_array_mut().unwrap().push(one);
            })
        }),
        ("trust-no-start", "A root with a log that has no beginning.", |scene| {
            root(scene, |root| {
                root["tlogs"][0]["publicKey"]["validFor"] = json!({ "end": "2999-01-01T00:00:00Z" })
            })
        }),
        ("trust-no-root", "A root that is none.", |scene| root(scene, |root| *root = json!({}))),
        ("trust-root-is-a-bundle", "A bundle as its own root.", |scene| {
            keyless(scene, |_| {});
            let own = String::from_utf8(scene.file.clone().unwrap()).unwrap();
            scene.add("root.json", own);
            scene.arguments.extend(["--trusted-root".to_owned(), "root.json".to_owned()]);
        }),
        ("trust-root-missing", "A root that is not there.", |scene| {
            keyless(scene, |_| {});
            scene.arguments.extend(["--trusted-root".to_owned(), "root.json".to_owned()]);
        }),
        ("trust-root-of-a-key", "A trusted root for a key.", |scene| {
            scene.arguments(&["--key", "release.pub", "--source", SOURCE, "--trusted-root", "policy.toml"])
        }),
    ]
}

fn indexes() -> Vec<Attack> {
    vec![
        ("pep740-other-file", "The attestation of another release of the project.", |scene| {
            pep740(scene, |_| {});
            scene.name = SDIST.replace("0.0.19", "0.0.18");
        }),
        ("pep740-other-kind-of-file", "The attestation of the sdist for a wheel of its version.", |scene| {
            pep740(scene, |_| {});
            "pypi_attestations-0.0.19-py3-none-any.whl".clone_into(&mut scene.name);
        }),
        ("pep740-other-bytes", "The attestation of a file under changed bytes.", |scene| {
            pep740(scene, |_| {});
            scene.wheel[9] ^= 1;
        }),
        ("pep740-version", "An attestation of a later version.", |scene| {
            pep740(scene, |attestation| attestation["version"] = json!(2))
        }),
        ("pep740-version-text", "An attestation whose version is a text.", |scene| {
            pep740(scene, |attestation| attestation["version"] = json!("1"))
        }),
        ("pep740-no-entry", "An attestation without an entry of a log.", |scene| {
            pep740(scene, |attestation| {
                attestation["verification_material"]["transparency_entries"] = json!([])
            })
        }),
        ("pep740-statement-swapped", "The statement of another attestation.", |scene| {
            pep740(scene, |one| {
                one["envelope"]["statement"] = attestation("slsa")["envelope"]["statement"].clone()
            })
        }),
        ("pep740-two-subjects", "A second subject in the statement.", |scene| {
            pep740(scene, |attestation| {
                let statement =
                    STANDARD.decode(attestation["envelope"]["statement"].as_str().unwrap()).unwrap();
                let mut statement: Value = serde_json::from_slice(&statement).unwrap();
                statement["subject"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({ "name": "x-1.tar.gz", "digest": { "sha256": "1".repeat(64) } }));
                attestation["envelope"]["statement"] = json!(STANDARD.encode(statement.to_string()));
            })
        }),
        ("pep740-other-publisher", "The index names another publisher than the certificate.", |scene| {
            subject(scene);
            let mut provenance = document(&format!("pep740/{SDIST}.provenance"));
            provenance["attestation_bundles"][0]["publisher"]["repository"] = json!("evil/demo");
            scene.file = Some(provenance.to_string().into_bytes());
            expect(scene, &IDENTITY.replace("trailofbits/pypi-attestations", "evil/demo"), ISSUER, &[]);
        }),
        ("pep740-empty", "Provenance of an index without an attestation.", |scene| {
            subject(scene);
            scene.file = Some(json!({ "version": 1, "attestation_bundles": [] }).to_string().into_bytes());
            expect(scene, IDENTITY, ISSUER, &[]);
        }),
        (
            "publish-as-provenance",
            "Who published a file, where it is asked from which source it was built.",
            |scene| {
                pep740(scene, |_| {});
                expect(scene, IDENTITY, ISSUER, &["--source", SOURCE]);
            },
        ),
        ("publish-for-a-level", "Who published a file, where a policy wants a level.", |scene| {
            policy(
                scene,
                &format!(
                    "[[root]]\nname = \"release\"\nidentity = \"{IDENTITY}\"\nissuer = \"{ISSUER}\"\nbuilders = {{ \"{IDENTITY}\" = 2 }}\n"
                ),
            );
            scene.edit_policy(
                "[expect]\n",
                "[expect]\npredicate-types = [\"https://docs.pypi.org/attestations/publish/v1\"]\n",
            );
            scene.file = Some(attestation("publish").to_string().into_bytes());
        }),
    ]
}

fn policies() -> Vec<Attack> {
    vec![
        ("policy-identity-without-issuer", "An identity of whatever issuer.", |scene| {
            policy(
                scene,
                &format!(
                    "[[root]]\nname = \"release\"\nidentity = \"{IDENTITY}\"\nbuilders = {{ \"{IDENTITY}\" = 1 }}\n"
                ),
            )
        }),
        ("policy-identity-and-key", "A root that is a key and an identity.", |scene| {
            policy(
                scene,
                &format!(
                    "[[root]]\nname = \"release\"\nkey = \"release.pub\"\nidentity = \"{IDENTITY}\"\nissuer = \"{ISSUER}\"\nbuilders = {{ \"{IDENTITY}\" = 1 }}\n"
                ),
            )
        }),
        ("policy-root-of-nobody", "A root that is neither a key nor an identity.", |scene| {
            policy(
                scene,
                &format!(
                    "[[root]]\nname = \"release\"\nissuer = \"{ISSUER}\"\nbuilders = {{ \"{IDENTITY}\" = 1 }}\n"
                ),
            )
        }),
        ("policy-identity-star", "An identity of whatever repository.", |scene| {
            policy(
                scene,
                &format!(
                    "[[root]]\nname = \"release\"\nidentity = \"https://github.com/*/.github/workflows/release.yml@refs/tags/v1\"\nissuer = \"{ISSUER}\"\nbuilders = {{ \"{IDENTITY}\" = 1 }}\n"
                ),
            )
        }),
        ("policy-identity-any-ref", "An identity of whatever kind of ref.", |scene| {
            policy(
                scene,
                &format!(
                    "[[root]]\nname = \"release\"\nidentity = \"{}\"\nissuer = \"{ISSUER}\"\nbuilders = {{ \"{IDENTITY}\" = 1 }}\n",
                    IDENTITY.replace("tags/v0.0.19", "*")
                ),
            )
        }),
        ("policy-identity-mail-star", "Anybody at a host.", |scene| {
            policy(
                scene,
                "[[root]]\nname = \"release\"\nidentity = \"*@example.org\"\nissuer = \"https://accounts.example\"\nbuilders = { \"https://builder.example/1\" = 1 }\n",
            )
        }),
        ("policy-issuer-star", "An identity of many issuers.", |scene| {
            policy(
                scene,
                &format!(
                    "[[root]]\nname = \"release\"\nidentity = \"{IDENTITY}\"\nissuer = \"https://*\"\nbuilders = {{ \"{IDENTITY}\" = 1 }}\n"
                ),
            )
        }),
        ("policy-identity-twice", "One identity under two names, to reach a threshold.", |scene| {
            let one = |name| {
                format!(
                    "[[root]]\nname = \"{name}\"\nidentity = \"{IDENTITY}\"\nissuer = \"{ISSUER}\"\nbuilders = {{ \"{IDENTITY}\" = 1 }}\n"
                )
            };
            policy(scene, &format!("{}{}", one("a"), one("b")));
            scene.edit_policy("version = 1\n", "version = 1\nthreshold = 2\n");
        }),
        (
            "policy-identity-in-a-pattern-twice",
            "One certificate that two roots name is one signer.",
            |scene| {
                let one = |name, identity: &str| {
                    format!(
                        "[[root]]\nname = \"{name}\"\nidentity = \"{identity}\"\nissuer = \"{ISSUER}\"\nbuilders = {{ \"{IDENTITY}\" = 1 }}\n"
                    )
                };
                policy(
                    scene,
                    &format!("{}{}", one("a", IDENTITY), one("b", &IDENTITY.replace("v0.0.19", "v*"))),
                );
                scene.edit_policy("version = 1\n", "version = 1\nthreshold = 2\n");
            },
        ),
        ("policy-identity-other-tags", "The pattern of tags does not fit.", |scene| {
            policy(
                scene,
                &format!(
                    "[[root]]\nname = \"release\"\nidentity = \"{}\"\nissuer = \"{ISSUER}\"\nbuilders = {{ \"{IDENTITY}\" = 1 }}\n",
                    IDENTITY.replace("v0.0.19", "v1*")
                ),
            )
        }),
        (
            "policy-identity-other-builder",
            "An identity that speaks for a builder of the same beginning.",
            |scene| {
                policy(
                    scene,
                    &format!(
                        "[[root]]\nname = \"release\"\nidentity = \"{IDENTITY}\"\nissuer = \"{ISSUER}\"\nbuilders = {{ \"{}\" = 1 }}\n",
                        IDENTITY.strip_suffix("9").unwrap()
                    ),
                )
            },
        ),
        ("policy-trusted-root-of-a-key", "A trusted root for a key.", |scene| {
            policy(
                scene,
                "[[root]]\nname = \"release\"\nkey = \"release.pub\"\ntrusted-root = \"root.json\"\nbuilders = { \"https://builder.example/1\" = 1 }\n",
            )
        }),
        ("policy-key-for-a-certificate", "A bundle with a certificate under a policy of keys.", |scene| {
            policy(
                scene,
                "[[root]]\nname = \"release\"\nkey = \"release.pub\"\nbuilders = { \"https://builder.example/1\" = 1 }\n",
            )
        }),
        ("policy-predicate-unknown", "A predicate that nobody reads.", |scene| {
            scene.edit_policy(
                "[expect]\n",
                "[expect]\npredicate-types = [\"https://slsa.dev/provenance/v2\"]\n",
            )
        }),
    ]
}

fn olders() -> Vec<Attack> {
    vec![
        ("older-not-taken", "SLSA v0.2 under a policy that does not take it.", |scene| {
            older(scene, |_| {});
            scene.edit_policy("predicate-types = [\"https://slsa.dev/provenance/v0.2\"]\n", "");
        }),
        ("older-builder", "SLSA v0.2 by another builder.", |scene| {
            older(scene, |statement| {
                statement["predicate"]["builder"]["id"] = json!("https://builder.example/v2/evil")
            })
        }),
        ("older-source", "SLSA v0.2 of another source.", |scene| {
            older(scene, |statement| {
                statement["predicate"]["invocation"]["configSource"]["uri"] =
                    json!("git+https://git.example/team/demo2@refs/heads/main")
            })
        }),
        (
            "older-no-source",
            "SLSA v0.2 that names no source, and the right one among its materials.",
            |scene| {
                older(scene, |statement| drop_key(&mut statement["predicate"]["invocation"], "configSource"))
            },
        ),
        ("older-parameter", "SLSA v0.2 with a parameter that nobody expects.", |scene| {
            older(scene, |statement| {
                statement["predicate"]["invocation"]["parameters"] =
                    json!({ "event_inputs": { "evil": "1" } })
            })
        }),
        ("older-entry-point", "SLSA v0.2 by another workflow.", |scene| {
            older(scene, |statement| {
                statement["predicate"]["invocation"]["configSource"]["entryPoint"] = json!("evil.yml")
            })
        }),
        ("older-material-without-a-digest", "SLSA v0.2 with a material that may be anything.", |scene| {
            older(scene, |statement| drop_key(&mut statement["predicate"]["materials"][0], "digest"))
        }),
        ("older-as-newer", "The body of SLSA v1 under the name of v0.2.", |scene| {
            let predicate = scene.statement["predicate"].clone();
            older(scene, |statement| statement["predicate"] = predicate)
        }),
        ("older-by-a-stranger", "SLSA v0.2 signed by another key.", |scene| {
            older(scene, |_| {});
            let payload = json!({ "_type": "https://in-toto.io/Statement/v0.1", "subject": scene.statement["subject"], "predicateType": "https://slsa.dev/provenance/v0.2", "predicate": {} });
            scene.file =
                Some(super::envelope_of(payload.to_string().as_bytes(), &[9]).to_string().into_bytes());
        }),
    ]
}
