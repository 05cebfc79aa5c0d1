//! Statements: what a record becomes, judged by others, and the lock made again from it.

use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;
use sealwright::digest::Sha256;
use sealwright::error::{Blame, Fault};
use sealwright::lock::{ImageContent, Lock, Role};
use sealwright::name::{Platform, PythonVersion};
use sealwright::provenance::{
    Envelope, ResourceDescriptor, Signature, Statement, TrustMode, build_type, file_name, pae,
};
use sealwright::record::{
    Byproduct, ConfigRecord, EngineRecord, LockRecord, NormalizerRecord, Record, RunRecord, SubjectRecord,
    lock_from_statement,
};
use sealwright::report::{Signing, Style, statement_text};
use sealwright::sandbox::{Enforcement, Isolation};
use sealwright::source::{CommitIdentity, SourceIdentity, SubmoduleIdentity, TagIdentity};
use serde_json::{Value, json};

use crate::context::repository;
use crate::lock;

/// The record of the example in `docs/build-types/python-build-v1.md`.
pub fn record() -> Record {
    let whole = lock::example();
    let python = PythonVersion { major: 3, minor: 11 };
    let slice = whole.slice(&"dist".parse().unwrap(), Platform::LinuxAmd64, python).unwrap();
    let enforced = |value, by: &str| Enforcement::Enforced { value, by: by.to_owned() };
    let byproduct = |name: &str, media_type: &str| Byproduct {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        sha256: Sha256::of(name),
    };
    Record {
        subject: SubjectRecord {
            name: "demo-1.0-py3-none-any.whl".to_owned(),
            sha256: Sha256::of("demo-1.0-py3-none-any.whl"),
        },
        build_type: build_type("python-build"),
        source: SourceIdentity::Commit(commit()),
        target: "dist".parse().unwrap(),
        config: ConfigRecord {
            written: json!({ "builder": "python-build", "python": "3.11", "system-packages": ["gcc"] })
                .as_object()
                .unwrap()
                .clone(),
            file: Some(SubjectRecord { name: "sealwright.toml".to_owned(), sha256: Sha256::of("config") }),
            options: json!({ "configSettings": { "--build-option": "--quiet" } })
                .as_object()
                .unwrap()
                .clone(),
        },
        lock: LockRecord { slice, file: whole.digest() },
        engine: EngineRecord {
            class: "native".to_owned(),
            version: "1".to_owned(),
            isolation: Isolation {
                namespaces: ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"].map(str::to_owned).to_vec(),
                network: "none".to_owned(),
                root: "read-only".to_owned(),
                capabilities: Vec::new(),
                no_new_privs: true,
                seccomp: "allow-list/1".to_owned(),
                memory: Enforcement::NotEnforced { why: "this user may not make a cgroup".to_owned() },
                processes: enforced(4096, "RLIMIT_NPROC"),
                file_size: enforced(8 << 30, "RLIMIT_FSIZE"),
                wall: enforced(3600, "timer"),
            },
        },
        source_date_epoch: 1_704_164_645,
        normalizers: vec![NormalizerRecord { name: "wheel-zip".to_owned(), version: 1 }],
        plan: Sha256::of("plan"),
        builder: ResourceDescriptor::named("python-build", &Sha256::of("builder")),
        byproducts: vec![
            byproduct("build.log", "text/plain"),
            byproduct("packages.json", "application/json"),
            byproduct("environment.json", "application/json"),
        ],
        run: RunRecord {
            trust: TrustMode::Local,
            version: "0.1.0".to_owned(),
            invocation_id: "urn:uuid:3f1c9a52-0d0c-4d55-9a0e-6d7f1f0a2b11".to_owned(),
            started: 1_772_000_000,
            finished: 1_772_000_004,
        },
    }
}

