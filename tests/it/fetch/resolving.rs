//! Locking from an index on loopback: lies, names that two indexes have, and secrets that must not be written anywhere.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once};
use std::time::SystemTime;

use sealwright::digest::Sha256;

use super::server::{Out, Server};
use super::{JSON, WHEEL};
use crate::build::own_copy;
use crate::bundle::wheel;
use crate::context::Project;

/// The sample project.
fn sample() -> Project {
    Project::copy_of("tests/fixtures/sample")
        .host_indexes()
        .file("sealwright.toml", "[target.dist]\nsuites = [\"bookworm\"]\n")
}

/// The sample project, whose backend now requires `hello`, without the indexes of this host: the tools that locking needs
/// have been fetched before.
fn project() -> Project {
    static TOOLS: Once = Once::new();
    TOOLS.call_once(|| {
        let sample = sample().git();
        sample.run(&["lock"]).code(0);
        sample.run(&["fetch"]).code(0);
    });
    let project = Project::copy_of("tests/fixtures/sample")
        .file("sealwright.toml", "[target.dist]\nsuites = [\"bookworm\"]\n")
        .env("UV_HTTP_RETRIES", "0")
        .env("UV_HTTP_TIMEOUT", "1");
    let text = project.read("pyproject.toml").replace("requires = []", "requires = [\"hello\"]");
    project.write("pyproject.toml", text);
    project.git()
}

/// The bytes of a wheel of `hello`.
fn hello(version: &str) -> Vec<u8> {
    hello_that_says(version, "hello")
}

fn hello_that_says(version: &str, word: &str) -> Vec<u8> {
    let text = format!("WORD = '{word}'\n");
    let folder = tempfile::tempdir().unwrap();
    let made = wheel(folder.path(), "hello", version, &[("hello.py", &text)]);
    std::fs::read(folder.path().join(made.file)).unwrap()
}

fn page(files: &[(&str, &[u8])]) -> String {
    let file = |(name, bytes): &(&str, &[u8])| {
        let (digest, size) = (Sha256::of(bytes), bytes.len());
        format!(
            "{{\"filename\":\"{name}\",\"url\":\"/files/{name}\",\"size\":{size},\"hashes\":{{\"sha256\":\"{digest}\"}}}}"
        )
    };
    let files: Vec<String> = files.iter().map(file).collect();
    format!("{{\"meta\":{{\"api-version\":\"1.0\"}},\"name\":\"hello\",\"files\":[{}]}}", files.join(","))
}

type Lie = (&'static str, fn(&mut Out, &str), fn(&mut Out, &[u8]), i32, &'static str);

fn honest_page(out: &mut Out, page: &str) {
    out.ok(JSON, page.as_bytes());
}

fn honest_file(out: &mut Out, bytes: &[u8]) {
    out.ok("application/octet-stream", bytes);
}

const LIES: &[Lie] = &[
    (
        "another wheel of that name",
        honest_page,
        |out, _| out.ok("application/octet-stream", &hello_that_says("1", "virus")),
        3,
        "hello-1-py3-none-any.whl from URL/files/hello-1-py3-none-any.whl is not the locked file: expected ",
    ),
    (
        "fewer bytes",
        honest_page,
        |out, bytes| out.ok("application/octet-stream", &bytes[..40]),
        7,
        "the package index failed",
    ),
    (
        "HTML instead of JSON",
        |out, _| out.ok(JSON, b"<!DOCTYPE html>"),
        honest_file,
        7,
        "the package index failed",
    ),
    (
        "JSON with wrong types",
        |out, _| out.ok(JSON, b"{\"meta\":{\"api-version\":\"1.0\"},\"name\":\"hello\",\"files\":{}}"),
        honest_file,
        7,
        "the package index failed",
    ),
    (
        "a page to log in",
        |out, _| out.ok("text/html", b"<a href='/login'>Log in</a>"),
        honest_file,
        2,
        "cannot be resolved",
    ),
    ("500", |out, _| out.status(500), honest_file, 7, "the package index failed"),
    ("401", |out, _| out.status(401), honest_file, 7, "the package index failed"),
    ("403", |out, _| out.status(403), honest_file, 7, "the package index failed"),
    ("429", |out, _| out.status(429), honest_file, 7, "the package index failed"),
    ("404", |out, _| out.status(404), honest_file, 2, "cannot be resolved"),
    (
        "silence",
        |_, _| std::thread::sleep(std::time::Duration::from_secs(20)),
        honest_file,
        7,
        "the package index failed",
    ),
];

