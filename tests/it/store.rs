//! The store from outside: tampering, several threads and processes at once, dead processes, a full disk, gc.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::Duration;

use sealwright::digest::Sha256;
use sealwright::error::{Blame, Fault};
use sealwright::event::{Cancel, Event, Reporter, Silent};
use sealwright::store::{DryRun, GcOptions, RootUses, Store, StoreError, TreeKind};

fn store() -> (tempfile::TempDir, Store) {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::open(&temp.path().join("store")).unwrap();
    (temp, store)
}

/// Every regular file below a folder.
fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn overwrite(path: &Path, text: &str) {
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o444)).unwrap();
}

#[test]
fn blobs_come_back_as_they_were_and_cannot_be_written() {
    let (_temp, store) = store();
    let blob = store.insert(&b"hello"[..], None).unwrap();
    assert_eq!((blob.digest, blob.size), (Sha256::of("hello"), 5));
    assert!(store.has(&blob.digest));
    assert_eq!(store.read(&blob.digest).unwrap(), b"hello");
    let mut text = String::new();
    let mut file = store.open_blob(&blob.digest).unwrap();
    assert_eq!(file.size(), 5);
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    let mode = fs::metadata(store.blob_path(&blob.digest)).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o444);
    assert_eq!(fs::metadata(store.path()).unwrap().permissions().mode() & 0o7777, 0o700);
    assert!(matches!(store.read(&Sha256::of("other")), Err(StoreError::Missing { .. })));
    // The same again is the same blob.
    assert_eq!(store.insert(&b"hello"[..], Some(blob.digest)).unwrap(), blob);
}

#[test]
fn another_digest_than_expected_leaves_nothing() {
    let (_temp, store) = store();
    let expected = Sha256::of("expected");
    let error = store.insert(&b"other"[..], Some(expected)).unwrap_err();
    assert_eq!(error.blame(), Blame::Integrity);
    assert_eq!(
        error.to_string(),
        format!("expected sha256 {expected}, got {} (5 bytes): not stored", Sha256::of("other"))
    );
    let mut dropped = store.writer().unwrap();
    dropped.write_all(b"half of it").unwrap();
    drop(dropped);
    assert!(!store.has(&expected));
    assert!(files(&store.path().join("blobs")).is_empty());
    drop(store.scratch("x").unwrap());
    assert!(
        files(&store.path().join("tmp")).iter().all(|path| path.extension().is_some_and(|e| e == "lock"))
    );
}

#[test]
fn a_tampered_blob_is_refused_moved_aside_and_mended() {
    let (_temp, store) = store();
    for way in ["read", "open"] {
        let digest = store.insert(&b"hello"[..], None).unwrap().digest;
        overwrite(&store.blob_path(&digest), "hacked");
        let error = match way {
            "read" => store.read(&digest).unwrap_err(),
            _ => store.open_blob(&digest).unwrap_err(),
        };
        assert_eq!(error.blame(), Blame::Integrity);
        assert_eq!(error.blame().exit_code(), 3);
        let path = store.blob_path(&digest);
        assert_eq!(
            error.to_string(),
            format!(
                "{} in the store is damaged: expected sha256 {digest}, got {}",
                path.display(),
                Sha256::of("hacked")
            )
        );
        assert_eq!(error.hints()[0], "run `sealwright fetch`: it is fetched again");
        assert!(!store.has(&digest));
        let StoreError::Damaged { moved_to, .. } = error else { panic!("{error}") };
        assert_eq!(fs::read_to_string(moved_to).unwrap(), "hacked");
    }
    let digest = store.insert(&b"hello"[..], None).unwrap().digest;
    assert_eq!(store.read(&digest).unwrap(), b"hello");
}

