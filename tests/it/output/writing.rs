//! Files appear whole or not at all, and together.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime};

use sealwright::error::{Blame, Fault};
use sealwright::event::{Cancel, Event, Reporter, Silent};
use sealwright::output::{FolderLock, OutputError, Publication, Written, collect, write_whole};

use super::archives::{demo_members, demo_wheel, folder, sdist};
use super::collecting::rules;

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        path.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn old(path: &Path) -> SystemTime {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    std::fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
    time
}

#[test]
fn a_file_is_written_replaced_and_left_alone() {
    let folder = folder(&[]);
    let path = folder.path().join("file");
    assert_eq!(write_whole(&path, b"one").unwrap(), Written::New);
    let mode = path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode & !0o644, 0, "{mode:o}");
    let time = old(&path);
    assert_eq!(write_whole(&path, b"one").unwrap(), Written::Unchanged);
    assert_eq!(path.metadata().unwrap().modified().unwrap(), time);
    for text in ["two", "three", "", "x"] {
        assert_eq!(write_whole(&path, text.as_bytes()).unwrap(), Written::Replaced);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn a_link_is_replaced_and_never_followed() {
    let folder = folder(&[("victim", b"precious")]);
    let path = folder.path().join("link");
    symlink("victim", &path).unwrap();
    assert_eq!(write_whole(&path, b"new").unwrap(), Written::Replaced);
    assert!(path.symlink_metadata().unwrap().is_file());
    assert_eq!(std::fs::read(folder.path().join("victim")).unwrap(), b"precious");
    symlink("nowhere", folder.path().join("dangling")).unwrap();
    write_whole(&folder.path().join("dangling"), b"new").unwrap();
    assert_eq!(names(folder.path()), ["dangling", "link", "victim"]);
}

#[test]
fn what_cannot_be_written_is_told_with_its_path() {
    let folder = folder(&[]);
    std::fs::create_dir(folder.path().join("dir")).unwrap();
    let error = write_whole(&folder.path().join("dir"), b"x").unwrap_err();
    assert_eq!((error.blame(), error.hints().len()), (Blame::User, 1));
    assert!(error.to_string().contains("dir is a folder"), "{error}");
    let error = write_whole(&folder.path().join("missing/file"), b"x").unwrap_err();
    assert_eq!(error.blame(), Blame::Environment);
    assert!(
        error.to_string().contains("cannot write") && error.to_string().contains("missing/file"),
        "{error}"
    );
    assert_eq!(names(folder.path()), ["dir"]);
    // A device that is always full.
    if Path::new("/dev/full").exists() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = OutputError::Io { what: "write", path: "/x".into(), source: full };
        assert_eq!(error.blame(), Blame::Environment);
        assert!(error.hints()[0].contains("free some space"));
    }
}

