//! Nothing of a private key or its passphrase gets out: not into the box, logs, errors, statements, the lock or the store.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealwright::provenance::Statement;
use sealwright::sign::{Passphrase, envelope_of};
use sealwright::store::Store;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::adversarial::{WHEEL, key};
use crate::context::{Project, program};

/// Looks for secrets in the box; its docstring says how.
const PROBE: &str = include_str!("secrets/probe.py");
const PASSPHRASE: &str = "correct-horse-battery-staple";

/// The key's texts, and everything that would give it away.
struct Secret {
    plain: Zeroizing<String>,
    encrypted: Zeroizing<String>,
    needles: Vec<Vec<u8>>,
}

fn secret() -> Secret {
    let passphrase = Passphrase::new(Zeroizing::new(PASSPHRASE.as_bytes().to_vec()));
    // Another scalar than that of the other tests: what they leave in a shared store is not meant.
    let seed = 0xA7_u8;
    let (plain, encrypted) = (key(seed).to_pem(None).unwrap(), key(seed).to_pem(Some(&passphrase)).unwrap());
    let mut needles = vec![PASSPHRASE.as_bytes().to_vec(), [seed; 32].to_vec(), "a7".repeat(32).into_bytes()];
    needles.push(STANDARD.encode(PASSPHRASE).into_bytes());
    for pem in [&plain, &encrypted] {
        needles
            .extend(pem.lines().filter(|line| !line.starts_with('-')).map(|line| line.as_bytes().to_vec()));
    }
    Secret { plain, encrypted, needles }
}

impl Secret {
    #[track_caller]
    fn assert_not_in(&self, bytes: &[u8], what: &str) {
        for needle in &self.needles {
            let shown = String::from_utf8_lossy(needle);
            assert!(memchr::memmem::find(bytes, needle).is_none(), "{what} holds {shown:?}");
        }
    }

    #[track_caller]
    fn assert_not_in_output(&self, output: &Output) {
        self.assert_not_in(&output.stdout, "standard output");
        self.assert_not_in(&output.stderr, "standard error");
    }

    /// All files of a folder that were written since a moment.
    fn assert_not_below(&self, folder: &Path, since: SystemTime) -> usize {
        let mut count = 0;
        let entries = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
        for entry in entries.filter(|entry| entry.file_type().is_file()) {
            let new = entry.metadata().is_ok_and(|data| data.modified().is_ok_and(|time| time >= since));
            // Other tests use the store too: what they remove meanwhile is gone.
            if let (true, Ok(bytes)) = (new, std::fs::read(entry.path())) {
                self.assert_not_in(&bytes, &entry.path().display().to_string());
                count += 1;
            }
        }
        count
    }
}

/// What the probe told.
#[derive(Debug, Deserialize)]
struct Seen {
    found: Vec<String>,
    control: Vec<String>,
    processes: BTreeMap<String, Process>,
}

#[derive(Debug, Deserialize)]
struct Process {
    command: String,
    descriptors: BTreeMap<String, String>,
    /// Bytes; none of the probe itself.
    memory: Option<u64>,
}

