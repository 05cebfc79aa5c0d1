//! Sources from git checkouts: what is exported, what is refused, and that nothing of a repository ever runs.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sealwright::digest::Sha256;
use sealwright::error::{Blame, Fault as _};
use sealwright::source::{DirtyPolicy, HistoryNeed, IgnoredPaths, Source, SourceError, SourceIdentity};
use tempfile::TempDir;

use crate::context::{COMMIT_EPOCH, Project};

macro_rules! git_or_skip {
    () => {
        if std::process::Command::new("git").arg("--version").output().is_err() {
            skipped!("there is no git");
        }
    };
}
pub(crate) use git_or_skip;

pub(crate) fn open(dir: &Path) -> Result<Source, SourceError> {
    Source::checkout(dir, DirtyPolicy::Refuse, &IgnoredPaths::default())
}

fn open_dirty(dir: &Path) -> Source {
    Source::checkout(dir, DirtyPolicy::Allow, &IgnoredPaths::default()).unwrap()
}

#[track_caller]
pub(crate) fn fails(result: Result<Source, SourceError>) -> SourceError {
    result.err().expect("an error")
}

/// An export in a folder that other users may enter.
pub(crate) struct Exported {
    folder: TempDir,
}

impl Exported {
    pub(crate) fn of(source: &Source) -> Self {
        let folder = tempfile::Builder::new().prefix("sealwright-export-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        source.export(&folder.path().join("src")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("src")
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.path().join(path)).unwrap()
    }

    /// Runs git as the box does: as another user if we may, with that user's `safe.directory`.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        if nix::unistd::Uid::effective().is_root() {
            use std::os::unix::process::CommandExt as _;
            command.uid(1000).gid(1000);
        }
        let output = command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            // It would take a lock and so touch `.git`, where it may: as the user that exported.
            .env("GIT_OPTIONAL_LOCKS", "0")
            .envs([
                ("GIT_CONFIG_COUNT", "1"),
                ("GIT_CONFIG_KEY_0", "safe.directory"),
                ("GIT_CONFIG_VALUE_0", "*"),
            ])
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {error}");
        assert_eq!(error, "", "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Every path with type, mode, time, and content.
    pub(crate) fn listing(&self) -> Vec<String> {
        let root = self.path();
        let mut lines: Vec<String> = walkdir::WalkDir::new(&root)
            .into_iter()
            .map(|entry| {
                let entry = entry.unwrap();
                let metadata = entry.path().symlink_metadata().unwrap();
                let content = if metadata.is_file() {
                    Sha256::of(fs::read(entry.path()).unwrap()).to_string()
                } else if metadata.is_symlink() {
                    fs::read_link(entry.path()).unwrap().display().to_string()
                } else {
                    String::new()
                };
                let path = entry.path().strip_prefix(&root).unwrap().display();
                format!("{path} {:o} {} {content}", metadata.mode(), metadata.mtime())
            })
            .collect();
        lines.sort();
        lines
    }
}

/// A project with the common kinds of entries, two commits, tags of both kinds and a stray branch.
fn sample() -> Project {
    let project = Project::new()
        .file(
            "pyproject.toml",
            "[build-system]\nrequires = ['setuptools-scm']\n[project]\ndynamic = ['version']\n",
        )
        .file("src/pkg/__init__.py", "")
        .file("run.sh", "#!/bin/sh\n")
        .git();
    project.git_run(&["tag", "v1.0"]);
    project.git_run(&["checkout", "--quiet", "-b", "stray"]);
    project.write("stray.txt", "stray");
    project.commit("stray");
    project.git_run(&["tag", "stray-tag"]);
    project.git_run(&["checkout", "--quiet", "main"]);
    project.write("src/pkg/data.txt", "data\n");
    symlink("data.txt", project.join("src/pkg/link")).unwrap();
    symlink("/etc/passwd", project.join("outside")).unwrap();
    fs::set_permissions(project.join("run.sh"), fs::Permissions::from_mode(0o775)).unwrap();
    project.commit("second");
    project.git_run(&["tag", "--annotate", "--message", "release", "v1.1"]);
    project.git_run(&["tag", "--annotate", "--message", "nested", "nested", "v1.1"]);
    project.git_run(&["tag", "a-tree", "HEAD^{tree}"]);
    project.write("src/pkg/data.txt", "more data\n");
    project.commit("third");
    project
}

