//! What stands in the way of a rebuild: each has its own words and code, and is a result that is written.

use sealwright::sign::{Format, sign_payload};
use serde_json::Value;

use super::{Recorded, Released, SDIST, WHEEL, changed, predicate, statement_of};
use crate::build::{own_copy, sample};
use crate::context::{Outcome, Project};

/// Asserts a failure, and that the result says the same.
#[track_caller]
fn fails(recorded: &Recorded, outcome: Outcome, code: i32, stage: &str, words: &str) {
    let outcome = outcome.code(code).stderr_has(words);
    assert_eq!(outcome.stdout, "");
    let result = recorded.result();
    assert_eq!(result["verdict"], "not-built", "{result:#}");
    assert_eq!(result["failure"]["stage"], stage, "{result:#}");
    assert_eq!(result["failure"]["exitCode"], code, "{result:#}");
    let text = result.to_string();
    for folder in [recorded.away.path(), recorded.away.store(), &recorded.away.home()] {
        assert!(!text.contains(&*folder.to_string_lossy()), "a folder of this host is in {text}");
    }
}

fn as_value(recorded: &Recorded, output: &str) -> Value {
    let mut whole = Value::Null;
    changed(recorded, output, |statement| whole = statement.clone());
    whole
}

#[test]
fn a_forged_statement_is_refused_before_anything_that_it_says_is_done() {
    let released = Released::new(sample(""));
    let recorded = released.record();
    let good = recorded.away.read(&statement_of(WHEEL));
    let clone = released.project.path().to_string_lossy().into_owned();
    // By another key, with another payload under the same signature, without a signature.
    let by_other = recorded.rebuild(WHEEL, &["--key", "rebuild.pub", "--source", &clone]);
    fails(&recorded, by_other, 4, "verification", "the statement does not verify: signature");
    let mut envelope: Value = serde_json::from_str(&good).unwrap();
    let other: Value = serde_json::from_str(&recorded.away.read(&statement_of(SDIST))).unwrap();
    envelope["payload"] = other["payload"].clone();
    recorded.away.write(&statement_of(WHEEL), envelope.to_string());
    fails(
        &recorded,
        recorded.by_key(WHEEL, &[]),
        4,
        "verification",
        "the statement does not verify: signature",
    );
    recorded.away.write(&statement_of(WHEEL), good);
    as_value(&recorded, WHEEL);
    fails(&recorded, recorded.by_key(WHEEL, &[]), 4, "verification", "the statement is not signed");
    // What is no statement at all.
    recorded.away.write(&statement_of(WHEEL), "{}\n");
    fails(&recorded, recorded.by_key(WHEEL, &[]), 4, "statement", "is no statement of a build");
}

#[test]
fn nobody_to_believe_is_a_question_of_usage() {
    let recorded = Released::new(sample("")).record();
    let none = recorded.rebuild(WHEEL, &["--source", "."]).code(2);
    assert!(none.stderr.contains("nobody is to be believed"), "{}", none.stderr);
    recorded.rebuild(WHEEL, &["--unsigned"]).code(2).stderr_has("--source");
    recorded.rebuild(WHEEL, &["--key", "release.pub", "--unsigned", "--source", "."]).code(2);
}

#[test]
fn a_source_that_is_gone_is_told_apart_from_one_that_is_another() {
    let released = Released::new(sample(""));
    let recorded = released.record();
    let commit = released.project.git_run(&["rev-parse", "HEAD"]);
    // The history was rewritten, and the old commit swept away.
    released.project.write("probe.py", "# rewritten\n");
    released.project.git_run(&["add", "--all"]);
    released.project.git_run(&["commit", "--quiet", "--amend", "--message", "other"]);
    std::fs::remove_dir_all(released.server.place("demo")).unwrap();
    released.server.push(&released.project, "demo");
    let gone = recorded.by_key(WHEEL, &[]);
    fails(&recorded, gone, 3, "source", &format!("commit {commit} is not in git+http://127.0.0.1:"));
    let other = Project::new().file("a", "a").git();
    let clone = other.path().to_string_lossy().into_owned();
    let gone = recorded.by_key(WHEEL, &["--source", &clone]);
    fails(&recorded, gone, 3, "source", &format!("commit {commit} is not in "));
    // The whole repository.
    std::fs::remove_dir_all(released.server.place("demo")).unwrap();
    fails(&recorded, recorded.by_key(WHEEL, &[]), 7, "source", "answered 404");
    fails(&recorded, recorded.by_key(WHEEL, &["--offline"]), 7, "source", "the network may not be used");
    fails(
        &recorded,
        recorded.rebuild(WHEEL, &["--key", "release.pub"]),
        7,
        "source",
        "--allow-private-network only",
    );
    changed(&recorded, WHEEL, |statement| {
        statement["predicate"]["buildDefinition"]["externalParameters"]["source"]["uri"] =
            "git+https://127.0.0.1/x".into();
    });
    let signed = recorded.away.run(&["sign", &statement_of(WHEEL), "--key", "rebuild.key"]);
    assert_ne!(signed.code, Some(0), "a key signs only for outputs that are there");
}

