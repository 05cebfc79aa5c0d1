//! Failures of the store, the index, the disk and the host.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{own_copy, sample};
use crate::context::{Project, program};

/// The blob of the first distribution in the lock.
fn first_distribution(project: &Project) -> (String, PathBuf) {
    let lock = sealwright::lock::Lock::parse(&project.read("sealwright.lock")).unwrap();
    let file = &lock.targets[0].distributions[0];
    let hex = file.sha256.to_hex();
    (file.file.clone(), project.store().join("blobs/sha256").join(&hex[..2]).join(&hex))
}

/// Environments are made again from their wheels.
fn forget_environments(project: &Project) {
    let folder = project.store().join("trees/environment");
    sealwright::store::remove_tree(&folder).unwrap();
    std::fs::create_dir(folder).unwrap();
}

fn replace(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_tampered_blob_is_noticed_and_mended() {
    let project = own_copy(sample(""));
    let (file, blob) = first_distribution(&project);
    replace(&blob, b"something else");
    project.run(&["store", "verify"]).code(3).stdout_has("expected").stdout_has("sealwright fetch");
    replace_missing(&blob);
    forget_environments(&project);
    let outcome = project.run(&["build", "--no-cache", "--offline"]).code(3);
    assert!(outcome.stderr.contains("expected"), "{file}: {}", outcome.stderr);
    assert!(project.names("dist").is_empty());
    project.run(&["fetch"]).code(0);
    project.run(&["build", "--no-cache", "--offline"]).code(0);
}

/// `store verify` moved the bad blob aside; it is put there once more.
fn replace_missing(blob: &Path) {
    assert!(!blob.exists());
    std::fs::write(blob, b"something else").unwrap();
}

#[test]
fn an_index_that_serves_other_bytes_is_refused() {
    let project = own_copy(sample(""));
    let (file, blob) = first_distribution(&project);
    let name = file.split('-').next().unwrap().to_owned();
    std::fs::remove_file(&blob).unwrap();
    forget_environments(&project);
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let address = format!("http://{}", server.server_addr());
    let page = format!("<a href=\"/files/{file}\">{file}</a>");
    let serve = std::thread::spawn(move || {
        while let Ok(Some(request)) = server.recv_timeout(std::time::Duration::from_secs(20)) {
            let body =
                if request.url().starts_with("/files/") { "other bytes".to_owned() } else { page.clone() };
            let kind =
                if request.url().starts_with("/files/") { "application/octet-stream" } else { "text/html" };
            let header = tiny_http::Header::from_bytes("Content-Type", kind).unwrap();
            let last = request.url().starts_with("/files/");
            request.respond(tiny_http::Response::from_string(body).with_header(header)).unwrap();
            if last {
                break;
            }
        }
    });
    let project = project
        .env("PIP_CONFIG_FILE", "/dev/null")
        .env("PIP_FIND_LINKS", "")
        .env("PIP_INDEX_URL", format!("{address}/simple"));
    project.run(&["build", "--no-cache"]).code(3).stderr_has(&file).stderr_has("expected");
    serve.join().unwrap();
    assert!(!blob.exists(), "{name}");
    assert!(project.names("dist").is_empty());
}

#[test]
fn an_index_that_is_down_is_a_network_failure() {
    let project = own_copy(sample(""));
    let (_, blob) = first_distribution(&project);
    std::fs::remove_file(&blob).unwrap();
    forget_environments(&project);
    let project = project
        .env("PIP_CONFIG_FILE", "/dev/null")
        .env("PIP_FIND_LINKS", "")
        .env("PIP_INDEX_URL", "http://127.0.0.1:9/simple");
    project.run(&["build", "--no-cache"]).code(7).stderr_has("127.0.0.1:9");
    project.run(&["build", "--no-cache", "--offline"]).code(7).stderr_has("offline");
    assert!(project.names("dist").is_empty());
}

#[test]
fn a_full_disk_is_told_and_nothing_is_half_written() {
    let project = sample("").own_store();
    std::fs::create_dir(project.store()).unwrap();
    let script = format!("mount -t tmpfs -o size=4m none '{0}' && exec \"$@\"", project.store().display());
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "--", "sh", "-c", &script, "sh"]);
    let output = unshare
        .arg(program())
        .args(["lock"])
        .current_dir(project.path())
        .env("SEALWRIGHT_STORE", project.store())
        .env("HOME", project.home())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("unshare failed") || stderr.contains("mount:") {
        skipped!("no user or mount namespace for a small file system: {stderr}");
    }
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("No space left"), "{stderr}");
    assert!(stderr.contains("hint: free some space"), "{stderr}");
    assert!(!project.join("sealwright.lock").exists());
}

#[test]
fn forbidden_user_namespaces_are_told_with_the_fix() {
    let project = sample("");
    project.run(&["lock"]).code(0);
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--user", "--map-current-user", "--keep-caps", "--", "sh", "-c", script, "sh"])
        .arg(program())
        .args(["build", "--no-cache"])
        .current_dir(project.path())
        .env("SEALWRIGHT_STORE", project.store())
        .env("HOME", project.home())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("unshare:") || stderr.contains("sh: ") {
        skipped!("no user namespace whose limit can be set: {stderr}");
    }
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("user.max_user_namespaces"), "{stderr}");
    assert!(project.names("dist").is_empty());
}
