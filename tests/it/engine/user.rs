//! The whole suite again as an ordinary user, when root runs it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use nix::unistd::Uid;

use super::native;
use crate::context::program;

/// An id that no user has.
const USER: &str = "52345";

#[test]
fn an_ordinary_user_without_subordinate_ids_passes_the_same_suite() {
    if !Uid::effective().is_root() {
        skipped!("not root: the suite runs as an ordinary user anyway");
    }
    let _bench = native!();
    let folder = tempfile::Builder::new().prefix("user-").tempdir().unwrap();
    let readable = |name: &str, from: &std::path::Path| {
        let path = folder.path().join(name);
        fs::copy(from, &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let tests = readable("tests", &std::env::current_exe().unwrap());
    let launcher = readable("sealwright", &program());
    let temp = folder.path().join("tmp");
    fs::create_dir(&temp).unwrap();
    fs::set_permissions(&temp, fs::Permissions::from_mode(0o1777)).unwrap();

    let made = Command::new("setpriv")
        .args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"])
        .arg(&tests)
        .args(["engine::", "--test-threads=2"])
        .current_dir("/")
        .env("SEALWRIGHT_TEST_PROGRAM", &launcher)
        .env("TMPDIR", &temp)
        .env("HOME", &temp)
        .env_remove("XDG_CACHE_HOME")
        .output();
    let output = match made {
        Ok(output) => output,
        Err(error) => skipped!("no setpriv: {error}"),
    };
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    assert!(text.contains("test result: ok"), "{text}");
}
