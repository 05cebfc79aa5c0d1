//! Rust-backed sources: their crates come from a registry on loopback, by the checksums of their own `Cargo.lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use sealwright::digest::Sha256;
use sealwright::event::{Cancel, Silent};
use sealwright::fetch::{
    CrateOrigin, CrateRegistries, DebianMirrors, FetchError, Fetcher, MirrorSettings, NetConfig, Offline,
    Places, PythonIndexes, Surroundings, Wanted,
};
use sealwright::lock::Lock;
use sealwright::provenance::Statement;
use sealwright::record::lock_from_statement;
use sealwright::store::Store;

use crate::context::Project;
use crate::fetch::server::Server;

/// A `.crate` file with these files below `NAME-VERSION/`.
fn packed(folder: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{folder}/{path}"), text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn library(name: &str, text: &str) -> Vec<u8> {
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"1.2.0\"\nedition = \"2021\"\n");
    let code = format!("pub fn word() -> &'static str {{ {text:?} }}\n");
    packed(&format!("{name}-1.2.0"), &[("Cargo.toml", &manifest), ("src/lib.rs", &code)])
}

/// A registry in the sparse protocol that has these crates.
fn registry(crates: Vec<(&'static str, Vec<u8>)>) -> Server {
    let own = Arc::new(Mutex::new(String::new()));
    let base = Arc::clone(&own);
    let server = Server::start(move |request, out| {
        let file = request.path.strip_prefix("/files/");
        match (request.path.as_str(), file) {
            ("/index/config.json", _) => {
                let dl = format!("{{\"dl\": \"{}/files/{{crate}}\"}}", base.lock().unwrap());
                out.ok("application/json", dl.as_bytes());
            }
            (_, Some(name)) => match crates.iter().find(|(known, _)| *known == name) {
                Some((_, bytes)) => out.ok("application/octet-stream", bytes),
                None => out.status(404),
            },
            _ => out.status(404),
        }
    });
    *own.lock().unwrap() = server.url("");
    server
}

/// The index that cargo's default registry has in a `Cargo.lock`.
fn default_source() -> String {
    cargo_lock::SourceId::default().to_string()
}

fn package(name: &str, source: &str, checksum: &str) -> String {
    format!(
        "[[package]]\nname = \"{name}\"\nversion = \"1.2.0\"\nsource = \"{source}\"\nchecksum = \"{checksum}\"\n\n"
    )
}

const OWN: &str = "version = 3\n\n[[package]]\nname = \"sample\"\nversion = \"1.0.0\"\ndependencies = [\n \"greeting\",\n]\n\n";
const MANIFEST: &str = "[package]\nname = \"sample\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[dependencies]\ngreeting = \"1\"\n";
const MAIN: &str = "fn main() { println!(\"WORD {}\", greeting::word()); }\n";
/// What the backend of the sample runs: cargo, as maturin and setuptools-rust run it.
const PROBE: &str = "import subprocess\nsubprocess.run(['cargo', 'run', '--release', '--locked', '--offline', '--quiet'], check=True)\n";

/// A Rust-backed project that takes its crates from `server`, whatever its Cargo.lock names as default.
fn project(server: &Server, lock: &str) -> Project {
    let project = Project::copy_of("tests/fixtures/sample")
        .host_indexes()
        .file("Cargo.toml", MANIFEST)
        .file("Cargo.lock", lock)
        .file("src/main.rs", MAIN)
        .file("probe.py", PROBE);
    let home = project.home().join(".cargo");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("config.toml"), replaced(server)).unwrap();
    project.git()
}

/// A configuration of cargo that takes everything from `server`.
fn replaced(server: &Server) -> String {
    format!(
        "[source.crates-io]\nreplace-with = \"near\"\n[source.near]\nregistry = \"sparse+{}\"\n",
        server.url("/index/")
    )
}

fn locked(checksum: &str) -> String {
    format!("{OWN}{}", package("greeting", &default_source(), checksum))
}

