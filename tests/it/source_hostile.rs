//! Sources that lie or attack: programs in a repository's configuration, trees and objects that no git would make,
//! submodules that are not there.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use sealwright::error::{Blame, Fault as _};
use sealwright::source::{DirtyPolicy, IgnoredPaths, Source, SourceError, SourceIdentity};

use crate::context::Project;
use crate::source::{Exported, fails, git_or_skip, open};

/// Set for the child process of [`no_program_of_a_repository_runs`]: the checkout to build.
const CHILD: &str = "SEALWRIGHT_TEST_HOSTILE_CHECKOUT";

/// Everything that a repository can name as a program, and every program that git could call by name, makes a marker
/// file. The test runs itself as a child so that `PATH` and `HOME` are hostile too.
#[test]
#[expect(clippy::too_many_lines, reason = "one table of settings that name programs")]
fn no_program_of_a_repository_runs() {
    if let Some(checkout) = std::env::var_os(CHILD) {
        build_hostile_checkout(Path::new(&checkout));
        return;
    }
    git_or_skip!();
    let project = Project::new()
        .file("a.txt", "text\n")
        .file("b.bin", "binary\n")
        .file("c.lfs", "content\n")
        .file("d.txt", "text\n")
        .file("pyproject.toml", "")
        .git();
    let marker = project.home().join("MARKER");
    let script = project.home().join("bin/evil");
    fs::create_dir(project.home().join("bin")).unwrap();
    fs::write(&script, format!("#!/bin/sh\necho $0 $@ >> {}\nexec cat\n", marker.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    for name in
        ["git", "ssh", "sh", "bash", "git-lfs", "gpg", "vi", "less", "git-upload-pack", "git-credential-x"]
    {
        symlink("evil", project.home().join("bin").join(name)).unwrap();
    }
    let evil = script.to_str().unwrap();
    let settings = [
        "core.fsmonitor",
        "core.editor",
        "core.pager",
        "core.sshCommand",
        "core.askPass",
        "core.gitProxy",
        "core.alternateRefsCommand",
        "filter.x.clean",
        "filter.x.smudge",
        "filter.x.process",
        "diff.x.textconv",
        "diff.x.command",
        "diff.external",
        "credential.helper",
        "gpg.program",
        "gpg.ssh.defaultKeyCommand",
        "merge.x.driver",
        "uploadpack.packObjectsHook",
        "remote.origin.uploadpack",
        "remote.origin.vcs",
        "alias.status",
        "sequence.editor",
        "web.browser",
        "pager.status",
        "interactive.diffFilter",
    ];
    for setting in settings {
        project.git_run(&["config", setting, evil]);
    }
    project.git_run(&["config", "filter.x.required", "true"]);
    project.git_run(&["config", "remote.origin.url", &format!("ext::{evil} %S")]);
    project.git_run(&["config", "remote.origin.promisor", "true"]);
    project.git_run(&["config", "extensions.worktreeConfig", "true"]);
    let hooks = project.home().join("hooks");
    fs::create_dir(&hooks).unwrap();
    for name in
        ["post-checkout", "pre-commit", "post-index-change", "fsmonitor-watchman", "reference-transaction"]
    {
        symlink(&script, hooks.join(name)).unwrap();
        symlink(&script, project.join(&format!(".git/hooks/{name}"))).unwrap();
    }
    project.git_run(&["config", "core.hooksPath", hooks.to_str().unwrap()]);
    let included = project.home().join("included.config");
    fs::write(&included, format!("[core]\n\tfsmonitor = {evil}\n[filter \"x\"]\n\tclean = {evil}\n"))
        .unwrap();
    project.git_run(&["config", "include.path", included.to_str().unwrap()]);
    fs::write(project.home().join(".gitconfig"), fs::read(&included).unwrap()).unwrap();
    project.write(".git/info/attributes", "* filter=x diff=x merge=x\n");
    project.write(".gitattributes", "* filter=x diff=x merge=x\n");
    // Stale stat data and real changes: everything must be compared by content.
    for name in ["a.txt", "b.bin", "c.lfs"] {
        let file = fs::File::options().write(true).open(project.join(name)).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    }
    project.write("d.txt", "changed\n");
    fs::write(project.join(".git/index.lock"), "").unwrap();
    let _ = fs::remove_file(&marker);
    // The trap works: git itself walks into it.
    let status = Command::new("git")
        .args(["status"])
        .current_dir(project.path())
        .stdin(Stdio::null())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(marker.exists(), "the trap is broken: {status:?}");
    fs::remove_file(&marker).unwrap();

    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "source_hostile::no_program_of_a_repository_runs", "--nocapture"])
        .env(CHILD, project.path())
        .env("PATH", project.home().join("bin"))
        .env("HOME", project.home())
        .env("GIT_DIR", "/nonexistent")
        .env("GIT_SSH_COMMAND", evil)
        .env("GIT_EXTERNAL_DIFF", evil)
        .env("GIT_EDITOR", evil)
        .env("SHELL", evil)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
    assert!(!marker.exists(), "a program ran: {}", fs::read_to_string(&marker).unwrap_or_default());
}

