//! The command: exit codes, what it prints, `--strict`, `--html`, `--diffoscope`.

use std::os::unix::fs::PermissionsExt as _;

use super::make::*;
use crate::context::Project;

const WHEEL: &str = "demo-1.0-py3-none-any.whl";

fn project() -> Project {
    let later = wheel_with(|members| members[0].year = 2024);
    let other = wheel_with(|members| members[0].content = b"ANSWER = 43\n".to_vec());
    Project::new()
        .file(&format!("a/{WHEEL}"), wheel(&demo()))
        .file(&format!("same/{WHEEL}"), wheel(&demo()))
        .file(&format!("later/{WHEEL}"), later)
        .file(&format!("other/{WHEEL}"), other)
}

fn diff(project: &Project, other: &str, flags: &[&str]) -> crate::context::Outcome {
    let (a, b) = (format!("a/{WHEEL}"), format!("{other}/{WHEEL}"));
    project.run(&[&["diff", &a, &b], flags].concat())
}

#[test]
fn the_verdict_is_the_exit_code() {
    let project = project();
    diff(&project, "same", &[]).code(0).stdout_has("\nidentical\n");
    diff(&project, "same", &["--strict"]).code(0);
    diff(&project, "later", &[]).code(0).stdout_has("\nequal after archive-time\n");
    diff(&project, "later", &["--strict"])
        .code(5)
        .stdout_has("\nequal after archive-time\n")
        .stderr_has("are not identical: equal after archive-time");
    diff(&project, "other", &[]).code(5).stdout_has("\ndifferent: content\n").stderr_has("are different");
    project.run(&["diff", "a", "none"]).code(2).stderr_has("cannot read none");
    project.run(&["diff", "a", &format!("a/{WHEEL}")]).code(2).stderr_has("name two files, or two folders");
}

#[test]
fn text_for_people() {
    let outcome = diff(&project(), "other", &[]).code(5);
    insta::assert_snapshot!(outcome.shown_stdout(), @r#"
    - a/demo-1.0-py3-none-any.whl: 1380 bytes, sha256:[SHA256]
    + other/demo-1.0-py3-none-any.whl: 1319 bytes, sha256:[SHA256]

    changed demo/__init__.py: content
        line 1:
        - """A demonstration of nothing."""
        - ANSWER = 42
        - NAMES = ['a', 'b']
        - """A demonstration of nothing."""
        - ANSWER = 42
        - NAMES = ['a', 'b']
        - … 18 lines more
        + ANSWER = 43

    changed demo-1.0.dist-info/RECORD: consequence (taken away: record)
        rows of members that differ: demo/__init__.py

    different: content
    "#);
}

#[test]
fn json_for_programs() {
    let project = project();
    let outcome = diff(&project, "later", &["--json"]).code(0);
    let document = outcome.json();
    assert_eq!(document["verdict"], "equal");
    assert_eq!(document["normalizations"], serde_json::json!(["archive-time"]));
    assert_eq!(document["changes"][0]["causes"], serde_json::json!(["time-stamp"]));
    assert_eq!(document["changes"][0]["kind"], "changed");
    assert_eq!(document["a"]["sha256"].as_str().unwrap().len(), 64);
    let document = diff(&project, "other", &["--json"]).code(5).json();
    assert_eq!(document["verdict"], "different");
    assert_eq!(document["changes"][1]["path"], serde_json::json!(["demo/__init__.py"]));
    let error = project.run(&["diff", "a", "none", "--json"]).code(2).json();
    assert_eq!(error["exitCode"], 2);
}

/// A tool of that name that says how it was called, as diffoscope's exit codes are.
#[test]
fn diffoscope_is_handed_over_to_when_it_is_there() {
    let project = project().file("bin/diffoscope", "#!/bin/sh\necho \"called with $*\"\nexit 1\n");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.join("bin/diffoscope"), mode).unwrap();
    let path = format!("{}:/usr/bin:/bin", project.join("bin").display());
    let run = |path: &str| {
        let mut command = project.command(&["diff", "--diffoscope", "a", "later"]);
        let output = command.env("PATH", path).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, err) = run(&path);
    assert_eq!((code, out.as_str()), (Some(5), "called with -- a later\n"), "{err}");
    let (code, _, err) = run(&project.join("none").display().to_string());
    assert_eq!(code, Some(6), "{err}");
    assert!(err.contains("there is no program diffoscope on PATH") && err.contains("apt install"), "{err}");
}

#[test]
fn the_page_of_the_reference_has_every_word() {
    use sealwright::compare::{Cause, Normalization};
    let page = std::fs::read_to_string(crate::context::repository().join("docs/reference/diff.md")).unwrap();
    let words = Cause::ALL.map(Cause::name).into_iter().chain(Normalization::ALL.map(Normalization::name));
    for word in words {
        assert!(page.contains(&format!("`{word}`")), "{word}");
    }
}
