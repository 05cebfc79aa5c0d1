//! The index lies: each lie fails closed with its own message and exit code, and nothing enters the store.

use std::io::Write;
use std::sync::LazyLock;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use sealwright::digest::Sha256;
use sealwright::error::Fault;
use sealwright::event::{Cancel, Silent};
use sealwright::fetch::Offline;

use super::server::{Out, Server};
use super::{CONTENT, JSON, Setup, WHEEL, distribution, json_index, walk};

/// What one server does, and what comes of it. In the message `URL` is the server, `*` anything.
struct Lie {
    name: &'static str,
    /// Answers the index's page; none: it is honest.
    page: Option<fn(&mut Out)>,
    /// Answers the file.
    file: fn(&mut Out),
    code: u8,
    message: &'static str,
}

const WRONG: &str = "the bytes of a virus";

fn nothing(_: &mut Out) {}

fn json(out: &mut Out, text: &str) {
    out.ok(JSON, text.as_bytes());
}

fn listed(out: &mut Out, file: &str) {
    json(out, &format!("{{\"meta\":{{\"api-version\":\"1.0\"}},\"name\":\"hello\",\"files\":[{file}]}}"));
}

fn moved(out: &mut Out, place: &str) {
    out.head(302, &[format!("Location: {place}"), "Content-Length: 0".to_owned()]);
}

fn drip(out: &mut Out, seconds: Duration) {
    for _ in 0..100 {
        std::thread::sleep(seconds / 100);
        if out.stream.write_all(b"x").is_err() {
            return;
        }
    }
}

