//! OCI layouts and archives on disk, and what `docker save` writes.

use std::path::Path;

use sealwright::digest::Sha256;
use sealwright::event::{Cancel, Silent};
use sealwright::oci::{INDEX, MANIFEST};
use serde_json::json;

use super::base::skopeo;
use super::make::{Layer, Made, Packed, Place, descriptor, layout, listed};
use super::registry::Client;

fn small(text: &str) -> Made {
    Made::good(vec![(Layer::new().file("a", text), Packed::Gzip)])
}

fn archive(folder: &Path, to: &Path) {
    let mut tar = tar::Builder::new(std::fs::File::create(to).unwrap());
    tar.append_dir_all(".", folder).unwrap();
    tar.finish().unwrap();
}

#[test]
fn a_layout_and_an_archive_of_it_give_the_same_image() {
    let (place, image) = (Place::new(), small("x"));
    image.layout(&place.join("images/base"), "1.2");
    archive(&place.join("images/base"), &place.join("base.tar"));
    for reference in [
        "oci-layout:images/base:1.2",
        "oci-layout:images/base",
        "oci-archive:base.tar:1.2",
        "oci-archive:base.tar",
    ] {
        let fresh = Place::new();
        let mut client = Client::new(&fresh);
        client.folder = place.temp.path().to_owned();
        let pinned = client.pull(reference).unwrap();
        assert_eq!(
            (*pinned.digest(), pinned.layers()),
            (image.digest(), image.layers().as_slice()),
            "{reference}"
        );
        let made = image.unpack(&fresh.store, sealwright::image::PullLimits::default(), &Silent).unwrap();
        assert_eq!(listed(&made.root), ["a: x"]);
    }
}

#[test]
fn names_and_platforms_choose_and_what_is_not_there_is_told() {
    let (place, one, two) = (Place::new(), small("1"), small("2"));
    let entry = |image: &Made, name: &str, architecture: &str| {
        let mut entry = descriptor(MANIFEST, &image.manifest);
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        entry["platform"] = json!({ "os": "linux", "architecture": architecture });
        entry
    };
    layout(
        &place.join("l"),
        &[&one, &two],
        &[
            entry(&one, "a", "amd64"),
            entry(&two, "b", "amd64"),
            entry(&two, "c", "arm64"),
            entry(&one, "c", "amd64"),
        ],
    );
    let client = Client::new(&place);
    assert_eq!(*client.pull("oci-layout:l:b").unwrap().digest(), two.digest());
    assert_eq!(*client.pull("oci-layout:l:c").unwrap().digest(), one.digest());
    let folder = place.join("l").display().to_string();
    assert_eq!(
        client.failure("oci-layout:l:d"),
        (format!("image oci-layout:l:d: {folder} holds no image named \"d\" (there are a, b, c, c)"), 2)
    );
    let (message, code) = client.failure("oci-layout:nowhere");
    assert!(message.starts_with("image oci-layout:nowhere: cannot read "), "{message}");
    assert_eq!(code, 2);
    std::fs::write(place.join("text.tar"), "x".repeat(2000)).unwrap();
    let (message, code) = client.failure("oci-archive:text.tar");
    assert!(message.contains("is no OCI layout that can be read"), "{message}");
    assert_eq!(code, 2);
}

