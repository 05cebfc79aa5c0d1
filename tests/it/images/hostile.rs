//! Layers that somebody made to do harm, or that are broken: each is refused with its own message, or does none.

use std::os::unix::fs::PermissionsExt;

use sealwright::digest::Sha256;
use sealwright::error::{Blame, Fault};
use sealwright::event::Silent;
use sealwright::image::PullLimits;
use tar::EntryType;

use super::make::{Layer, Made, Notes, Packed, Place, listed, pack};

/// The message that an image is refused with, without its layer's digest; nothing of it is in the store.
fn refusal(image: &Made) -> String {
    refusal_within(image, PullLimits::default())
}

fn refusal_within(image: &Made, limits: PullLimits) -> String {
    let place = Place::new();
    let error = image.unpack(&place.store, limits, &Silent).unwrap_err();
    assert_eq!(error.blame(), Blame::Integrity, "{error}");
    assert!(!error.hints().is_empty());
    assert!(place.is_clean(), "something is left in {}", place.store.path().display());
    let mut text = error.to_string();
    for (number, layer) in image.layers().iter().enumerate() {
        text = text.replace(&layer.digest.to_hex(), &format!("[{number}]"));
    }
    text
}

fn of(layer: Layer) -> Made {
    Made::good(vec![(layer, Packed::Gzip)])
}

fn contents(image: &Made) -> Vec<String> {
    let place = Place::new();
    listed(&image.unpack(&place.store, PullLimits::default(), &Silent).unwrap().root)
}

#[test]
fn a_path_that_leads_out_is_refused() {
    for path in ["../evil", "a/../../evil", "a/../b", "./..", "/../evil"] {
        assert_eq!(
            refusal(&of(Layer::new().file(path, "x"))),
            format!("layer [1]: {path:?} is refused: its path leads out of the image")
        );
    }
}

#[test]
fn an_absolute_path_is_one_of_the_image() {
    assert_eq!(contents(&of(Layer::new().file("/etc/passwd", "x"))), ["etc/", "etc/passwd: x"]);
}

#[test]
fn a_link_out_of_the_image_leads_back_into_it() {
    let place = Place::new();
    let outside = place.join("outside");
    std::fs::create_dir(&outside).unwrap();
    let absolute = outside.display().to_string();
    let image = of(Layer::new()
        .link("absolute", &absolute)
        .file("absolute/evil", "1")
        .link("up", "../../../../../../../../..")
        .file("up/evil", "2"));
    let made = image.unpack(&place.store, PullLimits::default(), &Silent).unwrap();
    assert_eq!(listed(&outside), [] as [&str; 0]);
    let list = listed(&made.root);
    assert!(list.contains(&"evil: 2".to_owned()), "{list:?}");
    assert!(list.contains(&format!("{}/evil: 1", &absolute[1..])), "{list:?}");
}

#[test]
fn a_link_of_a_lower_layer_leads_nowhere_else_either() {
    let place = Place::new();
    let outside = place.join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("victim"), "safe").unwrap();
    let (link, below) = (outside.display().to_string(), Layer::new());
    let image = Made::good(vec![
        (below.link("out", &link), Packed::Plain),
        (Layer::new().file("out/victim", "evil").file("out/.wh.other", ""), Packed::Plain),
        (Layer::new().file("out/.wh..wh..opq", ""), Packed::Plain),
    ]);
    image.unpack(&place.store, PullLimits::default(), &Silent).unwrap();
    assert_eq!(listed(&outside), ["victim: safe"]);
}

#[test]
fn a_hard_link_out_of_the_image_is_refused() {
    assert_eq!(
        refusal(&of(Layer::new().same("evil", "../../etc/passwd"))),
        "layer [1]: \"evil\" is refused: it is a hard link to a path that leads out of the image"
    );
}

#[test]
fn a_hard_link_to_a_file_of_the_host_is_one_to_nothing() {
    let message = "layer [1]: \"evil\" is refused: it is a hard link to a file that is not there";
    assert_eq!(refusal(&of(Layer::new().same("evil", "/etc/passwd"))), message);
    assert_eq!(refusal(&of(Layer::new().link("out", "/").same("evil", "out/etc/passwd"))), message);
}

