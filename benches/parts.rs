//! Parts that `benches/run.py` measures from inside one process: `box`, `hash`, `image`. Each prints one JSON object.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail, ensure};
use sealwright::digest::Sha256;
use sealwright::error::Fault;
use sealwright::event::{Cancel, Reporter, Silent};
use sealwright::fetch::{
    DebianMirrors, Fetcher, ImageRequest, MirrorSettings, NetConfig, Offline, PythonIndexes, Registries,
    Surroundings,
};
use sealwright::image::ImageInputs;
use sealwright::lock::{ImageContent, Lock, LockedImage};
use sealwright::name::Platform;
use sealwright::sandbox::native::{NativeEngine, reexec};
use sealwright::sandbox::{Access, BoxSpec, Engine, Exit, Finished, Limits, Mount, Network, Surface};
use sealwright::store::Store;
use serde_json::{Value, json};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of one line of output")]
fn main() -> ExitCode {
    // This program is its own engine's hidden process.
    if let Some(code) = reexec() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match part(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("parts: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn part(arguments: &[&str]) -> Result<Value> {
    match arguments {
        ["box", tree, rounds] => start_boxes(Path::new(tree), rounds.parse()?),
        ["hash", file] => hash(Path::new(file)),
        ["image", lock, mirror, folder] => image(Path::new(lock), mirror, Path::new(folder)),
        ["layout", lock, store, folder] => layout(Path::new(lock), Path::new(store), Path::new(folder)),
        ["pull", reference, folder] => pull(reference, Path::new(folder)),
        _ => bail!(
            "usage: parts box TREE ROUNDS | hash FILE | image LOCK MIRROR FOLDER | layout LOCK STORE FOLDER | \
             pull REFERENCE FOLDER"
        ),
    }
}

/// `/bin/true` in the native box and in bwrap, on the same tree and with the same folders, taking turns.
#[expect(clippy::disallowed_methods, reason = "bwrap is the peer")]
fn start_boxes(tree: &Path, rounds: usize) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let mut mounts = Vec::new();
    let mut bwrap = Command::new("bwrap");
    bwrap.args(["--unshare-all", "--uid", "1000", "--gid", "1000", "--die-with-parent", "--new-session"]);
    bwrap.args(["--cap-drop", "ALL", "--clearenv", "--hostname", "sealwright", "--chdir", "/src"]);
    bwrap.arg("--ro-bind").arg(tree).arg("/").args(["--proc", "/proc", "--dev", "/dev"]);
    for target in ["/src", "/out", "/tmp", "/home/build"] {
        let source = folder.path().join(target.replace('/', "-"));
        std::fs::create_dir(&source)?;
        bwrap.arg("--bind").arg(&source).arg(target);
        mounts.push(Mount { source, target: target.parse()?, access: Access::Writable });
    }
    bwrap.arg("/bin/true");
    let spec = BoxSpec {
        root: tree.to_owned(),
        mounts,
        argv: vec!["/bin/true".to_owned()],
        env: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
        cwd: "/src".parse()?,
        network: Network::None,
        limits: Limits::default(),
        surface: Surface::default(),
    };
    let engine = NativeEngine::of_this_program();
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let start = Instant::now();
        let finished = engine.run(&spec, &Silent, &Cancel::new()).map_err(|error| anyhow!("{error}"))?;
        let taken = start.elapsed();
        ensure!(finished.exit == Exit::Code(0), "the box ended with {:?}", finished.exit);
        let start = Instant::now();
        let output = bwrap.output().context("bwrap")?;
        let taken_by_peer = start.elapsed();
        ensure!(output.status.success(), "bwrap: {}", String::from_utf8_lossy(&output.stderr));
        if round > 0 {
            ours.push(taken.as_secs_f64());
            peer.push(taken_by_peer.as_secs_f64());
        }
    }
    Ok(json!({ "ours": median(ours), "bwrap": median(peer) }))
}

/// A file hashed as outputs are; the process's highest resident memory afterwards.
fn hash(file: &Path) -> Result<Value> {
    let start = Instant::now();
    let (digest, _) = Sha256::of_reader(std::fs::File::open(file)?)?;
    let seconds = start.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kibibytes: u64 = resident.trim().trim_end_matches(" kB").parse()?;
    Ok(json!({ "seconds": seconds, "resident": kibibytes * 1024, "digest": digest.to_hex() }))
}