const LIES: &[Lie] = &[
    Lie {
        name: "other bytes of the same size",
        page: None,
        file: |out| out.ok("x/y", WRONG.as_bytes()),
        code: 3,
        message: "hello-1-py3-none-any.whl from URL/w.whl is not the locked file: expected sha256 LOCKED, got WRONG (required by build-system.requires)",
    },
    Lie {
        name: "another digest on its page",
        page: Some(|out| json(out, &json_index(WHEEL, "/w.whl", &Sha256::of(WRONG)))),
        file: nothing,
        code: 3,
        message: "hello-1-py3-none-any.whl from URL/simple/hello/ is not the locked file: expected sha256 LOCKED, got WRONG (required by build-system.requires)",
    },
    Lie {
        name: "more bytes, and says so",
        page: None,
        file: |out| out.ok("x/y", b"the bytes of a wheel, and more"),
        code: 3,
        message: "hello-1-py3-none-any.whl from URL/w.whl is not the locked file: expected 20 bytes, got 30 (required by build-system.requires)",
    },
    Lie {
        name: "fewer bytes, and says so",
        page: None,
        file: |out| out.ok("x/y", b"the byte"),
        code: 3,
        message: "hello-1-py3-none-any.whl from URL/w.whl is not the locked file: expected 20 bytes, got 8 (required by build-system.requires)",
    },
    Lie {
        name: "bytes without an end",
        page: None,
        file: |out| {
            out.head(200, &["Transfer-Encoding: chunked".to_owned()]);
            while out.stream.write_all(b"5\r\nbytes\r\n").is_ok() {}
        },
        code: 3,
        message: "hello-1-py3-none-any.whl from URL/w.whl is not the locked file: expected 20 bytes, got more than 20 (required by build-system.requires)",
    },
    Lie {
        name: "more bytes than it says",
        page: None,
        file: |out| {
            out.head(200, &["Content-Length: 20".to_owned()]);
            let _ = out.stream.write_all(b"the bytes of a virus, and more");
        },
        code: 3,
        message: "hello-1-py3-none-any.whl from URL/w.whl is not the locked file: expected sha256 LOCKED, got WRONG (required by build-system.requires)",
    },
    Lie {
        name: "a file that is cut off each time",
        page: None,
        file: |out| {
            out.head(200, &["Content-Length: 20".to_owned()]);
            let _ = out.stream.write_all(&CONTENT[..8]);
        },
        code: 7,
        message: "cannot get URL/w.whl (tried 2 times): *",
    },
    Lie {
        name: "a slow drip",
        page: None,
        file: |out| {
            out.head(200, &["Content-Length: 20".to_owned()]);
            drip(out, Duration::from_secs(30));
        },
        code: 7,
        message: "cannot get URL/w.whl (tried 2 times): stalled: * bytes in 1 s",
    },
    Lie {
        name: "silence",
        page: None,
        file: |_| std::thread::sleep(Duration::from_secs(30)),
        code: 7,
        message: "cannot get URL/w.whl (tried 2 times): no answer in 1 s",
    },
    Lie {
        name: "a hang-up",
        page: None,
        file: nothing,
        code: 7,
        message: "cannot get URL/w.whl (tried 2 times): *",
    },
    Lie {
        name: "a redirect in a circle",
        page: None,
        file: |out| moved(out, "/w.whl"),
        code: 7,
        message: "URL/w.whl: redirects too often",
    },
    Lie {
        name: "a redirect to a file of this host",
        page: None,
        file: |out| moved(out, "file:///etc/passwd"),
        code: 7,
        message: "URL/w.whl: redirects to no place that can be used",
    },
    Lie {
        name: "a redirect to nowhere",
        page: None,
        file: |out| out.status(302),
        code: 7,
        message: "URL/w.whl: redirects to no place that can be used",
    },
    Lie {
        name: "a redirect of its page to another page, which is wrong",
        page: Some(|out| moved(out, "/elsewhere/hello/")),
        file: nothing,
        code: 3,
        message: "hello-1-py3-none-any.whl from URL/simple/hello/ is not the locked file: expected sha256 LOCKED, got WRONG (required by build-system.requires)",
    },
    Lie {
        name: "401 for the file",
        page: None,
        file: |out| out.status(401),
        code: 7,
        message: "URL/w.whl answered 401",
    },
    Lie {
        name: "403 for the file",
        page: None,
        file: |out| out.status(403),
        code: 7,
        message: "URL/w.whl answered 403",
    },
    Lie {
        name: "404 for a file that it lists",
        page: None,
        file: |out| out.status(404),
        code: 7,
        message: "hello-1-py3-none-any.whl (sha256 LOCKED) is nowhere to be had (required by build-system.requires): asked URL/w.whl (answered 404)",
    },
    Lie {
        name: "429 without an end",
        page: None,
        file: |out| out.head(429, &["Retry-After: 0".to_owned(), "Content-Length: 0".to_owned()]),
        code: 7,
        message: "URL/w.whl answered 429 Too Many Requests (tried 2 times; it asks to wait 0 s)",
    },
    Lie {
        name: "500 for the file",
        page: None,
        file: |out| out.status(500),
        code: 7,
        message: "cannot get URL/w.whl (tried 2 times): answered 500 Internal Server Error",
    },
    Lie {
        name: "504 for the file",
        page: None,
        file: |out| out.status(504),
        code: 7,
        message: "cannot get URL/w.whl (tried 2 times): answered 504 Gateway Timeout",
    },
    Lie {
        name: "success without content",
        page: None,
        file: |out| out.head(204, &[]),
        code: 7,
        message: "URL/w.whl: answered 204 No Content, expected 200",
    },
    Lie {
        name: "a part that nobody asked for",
        page: None,
        file: |out| {
            out.head(206, &["Content-Range: bytes 0-19/20".to_owned(), "Content-Length: 20".to_owned()]);
            let _ = out.stream.write_all(CONTENT);
        },
        code: 7,
        message: "URL/w.whl: answered 206 Partial Content, expected 200",
    },
    Lie {
        name: "HTML instead of JSON",
        page: Some(|out| json(out, "<!DOCTYPE html><title>Log in</title>")),
        file: nothing,
        code: 7,
        message: "URL/simple/hello/: not a project's page of the simple API as JSON (PEP 691): expected value at line 1 column 1",
    },
    Lie {
        name: "a page to log in",
        page: Some(|out| out.ok("text/html", b"<!DOCTYPE html><a href='/login'>Log in</a>")),
        file: nothing,
        code: 7,
        message: "hello-1-py3-none-any.whl (sha256 LOCKED) is nowhere to be had (required by build-system.requires): asked URL/simple/hello/ (does not list it)",
    },
    Lie {
        name: "JSON without a version",
        page: Some(|out| json(out, "{\"files\": []}")),
        file: nothing,
        code: 7,
        message: "URL/simple/hello/: not a project's page of the simple API as JSON (PEP 691): missing field `meta` at line 1 column 13",
    },
    Lie {
        name: "JSON of a version to come",
        page: Some(|out| json(out, "{\"meta\": {\"api-version\": \"2.0\"}, \"files\": []}")),
        file: nothing,
        code: 7,
        message: "URL/simple/hello/: version \"2.0\" of the simple API is not known, expected 1.x",
    },
    Lie {
        name: "JSON whose files are no list",
        page: Some(|out| json(out, "{\"meta\": {\"api-version\": \"1.0\"}, \"files\": {}}")),
        file: nothing,
        code: 7,
        message: "URL/simple/hello/: not a project's page of the simple API as JSON (PEP 691): invalid type: map, expected a sequence at line 1 column 42",
    },
    Lie {
        name: "JSON whose size is a text",
        page: Some(|out| {
            listed(out, "{\"filename\":\"hello-1-py3-none-any.whl\",\"url\":\"/w.whl\",\"size\":\"20\"}");
        }),
        file: nothing,
        code: 7,
        message: "URL/simple/hello/: not a project's page of the simple API as JSON (PEP 691): invalid type: string \"20\", expected u64 at *",
    },
    Lie {
        name: "JSON whose file has no URL",
        page: Some(|out| listed(out, "{\"filename\":\"hello-1-py3-none-any.whl\"}")),
        file: nothing,
        code: 7,
        message: "URL/simple/hello/: not a project's page of the simple API as JSON (PEP 691): missing field `url` at *",
    },
    Lie {
        name: "JSON that is nested without an end",
        page: Some(|out| listed(out, &"[".repeat(100_000))),
        file: nothing,
        code: 7,
        message: "URL/simple/hello/: not a project's page of the simple API as JSON (PEP 691): *",
    },
    Lie {
        name: "a digest that is none",
        page: Some(|out| {
            listed(
                out,
                "{\"filename\":\"hello-1-py3-none-any.whl\",\"url\":\"/w.whl\",\"hashes\":{\"sha256\":\"none\"}}",
            );
        }),
        file: |out| out.ok("x/y", WRONG.as_bytes()),
        code: 3,
        message: "hello-1-py3-none-any.whl from URL/w.whl is not the locked file: expected sha256 LOCKED, got WRONG (required by build-system.requires)",
    },
    Lie {
        name: "a link to a file of this host",
        page: Some(|out| {
            out.ok(
                "text/html",
                b"<a href='file:///etc/hello-1-py3-none-any.whl'>hello-1-py3-none-any.whl</a>",
            );
        }),
        file: nothing,
        code: 7,
        message: "hello-1-py3-none-any.whl (sha256 LOCKED) is nowhere to be had (required by build-system.requires): asked URL/simple/hello/ (does not list it)",
    },
    Lie {
        name: "a small page that unpacks to a large one",
        page: Some(|out| {
            let length = format!("Content-Length: {}", LARGE.len());
            out.head(200, &[format!("Content-Type: {JSON}"), "Content-Encoding: gzip".to_owned(), length]);
            let _ = out.stream.write_all(&LARGE);
        }),
        file: nothing,
        code: 7,
        message: "URL/simple/hello/ is larger than 134217728 bytes",
    },
    Lie {
        name: "401 for its page",
        page: Some(|out| out.status(401)),
        file: nothing,
        code: 7,
        message: "URL/simple/hello/ answered 401",
    },
    Lie {
        name: "403 for its page",
        page: Some(|out| out.status(403)),
        file: nothing,
        code: 7,
        message: "URL/simple/hello/ answered 403",
    },
    Lie {
        name: "503 for its page",
        page: Some(|out| out.status(503)),
        file: nothing,
        code: 7,
        message: "cannot get URL/simple/hello/ (tried 2 times): answered 503 Service Unavailable",
    },
    Lie {
        name: "a page that drips",
        page: Some(|out| {
            out.head(200, &[format!("Content-Type: {JSON}"), "Content-Length: 5000".to_owned()]);
            drip(out, Duration::from_secs(30));
        }),
        file: nothing,
        code: 7,
        message: "cannot get URL/simple/hello/ (tried 2 times): stalled: * bytes in 1 s",
    },
];

