//! The real archive, by way of the host's apt sources: the builder's list is resolved, fetched, assembled, and used in
//! the box.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use sealwright::error::Fault;
use sealwright::event::{Cancel, Silent};
use sealwright::fetch::{
    DebianMirrors, Fetcher, MirrorSettings, NetConfig, Offline, PythonIndexes, Surroundings,
};
use sealwright::image::{self, Image, ImageInputs};
use sealwright::name::{DebianRelease, Platform};
use sealwright::resolve::debian::{ArchiveKeys, Documents, Request, resolve};
use sealwright::sandbox::native::NativeEngine;
use sealwright::sandbox::{Access, BoxSpec, Engine, Exit, Limits, Mount, Network, Surface};
use sealwright::store::Store;

use crate::context::{program, shared_store};

/// What the python-build image is asked for.
const PACKAGES: [&str; 9] =
    ["g++", "gcc", "git", "libc6-dev", "make", "pkgconf", "python3", "python3-dev", "python3-venv"];

/// A fetcher with the host's mirrors, if it has any.
fn fetcher(store: &Store) -> Option<Fetcher> {
    let host = Surroundings::of_process();
    let mirrors = DebianMirrors::load(&MirrorSettings::default(), &host).unwrap();
    mirrors.bases("debian").ok()?;
    let net = NetConfig::load(&host).unwrap();
    Some(Fetcher::new(store, net, PythonIndexes::load(&host).unwrap(), mirrors, Offline::No))
}

/// The documents of the first mirror.
struct Mirrors<'a>(&'a Fetcher);

impl Documents for Mirrors<'_> {
    fn document(&self, archive: &str, path: &str, limit: u64) -> Result<Vec<u8>, Box<dyn Fault>> {
        let url = self.0.mirrors().bases(archive).unwrap()[0].join(path).unwrap();
        self.0.get(&url, limit, &Cancel::new()).map_err(|error| Box::new(error) as Box<dyn Fault>)
    }
}

fn locked(release: DebianRelease, packages: &[&str], fetcher: &Fetcher, store: &Store) -> ImageInputs {
    let mut include: Vec<String> = packages.iter().map(|&name| name.to_owned()).collect();
    include.sort();
    // The frozen archive alone: its packages change only with a point release.
    let suites = vec![release.codename().to_owned()];
    let platform = Platform::host().unwrap();
    let request = Request { release, platform, suites, include, now: Timestamp::now() };
    let inputs = resolve(&request, &ArchiveKeys::debian().unwrap(), &Mirrors(fetcher), store, &Silent);
    let inputs = inputs.unwrap_or_else(|error| panic!("{error:?} {:?}", error.hints()));
    let unnamed = inputs.clone().locked(sealwright::digest::Sha256::of(""));
    fetcher.debian_packages(&unnamed, &Silent, &Cancel::new()).unwrap();
    inputs
}

fn assembled(inputs: &ImageInputs, store: &Store) -> Image {
    let engine = NativeEngine::new(program());
    image::assemble(inputs, store, &engine, &Silent, &Cancel::new())
        .unwrap_or_else(|error| panic!("{error} {:?}", error.hints()))
}

/// Debian's essential packages and these; none without apt sources.
pub fn image_of(packages: &[&str]) -> Option<Image> {
    let shared = Store::open(&shared_store()).unwrap();
    let fetcher = fetcher(&shared)?;
    let inputs = locked(DebianRelease::Bookworm, packages, &fetcher, &shared);
    Some(assembled(&inputs, &shared))
}

/// Runs a shell script in the box, with a writable home; returns what it printed.
fn run(image: &Image, script: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    run_in(home.path(), image, script)
}

