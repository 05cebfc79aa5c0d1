//! Archives and plain folders as sources.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use sealwright::digest::Sha256;
use sealwright::source::{DirtyPolicy, IgnoredPaths, Source, SourceError, SourceIdentity};
use tar::{EntryType, Header};
use tempfile::TempDir;

use crate::context::Project;
use crate::source::{Exported, git_or_skip};

const NEWEST: u64 = 1_600_000_000;

fn open(path: &std::path::Path) -> Result<Source, SourceError> {
    Source::path(path, DirtyPolicy::Refuse, &IgnoredPaths::default())
}

/// An entry of a tar file: type, name, mode, and content or target.
type Item<'a> = (EntryType, &'a str, u32, &'a str);

const SDIST: [Item<'static>; 7] = [
    (EntryType::Directory, "demo-1.0/", 0o775, ""),
    (EntryType::Regular, "demo-1.0/pyproject.toml", 0o664, "[project]\n"),
    (EntryType::Regular, "demo-1.0/run.sh", 0o700, "#!/bin/sh\n"),
    (EntryType::Symlink, "demo-1.0/pkg/link", 0o777, "../run.sh"),
    (EntryType::Link, "demo-1.0/pkg/hard", 0o644, "demo-1.0/run.sh"),
    (EntryType::Directory, "demo-1.0/empty/", 0o700, ""),
    (EntryType::Regular, "demo-1.0/PKG-INFO", 0o644, "Name: demo\n"),
];