fn fill(root: &Path) {
    fs::create_dir_all(root.join("usr/bin")).unwrap();
    fs::write(root.join("usr/bin/tool"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(root.join("usr/bin/tool"), Permissions::from_mode(0o700)).unwrap();
    fs::write(root.join("usr/data"), "data").unwrap();
    fs::hard_link(root.join("usr/data"), root.join("usr/again")).unwrap();
    symlink("usr/bin", root.join("bin")).unwrap();
    fs::create_dir(root.join("closed")).unwrap();
    fs::set_permissions(root.join("closed"), Permissions::from_mode(0o500)).unwrap();
}

#[test]
fn trees_are_read_only_written_once_and_named_by_what_they_hold() {
    let (_temp, store) = store();
    let (key, other) = (Sha256::of("key"), Sha256::of("other"));
    assert_eq!(store.tree(TreeKind::Image, &key).unwrap(), None);
    let (first, second) =
        (store.new_tree(TreeKind::Image, &key).unwrap(), store.new_tree(TreeKind::Image, &key).unwrap());
    fill(first.path());
    fill(second.path());
    fs::write(second.path().join("more"), "x").unwrap();
    let tree = first.commit(&[other]).unwrap();
    assert_eq!((tree.files, tree.bytes, tree.uses.clone()), (3, 18, vec![other]));
    // Who comes second gets the first one's tree.
    assert_eq!(second.commit(&[]).unwrap(), tree);
    assert_eq!(store.tree(TreeKind::Image, &key).unwrap().unwrap(), tree);
    assert_eq!(store.tree(TreeKind::Environment, &key).unwrap(), None);
    let mode = |path: &str| fs::symlink_metadata(tree.path.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (mode(""), mode("closed"), mode("usr/bin/tool"), mode("usr/data")),
        (0o555, 0o555, 0o555, 0o444)
    );
    // Times and modes that are set anyway change nothing.
    let same = store.new_tree(TreeKind::Environment, &key).unwrap();
    fill(same.path());
    fs::set_permissions(same.path().join("usr/data"), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(same.commit(&[]).unwrap().digest, tree.digest);
    let different = store.new_tree(TreeKind::Environment, &other).unwrap();
    fill(different.path());
    fs::rename(different.path().join("usr/data"), different.path().join("usr/date")).unwrap();
    assert_ne!(different.commit(&[]).unwrap().digest, tree.digest);
}

#[test]
fn a_tree_holds_no_sockets_and_pipes() {
    let (_temp, store) = store();
    let tree = store.new_tree(TreeKind::Image, &Sha256::of("x")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(tree.path().join("s")).unwrap();
    let error = tree.commit(&[]).unwrap_err();
    assert!(error.to_string().ends_with("is a socket: only files, folders and symbolic links are stored"));
    assert!(files(&store.path().join("trees")).is_empty());
}

#[test]
fn verify_names_everything_that_is_damaged_and_the_next_time_nothing() {
    let (_temp, store) = store();
    let blob = store.insert(&b"blob"[..], None).unwrap().digest;
    store.insert(&b"good"[..], None).unwrap();
    let tree = |name: &str, damage: &dyn Fn(&Path)| {
        let builder = store.new_tree(TreeKind::Image, &Sha256::of(name)).unwrap();
        fill(builder.path());
        let tree = builder.commit(&[]).unwrap();
        let usr = tree.path.join("usr");
        fs::set_permissions(&usr, Permissions::from_mode(0o755)).unwrap();
        damage(&tree.path);
        fs::set_permissions(&usr, Permissions::from_mode(0o555)).unwrap();
    };
    tree("good", &|_| {});
    tree("content", &|root| overwrite(&root.join("usr/data"), "DATA"));
    tree("added", &|root| fs::write(root.join("usr/new"), "").unwrap());
    tree("removed", &|root| fs::remove_file(root.join("usr/again")).unwrap());
    tree("mode", &|root| {
        fs::set_permissions(root.join("usr/data"), Permissions::from_mode(0o555)).unwrap();
    });
    tree("meta", &|root| fs::write(root.parent().unwrap().join("tree.json"), "{}").unwrap());
    store.set_action(&Sha256::of("a"), b"{}", &[]).unwrap();
    let actions = store.path().join("actions");
    let mut text = fs::read(actions.join(Sha256::of("a").to_hex())).unwrap();
    *text.last_mut().unwrap() = b']';
    fs::write(actions.join(Sha256::of("a").to_hex()), text).unwrap();
    overwrite(&store.blob_path(&blob), "BLOB");
    let report = store.verify(&Silent, &Cancel::new()).unwrap();
    assert_eq!((report.blobs, report.trees, report.actions), (2, 6, 1));
    let mut found: Vec<&str> = report.damaged.iter().map(|damage| damage.what).collect();
    found.sort_unstable();
    assert_eq!(found, ["action", "blob", "image", "image", "image", "image", "image"]);
    let damage = report.damaged.iter().find(|damage| damage.what == "blob").unwrap();
    assert_eq!((damage.expected, damage.actual), (Some(blob), Some(Sha256::of("BLOB"))));
    assert!(damage.remedy.contains("sealwright fetch"));
    assert!(!store.has(&blob));
    let report = store.verify(&Silent, &Cancel::new()).unwrap();
    assert!(report.damaged.is_empty(), "{report:?}");
    assert_eq!((report.blobs, report.trees), (1, 1));
}

#[test]
fn a_tree_of_another_boot_is_rehashed_once() {
    let (_temp, store) = store();
    for damaged in [false, true] {
        let key = Sha256::of(format!("{damaged}"));
        let builder = store.new_tree(TreeKind::Image, &key).unwrap();
        fill(builder.path());
        let tree = builder.commit(&[]).unwrap();
        let folder = tree.path.parent().unwrap();
        let meta = folder.join("tree.json");
        let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&meta).unwrap()).unwrap();
        json["boot"] = "another".into();
        fs::write(&meta, json.to_string()).unwrap();
        if damaged {
            // What a power loss leaves of a file that was never written out.
            overwrite(&tree.path.join("usr/data"), "");
            assert_eq!(store.tree(TreeKind::Image, &key).unwrap(), None);
            assert!(!folder.exists());
        } else {
            assert_eq!(store.tree(TreeKind::Image, &key).unwrap().unwrap(), tree);
            overwrite(&tree.path.join("usr/data"), "not looked at");
            assert_eq!(store.tree(TreeKind::Image, &key).unwrap().unwrap(), tree);
        }
    }
}

const NOW: GcOptions =
    GcOptions { keep_younger: Duration::ZERO, wait: Duration::from_millis(100), dry_run: DryRun::No };

#[test]
fn gc_keeps_what_living_roots_reach_and_counts_the_rest() {
    let (temp, store) = store();
    let insert = |text: &str| store.insert(text.as_bytes(), None).unwrap().digest;
    let [named, by_tree, by_action, lost, of_dead] =
        ["named", "by tree", "by action", "lost", "of dead"].map(insert);
    let tree = |name: &str, uses: &[Sha256]| {
        let builder = store.new_tree(TreeKind::Environment, &Sha256::of(name)).unwrap();
        fill(builder.path());
        builder.commit(uses).unwrap().key
    };
    let (kept_tree, lost_tree) = (tree("kept", &[by_tree]), tree("lost", &[]));
    store.set_action(&Sha256::of("action"), b"{}", &[by_action]).unwrap();
    store.set_action(&Sha256::of("lost"), b"{}", &[lost]).unwrap();
    let lock = temp.path().join("sealwright.lock");
    let dead = temp.path().join("gone.lock");
    fs::write(&lock, "").unwrap();
    let uses = RootUses {
        blobs: BTreeSet::from([named]),
        trees: BTreeSet::from([kept_tree]),
        actions: BTreeSet::from([Sha256::of("action")]),
    };
    store.set_root("lock", &lock, &uses).unwrap();
    store.set_root("lock", &lock, &uses).unwrap();
    let uses = RootUses { blobs: BTreeSet::from([of_dead]), ..RootUses::default() };
    store.set_root("lock", &dead, &uses).unwrap();
    let listing = store.list().unwrap();
    assert_eq!((listing.blobs.len(), listing.trees.len(), listing.actions.len()), (5, 2, 2));
    assert_eq!(listing.roots.iter().map(|root| root.alive).collect::<Vec<_>>(), [false, true]);

    let young = store.gc(GcOptions { keep_younger: Duration::from_hours(1), ..NOW }).unwrap();
    assert_eq!((young.blobs, young.trees, young.actions, young.roots), (0, 0, 0, 1));
    let dry = store.gc(GcOptions { dry_run: DryRun::Yes, ..NOW }).unwrap();
    assert_eq!((dry.blobs, dry.trees, dry.actions), (2, 1, 1));
    assert!(store.has(&lost));
    let report = store.gc(NOW).unwrap();
    assert_eq!((report.blobs, report.trees, report.actions), (2, 1, 1));
    assert_eq!(report.bytes, dry.bytes);
    assert!(report.bytes >= 18 + 4 + 7 && report.kept_bytes >= 18 + 5 + 7 + 9, "{report:?}");
    for (digest, there) in
        [(named, true), (by_tree, true), (by_action, true), (lost, false), (of_dead, false)]
    {
        assert_eq!(store.has(&digest), there);
    }
    assert!(store.tree(TreeKind::Environment, &kept_tree).unwrap().is_some());
    assert!(store.tree(TreeKind::Environment, &lost_tree).unwrap().is_none());
    assert_eq!(store.action(&Sha256::of("action")).unwrap().unwrap(), b"{}");
    assert_eq!(store.gc(NOW).unwrap().blobs, 0);
    // The owner goes: so does what it kept.
    fs::remove_file(&lock).unwrap();
    assert_eq!(store.gc(NOW).unwrap().blobs, 3);
    assert!(store.list().unwrap().roots.is_empty());
}

#[test]
fn gc_does_not_run_while_others_use_the_store() {
    let (_temp, store) = store();
    let other = Store::open(store.path()).unwrap();
    let error = store.gc(NOW).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }));
    assert_eq!(error.blame(), Blame::Environment);
    drop(other);
    store.gc(NOW).unwrap();
    // And it gave its own lock back: the other way round it is refused too.
    let other = Store::open(store.path()).unwrap();
    assert!(matches!(other.gc(NOW), Err(StoreError::Busy { .. })));
}

