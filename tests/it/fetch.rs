//! Fetching from servers on loopback that are wrong, slow, broken or nosy.

mod credentials;
mod lies;
mod places;
mod repositories;
mod resolving;
pub mod server;
mod tls;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sealwright::digest::Sha256;
use sealwright::error::{Blame, Fault};
use sealwright::event::{Cancel, Event, Reporter, Silent};
use sealwright::fetch::{
    DebianMirrors, FetchError, Fetcher, MirrorSettings, NetConfig, Offline, PythonIndexes, Surroundings,
    Wanted,
};
use sealwright::lock::{
    AssembledImage, Distribution, ImageContent, LockedImage, LockedPackage, LockedSuite, Role,
};
use sealwright::store::Store;

use server::Server;

/// A store in a temporary folder, and settings that name nothing of this host.
struct Setup {
    temp: tempfile::TempDir,
    store: Store,
    env: BTreeMap<String, String>,
    mirrors: MirrorSettings,
}

impl Setup {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(&temp.path().join("store")).unwrap();
        let env = BTreeMap::from([
            ("HOME".to_owned(), temp.path().display().to_string()),
            ("PIP_RETRIES".to_owned(), "3".to_owned()),
        ]);
        Self { temp, store, env, mirrors: MirrorSettings::default() }
    }

    fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    fn mirrors(mut self, urls: &[String]) -> Self {
        self.mirrors.mirrors = urls.to_vec();
        self
    }

    fn fetcher_with(&self, offline: Offline, change: impl FnOnce(&mut NetConfig)) -> Fetcher {
        let root = self.temp.path().to_owned();
        let from = Surroundings { env: self.env.clone(), system: root.clone(), cwd: root };
        let mut net = NetConfig::load(&from).unwrap();
        net.back_off = Duration::from_millis(5);
        change(&mut net);
        let indexes = PythonIndexes::load(&from).unwrap();
        Fetcher::new(&self.store, net, indexes, DebianMirrors::load(&self.mirrors, &from).unwrap(), offline)
    }

    fn fetcher(&self) -> Fetcher {
        self.fetcher_with(Offline::No, |_| {})
    }

    fn distributions(&self, list: &[Distribution]) -> Result<(), FetchError> {
        self.fetcher().distributions(list, &Silent, &Cancel::new())
    }

    fn packages(&self, image: &LockedImage) -> Result<(), FetchError> {
        self.fetcher().debian_packages(image, &Silent, &Cancel::new())
    }

    fn is_empty(&self) -> bool {
        let empty = |folder: &str| walk(&self.store.path().join(folder)).is_empty();
        empty("blobs") && empty("partial")
    }
}