fn seen(project: &Project, provenance: &str) -> Seen {
    let [name] = &project.names(provenance)[..] else { panic!("one statement is expected") };
    let envelope = envelope_of(project.read(&format!("{provenance}/{name}")).as_bytes()).unwrap();
    let statement = Statement::parse(&envelope.payload().unwrap()).unwrap();
    let byproducts = &statement.predicate().run_details.byproducts;
    let log = byproducts.iter().find(|byproduct| byproduct.name == "build.log").unwrap();
    let log = Store::open(project.store()).unwrap().read(&log.digest.as_sha256().unwrap()).unwrap();
    let log = String::from_utf8_lossy(&log).into_owned();
    let line = log.lines().find_map(|line| line.split_once("PROBE ")).expect("the box looked around").1;
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_signed_build_lets_nothing_of_the_key_into_box_log_statement_lock_or_store() {
    let secret = secret();
    let masked: Vec<String> = secret
        .needles
        .iter()
        .map(|needle| needle.iter().map(|byte| format!("{:02x}", byte ^ 0x5A)).collect())
        .collect();
    let project = Project::copy_of("examples/hello");
    project.write("setup.py", PROBE.replace("@MASKED@", &format!("{masked:?}")));
    let project = project.host_indexes().git();
    let since = SystemTime::now() - Duration::from_secs(2);
    let private = project.home().join("secret");
    std::fs::create_dir(&private).unwrap();
    std::fs::write(private.join("encrypted.key"), secret.encrypted.as_bytes()).unwrap();
    std::fs::write(private.join("plain.key"), secret.plain.as_bytes()).unwrap();
    std::fs::write(private.join("passphrase"), PASSPHRASE).unwrap();
    let script = |arguments: &str, descriptors: &str| {
        let build = "build --locked --no-cache --wheel";
        format!("exec {descriptors} '{}' {build} {arguments}", program().display())
    };
    let calls = [
        // Both in variables.
        ("variables", script("--outdir ../home/variables/dist", ""), true),
        // Both in files, which are left open under numbers that whoever is started would inherit.
        (
            "files",
            script(
                "--outdir ../home/files/dist --key ../home/secret/encrypted.key --passphrase-fd 5",
                "5<../home/secret/passphrase 6<../home/secret/encrypted.key 7<../home/secret/plain.key;\nexec",
            ),
            false,
        ),
    ];
    for (name, script, in_variables) in calls {
        std::fs::create_dir(project.home().join(name)).unwrap();
        // `command` gives the variables, and a shell the descriptors.
        let like = project.command(&[]);
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(project.path()).env_clear();
        command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("SEALWRIGHT_LOG", "trace");
        if in_variables {
            command.env("SEALWRIGHT_KEY", secret.encrypted.as_str()).env("SEALWRIGHT_PASSPHRASE", PASSPHRASE);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        secret.assert_not_in_output(&output);
        let seen = seen(&project, &format!("../home/{name}/provenance"));
        assert!(seen.control.iter().any(|place| place.ends_with("/environ")), "{seen:?}");
        assert!(seen.processes.values().any(|process| process.memory > Some(0)), "{seen:?}");
        assert!(seen.processes.contains_key("1"), "{seen:?}");
        assert_eq!(seen.found, [""; 0], "{seen:?}");
        for (pid, process) in &seen.processes {
            // The program itself is the first process of the box, and closed: no memory, no descriptors.
            let ours = process.command.contains("sealwright");
            assert_eq!(ours, pid == "1", "{pid}: {process:?}");
            assert!(!ours || process.memory == Some(0) && process.descriptors.is_empty(), "{process:?}");
            let files: Vec<_> = process.descriptors.values().filter(|to| to.contains("secret")).collect();
            assert!(files.is_empty(), "{pid}: {process:?}");
        }
        assert!(secret.assert_not_below(&project.home().join(name), since) >= 2);
    }
    assert!(secret.assert_not_below(project.store(), since) >= 1);
    // setup.py holds them masked.
    secret.assert_not_below(project.path(), since);
}

/// Arguments, variables, and what is said of them.
type Wrong<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

/// Failures and their traces tell where a key is from, and nothing of what it is: not even where a key was put into the
/// place of its path.
#[test]
fn no_failure_tells_a_secret() {
    let secret = secret();
    let statement = format!("provenance/{WHEEL}.intoto.jsonl");
    let project = crate::sign::unsigned();
    project.write("plain.key", secret.plain.as_bytes());
    project.write("encrypted.key", secret.encrypted.as_bytes());
    let body: String = secret.plain.lines().filter(|line| !line.starts_with('-')).collect();
    let damaged = secret.plain.replacen("MIG", "MIH", 1);
    project.write("damaged.key", &damaged);
    project.write("body.key", &body);
    project.write("twice.key", [secret.plain.as_str(), secret.plain.as_str()].concat());
    let (plain, encrypted) = (secret.plain.as_str(), secret.encrypted.as_str());
    let encoded = STANDARD.encode(plain);
    let one_line = plain.replace('\n', "\\n");
    let wrong: [Wrong<'_>; 12] = [
        (&["--key", "damaged.key"], &[], "holds no usable private key"),
        (&["--key", "body.key"], &[], "holds no private key"),
        (&["--key", "twice.key"], &[], "more than one private key"),
        (&["--key", "encrypted.key"], &[("SEALWRIGHT_PASSPHRASE", "wrong")], "the passphrase is wrong"),
        (&["--key", "encrypted.key"], &[], "no passphrase is given"),
        // A key instead of its path.
        (&["--key", plain], &[], "this looks like the key itself"),
        (&["--key", &body], &[], "this looks like the key itself"),
        (&[], &[("SEALWRIGHT_KEY", &body)], "the file that the variable SEALWRIGHT_KEY names"),
        (&[], &[("SEALWRIGHT_KEY", &encoded)], "the file that the variable SEALWRIGHT_KEY names"),
        (&[], &[("SEALWRIGHT_KEY", &one_line)], "the variable SEALWRIGHT_KEY"),
        (&[], &[("SEALWRIGHT_KEY", &damaged)], "the variable SEALWRIGHT_KEY"),
        (&[], &[("SEALWRIGHT_KEY", encrypted), ("SEALWRIGHT_PASSPHRASE", "x")], "the passphrase is wrong"),
    ];
    for (arguments, variables, said) in wrong {
        for json in [&[][..], &["--json"][..]] {
            let arguments = [&["sign", &statement, "-vv"], arguments, json].concat();
            let mut command = project.command(&arguments);
            command.env("SEALWRIGHT_LOG", "trace").envs(variables.iter().copied());
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{said}");
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(stderr.contains(said), "{said}: {stderr}");
            secret.assert_not_in_output(&output);
        }
    }
    // The user's configuration, with a key where its path belongs, or under a name that is not read.
    let config = project.home().join(".config/sealwright");
    std::fs::create_dir_all(&config).unwrap();
    for text in [
        format!("key = \"{body}\"\n"),
        format!("key = '''\n{plain}'''\n"),
        format!("private-key = \"{body}\"\n"),
        format!("private-key = '''\n{plain}'''\n"),
        format!("passphrase = \"{PASSPHRASE}\"\n"),
        format!("key = {PASSPHRASE}\n"),
        format!("key = \"a.key\"\nkey = '''{plain}'''\n"),
        plain.to_owned(),
    ] {
        std::fs::write(config.join("config.toml"), &text).unwrap();
        let output = project.command(&["sign", &statement, "-vv"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        secret.assert_not_in_output(&output);
    }
    // A public key is asked for, and the private one is given.
    let source = "https://git.example/team/demo";
    for file in ["plain.key", "encrypted.key"] {
        let output = project
            .command(&["verify", &format!("dist/{WHEEL}"), "--key", file, "--source", source, "-vv"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        secret.assert_not_in_output(&output);
    }
}

#[test]
fn a_key_that_others_can_read_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = crate::sign::unsigned();
    let statement = format!("provenance/{WHEEL}.intoto.jsonl");
    let sign = ["sign", &statement, "--key", "a.key"];
    let mode = |mode| {
        std::fs::set_permissions(project.join("a.key"), std::fs::Permissions::from_mode(mode)).unwrap();
        project.run(&sign).code(0).stderr
    };
    for open in [0o644, 0o640, 0o604] {
        let said = mode(open);
        assert!(said.contains(&format!("others can read the private key a.key (mode {open:04o})")), "{said}");
    }
    for closed in [0o600, 0o400] {
        assert_eq!(mode(closed), "");
    }
    // One with a passphrase is not open.
    let project = project.env("SEALWRIGHT_PASSPHRASE", "x");
    project.run(&["keygen", "--output-prefix", "b"]).code(0);
    std::fs::set_permissions(project.join("b.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(project.run(&["sign", &statement, "--key", "b.key"]).code(0).stderr, "");
}