#[test]
fn a_rust_backed_project_is_built_from_the_crates_of_its_own_lock() {
    let word = format!("{:?}", std::time::SystemTime::now());
    let greeting = library("greeting", &word);
    let digest = Sha256::of(&greeting);
    let server = registry(vec![("greeting", greeting.clone())]);
    let project = project(&server, &locked(&digest.to_string()));
    project
        .run(&["build", "--verbose"])
        .code(0)
        .stderr_has("debian:trixie with its cargo and rustc (there is a Cargo.toml), Python 3.13")
        .stderr_has(&format!("WORD {word}"));
    let lock = Lock::parse(&project.read("sealwright.lock")).unwrap();
    let one = &lock.targets[0].crates[0];
    assert_eq!(
        (one.name.as_str(), one.version.as_str(), one.file.as_str()),
        ("greeting", "1.2.0", "greeting-1.2.0.crate")
    );
    assert_eq!(
        (one.sha256, one.size, &one.required_by[..]),
        (digest, greeting.len() as u64, &["Cargo.lock".to_owned()][..])
    );

    let wheel = "provenance/sample-1.0-py3-none-any.whl.intoto.jsonl";
    let text = project.read(wheel);
    let statement = Statement::parse_file(text.as_bytes()).unwrap();
    let dependencies = &statement.predicate().build_definition.resolved_dependencies;
    let found = dependencies.iter().find(|one| one.uri == "pkg:cargo/greeting@1.2.0").unwrap();
    assert_eq!(found.digest.as_sha256(), Some(digest));
    assert_eq!(lock_from_statement(&statement).unwrap().to_text(), project.read("sealwright.lock"));
    // Where the crate came from is nobody's business.
    for text in [&text, &project.read("sealwright.lock")] {
        assert!(!text.contains("127.0.0.1"));
    }

    // What is fetched is enough.
    project.run(&["fetch", "--offline"]).code(0);
    let before = server.requests().len();
    project.run(&["build", "--locked", "--offline", "--no-cache", "--verbose"]).code(0).stderr_has(&word);
    assert_eq!(server.requests().len(), before);

    // Another crate is another lock.
    let other = Sha256::of("other").to_string();
    project.write("Cargo.lock", locked(&other));
    project.commit("other crate");
    project
        .run(&["build", "--locked"])
        .code(3)
        .stderr_has(&format!("crate greeting 1.2.0 ({other}) is asked for and not in the lock"))
        .stderr_has(&format!("crate greeting 1.2.0 ({digest}) is in the lock and no longer asked for"));
}

#[test]
fn a_crate_with_another_checksum_is_refused_and_not_stored() {
    let server = registry(vec![("greeting", library("greeting", "evil"))]);
    let (expected, actual) = (Sha256::of("the right one"), Sha256::of(library("greeting", "evil")));
    let project = project(&server, &locked(&expected.to_string())).own_store();
    project.run(&["lock"]).code(3).stderr_has(&format!(
        "greeting-1.2.0.crate from {} is not the locked file: expected sha256 {expected}, got {actual} (required by Cargo.lock)",
        server.url("/files/greeting")
    ));
    assert!(!project.join("sealwright.lock").exists());
    assert!(!project.store().join("blobs/sha256").join(&actual.to_string()[..2]).exists());
}

