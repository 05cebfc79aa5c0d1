//! Recipe 1's steps that programs of the image do, in the box: the cache of libraries, and Python's byte code.
//!
//! The image is read-only there, and what they make is written to `/out` and checked here: only files that are expected
//! by name are taken.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ImageError;
use super::error::{EngineError, at};
use super::rootfs::{Entries, Node, Rootfs};
use crate::event::{Cancel, Event, Reporter};
use crate::name::SandboxPath;
use crate::sandbox::{Access, BoxSpec, Engine, Exit, Limits, Mount, Network, Surface};

/// Compiles every module below the folders of its arguments to unchecked-hash byte code (PEP 552) below `/out`.
const COMPILE: &str = include_str!("compile.py");
/// Bytes of one file that a step made.
const FILE_LIMIT: u64 = 64 << 20;

/// What the steps made: where it goes in the image, where it is now.
pub(super) struct Made(Vec<(String, PathBuf)>);

/// Runs the steps on the tree at `root`, whose entries these are, with their results below `scratch`.
pub(super) fn run(
    root: &Path,
    scratch: &Path,
    entries: &Entries,
    engine: &dyn Engine,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<Made, ImageError> {
    let mut made = Vec::new();
    if entries.contains_key("usr/sbin/ldconfig") {
        let out = out_folder(scratch, "ldconfig")?;
        // -X: the packages brought the links; -i: no auxiliary cache, which holds inode numbers.
        let argv = ["/usr/sbin/ldconfig", "-X", "-i", "-C", "/out/ld.so.cache"];
        step("ldconfig", root, &out, &argv, engine, reporter, cancel)?;
        made.push(("etc/ld.so.cache".to_owned(), out.join("ld.so.cache")));
    }
    if let Some(Node::Link(version)) = entries.get("usr/bin/python3")
        && let Some(digits) = version.strip_prefix("python")
    {
        let out = out_folder(scratch, "python")?;
        let folders = [format!("usr/lib/{version}"), "usr/lib/python3".to_owned()];
        let present: Vec<String> = folders
            .iter()
            .filter(|folder| entries.get(*folder).is_some_and(Node::is_folder))
            .map(|folder| format!("/{folder}"))
            .collect();
        let mut argv = vec!["/usr/bin/python3", "-I", "-S", "-B", "-W", "ignore", "-c", COMPILE];
        argv.extend(present.iter().map(String::as_str));
        step("byte code step", root, &out, &argv, engine, reporter, cancel)?;
        let tag = format!("cpython-{}", digits.replace('.', ""));
        for (path, node) in entries {
            let below = folders
                .iter()
                .any(|folder| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/')));
            let source = matches!(node, Node::File(_) | Node::Program(_) | Node::Same(_));
            if below
                && source
                && let Some(stem) = path.strip_suffix(".py")
                && let Some((folder, name)) = stem.rsplit_once('/')
            {
                // A module that is no valid Python (test data of lib2to3) has no byte code, in Debian neither.
                let file = out.join(format!("{folder}/{name}.{tag}.pyc"));
                if file.symlink_metadata().is_ok() {
                    made.push((format!("{folder}/__pycache__/{name}.{tag}.pyc"), file));
                }
            }
        }
    }
    Ok(Made(made))
}

/// Takes what the steps made into the tree.
pub(super) fn collect(rootfs: &mut Rootfs, made: Made) -> Result<(), ImageError> {
    for (path, file) in made.0 {
        let metadata = fs::symlink_metadata(&file).map_err(at(&file))?;
        if !metadata.is_file() || metadata.len() > FILE_LIMIT {
            return Err(at(&file)(std::io::Error::other("not a file of a usual size")));
        }
        rootfs.file(&path, &fs::read(&file).map_err(at(&file))?)?;
    }
    Ok(())
}

fn out_folder(scratch: &Path, name: &str) -> Result<PathBuf, ImageError> {
    let out = scratch.join(format!("out-{name}"));
    fs::create_dir(&out).map_err(at(&out))?;
    // The box's user is another one if we are root; the folder above is the store's, which only we can enter.
    fs::set_permissions(&out, fs::Permissions::from_mode(0o777)).map_err(at(&out))?;
    Ok(out)
}

fn step(
    what: &'static str,
    root: &Path,
    out: &Path,
    argv: &[&str],
    engine: &dyn Engine,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<(), ImageError> {
    let path = |text: &str| {
        text.parse::<SandboxPath>().map_err(|error| at(Path::new(text))(std::io::Error::other(error)))
    };
    let spec = BoxSpec {
        root: root.to_owned(),
        mounts: vec![Mount { source: out.to_owned(), target: path("/out")?, access: Access::Writable }],
        argv: argv.iter().map(|&argument| argument.to_owned()).collect(),
        env: BTreeMap::from([
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("PATH".to_owned(), "/usr/bin:/usr/sbin".to_owned()),
        ]),
        cwd: path("/")?,
        network: Network::None,
        limits: Limits { wall: Duration::from_mins(10), log: 1 << 20, ..Limits::default() },
        surface: Surface::default(),
    };
    let finished = engine
        .run(&spec, &WithoutLog(reporter), cancel)
        .map_err(|source| ImageError::Engine { what, source: EngineError(source) })?;
    match finished.exit {
        Exit::Code(0) => Ok(()),
        exit @ (Exit::Code(_) | Exit::Signal(_) | Exit::LimitHit(_)) => {
            let log = String::from_utf8_lossy(&finished.log.bytes).into_owned();
            let last = log.lines().count().saturating_sub(20);
            Err(ImageError::Step { what, exit, log: log.lines().skip(last).collect::<Vec<_>>().join("\n") })
        }
    }
}

/// What the steps print is of interest only when they fail, and is then in the error.
struct WithoutLog<'a>(&'a dyn Reporter);

impl Reporter for WithoutLog<'_> {
    fn report(&self, event: Event) {
        match event {
            Event::Log { .. } => {}
            Event::Stage { .. }
            | Event::Note { .. }
            | Event::Warning { .. }
            | Event::Progress { .. }
            | Event::StageDone { .. } => self.0.report(event),
        }
    }
}