#[test]
fn a_statement_does_not_lead_into_a_private_network() {
    let recorded = Released::new(sample("")).record();
    for uri in [
        "git+https://127.0.0.1:1/x",
        "git+https://localhost/x",
        "git+ssh://git@10.0.0.1/x",
        "git+https://[::1]/x",
    ] {
        changed_and_signed(&recorded, uri);
        let outcome = recorded.rebuild(WHEEL, &["--key", "rebuild.pub"]);
        assert_eq!(recorded.result()["failure"]["stage"], "source");
        let words = if uri.contains('@') { "holds a login" } else { "of this host or of a private network" };
        let outcome = outcome.stderr_has(words);
        assert_ne!(outcome.code, Some(0));
    }
}

fn changed_and_signed(recorded: &Recorded, uri: &str) {
    let path = statement_of(WHEEL);
    let envelope = sealwright::provenance::Envelope::parse(recorded.away.read(&path).as_bytes()).unwrap();
    let mut whole: Value = serde_json::from_slice(&envelope.payload().unwrap()).unwrap();
    whole["predicate"]["buildDefinition"]["externalParameters"]["source"]["uri"] = uri.into();
    let signed = sign_payload(whole.to_string().as_bytes(), &crate::adversarial::key(9)).unwrap();
    recorded.away.write(&path, signed.to_line(Format::Dsse).unwrap());
}

#[test]
fn a_changed_lock_is_no_lock_of_this_build() {
    let released = Released::new(sample(""));
    let clone = released.project.path().to_string_lossy().into_owned();
    let unsigned = ["--unsigned", "--source", clone.as_str()];
    let recorded = released.record();
    // A package less than was locked.
    changed(&recorded, WHEEL, |statement| {
        let list = &mut statement["predicate"]["buildDefinition"]["resolvedDependencies"];
        let list = list.as_array_mut().unwrap();
        let position =
            list.iter().position(|one| one["uri"].as_str().is_some_and(|uri| uri.starts_with("pkg:deb/")));
        list.remove(position.unwrap());
    });
    fails(
        &recorded,
        recorded.rebuild(WHEEL, &unsigned),
        3,
        "record",
        "the lock cannot be made again from the statement",
    );
    // Whole in itself, but of another configuration.
    let recorded = released.record();
    changed(&recorded, WHEEL, |statement| {
        statement["predicate"]["buildDefinition"]["externalParameters"]["configuration"]["system-packages"] =
            serde_json::json!(["libffi-dev"]);
    });
    fails(
        &recorded,
        recorded.rebuild(WHEEL, &unsigned),
        3,
        "build",
        "not one of its source and configuration: system package libffi-dev",
    );
}

