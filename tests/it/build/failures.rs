//! Failures of the project and its build: a clear message, the right exit code, nothing left behind.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{own_copy, sample};
use crate::context::{Outcome, Project, program};

/// Nothing of a build that failed is in the output folders.
fn nothing_left(project: &Project) {
    assert!(project.names("dist").is_empty(), "{:?}", project.names("dist"));
    assert!(project.names("provenance").is_empty(), "{:?}", project.names("provenance"));
}

fn fails(project: &Project, code: i32) -> Outcome {
    let outcome = project.run(&["build"]).code(code);
    nothing_left(project);
    outcome
}

#[test]
fn an_error_of_the_compiler_is_shown() {
    let project = sample(
        "import subprocess\nopen('/tmp/x.c', 'w').write('int main( {')\nsubprocess.run(['cc', '-c', '/tmp/x.c', '-o', '/tmp/x.o'], check=True)\n",
    );
    fails(&project, 1)
        .stderr_has("/tmp/x.c:1:")
        .stderr_has("error: target dist:")
        .stderr_has("hint: the whole log is");
}

#[test]
fn a_backend_that_crashes_is_a_failed_build() {
    let project = sample("import os\nprint('last words', flush=True)\nos.abort()\n");
    fails(&project, 1).stderr_has("last words").stderr_has("target dist");
}

#[test]
fn the_log_cannot_speak_to_the_terminal_or_the_runner() {
    let project =
        sample("print('\\x1b[31mred\\x1b[0m')\nprint('::set-output name=x::y')\nraise SystemExit(3)\n");
    let outcome = fails(&project, 1);
    assert!(!outcome.stderr.contains("\u{1b}[31mred"), "{}", outcome.stderr);
    assert!(!outcome.stderr.lines().any(|line| line.trim_start().starts_with("::")), "{}", outcome.stderr);
}

#[test]
fn a_build_over_its_time_is_ended() {
    let project = sample("import time\ntime.sleep(600)\n");
    project.write("sealwright.toml", "[target.dist]\nsuites = [\"bookworm\"]\nlimits = { time = \"2s\" }\n");
    project.commit("limit");
    let began = Instant::now();
    fails(&project, 1).stderr_has("longer than its wall-clock limit").stderr_has("raise `time`");
    assert!(began.elapsed() < Duration::from_mins(5));
}

#[test]
fn outputs_that_nobody_declared_are_refused_by_name() {
    let project = sample(
        "import os\nopen(os.path.join(WHEELS, 'extra.txt'), 'w').write('x')\nos.symlink('/etc/passwd', os.path.join(WHEELS, 'link.whl'))\n",
    );
    fails(&project, 1).stderr_has("extra.txt").stderr_has("link.whl");
}

#[test]
fn a_folder_without_a_project_is_told() {
    let project = Project::new().file("README", "").git();
    fails(&project, 2).stderr_has("no pyproject.toml, setup.py or sealwright.toml");
}

#[test]
fn broken_toml_is_told_with_its_position() {
    let project = Project::new().file("pyproject.toml", "[project]\nname = \"x\n").git();
    fails(&project, 2).stderr_has("pyproject.toml:2:");
    let project = Project::new()
        .file("pyproject.toml", "")
        .file("sealwright.toml", "[target.a]\npyton = \"3.11\"\n")
        .git();
    fails(&project, 2)
        .stderr_has("sealwright.toml:2:1: unknown field `pyton`")
        .stderr_has("did you mean `python`?");
}

#[test]
fn usage_errors_have_exit_code_2() {
    let project = sample("");
    for arguments in
        [&["build", "--nonsense"][..], &["build", "none"], &["-C", "nowhere", "build"], &["frobnicate"]]
    {
        project.run(arguments).code(2);
    }
    nothing_left(&project);
}

#[test]
fn a_dirty_tree_is_refused_and_may_be_allowed() {
    let project = sample("");
    project.write("probe.py", "print('changed')\n");
    fails(&project, 2).stderr_has("probe.py").stderr_has("--allow-dirty");
    project.run(&["build", "--allow-dirty"]).code(0);
    let statement = project.read("provenance/sample-1.0.tar.gz.intoto.jsonl");
    assert!(statement.contains("\"dirty\":\"true\""), "{statement}");
    assert!(!statement.contains("gitCommit\":"), "{statement}");
}

#[test]
fn a_stale_or_missing_lock_is_an_error_where_none_may_be_made() {
    let project = sample("");
    project.run(&["build", "--locked"]).code(3).stderr_has("there is no").stderr_has("sealwright lock");
    project.run(&["lock"]).code(0);
    project.write(
        "sealwright.toml",
        "[target.dist]\nsuites = [\"bookworm\"]\nsystem-packages = [\"libffi-dev\"]\n",
    );
    project.commit("more");
    for arguments in [&["build", "--locked"][..], &["lock", "--check"]] {
        project.run(arguments).code(3).stderr_has("libffi-dev is asked for and not in the lock");
    }
    nothing_left(&project);
}

#[test]
fn a_lock_that_is_torn_or_newer_is_refused() {
    let project = sample("").file("sealwright.lock", "version = 2\n");
    fails(&project, 2).stderr_has("newer");
    project.write("sealwright.lock", "version = 1\n<<<<<<< HEAD\n");
    fails(&project, 2).stderr_has("merge");
}

#[test]
fn control_c_ends_the_box_and_leaves_nothing() {
    let project = own_copy(sample("import time\nprint('in the box', flush=True)\ntime.sleep(600)\n"));
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let child = std::process::Command::new(program())
            .args(["build", "--no-cache", "-v"])
            .current_dir(project.path())
            .env("SEALWRIGHT_STORE", project.store())
            .env("HOME", project.home())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let stderr = child.stderr.take().unwrap();
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(stderr)).map_while(Result::ok);
        assert!(lines.any(|line| line.contains("in the box")));
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        let rest: Vec<String> = lines.collect();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{rest:?}");
        nothing_left(&project);
        let left = std::fs::read_dir(project.store().join("tmp")).unwrap().count();
        assert_eq!(left, 0, "folders are left in the store");
    }
}
