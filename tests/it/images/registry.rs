//! Registries that are honest, wrong, strict, busy or lying; and Debian's own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use sealwright::config::RegistrySources;
use sealwright::digest::Sha256;
use sealwright::error::{Blame, Fault};
use sealwright::event::{Cancel, Silent};
use sealwright::fetch::{
    DebianMirrors, FetchError, Fetcher, ImageRequest, MirrorSettings, NetConfig, Offline, PinnedImage,
    PythonIndexes, Registries, Surroundings,
};
use sealwright::name::Platform;
use sealwright::oci::{INDEX, MANIFEST};
use serde_json::json;

use super::base::{DebianRegistry, skopeo};
use super::make::{Layer, Made, Packed, Place, descriptor, pack};
use crate::fetch::server::{Out, Request, Server};

pub const PLATFORM: Platform = Platform::LinuxAmd64;

/// A fetcher into a store, in surroundings of its own.
pub struct Client<'a> {
    pub place: &'a Place,
    pub sources: RegistrySources,
    pub env: BTreeMap<String, String>,
    pub offline: Offline,
    /// What layouts are relative to.
    pub folder: std::path::PathBuf,
}

impl<'a> Client<'a> {
    pub fn new(place: &'a Place) -> Self {
        let home = place.temp.path().display().to_string();
        let env = [("HOME".to_owned(), home), ("PIP_RETRIES".to_owned(), "2".to_owned())].into();
        Self {
            place,
            sources: RegistrySources::default(),
            env,
            offline: Offline::No,
            folder: place.temp.path().to_owned(),
        }
    }

    pub fn fetcher(&self) -> Fetcher {
        let root = self.place.temp.path().to_owned();
        let from = Surroundings { env: self.env.clone(), system: root.clone(), cwd: root.clone() };
        let mut net = NetConfig::load(&from).unwrap();
        net.back_off = Duration::from_millis(5);
        let indexes = PythonIndexes::load(&from).unwrap();
        let mirrors = DebianMirrors::load(&MirrorSettings::default(), &from).unwrap();
        Fetcher::new(&self.place.store, net, indexes, mirrors, self.offline)
            .with_registries(Registries::load(&self.sources, &self.folder, &from))
    }

    /// What a name leads to, and all its blobs, by one fetcher.
    pub fn pull(&self, reference: &str) -> Result<PinnedImage, FetchError> {
        let (fetcher, cancel) = (self.fetcher(), Cancel::new());
        let reference = reference.parse().unwrap();
        let request = ImageRequest { reference: &reference, platform: PLATFORM };
        let pinned = fetcher.pin_image(request, &Silent, &cancel)?;
        fetcher.image_blobs(&pinned.locked("/usr/bin/python3.11", "2.36"), &Silent, &cancel)?;
        Ok(pinned)
    }

    /// The message and the exit code of a pull that has to fail.
    #[track_caller]
    pub fn failure(&self, reference: &str) -> (String, u8) {
        let error = self.pull(reference).unwrap_err();
        assert!(!error.hints().is_empty(), "{error}");
        (error.to_string(), error.blame().exit_code())
    }
}

fn small() -> Made {
    Made::good(vec![
        (Layer::new().file("a", "x"), Packed::Gzip),
        (Layer::new().file("b", "y"), Packed::Plain),
    ])
}

/// Answers as a registry that holds one image as `team/x:1`; documents are those beside it, by tag or digest.
fn serve(image: &Made, documents: &[(&str, &str, Vec<u8>)], request: &Request, out: &mut Out) {
    let path = request.path.split('?').next().unwrap_or_default();
    let Some(path) = path.strip_prefix("/v2/team/x/") else { return out.status(404) };
    if let Some(what) = path.strip_prefix("manifests/") {
        // As Debian's registry does it: a form that the client does not name is not there.
        if !request.header("accept").is_some_and(|forms| forms.contains(MANIFEST)) {
            return out.status(404);
        }
        let named =
            documents.iter().find(|(name, _, bytes)| *name == what || Sha256::of(bytes).to_oci() == what);
        if let Some((_, kind, bytes)) = named {
            return out.ok(kind, bytes);
        }
        if what == "1" || what == image.digest().to_oci() {
            return out.ok(MANIFEST, &image.manifest);
        }
    } else if let Some(bytes) = path.strip_prefix("blobs/").and_then(|digest| image.find(digest)) {
        return out.ok("application/octet-stream", bytes);
    }
    out.status(404);
}