fn walk(below: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

fn distribution(file: &str, content: &[u8]) -> Distribution {
    Distribution {
        role: Role::Build,
        name: file.split('-').next().unwrap().parse().unwrap(),
        version: "1".to_owned(),
        file: file.to_owned(),
        size: content.len() as u64,
        sha256: Sha256::of(content),
        required_by: vec!["build-system.requires".to_owned()],
    }
}

fn image(packages: &[(&str, &[u8])]) -> LockedImage {
    let package = |(name, content): &(&str, &[u8])| LockedPackage {
        name: (*name).to_owned(),
        version: "1".to_owned(),
        arch: "amd64".to_owned(),
        size: content.len() as u64,
        sha256: Sha256::of(content),
        path: format!("pool/main/{name}.deb"),
        suite: "bookworm".to_owned(),
    };
    LockedImage {
        reference: "debian:bookworm".parse().unwrap(),
        platform: "linux/amd64".parse().unwrap(),
        digest: Sha256::of("image"),
        content: ImageContent::Assembled(AssembledImage {
            recipe: 1,
            include: Vec::new(),
            suites: vec![LockedSuite {
                name: "bookworm".to_owned(),
                archive: "debian".to_owned(),
                date: "2024-01-02T03:04:05Z".to_owned(),
            }],
            packages: packages.iter().map(package).collect(),
        }),
    }
}

fn json_index(file: &str, url: &str, sha256: &Sha256) -> String {
    format!(
        r#"{{"meta":{{"api-version":"1.1"}},"name":"x","files":[{{"filename":"{file}","url":"{url}","hashes":{{"sha256":"{sha256}"}}}}]}}"#
    )
}

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const WHEEL: &str = "hello-1-py3-none-any.whl";
const CONTENT: &[u8] = b"the bytes of a wheel";

#[test]
fn a_distribution_comes_by_json_and_by_html() {
    for json in [true, false] {
        let server = Server::start(move |request, out| match request.path.as_str() {
            "/simple/hello/" if json => {
                assert!(request.header("accept").unwrap().contains(JSON));
                out.ok(JSON, json_index(WHEEL, "../../files/w.whl", &Sha256::of(CONTENT)).as_bytes());
            }
            "/simple/hello/" => {
                let page = format!("<html><a href='/files/{WHEEL}#sha256={}'>w</a>", Sha256::of(CONTENT));
                out.ok("text/html; charset=utf-8", page.as_bytes());
            }
            path if path.starts_with("/files/") => out.ok("application/octet-stream", CONTENT),
            _ => out.status(404),
        });
        let setup = Setup::new().set("PIP_INDEX_URL", server.url("/simple"));
        let wheel = distribution(WHEEL, CONTENT);
        setup.distributions(std::slice::from_ref(&wheel)).unwrap();
        assert_eq!(setup.store.read(&wheel.sha256).unwrap(), CONTENT);
        // What is there is not asked for again.
        let before = server.requests().len();
        setup.distributions(&[wheel]).unwrap();
        assert_eq!(server.requests().len(), before);
    }
}

#[test]
fn a_file_with_another_digest_is_refused_and_nothing_is_stored() {
    let server = Server::start(|request, out| match request.path.as_str() {
        "/simple/hello/" => out.ok(JSON, json_index(WHEEL, "/w.whl", &Sha256::of(CONTENT)).as_bytes()),
        _ => out.ok("application/octet-stream", b"the bytes of a virus"),
    });
    let setup = Setup::new().set("PIP_INDEX_URL", server.url("/simple"));
    let error = setup.distributions(&[distribution(WHEEL, CONTENT)]).unwrap_err();
    assert_eq!((error.blame(), error.blame().exit_code()), (Blame::Integrity, 3));
    let expected = format!(
        "{WHEEL} from {} is not the locked file: expected sha256 {}, got {} (required by build-system.requires)",
        server.url("/w.whl"),
        Sha256::of(CONTENT),
        Sha256::of("the bytes of a virus")
    );
    assert_eq!(error.to_string(), expected);
    assert!(setup.is_empty());
}

#[test]
fn an_index_that_lists_another_digest_is_told_without_a_download() {
    let server = Server::start(|request, out| match request.path.as_str() {
        "/simple/hello/" => out.ok(JSON, json_index(WHEEL, "/w.whl", &Sha256::of("other")).as_bytes()),
        _ => out.status(500),
    });
    let setup = Setup::new().set("PIP_INDEX_URL", server.url("/simple"));
    let error = setup.distributions(&[distribution(WHEEL, CONTENT)]).unwrap_err();
    assert!(
        matches!(&error, FetchError::WrongDigest { actual, .. } if *actual == Sha256::of("other")),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_file_of_another_size_is_refused_before_or_while_it_comes() {
    for (what, actual) in [("longer", "26"), ("shorter", "8"), ("endless", "more than 20"), ("cut", "8")] {
        let server = Server::start(move |_, out| match what {
            "longer" => out.ok("x/y", b"the bytes of a wheel, more"),
            "shorter" => out.ok("x/y", b"the byte"),
            "endless" => {
                out.head(200, &["Transfer-Encoding: chunked".to_owned()]);
                while out.stream.write_all(b"5\r\nbytes\r\n").is_ok() {}
            }
            // No length: the end of the connection is the end of the body.
            _ => {
                out.head(200, &[]);
                out.stream.write_all(b"the byte").unwrap();
            }
        });
        let setup = Setup::new().mirrors(&[server.url("/debian")]);
        let error = setup.packages(&image(&[("a", CONTENT)])).unwrap_err();
        assert_eq!(error.blame(), Blame::Integrity, "{what}: {error}");
        let text = format!("expected 20 bytes, got {actual} (required by debian:bookworm)");
        assert!(error.to_string().ends_with(&text), "{what}: {error}");
        assert!(setup.is_empty(), "{what}");
    }
}

#[test]
fn a_transfer_that_breaks_goes_on_where_it_ended() {
    for ranges in [true, false] {
        let count = AtomicU32::new(0);
        let server = Server::start(move |request, out| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            match request.header("range") {
                None if first => {
                    out.head(200, &[format!("Content-Length: {}", CONTENT.len())]);
                    out.stream.write_all(&CONTENT[..8]).unwrap();
                }
                Some("bytes=8-") if ranges => {
                    let range = format!("Content-Range: bytes 8-{}/{}", CONTENT.len() - 1, CONTENT.len());
                    out.head(206, &[range, format!("Content-Length: {}", CONTENT.len() - 8)]);
                    out.stream.write_all(&CONTENT[8..]).unwrap();
                }
                Some("bytes=8-") => out.ok("x/y", CONTENT),
                other => panic!("{other:?}"),
            }
        });
        let setup = Setup::new().mirrors(&[server.url("/debian")]);
        setup.packages(&image(&[("a", CONTENT)])).unwrap();
        assert_eq!(setup.store.read(&Sha256::of(CONTENT)).unwrap(), CONTENT);
        assert_eq!(server.requests().len(), 2);
        assert!(walk(&setup.store.path().join("partial")).is_empty());
    }
}

#[test]
fn the_next_run_goes_on_too_and_a_wrong_beginning_is_given_up() {
    for (kept, asked) in [(&CONTENT[..5], vec![Some("bytes=5-")]), (b"WRONG", vec![Some("bytes=5-"), None])] {
        let server = Server::start(|request, out| match request.header("range") {
            Some(_) => {
                out.head(206, &["Content-Range: bytes 5-19/20".to_owned(), "Content-Length: 15".to_owned()]);
                out.stream.write_all(&CONTENT[5..]).unwrap();
            }
            None => out.ok("x/y", CONTENT),
        });
        let setup = Setup::new().mirrors(&[server.url("/debian")]);
        setup.store.partial(&Sha256::of(CONTENT)).unwrap().unwrap().write(kept).unwrap();
        setup.packages(&image(&[("a", CONTENT)])).unwrap();
        let requests = server.requests();
        let ranges: Vec<_> = requests.iter().map(|request| request.header("range")).collect();
        assert_eq!(ranges, asked);
    }
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let count = AtomicU32::new(0);
    let server = Server::start(move |_, out| match count.fetch_add(1, Ordering::SeqCst) {
        0 => out.status(503),
        1 => out.head(429, &["Retry-After: 0".to_owned(), "Content-Length: 0".to_owned()]),
        _ => out.ok("x/y", CONTENT),
    });
    let setup = Setup::new().mirrors(&[server.url("/debian")]);
    setup.packages(&image(&[("a", CONTENT)])).unwrap();
    assert_eq!(server.requests().len(), 3);

    let server = Server::start(|_, out| out.status(500));
    let setup = Setup::new().mirrors(&[server.url("/debian")]);
    let error = setup.packages(&image(&[("a", CONTENT)])).unwrap_err();
    assert_eq!(error.blame().exit_code(), 7);
    let text = format!("cannot get {} (tried 4 times): answered 500", server.url("/debian/pool/main/a.deb"));
    assert!(error.to_string().starts_with(&text), "{error}");
}

#[test]
fn an_index_that_is_down_is_a_failure_of_the_network_with_a_hint() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let setup = Setup::new().set("PIP_INDEX_URL", format!("http://me:secret@127.0.0.1:{port}/simple"));
    let error = setup.distributions(&[distribution(WHEEL, CONTENT)]).unwrap_err();
    assert_eq!(error.blame().exit_code(), 7);
    let text = format!("cannot get http://127.0.0.1:{port}/simple/hello/ (tried 4 times): ");
    assert!(error.to_string().starts_with(&text), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(error.hints()[0].contains("HTTPS_PROXY"));
    assert!(setup.is_empty());
}

#[test]
fn a_file_that_nobody_has_names_everyone_who_was_asked() {
    let server = Server::start(|request, out| match request.path.as_str() {
        "/b/hello/" => out.ok("text/html", b"<a href='hello-2.tar.gz'>"),
        _ => out.status(404),
    });
    let setup = Setup::new()
        .set("PIP_EXTRA_INDEX_URL", server.url("/a"))
        .set("PIP_INDEX_URL", server.url("/b"))
        .set("PIP_FIND_LINKS", "wheels");
    let error = setup.distributions(&[distribution(WHEEL, CONTENT)]).unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.blame().exit_code(), 7);
    let FetchError::NotFound { asked, .. } = &error else { panic!("{error}") };
    let expected = [
        format!("{} (not in it)", setup.temp.path().join("wheels").display()),
        format!("{} (answered 404)", server.url("/a/hello/")),
        format!("{} (does not list it)", server.url("/b/hello/")),
    ];
    assert_eq!(asked, &expected);
}

#[test]
fn find_links_folders_come_first_and_a_wrong_file_there_is_only_a_warning() {
    let server = Server::start(|request, out| match request.path.as_str() {
        "/simple/hello/" => out.ok(JSON, json_index(WHEEL, "/w.whl", &Sha256::of(CONTENT)).as_bytes()),
        _ => out.ok("x/y", CONTENT),
    });
    for content in [CONTENT, b"another wheel"] {
        let setup =
            Setup::new().set("PIP_FIND_LINKS", "wheels").set("UV_DEFAULT_INDEX", server.url("/simple"));
        let wheels = setup.temp.path().join("wheels");
        fs::create_dir(&wheels).unwrap();
        fs::write(wheels.join(WHEEL), content).unwrap();
        let warnings = Warnings(Mutex::default());
        let before = server.requests().len();
        setup.fetcher().distributions(&[distribution(WHEEL, CONTENT)], &warnings, &Cancel::new()).unwrap();
        assert_eq!(setup.store.read(&Sha256::of(CONTENT)).unwrap(), CONTENT);
        assert_eq!(server.requests().len() == before, content == CONTENT);
        assert_eq!(warnings.0.lock().unwrap().is_empty(), content == CONTENT);
    }
}

struct Warnings(Mutex<Vec<String>>);

impl Reporter for Warnings {
    fn report(&self, event: Event) {
        if let Event::Warning { what } = event {
            self.0.lock().unwrap().push(what);
        }
    }
}

#[test]
fn another_mirror_is_asked_when_one_is_wrong_or_down() {
    let good = Server::start(|_, out| out.ok("x/y", CONTENT));
    let wrong = Server::start(|_, out| out.ok("x/y", b"the bytes of a virus"));
    let setup = Setup::new().mirrors(&[
        "http://127.0.0.1:1/debian".to_owned(),
        wrong.url("/debian"),
        good.url("/debian"),
    ]);
    let warnings = Warnings(Mutex::default());
    let fetcher = setup.fetcher_with(Offline::No, |net| net.retries = 0);
    fetcher.debian_packages(&image(&[("a", CONTENT)]), &warnings, &Cancel::new()).unwrap();
    let warnings = warnings.0.lock().unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains(&wrong.url("/debian/")), "{warnings:?}");
}