/// The record of the example in `docs/build-types/bundle-v1.md`.
fn bundle() -> Record {
    let mut record = record();
    record.subject = SubjectRecord {
        name: "demo-linux-x86_64.zip".to_owned(),
        sha256: Sha256::of("demo-linux-x86_64.zip"),
    };
    record.build_type = build_type("bundle");
    record.builder = ResourceDescriptor::named("bundle", &Sha256::of("builder"));
    record.target = "function".parse().unwrap();
    let written = [
        ("builder", json!("bundle")),
        ("requirements", json!("requirements.txt")),
        ("files", json!(["handler.py", "app"])),
        ("format", json!("zip")),
    ];
    record.config.written = written.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
    record.config.options = serde_json::Map::new();
    record.normalizers = vec![NormalizerRecord { name: "archive-zip".to_owned(), version: 1 }];
    let lock = &mut record.lock.slice;
    if let ImageContent::Assembled(image) = &mut lock.images[0].content {
        image.include = vec!["python3".to_owned()];
        image.packages.retain(|package| package.name == "libc6");
    }
    let target = &mut lock.targets[0];
    target.name = record.target.clone();
    target.requirements = vec![lock::requirements("requirements.txt")];
    target.requires.clear();
    target.hooks.clear();
    target.distributions = vec![
        lock::distribution(Role::Runtime, "idna", "3.11", &["requests"]),
        lock::distribution(Role::Runtime, "requests", "2.32.5", &["requirements.txt"]),
    ];
    record.lock.file = record.lock.slice.digest();
    record
}

/// The record of the example in `docs/build-types/pyinstaller-v1.md`.
fn pyinstaller() -> Record {
    let mut record = bundle();
    record.subject = SubjectRecord {
        name: "demo-linux-x86_64.tar.gz".to_owned(),
        sha256: Sha256::of("demo-linux-x86_64.tar.gz"),
    };
    record.build_type = build_type("pyinstaller");
    record.builder = ResourceDescriptor::named("pyinstaller", &Sha256::of("builder"));
    record.target = "app".parse().unwrap();
    let written = [
        ("builder", json!("pyinstaller")),
        ("requirements", json!("requirements.txt")),
        ("name", json!("demo")),
        ("options", json!({ "script": "demo/__main__.py", "data": ["demo/templates"], "strip": true })),
    ];
    record.config.written = written.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
    record.normalizers = vec![NormalizerRecord { name: "archive-tar-gz".to_owned(), version: 1 }];
    let lock = &mut record.lock.slice;
    if let ImageContent::Assembled(image) = &mut lock.images[0].content {
        image.include = ["binutils", "libpython3-dev", "python3"].map(str::to_owned).to_vec();
    }
    let target = &mut lock.targets[0];
    target.name = record.target.clone();
    target.distributions.push(lock::distribution(Role::Tool, "pyinstaller", "6.22.3", &["builder"]));
    target.distributions.sort();
    record.lock.file = record.lock.slice.digest();
    record
}

fn commit() -> CommitIdentity {
    let id = |digit: &str| digit.repeat(40).parse().unwrap();
    CommitIdentity {
        uri: Some("git+https://git.example/team/demo".to_owned()),
        reference: Some("refs/heads/main".to_owned()),
        commit: id("1"),
        tree: id("2"),
        subdirectory: None,
        tags: vec![TagIdentity { name: "v1.0".to_owned(), commit: id("1"), object: Some(id("3")) }],
        submodules: vec![SubmoduleIdentity {
            path: "vendor/lib".to_owned(),
            uri: Some("git+https://git.example/team/lib".to_owned()),
            commit: id("4"),
            tree: id("5"),
        }],
        shallow: Vec::new(),
    }
}

fn statement() -> Statement {
    record().statement().unwrap()
}

fn as_json(statement: &Statement) -> Value {
    serde_json::from_str(&statement.to_line()).unwrap()
}

/// The statement with something changed, read again.
fn changed(change: impl FnOnce(&mut Value)) -> Statement {
    let mut value = as_json(&statement());
    change(&mut value);
    Statement::parse(value.to_string().as_bytes()).unwrap()
}

fn dependencies(value: &mut Value) -> &mut Vec<Value> {
    value.pointer_mut("/predicate/buildDefinition/resolvedDependencies").unwrap().as_array_mut().unwrap()
}

