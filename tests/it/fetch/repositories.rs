//! Repositories over git's own protocol: from a server on loopback, and through the user's `ssh`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sealwright::event::Cancel;
use sealwright::fetch::{FetchError, GitWanted, NetConfig, PrivateHosts, Surroundings};
use tempfile::TempDir;

use crate::rebuild::server::answer;
use crate::source::git_or_skip;

/// A repository with a branch that was left, a tag and a second branch.
struct Upstream {
    folder: TempDir,
}

impl Upstream {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let upstream = Self { folder };
        std::fs::create_dir(upstream.path()).unwrap();
        upstream.git(&["init", "--quiet", "--initial-branch=main"]);
        for number in 0..3 {
            std::fs::write(upstream.path().join("file"), format!("{number}\n")).unwrap();
            upstream.git(&["add", "."]);
            upstream.git(&["commit", "--quiet", "-m", &format!("number {number}")]);
        }
        upstream.git(&["tag", "-a", "-m", "one", "v1", "HEAD~1"]);
        upstream.git(&["branch", "other", "HEAD~2"]);
        upstream
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    /// The newest commit, and the tag.
    fn names(&self) -> (String, String) {
        (self.git(&["rev-parse", "HEAD"]), self.git(&["rev-parse", "v1"]))
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.path(), arguments)
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=x", "-c", "user.email=x@x.example", "-c", "safe.directory=*"];
    let output = Command::new("git").arg("-C").arg(folder).args(identity).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// How a server answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Well,
    /// `/old/repo` leads to `/repo`.
    Moved,
    /// Wants a password.
    Closed,
    /// Says nothing more after it was asked.
    Silent,
}

/// A git server on loopback.
struct Server {
    url: String,
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn of(upstream: &Upstream, manner: Manner) -> Self {
        let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
        let url = format!("git+http://{}", server.server_addr());
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let root = upstream.folder.path().to_owned();
        let thread = std::thread::spawn({
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            move || {
                let mut kept = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    let Ok(Some(request)) = server.recv_timeout(Duration::from_millis(20)) else { continue };
                    asked.fetch_add(1, Ordering::SeqCst);
                    match manner {
                        Manner::Silent => kept.push(request),
                        Manner::Closed => {
                            let _ =
                                request.respond(tiny_http::Response::from_string("no").with_status_code(401));
                        }
                        Manner::Moved if request.url().starts_with("/old/") => {
                            let place = request.url().replacen("/old/", "/", 1);
                            let place = tiny_http::Header::from_bytes("Location", place).unwrap();
                            let _ = request.respond(tiny_http::Response::empty(301).with_header(place));
                        }
                        Manner::Well | Manner::Moved => answer(&root, request),
                    }
                }
            }
        });
        Self { url, stop, asked, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.thread.take().unwrap().join();
    }
}

fn surroundings(path: &str) -> Surroundings {
    let mut surroundings = Surroundings::of_process();
    surroundings.env.retain(|name, _| !name.to_ascii_lowercase().contains("proxy"));
    surroundings.env.insert("PATH".to_owned(), path.to_owned());
    surroundings
}

fn fetch(uri: &str, objects: &[&str], hosts: PrivateHosts, cancel: &Cancel) -> Result<TempDir, FetchError> {
    let path = std::env::var("PATH").unwrap();
    fetch_with(uri, objects, hosts, cancel, &surroundings(&path))
}

fn fetch_with(
    uri: &str,
    objects: &[&str],
    hosts: PrivateHosts,
    cancel: &Cancel,
    surroundings: &Surroundings,
) -> Result<TempDir, FetchError> {
    let into = tempfile::tempdir().unwrap();
    let mut net = NetConfig::load(surroundings).unwrap();
    net.stall_timeout = Duration::from_secs(3);
    GitWanted {
        uri: uri.to_owned(),
        objects: objects.iter().map(|&object| object.to_owned()).collect(),
        private: hosts,
    }
    .fetch(into.path(), &net, surroundings, cancel)
    .map(|()| into)
}

/// All of them, with what is below them.
fn are_there(folder: &Path, objects: &[&str]) {
    assert_eq!(git(folder, &["rev-list", "--count", objects[0]]), "3");
    for object in objects {
        git(folder, &["rev-list", "--objects", object]);
    }
    git(folder, &["fsck", "--strict"]);
}

#[test]
fn a_commit_comes_with_its_history_and_tags() {
    git_or_skip!();
    let upstream = Upstream::new();
    let (commit, tag) = upstream.names();
    for (manner, path) in [(Manner::Well, "repo"), (Manner::Moved, "old/repo")] {
        let server = Server::of(&upstream, manner);
        let into =
            fetch(&format!("{}/{path}", server.url), &[&commit, &tag], PrivateHosts::Allow, &Cancel::new())
                .unwrap();
        are_there(into.path(), &[&commit, &tag]);
    }
}