#[test]
fn a_snapshot_archive_is_the_last_to_be_asked() {
    let server = Server::start(|request, out| match request.path.as_str() {
        "/snapshot/debian/20240102T030405Z/pool/main/a.deb" => out.ok("x/y", CONTENT),
        _ => out.status(404),
    });
    let mut setup = Setup::new().mirrors(&[server.url("/debian")]);
    setup.mirrors.snapshot = Some(server.url("/snapshot/{archive}/{timestamp}"));
    setup.packages(&image(&[("a", CONTENT)])).unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn credentials_reach_their_own_host_only() {
    let other = Server::start(|_, out| out.ok("x/y", CONTENT));
    let elsewhere = format!("http://localhost:{}/w.whl", other.port());
    let target = elsewhere.clone();
    let server = Server::start(move |request, out| match request.path.as_str() {
        "/simple/hello/" => out.ok(JSON, json_index(WHEEL, "/redirect", &Sha256::of(CONTENT)).as_bytes()),
        "/simple/more/" => {
            out.ok(JSON, json_index("more-1.tar.gz", &target, &Sha256::of("the bytes")).as_bytes());
        }
        "/redirect" => out.head(302, &[format!("Location: {target}"), "Content-Length: 0".to_owned()]),
        _ => out.status(404),
    });
    let index = format!("http://me:se%40cret@127.0.0.1:{}/simple", server.port());
    let setup = Setup::new().set("PIP_INDEX_URL", index);
    setup.distributions(&[distribution(WHEEL, CONTENT)]).unwrap();
    let error = setup.distributions(&[distribution("more-1.tar.gz", b"the bytes")]).unwrap_err();
    assert!(error.to_string().contains(&elsewhere), "{error}");
    assert!(!format!("{error} {error:?}").contains("cret"), "{error:?}");
    let ours = server.requests();
    assert_eq!(ours.len(), 3);
    for request in &ours {
        // Base64 of `me:se@cret`.
        assert_eq!(request.header("authorization"), Some("Basic bWU6c2VAY3JldA=="), "{}", request.path);
    }
    let theirs = other.requests();
    assert_eq!(theirs.len(), 2);
    assert!(theirs.iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn the_netrc_file_is_used() {
    let server = Server::start(|request, out| match request.header("authorization") {
        Some("Basic bWU6c2VjcmV0") => out.ok("x/y", CONTENT),
        _ => out.status(401),
    });
    let setup = Setup::new().mirrors(&[server.url("/debian")]);
    let error = setup.packages(&image(&[("a", CONTENT)])).unwrap_err();
    assert!(matches!(error, FetchError::Status { status: 401, .. }), "{error}");
    assert!(error.hints()[0].contains("netrc"));
    fs::write(setup.temp.path().join(".netrc"), "machine 127.0.0.1\nlogin me\npassword secret\n").unwrap();
    setup.packages(&image(&[("a", CONTENT)])).unwrap();
}

#[test]
fn redirects_in_a_circle_end() {
    let server = Server::start(|_, out| {
        out.head(301, &["Location: /again".to_owned(), "Content-Length: 0".to_owned()]);
    });
    let setup = Setup::new().mirrors(&[server.url("/debian")]);
    let error = setup.packages(&image(&[("a", CONTENT)])).unwrap_err();
    assert!(error.to_string().ends_with("redirects too often"), "{error}");
}

#[test]
fn a_transfer_that_drips_or_stalls_is_given_up() {
    for drip in [true, false] {
        let server = Server::start(move |_, out| {
            out.head(200, &[format!("Content-Length: {}", 1 << 20)]);
            let _ = out.stream.write_all(b"x");
            for _ in 0..200 {
                std::thread::sleep(Duration::from_millis(25));
                if drip && out.stream.write_all(b"x").is_err() {
                    return;
                }
            }
        });
        let setup = Setup::new().mirrors(&[server.url("/debian")]);
        let fetcher = setup.fetcher_with(Offline::No, |net| {
            (net.stall_timeout, net.retries) = (Duration::from_millis(200), 1);
        });
        let large = vec![0; 1 << 20];
        let error = fetcher.debian_packages(&image(&[("a", &large)]), &Silent, &Cancel::new()).unwrap_err();
        assert!(error.to_string().contains("(tried 2 times): stalled"), "{error}");
        assert_eq!(error.blame().exit_code(), 7);
    }
}

#[test]
fn a_stop_is_obeyed_while_a_server_is_silent() {
    let server = Server::start(|_, _| std::thread::sleep(Duration::from_secs(5)));
    let setup = Setup::new().mirrors(&[server.url("/debian")]);
    let cancel = Cancel::new();
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            while server.requests().is_empty() {
                std::thread::sleep(Duration::from_millis(10));
            }
            cancel.cancel(15);
        });
        setup.fetcher().debian_packages(&image(&[("a", CONTENT)]), &Silent, &cancel).unwrap_err()
    });
    assert_eq!(error.blame(), Blame::Interrupted(15));
}