#[test]
fn a_hard_link_to_a_folder_or_to_itself_is_refused() {
    assert_eq!(
        refusal(&of(Layer::new().folder("a").same("b", "a"))),
        "layer [1]: \"b\" is refused: it is a hard link to a folder"
    );
    assert_eq!(
        refusal(&of(Layer::new().same("b", "b"))),
        "layer [1]: \"b\" is refused: it is a hard link to a file that is not there"
    );
}

#[test]
fn links_in_a_circle_are_refused() {
    assert_eq!(
        refusal(&of(Layer::new().link("a", "b").link("b", "a").file("a/x", "x"))),
        "layer [1]: \"a/x\" is refused: the links in its path lead in a circle"
    );
}

#[test]
fn a_link_to_nothing_at_all_is_refused() {
    assert_eq!(
        refusal(&of(Layer::new().link("a", ""))),
        "layer [1]: \"a\" is refused: its target is none that a link can have"
    );
}

#[test]
fn a_path_below_a_file_is_refused() {
    assert_eq!(
        refusal(&of(Layer::new().file("a", "x").file("a/b", "x"))),
        "layer [1]: \"a/b\" is refused: it lies below something that is no folder"
    );
}

#[test]
fn a_root_that_is_no_folder_is_refused() {
    for layer in [Layer::new().link("/", "/tmp"), Layer::new().file("./", "x").link(".", "x")] {
        let message = refusal(&of(layer));
        assert!(message.ends_with("is refused: the image's root can only be a folder"), "{message}");
    }
}

#[test]
fn a_whiteout_of_nothing_is_refused() {
    for path in [".wh.", "a/.wh..", ".wh..."] {
        assert_eq!(
            refusal(&of(Layer::new().file(path, ""))),
            format!("layer [1]: {path:?} is refused: it is a whiteout that names nothing")
        );
    }
}

#[test]
fn a_name_that_no_file_has_is_refused() {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    tar.append_data(&mut header, "x".repeat(300), std::io::empty()).unwrap();
    let tar = tar.into_inner().unwrap();
    let image = Made::of(vec![(tar.clone(), Packed::Plain, Sha256::of(&tar))]);
    let message = refusal(&image);
    assert!(message.ends_with("is refused: its path is none that a file can have"), "{message}");
}

#[test]
fn folders_deeper_than_any_host_takes_are_refused() {
    let deep = "d/".repeat(45);
    let mut layer = Layer::new();
    // Each link makes the next path longer than a layer could write it.
    for number in 0..8 {
        let above = if number == 0 { String::new() } else { format!("l{}/", number - 1) };
        layer = layer.folder(&format!("{above}{deep}"));
        layer = layer.link(&format!("l{number}"), &format!("{above}{deep}"));
    }
    let message = refusal(&of(layer));
    assert!(message.ends_with("is refused: its path is none that a file can have"), "{message}");
}

#[test]
fn devices_and_pipes_are_left_out_and_said() {
    let image = of(Layer::new()
        .raw(EntryType::Char, "dev/mem", "", 0o666, b"")
        .raw(EntryType::Block, "dev/sda", "", 0o666, b"")
        .raw(EntryType::Fifo, "run/pipe", "", 0o666, b"")
        .file("a", "x"));
    let (place, notes) = (Place::new(), Notes::default());
    let made = image.unpack(&place.store, PullLimits::default(), &notes).unwrap();
    assert_eq!(listed(&made.root), ["a: x"]);
    assert_eq!(notes.all(), ["host.example/x:1: 3 devices and pipes are left out: the box has its own"]);
}

#[test]
fn kinds_that_nobody_knows_are_refused() {
    assert_eq!(
        refusal(&of(Layer::new().raw(EntryType::new(b'Z'), "a", "", 0o644, b""))),
        "layer [1]: \"a\" is refused: it is of a kind that is not known (tar type 'Z')"
    );
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_pax_extensions([("GNU.sparse.major", b"1".as_slice())]).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    tar.append_data(&mut header, "a", std::io::empty()).unwrap();
    let tar = tar.into_inner().unwrap();
    assert_eq!(
        refusal(&Made::of(vec![(tar.clone(), Packed::Plain, Sha256::of(&tar))])),
        "layer [1]: \"a\" is refused: it is of a kind that is not known (sparse file in PAX form)"
    );
}

