//! Wheels made in the test, installed to a tree of a store of its own.

use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::MetadataExt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zip::write::SimpleFileOptions;

use super::super::{Purpose, Workshop};
use super::*;
use crate::error::Fault;
use crate::event::{Cancel, Reporter, Silent};
use crate::image::Image;
use crate::lock::Role;
use crate::name::Platform;
use crate::sandbox::{BoxSpec, Engine, Finished};
use crate::store::Store;
use crate::wheel::PythonTarget;

/// No box is needed to unpack.
struct NoEngine;

impl Engine for NoEngine {
    fn class(&self) -> &'static str {
        "none"
    }
    fn version(&self) -> String {
        String::new()
    }
    fn run(&self, _: &BoxSpec, _: &dyn Reporter, _: &Cancel) -> Result<Finished, Box<dyn Fault>> {
        unreachable!("no box is run here")
    }
}

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
    image: Image,
    cancel: Cancel,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        let image = Image { digest: Sha256::of("image"), root: folder.path().to_owned(), python: None };
        Self { folder, store, image, cancel: Cancel::new() }
    }

    /// Puts a wheel of these files into the store.
    fn wheel(&self, file: &str, files: &[(&str, &str)]) -> Distribution {
        let stem = file.split('-').take(2).collect::<Vec<_>>().join("-");
        let mut all = vec![(format!("{stem}.dist-info/WHEEL"), "Wheel-Version: 1.0\n".to_owned())];
        all.extend(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
        let lines = all.iter().map(|(path, text)| {
            format!("{path},sha256={},{}\n", URL_SAFE_NO_PAD.encode(Sha256::of(text).as_bytes()), text.len())
        });
        let record = lines.collect::<String>() + &format!("{stem}.dist-info/RECORD,,\n");
        all.push((format!("{stem}.dist-info/RECORD"), record));
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, text) in all {
            zip.start_file(path, SimpleFileOptions::default().unix_permissions(0o644)).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        let blob = self.store.insert(bytes.as_slice(), None).unwrap();
        Distribution {
            role: Role::Build,
            name: file.split('-').next().unwrap().parse().unwrap(),
            version: "1.0".to_owned(),
            file: file.to_owned(),
            size: blob.size,
            sha256: blob.digest,
            required_by: Vec::new(),
        }
    }

    fn install(&self, wheels: &[&Distribution]) -> Result<std::path::PathBuf, EnvironmentError> {
        let root = self.folder.path().join(format!("tree-{}", Sha256::of(format!("{wheels:?}"))));
        fs::create_dir(&root).unwrap();
        let target = PythonTarget::debian(crate::name::DebianRelease::Bookworm, Platform::LinuxAmd64);
        layout::make(&root, target.python, "/usr/bin/python3.11")?;
        let workshop = Workshop {
            store: &self.store,
            engine: &NoEngine,
            image: &self.image,
            target,
            reporter: &Silent,
            cancel: &self.cancel,
        };
        install(wheels, Purpose::Build, workshop, &root)?;
        Ok(root)
    }
}

#[test]
fn files_scripts_and_record_are_where_python_looks() {
    let bench = Bench::new();
    let wheel = bench.wheel(
        "demo-1.0-py3-none-any.whl",
        &[
            ("demo/__init__.py", "def main(): pass\n"),
            ("demo-1.0.data/scripts/old", "#!python -E\nprint()\n"),
            ("demo-1.0.data/scripts/shell", "#!/bin/sh\n"),
            ("demo-1.0.data/headers/demo.h", "int x;\n"),
            ("demo-1.0.data/data/share/demo.txt", "x"),
            ("demo-1.0.dist-info/entry_points.txt", "[console_scripts]\ndemo = demo:main.run\n"),
        ],
    );
    let root = bench.install(&[&wheel]).unwrap();
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().mode() & 0o777;
    let site = "lib/python3.11/site-packages";
    assert_eq!(read(&format!("{site}/demo/__init__.py")), "def main(): pass\n");
    assert_eq!(read("bin/old"), "#!/env/build/bin/python -E\nprint()\n");
    assert_eq!(read("bin/shell"), "#!/bin/sh\n");
    assert_eq!(
        read("bin/demo"),
        "#!/env/build/bin/python\nimport sys\nfrom demo import main\nif __name__ == \"__main__\":\n    sys.exit(main.run())\n"
    );
    assert_eq!([mode("bin/old"), mode("bin/demo"), mode("share/demo.txt")], [0o755, 0o755, 0o644]);
    assert_eq!(read("include/site/python3.11/demo/demo.h"), "int x;\n");
    assert!(read("pyvenv.cfg").contains("include-system-site-packages = false"));
    assert_eq!(fs::read_link(root.join("bin/python")).unwrap().to_str(), Some("/usr/bin/python3.11"));
    assert_eq!(fs::metadata(root.join("share/demo.txt")).unwrap().mtime(), 946_684_800);
    let record = read(&format!("{site}/demo-1.0.dist-info/RECORD"));
    let paths: Vec<_> = record.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert!(
        paths.contains(&"../../../bin/demo") && paths.contains(&"demo-1.0.dist-info/INSTALLER"),
        "{record}"
    );
    assert!(paths.is_sorted());
}