#[test]
fn an_export_is_the_commit_with_a_repository_that_git_likes() {
    git_or_skip!();
    let project = sample();
    let source = open(project.path()).unwrap();
    assert_eq!(source.epoch(), COMMIT_EPOCH);
    let SourceIdentity::Commit(head) = source.identity() else { panic!("{:?}", source.identity()) };
    assert_eq!(head.commit.to_string(), project.git_run(&["rev-parse", "HEAD"]));
    assert_eq!(head.tree.to_string(), project.git_run(&["rev-parse", "HEAD^{tree}"]));
    assert_eq!(head.reference.as_deref(), Some("refs/heads/main"));
    assert_eq!((&head.uri, &head.subdirectory, head.shallow.len()), (&None, &None, 0));
    let tags: Vec<_> = head.tags.iter().map(|tag| (tag.name.as_str(), tag.object.is_some())).collect();
    assert_eq!(tags, [("nested", true), ("v1.0", false), ("v1.1", true)]);
    assert_eq!(head.tags[2].object.unwrap().to_string(), project.git_run(&["rev-parse", "v1.1"]));
    assert_eq!(head.tags[0].commit.to_string(), project.git_run(&["rev-parse", "HEAD^"]));

    assert_eq!(source.read("src/pkg/link").unwrap().unwrap(), b"more data\n");
    assert_eq!(source.read("outside").unwrap(), None);
    assert!(source.exists("pyproject.toml") && !source.exists("stray.txt") && !source.exists("src"));
    let names =
        ["outside", "pyproject.toml", "run.sh", "src/pkg/__init__.py", "src/pkg/data.txt", "src/pkg/link"];
    assert_eq!(source.list(), names);

    let export = Exported::of(&source);
    // Before git looks at it: `describe --dirty` takes a lock, and so touches `.git`, where it may.
    let listing = export.listing();
    assert_eq!(export.git(&["status", "--porcelain"]), "");
    let describe = ["describe", "--tags", "--long", "--dirty", "--abbrev=7"];
    assert_eq!(export.git(&describe), project.git_run(&describe));
    assert_eq!(
        export.git(&["describe", "--tags", "--match=v*"]),
        project.git_run(&["describe", "--match=v*"])
    );
    assert_eq!(export.git(&["rev-list", "--count", "HEAD"]), "3");
    assert_eq!(export.git(&["log", "--format=%s %D"]).lines().next(), Some("third HEAD -> main"));
    assert_eq!(export.git(&["ls-files"]).lines().collect::<Vec<_>>(), names);
    assert_eq!(export.git(&["tag"]), "nested\nv1.0\nv1.1");
    assert_eq!(export.git(&["cat-file", "-t", "nested"]), "tag");
    assert_eq!(export.git(&["remote"]), "");
    assert!(export.git(&["archive", "HEAD"]).contains("src/pkg/data.txt"));
    let fsck = export.git(&["verify-pack", "-v", &pack(&export)]);
    assert!(fsck.ends_with(": ok"), "{fsck}");
    assert_eq!(export.git(&["for-each-ref"]).lines().count(), 4);

    for line in listing {
        let fields: Vec<&str> = line.split(' ').collect();
        let time = if fields[0] == ".git/index" { COMMIT_EPOCH + 1 } else { COMMIT_EPOCH };
        assert_eq!(fields[2], time.to_string(), "{line}");
        let mode = match fields[0] {
            "outside" | "src/pkg/link" => "120777",
            "run.sh" => "100755",
            path if export.path().join(path).is_dir() => "40755",
            _ => "100644",
        };
        assert_eq!(fields[1], mode, "{line}");
    }
    assert_eq!(fs::read_link(export.path().join("outside")).unwrap(), Path::new("/etc/passwd"));
}