fn build_hostile_checkout(checkout: &Path) {
    let ignored = IgnoredPaths::default();
    let SourceError::Dirty { listed, .. } = fails(open(checkout)) else { panic!("not dirty") };
    assert_eq!(listed, ["modified: d.txt"]);
    let source = Source::checkout(checkout, DirtyPolicy::Allow, &ignored).unwrap();
    let target = tempfile::tempdir().unwrap();
    source.export(&target.path().join("src")).unwrap();
    assert_eq!(source.read("d.txt").unwrap().unwrap(), b"changed\n");
    assert_eq!(source.identity().head().unwrap().uri, None);
}

/// Commits a tree with the given lines of `git ls-tree`, past all checks of git.
fn commit_tree(project: &Project, lines: &[(&str, &str, &[u8])]) {
    let mut content = Vec::new();
    for (mode, id, name) in lines {
        content.extend_from_slice(mode.as_bytes());
        content.push(b' ');
        content.extend_from_slice(name);
        content.push(0);
        content.extend((0..20).map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).unwrap()));
    }
    fs::write(project.home().join("tree"), content).unwrap();
    let file = project.home().join("tree");
    let tree = project.git_run(&["hash-object", "-t", "tree", "-w", "--literally", file.to_str().unwrap()]);
    let commit = project.git_run(&["commit-tree", "-m", "evil", &tree]);
    project.git_run(&["update-ref", "refs/heads/main", &commit]);
}

/// Mode, object and name of a tree's entry.
type Member<'a> = (&'a str, &'a str, &'a [u8]);

