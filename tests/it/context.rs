//! A project in a temporary folder, and the program run in it: what tests of commands are written with.
//!
//! ```ignore
//! let project = Project::new().file("pyproject.toml", "[project]\n").git();
//! project.run(&["build"]).code(2).stderr_has("name");
//! ```

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The commit time of every commit that tests make, and what `SOURCE_DATE_EPOCH` is then.
pub const COMMIT_DATE: &str = "2024-01-02T03:04:05Z";
/// [`COMMIT_DATE`] in seconds.
pub const COMMIT_EPOCH: i64 = 1_704_164_645;

/// Ends a test that cannot run here, and says why on the real standard error (the test harness shows no
/// captured output of a test that passes). `skipped!(engine: …)` is for a missing engine or registry, which
/// under `CI=true` is a failure.
macro_rules! skipped {
    (engine: $($reason:tt)*) => {{
        let reason = format!($($reason)*);
        assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "an engine is missing: {reason}");
        skipped!("{reason}");
    }};
    ($($reason:tt)*) => {{
        $crate::context::say_skipped(&format!($($reason)*));
        return;
    }};
}

/// Prints `skipped: <reason>` past the harness's capture.
pub fn say_skipped(reason: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    let _ = writeln!(std::io::stderr(), "skipped: {reason} ({test})");
}

/// The repository's folder. Cargo names it at run time; whoever runs the test binary elsewhere may too.
pub fn repository() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// The program under test: `SEALWRIGHT_TEST_PROGRAM`, or the one that cargo built.
pub fn program() -> PathBuf {
    std::env::var_os("SEALWRIGHT_TEST_PROGRAM")
        .map_or_else(|| env!("CARGO_BIN_EXE_sealwright").into(), PathBuf::from)
}

/// A store that tests share, since a base image takes long to make: `SEALWRIGHT_TEST_STORE`, or one in the
/// target folder. Tests that damage a store use one of their own ([`Project::own_store`]).
pub fn shared_store() -> PathBuf {
    std::env::var_os("SEALWRIGHT_TEST_STORE")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("store"), PathBuf::from)
}

/// A folder with a project, a home folder of its own beside it, and a store.
pub struct Project {
    folder: TempDir,
    project: PathBuf,
    store: PathBuf,
    env: Vec<(String, String)>,
}

impl Project {
    /// An empty project, no checkout.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sealwright-test-").tempdir().unwrap();
        for name in ["project", "home"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let project = folder.path().join("project");
        Self { folder, project, store: shared_store(), env: Vec::new() }
    }

    /// A copy of a folder of the repository, for instance `examples/hello`.
    pub fn copy_of(folder: &str) -> Self {
        let project = Self::new();
        copy_folder(&repository().join(folder), project.path());
        project
    }

    /// The project's folder.
    pub fn path(&self) -> &Path {
        &self.project
    }

    /// The home folder that the program sees.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A path below the project's folder.
    pub fn join(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    /// The store that the program uses.
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// Uses an empty store that nobody else sees.
    pub fn own_store(mut self) -> Self {
        self.store = self.folder.path().join("store");
        self
    }

    /// Sets a variable for the program.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.to_owned(), value.as_ref().to_string_lossy().into_owned()));
        self
    }

    /// Lets the program use the indexes, proxy and certificates that this host's pip and uv are configured with.
    pub fn host_indexes(mut self) -> Self {
        for (name, value) in std::env::vars() {
            let upper = name.to_uppercase();
            let wanted = ["PIP_", "UV_", "SSL_CERT"].iter().any(|prefix| upper.starts_with(prefix))
                || upper.ends_with("_PROXY")
                || upper == "REQUESTS_CA_BUNDLE";
            if wanted {
                self.env.push((name, value));
            }
        }
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let files = [home.join(".config/pip/pip.conf"), home.join(".pip/pip.conf")];
        if std::env::var_os("PIP_CONFIG_FILE").is_none()
            && let Some(file) = files.iter().find(|file| file.is_file())
        {
            self = self.env("PIP_CONFIG_FILE", file);
        }
        self
    }

    /// Writes a file, with the folders above it.
    pub fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.write(path, text);
        self
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file as text.
    pub fn read(&self, path: &str) -> String {
        let path = self.join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names in a folder, sorted; none if it is not there.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.join(folder)) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Makes the folder a checkout with one commit of everything.
    pub fn git(self) -> Self {
        self.git_run(&["init", "--quiet", "--initial-branch=main"]);
        self.commit("start");
        self
    }

    /// Commits everything, with a fixed author and time.
    pub fn commit(&self, message: &str) {
        self.git_run(&["add", "--all"]);
        self.git_run(&["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    /// Runs git in the project, away from this host's configuration, and gives its output.
    pub fn git_run(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].into_iter().flat_map(|who| {
                [("NAME", "Test"), ("EMAIL", "test@host.example"), ("DATE", COMMIT_DATE)]
                    .map(|(what, value)| (format!("GIT_{who}_{what}"), value))
            }))
            .output()
            .unwrap_or_else(|error| panic!("git is needed by these tests: {error}"));
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
        text
    }

    /// The program, ready to run in the project with an environment of its own.
    pub fn command(&self, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(program());
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("SEALWRIGHT_STORE", &self.store)
            .env("NO_COLOR", "1")
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Outcome {
            call: format!("sealwright {}", arguments.join(" ")),
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            folder: self.folder.path().to_owned(),
            store: self.store.clone(),
        }
    }
}

pub fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Outcome {
    call: String,
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed as data.
    pub stdout: String,
    /// Everything else that it printed.
    pub stderr: String,
    folder: PathBuf,
    store: PathBuf,
}

impl Outcome {
    /// Asserts the exit code, showing everything if it is another.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.code,
            Some(expected),
            "{}: exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.call,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts that standard error holds a text.
    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{}: {text:?} is not in stderr:\n{}", self.call, self.stderr);
        self
    }

