//! Keys and signed statements: made, read, written, and nothing secret let out.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use sealwright::error::Fault as _;
use sealwright::provenance::{Envelope, PAYLOAD_TYPE, pae};
use sealwright::record::lock_from_statement;
use sealwright::sign::{
    Algorithm, Format, KeyFile, Passphrase, SignError, Signer, Signing, SigningKey, statement_of,
};
use zeroize::Zeroizing;

use crate::adversarial::{WHEEL, key};
use crate::context::Project;
use crate::provenance::record;

fn openssl(arguments: &[&str], project: &Project) -> bool {
    let output = Command::new("openssl").args(arguments).current_dir(project.path()).output();
    output.is_ok_and(|output| {
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        true
    })
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec()))
}

/// A project with one wheel and its unsigned statement.
pub fn unsigned() -> Project {
    let project = Project::new()
        .file(&format!("dist/{WHEEL}"), WHEEL)
        .file(&format!("provenance/{WHEEL}.intoto.jsonl"), record().statement().unwrap().to_line());
    project.write("a.key", key(7).to_pem(None).unwrap().as_bytes());
    project.write("a.pub", key(7).public_key().to_pem());
    project
}

#[test]
fn a_key_pair_is_made_once_and_only_its_owner_can_read_it() {
    let project = Project::new();
    for (kind, name) in [("p256", "a"), ("ed25519", "b")] {
        project.run(&["keygen", "--type", kind, "--output-prefix", name, "--no-passphrase"]).code(0);
        let mode = project.join(&format!("{name}.key")).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let first = project.read(&format!("{name}.key"));
        project
            .run(&["keygen", "--type", kind, "--output-prefix", name, "--no-passphrase"])
            .code(2)
            .stderr_has("is there already");
        assert_eq!(project.read(&format!("{name}.key")), first);
        project
            .run(&["keygen", "--type", kind, "--output-prefix", name, "--no-passphrase", "--force"])
            .code(0);
        assert_ne!(project.read(&format!("{name}.key")), first);
    }
    assert_eq!(project.names(""), ["a.key", "a.pub", "b.key", "b.pub"]);
}

#[test]
fn a_key_with_a_passphrase_is_opened_by_it_alone() {
    let project = unsigned().env("SEALWRIGHT_PASSPHRASE", "correct horse");
    for kind in ["p256", "ed25519"] {
        project.run(&["keygen", "--type", kind, "--output-prefix", kind]).code(0);
        let file = format!("{kind}.key");
        assert!(project.read(&file).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let statement = format!("provenance/{WHEEL}.intoto.jsonl");
        project.run(&["sign", &statement, "--key", &file]).code(0);
        let wrong = project
            .command(&["sign", &statement, "--key", &file])
            .env("SEALWRIGHT_PASSPHRASE", "wrong")
            .output()
            .unwrap();
        assert_eq!(wrong.status.code(), Some(2));
        let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
        assert!(said.contains("the passphrase is wrong or the key is damaged"), "{said}");
        let none = project
            .command(&["sign", &statement, "--key", &file])
            .env_remove("SEALWRIGHT_PASSPHRASE")
            .output()
            .unwrap();
        assert!(
            none.status.code() == Some(2)
                && String::from_utf8_lossy(&none.stderr).contains("no passphrase is given")
        );
        // A descriptor, too.
        project.write("passphrase", "correct horse\n");
        let program = crate::context::program();
        let script = format!(
            "exec 5<passphrase; unset SEALWRIGHT_PASSPHRASE; {} sign {statement} --key {file} --passphrase-fd 5",
            program.display()
        );
        let given = Command::new("sh")
            .args(["-c", &script])
            .current_dir(project.path())
            .env("HOME", project.home())
            .output()
            .unwrap();
        assert!(given.status.success(), "{}", String::from_utf8_lossy(&given.stderr));
    }
}

#[test]
fn keys_of_openssl_are_read_and_ours_by_openssl() {
    let project = unsigned();
    if !openssl(&["version"], &project) {
        skipped!("there is no openssl");
    }
    openssl(&["ecparam", "-genkey", "-name", "prime256v1", "-out", "sec1.pem"], &project);
    openssl(
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "p8.pem"],
        &project,
    );
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "ed.pem"], &project);
    openssl(&["pkcs8", "-topk8", "-in", "p8.pem", "-passout", "pass:x", "-out", "pbkdf2.pem"], &project);
    openssl(
        &["pkcs8", "-topk8", "-scrypt", "-in", "ed.pem", "-passout", "pass:x", "-out", "scrypt.pem"],
        &project,
    );
    for name in ["sec1", "p8", "ed", "pbkdf2", "scrypt"] {
        let key = match KeyFile::parse(project.read(&format!("{name}.pem")).as_bytes(), name).unwrap() {
            KeyFile::Plain(key) => *key,
            KeyFile::Encrypted(key) => {
                assert!(matches!(key.decrypt(&passphrase("y")), Err(SignError::Decrypt { .. })));
                key.decrypt(&passphrase("x")).unwrap()
            }
        };
        openssl(
            &["pkey", "-in", &format!("{name}.pem"), "-passin", "pass:x", "-pubout", "-out", "pub.pem"],
            &project,
        );
        assert_eq!(key.public_key().to_pem(), project.read("pub.pem"), "{name}");
    }
    for algorithm in [Algorithm::P256, Algorithm::Ed25519] {
        let key = SigningKey::generate(algorithm).unwrap();
        for with in [None, Some(passphrase("x"))] {
            project.write("ours.pem", key.to_pem(with.as_ref()).unwrap().as_bytes());
            openssl(
                &["pkey", "-in", "ours.pem", "-passin", "pass:x", "-pubout", "-out", "pub.pem"],
                &project,
            );
            assert_eq!(key.public_key().to_pem(), project.read("pub.pem"));
        }
        // And openssl judges what it signs.
        project.write("message", "hello");
        project.write("signature", key.sign(b"hello").unwrap());
        let mut arguments = vec![
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            "pub.pem",
            "-sigfile",
            "signature",
            "-rawin",
            "-in",
            "message",
        ];
        if algorithm == Algorithm::P256 {
            arguments.extend(["-digest", "sha256"]);
        }
        openssl(&arguments, &project);
    }
    for (name, arguments) in [
        (
            "p384",
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "other.pem"]
                .as_slice(),
        ),
        ("rsa", &["genpkey", "-algorithm", "RSA", "-out", "other.pem"]),
    ] {
        openssl(arguments, &project);
        let Err(error) = KeyFile::parse(project.read("other.pem").as_bytes(), name) else { panic!("{name}") };
        assert!(error.to_string().contains("of a kind that is not judged"), "{error}");
    }
}