/// The same, in a home folder that is there already.
pub fn run_in(home: &Path, image: &Image, script: &str) -> String {
    let mount = |source: &Path, target: &str| Mount {
        source: source.to_owned(),
        target: target.parse().unwrap(),
        access: Access::Writable,
    };
    let spec = BoxSpec {
        root: image.root.clone(),
        mounts: vec![mount(home, "/home/build")],
        argv: ["/bin/sh", "-euc", script].map(str::to_owned).to_vec(),
        env: BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/usr/sbin".to_owned()),
            ("HOME".to_owned(), "/home/build".to_owned()),
            ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
        ]),
        cwd: "/home/build".parse().unwrap(),
        network: Network::None,
        limits: Limits::default(),
        surface: Surface::default(),
    };
    let finished = NativeEngine::new(program()).run(&spec, &Silent, &Cancel::new()).unwrap();
    let text = String::from_utf8(finished.log.bytes).unwrap();
    assert_eq!(finished.exit, Exit::Code(0), "{text}");
    text
}

/// Programs that a build of a Python package uses, each doing its work.
const WORK: &str = r#"
python3 -c 'import ssl, sqlite3, ctypes, venv, lzma, bz2, zlib, hashlib, uuid, readline, curses, dbm.gnu' 2>/dev/null ||
    python3 -c 'import ssl, sqlite3, ctypes, venv, lzma, bz2, zlib, hashlib, uuid'
python3 -c 'import locale, sys; assert sys.getfilesystemencoding() == "utf-8"; locale.setlocale(locale.LC_ALL, "")'
python3 -c 'import json; assert "__pycache__" in json.__cached__; import os; assert os.path.exists(json.__cached__)'
printf 'int main(void) { return 0; }\n' > a.c && cc -o a a.c && ./a
printf '#include <iostream>\nint main() { std::cout << "c++ works\\n"; }\n' > b.cc && c++ -o b b.cc && ./b
printf '#include <Python.h>\nint x;\n' > p.c && gcc -c $(pkg-config --cflags python3) p.c
pkg-config --version > /dev/null
printf 'all:\n\t@echo make works\n' > Makefile && make -s
git init -q repository && cd repository && git -c user.name=a -c user.email=b@c.example commit -q --allow-empty -m x
git log --format='%s' && cd ..
python3 -m venv env && env/bin/python -c 'import sys; print(sys.prefix)' && env/bin/pip --version > /dev/null
getent passwd build
which awk
ls /lib64 > /dev/null && awk 'BEGIN { print "awk works" }' && perl -e 'print "perl works\n"'
dpkg-query -W -f '${Package} ${Status}\n' python3
dpkg -S /usr/bin/make
ldd /usr/bin/git > /dev/null && ldconfig -p | grep -c libc.so.6
"#;

#[test]
fn bookworm_holds_what_builds_of_python_packages_use_and_is_the_same_image_twice() {
    let shared = Store::open(&shared_store()).unwrap();
    let Some(fetcher) = fetcher(&shared) else { skipped!(engine: "the host has no apt sources") };
    let inputs = locked(DebianRelease::Bookworm, &PACKAGES, &fetcher, &shared);
    let image = assembled(&inputs, &shared);
    let said = run(&image, WORK);
    assert_eq!(
        said,
        "c++ works\nmake works\nx\n/home/build/env\nbuild:x:1000:1000:build:/home/build:/bin/bash\n/usr/bin/awk\n\
         awk works\nperl works\npython3 install ok installed\nmake: /usr/bin/make\n1\n"
    );
    // Once more elsewhere, by one thread: the packages are copied, the rest is done anew.
    let folder = tempfile::tempdir().unwrap();
    let other = Store::open(&folder.path().join("store")).unwrap();
    for package in &inputs.packages {
        other.insert(shared.open_blob(&package.sha256).unwrap(), Some(package.sha256)).unwrap();
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| assembled(&inputs, &other)).digest, image.digest);
}

#[test]
fn trixie_with_a_package_of_the_target_works_the_same_way() {
    let shared = Store::open(&shared_store()).unwrap();
    let Some(fetcher) = fetcher(&shared) else { skipped!(engine: "the host has no apt sources") };
    let inputs = locked(DebianRelease::Trixie, &[&PACKAGES[..], &["libffi-dev"]].concat(), &fetcher, &shared);
    let image = assembled(&inputs, &shared);
    let script = format!("{WORK}\nprintf '#include <ffi.h>\\n' > f.c && cc -c f.c && python3 -V");
    let said = run(&image, &script);
    assert!(said.contains("c++ works\nmake works\n") && said.contains("\nPython 3.13."), "{said}");
}