#[test]
fn offline_names_all_that_is_missing_and_asks_nobody() {
    let server = Server::start(|_, out| out.ok("x/y", CONTENT));
    let setup = Setup::new().mirrors(&[server.url("/debian")]).set("PIP_INDEX_URL", server.url("/simple"));
    setup.store.insert(CONTENT, None).unwrap();
    let fetcher = setup.fetcher_with(Offline::Yes, |_| {});
    let all = image(&[("a", b"1"), ("there", CONTENT), ("b", b"2")]);
    let error = fetcher.debian_packages(&all, &Silent, &Cancel::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "2 files are not in the store, and the network may not be used (--offline): pool/main/a.deb, pool/main/b.deb"
    );
    assert!(error.hints()[0].contains("sealwright fetch"));
    let error = fetcher.distributions(&[distribution(WHEEL, b"")], &Silent, &Cancel::new()).unwrap_err();
    assert_eq!(error.blame().exit_code(), 7);
    fetcher.distributions(&[distribution(WHEEL, CONTENT)], &Silent, &Cancel::new()).unwrap();
    assert!(server.requests().is_empty());
}

#[test]
fn every_wrong_file_is_told() {
    let server = Server::start(|_, out| out.ok("x/y", b"wrong"));
    let setup = Setup::new().mirrors(&[server.url("/debian")]);
    let error = setup.packages(&image(&[("a", b"right"), ("b", b"other"), ("c", b"wrong")])).unwrap_err();
    assert_eq!(error.blame(), Blame::Integrity);
    let text = error.to_string();
    assert!(text.starts_with("2 files could not be fetched:\n  a.deb from "), "{text}");
    assert!(text.contains("\n  b.deb from "), "{text}");
    assert!(setup.store.has(&Sha256::of("wrong")));
}

