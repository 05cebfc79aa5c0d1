//! Base images from Debian packages: a small archive that the tests make and sign, and the real one.

mod archive;
pub mod real;

use std::path::Path;

use sealwright::digest::Sha256;
use sealwright::error::{Blame, Fault};
use sealwright::event::{Cancel, Reporter, Silent};
use sealwright::image::{self, ImageError, ImageInputs};
use sealwright::name::{DebianRelease, Platform};
use sealwright::resolve::debian::{ArchiveKeys, DebianError, Keyring, Request, resolve};
use sealwright::sandbox::{BoxSpec, Engine, Finished};
use sealwright::store::Store;

use archive::{Archive, Deb, Signer};

/// The manifest digest of [`Archive::small`]'s image. It changes only if recipe 1 does, which it must not: every lock
/// that was ever written names digests that this recipe made.
const SMALL_IMAGE: &str = "3846f5eb1f4bfc6e9bd2c05c8e602af77b6724a56e07a41dc29409a91188984f";

/// The small images hold no program, so nothing is run for them.
struct NoEngine;

impl Engine for NoEngine {
    fn class(&self) -> &'static str {
        "none"
    }

    fn version(&self) -> String {
        String::new()
    }

    fn run(&self, spec: &BoxSpec, _: &dyn Reporter, _: &Cancel) -> Result<Finished, Box<dyn Fault>> {
        panic!("nothing is to be run, but {:?} was", spec.argv);
    }
}

fn request(include: &[&str]) -> Request {
    Request {
        release: DebianRelease::Bookworm,
        platform: Platform::LinuxAmd64,
        suites: vec!["bookworm".to_owned()],
        include: include.iter().map(|&name| name.to_owned()).collect(),
        now: "2026-07-12T00:00:00Z".parse().unwrap(),
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    (folder, store)
}

fn resolved(archive: &Archive, include: &[&str], store: &Store) -> Result<ImageInputs, DebianError> {
    resolve(&request(include), &archive.keys(), archive, store, &Silent)
}

/// Resolves, "fetches" and assembles.
fn assembled(archive: &Archive, include: &[&str], store: &Store) -> Result<image::Image, ImageError> {
    let inputs = resolved(archive, include, store).unwrap();
    for package in &inputs.packages {
        store.insert(archive.file(&package.path), Some(package.sha256)).unwrap();
    }
    image::assemble(&inputs, store, &NoEngine, &Silent, &Cancel::new())
}

/// The error with everything that caused it.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[test]
fn a_small_image_has_the_same_digest_in_every_store_and_forever() {
    let archive = Archive::small();
    let (_first_folder, first) = store();
    let one = assembled(&archive, &["hello"], &first).unwrap();
    assert_eq!(one.digest.to_hex(), SMALL_IMAGE);
    // Another store, another order of unpacking.
    let (_second_folder, second) = store();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let two = pool.install(|| assembled(&archive, &["hello"], &second)).unwrap();
    assert_eq!(two.digest, one.digest);
    // From the lock alone: present, then assembled again, then found wrong.
    let locked = resolved(&archive, &["hello"], &first).unwrap().locked(one.digest);
    let ensure = |locked, store| image::ensure(locked, store, &NoEngine, &Silent, &Cancel::new());
    assert_eq!(ensure(&locked, &first).unwrap(), one);
    let mut other = locked.clone();
    other.digest = Sha256::of("other");
    let error = ensure(&other, &first).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "image debian:bookworm: the locked packages yield another image: expected {}, got {}",
            other.digest, one.digest
        )
    );
    assert_eq!(error.blame(), Blame::Integrity);
    let text = |path: &str| std::fs::read_to_string(one.root.join(path)).unwrap();
    assert_eq!(text("usr/bin/hello"), "#!/bin/sh\necho hello\n");
    assert_eq!(text("bin/hello"), text("usr/bin/hello"));
    assert!(text("etc/passwd").contains("build:x:1000:1000:build:/home/build:/bin/bash\n"));
    assert!(
        text("var/lib/dpkg/status")
            .contains("Package: hello\nStatus: install ok installed\nVersion: 1.0-1\n")
    );
    assert_eq!(text("usr/share/both"), "by hello, which replaces base\n");
    assert_eq!(std::fs::read_link(one.root.join("usr/bin/cc")).unwrap(), Path::new("gcc"));
    assert_eq!(std::fs::read_link(one.root.join("lib")).unwrap(), Path::new("usr/lib"));
}