#[test]
fn what_no_checksum_or_no_configured_registry_names_is_refused() {
    let server = registry(Vec::new());
    let digest = Sha256::of("x").to_string();
    let git = "git+https://git.example/greeting#0123456789012345678901234567890123456789";
    let cases = [
        (
            Some(format!("{OWN}{}", package("greeting", git, &digest))),
            "Cargo.lock: greeting 1.2.0 comes from a git repository (git+https://git.example/greeting), which no checksum names",
            "cargo vendor",
        ),
        (
            Some(format!("{OWN}{}", package("greeting", "sparse+https://other.example/index/", &digest))),
            "greeting-1.2.0.crate comes from the registry sparse+https://other.example/index/, which is not configured (required by Cargo.lock)",
            "[registries.NAME] index = \"sparse+https://other.example/index/\"",
        ),
        (Some("version = 99\n".to_owned()), "Cargo.lock: ", "versions 1 to 4 of Cargo.lock are read"),
        (
            None,
            "Cargo.toml has dependencies and there is no Cargo.lock: nothing says by checksum which crates it needs",
            "run `cargo generate-lockfile` and commit Cargo.lock",
        ),
    ];
    for (lock, expected, hint) in cases {
        let project = project(&server, lock.as_deref().unwrap_or_default()).own_store();
        if lock.is_none() {
            std::fs::remove_file(project.join("Cargo.lock")).unwrap();
            project.commit("without");
        }
        project.run(&["lock"]).code(2).stderr_has(expected).stderr_has(hint);
        assert!(!project.join("sealwright.lock").exists());
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_hostile_crate_is_refused_and_writes_nothing_outside() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let mut header = tar::Header::new_gnu();
    let path = b"greeting-1.2.0/../../../evil";
    header.as_mut_bytes()[..path.len()].copy_from_slice(path);
    header.set_size(0);
    header.set_mode(0o644);
    header.set_cksum();
    gzip.write_all(header.as_bytes()).unwrap();
    gzip.write_all(&[0; 1024]).unwrap();
    let hostile = gzip.finish().unwrap();
    let server = registry(vec![("greeting", hostile.clone())]);
    let project = project(&server, &locked(&Sha256::of(&hostile).to_string()));
    project.run(&["lock"]).code(3).stderr_has(
        "greeting-1.2.0.crate (required by Cargo.lock): \"greeting-1.2.0/../../../evil\" in it is no path below \"greeting-1.2.0\"",
    );
    assert!(!project.join("sealwright.lock").exists());
}

#[test]
fn a_registry_that_lies_about_itself_is_told() {
    for (answer, expected) in [
        ("<html>", "not a registry's config.json: expected value at line 1 column 1"),
        ("{\"dl\": 3}", "not a registry's config.json: invalid type: integer `3`, expected a string"),
        ("{\"dl\": \"file:///etc\"}", "`dl` of its config.json is no http or https URL"),
    ] {
        let server = Server::start(move |_, out| out.ok("application/json", answer.as_bytes()));
        let project = project(&server, &locked(&Sha256::of("x").to_string())).own_store();
        project.run(&["lock"]).code(7).stderr_has(expected);
    }
}

#[test]
fn the_example_is_built_by_maturin_with_every_crate_of_its_lock() {
    let host = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let host = host.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let project = Project::copy_of("examples/rust-extension").host_indexes();
    let project = project.env("CARGO_HOME", host.unwrap_or_default()).git();
    project.run(&["build"]).code(0).stderr_has("build-system.requires names maturin");
    let wheel = format!("fnv1a_rs-1.0.0-cp313-cp313-linux_{}.whl", std::env::consts::ARCH);
    assert_eq!(project.names("dist"), [wheel.as_str(), "fnv1a_rs-1.0.0.tar.gz"]);
    let text = project.read(&format!("provenance/{wheel}.intoto.jsonl"));
    let statement = Statement::parse_file(text.as_bytes()).unwrap();
    let dependencies = &statement.predicate().build_definition.resolved_dependencies;
    let recorded: BTreeSet<String> = dependencies
        .iter()
        .filter(|one| one.uri.starts_with("pkg:cargo/"))
        .map(|one| format!("{} {}", one.uri, one.digest.as_sha256().unwrap()))
        .collect();
    let lock: cargo_lock::Lockfile = project.read("Cargo.lock").parse().unwrap();
    let named: BTreeSet<String> = lock
        .packages
        .iter()
        .filter_map(|one| Some(format!("pkg:cargo/{}@{} {}", one.name, one.version, one.checksum.as_ref()?)))
        .collect();
    assert_eq!(recorded, named);
    assert!(named.len() > 10);
}

/// Fetches one crate with the settings of a home folder into a store of its own.
fn fetch(home: &Path, bytes: &[u8], origin: CrateOrigin) -> (Store, Result<(), FetchError>) {
    let env = BTreeMap::from([("HOME".to_owned(), home.display().to_string())]);
    let from = Surroundings { env, system: home.to_owned(), cwd: home.to_owned() };
    let store = Store::open(&home.join("store")).unwrap();
    let mirrors = DebianMirrors::load(&MirrorSettings::default(), &from).unwrap();
    let (net, indexes) = (NetConfig::load(&from).unwrap(), PythonIndexes::load(&from).unwrap());
    let fetcher = Fetcher::new(&store, net, indexes, mirrors, Offline::No)
        .with_crates(CrateRegistries::load(&from).unwrap());
    let wanted = Wanted {
        file: "greeting-1.2.0.crate".to_owned(),
        sha256: Sha256::of(bytes),
        size: None,
        required_by: vec!["Cargo.lock".to_owned()],
        places: Places::Crate { name: "greeting".to_owned(), version: "1.2.0".to_owned(), origin },
    };
    let result = fetcher.files(&[wanted], "crates", &Silent, &Cancel::new());
    (store, result)
}

/// A home folder with this configuration of cargo.
fn home(config: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join(".cargo/registry/cache/somewhere-0123")).unwrap();
    std::fs::write(home.path().join(".cargo/config.toml"), config).unwrap();
    home
}

#[test]
fn cargos_own_cache_is_looked_into_and_not_believed() {
    let greeting = library("greeting", "cached");
    for good in [true, false] {
        let server = registry(vec![("greeting", greeting.clone())]);
        let home = home(&replaced(&server));
        let bytes = if good { greeting.clone() } else { b"another registry's".to_vec() };
        let cached = home.path().join(".cargo/registry/cache/somewhere-0123/greeting-1.2.0.crate");
        std::fs::write(cached, bytes).unwrap();
        let (store, result) = fetch(home.path(), &greeting, CrateOrigin::Default);
        result.unwrap();
        assert!(store.has(&Sha256::of(&greeting)));
        assert_eq!(server.requests().is_empty(), good);
    }
}

#[test]
fn the_token_of_a_registry_reaches_it_and_nobody_else() {
    let greeting = library("greeting", "private");
    let bytes = greeting.clone();
    let files = Server::start(move |_, out| out.ok("application/octet-stream", &bytes));
    for (required, expected) in [(true, Some("Bearer hidden")), (false, None)] {
        let dl = format!("http://localhost:{}/{required}/{{crate}}", files.port());
        let index = Server::start(move |_, out| {
            let text = format!("{{\"dl\": \"{dl}\", \"auth-required\": {required}}}");
            out.ok("application/json", text.as_bytes());
        });
        let source = format!("sparse+{}", index.url("/"));
        let home = home(&format!("[registries.team]\nindex = \"{source}\"\ntoken = \"Bearer hidden\"\n"));
        fetch(home.path(), &greeting, CrateOrigin::Index(source)).1.unwrap();
        assert_eq!(index.requests()[0].header("authorization"), Some("Bearer hidden"));
        let asked = files.requests();
        assert_eq!(asked.last().unwrap().header("authorization"), expected, "{required}");
    }
}
