//! The tools themselves: they lock the examples again, against a loopback index in front of this host's own.
//!
//! `tests/setup.sh` installs them; where it could not, these tests are skipped, and without a network too.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::examples::{EXAMPLES, PINS};
use super::{Case, pinned};
use crate::context::repository;

fn lockers() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lockers")
}

/// The environment that a folder of the examples is locked with.
fn locker(folder: &str) -> PathBuf {
    let name = match folder {
        "pip-tools" => "piptools",
        "poetry" => "poetry2",
        "pylock" => "pip",
        name => name,
    };
    lockers().join(name)
}

/// Runs `relock.sh` for one example in a folder of its own. The outer error is a failure, the inner one why it cannot
/// run here.
fn relock(folder: &str) -> Result<Result<tempfile::TempDir, String>, String> {
    // Its interpreter may lie where this user does not get to it.
    if !locker(folder).join("bin/python").is_file() {
        return Ok(Err(format!("the tool of examples/lockfiles/{folder} is not installed for this user")));
    }
    let into = tempfile::Builder::new().prefix("sealwright-relock-").tempdir().unwrap();
    let output = Command::new(repository().join("examples/lockfiles/relock.sh"))
        .arg("--into")
        .arg(into.path())
        .arg(folder)
        .env("LOCKERS", lockers())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    match output.status.code() {
        Some(0) => Ok(Ok(into)),
        Some(7) => Ok(Err(format!("this host's package index is not reached: {}", said.trim()))),
        _ => Err(format!("relock.sh {folder}: {said}")),
    }
}

fn check(folder: &str) -> Result<(), String> {
    // Once more when it fails: an index across a network does now and then.
    let into = relock(folder).or_else(|_| relock(folder)).unwrap_or_else(|said| panic!("{said}"))?;
    let (_, file) = EXAMPLES.into_iter().find(|(name, _)| *name == folder).unwrap();
    let read = Case::of(into.path().join(folder), file).read().unwrap();
    assert_eq!(pinned(&read), PINS);
    let committed = Case::of(repository().join("examples/lockfiles").join(folder), file).read().unwrap();
    for (now, then) in read.pins.iter().zip(&committed.pins) {
        assert_eq!((&now.name, &now.hashes), (&then.name, &then.hashes), "{}", now.at);
    }
    Ok(())
}

macro_rules! tool {
    ($($test:ident: $folder:literal;)*) => {$(
        #[test]
        fn $test() {
            if let Err(why) = check($folder) {
                skipped!("{why}");
            }
        }
    )*};
}

tool! {
    pip_locks_the_committed_requirements_again: "pip";
    pip_compile_locks_the_committed_requirements_again: "pip-tools";
    pipenv_locks_the_committed_pipfile_again: "pipenv";
    poetry_locks_the_committed_file_again: "poetry";
    uv_locks_the_committed_file_again: "uv";
    pip_lock_writes_the_committed_pylock_again: "pylock";
}