#[test]
fn the_layout_holds_what_its_digests_say() {
    let (folder, store) = store();
    let image = assembled(&Archive::small(), &["hello"], &store).unwrap();
    let layout = folder.path().join("layout");
    image::export_layout(&image, "debian:bookworm", &store, &layout).unwrap();
    let blob = |digest: &str| {
        let digest = Sha256::from_oci(digest).unwrap();
        let bytes = std::fs::read(layout.join("blobs/sha256").join(digest.to_hex())).unwrap();
        assert_eq!(Sha256::of(&bytes), digest);
        bytes
    };
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    let index = json(&std::fs::read(layout.join("index.json")).unwrap());
    assert_eq!(index["manifests"][0]["digest"], image.digest.to_oci());
    let manifest = json(&blob(index["manifests"][0]["digest"].as_str().unwrap()));
    let config = json(&blob(manifest["config"]["digest"].as_str().unwrap()));
    assert_eq!(config["created"], "2026-07-11T10:16:37Z");
    let layer = blob(manifest["layers"][0]["digest"].as_str().unwrap());
    assert_eq!(manifest["layers"][0]["size"], layer.len());
    let mut paths = Vec::new();
    for entry in tar::Archive::new(layer.as_slice()).entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!(
            (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
            (0, 0, 946_684_800)
        );
        assert_eq!(header.mode().unwrap() & 0o6000, 0, "set-id bits go");
        paths.push(entry.path().unwrap().to_str().unwrap().trim_end_matches('/').to_owned());
    }
    assert!(paths.is_sorted() && paths.contains(&"usr/bin/hello".to_owned()), "{paths:?}");
    // A tree that was changed is found out.
    let changed = image.root.join("usr/bin/hello");
    let mut permissions = std::fs::metadata(&changed).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&changed, permissions).unwrap();
    std::fs::write(&changed, "#!/bin/sh\necho jello\n").unwrap();
    let error = image::export_layout(&image, "x", &store, &folder.path().join("again")).unwrap_err();
    assert!(matches!(error, ImageError::TreeChanged { .. }), "{error}");
}

#[test]
fn release_by_an_unknown_key_is_refused() {
    let archive = Archive::small();
    let (_folder, store) = store();
    let stranger = Archive::new(Signer::new(7), &[]);
    let error = resolve(&request(&["hello"]), &stranger.keys(), &archive, &store, &Silent).unwrap_err();
    assert!(
        error.to_string().starts_with(
            "suite bookworm: its Release is not signed by a trusted key: signature by unknown key "
        ),
        "{error}"
    );
    assert_eq!(error.blame(), Blame::Integrity);
    // The real keys do not know the tests' key either.
    assert!(resolve(&request(&[]), &ArchiveKeys::debian().unwrap(), &archive, &store, &Silent).is_err());
    // The key of the one archive does not vouch for the other.
    let mut wrong = request(&["hello"]);
    wrong.suites = vec!["bookworm-security".to_owned()];
    let none = Keyring::read(&[]).unwrap();
    let keys = ArchiveKeys::new(archive.keyring(), none);
    assert!(matches!(resolve(&wrong, &keys, &archive, &store, &Silent), Err(DebianError::Signature { .. })));
}

#[test]
fn release_that_was_changed_or_is_unsigned_is_refused() {
    let (_folder, store) = store();
    let mut archive = Archive::small();
    archive.change("dists/bookworm/InRelease", |text| text.replace("Suite: oldstable", "Suite: newstable"));
    let error = resolved(&archive, &["hello"], &store).unwrap_err();
    assert!(
        error.to_string().contains("bad signature by ") && error.to_string().contains("the text was changed"),
        "{error}"
    );
    archive.change("dists/bookworm/InRelease", |_| "Codename: bookworm\n".to_owned());
    assert!(matches!(resolved(&archive, &["hello"], &store), Err(DebianError::Signature { .. })));
    // Text before or after what is signed is no part of it.
    let mut archive = Archive::small();
    archive.change("dists/bookworm/InRelease", |text| format!("Codename: bookworm\n\n{text}"));
    assert!(matches!(resolved(&archive, &["hello"], &store), Err(DebianError::Signature { .. })));
}

#[test]
fn release_that_expired_or_is_another_suites_is_refused() {
    let (_folder, store) = store();
    let archive = Archive::small();
    let mut late = request(&["hello"]);
    late.now = "2026-08-12T00:00:00Z".parse().unwrap();
    let error = resolve(&late, &archive.keys(), &archive, &store, &Silent).unwrap_err();
    assert_eq!(
        error.to_string(),
        "suite bookworm: its Release was valid until 2026-07-18T10:16:37Z, and it is 2026-08-12T00:00:00Z"
    );
    let mut other = Archive::small();
    other.copy("dists/bookworm/InRelease", "dists/bookworm-updates/InRelease");
    let mut wrong = request(&["hello"]);
    wrong.suites = vec!["bookworm-updates".to_owned()];
    let error = resolve(&wrong, &other.keys(), &other, &store, &Silent).unwrap_err();
    assert_eq!(
        error.to_string(),
        "suite bookworm-updates: the Release names another suite: bookworm, oldstable"
    );
}

