//! A git server on loopback: smart HTTP around `git upload-pack`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::context::Project;

/// Bare repositories, served until the test's process ends.
pub struct GitServer {
    folder: tempfile::TempDir,
    port: u16,
}

impl GitServer {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
        let port = server.server_addr().to_ip().unwrap().port();
        let root = folder.path().to_owned();
        std::thread::spawn(move || {
            for request in server.incoming_requests() {
                answer(&root, request);
            }
        });
        Self { folder, port }
    }

    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}.git", self.port)
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.git"))
    }

    /// Makes a repository hold everything of a project's.
    pub fn push(&self, project: &Project, name: &str) {
        let place = self.place(name);
        if !place.exists() {
            project.git_run(&[
                "init",
                "--quiet",
                "--bare",
                "--initial-branch=main",
                &place.to_string_lossy(),
            ]);
        }
        project.git_run(&["push", "--quiet", "--mirror", &place.to_string_lossy()]);
    }
}

/// Answers one request for a repository below `root`.
pub fn answer(root: &Path, mut request: tiny_http::Request) {
    let (path, query) =
        request.url().split_once('?').map_or((request.url(), ""), |(path, query)| (path, query));
    let (path, advertise) = match path.strip_suffix("/info/refs") {
        Some(path) if query == "service=git-upload-pack" => (path, true),
        Some(_) => return,
        None => (path.trim_end_matches("/git-upload-pack"), false),
    };
    let place = root.join(path.trim_start_matches('/'));
    if !place.is_dir() {
        let _ = request.respond(tiny_http::Response::empty(404));
        return;
    }
    let protocol = request.headers().iter().find(|header| header.field.equiv("Git-Protocol"));
    let protocol = protocol.map(|header| header.value.to_string()).unwrap_or_default();
    let mut command = Command::new("git");
    command
        .arg("upload-pack")
        .arg("--stateless-rpc")
        .args(advertise.then_some("--advertise-refs"))
        .arg(&place);
    command.env("GIT_PROTOCOL", protocol).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut body = Vec::new();
    request.as_reader().read_to_end(&mut body).unwrap();
    child.stdin.take().unwrap().write_all(&body).unwrap();
    let output = child.wait_with_output().unwrap();
    let kind = if advertise { "advertisement" } else { "result" };
    let kind =
        format!("Content-Type: application/x-git-upload-pack-{kind}").parse::<tiny_http::Header>().unwrap();
    let _ = request.respond(tiny_http::Response::from_data(output.stdout).with_header(kind));
}
