//! `sealwright build` and `lock` from outside: the main job, and each way in which it fails.

mod failures;
mod faults;
mod locking;

use sealwright::provenance::Statement;
use sealwright::record::lock_from_statement;

use crate::context::Project;

/// A checkout of a project whose backend needs nothing, with a `probe.py` that runs in the box. The archive is the
/// frozen one, so that all tests share one image.
pub fn sample(probe: &str) -> Project {
    Project::copy_of("tests/fixtures/sample")
        .host_indexes()
        .file("probe.py", probe)
        .file("sealwright.toml", "[target.dist]\nsuites = [\"bookworm\"]\n")
        .git()
}

/// The project locked, with a copy of the shared store in which a test may break things: the files are the same
/// until one is replaced.
pub fn own_copy(project: Project) -> Project {
    project.run(&["lock"]).code(0);
    project.run(&["fetch"]).code(0);
    let project = project.own_store();
    std::fs::create_dir(project.store()).unwrap();
    for part in ["blobs", "trees", "actions", "documents", "version"] {
        let copy = |how: &str| {
            let from = crate::context::shared_store().join(part);
            std::process::Command::new("cp")
                .arg(how)
                .arg(from)
                .arg(project.store())
                .status()
                .unwrap()
                .success()
        };
        assert!(copy("-al") || copy("-a"), "{part}");
    }
    // Roots are those of other projects.
    for part in ["locks", "partial", "damaged", "roots", "tmp"] {
        std::fs::create_dir(project.store().join(part)).unwrap();
    }
    project
}

const WHEEL: &str = "sample-1.0-py3-none-any.whl";
const SDIST: &str = "sample-1.0.tar.gz";

fn statement(project: &Project, output: &str) -> Statement {
    Statement::parse_file(project.read(&format!("provenance/{output}.intoto.jsonl")).as_bytes()).unwrap()
}

#[test]
fn a_build_gives_outputs_and_statements_and_a_second_one_touches_nothing() {
    // No earlier run of this test has built this commit.
    let project = sample(&format!("# {:?}\n", std::time::SystemTime::now()));
    project
        .run(&["build"])
        .code(0)
        .stderr_has("locking first: there is no sealwright.lock")
        .stdout_has("dist: built in")
        .stdout_has("unsigned");
    assert_eq!(project.names("dist"), [WHEEL, SDIST]);
    let statements = [format!("{WHEEL}.intoto.jsonl"), format!("{SDIST}.intoto.jsonl")];
    assert_eq!(project.names("provenance"), statements);
    let time = |path: &str| std::fs::metadata(project.join(path)).unwrap().modified().unwrap();
    let paths =
        [format!("dist/{WHEEL}"), format!("provenance/{WHEEL}.intoto.jsonl"), "sealwright.lock".to_owned()];
    let before: Vec<_> = paths.iter().map(|path| time(path)).collect();
    let again = project.run(&["build", "--locked", "--offline", "--json"]).code(0);
    assert_eq!(again.json()["targets"][0]["origin"], "cached");
    assert_eq!(before, paths.iter().map(|path| time(path)).collect::<Vec<_>>());
    // What is gone comes back, the same.
    let bytes = std::fs::read(project.join(&paths[0])).unwrap();
    std::fs::remove_file(project.join(&paths[0])).unwrap();
    project.run(&["build", "--locked", "--offline"]).code(0).stdout_has("unchanged since it was built");
    assert_eq!(bytes, std::fs::read(project.join(&paths[0])).unwrap());
}

#[test]
fn two_builds_of_one_commit_differ_in_invocation_and_times_only() {
    let project = sample("");
    project.run(&["build", "--no-cache"]).code(0);
    let first = statement(&project, WHEEL);
    let bytes = std::fs::read(project.join(&format!("dist/{WHEEL}"))).unwrap();
    project.run(&["build", "--no-cache"]).code(0);
    let second = statement(&project, WHEEL);
    assert_eq!(bytes, std::fs::read(project.join(&format!("dist/{WHEEL}"))).unwrap());
    assert_eq!(first.subjects(), second.subjects());
    assert_eq!(first.predicate().build_definition, second.predicate().build_definition);
    let (one, two) = (&first.predicate().run_details, &second.predicate().run_details);
    assert_eq!(one.builder, two.builder);
    assert_eq!(one.byproducts, two.byproducts);
    assert_ne!(one.metadata.invocation_id, two.metadata.invocation_id);
}

#[test]
fn the_lock_is_made_again_from_the_statement() {
    let project = sample("");
    project.run(&["build"]).code(0);
    for output in [WHEEL, SDIST] {
        let lock = lock_from_statement(&statement(&project, output)).unwrap();
        assert_eq!(lock.to_text(), project.read("sealwright.lock"));
    }
}