#[test]
fn detached_signature_serves_where_there_is_no_inrelease() {
    let (_folder, store) = store();
    let mut archive = Archive::small();
    archive.remove("dists/bookworm/InRelease");
    assert_eq!(resolved(&archive, &["hello"], &store).unwrap().packages.len(), 2);
    archive.change("dists/bookworm/Release", |text| text.replace("yes", "no"));
    let error = resolved(&archive, &["hello"], &store).unwrap_err();
    assert!(error.to_string().contains("bad signature by "), "{error}");
}

#[test]
fn packages_file_that_was_changed_is_refused() {
    let (_folder, store) = store();
    let mut archive = Archive::small();
    let expected = archive.tamper_packages();
    let error = resolved(&archive, &["hello"], &store).unwrap_err();
    let DebianError::Digest { path, expected: told, .. } = &error else { panic!("{error}") };
    assert_eq!((path.as_str(), *told), ("main/binary-amd64/Packages.xz", expected));
    assert_eq!(error.blame(), Blame::Integrity);
}

#[test]
fn a_missing_document_is_told_with_its_path() {
    let (_folder, store) = store();
    let mut archive = Archive::small();
    archive.remove("dists/bookworm/InRelease");
    archive.remove("dists/bookworm/Release");
    let error = resolved(&archive, &["hello"], &store).unwrap_err();
    assert_eq!(error.to_string(), "suite bookworm: cannot get dists/bookworm/InRelease");
}

#[test]
fn a_second_resolution_needs_no_packages_file() {
    let (_folder, store) = store();
    let mut archive = Archive::small();
    let first = resolved(&archive, &["hello"], &store).unwrap();
    archive.tamper_packages();
    assert_eq!(resolved(&archive, &["hello"], &store).unwrap(), first);
}

#[test]
fn what_was_chosen_before_holds_for_the_same_lists_and_wishes_only() {
    let (_folder, store) = store();
    let packages = |archive: &Archive, include: &[&str]| {
        let chosen = resolved(archive, include, &store).unwrap().packages;
        chosen.iter().map(|one| format!("{} {}", one.name, one.version)).collect::<Vec<_>>()
    };
    let base = || Deb::new("base", "1").field("Essential: yes");
    let old = Archive::new(Signer::new(1), &[base(), Deb::new("hello", "1"), Deb::new("other", "1")]);
    let new = Archive::new(Signer::new(1), &[base(), Deb::new("hello", "2"), Deb::new("other", "1")]);
    for _ in 0..2 {
        assert_eq!(packages(&old, &["hello"]), ["base 1", "hello 1"]);
        assert_eq!(packages(&old, &["other"]), ["base 1", "other 1"]);
        assert_eq!(packages(&new, &["hello"]), ["base 1", "hello 2"]);
    }
    // The choice is not read from the lists again: they may be gone.
    std::fs::remove_dir_all(store.path().join("blobs/sha256")).unwrap();
    std::fs::create_dir_all(store.path().join("blobs/sha256")).unwrap();
    assert_eq!(packages(&old, &["hello"]), ["base 1", "hello 1"]);
}

#[test]
fn a_deb_that_was_changed_in_the_store_is_refused() {
    let archive = Archive::small();
    let (_folder, store) = store();
    let inputs = resolved(&archive, &["hello"], &store).unwrap();
    for package in &inputs.packages {
        store.insert(archive.file(&package.path), Some(package.sha256)).unwrap();
    }
    let blob = store.blob_path(&inputs.packages[1].sha256);
    std::fs::remove_file(&blob).unwrap();
    std::fs::write(&blob, b"!<arch>\n").unwrap();
    let error = image::assemble(&inputs, &store, &NoEngine, &Silent, &Cancel::new()).unwrap_err();
    assert_eq!(error.blame(), Blame::Integrity, "{error}");
    // And a missing one, since the wrong one was moved aside.
    let error = image::assemble(&inputs, &store, &NoEngine, &Silent, &Cancel::new()).unwrap_err();
    assert!(matches!(error, ImageError::Store(_)), "{error}");
}

#[test]
fn a_recipe_of_the_future_is_refused() {
    let archive = Archive::small();
    let (_folder, store) = store();
    let mut inputs = resolved(&archive, &["hello"], &store).unwrap();
    inputs.recipe = 2;
    let error = image::assemble(&inputs, &store, &NoEngine, &Silent, &Cancel::new()).unwrap_err();
    assert_eq!(error.to_string(), "image recipe 2 is not known: the newest that this program knows is 1");
}