#[test]
fn trees_that_no_git_makes_are_refused() {
    git_or_skip!();
    let project = Project::new().file("a", "a").git();
    let blob = project.git_run(&["rev-parse", "HEAD:a"]);
    let tree = project.git_run(&["rev-parse", "HEAD^{tree}"]);
    let (blob, tree) = (blob.as_str(), tree.as_str());
    let cases: [(&[Member<'_>], &str); 9] = [
        (&[("100644", blob, b".git")], ".git"),
        (&[("40000", tree, b".GIT")], ".git"),
        (&[("40000", tree, b"..")], ".."),
        (&[("100644", blob, b"../x")], "separators"),
        (&[("40000", tree, b"a/b")], "separators"),
        (&[("40000", tree, b"git~1")], ".git"),
        (&[("120000", blob, b"a"), ("40000", tree, b"a")], "not a folder"),
        (&[("100644", blob, b"a"), ("100644", blob, b"a")], "twice"),
        (&[("120000", blob, b".gitmodules")], "symlink"),
    ];
    for (lines, reason) in cases {
        commit_tree(&project, lines);
        let error = fails(open(project.path()));
        assert!(matches!(error, SourceError::Entry { .. }), "{lines:?}: {error}");
        assert!(error.to_string().contains(reason), "{lines:?}: {error}");
        assert_eq!(error.blame(), Blame::User);
    }
}

#[test]
fn a_tree_that_unfolds_without_end_is_refused() {
    git_or_skip!();
    let project = Project::new().file("a", "a").git();
    let mut tree = project.git_run(&["rev-parse", "HEAD^{tree}"]);
    for _ in 0..9 {
        let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        let lines: Vec<_> = names.iter().map(|name| ("40000", tree.as_str(), name.as_bytes())).collect();
        commit_tree(&project, &lines);
        tree = project.git_run(&["rev-parse", "main^{tree}"]);
    }
    let error = fails(open(project.path()));
    assert!(matches!(error, SourceError::TooLarge { .. }), "{error}");
}

#[test]
fn an_object_that_is_not_what_its_name_says_is_refused() {
    git_or_skip!();
    let project = Project::new().file("a", "good").file("b", "evil").git();
    let file = |name: &str| {
        let id = project.git_run(&["rev-parse", name]);
        project.join(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))
    };
    let (good, evil) = (file("HEAD:a"), file("HEAD:b"));
    let source = open(project.path()).unwrap();
    fs::remove_file(&good).unwrap();
    fs::copy(&evil, &good).unwrap();
    let error = source.export(&project.home().join("x")).unwrap_err();
    assert!(matches!(error, SourceError::DamagedObject { .. }), "{error}");
    assert_eq!(error.blame().exit_code(), 3);

    fs::remove_file(&good).unwrap();
    let error = open(project.path()).unwrap().export(&project.home().join("y")).unwrap_err();
    assert!(matches!(error, SourceError::MissingObject { kind: "blob", .. }), "{error}");
    assert!(error.hints()[0].contains("git fsck"), "{:?}", error.hints());
}

#[test]
fn a_partial_clone_says_how_to_fetch_what_is_missing() {
    git_or_skip!();
    let project = Project::new().file("a", "a").file("b", "b").git();
    project.git_run(&["config", "uploadpack.allowFilter", "true"]);
    let clone = project.home().join("clone");
    let url = format!("file://{}", project.path().display());
    let to = clone.to_str().unwrap();
    project.git_run(&["clone", "--quiet", "--filter=blob:none", "--no-checkout", &url, to]);
    project.git_run(&["-C", to, "read-tree", "HEAD"]);
    let source = Source::checkout(&clone, DirtyPolicy::Allow, &IgnoredPaths::default()).unwrap();
    drop(source); // nothing was checked out: every file counts as deleted, and nothing is missing
    project.git_run(&["-C", to, "update-index", "--skip-worktree", "a", "b"]);
    let error = open(&clone).unwrap().export(&project.home().join("x")).unwrap_err();
    assert!(matches!(error, SourceError::MissingObject { .. }), "{error}");
    assert!(error.hints()[0].contains("partial clone"), "{:?}", error.hints());
    project.git_run(&["-C", to, "archive", "-o", "/dev/null", "HEAD"]);
    open(&clone).unwrap().export(&project.home().join("y")).unwrap();
}

/// An outer repository with a submodule that has a submodule.
fn with_submodules() -> (Project, Project, Project) {
    let inner = Project::new().file("inner.txt", "inner\n").git();
    let middle = Project::new().file("middle.txt", "middle\n").git();
    let outer = Project::new().file("pyproject.toml", "").git();
    let add = |to: &Project, from: &Project, path: &str| {
        let url = from.path().to_str().unwrap();
        to.git_run(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, path]);
    };
    add(&middle, &inner, "deep/inner");
    middle.git_run(&["config", "--file", ".gitmodules", "submodule.deep/inner.url", "../inner.git"]);
    middle.commit("inner");
    add(&outer, &middle, "libs/middle");
    let nested = outer.join("libs/middle");
    let middle_url = inner.path().to_str().unwrap();
    let in_nested = |arguments: &[&str]| {
        let mut all = vec!["-C", nested.to_str().unwrap(), "-c", "protocol.file.allow=always"];
        all.extend_from_slice(arguments);
        outer.git_run(&all)
    };
    in_nested(&["config", "submodule.deep/inner.url", middle_url]);
    in_nested(&["submodule", "--quiet", "update", "--init"]);
    let url = "https://me:TOKEN@forge.example/team/middle.git";
    outer.git_run(&["config", "--file", ".gitmodules", "submodule.libs/middle.url", url]);
    outer.commit("middle");
    (outer, middle, inner)
}