#[test]
fn records_of_actions_and_documents_come_back_or_are_none() {
    let (_temp, store) = store();
    let key = Sha256::of("key");
    assert_eq!(store.action(&key).unwrap(), None);
    store.set_action(&key, b"{\n}", &[]).unwrap();
    store.set_action(&key, b"{\"a\":1}\n", &[key]).unwrap();
    assert_eq!(store.action(&key).unwrap().unwrap(), b"{\"a\":1}\n");
    store.set_document("http://a.example/x", b"\0\n\xff").unwrap();
    assert_eq!(store.document("http://a.example/x").unwrap().unwrap(), b"\0\n\xff");
    fs::write(store.path().join("actions").join(key.to_hex()), "torn").unwrap();
    assert_eq!(store.action(&key).unwrap(), None);
}

#[test]
fn a_cut_off_download_goes_on_where_it_ended() {
    let (_temp, store) = store();
    let digest = Sha256::of("hello, world");
    let mut partial = store.partial(&digest).unwrap().unwrap();
    assert!(partial.is_empty());
    partial.write(b"hello, ").unwrap();
    assert!(store.partial(&digest).unwrap().is_none(), "held by one at a time");
    drop(partial);
    let mut partial = store.partial(&digest).unwrap().unwrap();
    assert_eq!(partial.len(), 7);
    partial.write(b"world").unwrap();
    assert_eq!(partial.finish().unwrap().digest, digest);
    assert_eq!(store.read(&digest).unwrap(), b"hello, world");
    let mut wrong = store.partial(&Sha256::of("x")).unwrap().unwrap();
    wrong.write(b"y").unwrap();
    assert!(matches!(wrong.finish(), Err(StoreError::Mismatch { .. })));
    assert!(files(&store.path().join("partial")).is_empty());
}

