//! A project built in an image by reference, from outside: lock, fetch, build, statement, and back.

use std::path::Path;

use sealwright::image::{export_layout, present};
use sealwright::lock::{ImageContent, Lock};
use sealwright::provenance::Statement;
use sealwright::record::lock_from_statement;
use sealwright::store::Store;

use super::base::{DebianRegistry, skopeo};
use super::make::{Layer, Made, Packed, Place, pack};
use crate::build::sample;
use crate::context::{Project, shared_store};

/// The assembled image of a sample project as a layout below a folder, kept beside the shared store; its digest.
fn assembled_layout() -> (std::path::PathBuf, sealwright::digest::Sha256) {
    let project = sample("");
    project.run(&["lock"]).code(0);
    project.run(&["fetch"]).code(0);
    let lock = Lock::parse(&project.read("sealwright.lock")).unwrap();
    let digest = lock.images[0].digest;
    let store = Store::open(&shared_store()).unwrap();
    let folder = shared_store().with_file_name(format!("layout-{digest}"));
    // Two tests of one run may get here at once; what is there is whole.
    let _guard = store
        .lock_key(
            &format!("test-layout-{digest}"),
            &sealwright::event::Silent,
            &sealwright::event::Cancel::new(),
        )
        .unwrap();
    if !folder.join("index.json").is_file() {
        let image = present(&digest, &store).unwrap().unwrap();
        export_layout(&image, "base", &store, &folder).unwrap();
    }
    (folder, digest)
}

fn by_reference(image: &str, more: &str) -> Project {
    sample("").file("sealwright.toml", format!("[target.dist]\nimage = \"{image}\"\n{more}"))
}

fn digests(project: &Project) -> Vec<(String, sealwright::digest::Sha256)> {
    let file = |name: String| {
        let bytes = std::fs::read(project.join("dist").join(&name)).unwrap();
        (name, sealwright::digest::Sha256::of(bytes))
    };
    project.names("dist").into_iter().map(file).collect()
}

fn statement(project: &Project) -> Statement {
    let name = project.names("provenance").remove(0);
    Statement::parse_file(project.read(&format!("provenance/{name}")).as_bytes()).unwrap()
}

/// Everything that holds of a project built in an image by reference, whose lock is there.
fn check(project: &Project, reference: &str) -> Lock {
    let text = project.read("sealwright.lock");
    let lock = Lock::parse(&text).unwrap();
    let image = &lock.images[0];
    assert_eq!(image.reference.to_string(), reference);
    let ImageContent::Pulled(pulled) = &image.content else { panic!("{text}") };
    assert_eq!((pulled.python.as_str(), pulled.glibc.as_str()), ("/usr/bin/python3.11", "2.36"));
    let statement = statement(project);
    let list = &statement.predicate().build_definition.resolved_dependencies;
    let base = list.iter().find(|one| one.text("role") == Some("base-image")).unwrap();
    assert_eq!((base.name.as_str(), base.digest.as_sha256()), (reference, Some(image.digest)));
    assert!(list.iter().all(|one| !one.uri.starts_with("pkg:deb/")));
    assert_eq!(lock_from_statement(&statement).unwrap().to_text(), text);
    lock
}

#[test]
fn a_project_builds_in_a_pulled_image_and_gives_the_same_bytes() {
    let (layout, _) = assembled_layout();
    let place = Place::new();
    let registry = match DebianRegistry::start(&place.join("registry")) {
        Ok(registry) => registry,
        Err(reason) => skipped!(engine: "{reason}"),
    };
    let reference = registry.name("team/base:tag");
    let (from, to) = (format!("oci:{}:base", layout.display()), format!("docker://{reference}"));
    // skopeo compresses the layers: the registry's image has another digest than the assembled one.
    let copied = skopeo(&["copy", "--dest-tls-verify=false", "--dest-compress-level", "1", &from, &to]);
    if let Err(reason) = copied {
        skipped!(engine: "{reason}");
    }
    // One source, built in both images: the configuration lies elsewhere.
    let source = Project::copy_of("examples/hello").git();
    let source = source.path().to_str().unwrap();
    let assembled =
        Project::new().host_indexes().file("sealwright.toml", "[target.dist]\nsuites = [\"bookworm\"]\n");
    assembled.run(&["build", "--source", source]).code(0);

    let config = format!("[target.dist]\nimage = \"{reference}\"\npython = \"3.11\"\n");
    let project = Project::new().host_indexes().file("sealwright.toml", &config);
    project.run(&["build", "--source", source]).code(0).stderr_has("locking first");
    let locked = project.read("sealwright.lock");
    check(&project, &reference);
    assert_eq!(digests(&project), digests(&assembled));

    let small = by_reference(&reference, "python = \"3.11\"\n").git();
    small.run(&["build"]).code(0);
    let kept = small.read("sealwright.lock");
    assert_eq!(Lock::parse(&kept).unwrap().images, Lock::parse(&locked).unwrap().images);

    // The tag may move: the lock stays, and says so to nobody but `--upgrade`.
    let other = Made::good(vec![(Layer::new().file("a", "x"), Packed::Plain)]);
    other.layout(&place.join("other"), "x");
    let from = format!("oci:{}:x", place.join("other").display());
    skopeo(&["copy", "--dest-tls-verify=false", &from, &to]).unwrap();
    let project = by_reference(&reference, "python = \"3.11\"\n").git();
    project.write("sealwright.lock", &kept);
    project.run(&["lock"]).code(0).stdout_has("fresh");
    assert_eq!(project.read("sealwright.lock"), kept);
    project
        .run(&["lock", "--upgrade"])
        .code(2)
        .stderr_has("holds no Python: none of /usr/local/bin/python3, /usr/bin/python3 is there");
    assert_eq!(project.read("sealwright.lock"), kept);

    // An empty store is filled from the lock alone, by digest, and then needs nobody.
    let empty = by_reference(&reference, "python = \"3.11\"\n").own_store().git();
    empty.write("sealwright.lock", &kept);
    empty.run(&["build", "--locked", "--offline"]).code(7).stderr_has("the network may not be used");
    empty.run(&["fetch"]).code(0);
    drop(registry);
    empty.run(&["build", "--locked", "--offline"]).code(0);
    assert_eq!(digests(&empty), digests(&small));
    empty.run(&["store", "verify"]).code(0);
    empty.run(&["store", "gc", "--keep-hours", "0"]).code(0);
    empty.run(&["build", "--locked", "--offline", "--no-cache"]).code(0);
}

