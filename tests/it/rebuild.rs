//! `sealwright rebuild`: builds made again from their statements alone, and each way in which that fails.

mod failures;
pub mod server;

use std::path::Path;
use std::sync::Arc;

use sealwright::provenance::{Envelope, Statement};
use sealwright::sign::Signer as _;
use serde_json::Value;

use crate::adversarial::key;
use crate::build::sample;
use crate::context::Project;
use server::GitServer;

pub const WHEEL: &str = "sample-1.0-py3-none-any.whl";
pub const SDIST: &str = "sample-1.0.tar.gz";

/// Where the statement of an output lies.
pub fn statement_of(output: &str) -> String {
    format!("provenance/{output}.intoto.jsonl")
}

/// A project whose checkout has a remote on loopback, with the keys of who signs it and who rebuilds it.
pub struct Released {
    pub project: Project,
    pub server: Arc<GitServer>,
}

impl Released {
    pub fn new(project: Project) -> Self {
        let server = Arc::new(GitServer::start());
        server.push(&project, "demo");
        let url = server.url("demo");
        project.git_run(&["remote", "add", "origin", &url]);
        for (name, seed) in [("release", 7), ("rebuild", 9)] {
            project.write(&format!("../home/{name}.key"), key(seed).to_pem(None).unwrap().as_bytes());
            project.write(&format!("../home/{name}.pub"), key(seed).public_key().to_pem());
        }
        let project = project.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        Self { project, server }
    }

    /// Builds and signs, and leaves nothing but the statements: in the folder that is given back.
    pub fn record(&self) -> Recorded {
        let project = &self.project;
        project.run(&["build", "--key", "../home/release.key"]).code(0);
        let away = Project::new().env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1").host_indexes();
        for file in project.names("provenance") {
            away.write(&format!("provenance/{file}"), project.read(&format!("provenance/{file}")));
        }
        for name in ["release.pub", "rebuild.key", "rebuild.pub"] {
            away.write(name, project.read(&format!("../home/{name}")));
        }
        Recorded { away, _server: Arc::clone(&self.server) }
    }
}

/// Statements in a folder that holds nothing else.
pub struct Recorded {
    pub away: Project,
    /// It serves as long as this lives.
    _server: Arc<GitServer>,
}

impl Recorded {
    pub fn rebuild(&self, output: &str, more: &[&str]) -> crate::context::Outcome {
        let statement = statement_of(output);
        let mut arguments = vec!["rebuild", &statement, "--result", "result.json"];
        arguments.extend(more);
        self.away.run(&arguments)
    }

    /// By the key of who released.
    pub fn by_key(&self, output: &str, more: &[&str]) -> crate::context::Outcome {
        let mut arguments = vec!["--key", "release.pub", "--allow-private-network"];
        arguments.extend(more);
        self.rebuild(output, &arguments)
    }

    /// The predicate of the result that was written.
    pub fn result(&self) -> Value {
        predicate(&self.away, "result.json")
    }
}