struct Notes(Mutex<Vec<Event>>);

impl Reporter for Notes {
    fn report(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

#[test]
fn a_key_is_held_by_one_at_a_time_and_waiting_is_said_and_can_be_stopped() {
    let (_temp, store) = store();
    let guard = store.lock_key("image x", &Silent, &Cancel::new()).unwrap();
    let notes = Notes(Mutex::default());
    let cancel = Cancel::new();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| store.lock_key("image x", &notes, &cancel).map(|_| ()));
        while notes.0.lock().unwrap().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let note = format!("waiting for image x, which process {} has", std::process::id());
        assert_eq!(*notes.0.lock().unwrap(), [Event::Note { what: note }]);
        cancel.cancel(2);
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(error.blame(), Blame::Interrupted(2));
        store.lock_key("image y", &Silent, &Cancel::new()).unwrap();
        let waiting = scope.spawn(|| store.lock_key("image x", &Silent, &Cancel::new()).map(|_| ()));
        drop(guard);
        waiting.join().unwrap().unwrap();
    });
}

/// Not a test: what the tests below run in processes of their own. `STORE_CHILD` says what to do, with which store.
#[test]
#[ignore = "run by other tests"]
fn child() {
    let Some(job) = std::env::var_os("STORE_CHILD") else { return };
    let job = job.into_string().unwrap();
    let (job, path) = job.split_once(':').unwrap();
    let store = Store::open(Path::new(path)).unwrap();
    match job {
        "work" => work(&store),
        "die" => {
            let scratch = store.scratch("dead-").unwrap();
            fill(scratch.path());
            let mut writer = store.writer().unwrap();
            writer.write_all(b"half").unwrap();
            writer.flush().unwrap();
            std::process::abort();
        }
        "large" => {
            let blob = store.insert(std::io::repeat(7).take(300 << 20), None).unwrap();
            drop(store.open_blob(&blob.digest).unwrap());
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
            let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
            assert!(kib < 64 << 10, "peak resident memory: {kib} KiB");
        }
        "full" => {
            let error = store.insert(std::io::repeat(7).take(64 << 20), None).unwrap_err();
            assert_eq!((error.blame(), error.blame().exit_code()), (Blame::Environment, 6));
            assert!(error.hints()[0].contains("store gc"), "{:?}", error.hints());
            assert!(files(&store.path().join("blobs")).is_empty());
            let small = store.insert(&b"small"[..], None).unwrap();
            assert_eq!(store.read(&small.digest).unwrap(), b"small");
        }
        other => panic!("{other}"),
    }
}