#[test]
fn a_lie_while_locking_fails_closed_and_writes_no_lock() {
    let wrong = Mutex::new(Vec::new());
    let lie = |(name, index, file, code, message): &Lie| {
        // The shared store may have every other wheel.
        let unique = format!("{:?}", SystemTime::now());
        let (index, file, bytes) = (*index, *file, hello_that_says("1", &unique));
        let listed = page(&[(WHEEL, &bytes)]);
        let server = Server::start(move |request, out| match request.path.as_str() {
            "/simple/hello/" => index(out, &listed),
            path if path.starts_with("/files/") => file(out, &bytes),
            _ => out.status(404),
        });
        let project = project().env("UV_DEFAULT_INDEX", server.url("/simple"));
        let outcome = project.run(&["lock"]);
        let message = message.replace("URL", &server.url(""));
        if outcome.code != Some(*code) || !outcome.stderr.contains(&message) {
            let got = format!("{:?} {}", outcome.code, outcome.stderr);
            wrong.lock().unwrap().push(format!("{name}: expected {code} {message}\n  got {got}"));
        }
        assert!(!project.join("sealwright.lock").exists(), "{name}");
    };
    for some in LIES.chunks(4) {
        std::thread::scope(|scope| some.iter().for_each(|one| drop(scope.spawn(|| lie(one)))));
    }
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_name_of_ours_is_not_taken_from_everybody_s_index() {
    let (ours, theirs) = (hello("1"), hello("99"));
    let (our_page, their_page) = (page(&[(WHEEL, &ours)]), page(&[("hello-99-py3-none-any.whl", &theirs)]));
    let server = Server::start(move |request, out| match request.path.as_str() {
        "/ours/hello/" => out.ok(JSON, our_page.as_bytes()),
        "/everybody-s/hello/" => out.ok(JSON, their_page.as_bytes()),
        path if path.ends_with(WHEEL) => out.ok("x/y", &ours),
        path if path.starts_with("/files/") => out.ok("x/y", &theirs),
        _ => out.status(404),
    });
    for (strategy, version) in [(None, "1"), (Some("unsafe-best-match"), "99")] {
        let mut project = project()
            .env("PIP_EXTRA_INDEX_URL", server.url("/ours"))
            .env("PIP_INDEX_URL", server.url("/everybody-s"));
        if let Some(strategy) = strategy {
            project = project.env("UV_INDEX_STRATEGY", strategy);
        }
        project.run(&["lock"]).code(0);
        let lock = project.read("sealwright.lock");
        assert!(lock.contains(&format!("name = \"hello\", version = \"{version}\"")), "{lock}");
    }
}

#[test]
fn a_folder_serves_as_an_index_while_locking() {
    let project = project();
    let web = project.home().join("web");
    let made = wheel(&web.join("packages"), "hello", "1", &[("hello.py", "WORD = 'hello'\n")]);
    std::fs::create_dir_all(web.join("simple/hello")).unwrap();
    let link = format!("<a href='../../packages/{}#sha256={}'>{}</a>", made.file, made.sha256, made.file);
    std::fs::write(web.join("simple/hello/index.html"), link).unwrap();
    let index = format!("file://{}", web.join("simple").display());
    let project = project.env("UV_DEFAULT_INDEX", index);
    project.run(&["build", "--no-cache"]).code(0);
    let lock = project.read("sealwright.lock");
    assert!(lock.contains(&made.sha256.to_string()) && !lock.contains("packages/"), "{lock}");
}

/// Files below a folder that were written since.
fn written(below: &Path, since: SystemTime) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(below).into_iter().filter_map(Result::ok);
    let newer = files.filter(|entry| {
        entry.file_type().is_file()
            && entry.metadata().is_ok_and(|metadata| metadata.modified().is_ok_and(|time| time >= since))
    });
    newer.map(walkdir::DirEntry::into_path).collect()
}