/// 130 MB of spaces, compressed.
static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let spaces = vec![b' '; 1 << 20];
    (0..130).for_each(|_| gzip.write_all(&spaces).unwrap());
    gzip.finish().unwrap()
});

fn fits(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((before, after)) => {
            text.len() >= before.len() + after.len() && text.starts_with(before) && text.ends_with(after)
        }
    }
}

#[test]
fn every_lie_fails_closed_with_its_own_message() {
    assert!(!LARGE.is_empty());
    // Those that make us wait all at once.
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let told: Vec<_> = LIES.iter().map(|lie| scope.spawn(|| told(lie))).collect();
        told.into_iter().filter_map(|one| one.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not as expected, if anything is.
fn told(lie: &'static Lie) -> Option<String> {
    let server = Server::start(|request, out| match (request.path.as_str(), lie.page) {
        ("/simple/hello/", Some(page)) => page(out),
        ("/simple/hello/", None) => json(out, &json_index(WHEEL, "/w.whl", &Sha256::of(CONTENT))),
        ("/elsewhere/hello/", _) => json(out, &json_index(WHEEL, "/w.whl", &Sha256::of(WRONG))),
        _ => (lie.file)(out),
    });
    let setup = Setup::new().set("PIP_INDEX_URL", server.url("/simple"));
    let fetcher = setup.fetcher_with(Offline::No, |net| {
        (net.retries, net.connect_timeout, net.stall_timeout) =
            (1, Duration::from_secs(1), Duration::from_secs(1));
    });
    let result = fetcher.distributions(&[distribution(WHEEL, CONTENT)], &Silent, &Cancel::new());
    let Err(error) = result else { return Some(format!("{}: believed", lie.name)) };
    // What came of a file is kept to go on with, never as the file.
    if !walk(&setup.store.path().join("blobs")).is_empty() || setup.store.has(&Sha256::of(CONTENT)) {
        return Some(format!("{}: stored", lie.name));
    }
    let expected = lie
        .message
        .replace("URL", &server.url(""))
        .replace("LOCKED", &Sha256::of(CONTENT).to_string())
        .replace("WRONG", &Sha256::of(WRONG).to_string());
    let (text, code) = (error.to_string(), error.blame().exit_code());
    let right = fits(&text, &expected) && code == lie.code;
    (!right).then(|| format!("{}: expected {} {expected}\n  got {code} {text}", lie.name, lie.code))
}