fn work(store: &Store) {
    for round in 0..40_u32 {
        let text = format!("{round}").repeat(1000);
        let blob = store.insert(text.as_bytes(), Some(Sha256::of(&text))).unwrap();
        assert_eq!(store.read(&blob.digest).unwrap(), text.as_bytes());
        if round % 8 == 0 {
            let builder = store.new_tree(TreeKind::Image, &Sha256::of(format!("{round}"))).unwrap();
            fill(builder.path());
            builder.commit(&[]).unwrap();
            store.set_action(&blob.digest, b"{}", &[]).unwrap();
        }
    }
}

fn run_child(job: &str, store: &Path, wrap: Option<(&str, &[&str])>) -> Output {
    let program = std::env::current_exe().unwrap();
    let mut command = match wrap {
        None => Command::new(program),
        Some((wrapper, arguments)) => {
            let mut command = Command::new(wrapper);
            command.args(arguments).arg(program);
            command
        }
    };
    command.args(["--exact", "store::child", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("STORE_CHILD", format!("{job}:{}", store.display())).output().unwrap()
}

#[test]
fn threads_and_processes_fill_one_store_at_once() {
    let temp = tempfile::tempdir().unwrap();
    // Not made before: opening for the first time is part of the race.
    let path = temp.path().join("store");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let output = run_child("work", &path, None);
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            });
            scope.spawn(|| work(&Store::open(&path).unwrap()));
        }
    });
    let store = Store::open(&path).unwrap();
    let report = store.verify(&Silent, &Cancel::new()).unwrap();
    assert_eq!((report.blobs, report.trees, report.actions), (40, 5, 5));
    assert!(report.damaged.is_empty(), "{report:?}");
    assert!(files(&path.join("tmp")).is_empty());
}

#[test]
fn what_a_dead_process_left_is_swept_and_what_a_living_one_has_is_not() {
    let (_temp, store) = store();
    let mine = store.scratch("mine").unwrap();
    fs::write(mine.path().join("file"), "").unwrap();
    let output = run_child("die", store.path(), None);
    assert!(!output.status.success());
    let tmp = store.path().join("tmp");
    assert!(files(&tmp).iter().any(|path| path.ends_with("usr/data")), "{:?}", files(&tmp));
    let other = Store::open(store.path()).unwrap();
    let theirs = other.scratch("theirs").unwrap();
    assert!(!files(&tmp).iter().any(|path| path.ends_with("usr/data")), "{:?}", files(&tmp));
    assert!(mine.path().join("file").exists());
    // The store's own folder goes with the last that uses it, not before.
    drop(other);
    assert!(theirs.path().exists());
    let path = theirs.path().to_owned();
    theirs.close().unwrap();
    assert!(!path.exists() && !path.parent().unwrap().exists());
}

#[test]
fn memory_does_not_grow_with_a_blob() {
    let temp = tempfile::tempdir().unwrap();
    let output = run_child("large", &temp.path().join("store"), None);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_full_disk_is_told_and_leaves_a_store_that_works() {
    let temp = tempfile::tempdir().unwrap();
    let mount = temp.path().display().to_string();
    let script = "mount -t tmpfs -o size=2m tmpfs \"$0\" || exit 99; exec \"$@\"";
    let arguments = ["--user", "--map-root-user", "--mount", "sh", "-c", script, mount.as_str()];
    let probe = Command::new("unshare").args(arguments).arg("true").status();
    if !probe.is_ok_and(|status| status.success()) {
        skipped!("no user and mount namespaces to put a small file system in");
    }
    let output = run_child("full", &temp.path().join("store"), Some(("unshare", &arguments)));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