#[test]
fn the_box_gets_nothing_of_the_caller() {
    let project = sample(
        "import os, json\nprint('BOX', json.dumps([sorted(os.environ), os.getcwd(), os.getuid(), sorted(os.listdir('/'))]))\n",
    )
    .env("SEALWRIGHT_TEST_SECRET", "sesame");
    let outcome = project.run(&["build", "--no-cache", "--verbose"]).code(0);
    let line = outcome.stderr.lines().find_map(|line| line.split_once("BOX ")).unwrap().1;
    let seen: serde_json::Value = serde_json::from_str(line).unwrap();
    let names: Vec<&str> = seen[0].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    for name in &names {
        assert!(!name.starts_with("SEALWRIGHT"), "{names:?}");
    }
    assert!(names.contains(&"SOURCE_DATE_EPOCH"));
    assert_eq!(seen[2], 1000);
    assert!(!outcome.stderr.contains("sesame"));
    let statement = project.read(&format!("provenance/{WHEEL}.intoto.jsonl"));
    let host = project.path().display().to_string();
    assert!(!statement.contains("sesame") && !statement.contains(&host), "{statement}");
}

#[test]
fn only_what_is_asked_for_is_built_and_the_statement_says_so() {
    let project = sample("print('SETTINGS', SETTINGS)\n");
    project
        .run(&[
            "build",
            "--wheel",
            "--no-normalize",
            "--config-setting",
            "a=1",
            "--config-setting",
            "a=2",
            "-v",
            "--no-cache",
        ])
        .code(0)
        .stderr_has("SETTINGS {'a': ['1', '2']}");
    assert_eq!(project.names("dist"), [WHEEL]);
    let statement = statement(&project, WHEEL);
    let options = &statement.predicate().build_definition.external_parameters["options"];
    assert_eq!(options["outputs"], "wheel");
    assert_eq!(options["noNormalize"], "true");
    assert_eq!(options["configSettings"]["a"], serde_json::json!(["1", "2"]));
}

#[test]
fn a_full_store_needs_no_network_at_all() {
    let project = sample("");
    project.run(&["fetch"]).code(3).stderr_has("there is no").stderr_has("sealwright lock");
    project.run(&["lock"]).code(0).stdout_has("commit it");
    project.run(&["fetch"]).code(0).stdout_has("the store holds all");
    project.run(&["lock", "--check"]).code(0).stdout_has("is fresh");
    // A network namespace with nothing in it; as an ordinary user inside a user namespace of its own.
    let mut unshare = std::process::Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        unshare.args(["--user", "--map-current-user"]);
    }
    let output = unshare
        .args(["--net", "--"])
        .arg(crate::context::program())
        .args(["build", "--locked", "--offline", "--no-cache"])
        .current_dir(project.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", project.home())
        .env("SEALWRIGHT_STORE", project.store())
        .output();
    let Ok(output) = output else { skipped!("no unshare here") };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(project.names("dist"), [WHEEL, SDIST]);
}

#[test]
fn two_builds_into_one_folder_wait_for_each_other() {
    let project = sample("import time\ntime.sleep(0.5)\n");
    project.run(&["lock"]).code(0);
    std::thread::scope(|scope| {
        let builds: Vec<_> = (0..2).map(|_| scope.spawn(|| project.run(&["build", "--no-cache"]))).collect();
        for build in builds {
            build.join().unwrap().code(0);
        }
    });
    assert_eq!(project.names("dist"), [WHEEL, SDIST]);
    let digest = statement(&project, WHEEL).subjects()[0].digest.as_sha256().unwrap();
    let bytes = std::fs::read(project.join(&format!("dist/{WHEEL}"))).unwrap();
    assert_eq!(digest, sealwright::digest::Sha256::of(bytes));
}

#[test]
fn gc_keeps_what_a_project_uses_until_its_lock_is_gone() {
    let project = own_copy(sample(""));
    project.run(&["build"]).code(0);
    project.run(&["store", "gc", "--keep-hours", "0"]).code(0).stdout_has("removed");
    project.run(&["build", "--locked", "--offline"]).code(0).stdout_has("unchanged since it was built");
    project.run(&["build", "--locked", "--offline", "--no-cache"]).code(0);
    std::fs::remove_file(project.join("sealwright.lock")).unwrap();
    project.run(&["store", "gc", "--keep-hours", "0"]).code(0);
    let listing = project.run(&["store", "ls", "--json"]).code(0).json();
    for part in ["blobs", "trees", "actions", "roots"] {
        assert_eq!(listing[part], serde_json::json!([]), "{part}");
    }
}