#[test]
fn documents_are_limited_and_kept_ones_come_again_only_if_they_changed() {
    let server =
        Server::start(|request, out| match (request.path.as_str(), request.header("if-none-match")) {
            ("/InRelease", Some("\"1\"")) => out.head(304, &[]),
            ("/InRelease", _) => {
                out.head(200, &["ETag: \"1\"".to_owned(), "Content-Length: 7".to_owned()]);
                out.stream.write_all(b"Release").unwrap();
            }
            ("/large", _) => {
                out.head(200, &["Transfer-Encoding: chunked".to_owned()]);
                while out.stream.write_all(b"5\r\nbytes\r\n").is_ok() {}
            }
            _ => out.status(404),
        });
    let setup = Setup::new();
    let (fetcher, cancel) = (setup.fetcher(), Cancel::new());
    let url = |path: &str| server.url(path).parse().unwrap();
    for _ in 0..2 {
        assert_eq!(fetcher.get_kept(&url("/InRelease"), 100, &cancel).unwrap(), b"Release");
    }
    let asked: Vec<_> = server.requests().iter().map(|r| r.header("if-none-match").is_some()).collect();
    assert_eq!(asked, [false, true]);
    assert_eq!(fetcher.get(&url("/InRelease"), 7, &cancel).unwrap(), b"Release");
    assert!(fetcher.get(&url("/none"), 100, &cancel).unwrap_err().is_not_found());
    let error = fetcher.get(&url("/large"), 100, &cancel).unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit: 100, .. }), "{error}");
    let offline = setup.fetcher_with(Offline::Yes, |_| {});
    assert_eq!(offline.get_kept(&url("/InRelease"), 100, &cancel).unwrap(), b"Release");
    assert!(matches!(offline.get(&url("/InRelease"), 7, &cancel), Err(FetchError::Offline { .. })));
}