#[test]
fn outputs_and_statements_appear_together() {
    let boxed =
        folder(&[("demo-1.0-py3-none-any.whl", &demo_wheel()), ("demo-1.0.tar.gz", &sdist(&demo_members()))]);
    let host = folder(&[]);
    let (dist, provenance) = (host.path().join("dist"), host.path().join("provenance"));
    let publish = |text: &str| {
        let cancel = Cancel::new();
        let lock = FolderLock::acquire(&dist, &Silent, &cancel).unwrap();
        let mut publication = Publication::new(&lock, &cancel);
        for output in collect(boxed.path(), &rules(), &cancel).unwrap() {
            let mut prepared = output.normalize(1_700_000_000, host.path()).unwrap();
            publication.output(&mut prepared).unwrap();
        }
        publication.text(&provenance.join("a.intoto.jsonl"), text.as_bytes()).unwrap();
        publication.commit().unwrap().into_iter().map(|file| file.written).collect::<Vec<_>>()
    };
    assert_eq!(publish("1"), [Written::New, Written::New, Written::New]);
    assert_eq!(names(&dist), ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"]);
    let time = old(&dist.join("demo-1.0.tar.gz"));
    std::fs::write(dist.join("other-0.9.tar.gz"), "stale").unwrap();
    assert_eq!(publish("2"), [Written::Unchanged, Written::Unchanged, Written::Replaced]);
    assert_eq!(dist.join("demo-1.0.tar.gz").metadata().unwrap().modified().unwrap(), time);
    std::fs::write(dist.join("demo-1.0.tar.gz"), "changed by hand").unwrap();
    assert_eq!(publish("2"), [Written::Replaced, Written::Unchanged, Written::Unchanged]);
    assert_eq!(names(&dist), ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz", "other-0.9.tar.gz"]);
    assert_eq!(names(&provenance), ["a.intoto.jsonl"]);
}

#[test]
fn a_failure_in_the_middle_puts_everything_back() {
    let host = folder(&[("kept", b"old")]);
    let cancel = Cancel::new();
    let lock = FolderLock::acquire(host.path(), &Silent, &cancel).unwrap();
    let before = host.path().join("kept").metadata().unwrap().ino();
    let mut publication = Publication::new(&lock, &cancel);
    for name in ["kept", "new", "later"] {
        publication.text(&host.path().join(name), b"text").unwrap();
    }
    // Comes between staging and placing.
    std::fs::create_dir(host.path().join("later")).unwrap();
    let error = publication.commit().unwrap_err();
    assert!(matches!(error, OutputError::InTheWay { .. }), "{error}");
    std::fs::remove_dir(host.path().join("later")).unwrap();
    assert_eq!(names(host.path()), ["kept"]);
    assert_eq!(std::fs::read(host.path().join("kept")).unwrap(), b"old");
    assert_eq!(host.path().join("kept").metadata().unwrap().ino(), before);
}

#[test]
fn a_stop_leaves_nothing_behind() {
    let boxed =
        folder(&[("demo-1.0-py3-none-any.whl", &demo_wheel()), ("demo-1.0.tar.gz", &sdist(&demo_members()))]);
    let host = folder(&[]);
    let cancel = Cancel::new();
    let lock = FolderLock::acquire(host.path(), &Silent, &cancel).unwrap();
    let mut publication = Publication::new(&lock, &cancel);
    let mut outputs = collect(boxed.path(), &rules(), &cancel).unwrap();
    publication.text(&host.path().join("a"), b"1").unwrap();
    cancel.cancel(15);
    let error = publication.output(&mut outputs.remove(0).as_it_is()).unwrap_err();
    assert_eq!(error.blame(), Blame::Interrupted(15));
    assert_eq!(publication.commit().unwrap_err().blame(), Blame::Interrupted(15));
    assert_eq!(names(host.path()), Vec::<String>::new());
    assert_eq!(collect(boxed.path(), &rules(), &cancel).unwrap_err().blame(), Blame::Interrupted(15));
}

#[test]
fn an_output_that_changes_after_its_check_is_refused() {
    let boxed =
        folder(&[("demo-1.0-py3-none-any.whl", &demo_wheel()), ("demo-1.0.tar.gz", &sdist(&demo_members()))]);
    let host = folder(&[]);
    let cancel = Cancel::new();
    let mut outputs = collect(boxed.path(), &rules(), &cancel).unwrap();
    std::fs::write(boxed.path().join("demo-1.0.tar.gz"), "other").unwrap();
    let lock = FolderLock::acquire(host.path(), &Silent, &cancel).unwrap();
    let error = Publication::new(&lock, &cancel).output(&mut outputs.remove(0).as_it_is()).unwrap_err();
    assert_eq!(error.blame(), Blame::Integrity);
    assert_eq!(names(host.path()), Vec::<String>::new());
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Reporter for Notes {
    fn report(&self, event: Event) {
        if let Event::Note { what } = event {
            self.0.lock().unwrap().push(what);
        }
    }
}

#[test]
fn two_builds_into_one_folder_wait_for_each_other() {
    let host = folder(&[]);
    let dist = host.path().join("dist");
    let first = FolderLock::acquire(&dist, &Silent, &Cancel::new()).unwrap();
    // Left behind by a build that was killed.
    std::fs::write(dist.join(".sealwright-abc.tmp"), "half").unwrap();
    std::fs::write(dist.join(".sealwright-abc"), "not ours").unwrap();
    let (send, receive) = channel();
    let (dist_there, notes) = (dist.clone(), std::sync::Arc::new(Notes::default()));
    let notes_there = std::sync::Arc::clone(&notes);
    let waiting = std::thread::spawn(move || {
        let lock = FolderLock::acquire(&dist_there, &*notes_there, &Cancel::new()).unwrap();
        send.send(()).unwrap();
        drop(lock);
    });
    assert!(receive.recv_timeout(Duration::from_millis(150)).is_err());
    drop(first);
    receive.recv_timeout(Duration::from_mins(1)).unwrap();
    waiting.join().unwrap();
    let notes = notes.0.lock().unwrap();
    assert_eq!(*notes, [format!("waiting for another build that writes to {}", dist.display())]);
    assert_eq!(names(&dist), [".sealwright-abc"]);

    let held = FolderLock::acquire(&dist, &Silent, &Cancel::new()).unwrap();
    let cancel = Cancel::new();
    cancel.cancel(2);
    let error = FolderLock::acquire(&dist, &Silent, &cancel).map(drop).unwrap_err();
    assert_eq!(error.blame(), Blame::Interrupted(2));
    drop(held);
}