/// A key that cosign 3.1.3 would write: scrypt and secretbox, made here from the format's description.
#[test]
fn keys_of_cosign_are_read() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use crypto_secretbox::aead::{AeadInPlace as _, KeyInit as _};
    use p256::pkcs8::EncodePrivateKey as _;
    let der = p256::SecretKey::from_slice(&[7; 32]).unwrap().to_pkcs8_der().unwrap();
    let (salt, nonce) = ([1_u8; 32], [2_u8; 24]);
    let mut secret = [0; 32];
    scrypt::scrypt(b"x", &salt, &scrypt::Params::new(10, 8, 1, 32).unwrap(), &mut secret).unwrap();
    let mut text = der.as_bytes().to_vec();
    let tag = crypto_secretbox::XSalsa20Poly1305::new(&secret.into())
        .encrypt_in_place_detached(&nonce.into(), b"", &mut text)
        .unwrap();
    let json = |n: u64| {
        let json = serde_json::json!({
            "kdf": { "name": "scrypt", "params": { "N": n, "r": 8, "p": 1 }, "salt": STANDARD.encode(salt) },
            "cipher": { "name": "nacl/secretbox", "nonce": STANDARD.encode(nonce) },
            "ciphertext": STANDARD.encode([tag.to_vec(), text.clone()].concat()),
        });
        let lines: Vec<String> = STANDARD
            .encode(json.to_string())
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8(line.to_vec()).unwrap())
            .collect();
        lines.join("\n")
    };
    for label in ["SIGSTORE", "COSIGN"] {
        let pem = format!(
            "-----BEGIN ENCRYPTED {label} PRIVATE KEY-----\n{}\n-----END ENCRYPTED {label} PRIVATE KEY-----\n",
            json(1024)
        );
        let Ok(KeyFile::Encrypted(found)) = KeyFile::parse(pem.as_bytes(), "cosign.key") else {
            panic!("{label}")
        };
        assert_eq!(found.decrypt(&passphrase("x")).unwrap().key_id(), key(7).key_id());
        assert!(matches!(found.decrypt(&passphrase("y")), Err(SignError::Decrypt { .. })));
    }
    // One that asks for more memory than any machine has is refused before it is given any.
    let pem = format!(
        "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n{}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n",
        json(1 << 40)
    );
    let Ok(KeyFile::Encrypted(found)) = KeyFile::parse(pem.as_bytes(), "cosign.key") else { panic!() };
    assert!(matches!(found.decrypt(&passphrase("x")), Err(SignError::Encryption { .. })));
}