#[test]
fn submodules_are_exported_and_named() {
    git_or_skip!();
    let (outer, middle, inner) = with_submodules();
    let source = open(outer.path()).unwrap();
    let SourceIdentity::Commit(head) = source.identity() else { panic!("{:?}", source.identity()) };
    let named: Vec<_> = head
        .submodules
        .iter()
        .map(|it| (it.path.clone(), it.uri.clone().unwrap(), it.commit.to_string()))
        .collect();
    let expected = [
        ("libs/middle", "git+https://forge.example/team/middle.git", middle.git_run(&["rev-parse", "HEAD"])),
        (
            "libs/middle/deep/inner",
            "git+https://forge.example/team/inner.git",
            inner.git_run(&["rev-parse", "HEAD"]),
        ),
    ];
    assert_eq!(named, expected.map(|(path, uri, commit)| (path.to_owned(), uri.to_owned(), commit)));
    let export = Exported::of(&source);
    assert_eq!(export.read("libs/middle/deep/inner/inner.txt"), b"inner\n");
    assert_eq!(export.git(&["status", "--porcelain"]), "");
    assert!(export.git(&["ls-files", "--recurse-submodules"]).contains("libs/middle/deep/inner/inner.txt"));
    assert_eq!(export.git(&["-C", "libs/middle", "rev-list", "--count", "HEAD"]), "1");
    let listing = export.listing();

    // Not checked out in the tree: the repositories in .git/modules are enough.
    outer.git_run(&["submodule", "--quiet", "deinit", "--force", "--all"]);
    assert_eq!(Exported::of(&open(outer.path()).unwrap()).listing(), listing);

    fs::remove_dir_all(outer.join(".git/modules/libs/middle/modules")).unwrap();
    let error = fails(open(outer.path()));
    assert!(
        matches!(&error, SourceError::Submodule { path, .. } if path == "libs/middle/deep/inner"),
        "{error}"
    );
    assert!(error.hints()[0].contains("git submodule update --init --recursive"), "{:?}", error.hints());
}

#[test]
fn a_submodule_with_changes_or_another_commit_is_dirt() {
    git_or_skip!();
    let (outer, ..) = with_submodules();
    outer.write("libs/middle/deep/inner/inner.txt", "changed\n");
    let error = fails(open(outer.path()));
    assert!(error.to_string().contains("modified: libs/middle/deep/inner/inner.txt"), "{error}");
    let nested = outer.join("libs/middle/deep/inner");
    outer.git_run(&["-C", nested.to_str().unwrap(), "commit", "--quiet", "--all", "--message", "more"]);
    let SourceError::Dirty { listed, .. } = fails(open(outer.path())) else { panic!() };
    assert_eq!(listed, ["other commit checked out: libs/middle/deep/inner"]);
    let source = Source::checkout(outer.path(), DirtyPolicy::Allow, &IgnoredPaths::default()).unwrap();
    assert_eq!(source.read("libs/middle/deep/inner/inner.txt").unwrap().unwrap(), b"changed\n");
    let export = Exported::of(&source);
    assert_eq!(export.read("libs/middle/deep/inner/inner.txt"), b"changed\n");
    assert!(export.git(&["describe", "--always", "--dirty"]).ends_with("-dirty"));
}

#[test]
fn a_submodule_name_does_not_lead_out_of_the_git_folder() {
    git_or_skip!();
    let (outer, ..) = with_submodules();
    outer.git_run(&["submodule", "--quiet", "deinit", "--force", "--all"]);
    let text =
        outer.read(".gitmodules").replace("submodule \"libs/middle\"", "submodule \"../../elsewhere\"");
    outer.write(".gitmodules", text);
    outer.commit("evil name");
    let error = fails(open(outer.path()));
    assert!(error.to_string().contains("leads out of the git folder"), "{error}");
}