fn pack(export: &Exported) -> String {
    let found = fs::read_dir(export.path().join(".git/objects/pack")).unwrap();
    let names = found.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pack =
        names.filter(|name| Path::new(name).extension().is_some_and(|end| end == "idx")).collect::<Vec<_>>();
    assert_eq!(pack.len(), 1, "{pack:?}");
    format!(".git/objects/pack/{}", pack[0])
}

#[test]
fn the_export_is_the_same_from_loose_objects_packs_clones_and_alternates() {
    git_or_skip!();
    let project = sample();
    let listing = Exported::of(&open(project.path()).unwrap()).listing();
    project.git_run(&["gc", "--quiet", "--aggressive", "--prune=now"]);
    assert_eq!(Exported::of(&open(project.path()).unwrap()).listing(), listing, "after gc");
    let clone = project.home().join("clone");
    let path = project.path().to_str().unwrap();
    project.git_run(&["clone", "--quiet", "--shared", path, clone.to_str().unwrap()]);
    assert!(clone.join(".git/objects/info/alternates").exists());
    let source = open(&clone).unwrap();
    let SourceIdentity::Commit(head) = source.identity() else { panic!() };
    assert_eq!(head.uri, None, "a path of this host");
    assert_eq!(source.notes().len(), 1, "{:?}", source.notes());
    assert_eq!(Exported::of(&source).listing(), listing, "from a clone with alternates");
}

#[test]
fn a_linked_worktree_and_a_subfolder_are_checkouts() {
    git_or_skip!();
    let project = sample();
    let tree = project.home().join("linked");
    project.git_run(&["worktree", "add", "--quiet", "--detach", tree.to_str().unwrap(), "v1.0"]);
    let source = open(&tree).unwrap();
    assert_eq!(source.identity().head().unwrap().reference.as_deref(), Some("refs/tags/v1.0"));
    let export = Exported::of(&source);
    assert_eq!(export.git(&["status", "--porcelain", "--branch"]), "## HEAD (no branch)");
    assert_eq!(export.git(&["describe", "--tags"]), "v1.0");

    let source = open(&project.join("src/pkg")).unwrap();
    assert_eq!(source.subdirectory(), "src/pkg");
    assert_eq!(source.identity().head().unwrap().subdirectory.as_deref(), Some("src/pkg"));
    assert_eq!(source.list(), ["__init__.py", "data.txt", "link"]);
    assert_eq!(source.read("link").unwrap().unwrap(), b"more data\n");
    assert_eq!(source.read("../../run.sh").unwrap().unwrap(), b"#!/bin/sh\n");
    assert_eq!(source.read("../../../x").unwrap(), None);
    assert!(Exported::of(&source).path().join("run.sh").exists(), "the whole commit is exported");

    fs::create_dir(project.join("elsewhere")).unwrap();
    assert!(matches!(fails(open(&project.join("elsewhere"))), SourceError::NotInCommit { .. }));
}

#[test]
fn what_is_no_usable_checkout_is_said() {
    git_or_skip!();
    let none = Project::new();
    let error = fails(open(none.path()));
    assert!(matches!(error, SourceError::NoCheckout { .. }) && error.blame() == Blame::User, "{error}");
    assert!(error.hints()[0].contains("git init"), "{:?}", error.hints());

    none.git_run(&["init", "--quiet", "--initial-branch=trunk"]);
    let error = fails(open(none.path()));
    assert!(matches!(&error, SourceError::Unborn { branch, .. } if branch == "trunk"), "{error}");

    let bare = Project::new();
    bare.git_run(&["init", "--quiet", "--bare", "."]);
    let error = fails(open(bare.path()));
    assert!(matches!(error, SourceError::Bare { .. }), "{error}");

    let other = Project::new().file("a", "a");
    other.git_run(&["init", "--quiet", "--object-format=sha256"]);
    other.commit("x");
    let error = fails(open(other.path()));
    assert!(matches!(&error, SourceError::Format { actual, .. } if actual == "sha256"), "{error}");
}