#[test]
fn a_key_comes_from_the_flag_the_variable_or_the_user_s_configuration_and_never_from_the_project() {
    let statement = format!("provenance/{WHEEL}.intoto.jsonl");
    let project = unsigned();
    project.write("sealwright.toml", "key = \"a.key\"\n");
    project.run(&["sign", &statement]).code(2).stderr_has("no key to sign with");
    for value in [project.read("a.key"), "a.key".to_owned()] {
        let output = project.command(&["sign", &statement]).env("SEALWRIGHT_KEY", value).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let config = project.home().join(".config/sealwright");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "key = \"k.pem\"\n").unwrap();
    std::fs::copy(project.join("a.key"), config.join("k.pem")).unwrap();
    project.run(&["sign", &statement]).code(0).stdout_has("signed by SHA256:");
    std::fs::write(config.join("config.toml"), "keys = \"k.pem\"\n").unwrap();
    project.run(&["sign", &statement]).code(2).stderr_has("did you mean `key`?");
}

#[test]
fn a_statement_is_signed_only_for_its_own_output_and_our_own_builder() {
    let statement = format!("provenance/{WHEEL}.intoto.jsonl");
    let sign = ["sign", &statement, "--key", "a.key"];
    let project = unsigned();
    project.write(&format!("dist/{WHEEL}"), "other");
    let before = project.read(&statement);
    project.run(&sign).code(4).stderr_has("holds other bytes");
    std::fs::remove_file(project.join(&format!("dist/{WHEEL}"))).unwrap();
    project.run(&sign).code(2).stderr_has("is not there");
    assert_eq!(project.read(&statement), before);
    let project = unsigned();
    project.write(&statement, before.replace("builders/local/v1", "builders/runner/v1"));
    project
        .run(&sign)
        .code(4)
        .stderr_has("a key signs only for \"https://sealwright.dev/builders/local/v1\"");
    let project = unsigned();
    project.write(&statement, before.replace(WHEEL, "../../secret"));
    project.run(&sign).code(2).stderr_has("is not there");
}

#[test]
fn signing_again_changes_nothing_and_another_key_adds_its_signature() {
    let statement = format!("provenance/{WHEEL}.intoto.jsonl");
    let project = unsigned();
    project.run(&["sign", &statement, "--key", "a.key"]).code(0);
    let (first, time) =
        (project.read(&statement), project.join(&statement).metadata().unwrap().modified().unwrap());
    project.run(&["sign", &statement, "--key", "a.key"]).code(0);
    assert_eq!(
        (project.read(&statement), project.join(&statement).metadata().unwrap().modified().unwrap()),
        (first, time)
    );
    project.write("b.key", key(8).to_pem(None).unwrap().as_bytes());
    project.run(&["sign", &statement, "--key", "b.key"]).code(0);
    assert_eq!(Envelope::parse(project.read(&statement).as_bytes()).unwrap().signatures().len(), 2);
    project
        .run(&["sign", &statement, "--key", "b.key", "--format", "sigstore"])
        .code(2)
        .stderr_has("holds one signature");
    let shown = project.run(&["inspect", &statement]).code(0);
    let shown = shown.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("not verified"), "{shown}");
}

