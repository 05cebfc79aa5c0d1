//! What layers make together, and that other programs agree.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use sealwright::event::Silent;
use sealwright::image::PullLimits;
use sealwright::store::TreeKind;
use tar::EntryType;

use super::make::{Layer, Made, Packed, Place, listed};

#[test]
fn layers_of_every_compression_are_laid_over_each_other() {
    let image = Made::good(vec![
        (
            Layer::new()
                .folder("usr/")
                .file("usr/kept", "1")
                .file("usr/gone", "2")
                .file("usr/new", "3")
                .file("old/a", "4"),
            Packed::Plain,
        ),
        (
            Layer::new()
                .file("usr/.wh.gone", "")
                .file("usr/new", "5")
                .file("old/.wh..wh..opq", "")
                .file("old/b", "6"),
            Packed::Gzip,
        ),
        (Layer::new().file(".wh..wh.plnk", "x").link("lib", "usr").file("lib/through", "7"), Packed::Zstd),
    ]);
    let place = Place::new();
    let made = image.unpack(&place.store, PullLimits::default(), &Silent).unwrap();
    assert_eq!(
        listed(&made.root),
        ["lib -> usr", "old/", "old/b: 6", "usr/", "usr/kept: 1", "usr/new: 5", "usr/through: 7"]
    );
    assert_eq!(made.digest, image.digest());
    let tree = place.store.tree(TreeKind::Image, &made.digest).unwrap().unwrap();
    // The manifest and every blob stay as long as the tree.
    assert_eq!(tree.uses.len(), 5);
    let again = image.unpack(&place.store, PullLimits::default(), &Silent).unwrap();
    assert_eq!(again, made);
}

#[test]
fn hard_links_are_one_file_also_across_layers() {
    let image = Made::good(vec![
        (Layer::new().file("a", "x").same("b", "a").file("d/c", "y").link("link", "a"), Packed::Gzip),
        (Layer::new().same("e", "/d/c").same("copy", "link").file("a", "new"), Packed::Gzip),
    ]);
    let place = Place::new();
    let made = image.unpack(&place.store, PullLimits::default(), &Silent).unwrap();
    let list = ["a: new", "b: x", "copy -> a", "d/", "d/c: y", "e: y", "link -> a"];
    assert_eq!(listed(&made.root), list);
    let inode = |path: &str| std::fs::metadata(made.root.join(path)).unwrap().ino();
    assert_eq!(inode("d/c"), inode("e"));
    assert_ne!(inode("a"), inode("b"));
}

#[test]
fn times_of_files_are_kept_since_byte_code_names_them() {
    let image = Made::good(vec![(
        Layer::new().folder("d").file("d/a.py", "x").raw(EntryType::Regular, "late", "", 0o644, b""),
        Packed::Plain,
    )]);
    let place = Place::new();
    let made = image.unpack(&place.store, PullLimits::default(), &Silent).unwrap();
    for path in ["d", "d/a.py"] {
        assert_eq!(std::fs::metadata(made.root.join(path)).unwrap().mtime(), 1_600_000_000, "{path}");
    }
}

#[test]
fn names_that_are_no_text_are_kept() {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..2].copy_from_slice(b"a\xff");
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_size(0);
    header.set_cksum();
    tar.append(&header, std::io::empty()).unwrap();
    let tar = tar.into_inner().unwrap();
    let digest = sealwright::digest::Sha256::of(&tar);
    let place = Place::new();
    let made = Made::of(vec![(tar, Packed::Plain, digest)])
        .unpack(&place.store, PullLimits::default(), &Silent)
        .unwrap();
    let name = std::fs::read_dir(&made.root).unwrap().next().unwrap().unwrap().file_name();
    assert_eq!(name.as_encoded_bytes(), b"a\xff");
}

/// Without whiteouts, unpacking is what `tar` does with each layer in turn.
#[test]
fn tar_agrees() {
    let place = Place::new();
    let out = place.join("out");
    std::fs::create_dir(&out).unwrap();
    let layers = || {
        let long = "long/".repeat(17) + "name";
        vec![
            Layer::new()
                .folder("a")
                .file("a/x", "1")
                .program("a/run", 0o755)
                .link("b", "a/x")
                .same("c", "a/x"),
            Layer::new().file("a/x", "2").file(&long, "3").link("b", "nowhere"),
        ]
    };
    for layer in layers() {
        let archive = place.join("layer.tar");
        std::fs::write(&archive, layer.tar()).unwrap();
        let status = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&out).status();
        if !status.is_ok_and(|status| status.success()) {
            skipped!("no tar here");
        }
    }
    let image = Made::good(layers().into_iter().map(|layer| (layer, Packed::Gzip)).collect());
    let made = image.unpack(&place.store, PullLimits::default(), &Silent).unwrap();
    assert_eq!(listed(&made.root), listed(&out));
}

#[test]
fn two_processes_unpack_it_once() {
    let image = Made::good(vec![(Layer::new().file("a", "x"), Packed::Gzip)]);
    let place = Place::new();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| image.unpack(&place.store, PullLimits::default(), &Silent).unwrap()))
            .collect();
        let mut made: Vec<_> = runs.into_iter().map(|run| run.join().unwrap()).collect();
        made.dedup();
        assert_eq!(made.len(), 1);
    });
}