fn registry(image: Made) -> Server {
    Server::start(move |request, out| serve(&image, &[], request, out))
}

fn named(server: &Server, rest: &str) -> String {
    format!("127.0.0.1:{}/team/x{rest}", server.port())
}

#[test]
fn a_tag_leads_to_a_digest_and_every_blob_comes_verified() {
    let (image, place) = (small(), Place::new());
    let server = registry(image.clone());
    let client = Client::new(&place);
    let pinned = client.pull(&named(&server, ":1")).unwrap();
    assert_eq!((*pinned.digest(), pinned.index()), (image.digest(), None));
    assert_eq!(pinned.layers(), image.layers());
    assert_eq!(pinned.path(), Some("/usr/local/bin:/usr/bin"));
    assert!(pinned.layers().iter().all(|layer| place.store.has(&layer.digest)));
    assert!(place.store.has(&image.digest()));
    let first = &server.requests()[0];
    assert!(first.header("accept").unwrap().contains("application/vnd.oci.image.index.v1+json"));
    assert_eq!(first.header("authorization"), None);
    // The manifest of a lock comes by its digest.
    let fresh = Place::new();
    let locked = pinned.locked("/usr/bin/python3.11", "2.36");
    Client::new(&fresh).fetcher().image_blobs(&locked, &Silent, &Cancel::new()).unwrap();
    assert!(fresh.store.has(&image.digest()));
    // By digest it is the same; and with a full store nobody is asked for blobs.
    let before = server.requests().len();
    let again = client.pull(&named(&server, &format!(":other@{}", image.digest().to_oci()))).unwrap();
    assert_eq!(again.layers(), pinned.layers());
    assert_eq!(server.requests().len(), before + 1);
}

