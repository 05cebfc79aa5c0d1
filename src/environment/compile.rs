//! Byte code of an environment, made by the image's own Python in a box of its own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use walkdir::WalkDir;

use super::layout::{self, Mode};
use super::{EnvironmentError, Purpose, Workshop, box_path, plain_environment, read_only};
use crate::environment::error::Cause;
use crate::event::Silent;
use crate::sandbox::{Access, BoxSpec, Exit, Limits, Mount, Network, Surface};

/// Compiles every module below the folders of its arguments to unchecked-hash byte code (PEP 552) below `/out`; the
/// base image's library is compiled by the same.
const SCRIPT: &str = include_str!("../image/compile.py");

/// Bytes of one file of byte code.
const LIMIT: u64 = 256 << 20;

/// Compiles all modules of the environment at `root`, and puts the byte code beside them. A module that is no valid
/// Python (wheels carry some for old versions) gets none.
pub(super) fn compile(purpose: Purpose, workshop: Workshop<'_>, root: &Path) -> Result<(), EnvironmentError> {
    let python = workshop.target.python;
    let site = layout::site(python);
    let scratch = workshop.store.scratch("byte-code-")?;
    let out = scratch.path().join("out");
    fs::create_dir(&out).map_err(EnvironmentError::io("create", &out))?;
    // `-S`: a `.pth` file of a wheel is code, and must not run here. `-I`: no variable, no folder decides anything.
    let mut argv: Vec<String> =
        [&workshop.image.interpreter(python), "-I", "-S", "-B", "-W", "ignore", "-c", SCRIPT]
            .map(String::from)
            .into();
    argv.push(format!("{}/{site}", purpose.folder()));
    let spec = BoxSpec {
        root: workshop.image.root.clone(),
        mounts: vec![
            read_only(root, purpose.folder())?,
            Mount { source: out.clone(), target: box_path("/out")?, access: Access::Writable },
        ],
        argv,
        env: plain_environment(),
        cwd: box_path("/")?,
        network: Network::None,
        limits: Limits { wall: Duration::from_mins(15), log: 1 << 20, ..Limits::default() },
        surface: Surface::default(),
    };
    let finished = workshop
        .engine
        .run(&spec, &Silent, workshop.cancel)
        .map_err(|error| EnvironmentError::Engine { doing: "compile byte code", source: Cause(error) })?;
    match finished.exit {
        Exit::Code(0) => {}
        exit @ (Exit::Code(_) | Exit::Signal(_) | Exit::LimitHit(_)) => {
            let log = String::from_utf8_lossy(&finished.log.bytes).into_owned();
            return Err(EnvironmentError::Step { doing: "compile byte code", exit, log });
        }
    }
    collect(
        root,
        &site,
        &out.join(purpose.folder().trim_start_matches('/')),
        &format!("cpython-{}{}", python.major, python.minor),
    )
}

/// Takes what the box made for the modules that are there, and nothing else.
fn collect(root: &Path, site: &str, made: &Path, tag: &str) -> Result<(), EnvironmentError> {
    for entry in WalkDir::new(root.join(site)).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_owned();
            EnvironmentError::Io { doing: "read", path, source: error.into() }
        })?;
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        let (Some(stem), Some(folder)) = (path.file_stem(), path.parent()) else { continue };
        if !entry.file_type().is_file() || path.extension().is_none_or(|ending| ending != "py") {
            continue;
        }
        let name = format!("{}.{tag}.pyc", stem.to_string_lossy());
        let file = made.join(folder).join(&name);
        let Ok(metadata) = file.symlink_metadata() else { continue };
        if !metadata.is_file() || metadata.len() > LIMIT {
            return Err(EnvironmentError::Result {
                path: file,
                why: "not a file of a usual size".to_owned(),
            });
        }
        let bytes = fs::read(&file).map_err(EnvironmentError::io("read", &file))?;
        let target = folder.join("__pycache__").join(name);
        // A wheel that brings byte code of its own brought it for other files' times: ours takes its place.
        let _ = fs::remove_file(root.join(&target));
        layout::write(root, &target.to_string_lossy(), &bytes, Mode::File)?;
    }
    Ok(())
}