#[test]
fn a_statement_by_a_newer_version_is_told_so() {
    let released = Released::new(sample(""));
    let clone = released.project.path().to_string_lossy().into_owned();
    let unsigned = ["--unsigned", "--source", clone.as_str()];
    let definition = "/predicate/buildDefinition";
    let newer: [(&str, Value, &str); 5] = [
        ("/buildType", "https://sealwright.dev/build-types/python-build/v2".into(), "the build type"),
        (
            "/externalParameters/options",
            serde_json::json!({ "parallel": "4" }),
            "the external parameter \"options.parallel\"",
        ),
        ("/externalParameters/phase", "of the moon".into(), "the external parameter \"phase\""),
        (
            "/internalParameters/normalizers",
            serde_json::json!([{ "name": "wheel-zip", "version": "2" }]),
            "version \"2\" of the normalizer",
        ),
        ("/resolvedDependencies", Value::Null, "locks of version 2"),
    ];
    for (path, value, words) in newer {
        let recorded = released.record();
        changed(&recorded, WHEEL, |statement| {
            statement["predicate"]["runDetails"]["builder"]["version"]["sealwright"] = "9.0.0".into();
            let definition = statement.pointer_mut(definition).unwrap();
            match path.rsplit_once('/').unwrap() {
                (_, "resolvedDependencies") => {
                    let list = definition["resolvedDependencies"].as_array_mut().unwrap();
                    let lock = list.iter_mut().find(|one| one["name"] == "sealwright.lock").unwrap();
                    lock["annotations"]["version"] = "2".into();
                }
                (above, last) => definition.pointer_mut(above).unwrap()[last] = value,
            }
        });
        let words = format!("was written by sealwright 9.0.0, and this one does not know {words}");
        fails(&recorded, recorded.rebuild(WHEEL, &unsigned), 2, "record", &words);
    }
    // The builder's folder is another one: nothing of it is here.
    let recorded = released.record();
    changed(&recorded, WHEEL, |statement| {
        statement["predicate"]["runDetails"]["builder"]["builderDependencies"][0]["digest"]["sha256"] =
            "0".repeat(64).into();
    });
    fails(&recorded, recorded.rebuild(WHEEL, &unsigned), 3, "build", "builder python-build is another one");
}

#[test]
fn a_missing_blob_and_a_vanished_index_are_told() {
    let project = own_copy(Project::copy_of("examples/hello").host_indexes().git());
    project.run(&["build"]).code(0);
    let clone = project.path().to_string_lossy().into_owned();
    let statement = project
        .names("provenance")
        .into_iter()
        .find(|name| name.contains(".whl"))
        .map(|name| format!("provenance/{name}"))
        .unwrap();
    std::fs::remove_dir_all(project.join("dist")).unwrap();
    // A wheel of the build environment is gone from the store, and what was made of it.
    let whole: Value = serde_json::from_str(&project.read(&statement)).unwrap();
    let list = whole["predicate"]["buildDefinition"]["resolvedDependencies"].as_array().unwrap();
    let build = list.iter().find(|one| one["annotations"]["role"] == "build").unwrap();
    let digest: sealwright::digest::Sha256 = build["digest"]["sha256"].as_str().unwrap().parse().unwrap();
    let store = sealwright::store::Store::open(project.store()).unwrap();
    std::fs::remove_file(store.blob_path(&digest)).unwrap();
    let trees = project.store().join("trees/environment");
    if trees.is_dir() {
        sealwright::store::remove_tree(&trees).unwrap();
        std::fs::create_dir(&trees).unwrap();
    }
    let arguments =
        ["rebuild", &statement, "--unsigned", "--source", &clone, "--result", "../home/result.json"];
    let file = build["name"].as_str().unwrap();
    let offline = [&arguments[..], &["--offline"]].concat();
    project.run(&offline).code(7).stderr_has("is not in the store").stderr_has(file);
    assert_eq!(predicate(&project, "../home/result.json")["failure"]["stage"], "build");
    let project = project
        .env("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
        .env("PIP_RETRIES", "0")
        .env("NO_PROXY", "127.0.0.1");
    let project = project
        .env("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
        .env("UV_INDEX_URL", "http://127.0.0.1:9/simple");
    project.run(&arguments).code(7).stderr_has("cannot get http://127.0.0.1:9/simple/");
    assert_eq!(predicate(&project, "../home/result.json")["failure"]["exitCode"], 7);
}

#[test]
fn a_build_that_fails_now_is_a_result() {
    let released = Released::new(sample("assert not (SETTINGS or {}).get('fail')\n"));
    let recorded = released.record();
    let clone = released.project.path().to_string_lossy().into_owned();
    changed(&recorded, WHEEL, |statement| {
        let external = &mut statement["predicate"]["buildDefinition"]["externalParameters"];
        external["options"] = serde_json::json!({ "configSettings": { "fail": "now" } });
    });
    let outcome = recorded.rebuild(WHEEL, &["--unsigned", "--source", &clone]);
    fails(&recorded, outcome, 1, "build", "Backend subprocess exited");
}