#[test]
fn an_index_gives_the_platform_s_image_and_is_recorded() {
    let (image, place) = (small(), Place::new());
    let mut entries = vec![descriptor(MANIFEST, b"attestation"), descriptor(MANIFEST, &image.manifest)];
    entries[0]["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    entries[1]["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    let index =
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string().into_bytes();
    let digest = Sha256::of(&index);
    let of_platform = image.clone();
    let server = Server::start(move |request, out| {
        serve(&of_platform, &[("list", INDEX, index.clone())], request, out);
    });
    let pinned = Client::new(&place).pull(&named(&server, ":list")).unwrap();
    assert_eq!((*pinned.digest(), pinned.index()), (image.digest(), Some(&digest)));
}

#[test]
fn a_platform_that_is_not_there_lists_those_that_are() {
    let (image, place) = (small(), Place::new());
    let mut entry = descriptor(MANIFEST, &image.manifest);
    entry["platform"] = json!({ "os": "linux", "architecture": "s390x" });
    let mut other = descriptor(MANIFEST, b"other");
    other["platform"] = json!({ "os": "linux", "architecture": "arm64", "variant": "v8" });
    let index = json!({ "schemaVersion": 2, "manifests": [entry, other] }).to_string().into_bytes();
    let server =
        Server::start(move |request, out| serve(&image, &[("list", INDEX, index.clone())], request, out));
    let reference = named(&server, ":list");
    assert_eq!(
        Client::new(&place).failure(&reference),
        (
            format!("image {reference} is not there for linux/amd64 (it is for linux/s390x, linux/arm64/v8)"),
            2
        )
    );
}

#[test]
fn an_image_of_another_platform_without_an_index_is_refused() {
    let tar = Layer::new().tar();
    let image = Made::for_platform("arm64", vec![(tar.clone(), Packed::Plain, Sha256::of(&tar))]);
    let (server, place) = (registry(image), Place::new());
    let reference = named(&server, ":1");
    assert_eq!(
        Client::new(&place).failure(&reference),
        (format!("image {reference} is not there for linux/amd64 (it is for linux/arm64)"), 2)
    );
}

#[test]
fn what_is_no_image_and_what_is_too_old_is_refused() {
    let cases: [(&str, Vec<u8>, &str); 4] = [
        (
            MANIFEST,
            Made::with_blobs(vec![("application/vnd.cncf.helm.config.v1+json".to_owned(), b"{}".to_vec())])
                .manifest,
            "it is not a container image: its configuration is \"application/vnd.cncf.helm.config.v1+json\"",
        ),
        (
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            json!({ "schemaVersion": 1, "fsLayers": [] }).to_string().into_bytes(),
            "its manifest is of Docker's schema 1, which does not name layers by the digest of their content",
        ),
        (
            "text/html",
            b"<html>log in</html>".to_vec(),
            "not a manifest that can be read: expected value at line 1 column 1",
        ),
        (
            MANIFEST,
            json!({ "schemaVersion": 2, "config": {}, "layers": [], "manifests": [] })
                .to_string()
                .into_bytes(),
            "not a manifest that can be read: missing field `digest` at line 1 column 30",
        ),
    ];
    for (kind, bytes, expected) in cases {
        let place = Place::new();
        let server =
            Server::start(move |request, out| serve(&small(), &[("odd", kind, bytes.clone())], request, out));
        let reference = named(&server, ":odd");
        assert_eq!(Client::new(&place).failure(&reference), (format!("image {reference}: {expected}"), 2));
    }
}

#[test]
fn a_name_that_nobody_has_lists_who_was_asked() {
    let (one, two, place) = (registry(small()), registry(small()), Place::new());
    let mut client = Client::new(&place);
    let mirrors = vec![one.url(""), two.url("/")];
    client.sources.mirrors.insert("registry.example".parse().unwrap(), mirrors);
    let (message, code) = client.failure("registry.example/team/x:2");
    let asked = |server: &Server| format!("http://127.0.0.1:{}/v2/team/x/ (answered 404)", server.port());
    assert_eq!(
        message,
        format!(
            "image registry.example/team/x:2: 2 is nowhere to be had: asked {}, {}",
            asked(&one),
            asked(&two)
        )
    );
    assert_eq!(code, 7);
    // The second one is asked for what the first does not have.
    let empty = Server::start(|_, out| out.status(404));
    let mirrors = vec![empty.url(""), two.url("")];
    client.sources.mirrors.insert("registry.example".parse().unwrap(), mirrors);
    client.pull("registry.example/team/x:1").unwrap();
}

#[test]
fn a_short_name_needs_a_configured_registry() {
    let (server, place) = (Server::start(|_, out| out.status(404)), Place::new());
    let mut client = Client::new(&place);
    assert_eq!(
        client.failure("python:3.12-slim"),
        ("image python:3.12-slim names no registry, and no default one is configured".to_owned(), 2)
    );
    client.sources.default = Some(format!("127.0.0.1:{}", server.port()).parse().unwrap());
    assert_eq!(client.failure("python:3.12-slim").1, 7);
    assert_eq!(server.requests()[0].path, "/v2/library/python/manifests/3.12-slim");
}

#[test]
fn a_refusal_says_whether_there_were_credentials() {
    let place = Place::new();
    for (status, words) in [(401, "401 Unauthorized"), (403, "403 Forbidden")] {
        let server = Server::start(move |_, out| out.status(status));
        let reference = named(&server, ":1");
        let mut client = Client::new(&place);
        let start = format!(
            "image {reference}: http://127.0.0.1:{}/v2/team/x/manifests/1 answered {words}",
            server.port()
        );
        assert_eq!(client.failure(&reference), (format!("{start}, and there are no credentials for it"), 7));
        std::fs::write(place.join("netrc"), "machine 127.0.0.1 login me password sesame\n").unwrap();
        client.env.insert("NETRC".to_owned(), place.join("netrc").display().to_string());
        assert_eq!(
            client.failure(&reference),
            (format!("{start} to the credentials that are configured"), 7)
        );
        client.env.remove("NETRC");
        client.env.insert("DOCKER_CONFIG".to_owned(), place.join("docker").display().to_string());
        std::fs::create_dir_all(place.join("docker")).unwrap();
        let helpers = json!({ "credHelpers": { format!("127.0.0.1:{}", server.port()): "x" } });
        std::fs::write(place.join("docker/config.json"), helpers.to_string()).unwrap();
        let end = ", and its credentials are with a credential helper, which is not asked";
        assert_eq!(client.failure(&reference), (format!("{start}{end}"), 7));
        // Nothing was asked for by a challenge, so nothing was sent.
        assert!(server.requests().iter().all(|request| request.header("authorization").is_none()));
    }
}

/// Docker's configuration with this login for a server.
fn logged_in(place: &Place, server: &Server, login: &serde_json::Value) -> String {
    let folder = place.join("docker");
    std::fs::create_dir_all(&folder).unwrap();
    let config = json!({ "auths": { format!("127.0.0.1:{}", server.port()): login } });
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    folder.display().to_string()
}

fn basic(user: &str, password: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))
}

