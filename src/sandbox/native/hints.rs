//! Why a step fails on known kinds of host, and the fix: Ubuntu's and Debian's switches, containers.

use std::fs;
use std::path::Path;

use nix::errno::Errno;

use super::error::Step;

/// A profile that allows this program what `AppArmor` forbids to those without one.
const APPARMOR: &str = r#"`printf 'abi <abi/4.0>,\ninclude <tunables/global>\nprofile sealwright %s flags=(unconfined) {\n  userns,\n}\n' "$(command -v sealwright)" | sudo tee /etc/apparmor.d/sealwright && sudo apparmor_parser -r /etc/apparmor.d/sealwright`"#;

/// What to do about a step that failed with `errno`, most useful first.
#[must_use]
pub(super) fn for_step(step: Step, errno: Errno) -> Vec<String> {
    let mut hints = match step {
        Step::UserNamespace
        | Step::IdMap
        | Step::MountNamespace
        | Step::PidNamespace
        | Step::IpcNamespace
        | Step::UtsNamespace
        | Step::NetNamespace
        | Step::CgroupNamespace
        | Step::Root
        | Step::Loopback
        | Step::HostName => namespaces_forbidden(step, errno),
        Step::OpenTree | Step::Mount => tree(errno),
        Step::Proc => masked_proc(),
        Step::Exec => program(errno),
        Step::Start
        | Step::DropId
        | Step::Fork
        | Step::Dev
        | Step::Detach
        | Step::Limits
        | Step::Capabilities
        | Step::Seccomp
        | Step::Session
        | Step::Observe => Vec::new(),
    };
    if errno == Errno::ENOSYS {
        hints.push("the native engine needs Linux 5.12 or newer, and a container whose seccomp profile knows its system calls".to_owned());
    }
    hints.push("`sealwright doctor` shows which step works on this host".to_owned());
    hints
}

fn sysctl(name: &str) -> Option<String> {
    fs::read_to_string(Path::new("/proc/sys").join(name)).ok().map(|text| text.trim().to_owned())
}

/// Whether this process runs in a container, as far as the usual marks tell.
pub(super) fn in_container() -> bool {
    Path::new("/.dockerenv").exists()
        || Path::new("/run/.containerenv").exists()
        || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
        || std::env::var_os("container").is_some()
}

fn namespaces_forbidden(step: Step, errno: Errno) -> Vec<String> {
    let mut hints = Vec::new();
    if sysctl("kernel/apparmor_restrict_unprivileged_userns").is_some_and(|value| value != "0") {
        hints.push(format!(
            "Ubuntu's AppArmor forbids user namespaces to programs without a profile: {APPARMOR}"
        ));
        hints.push(
            "or allow them to all programs: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
                .to_owned(),
        );
    }
    if sysctl("kernel/unprivileged_userns_clone").is_some_and(|value| value == "0") {
        hints.push("this kernel forbids user namespaces to ordinary users: `sudo sysctl -w kernel.unprivileged_userns_clone=1` (to keep it: a file in /etc/sysctl.d)".to_owned());
    }
    for (kind, of) in [
        ("user", Step::UserNamespace),
        ("mnt", Step::MountNamespace),
        ("pid", Step::PidNamespace),
        ("ipc", Step::IpcNamespace),
        ("uts", Step::UtsNamespace),
        ("net", Step::NetNamespace),
        ("cgroup", Step::CgroupNamespace),
    ] {
        let none_left = step == of && errno == Errno::ENOSPC;
        let forbidden = sysctl(&format!("user/max_{kind}_namespaces")).is_some_and(|value| value == "0");
        if none_left || forbidden {
            hints.push(format!("no {kind} namespaces may be made here: `sudo sysctl -w user.max_{kind}_namespaces=15000` (to keep it: a file in /etc/sysctl.d)"));
        }
    }
    if in_container() {
        hints.push("inside a container: its seccomp profile must allow namespaces and a fresh /proc: `docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined --security-opt apparmor=unconfined`, `podman run --security-opt seccomp=unconfined --security-opt unmask=ALL`, in Kubernetes `procMount: Unmasked` with `hostUsers: false` and an unconfined seccompProfile".to_owned());
    } else if errno == Errno::EPERM && hints.is_empty() {
        hints.push("something forbids user namespaces here: a chroot, a security module (SELinux, AppArmor), or a seccomp filter of what started us (systemd's RestrictNamespaces=)".to_owned());
    }
    hints
}

fn masked_proc() -> Vec<String> {
    let mut hints = vec![
        "the kernel refuses a fresh /proc while parts of the present one are covered, as containers do"
            .to_owned(),
    ];
    hints.push("docker: `--security-opt systempaths=unconfined`; podman: `--security-opt unmask=ALL`; Kubernetes: `procMount: Unmasked` with `hostUsers: false`".to_owned());
    hints
}

fn tree(errno: Errno) -> Vec<String> {
    match errno {
        Errno::EACCES => {
            vec!["the user that runs the box must be able to reach that path: check the modes of its parent folders".to_owned()]
        }
        Errno::EPERM if in_container() => namespaces_forbidden(Step::MountNamespace, errno),
        _ => Vec::new(),
    }
}

fn program(errno: Errno) -> Vec<String> {
    match errno {
        Errno::ENOENT => {
            vec!["the program, or the interpreter or loader that it names, is not in the image".to_owned()]
        }
        Errno::EACCES => {
            vec!["the program is not executable, or the store is on a file system mounted noexec".to_owned()]
        }
        Errno::ENOEXEC => vec!["the program is for another architecture, or is no program".to_owned()],
        _ => Vec::new(),
    }
}