#[test]
fn the_remote_is_named_without_its_credentials() {
    git_or_skip!();
    let project = sample();
    project.git_run(&["remote", "add", "origin", "https://me:TOKEN@forge.example/team/app.git?x=TOKEN"]);
    let source = open(project.path()).unwrap();
    let text = serde_json::to_string(source.identity()).unwrap();
    assert!(text.contains("\"git+https://forge.example/team/app.git\""), "{text}");
    let listing = Exported::of(&source);
    for entry in walkdir::WalkDir::new(listing.path()) {
        let path = entry.unwrap().into_path();
        if path.is_file() && !path.starts_with(listing.path().join("outside")) {
            assert!(
                !String::from_utf8_lossy(&fs::read(&path).unwrap()).contains("TOKEN"),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn uncommitted_changes_are_refused_with_a_list() {
    git_or_skip!();
    let project = sample();
    project.write("run.sh", "#!/bin/false\n");
    fs::remove_file(project.join("src/pkg/__init__.py")).unwrap();
    fs::remove_file(project.join("src/pkg/link")).unwrap();
    project.write("src/pkg/link", "a file now");
    project.write("new.txt", "new");
    project.git_run(&["add", "new.txt"]);
    project.git_run(&["rm", "--quiet", "--cached", "outside"]);
    fs::remove_file(project.join("outside")).unwrap();
    project.write("untracked.txt", "x");
    let error = fails(open(project.path()));
    assert_eq!(error.blame().exit_code(), 2);
    assert!(error.hints()[1].contains("--allow-dirty"));
    let SourceError::Dirty { count, listed } = &error else { panic!("{error}") };
    assert_eq!(*count, 5);
    let expected = [
        "new file: new.txt",
        "deleted (staged): outside",
        "modified: run.sh",
        "deleted: src/pkg/__init__.py",
        "type changed: src/pkg/link",
    ];
    assert_eq!(listed, &expected);

    for number in 0..50 {
        project.write(&format!("many/{number:02}"), "x");
    }
    project.git_run(&["add", "many"]);
    let text = fails(open(project.path())).to_string();
    assert!(
        text.starts_with("the work tree has 55 uncommitted changes:") && text.contains("… and 35 more"),
        "{text}"
    );
}

#[test]
fn a_mode_change_and_a_staged_change_that_was_undone_are_dirt() {
    git_or_skip!();
    let project = sample();
    fs::set_permissions(project.join("pyproject.toml"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(fails(open(project.path())).to_string().contains("mode changed: pyproject.toml"));
    project.git_run(&["config", "core.fileMode", "false"]);
    open(project.path()).unwrap();

    project.write("run.sh", "other\n");
    project.git_run(&["add", "run.sh"]);
    project.write("run.sh", "#!/bin/sh\n");
    assert!(fails(open(project.path())).to_string().contains("changed (staged): run.sh"));
}

#[test]
fn a_touched_or_copied_tree_is_clean() {
    git_or_skip!();
    let project = sample();
    let file = fs::File::options().write(true).open(project.join("run.sh")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    open(project.path()).unwrap();
    let copy = project.home().join("copy");
    assert!(Command::new("cp").arg("-r").arg(project.path()).arg(&copy).status().unwrap().success());
    fs::set_permissions(copy.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    open(&copy).unwrap();
}

#[test]
fn the_lock_and_the_outputs_are_neither_dirt_nor_untracked() {
    git_or_skip!();
    let project = sample();
    project.write("dist/old.whl", "x");
    project.commit("dist too");
    project.write("sealwright.lock", "version = 1\n");
    project.write("dist/old.whl", "y");
    project.write("dist/new.whl", "y");
    project.write("provenance/new.intoto.jsonl", "y");
    let source = open(project.path()).unwrap();
    assert_eq!(source.notes(), [] as [&str; 0]);
    assert_eq!(Exported::of(&source).read("dist/old.whl"), b"x");

    project.write("untracked/a", "x");
    project.write("untracked/b", "x");
    project.write("ignored/c", "x");
    project.write(".git/info/exclude", "ignored/\n");
    let source = open(project.path()).unwrap();
    assert!(source.notes()[0].starts_with("2 files are neither tracked nor ignored"), "{:?}", source.notes());
    assert!(!source.exists("untracked/a"));

    project.write("run.sh", "dirty");
    let dirty = open_dirty(project.path());
    assert_eq!(
        dirty.read("dist/old.whl").unwrap().unwrap(),
        b"x",
        "outputs do not change what is built next"
    );
}

#[test]
fn a_dirty_tree_is_built_as_it_is_and_named_by_its_own_digest() {
    git_or_skip!();
    let project = sample();
    let clean = open_dirty(project.path());
    assert!(matches!(clean.identity(), SourceIdentity::Commit(_)), "nothing to name by a digest of ours");

    project.write("run.sh", "#!/bin/false\n");
    fs::remove_file(project.join("src/pkg/__init__.py")).unwrap();
    project.write("new.txt", "new");
    project.git_run(&["add", "new.txt"]);
    project.write("untracked.txt", "x");
    let source = open_dirty(project.path());
    let SourceIdentity::Dirty { head, tree } = source.identity() else { panic!("{:?}", source.identity()) };
    assert_eq!(head.commit.to_string(), project.git_run(&["rev-parse", "HEAD"]));
    assert_eq!(
        source.list(),
        ["new.txt", "outside", "pyproject.toml", "run.sh", "src/pkg/data.txt", "src/pkg/link"]
    );
    let files = [
        ("100644", "new.txt", "new"),
        ("120000", "outside", "/etc/passwd"),
        ("100644", "pyproject.toml", &project.read("pyproject.toml")),
        ("100755", "run.sh", "#!/bin/false\n"),
        ("100644", "src/pkg/data.txt", "more data\n"),
        ("120000", "src/pkg/link", "data.txt"),
    ];
    let lines = files.map(|(mode, path, content)| format!("{mode} {} {path}\0", Sha256::of(content)));
    assert_eq!(
        *tree,
        Sha256::of(format!("sealwright-tree-v1\0{}", lines.concat())),
        "the documented algorithm"
    );

    let export = Exported::of(&source);
    assert_eq!(export.read("run.sh"), b"#!/bin/false\n");
    assert!(!export.path().join("untracked.txt").exists());
    assert!(export.git(&["describe", "--tags", "--dirty"]).ends_with("-dirty"));
    assert!(export.git(&["ls-files"]).starts_with("new.txt\n"));
    assert!(export.git(&["archive", "HEAD", "run.sh"]).contains("#!/bin/sh"));

    project.write("run.sh", "#!/bin/changed\n");
    let again = source.export(&project.home().join("again"));
    assert!(matches!(again, Err(SourceError::Changed { .. })), "{again:?}");
}

#[test]
fn a_link_in_place_of_a_folder_is_not_read_through() {
    git_or_skip!();
    let project = sample();
    let elsewhere = project.home().join("pkg");
    fs::rename(project.join("src/pkg"), &elsewhere).unwrap();
    symlink(&elsewhere, project.join("src/pkg")).unwrap();
    let error = fails(open(project.path()));
    assert!(error.to_string().contains("deleted: src/pkg/data.txt"), "{error}");
    assert!(!open_dirty(project.path()).exists("src/pkg/data.txt"));
}

#[test]
fn a_shallow_clone_is_refused_only_when_the_version_needs_history() {
    git_or_skip!();
    let project = sample();
    let clone = project.home().join("clone");
    let url = format!("file://{}", project.path().display());
    project.git_run(&["clone", "--quiet", "--depth=1", &url, clone.to_str().unwrap()]);
    let source = open(&clone).unwrap();
    let head = source.identity().head().unwrap();
    assert_eq!(head.shallow, [head.commit]);
    let need = source.history_need().unwrap();
    assert_eq!(need, HistoryNeed::Full("setuptools-scm".to_owned()));
    let error = source.require_history(&need).unwrap_err();
    assert!(error.hints()[0].contains("git fetch --unshallow --tags"), "{:?}", error.hints());
    source.require_history(&HistoryNeed::None).unwrap();
    let export = Exported::of(&source);
    assert_eq!(export.git(&["rev-parse", "--is-shallow-repository"]), "true");
    assert_eq!(export.git(&["rev-list", "--count", "HEAD"]), "1");
    open(project.path()).unwrap().require_history(&need).unwrap();
}

#[test]
fn replacements_and_grafts_do_not_count() {
    git_or_skip!();
    let project = sample();
    let listing = Exported::of(&open(project.path()).unwrap()).listing();
    project.git_run(&["replace", "HEAD", "stray"]);
    project.write(".git/info/grafts", format!("{}\n", project.git_run(&["rev-parse", "stray"])));
    // for git itself, the commit now holds other files
    let source = open(project.path()).unwrap();
    assert!(source.notes().iter().any(|note| note.contains("not applied")), "{:?}", source.notes());
    assert_eq!(Exported::of(&source).listing(), listing);
}

#[test]
fn attributes_change_nothing_and_line_ends_are_no_dirt() {
    git_or_skip!();
    let project = Project::new()
        .file(
            ".gitattributes",
            "secret.txt export-ignore\nversion.txt export-subst\n*.txt text\nid.c ident\n",
        )
        .file("secret.txt", "secret\n")
        .file("version.txt", "$Format:%H$\n")
        .file("id.c", "/* $Id$ */\n")
        .git();
    project.git_run(&["config", "core.autocrlf", "true"]);
    fs::remove_file(project.join("version.txt")).unwrap();
    fs::remove_file(project.join("id.c")).unwrap();
    project.git_run(&["checkout", "--", "."]);
    assert_eq!(project.read("version.txt"), "$Format:%H$\r\n");
    assert!(project.read("id.c").starts_with("/* $Id: "));
    for name in ["version.txt", "id.c"] {
        let file = fs::File::options().write(true).open(project.join(name)).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    }
    let source = open(project.path()).unwrap();
    let export = Exported::of(&source);
    assert_eq!(export.read("version.txt"), b"$Format:%H$\n");
    assert_eq!(export.read("secret.txt"), b"secret\n");
    assert_eq!(export.read("id.c"), b"/* $Id$ */\n");
    assert_eq!(export.git(&["status", "--porcelain"]), "");
    project.write("version.txt", "really changed\r\n");
    assert!(matches!(fails(open(project.path())), SourceError::Dirty { count: 1, .. }));
}

#[test]
fn lfs_pointers_are_refused() {
    git_or_skip!();
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n",
        Sha256::of("the file")
    );
    let project = Project::new().file("data/model.bin", pointer).git();
    let source = open(project.path()).unwrap();
    let error = source.export(&project.home().join("x")).unwrap_err();
    assert!(matches!(&error, SourceError::LfsPointer { path } if path == "data/model.bin"), "{error}");
}

#[test]
fn an_export_goes_only_into_an_empty_folder() {
    git_or_skip!();
    let project = sample();
    let source = open(project.path()).unwrap();
    fs::create_dir(project.home().join("empty")).unwrap();
    source.export(&project.home().join("empty")).unwrap();
    let error = source.export(&project.home().join("empty")).unwrap_err();
    assert!(matches!(error, SourceError::Io { .. }), "{error}");
}