#[test]
fn a_hint_spares_the_index_and_may_be_wrong() {
    let server = Server::start(|request, out| match request.path.as_str() {
        "/hinted" | "/w.whl" => out.ok("x/y", CONTENT),
        "/simple/hello/" => out.ok(JSON, json_index(WHEEL, "/w.whl", &Sha256::of(CONTENT)).as_bytes()),
        _ => out.status(404),
    });
    for (hint, requests) in [("/hinted", 1), ("/gone", 3)] {
        let setup = Setup::new().set("PIP_INDEX_URL", server.url("/simple"));
        let fetcher = setup.fetcher();
        fetcher.hint(Sha256::of(CONTENT), server.url(hint).parse().unwrap());
        let before = server.requests().len();
        fetcher.distributions(&[distribution(WHEEL, CONTENT)], &Silent, &Cancel::new()).unwrap();
        assert_eq!(server.requests().len() - before, requests);
    }
}

#[test]
fn the_listing_is_that_of_the_first_index_that_has_the_project() {
    let server = Server::start(|request, out| match request.path.as_str() {
        "/b/hello/" => out.ok(JSON, json_index(WHEEL, "w", &Sha256::of(CONTENT)).as_bytes()),
        _ => out.status(404),
    });
    let setup = Setup::new().set("UV_INDEX", server.url("/a")).set("UV_DEFAULT_INDEX", server.url("/b"));
    let fetcher = setup.fetcher();
    let files = fetcher.listing(&"Hello".parse().unwrap(), &Cancel::new()).unwrap();
    assert_eq!((files.len(), files[0].sha256), (1, Some(Sha256::of(CONTENT))));
    assert!(fetcher.listing(&"none".parse().unwrap(), &Cancel::new()).unwrap_err().is_not_found());
}