#[test]
fn a_nested_index_is_followed_and_recorded() {
    let (place, image) = (Place::new(), small("x"));
    let mut entry = descriptor(MANIFEST, &image.manifest);
    entry["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] }).to_string();
    let list = Made { manifest: index.clone().into_bytes(), blobs: Vec::new() };
    let mut top = descriptor(INDEX, index.as_bytes());
    top["annotations"] = json!({ "org.opencontainers.image.ref.name": "1" });
    layout(&place.join("l"), &[&image, &list], &[top]);
    let pinned = Client::new(&place).pull("oci-layout:l:1").unwrap();
    assert_eq!((*pinned.digest(), pinned.index()), (image.digest(), Some(&Sha256::of(index))));
}

#[test]
fn a_blob_that_was_changed_is_refused() {
    let (place, image) = (Place::new(), small("x"));
    image.layout(&place.join("l"), "1");
    let layer = image.layers()[1].digest;
    std::fs::write(place.join("l/blobs/sha256").join(layer.to_hex()), "evil").unwrap();
    let (message, code) = Client::new(&place).failure("oci-layout:l");
    let blob = place.join("l/blobs/sha256").join(layer.to_hex());
    assert_eq!(
        message,
        format!(
            "image oci-layout:l: {} is not what it was named as: expected sha256 {layer}, got {}",
            blob.display(),
            Sha256::of("evil")
        )
    );
    assert_eq!(code, 3);
    assert!(!place.store.has(&layer));
}

#[test]
fn a_layout_that_was_replaced_since_it_was_locked_is_told() {
    let (place, image) = (Place::new(), small("x"));
    image.layout(&place.join("l"), "1");
    let fresh = Place::new();
    let mut client = Client::new(&place);
    let locked = client.pull("oci-layout:l").unwrap().locked("/usr/bin/python3.11", "2.36");
    std::fs::remove_dir_all(place.join("l")).unwrap();
    small("y").layout(&place.join("l"), "1");
    client.place = &fresh;
    client.folder = place.temp.path().to_owned();
    let error = client.fetcher().image_blobs(&locked, &Silent, &Cancel::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "image oci-layout:l: what is there now is not the locked image: blob sha256 {} is not in it",
            image.digest()
        )
    );
}

/// What Docker before version 25 writes: the same layer twice is written once, the second is a link.
#[test]
fn an_archive_of_docker_save_is_converted_the_same_each_time() {
    let place = Place::new();
    let layer = Layer::new().file("a", "x").tar();
    let digest = Sha256::of(&layer);
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [digest.to_oci(), digest.to_oci()] },
    })
    .to_string();
    let manifest =
        json!([{ "Config": "c.json", "RepoTags": ["x:1"], "Layers": ["one/layer.tar", "two/layer.tar"] }]);
    let mut tar = tar::Builder::new(std::fs::File::create(place.join("saved.tar")).unwrap());
    for (name, bytes) in [
        ("c.json", config.as_bytes()),
        ("one/layer.tar", &layer),
        ("manifest.json", manifest.to_string().as_bytes()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes).unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "two/layer.tar", "../one/layer.tar").unwrap();
    tar.finish().unwrap();
    let client = Client::new(&place);
    let pinned = client.pull("oci-archive:saved.tar").unwrap();
    assert_eq!(
        pinned.layers().iter().map(|layer| layer.digest).collect::<Vec<_>>(),
        [Sha256::of(&config), digest, digest]
    );
    let fresh = Place::new();
    let mut other = Client::new(&fresh);
    other.folder = place.temp.path().to_owned();
    // From a lock alone the same conversion brings the same blobs.
    let locked = pinned.locked("/usr/bin/python3.11", "2.36");
    other.fetcher().image_blobs(&locked, &Silent, &Cancel::new()).unwrap();
    assert!(fresh.store.has(pinned.digest()));
}

/// skopeo reads what we write and writes what we read.
#[test]
fn skopeo_s_layouts_and_archives_are_read() {
    let (place, image) = (Place::new(), small("x"));
    image.layout(&place.join("l"), "1");
    let (from, layout, archive) =
        (format!("oci:{}:1", place.join("l").display()), place.join("copied"), place.join("copied.tar"));
    for to in [format!("oci:{}:1", layout.display()), format!("oci-archive:{}:1", archive.display())] {
        if let Err(reason) = skopeo(&["copy", &from, &to]) {
            skipped!("{reason}");
        }
    }
    for reference in ["oci-layout:copied:1", "oci-archive:copied.tar:1"] {
        assert_eq!(*Client::new(&place).pull(reference).unwrap().digest(), image.digest(), "{reference}");
    }
}