    /// Asserts that standard output holds a text.
    #[track_caller]
    pub fn stdout_has(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "{}: {text:?} is not in stdout:\n{}", self.call, self.stdout);
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{}: {error} in stdout:\n{}", self.call, self.stdout))
    }

    /// Standard output with what differs from run to run replaced ([`Outcome::redact`]).
    pub fn shown_stdout(&self) -> String {
        self.redact(&self.stdout)
    }

    /// Standard error with what differs from run to run replaced ([`Outcome::redact`]).
    pub fn shown_stderr(&self) -> String {
        self.redact(&self.stderr)
    }

    /// Replaces paths of this run by `[PROJECT]`, `[HOME]` and `[STORE]`, digests by `[SHA256]` and `[SHA1]`,
    /// times by `[TIME]` and durations such as `1.2 s` by `[DURATION]`.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.replace(&*self.store.to_string_lossy(), "[STORE]");
        for (name, shown) in [("project", "[PROJECT]"), ("home", "[HOME]")] {
            text = text.replace(&*self.folder.join(name).to_string_lossy(), shown);
        }
        redact_words(&text)
    }
}

fn redact_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let length =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-:.".contains(c))).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let bare = word.trim_end_matches(['.', ':', '-']);
        let (bare, punctuation) = word.split_at(bare.len());
        let hex = |length| {
            bare.len() == length && bare.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let decimal = bare.contains('.') && bare.parse::<f64>().is_ok();
        if hex(64) {
            out.push_str("[SHA256]");
        } else if bare.strip_prefix("sha256:").is_some_and(|digest| digest.len() == 64) {
            out.push_str("sha256:[SHA256]");
        } else if hex(40) {
            out.push_str("[SHA1]");
        } else if bare.len() >= 19
            && bare.as_bytes()[10] == b'T'
            && bare.as_bytes()[..4].iter().all(u8::is_ascii_digit)
        {
            out.push_str("[TIME]");
        } else if decimal && (after.starts_with(" s") || after.starts_with(" ms")) {
            out.push_str("[DURATION]");
        } else {
            out.push_str(bare);
        }
        out.push_str(punctuation);
        let gap = after.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(after.len());
        out.push_str(&after[..gap]);
        rest = &after[gap..];
    }
    out
}

#[test]
fn what_differs_from_run_to_run_is_redacted() {
    let text = format!(
        "wheel sha256:{0} {0}, commit {1}. built 2026-01-02T03:04:05Z in 1.25 s (é) 3.11",
        "a".repeat(64),
        "b".repeat(40)
    );
    assert_eq!(
        redact_words(&text),
        "wheel sha256:[SHA256] [SHA256], commit [SHA1]. built [TIME] in [DURATION] s (é) 3.11"
    );
}

#[test]
fn a_test_project_is_a_checkout_with_a_fixed_commit() {
    let make = || Project::new().file("a/b.txt", "text").git();
    let (one, two) = (make(), make());
    assert_eq!(one.git_run(&["rev-parse", "HEAD"]), two.git_run(&["rev-parse", "HEAD"]));
    assert_eq!(one.git_run(&["log", "-1", "--format=%ct"]), COMMIT_EPOCH.to_string());
    assert_eq!((one.names("a"), one.read("a/b.txt")), (vec!["b.txt".to_owned()], "text".to_owned()));
}

#[test]
fn a_project_is_copied_with_its_folders_and_has_a_home_and_a_store_of_its_own() {
    let project = Project::copy_of("tests/it").own_store();
    assert!(project.names("").contains(&"context.rs".to_owned()));
    assert!(project.home().is_dir() && project.store().starts_with(project.folder.path()));
    assert_eq!(Project::new().store(), shared_store());
}

#[test]
fn the_program_runs_in_the_project() {
    let project = Project::new().host_indexes().env("SEALWRIGHT_TEST", "1");
    assert!(project.env.contains(&("SEALWRIGHT_TEST".to_owned(), "1".to_owned())));
    assert!(project.run(&["--version"]).code.is_some());
}

#[test]
fn an_outcome_is_asserted_and_redacted() {
    let outcome = Outcome {
        call: "sealwright inspect x".to_owned(),
        code: Some(2),
        stdout: "{\"store\": \"/t/store/blobs\"}".to_owned(),
        stderr: "/t/project/x: not a statement".to_owned(),
        folder: "/t".into(),
        store: "/t/store".into(),
    };
    let outcome = outcome.code(2).stdout_has("blobs").stderr_has("not a statement");
    assert_eq!(outcome.json()["store"], "/t/store/blobs");
    assert_eq!(outcome.shown_stdout(), "{\"store\": \"[STORE]/blobs\"}");
    assert_eq!(outcome.shown_stderr(), "[PROJECT]/x: not a statement");
}