#[test]
fn a_commit_that_no_branch_has_comes_by_its_name_and_one_that_is_gone_does_not() {
    git_or_skip!();
    let upstream = Upstream::new();
    let (commit, tag) = upstream.names();
    upstream.git(&["update-ref", "refs/kept/it", &commit]);
    upstream.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    let server = Server::of(&upstream, Manner::Well);
    let uri = format!("{}/repo", server.url);
    let into = fetch(&uri, &[&commit], PrivateHosts::Allow, &Cancel::new()).unwrap();
    are_there(into.path(), &[&commit]);
    // Beside one that is there, too.
    let gone = "1".repeat(40);
    let error = fetch(&uri, &[&tag, &gone], PrivateHosts::Allow, &Cancel::new()).unwrap_err();
    let FetchError::NotOurs { object, .. } = error else { panic!("{error}") };
    assert_eq!(object, gone);
}

#[test]
fn addresses_that_lead_where_they_may_not_are_refused_unasked() {
    git_or_skip!();
    let upstream = Upstream::new();
    let server = Server::of(&upstream, Manner::Well);
    let port = server.url.rsplit_once(':').unwrap().1;
    let commit = "1".repeat(40);
    let error =
        |uri: &str| fetch(uri, &[&commit], PrivateHosts::Refuse, &Cancel::new()).unwrap_err().to_string();
    assert!(error(&format!("git+https://127.0.0.1:{port}/repo")).contains("127.0.0.1 is at 127.0.0.1"));
    assert!(error(&format!("git+https://localhost:{port}/repo")).contains("localhost is at 127.0.0.1"));
    assert!(error("git+ssh://localhost/repo").contains("localhost is at 127.0.0.1"));
    assert!(error(&format!("{}/repo", server.url)).contains("--allow-private-network"));
    assert!(error("git+file:///srv/repo").contains("only https and ssh"));
    assert!(error("https://forge.example/repo").contains("not the address of a git repository"));
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_server_that_fails_is_said_to() {
    git_or_skip!();
    let upstream = Upstream::new();
    let commit = "1".repeat(40);
    let server = Server::of(&upstream, Manner::Closed);
    let error =
        fetch(&format!("{}/repo", server.url), &[&commit], PrivateHosts::Allow, &Cancel::new()).unwrap_err();
    assert!(matches!(error, FetchError::Status { status: 401, .. }), "{error}");
    let server = Server::of(&upstream, Manner::Well);
    let error =
        fetch(&format!("{}/none", server.url), &[&commit], PrivateHosts::Allow, &Cancel::new()).unwrap_err();
    assert!(matches!(error, FetchError::Status { status: 404, .. }), "{error}");
    let error =
        fetch("git+http://127.0.0.1:1/x", &[&commit], PrivateHosts::Allow, &Cancel::new()).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
}

#[test]
fn a_stop_ends_a_fetch_that_waits() {
    git_or_skip!();
    let upstream = Upstream::new();
    let server = Server::of(&upstream, Manner::Silent);
    let cancel = Cancel::new();
    let stop = cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        stop.cancel(2);
    });
    let error =
        fetch(&format!("{}/repo", server.url), &[&"1".repeat(40)], PrivateHosts::Allow, &cancel).unwrap_err();
    assert!(matches!(error, FetchError::Interrupted { signal: 2 }), "{error}");
}

#[test]
fn a_repository_that_is_not_public_comes_through_the_users_ssh() {
    use std::os::unix::fs::PermissionsExt as _;
    git_or_skip!();
    let upstream = Upstream::new();
    let (commit, tag) = upstream.names();
    let objects = [commit.as_str(), tag.as_str()];
    // Says what it was called with, and does what a server would.
    let programs = tempfile::tempdir().unwrap();
    let ssh = programs.path().join("ssh");
    let said = programs.path().join("said");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {}\nfor last; do :; done\nexec sh -c \"$last\"\n",
        said.display()
    );
    std::fs::write(&ssh, script).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").unwrap());
    let mut surroundings = surroundings(&path);
    for (name, value) in
        [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")]
    {
        surroundings.env.insert(name.to_owned(), value.to_owned());
    }
    let uri = format!("git+ssh://127.0.0.1:2222{}", upstream.path().display());
    let into = fetch_with(&uri, &objects, PrivateHosts::Allow, &Cancel::new(), &surroundings).unwrap();
    are_there(into.path(), &objects);
    let said = std::fs::read_to_string(said).unwrap();
    let expected = format!(
        "-T\n-o\nBatchMode=yes\n-o\nSendEnv=GIT_PROTOCOL\n-p\n2222\n--\ngit@127.0.0.1\ngit-upload-pack '{}'\n",
        upstream.path().display()
    );
    assert_eq!(said, expected);
    let alone = programs.path().display().to_string();
    std::fs::remove_file(&ssh).unwrap();
    surroundings.env.insert("PATH".to_owned(), alone);
    let error = fetch_with(&uri, &objects, PrivateHosts::Allow, &Cancel::new(), &surroundings).unwrap_err();
    assert!(error.to_string().contains("no program ssh"), "{error}");
}