/// The predicate of a result, in an envelope or not.
pub fn predicate(project: &Project, file: &str) -> Value {
    let text = project.read(file);
    let payload = match Envelope::parse(text.as_bytes()) {
        Ok(envelope) => envelope.payload().unwrap(),
        Err(_) => text.into_bytes(),
    };
    let whole: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(whole["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(whole["predicateType"], "https://sealwright.dev/attestations/rebuild/v1");
    assert_eq!(whole["subject"].as_array().unwrap().len(), 1);
    whole["predicate"].clone()
}

/// The statement of an output with something changed, unsigned.
pub fn changed(recorded: &Recorded, output: &str, change: impl FnOnce(&mut Value)) {
    let path = statement_of(output);
    let envelope = Envelope::parse(recorded.away.read(&path).as_bytes()).unwrap();
    let mut whole: Value = serde_json::from_slice(&envelope.payload().unwrap()).unwrap();
    change(&mut whole);
    recorded.away.write(&path, format!("{whole}\n"));
    Statement::parse_file(recorded.away.read(&path).as_bytes()).unwrap();
}

#[test]
fn a_build_is_made_again_from_its_statement_alone() {
    let recorded = Released::new(sample("")).record();
    for output in [WHEEL, SDIST] {
        let outcome = recorded.by_key(output, &["--signing-key", "rebuild.key"]).code(0);
        assert!(outcome.stdout.starts_with(&format!("{output}: identical\n")), "{}", outcome.stdout);
        let result = recorded.result();
        assert_eq!(result["verdict"], "identical");
        assert_eq!(result["signature"]["state"], "verified");
        assert_eq!(result["plan"]["stated"], result["plan"]["rebuilt"]);
        assert_eq!(result["original"]["sha256"], result["rebuilt"]["sha256"]);
        // Signed by who rebuilt, not by who released.
        let envelope = Envelope::parse(recorded.away.read("result.json").as_bytes()).unwrap();
        assert_eq!(envelope.signatures().len(), 1);
        assert_eq!(envelope.signatures()[0].keyid, key(9).public_key().id().as_str());
    }
    // Nothing was written but what was asked for.
    assert_eq!(
        recorded.away.names(""),
        ["provenance", "rebuild.key", "rebuild.pub", "release.pub", "result.json"]
    );
    recorded.by_key(WHEEL, &["--outdir", "again"]).code(0);
    assert_eq!(recorded.away.names("again"), [WHEEL, SDIST]);
}

#[test]
fn a_commit_is_taken_as_it_was_whatever_the_clone_is_now() {
    let project = sample("");
    project.git_run(&["tag", "--annotate", "--message", "one", "v1.0"]);
    project.git_run(&["tag", "light"]);
    let released = Released::new(project);
    let recorded = released.record();
    // The branch goes on, tags come and go.
    released.project.write("later.txt", "later");
    released.project.commit("later");
    released.project.git_run(&["tag", "v2.0", "HEAD~1"]);
    released.project.git_run(&["tag", "--delete", "light"]);
    let clone = released.project.path().to_string_lossy().into_owned();
    recorded.by_key(WHEEL, &["--source", &clone]).code(0).stdout_has("identical");
    released.server.push(&released.project, "demo");
    recorded.by_key(WHEEL, &[]).code(0).stdout_has("identical");
    // Nobody is believed: then the source is what the caller names, and still has to be the one.
    recorded.rebuild(WHEEL, &["--unsigned", "--source", &clone]).code(0).stdout_has("identical");
    assert_eq!(recorded.result()["signature"]["state"], "not checked");
}

#[test]
fn a_submodule_comes_from_where_the_statement_says() {
    let inner = Project::new().file("data.txt", "inner").git();
    let project = sample("import pathlib\nassert pathlib.Path('inner/data.txt').read_text() == 'inner'\n");
    let released = Released::new(project);
    released.server.push(&inner, "inner");
    let url = released.server.url("inner");
    released.project.git_run(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        &url,
        "inner",
    ]);
    released.project.commit("with a submodule");
    released.server.push(&released.project, "demo");
    released.record().by_key(WHEEL, &[]).code(0).stdout_has("identical");
}

#[test]
fn archives_folders_and_uncommitted_changes_are_rebuilt_from_what_is_named() {
    let project = sample("");
    let outside = tempfile::tempdir().unwrap();
    project.git_run(&["archive", "--prefix=sample-1.0/", "--output", "../home/sample-1.0.tar.gz", "HEAD"]);
    let archive = project.home().join("sample-1.0.tar.gz");
    let folder = outside.path().join("folder");
    crate::context::copy_folder(&project.join("backend"), &{
        std::fs::create_dir_all(folder.join("backend")).unwrap();
        folder.join("backend")
    });
    for file in ["pyproject.toml", "probe.py", "sealwright.toml"] {
        std::fs::copy(project.join(file), folder.join(file)).unwrap();
    }
    for (source, wrong) in [(archive.as_path(), &folder), (folder.as_path(), &archive)] {
        let away = Project::new().host_indexes();
        away.write("sealwright.toml", project.read("sealwright.toml"));
        let source = source.to_string_lossy().into_owned();
        away.run(&["build", "--source", &source]).code(0);
        std::fs::remove_dir_all(away.join("dist")).unwrap();
        let statement = statement_of(WHEEL);
        let rebuild = |source: &str| away.run(&["rebuild", &statement, "--unsigned", "--source", source]);
        rebuild(&source).code(0).stdout_has("identical");
        assert_ne!(rebuild(&wrong.to_string_lossy()).code, Some(0));
    }
    std::fs::write(folder.join("more.txt"), "more").unwrap();
    project.write("probe.py", "# changed\n");
    project.run(&["build", "--allow-dirty"]).code(0);
    std::fs::remove_dir_all(project.join("dist")).unwrap();
    let here = project.path().to_string_lossy().into_owned();
    let statement = statement_of(WHEEL);
    project.run(&["rebuild", &statement, "--unsigned", "--source", &here]).code(0).stdout_has("identical");
    project.write("probe.py", "# changed again\n");
    project
        .run(&["rebuild", &statement, "--unsigned", "--source", &here])
        .code(3)
        .stderr_has("is not the source that the statement names: expected files of digest");
}

/// What a configuration on the command line and in the file says is part of the record.
#[test]
fn what_the_user_set_is_set_again() {
    let project = sample("");
    project.write(
        "sealwright.toml",
        "[target.other]\nsuites = [\"bookworm\"]\n[target.other.config-settings]\na = [\"1\", \"2\"]\n[target.unused]\nbuilder = \"bundle\"\n",
    );
    project.commit("configured");
    let released = Released::new(project);
    released.project.run(&["build", "other", "--wheel", "--config-setting", "b=3"]).code(0);
    let away = Project::new();
    away.write("s.json", released.project.read(&statement_of(WHEEL)));
    let clone = released.project.path().to_string_lossy().into_owned();
    let outcome = away.run(&["rebuild", "s.json", "--unsigned", "--source", &clone, "--json"]).code(0);
    assert_eq!(outcome.json()["verdict"], "identical");
    assert_eq!(outcome.json()["plan"]["stated"], outcome.json()["plan"]["rebuilt"]);
}

#[test]
fn a_policy_gives_a_summary_and_never_says_reproduced() {
    let released = Released::new(sample(""));
    let recorded = released.record();
    let away = &recorded.away;
    released.project.run(&["build", "--key", "../home/release.key"]).code(0);
    released
        .project
        .run(&[
            "verify",
            &format!("dist/{WHEEL}"),
            "--key",
            "../home/release.pub",
            "--init-policy",
            "../home/policy.toml",
        ])
        .code(0);
    let policy = released.project.read("../home/policy.toml");
    away.write("policy.toml", &policy);
    for file in released.project.names("../home") {
        if Path::new(&file).extension().is_some_and(|extension| extension == "pub") {
            away.write(&file, released.project.read(&format!("../home/{file}")));
        }
    }
    let arguments = [
        "--policy",
        "policy.toml",
        "--allow-private-network",
        "--signing-key",
        "rebuild.key",
        "--vsa",
        "vsa.json",
    ];
    recorded.rebuild(WHEEL, &arguments).code(0).stdout_has("identical");
    let summary = away.read("vsa.json");
    let payload = Envelope::parse(summary.as_bytes()).unwrap().payload().unwrap();
    let summary: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(summary["predicate"]["verificationResult"], "PASSED");
    assert_eq!(summary["predicate"]["verifiedLevels"], serde_json::json!(["SLSA_BUILD_LEVEL_1"]));
    assert!(!String::from_utf8_lossy(&payload).contains("REPRODUCED"));
    // Both inputs of the decision, by digest.
    assert_eq!(summary["predicate"]["inputAttestations"].as_array().unwrap().len(), 2);
}

#[test]
fn every_example_is_rebuilt_from_its_statement_alone() {
    for example in ["hello", "hatch-vcs", "c-extension"] {
        let project = Project::copy_of(&format!("examples/{example}")).host_indexes().git();
        if example == "hatch-vcs" {
            project.git_run(&["tag", "v1.2.3"]);
        }
        let recorded = Released::new(project).record();
        for file in recorded.away.names("provenance") {
            let output = file.strip_suffix(".intoto.jsonl").unwrap();
            let outcome = recorded.by_key(output, &[]).code(0);
            assert!(outcome.stdout.starts_with(&format!("{output}: identical\n")), "{}", outcome.stdout);
        }
    }
}

/// Two builds of a project whose backend writes the time into its archive, or something else each time.
#[test]
fn what_differs_is_named_with_its_cause() {
    // Not normalized: the times of members are those of the build.
    let project = sample("");
    project.write("sealwright.toml", "[target.dist]\nsuites = [\"bookworm\"]\nnormalize = false\n");
    project.commit("not normalized");
    let released = Released::new(project);
    let recorded = released.record();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let wheel = released.project.join(&format!("dist/{WHEEL}")).to_string_lossy().into_owned();
    recorded.by_key(WHEEL, &["--against", &wheel]).code(0).stdout_has("equal after archive-time\n");
    assert_eq!(recorded.result()["verdict"], "equal");
    assert_eq!(recorded.result()["normalizations"], serde_json::json!(["archive-time"]));
    recorded.by_key(WHEEL, &["--against", &wheel, "--strict"]).code(5).stderr_has("--strict");
    // Another file is not what the statement is about.
    let other = released.project.join(&format!("dist/{SDIST}")).to_string_lossy().into_owned();
    recorded.by_key(WHEEL, &["--against", &other]).code(4).stderr_has("is not what the statement is about");

    let project = Project::copy_of("tests/fixtures/sample").host_indexes();
    project.write("sealwright.toml", "[target.dist]\nsuites = [\"bookworm\"]\n");
    let backend = project.read("backend/sample_backend.py");
    let random = backend.replace("\"ANSWER = 42\\n\"", "f\"ANSWER = {os.urandom(8)}\\n\"");
    assert_ne!(random, backend);
    project.write("backend/sample_backend.py", random);
    let released = Released::new(project.git());
    let recorded = released.record();
    let wheel = released.project.join(&format!("dist/{WHEEL}")).to_string_lossy().into_owned();
    let outcome = recorded.by_key(WHEEL, &["--against", &wheel]).code(5);
    let outcome = outcome.stdout_has("different\n").stdout_has("changed  sample.py: content");
    outcome.stderr_has("is rebuilt, but different");
    let result = recorded.result();
    assert_eq!(result["verdict"], "different");
    assert_eq!(result["changes"][0]["path"], serde_json::json!(["sample-1.0.dist-info/RECORD"]));
    assert_eq!(result["changes"][1]["causes"], serde_json::json!(["content"]));
    // A statement about other bytes, which nobody has: different, and said why no more is known.
    changed(&recorded, WHEEL, |statement| {
        statement["subject"][0]["digest"]["sha256"] = "0".repeat(64).into();
    });
    let clone = released.project.path().to_string_lossy().into_owned();
    let outcome = recorded.rebuild(WHEEL, &["--unsigned", "--source", &clone]).code(5);
    outcome.stdout_has("the file that the statement is about is not here");
}

/// A wheel that came without a statement, from an index on loopback that says when things were uploaded.
#[test]
fn a_published_wheel_is_rebuilt_from_its_sdist() {
    let project = sample("");
    project.run(&["build"]).code(0);
    let away = Project::new().host_indexes();
    for file in [WHEEL, SDIST] {
        std::fs::copy(project.join(&format!("dist/{file}")), away.join(file)).unwrap();
    }
    let offline = ["rebuild", "--upstream", SDIST, "--against", WHEEL, "--result", "result.json"];
    let outcome = away.run(&offline).code(0);
    assert!(outcome.stdout.starts_with(&format!("{WHEEL}: equal after archive-time")), "{}", outcome.stdout);
    let result = predicate(&away, "result.json");
    assert_eq!(result["verdict"], "equal");
    assert_eq!(result["upstream"]["source"]["name"], SDIST);
    assert_eq!(result["upstream"]["cutoff"], Value::Null);
    assert!(result.get("statement").is_none());
    // Other content is different, and a file that is no wheel is refused.
    let other = std::fs::read(away.join(WHEEL)).unwrap();
    let at = other.windows(9).position(|window| window == b"sample.py").unwrap();
    let mut changed = other;
    changed[at] = b'S';
    std::fs::create_dir(away.join("x")).unwrap();
    std::fs::write(away.join(&format!("x/{WHEEL}")), changed).unwrap();
    let wheel = format!("x/{WHEEL}");
    away.run(&["rebuild", "--upstream", SDIST, "--against", &wheel]).code(5).stdout_has("different");
    away.run(&["rebuild", "--upstream", SDIST, "--against", SDIST]).code(2).stderr_has("is no wheel");
    away.run(&["rebuild", "--upstream", SDIST]).code(2);
    away.run(&["rebuild"]).code(2);
}