/// The error of an image with this one package.
fn refusal(deb: Deb) -> String {
    let (_folder, store) = store();
    let archive = Archive::new(Signer::new(1), &[deb]);
    let error = assembled(&archive, &["bad"], &store).unwrap_err();
    assert_eq!(error.blame(), Blame::Integrity);
    told(&error)
}

#[test]
fn hostile_packages_are_refused() {
    let bad = || Deb::new("bad", "1");
    let cases = [
        (
            bad().raw_file("../evil", "x"),
            r#"package bad 1: "../evil" is refused: the path leads out of the image"#,
        ),
        (
            bad().raw_file("./usr/../../evil", "x"),
            r#"package bad 1: "./usr/../../evil" is refused: the path leads out of the image"#,
        ),
        (
            bad().raw_file("/etc/evil", "x"),
            r#"package bad 1: "/etc/evil" is refused: the path leads out of the image"#,
        ),
        (
            bad().link("./usr/out", "../../../etc"),
            r#"package bad 1: "./usr/out" is refused: the link leads out of the image"#,
        ),
        (
            bad().device("./dev/sda"),
            r#"package bad 1: "./dev/sda" is refused: it is neither a file, a folder nor a link"#,
        ),
        (
            bad().hard_link("./usr/out", "../../etc/passwd"),
            r#"package bad 1: "./usr/out" is refused: the path leads out of the image"#,
        ),
        (
            bad().hard_link("./usr/out", "./etc/passwd"),
            r#"package bad 1: "./usr/out" is refused: it is a link to a file that does not come before it"#,
        ),
        (
            bad().file("./a", "1").file("./a", "2"),
            r#"package bad 1: "./a" is refused: it is in the package twice"#,
        ),
        (bad().cut(), "package bad 1: not a Debian package that can be read: "),
    ];
    for (deb, expected) in cases {
        let text = refusal(deb);
        assert!(text.starts_with(expected), "{text}\n{expected}");
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let outside = tempfile::tempdir().unwrap();
    let (_folder, store) = store();
    let link = outside.path().to_str().unwrap();
    let deb = Deb::new("bad", "1").link("./usr/share/x", link).file("./usr/share/x/evil", "evil");
    let error = assembled(&Archive::new(Signer::new(1), &[deb]), &["bad"], &store).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/usr/share/x is a folder in one package and not in another (seen while bad 1 was unpacked)"
    );
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_file_of_two_packages_needs_one_that_replaces_the_other() {
    let (_folder, store) = store();
    let deb = |name: &str, content: &str| Deb::new(name, "1").file("./usr/share/x", content);
    let archive = Archive::new(Signer::new(1), &[deb("a", "1"), deb("b", "2")]);
    let error = assembled(&archive, &["a", "b"], &store).unwrap_err();
    assert_eq!(error.to_string(), "/usr/share/x is in several packages and none replaces the others: a, b");
    // Equal files are no quarrel, and a version in Replaces counts.
    let archive = Archive::new(Signer::new(1), &[deb("a", "1"), deb("b", "1")]);
    assembled(&archive, &["a", "b"], &store).unwrap();
    let old = deb("b", "2").field("Replaces: a (<< 1)");
    assert!(assembled(&Archive::new(Signer::new(1), &[deb("a", "1"), old]), &["a", "b"], &store).is_err());
    let new = deb("b", "2").field("Replaces: a (<< 2)");
    let image = assembled(&Archive::new(Signer::new(1), &[deb("a", "1"), new]), &["a", "b"], &store).unwrap();
    assert_eq!(std::fs::read_to_string(image.root.join("usr/share/x")).unwrap(), "2");
}

#[test]
fn what_cannot_be_resolved_is_told() {
    let (_folder, store) = store();
    let archive = Archive::small();
    let error = resolved(&archive, &["helo"], &store).unwrap_err();
    assert_eq!((error.blame(), error.hints()), (Blame::User, vec!["did you mean hello?".to_owned()]));
    let deb = Deb::new("a", "1").field("Depends: nothing (>= 2)");
    let error = resolved(&Archive::new(Signer::new(1), &[deb]), &["a"], &store).unwrap_err();
    assert_eq!(error.to_string(), "package a 1 depends on nothing (>= 2), which the suites cannot satisfy");
    let quarrel = [Deb::new("a", "1").field("Conflicts: b"), Deb::new("b", "2")];
    let error = resolved(&Archive::new(Signer::new(1), &quarrel), &["a", "b"], &store).unwrap_err();
    assert_eq!(error.to_string(), "package a conflicts with b, and b 2 is wanted too");
}