#[test]
fn a_token_is_fetched_with_the_credentials_and_sent_to_the_repository_only() {
    let (image, place) = (small(), Place::new());
    let renewed = AtomicU32::new(0);
    let elsewhere = Server::start({
        let image = image.clone();
        move |request, out| match image.find(request.path.trim_start_matches('/')) {
            Some(bytes) => out.ok("application/octet-stream", bytes),
            None => out.status(404),
        }
    });
    let storage = elsewhere.url("");
    let of_server = image.clone();
    let server = Server::start(move |request, out| {
        let own = format!("http://{}", request.header("host").unwrap());
        if let Some(query) = request.path.strip_prefix("/token?") {
            assert_eq!(query, "service=the+registry&scope=repository%3Ateam%2Fx%3Apull");
            assert_eq!(request.header("authorization"), Some(&*format!("Basic {}", basic("me", "sesame"))));
            let count = renewed.fetch_add(1, Ordering::Relaxed);
            return out.ok("application/json", format!("{{\"token\": \"t{count}\"}}").as_bytes());
        }
        // A token lasts for the manifest only: blobs need another one.
        let wanted = if request.path.contains("/blobs/") { "Bearer t1" } else { "Bearer t0" };
        if request.header("authorization") != Some(wanted) {
            let challenge =
                format!("WWW-Authenticate: Bearer realm=\"{own}/token\",service=\"the registry\"");
            return out.head(401, &[challenge, "Content-Length: 0".to_owned()]);
        }
        match request.path.strip_prefix("/v2/team/x/blobs/") {
            Some(digest) => {
                out.head(307, &[format!("Location: {storage}/{digest}"), "Content-Length: 0".to_owned()]);
            }
            None => serve(&of_server, &[], request, out),
        }
    });
    let mut client = Client::new(&place);
    let config = logged_in(&place, &server, &json!({ "auth": basic("me", "sesame") }));
    client.env.insert("DOCKER_CONFIG".to_owned(), config);
    client.pull(&named(&server, ":1")).unwrap();
    let redirected = elsewhere.requests();
    assert_eq!(redirected.len(), 3);
    assert!(redirected.iter().all(|request| request.header("authorization").is_none()));
    // The first request goes without: nothing is sent that nobody asked for.
    assert_eq!(server.requests()[0].header("authorization"), None);
}

#[test]
fn basic_credentials_and_identity_tokens_are_used() {
    for login in ["basic", "identity"] {
        let (image, place) = (small(), Place::new());
        let server = Server::start(move |request, out| {
            let own = format!("http://{}", request.header("host").unwrap());
            let (challenge, wanted) = match login {
                "basic" => ("Basic realm=\"x\"".to_owned(), format!("Basic {}", basic("me", "sesame"))),
                _ => (format!("Bearer realm=\"{own}/token\""), "Bearer fresh".to_owned()),
            };
            if request.path == "/token" {
                return out.ok("application/json", b"{\"access_token\": \"fresh\"}");
            }
            if request.header("authorization") != Some(&*wanted) {
                return out
                    .head(401, &[format!("WWW-Authenticate: {challenge}"), "Content-Length: 0".to_owned()]);
            }
            serve(&image, &[], request, out);
        });
        let found = match login {
            "basic" => json!({ "username": "me", "password": "sesame" }),
            _ => json!({ "auth": "", "identitytoken": "sesame" }),
        };
        let mut client = Client::new(&place);
        client.env.insert("DOCKER_CONFIG".to_owned(), logged_in(&place, &server, &found));
        client.pull(&named(&server, ":1")).unwrap();
    }
}