#[test]
fn two_wheels_may_bring_the_same_file_only_if_it_is_equal() {
    let bench = Bench::new();
    let a = bench.wheel("a-1.0-py3-none-any.whl", &[("ns/__init__.py", "same"), ("ns/a.py", "")]);
    let b = bench.wheel("b-1.0-py3-none-any.whl", &[("ns/__init__.py", "same"), ("ns/b.py", "")]);
    let root = bench.install(&[&a, &b]).unwrap();
    assert!(root.join("lib/python3.11/site-packages/ns/b.py").is_file());
    let c = bench.wheel("c-1.0-py3-none-any.whl", &[("ns/__init__.py", "other")]);
    let error = bench.install(&[&a, &c]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a-1.0-py3-none-any.whl and c-1.0-py3-none-any.whl both install lib/python3.11/site-packages/ns/__init__.py, with different content"
    );
    assert_eq!(error.blame().exit_code(), 2);
    let d = bench.wheel("d-1.0-py3-none-any.whl", &[("ns", "a file")]);
    assert!(matches!(bench.install(&[&a, &d]), Err(EnvironmentError::Clash { .. })));
}

#[test]
fn the_environments_own_files_are_not_for_wheels() {
    let bench = Bench::new();
    for path in
        ["demo-1.0.data/data/pyvenv.cfg", "demo-1.0.data/scripts/python", "demo-1.0.data/data/lib64/x"]
    {
        let wheel = bench.wheel("demo-1.0-py3-none-any.whl", &[(path, "x")]);
        assert!(matches!(bench.install(&[&wheel]), Err(EnvironmentError::Own { .. })), "{path}");
    }
    let entry = [("demo-1.0.dist-info/entry_points.txt", "[console_scripts]\npython3 = demo:main\n")];
    let wheel = bench.wheel("demo-1.0-py3-none-any.whl", &entry);
    assert!(matches!(bench.install(&[&wheel]), Err(EnvironmentError::Own { .. })));
}

#[test]
fn a_wheel_for_another_interpreter_or_of_another_size_is_refused() {
    let bench = Bench::new();
    let wheel = bench.wheel("demo-1.0-cp39-cp39-manylinux_2_17_x86_64.whl", &[]);
    let said = bench.install(&[&wheel]).unwrap_err().to_string();
    assert_eq!(said, "demo-1.0-cp39-cp39-manylinux_2_17_x86_64.whl does not fit Python 3.11 on linux/amd64");
    let mut wheel = bench.wheel("demo-1.0-py3-none-any.whl", &[]);
    wheel.size += 1;
    assert!(matches!(bench.install(&[&wheel]), Err(EnvironmentError::Locked { .. })));
}

#[test]
fn a_hash_bang_of_another_python_stays() {
    let same = |text: &str| with_interpreter(text.as_bytes().to_vec(), Purpose::Tool);
    assert_eq!(same("#!pythonw\n"), b"#!/env/tool/bin/python\n");
    assert_eq!(same("#!python3\n"), b"#!python3\n");
    assert_eq!(same("#!/usr/bin/python\n"), b"#!/usr/bin/python\n");
}