#[test]
fn many_files_come_at_once_and_their_bytes_are_counted() {
    struct Last(Mutex<(u64, Option<u64>)>);
    impl Reporter for Last {
        fn report(&self, event: Event) {
            if let Event::Progress { done, total, .. } = event {
                *self.0.lock().unwrap() = (done, total);
            }
        }
    }
    let server = Server::start(|request, out| {
        let name = request.path.rsplit('/').next().unwrap().to_owned();
        out.ok("x/y", name.repeat(1000).as_bytes());
    });
    let contents: Vec<(String, Vec<u8>)> =
        (0..60).map(|n| (format!("p{n}"), format!("p{n}.deb").repeat(1000).into_bytes())).collect();
    let list: Vec<(&str, &[u8])> =
        contents.iter().map(|(name, text)| (name.as_str(), text.as_slice())).collect();
    let setup = Setup::new().mirrors(&[server.url("/debian")]);
    let progress = Last(Mutex::default());
    setup.fetcher().debian_packages(&image(&list), &progress, &Cancel::new()).unwrap();
    let total: u64 = list.iter().map(|(_, text)| text.len() as u64).sum();
    assert_eq!(*progress.0.lock().unwrap(), (total, Some(total)));
    for (_, text) in list {
        assert_eq!(setup.store.read(&Sha256::of(text)).unwrap(), text);
    }
}

#[test]
fn a_file_of_unknown_size_is_found_by_its_digest() {
    let server = Server::start(|_, out| out.ok("x/y", CONTENT));
    let setup = Setup::new();
    let wanted = Wanted {
        file: "uv".to_owned(),
        sha256: Sha256::of(CONTENT),
        size: None,
        required_by: Vec::new(),
        places: sealwright::fetch::Places::Urls(vec![server.url("/x").parse().unwrap()]),
    };
    setup.fetcher().files(&[wanted], "tools", &Silent, &Cancel::new()).unwrap();
    assert!(setup.store.has(&Sha256::of(CONTENT)));
}

#[test]
fn proxies_are_used_but_for_the_hosts_that_are_excepted() {
    let proxy = Server::start(|_, out| out.ok("x/y", CONTENT));
    let direct = Server::start(|_, out| out.ok("x/y", b"direct"));
    let address = format!("http://me:secret@127.0.0.1:{}", proxy.port());
    let setup = Setup::new()
        .mirrors(&["http://mirror.example/debian".to_owned()])
        .set("http_proxy", address)
        .set("NO_PROXY", "localhost");
    setup.packages(&image(&[("a", CONTENT)])).unwrap();
    let requests = proxy.requests();
    assert_eq!(requests[0].path, "http://mirror.example/debian/pool/main/a.deb");
    assert_eq!(requests[0].header("proxy-authorization"), Some("Basic bWU6c2VjcmV0"));
    let setup = setup.mirrors(&[format!("http://localhost:{}/debian", direct.port())]);
    setup.packages(&image(&[("b", b"direct")])).unwrap();
    assert_eq!((proxy.requests().len(), direct.requests().len()), (1, 1));
}