/// The base image of a lock as an OCI layout named `base`.
fn layout(lock: &Path, store: &Path, folder: &Path) -> Result<Value> {
    let lock = Lock::parse(&std::fs::read_to_string(lock)?)?;
    let digest = lock.images.first().context("no image in the lock")?.digest;
    let store = Store::open(store)?;
    let image = sealwright::image::present(&digest, &store)?.context("the image is not in the store")?;
    sealwright::image::export_layout(&image, "base", &store, folder)?;
    Ok(json!({ "digest": digest.to_hex() }))
}

/// An image by reference, pulled and unpacked in an empty store.
fn pull(reference: &str, folder: &Path) -> Result<Value> {
    let from = Surroundings::of_process();
    let start = Instant::now();
    let store = Store::open(folder)?;
    let mirrors = DebianMirrors::load(&MirrorSettings::default(), &from)?;
    let fetcher =
        Fetcher::new(&store, NetConfig::load(&from)?, PythonIndexes::load(&from)?, mirrors, Offline::No)
            .with_registries(Registries::default());
    let platform = Platform::host().context("no platform that is built for")?;
    let (cancel, reference) = (Cancel::new(), reference.parse()?);
    let pinned = fetcher.pin_image(ImageRequest { reference: &reference, platform }, &Silent, &cancel)?;
    let locked = pinned.locked("/usr/bin/python3.11", "2.36");
    fetcher.image_blobs(&locked, &Silent, &cancel)?;
    let after_fetch = start.elapsed().as_secs_f64();
    let engine = NativeEngine::of_this_program();
    sealwright::image::ensure(&locked, &store, &engine, &Silent, &cancel)?;
    let whole = start.elapsed().as_secs_f64();
    drop(fetcher);
    sealwright::store::remove_tree(store.path())?;
    Ok(json!({ "whole": whole, "fetched": after_fetch }))
}

/// The base image of a lock, downloaded and assembled in an empty store, with and without its byte code.
fn image(lock: &Path, mirror: &str, folder: &Path) -> Result<Value> {
    let lock = Lock::parse(&std::fs::read_to_string(lock)?)?;
    let image = lock.images.first().context("no image in the lock")?;
    let native = NativeEngine::of_this_program();
    let whole = assemble(image, mirror, folder, &native)?;
    let without_byte_code = assemble(image, mirror, folder, &WithoutPython(native))?;
    Ok(json!({ "whole": whole, "without_byte_code": without_byte_code }))
}

fn assemble(image: &LockedImage, mirror: &str, folder: &Path, engine: &dyn Engine) -> Result<f64> {
    let parent = folder.parent().context("a folder of its own")?;
    let folder = tempfile::tempdir_in(parent)?;
    let from = Surroundings::of_process();
    let settings = MirrorSettings {
        mirrors: vec![format!("{mirror}/debian")],
        security_mirrors: vec![format!("{mirror}/debian-security")],
        snapshot: None,
    };
    let start = Instant::now();
    let store = Store::open(&folder.path().join("store"))?;
    let mirrors = DebianMirrors::load(&settings, &from)?;
    let fetcher =
        Fetcher::new(&store, NetConfig::load(&from)?, PythonIndexes::load(&from)?, mirrors, Offline::No);
    fetcher.debian_packages(image, &Silent, &Cancel::new())?;
    let ImageContent::Assembled(packages) = &image.content else {
        anyhow::bail!("an assembled image is measured")
    };
    let inputs = ImageInputs::of(image, packages);
    sealwright::image::assemble(&inputs, &store, engine, &Silent, &Cancel::new())?;
    let taken = start.elapsed().as_secs_f64();
    sealwright::store::remove_tree(store.path())?;
    Ok(taken)
}

/// The native engine, but Python is not started.
struct WithoutPython(NativeEngine);

impl Engine for WithoutPython {
    fn class(&self) -> &'static str {
        self.0.class()
    }

    fn version(&self) -> String {
        self.0.version()
    }

    fn run(
        &self,
        spec: &BoxSpec,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Finished, Box<dyn Fault>> {
        let mut spec = spec.clone();
        if spec.argv[0].starts_with("/usr/bin/python") {
            spec.argv = vec!["/bin/true".to_owned()];
        }
        self.0.run(&spec, reporter, cancel)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