#[test]
fn no_secret_is_in_a_log_a_lock_a_statement_or_the_store() {
    use base64::Engine as _;
    let start = SystemTime::now();
    let mut project = own_copy(sample().git());
    let text = project.read("pyproject.toml").replace("requires = []", "requires = [\"hello\"]");
    project.write("pyproject.toml", text);
    project.commit("requires hello");
    let secrets = ["sesame-of-the-url", "sesame-of-netrc", "sesame-of-the-keyring"];
    let coded =
        secrets.map(|secret| base64::engine::general_purpose::STANDARD.encode(format!("me:{secret}")));
    for (number, secret) in secrets.iter().enumerate() {
        let bytes = hello_that_says("1", secret.split('-').next_back().unwrap());
        let listed = page(&[(WHEEL, &bytes)]);
        let expected = format!("Basic {}", coded[number]);
        let server = Server::start(move |request, out| match request.path.as_str() {
            _ if request.header("authorization") != Some(&expected) => out.status(401),
            "/simple/hello/" => out.ok(JSON, listed.as_bytes()),
            path if path.starts_with("/files/") => out.ok("x/y", &bytes),
            _ => out.status(404),
        });
        let host = format!("127.0.0.1:{}", server.port());
        let _ = std::fs::remove_file(project.join("sealwright.lock"));
        match number {
            0 => project = project.env("UV_DEFAULT_INDEX", format!("http://me:{secret}@{host}/simple")),
            1 => {
                let netrc = format!("machine 127.0.0.1\nlogin me\npassword {secret}\n");
                std::fs::write(project.home().join(".netrc"), netrc).unwrap();
                project = project.env("UV_DEFAULT_INDEX", format!("http://{host}/simple"));
            }
            _ => {
                std::fs::remove_file(project.home().join(".netrc")).unwrap();
                let bin = project.home().join("bin");
                std::fs::create_dir(&bin).unwrap();
                std::fs::write(bin.join("keyring"), format!("#!/bin/sh\necho {secret}\n")).unwrap();
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                std::fs::set_permissions(bin.join("keyring"), mode).unwrap();
                let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
                project = project
                    .env("PATH", path)
                    .env("UV_KEYRING_PROVIDER", "subprocess")
                    .env("UV_DEFAULT_INDEX", format!("http://me@{host}/simple"));
            }
        }
        project = project.env("SEALWRIGHT_LOG", "trace");
        let words = [*secret, coded[number].as_str()];
        for arguments in
            [&["lock", "-vv"][..], &["fetch", "-vv"], &["build", "-vv", "--no-cache", "--locked"]]
        {
            let outcome = project.run(arguments).code(0);
            let said = outcome.stdout + &outcome.stderr;
            assert!(words.iter().all(|word| !said.contains(word)), "{number}: said by {arguments:?}");
        }
        assert!(server.requests().len() > 1);
    }
    let mut files = written(project.path(), start);
    files.extend(written(project.store(), start));
    for expected in ["sealwright.lock", "sample-1.0-py3-none-any.whl.intoto.jsonl"] {
        assert!(files.iter().any(|path| path.ends_with(expected)), "{expected}");
    }
    for path in files {
        let content = std::fs::read(&path).unwrap();
        for word in secrets.iter().map(|secret| secret.as_bytes()).chain(coded.iter().map(String::as_bytes)) {
            assert!(!content.windows(word.len()).any(|part| part == word), "{}", path.display());
        }
    }
}
