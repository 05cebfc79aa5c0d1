//! Hosts that forbid something: what is said, and that nothing runs. Made with namespaces of our own, as an
//! ordinary user's shell can.

use std::process::Command;

use sealwright::error::Blame;

use super::bench::{Bench, text};
use super::native;

const HELPER: &str = "SEALWRIGHT_TEST_EXPECT";

/// Not a test: tries a box on a host that another test has spoilt.
#[test]
#[ignore = "run by other tests"]
fn helper_that_expects_no_box() {
    let Ok(expected) = std::env::var(HELPER) else { return };
    let bench = Bench::untried();
    let fault = bench.try_run(&bench.spec(&["/bin/sh", "-c", "touch /out/ran"])).unwrap_err();
    let text = text(fault.as_ref());
    assert_eq!(fault.blame(), Blame::Environment);
    for part in expected.split('|') {
        assert!(text.contains(part), "{text}");
    }
    assert!(!bench.out.join("ran").exists());
}

/// Runs the helper in a user namespace, after `spoil`. False: this host has no `unshare`.
fn expect_on_host(spoil: &str, expected: &str) -> bool {
    let script = format!(
        "{spoil} && exec \"$0\" --exact --ignored --nocapture engine::hosts::helper_that_expects_no_box"
    );
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc", "/bin/sh", "-c"])
        .arg(script)
        .arg(std::env::current_exe().unwrap())
        .env(HELPER, expected)
        .output();
    let Ok(output) = output else { return false };
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    true
}

#[test]
fn forbidden_user_namespaces_are_named_with_the_fix() {
    let _bench = native!();
    let done = expect_on_host(
        "echo 0 > /proc/sys/user/max_user_namespaces",
        "making a user namespace failed|ENOSPC|sysctl -w user.max_user_namespaces=15000",
    );
    if !done {
        skipped!("no unshare");
    }
}

#[test]
fn a_masked_proc_is_named_with_the_fix() {
    let _bench = native!();
    let done = expect_on_host(
        "mount -t tmpfs none /proc/fs",
        "mounting a fresh /proc failed at /proc|EPERM|systempaths=unconfined|procMount: Unmasked",
    );
    if !done {
        skipped!("no unshare");
    }
}