#[test]
fn a_bundle_names_the_key_as_its_signature_does() {
    let project = unsigned();
    let statement = format!("provenance/{WHEEL}.intoto.jsonl");
    project.run(&["sign", &statement, "--key", "a.key", "--format", "sigstore"]).code(0);
    let bundle: serde_json::Value =
        serde_json::from_str(&project.read(&format!("provenance/{WHEEL}.sigstore.json"))).unwrap();
    assert_eq!(
        bundle["verificationMaterial"]["publicKey"]["hint"],
        bundle["dsseEnvelope"]["signatures"][0]["keyid"]
    );
    assert_eq!(bundle["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
    std::fs::remove_file(project.join(&statement)).unwrap();
    project
        .run(&[
            "verify",
            &format!("dist/{WHEEL}"),
            "--key",
            "a.pub",
            "--source",
            "https://git.example/team/demo",
        ])
        .code(0);
}

#[test]
fn a_signed_build_is_found_again_unchanged_and_nothing_secret_gets_out() {
    let project = Project::copy_of("examples/hello").host_indexes().git();
    let dist = project.join("../home/out");
    let dist = dist.to_str().unwrap();
    let secret = key(7).to_pem(None).unwrap();
    std::fs::write(project.home().join("a.key"), secret.as_bytes()).unwrap();
    let build = ["build", "--locked", "--wheel", "--outdir", dist, "--key", "../home/a.key"];
    project.run(&build).code(0).stdout_has("signed by SHA256:");
    let provenance = project.home().join("provenance");
    let files = || {
        let mut files: Vec<_> = [project.home().join("out"), provenance.clone()]
            .iter()
            .flat_map(|folder| std::fs::read_dir(folder).unwrap())
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.path(), entry.metadata().unwrap().modified().unwrap())
            })
            .collect();
        files.sort();
        files
    };
    let first = files();
    assert_eq!(first.len(), 2);
    project.run(&build).code(0);
    assert_eq!(files(), first);
    // Without a key the signed statement of the same build stays.
    project
        .run(&["build", "--locked", "--wheel", "--outdir", dist])
        .code(0)
        .stdout_has(".intoto.jsonl  signed before, and kept");
    assert_eq!(files(), first);
    // A key that cannot be read: nothing appears.
    let none = project.join("../home/none/dist");
    project
        .run(&["build", "--locked", "--wheel", "--outdir", none.to_str().unwrap(), "--key", "missing.key"])
        .code(2);
    assert!(!none.exists());
    // The secret scalar is in no file of the build, in no form that it was given in.
    let line = secret.lines().nth(1).unwrap().to_owned();
    for (path, _) in first {
        assert!(!String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(&line));
    }
}

#[test]
fn no_error_and_no_debug_text_holds_a_secret() {
    let key = key(7);
    let pem = key.to_pem(None).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let damaged = [
        pem.replace("MIG", "AAA"),
        pem.replace("-----END", "-----EN"),
        pem.replace("PRIVATE KEY", "ODD PRIVATE KEY"),
        body.clone(),
        [pem.as_str(), pem.as_str()].concat(),
    ];
    for text in damaged {
        let Err(error) = KeyFile::parse(text.as_bytes(), "k") else { panic!("taken") };
        let said = format!("{error} {error:?} {:?}", error.hints());
        assert!(!said.contains(&body[..20]) && !said.contains(&body[40..60]), "{said}");
    }
    let shown = format!("{key:?} {:?}", passphrase("secret"));
    assert!(!shown.contains("secret") && !shown.contains("07070707") && !shown.contains("[7, 7"), "{shown}");
}

#[test]
fn a_signer_that_gives_other_bytes_each_time_leaves_a_good_file_alone() {
    struct Odd(SigningKey, std::sync::atomic::AtomicU8);
    impl Signer for Odd {
        fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SignError> {
            match self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => self.0.sign(bytes),
                _ => Err(SignError::Sign { key: String::new(), why: "asked twice".to_owned() }),
            }
        }
        fn public_key(&self) -> &sealwright::key::PublicKey {
            self.0.public_key()
        }
    }
    let signing = Signing { signer: std::sync::Arc::new(Odd(key(7), 0.into())), format: Format::Dsse };
    let payload = Envelope::signed_bytes(&record().statement().unwrap());
    let first = signing.file(&payload, None).unwrap();
    assert_eq!(signing.file(&payload, Some(&first)).unwrap(), first);
    assert!(signing.file(b"other", Some(&first)).is_err());
    let envelope = Envelope::parse(&first).unwrap();
    assert!(
        key(7)
            .public_key()
            .verifies(&pae(PAYLOAD_TYPE, &payload), &envelope.signatures()[0].bytes().unwrap())
    );
}

/// What reads statements to work with them reads signed ones, in both forms.
#[test]
fn the_lock_is_made_again_from_a_signed_statement() {
    let project = unsigned();
    let (bare, slice) = (record().statement().unwrap(), record().lock.slice);
    let name = format!("provenance/{WHEEL}.intoto.jsonl");
    project.run(&["sign", &name, "--key", "a.key", "--format", "sigstore"]).code(0);
    project.run(&["sign", &name, "--key", "a.key"]).code(0);
    for file in [name.clone(), format!("provenance/{WHEEL}.sigstore.json")] {
        let (statement, envelope) = statement_of(project.read(&file).as_bytes()).unwrap();
        assert_eq!((&statement, envelope.unwrap().signatures().len()), (&bare, 1));
        assert_eq!(lock_from_statement(&statement).unwrap().to_text(), slice.to_text());
        project.run(&["inspect", &file]).code(0).stdout_has("signed by SHA256:");
    }
    assert_eq!(statement_of(bare.to_line().as_bytes()).unwrap(), (bare, None));
    let other = Envelope::of_payload("text/plain", b"{}", Vec::new());
    assert!(statement_of(other.to_line().as_bytes()).is_err());
}