#[test]
fn set_id_bits_and_owners_are_dropped() {
    let place = Place::new();
    let image = of(Layer::new().program("su", 0o6755).raw(EntryType::Regular, "sgid", "", 0o2644, b"x"));
    let made = image.unpack(&place.store, PullLimits::default(), &Silent).unwrap();
    let bits = |name: &str| std::fs::metadata(made.root.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((bits("su"), bits("sgid"), bits(".")), (0o555, 0o444, 0o555));
}

#[test]
fn another_content_than_the_configuration_says_is_refused() {
    let (tar, other) = (Layer::new().file("a", "x").tar(), Sha256::of("other"));
    for packed in [Packed::Plain, Packed::Gzip, Packed::Zstd] {
        let actual = Sha256::of(&tar);
        let image = Made::of(vec![(pack(&tar, packed), packed, other)]);
        let place = Place::new();
        let error = image.unpack(&place.store, PullLimits::default(), &Silent).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "layer {} unpacks to other content than the image's configuration says: expected {other}, got {actual}",
                image.layers()[1].digest
            )
        );
        assert!(place.is_clean());
    }
}

#[test]
fn what_follows_the_end_of_the_archive_is_part_of_its_digest() {
    let mut tar = Layer::new().file("a", "x").tar();
    let honest = Sha256::of(&tar);
    tar.extend_from_slice(b"more");
    let message = refusal(&Made::of(vec![(pack(&tar, Packed::Gzip), Packed::Gzip, honest)]));
    assert!(message.contains("unpacks to other content"), "{message}");
    contents(&Made::of(vec![(pack(&tar, Packed::Gzip), Packed::Gzip, Sha256::of(&tar))]));
}

#[test]
fn broken_compression_and_broken_archives_are_refused() {
    let tar = Layer::new().file("a", &"x".repeat(5000)).tar();
    let digest = Sha256::of(&tar);
    for packed in [Packed::Gzip, Packed::Zstd] {
        let whole = pack(&tar, packed);
        for broken in [whole[..whole.len() / 2].to_vec(), [&whole[..10], &[0xff; 40]].concat()] {
            let message = refusal(&Made::of(vec![(broken, packed, digest)]));
            assert!(message.starts_with("layer [1] cannot be unpacked: "), "{message}");
        }
    }
    let cut = tar[..1000].to_vec();
    let message = refusal(&Made::of(vec![(cut.clone(), Packed::Plain, Sha256::of(&cut))]));
    assert!(message.starts_with("layer [1] cannot be unpacked: "), "{message}");
    let noise = vec![b'n'; 2048];
    let message = refusal(&Made::of(vec![(noise.clone(), Packed::Plain, Sha256::of(&noise))]));
    assert!(message.starts_with("layer [1] cannot be unpacked: "), "{message}");
}

#[test]
fn a_bomb_is_refused_before_it_fills_the_disk() {
    let bomb = of(Layer::new().file("zeros", &"\0".repeat(8 << 20)));
    assert!(bomb.blobs[1].1.len() < 100_000);
    let limits = PullLimits { bytes: 1 << 20, ..PullLimits::default() };
    assert_eq!(refusal_within(&bomb, limits), "layer [1] holds more than 1048576 bytes");
    let many = (0..20).fold(Layer::new(), |layer, number| layer.folder(&number.to_string()));
    let limits = PullLimits { entries: 10, ..PullLimits::default() };
    assert_eq!(refusal_within(&of(many), limits), "layer [1] holds more than 10 entries");
}

#[test]
fn a_lock_that_names_other_blobs_than_the_manifest_is_refused() {
    let place = Place::new();
    let image = Made::good(vec![(Layer::new().file("a", "x"), Packed::Plain)]);
    let evil = Made::good(vec![(Layer::new().file("a", "evil"), Packed::Plain)]);
    let mixed = Made { manifest: image.manifest.clone(), blobs: evil.blobs };
    let error = mixed.unpack(&place.store, PullLimits::default(), &Silent).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("image host.example/x:1: the lock names other blobs than manifest {} does", image.digest())
    );
    assert_eq!(error.blame(), Blame::Integrity);
}

#[test]
fn a_configuration_of_other_layers_is_refused() {
    let good = Made::good(vec![(Layer::new().file("a", "x"), Packed::Plain)]);
    let mut blobs = good.blobs.clone();
    let again = blobs[1].clone();
    blobs.push(again);
    let error = {
        let place = Place::new();
        Made::with_blobs(blobs).unpack(&place.store, PullLimits::default(), &Silent).unwrap_err()
    };
    assert_eq!(error.to_string(), "image host.example/x:1: its configuration names 1 layers, its manifest 2");
}