#[test]
fn credentials_that_are_refused_are_in_no_message() {
    let place = Place::new();
    let server = Server::start(|request, out| {
        let own = format!("http://{}", request.header("host").unwrap());
        let challenge = format!("WWW-Authenticate: Bearer realm=\"{own}/token?secret=1\",service=\"s\"");
        out.head(401, &[challenge, "Content-Length: 0".to_owned()]);
    });
    let mut client = Client::new(&place);
    let config = logged_in(&place, &server, &json!({ "auth": basic("me", "sesame") }));
    client.env.insert("DOCKER_CONFIG".to_owned(), config);
    let reference = named(&server, ":1");
    let (message, code) = client.failure(&reference);
    assert_eq!(
        message,
        format!(
            "image {reference}: http://127.0.0.1:{}/token?… answered 401 Unauthorized to the credentials that are configured",
            server.port()
        )
    );
    assert_eq!(code, 7);
}

#[test]
fn a_token_server_without_tls_gets_nothing_from_a_registry_with_it() {
    // Told apart without TLS here: the registry is on this machine, so its token server may be plain too.
    let place = Place::new();
    let server = Server::start(|_, out| {
        out.head(
            401,
            &[
                "WWW-Authenticate: Bearer realm=\"ftp://host.example/token\"".to_owned(),
                "Content-Length: 0".to_owned(),
            ],
        );
    });
    let message = Client::new(&place).failure(&named(&server, ":1")).0;
    assert!(message.ends_with("names a token server without TLS"), "{message}");
}

#[test]
fn a_busy_registry_is_asked_again_and_then_told() {
    let (image, place) = (small(), Place::new());
    let count = AtomicU32::new(0);
    let server = Server::start(move |request, out| {
        if count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            out.head(429, &["Retry-After: 0".to_owned(), "Content-Length: 0".to_owned()]);
        } else {
            serve(&image, &[], request, out);
        }
    });
    Client::new(&place).pull(&named(&server, ":1")).unwrap();
    for (after, shown) in
        [("0", "(tried 3 times; it asks to wait 0 s)"), ("3600", "(tried 1 times; it asks to wait 3600 s)")]
    {
        let server = Server::start(move |_, out| {
            out.head(429, &[format!("Retry-After: {after}"), "Content-Length: 0".to_owned()]);
        });
        assert_eq!(
            Client::new(&place).failure(&named(&server, ":1")),
            (
                format!(
                    "http://127.0.0.1:{}/v2/team/x/manifests/1 answered 429 Too Many Requests {shown}",
                    server.port()
                ),
                7
            )
        );
    }
}

#[test]
fn a_registry_that_lies_about_a_manifest_is_refused() {
    let (image, place) = (small(), Place::new());
    let other = Made::good(vec![(Layer::new().file("evil", "x"), Packed::Plain)]);
    let (expected, actual) = (image.digest(), other.digest());
    let server = Server::start(move |request, out| {
        if request.path.ends_with("/manifests/1") {
            let headers = [
                format!("Docker-Content-Digest: {}", expected.to_oci()),
                format!("Content-Length: {}", other.manifest.len()),
            ];
            out.head(200, &headers);
            let _ = std::io::Write::write_all(&mut out.stream, &other.manifest);
        } else {
            out.ok(MANIFEST, &other.manifest);
        }
    });
    for what in [":1".to_owned(), format!("@{}", expected.to_oci())] {
        let reference = named(&server, &what);
        let (message, code) = Client::new(&place).failure(&reference);
        let tail = format!("is not what it was named as: expected sha256 {expected}, got {actual}");
        assert!(
            message.starts_with(&format!("image {reference}: http://127.0.0.1:")) && message.ends_with(&tail),
            "{message}"
        );
        assert_eq!(code, 3);
    }
    assert!(!place.store.has(&actual));
}