fn tar_of(items: &[Item<'_>]) -> Vec<u8> {
    let mut out = tar::Builder::new(Vec::new());
    for (number, (kind, name, mode, content)) in items.iter().enumerate() {
        let mut header = Header::new_gnu();
        // Names go in raw: the library would refuse the hostile ones.
        let bytes = name.as_bytes();
        header.as_old_mut().name[..bytes.len()].copy_from_slice(bytes);
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_mtime(NEWEST - number as u64);
        let link = matches!(kind, EntryType::Symlink | EntryType::Link);
        if link {
            header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_size(if link { 0 } else { content.len() as u64 });
        header.set_cksum();
        out.append(&header, if link { &b""[..] } else { content.as_bytes() }).unwrap();
    }
    out.into_inner().unwrap()
}

struct File {
    folder: TempDir,
    name: &'static str,
}

impl File {
    fn new(name: &'static str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        Self { folder, name }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut out = liblzma::write::XzEncoder::new(Vec::new(), 1);
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn every_kind_of_tarball_gives_the_same_tree() {
    let tar = tar_of(&SDIST);
    let zstd = zstd::encode_all(&tar[..], 1).unwrap();
    let files = [
        File::new("demo-1.0.tar.gz", &gzip(&tar)),
        File::new("demo-1.0.tar.xz", &xz(&tar)),
        File::new("demo-1.0.tar.zst", &zstd),
        File::new("demo-1.0.tar", &tar),
    ];
    let mut listings = Vec::new();
    for file in &files {
        let source = open(&file.path()).unwrap();
        let sha256 = Sha256::of(fs::read(file.path()).unwrap());
        assert_eq!(source.identity(), &SourceIdentity::Archive { name: file.name.to_owned(), sha256 });
        assert_eq!(source.epoch(), i64::try_from(NEWEST).unwrap() - 1, "the newest file, folders apart");
        assert_eq!(source.list(), ["PKG-INFO", "pkg/hard", "pkg/link", "pyproject.toml", "run.sh"]);
        assert_eq!(source.read("pkg/link").unwrap().unwrap(), b"#!/bin/sh\n");
        let export = Exported::of(&source);
        assert!(!export.path().join(".git").exists());
        assert!(export.path().join("empty").is_dir());
        let mode = |name: &str| export.path().join(name).metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("run.sh"), mode("pkg/hard"), mode("pyproject.toml")), (0o755, 0o755, 0o644));
        listings.push(export.listing());
    }
    assert!(listings.iter().all(|listing| *listing == listings[0]));
}

#[test]
fn a_zip_is_a_source_too() {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let time = zip::DateTime::from_date_and_time(2020, 1, 2, 3, 4, 6).unwrap();
    let options = zip::write::SimpleFileOptions::default().last_modified_time(time);
    zip.add_directory("top/", options).unwrap();
    zip.start_file("top/run.sh", options.unix_permissions(0o755)).unwrap();
    zip.write_all(b"#!/bin/sh\n").unwrap();
    zip.add_symlink("top/link", "run.sh", options).unwrap();
    let file = File::new("top.zip", &zip.finish().unwrap().into_inner());
    let source = open(&file.path()).unwrap();
    assert_eq!(source.epoch(), 1_577_934_246);
    assert_eq!(source.list(), ["link", "run.sh"]);
    let export = Exported::of(&source);
    assert_eq!(fs::read_link(export.path().join("link")).unwrap(), PathBuf::from("run.sh"));
    assert_eq!(export.read("link"), b"#!/bin/sh\n");
}

#[test]
fn old_and_flat_archives_are_taken_as_they_are() {
    let mut header = Header::new_gnu();
    header.set_path("setup.py").unwrap();
    header.set_size(1);
    header.set_mtime(0);
    header.set_mode(0o644);
    header.set_cksum();
    let mut out = tar::Builder::new(Vec::new());
    out.append(&header, &b"x"[..]).unwrap();
    let file = File::new("flat.tgz", &gzip(&out.into_inner().unwrap()));
    let source = open(&file.path()).unwrap();
    assert_eq!(source.epoch(), 315_532_800, "zip knows no time before 1980");
    assert_eq!(source.list(), ["setup.py"]);
}

#[test]
fn hostile_archives_are_refused() {
    use EntryType::{Block, Char, Directory, Fifo, Link, Regular, Symlink};
    let cases: [(&[Item<'_>], &str); 17] = [
        (&[(Regular, "a/../../x", 0, "x")], "'..'"),
        (&[(Regular, "../x", 0, "x")], "'..'"),
        (&[(Regular, "/etc/x", 0, "x")], "absolute"),
        (&[(Regular, "a/.GIT/config", 0, "x")], ".git name"),
        (&[(Regular, "a/x", 0, "x"), (Symlink, "a/l", 0, "/etc/passwd")], "leads out"),
        (&[(Regular, "a/x", 0, "x"), (Symlink, "a/l", 0, "../outside")], "leads out"),
        (
            &[(Regular, "a/x", 0, "x"), (Symlink, "a/b/up", 0, ".."), (Symlink, "a/l", 0, "b/up/../..")],
            "leads out",
        ),
        (&[(Symlink, "a/d", 0, "."), (Regular, "a/d/x", 0, "x")], "not a folder"),
        (&[(Regular, "a/d", 0, "."), (Regular, "a/d/x", 0, "x")], "not a folder"),
        (&[(Directory, "a/d", 0, ""), (Symlink, "a/d", 0, "x")], "both a folder and a file"),
        (&[(Regular, "a/x", 0, "x"), (Link, "a/l", 0, "/etc/passwd")], "absolute"),
        (&[(Regular, "a/x", 0, "x"), (Link, "a/l", 0, "../x")], "'..'"),
        (&[(Regular, "a/x", 0, "x"), (Link, "a/l", 0, "a/later")], "no earlier file"),
        (&[(Symlink, "a/s", 0, "x"), (Link, "a/l", 0, "a/s")], "no earlier file"),
        (&[(Char, "a/null", 0, "")], "device"),
        (&[(Block, "a/disk", 0, "")], "device"),
        (&[(Fifo, "a/pipe", 0, "")], "named pipe"),
    ];
    for (items, reason) in cases {
        let file = File::new("x.tar.gz", &gzip(&tar_of(items)));
        let error = open(&file.path()).err().expect(reason);
        assert!(matches!(error, SourceError::Entry { .. }), "{items:?}: {error}");
        assert!(error.to_string().contains(reason), "{items:?}: {error}");
    }
    let repository = [(Regular, "a/.git/config", 0, "[core]\n"), (Regular, "a/x", 0, "x")];
    let source = open(&File::new("x.tar.gz", &gzip(&tar_of(&repository))).path()).unwrap();
    assert_eq!(source.list(), ["x"]);
    assert!(source.notes()[0].contains("left out"), "{:?}", source.notes());
}

#[test]
fn what_is_no_archive_or_a_broken_one_is_said() {
    let text = File::new("notes.txt", b"hello");
    assert!(matches!(open(&text.path()).err().unwrap(), SourceError::ArchiveKind { .. }));
    let tar = gzip(&tar_of(&SDIST));
    let cut = File::new("cut.tar.gz", &tar[..tar.len() / 2]);
    assert!(matches!(open(&cut.path()).err().unwrap(), SourceError::Archive { .. }));
    let zip = File::new("broken.zip", b"PK\x03\x04 and no more");
    assert!(matches!(open(&zip.path()).err().unwrap(), SourceError::Archive { .. }));
    let missing = open(&text.path().join("nothing")).err().unwrap();
    assert!(matches!(missing, SourceError::Io { .. }), "{missing}");
}

#[test]
fn a_folder_is_named_by_its_tree_and_nothing_else() {
    let project = Project::new().file("setup.py", "setup()").file("pkg/__init__.py", "").file("run.sh", "x");
    fs::set_permissions(project.join("run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("run.sh", project.join("link")).unwrap();
    let first = open(project.path()).unwrap();
    let SourceIdentity::Folder { tree } = first.identity() else { panic!("{:?}", first.identity()) };
    let lines = [
        ("120000", "link", "run.sh"),
        ("100644", "pkg/__init__.py", ""),
        ("100755", "run.sh", "x"),
        ("100644", "setup.py", "setup()"),
    ];
    let lines = lines.map(|(mode, path, content)| format!("{mode} {} {path}\0", Sha256::of(content)));
    assert_eq!(*tree, Sha256::of(format!("sealwright-tree-v1\0{}", lines.concat())));
    assert_eq!(first.epoch(), 315_532_800);
    let export = Exported::of(&first);
    assert!(!export.path().join(".git").exists());

    let copy = Project::copy_of(export.path().to_str().unwrap());
    copy.write("dist/x.whl", "an output is no source");
    let second = open(copy.path()).unwrap();
    assert_eq!(second.list(), first.list());
    assert_eq!(Exported::of(&second).read("run.sh"), b"x");

    copy.write("setup.py", "other()");
    assert_ne!(open(copy.path()).unwrap().identity(), second.identity());
    nix::unistd::mkfifo(&copy.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(matches!(open(copy.path()).err().unwrap(), SourceError::Entry { .. }));
}

#[test]
fn a_folder_inside_a_repository_that_does_not_know_it_is_a_folder() {
    git_or_skip!();
    let project = Project::new().file("a", "a").git();
    project.write("vendored/setup.py", "setup()");
    let source = open(&project.join("vendored")).unwrap();
    assert!(matches!(source.identity(), SourceIdentity::Folder { .. }), "{:?}", source.identity());
    assert!(matches!(open(project.path()).unwrap().identity(), SourceIdentity::Commit(_)));
}