#[test]
fn a_project_builds_in_a_layout_beside_it() {
    let (layout, digest) = assembled_layout();
    let project = by_reference("oci-layout:images/base:base", "").file(".gitignore", "/images\n").git();
    std::fs::create_dir(project.join("images")).unwrap();
    std::os::unix::fs::symlink(&layout, project.join("images/base")).unwrap();
    project.run(&["build"]).code(0).stderr_has("locking first");
    let lock = check(&project, "oci-layout:images/base:base");
    assert_eq!(lock.images[0].digest, digest, "a layout of an assembled image is that image");
    assert_eq!(lock.targets[0].python.to_string(), "3.11");
    // Another reference, another Python: stale, and why.
    project
        .write("sealwright.toml", "[target.dist]\nimage = \"oci-layout:images/base\"\npython = \"3.13\"\n");
    project.commit("other");
    project.run(&["lock", "--check"]).code(3).stderr_has("it holds nothing for linux/amd64 with Python 3.13");
    project
        .run(&["lock"])
        .code(2)
        .stderr_has("image oci-layout:images/base holds Python 3.11 (/usr/bin/python3)")
        .stderr_has("and the configuration asks for 3.13");
    project.write("sealwright.toml", "[target.dist]\nimage = \"oci-layout:images/base\"\n");
    project.commit("again");
    project.run(&["lock", "--check"]).code(3).stderr_has(
        "the base image is oci-layout:images/base:base in the lock and oci-layout:images/base is asked for",
    );
}

/// A layout with one small image, and the message that locking a project in it ends with.
fn refusal(layer: Layer, code: i32, expected: &str) {
    let project = by_reference("oci-layout:images/x", "").file(".gitignore", "/images\n").git();
    let image = Made::good(vec![(layer, Packed::Gzip)]);
    image.layout(&project.join("images/x"), "x");
    project.run(&["lock"]).code(code).stderr_has(expected);
    assert!(!Path::new(&project.join("sealwright.lock")).exists());
}

#[test]
fn an_image_whose_python_does_not_run_is_refused() {
    // The program is a script whose interpreter is not there: the engine cannot start it.
    refusal(
        Layer::new().program("usr/bin/python3", 0o755),
        6,
        "starting the program failed at /usr/bin/python3",
    );
    refusal(
        Layer::new().link("usr/bin/python3", "/bin/sh").file("usr/bin/python", "text"),
        2,
        "image oci-layout:images/x holds no Python: none of /usr/local/bin/python3, /usr/bin/python3 is there",
    );
}

#[test]
fn what_an_image_by_reference_cannot_have_is_refused_with_its_key() {
    for (more, key) in
        [("system-packages = [\"gcc\"]\n", "system-packages"), ("suites = [\"bookworm\"]\n", "suites")]
    {
        by_reference("host.example/x:1", more)
            .git()
            .run(&["lock"])
            .code(2)
            .stderr_has(&format!("[target.dist] {key}"))
            .stderr_has("the image is used as it is");
    }
    by_reference("python:3.12-slim", "")
        .git()
        .run(&["lock"])
        .code(2)
        .stderr_has("image python:3.12-slim names no registry, and no default one is configured")
        .stderr_has("[registry] default");
}

#[test]
fn a_mirror_of_the_configuration_stands_for_a_registry() {
    let place = Place::new();
    let registry = match DebianRegistry::start(&place.join("registry")) {
        Ok(registry) => registry,
        Err(reason) => skipped!(engine: "{reason}"),
    };
    let tar = Layer::new().file("a", "x").tar();
    let image =
        Made::of(vec![(pack(&tar, Packed::Gzip), Packed::Gzip, sealwright::digest::Sha256::of(&tar))]);
    image.layout(&place.join("layout"), "x");
    let from = format!("oci:{}:x", place.join("layout").display());
    let to = format!("docker://{}", registry.name("library/python:3.12-slim"));
    if let Err(reason) = skopeo(&["copy", "--dest-tls-verify=false", &from, &to]) {
        skipped!(engine: "{reason}");
    }
    let mirror = format!("\"far.example\" = [\"http://{}\"]", registry.name(""));
    let more = format!("[registry]\ndefault = \"far.example\"\nmirrors = {{ {mirror} }}\n");
    // It is found, pulled and unpacked; it holds no Python.
    by_reference("python:3.12-slim", &more)
        .git()
        .run(&["lock"])
        .code(2)
        .stderr_has("image python:3.12-slim holds no Python");
}