#[test]
fn blobs_that_are_wrong_cut_off_or_of_another_size_enter_no_store() {
    let image = small();
    let layer = image.layers()[1].clone();
    let whole = image.blobs[1].1.clone();
    let cases: [(&str, Vec<u8>, Option<usize>); 3] = [
        (
            "expected sha256",
            {
                let mut bytes = whole.clone();
                bytes[20] ^= 1;
                bytes
            },
            None,
        ),
        ("cannot get", whole[..whole.len() - 5].to_vec(), Some(whole.len())),
        ("bytes, got", [whole.as_slice(), b"more"].concat(), None),
    ];
    for (words, bytes, length) in cases {
        let place = Place::new();
        let (of_server, digest) = (image.clone(), layer.digest);
        let server = Server::start(move |request, out| {
            if request.path.ends_with(&digest.to_oci()) {
                out.head(200, &[format!("Content-Length: {}", length.unwrap_or(bytes.len()))]);
                let _ = std::io::Write::write_all(&mut out.stream, &bytes);
            } else {
                serve(&of_server, &[], request, out);
            }
        });
        let error = Client::new(&place).pull(&named(&server, ":1")).unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert!(matches!(error.blame(), Blame::Integrity | Blame::Network));
        assert!(!place.store.has(&digest));
    }
}

#[test]
fn a_pull_goes_on_where_it_was_cut_off() {
    let bytes: Vec<u8> =
        (0..3_000_000_u32).flat_map(|number| (number.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
    let tar = Layer::new().raw(tar::EntryType::Regular, "big", "", 0o644, &bytes).tar();
    let image = Made::of(vec![(pack(&tar, Packed::Plain), Packed::Plain, Sha256::of(&tar))]);
    let digest = image.layers()[1].digest;
    let (of_server, place) = (image.clone(), Place::new());
    let server = Server::start(move |request, out| {
        if !request.path.ends_with(&digest.to_oci()) {
            return serve(&of_server, &[], request, out);
        }
        let blob = &of_server.blobs[1].1;
        let start = request
            .header("range")
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        match start {
            None => {
                out.head(200, &[format!("Content-Length: {}", blob.len())]);
                let _ = std::io::Write::write_all(&mut out.stream, &blob[..blob.len() / 2]);
            }
            Some(start) => {
                let range = format!("Content-Range: bytes {start}-{}/{}", blob.len() - 1, blob.len());
                out.head(206, &[range, format!("Content-Length: {}", blob.len() - start)]);
                let _ = std::io::Write::write_all(&mut out.stream, &blob[start..]);
            }
        }
    });
    Client::new(&place).pull(&named(&server, ":1")).unwrap();
    assert!(place.store.has(&digest));
    assert!(server.requests().iter().any(|request| request.header("range").is_some()));
}

#[test]
fn offline_nothing_is_asked_and_a_full_store_is_enough() {
    let (image, place) = (small(), Place::new());
    let server = registry(image);
    let mut client = Client::new(&place);
    let reference = named(&server, ":1");
    client.offline = Offline::Yes;
    let (message, code) = client.failure(&reference);
    assert_eq!(
        message,
        format!("1 file is not in the store, and the network may not be used (--offline): {reference}")
    );
    assert_eq!((code, server.requests().len()), (7, 0));
    client.offline = Offline::No;
    let locked = client.pull(&reference).unwrap().locked("/usr/bin/python3.11", "2.36");
    client.offline = Offline::Yes;
    client.fetcher().image_blobs(&locked, &Silent, &Cancel::new()).unwrap();
}

/// Debian's `docker-registry`, filled by skopeo, on both sides a program of somebody else.
#[test]
fn debian_s_registry_serves_what_skopeo_pushed() {
    let place = Place::new();
    let registry = match DebianRegistry::start(&place.join("registry")) {
        Ok(registry) => registry,
        Err(reason) => skipped!(engine: "{reason}"),
    };
    let image = small();
    image.layout(&place.join("layout"), "1");
    let source = format!("oci:{}:1", place.join("layout").display());
    let reference = registry.name("team/small:1");
    if let Err(reason) =
        skopeo(&["copy", "--dest-tls-verify=false", &source, &format!("docker://{reference}")])
    {
        skipped!(engine: "{reason}");
    }
    let told = skopeo(&["inspect", "--tls-verify=false", "--raw", &format!("docker://{reference}")]).unwrap();
    let pinned = Client::new(&place).pull(&reference).unwrap();
    assert_eq!(*pinned.digest(), Sha256::of(told));
    let (message, code) = Client::new(&place).failure(&registry.name("team/small:2"));
    assert!(message.contains("2 is nowhere to be had"), "{message}");
    assert_eq!(code, 7);
    assert!(Path::new(place.store.path()).exists());
}