#[test]
fn the_examples_of_the_build_types_pages_are_what_we_write() {
    let pages = [("python-build", record()), ("bundle", bundle()), ("pyinstaller", pyinstaller())];
    assert_eq!(std::fs::read_dir(repository().join("docs/build-types")).unwrap().count(), pages.len());
    for (builder, record) in pages {
        let path = repository().join(format!("docs/build-types/{builder}-v1.md"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&format!("# Build type `{}`\n", build_type(builder))), "{builder}");
        let (before, rest) = text.split_once("```json\n").unwrap();
        let (shown, after) = rest.split_once("```\n").unwrap();
        let made = record.statement().unwrap().to_pretty();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, format!("{before}```json\n{made}```\n{after}")).unwrap();
            continue;
        }
        assert_eq!(shown, made, "run this test with UPDATE_DOCS=1 to write the page anew");
        // A page names every parameter that its example has.
        let definition =
            serde_json::to_value(&record.statement().unwrap().predicate().build_definition).unwrap();
        for parameters in ["externalParameters", "internalParameters"] {
            for name in definition[parameters].as_object().unwrap().keys() {
                assert!(before.contains(&format!("`{name}`")), "{builder}: {name}");
            }
        }
    }
}

#[test]
fn a_statement_is_one_line_and_read_as_it_is_written() {
    let line = statement().to_line();
    assert_eq!(line.matches('\n').count(), 1);
    assert!(line.starts_with(r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"#));
    assert_eq!(Statement::parse_file(line.as_bytes()).unwrap(), statement());
    assert_eq!(Statement::parse(statement().to_pretty().as_bytes()).unwrap().to_line(), line);
    assert_eq!(file_name("x-1.whl"), "x-1.whl.intoto.jsonl");
}

#[test]
fn two_builds_of_one_commit_differ_only_in_invocation_and_times() {
    let mut other = record();
    other.run.invocation_id = "urn:uuid:00000000-0000-4000-8000-000000000000".to_owned();
    (other.run.started, other.run.finished) = (1_800_000_000, 1_800_000_009);
    let (mut one, mut two) = (as_json(&statement()), as_json(&other.statement().unwrap()));
    assert_ne!(one, two);
    for value in [&mut one, &mut two] {
        value["predicate"]["runDetails"]["metadata"] = Value::Null;
    }
    assert_eq!(one.to_string(), two.to_string());
}

#[test]
fn statements_of_every_kind_of_source_are_valid_against_slsa_s_schema() {
    let schema =
        std::fs::read(repository().join("tests/fixtures/slsa-schema/slsa_provenance_v1.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let sha256 = Sha256::of("x");
    let sources = [
        SourceIdentity::Commit(commit()),
        SourceIdentity::Commit(CommitIdentity {
            uri: None,
            reference: None,
            tags: Vec::new(),
            submodules: Vec::new(),
            shallow: vec!["6".repeat(40).parse().unwrap()],
            ..commit()
        }),
        SourceIdentity::Dirty { head: commit(), tree: sha256 },
        SourceIdentity::Archive { name: "demo-1.0.tar.gz".to_owned(), sha256 },
        SourceIdentity::Folder { tree: sha256 },
    ];
    let mut shown = Vec::new();
    for source in sources {
        let mut record = record();
        record.source = source;
        let value = as_json(&record.statement().unwrap());
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        let definition = &value["predicate"]["buildDefinition"];
        shown.push(definition["externalParameters"]["source"].to_string());
        shown.push(definition["resolvedDependencies"][0].to_string());
    }
    insta::assert_snapshot!(shown.join("\n"), @r#"
    {"uri":"git+https://git.example/team/demo","ref":"refs/heads/main"}
    {"name":"source","uri":"git+https://git.example/team/demo@refs/heads/main","digest":{"gitCommit":"1111111111111111111111111111111111111111"},"annotations":{"gitTree":"2222222222222222222222222222222222222222","tags":[{"name":"v1.0","gitCommit":"1111111111111111111111111111111111111111","gitTag":"3333333333333333333333333333333333333333"}]}}
    {}
    {"name":"source","digest":{"gitCommit":"1111111111111111111111111111111111111111"},"annotations":{"gitTree":"2222222222222222222222222222222222222222","shallow":["6666666666666666666666666666666666666666"]}}
    {"uri":"git+https://git.example/team/demo","ref":"refs/heads/main","allowDirty":"true"}
    {"name":"source","digest":{"sha256":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},"annotations":{"folder":".","dirty":"true","basedOn":"git+https://git.example/team/demo@refs/heads/main","basedOnCommit":"1111111111111111111111111111111111111111","tags":[{"name":"v1.0","gitCommit":"1111111111111111111111111111111111111111","gitTag":"3333333333333333333333333333333333333333"}]}}
    {"archive":"demo-1.0.tar.gz"}
    {"name":"source","digest":{"sha256":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},"annotations":{"archive":"demo-1.0.tar.gz"}}
    {"folder":"."}
    {"name":"source","digest":{"sha256":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},"annotations":{"folder":"."}}
    "#);
    // And the judge is awake.
    let mut wrong = as_json(&statement());
    dependencies(&mut wrong)[0]["digest"] = json!({ "gitTree": "22" });
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn a_dirty_tree_is_never_called_by_its_commit() {
    let mut record = record();
    record.source = SourceIdentity::Dirty { head: commit(), tree: Sha256::of("tree") };
    let source = record.statement().unwrap().predicate().build_definition.resolved_dependencies[0].clone();
    assert_eq!(source.digest.get("gitCommit"), None);
    assert_eq!(source.digest.as_sha256(), Some(Sha256::of("tree")));
    assert_eq!(source.uri, "");
}

/// The PyPI package of the in-toto project reads and validates what we write.
#[test]
fn in_toto_s_own_library_takes_the_statement() {
    let python = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("judges/bin/python");
    if !python.exists() {
        skipped!("in-toto-attestation is not installed: tests/setup.sh does it");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), statement().to_line()).unwrap();
    let script = "import sys\n\
        from google.protobuf.json_format import MessageToDict, Parse, ParseDict\n\
        from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor\n\
        from in_toto_attestation.v1.statement import Statement\n\
        import in_toto_attestation.v1.statement_pb2 as spb\n\
        import in_toto_attestation.predicates.provenance.v1.provenance_pb2 as ppb\n\
        s = Statement.copy_from_pb(Parse(open(sys.argv[1]).read(), spb.Statement()))\n\
        s.validate()\n\
        p = ParseDict(MessageToDict(s.pb.predicate), ppb.Provenance())\n\
        d = p.build_definition.resolved_dependencies\n\
        for r in [*d, *p.run_details.byproducts, *p.run_details.builder.builder_dependencies]:\n    \
            ResourceDescriptor.copy_from_pb(r).validate()\n\
        print(s.pb.subject[0].name, len(d))";
    let judged = Command::new(&python).args(["-I", "-c", script]).arg(file.path()).output().unwrap();
    let stdout = String::from_utf8_lossy(&judged.stdout);
    let count = statement().predicate().build_definition.resolved_dependencies.len();
    let expected = format!("demo-1.0-py3-none-any.whl {count}\n");
    assert_eq!(stdout, expected, "{}", String::from_utf8_lossy(&judged.stderr));
}

#[test]
fn the_lock_is_made_again_byte_for_byte() {
    let slice = record().lock.slice;
    let read = Statement::parse_file(statement().to_line().as_bytes()).unwrap();
    assert_eq!(lock_from_statement(&read).unwrap().to_text(), slice.to_text());
    // The order of dependencies says nothing.
    let reversed = changed(|value| dependencies(value).reverse());
    assert_eq!(lock_from_statement(&reversed).unwrap().to_text(), slice.to_text());
}

proptest! {
    #[test]
    fn every_lock_is_made_again_byte_for_byte(lock in lock::locks()) {
        let lock = Lock::parse(&lock.to_text()).unwrap();
        let mut record = record();
        record.lock = LockRecord { file: lock.digest(), slice: lock.clone() };
        let line = record.statement().unwrap().to_line();
        let statement = Statement::parse_file(line.as_bytes()).unwrap();
        prop_assert_eq!(statement.to_line(), line);
        prop_assert_eq!(lock_from_statement(&statement).unwrap().to_text(), lock.to_text());
    }
}

#[test]
fn a_statement_that_does_not_hold_its_lock_says_what_is_missing() {
    let refusal = |change: &dyn Fn(&mut Vec<Value>)| {
        let error = lock_from_statement(&changed(|value| change(dependencies(value)))).unwrap_err();
        assert_eq!(error.blame(), Blame::Verification);
        error.to_string()
    };
    let at = |list: &mut Vec<Value>, name: &str| list.iter().position(|item| item["name"] == name).unwrap();
    let of = |list: &'static str| {
        move |change: fn(&mut Value)| {
            refusal(&|items: &mut Vec<Value>| {
                let index = at(items, list);
                change(&mut items[index]);
            })
        }
    };
    let (file, image, deb) = (of("sealwright.lock"), of("debian:bookworm"), of("libc6"));
    let wheel = of("wheel-0.45.1-py3-none-any.whl");
    let messages = [
        refusal(&|items| items.retain(|item| item["name"] != "sealwright.lock")),
        refusal(&|items| items.retain(|item| item["name"] != "debian:bookworm")),
        refusal(&|items| items.push(items[at(&mut items.clone(), "debian:bookworm")].clone())),
        refusal(&|items| items.push(items[at(&mut items.clone(), "libc6")].clone())),
        file(|item| item["annotations"]["version"] = "2".into()),
        file(|item| item["annotations"]["hooks"] = json!({ "x": 1 })),
        file(|item| item["annotations"]["slice"] = "abc".into()),
        image(|item| item["annotations"]["suites"] = json!([{ "name": 1 }])),
        image(|item| item["annotations"]["recipe"] = Value::Null),
        deb(|item| item["uri"] = "pkg:deb/debian/libc6@1".into()),
        deb(|item| item["annotations"]["path"] = "../../etc/passwd".into()),
        wheel(|item| item["digest"]["sha256"] = "00".into()),
        wheel(|item| item["annotations"]["role"] = "boss".into()),
    ];
    insta::assert_snapshot!(messages.join("\n"), @r#"
    statement has 0 resolved dependencies that are the lock, expected 1
    statement has 0 resolved dependencies that are the base image, expected 1
    statement has 2 resolved dependencies that are the base image, expected 1
    resolved dependencies make no valid lock
    statement was made with a lock of version 2, this sealwright reads version 1
    resolved dependency "sealwright.lock": hooks is {"x":1}, expected lists of texts
    resolved dependency "sealwright.lock": slice is "abc", expected an object with a sha256
    resolved dependency "debian:bookworm": suites is [{"name":1}], expected a list of objects with name, archive and date
    resolved dependency "debian:bookworm": recipe is null, expected a number
    resolved dependency "libc6": uri is "pkg:deb/debian/libc6@1", expected a package URL with arch
    resolved dependencies make no valid lock
    resolved dependency "wheel-0.45.1-py3-none-any.whl": digest is ["sha256"], expected a sha256
    resolved dependency "wheel-0.45.1-py3-none-any.whl": role is "boss", expected build, runtime or tool
    "#);
    let digest = wheel(|item| item["digest"]["sha256"] = Sha256::of("other").to_string().into());
    assert!(digest.starts_with("lock made from the statement has digest"), "{digest}");
    let missing = refusal(&|items| items.retain(|item| item["name"] != "libc6"));
    assert!(missing.ends_with("dependencies are missing or changed"), "{missing}");
}

#[test]
fn unset_null_and_empty_are_equal_and_unknown_fields_ignored() {
    let mut record = record();
    record.byproducts.clear();
    let plain = record.statement().unwrap();
    let mut value = as_json(&plain);
    value["predicate"]["runDetails"]["byproducts"] = Value::Null;
    value["predicate"]["runDetails"]["sealwright_more"] = json!({ "a": [1] });
    value["predicate"]["runDetails"]["builder"]["id2"] = 1.into();
    value["subject"][0]["uri"] = "".into();
    value["subject"][0]["annotations"] = json!({});
    assert_eq!(Statement::parse(value.to_string().as_bytes()).unwrap(), plain);
    // But not where a verifier must see them.
    value["predicate"]["buildDefinition"]["externalParameters"]["more"] = 1.into();
    let read = Statement::parse(value.to_string().as_bytes()).unwrap();
    assert!(read.predicate().build_definition.external_parameters.contains_key("more"));
}

#[test]
fn what_is_no_statement_of_ours_says_so() {
    let refusal = |bytes: &[u8]| {
        let error = Statement::parse_file(bytes).unwrap_err();
        assert_eq!(error.blame(), Blame::Verification);
        match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }
    };
    let with = |pointer: &str, new: Value| {
        let mut value = as_json(&statement());
        *value.pointer_mut(pointer).unwrap() = new;
        refusal(value.to_string().as_bytes())
    };
    let line = statement().to_line();
    let twice = line.replacen("{\"_type\"", "{\"_type\":\"x\",\"_type\"", 1);
    let messages = [
        refusal(b""),
        refusal(b"not json"),
        refusal(format!("{line}{line}").as_bytes()),
        refusal(twice.as_bytes()),
        refusal(format!("{}1{}", "[".repeat(100), "]".repeat(100)).as_bytes()),
        with("/_type", "https://in-toto.io/Statement/v0.2".into()),
        with("/predicateType", "https://slsa.dev/provenance/v0.2".into()),
        with("/subject", json!([])),
        with("/subject/0/digest", json!({})),
        with("/subject/0/digest/sha256", "ABC".into()),
        with("/subject/0/name", Value::Null),
        with("/predicate/buildDefinition/buildType", "".into()),
        with("/predicate/runDetails", Value::Null),
        with("/predicate/runDetails/metadata/startedOn", "today".into()),
    ];
    insta::assert_snapshot!(messages.join("\n"), @r#"
    expected one statement on one line, found 0 lines
    statement is no acceptable JSON: expected ident at line 1 column 2
    expected one statement on one line, found 2 lines
    statement is no acceptable JSON: key "_type" twice in one object at line 1 column 20
    statement is no acceptable JSON: nested too deeply at line 1 column 33
    statement's _type is "https://in-toto.io/Statement/v0.2", expected https://in-toto.io/Statement/v1
    statement's predicateType is "https://slsa.dev/provenance/v0.2", expected https://slsa.dev/provenance/v1
    statement's subject is "[]", expected at least one
    statement's subject.digest is "demo-1.0-py3-none-any.whl", expected digests in lower-case hexadecimal digits
    statement's subject.digest is "demo-1.0-py3-none-any.whl", expected digests in lower-case hexadecimal digits
    statement's subject.name is "", expected a name
    statement's predicate.buildDefinition.buildType is "", expected a URI
    statement does not have the fields of in-toto Statement v1 with SLSA Provenance v1: invalid type: null, expected struct RunDetails
    statement does not have the fields of in-toto Statement v1 with SLSA Provenance v1: not an RFC 3339 time in UTC: "today"
    "#);
}

#[test]
fn an_envelope_carries_the_statement_s_bytes() {
    let signature = Signature { keyid: String::new(), sig: "aGk=".to_owned() };
    let envelope = Envelope::of(&statement(), vec![signature]);
    let read = Envelope::parse(envelope.to_line().as_bytes()).unwrap();
    assert_eq!(read, envelope);
    let payload = read.payload().unwrap();
    assert_eq!(payload, Envelope::signed_bytes(&statement()));
    assert_eq!(Statement::parse(&payload).unwrap(), statement());
    assert!(pae(read.payload_type(), &payload).starts_with(b"DSSEv1 28 application/vnd.in-toto+json "));
    assert!(!envelope.to_line().contains("keyid"));
}

#[test]
fn a_statement_is_one_screen_for_people() {
    insta::assert_snapshot!(statement_text(&statement(), &Signing::Unsigned, Style::plain(100)), @r"
    demo-1.0-py3-none-any.whl
      digest        sha256:8a16d69d233508f739f1f56adc2ceb31548ded6c7e6fb1cd56532f6fb44c6d85
      signature     unsigned: anybody could have written this statement
      build type    https://sealwright.dev/build-types/python-build/v1
      builder       https://sealwright.dev/builders/local/v1
                    engine-native 1
                    sealwright 0.1.0
      built         2026-02-25T06:13:20Z, in 4 s

    Asked for
      source        uri git+https://git.example/team/demo, ref refs/heads/main
      target        dist
      configPath    sealwright.toml
      configuration builder python-build, python 3.11, system-packages gcc
      options       configSettings --build-option --quiet

    In the box
      source        git+https://git.example/team/demo@refs/heads/main
                    gitCommit:1111111111111111111111111111111111111111
      source        git+https://git.example/team/lib gitCommit:4444444444444444444444444444444444444444
      file          sealwright.toml
                    sha256:b79606fb3afea5bd1609ed40b622142f1c98125abcfe89a76a661b0e8e343910
      file          sealwright.lock
                    sha256:744ce27e2addd7fdf20c66278a0387d7fc366d72f7cb56d5159e212f4ceb7afa
      base image    debian:bookworm linux/amd64
                    sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d
                    assembled from 2 Debian packages
      build needs   2: setuptools 80.9.0, wheel 0.45.1
      tools         1: build 1.3.0+local.1

    Enforced
      engine        native
      isolation     namespaces cgroup ipc mnt net pid user uts, network none, root read-only,
                    capabilities none, noNewPrivs true, seccomp allow-list/1
      limits        memoryBytes: not enforced: this user may not make a cgroup
                    processes: 4096, enforced by RLIMIT_NPROC
                    fileSizeBytes: 8589934592, enforced by RLIMIT_FSIZE
                    wallSeconds: 3600, enforced by timer
      sourceDateEpoch 1704164645
      normalizers   wheel-zip (version 1)
      plan          sha256 64879f7d6b960a01909762d911a32d4582c20010c5641ee90278b644a9e3b525

    Also kept
      build.log     sha256:906be301a25b186e911bc2e6e760e4cbaf9f3d6f3315dbddb5833f95d3fb2a01
      packages.json sha256:c508188958b68ce78976e33b66f47762f45f4a7bc134c5781cc38ee9ee81589a
      environment.json sha256:fdcb1e397fc147d765b6f9b67e4d80661ecd061be792a006519ab3da1bbc0c43
    ");
    let narrow = statement_text(&statement(), &Signing::Unsigned, Style::plain(40));
    assert!(narrow.lines().count() > 60);
}

#[test]
fn a_hostile_statement_cannot_write_to_the_terminal() {
    let hostile = changed(|value| {
        value["subject"][0]["name"] = "x\u{1b}[2J\n\u{202e}y".into();
        value["predicate"]["buildDefinition"]["externalParameters"]["\u{1b}]0;x\u{7}"] = "a\rb\u{9b}".into();
    });
    let text = statement_text(&hostile, &Signing::Unsigned, Style::plain(80));
    assert!(text.chars().all(|sign| sign == '\n' || !sign.is_control()));
    assert!(text.starts_with("x\u{fffd}[2J\u{fffd}\u{fffd}y\n"), "{text}");
}

#[test]
fn source_and_options_are_made_again_from_a_statement() {
    use sealwright::record::{StatedSource, options_from_statement, source_from_statement};
    use sealwright::source::SourceIdentity;
    let record = record();
    let statement = record.statement().unwrap();
    let SourceIdentity::Commit(head) = &record.source else { panic!("the example is a commit") };
    assert!(!head.tags.is_empty() && !head.submodules.is_empty());
    assert_eq!(source_from_statement(&statement).unwrap(), StatedSource::Commit(head.clone()));
    let external = &statement.predicate().build_definition.external_parameters;
    let options = options_from_statement(external["options"].as_object().unwrap()).unwrap();
    assert_eq!(options.config_settings["--build-option"], ["--quiet"]);
    assert!(!options.no_normalize && options.outputs.is_empty());
    // Names that become files and references in the box are names and nothing else.
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut whole: serde_json::Value = serde_json::from_str(&statement.to_line()).unwrap();
        change(&mut whole["predicate"]["buildDefinition"]);
        source_from_statement(&Statement::from_value(whole).unwrap())
    };
    for name in ["a b", "a\nb", "../x", "x..y", "/x", "x:y", ""] {
        let error = changed(&|definition| {
            definition["resolvedDependencies"][0]["annotations"]["tags"][0]["name"] = name.into();
        });
        assert!(error.is_err(), "{name:?}");
        let error = changed(&|definition| definition["externalParameters"]["source"]["ref"] = name.into());
        assert!(error.is_err(), "{name:?}");
    }
    for name in ["../x.tar.gz", "a/b.tar.gz", "..", ""] {
        let error = changed(&|definition| {
            let source = &mut definition["resolvedDependencies"][0];
            source["digest"] = serde_json::json!({ "sha256": "0".repeat(64) });
            source["annotations"]["archive"] = name.into();
        });
        assert!(error.is_err(), "{name:?}");
    }
}
