//! What works on this host and what does not, with the fix: a box is made up to the point where a program
//! would start, every step reported; then the limits, and the place of the store.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::name::SandboxPath;
use crate::sandbox::native::{NativeEngine, NativeError, Probe, Step};
use crate::sandbox::{BoxSpec, Enforcement, Isolation, Limits, Network, Surface};

/// Bytes that a base image, its packages and an environment take, with some room.
const ROOM: u64 = 3 << 30;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at, for instance `user namespace`.
    pub name: String,
    /// How it is.
    pub status: Status,
    /// What was seen, a lowercase fragment.
    pub text: String,
    /// What to do about it, most useful first. Empty when all is well.
    pub fixes: Vec<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Works.
    Ok,
    /// Builds work, with less than was asked for, and statements say so.
    Limited,
    /// Does not work, and no box is made without it.
    Missing,
    /// Could not be looked at, since something before it is missing.
    Unknown,
}

impl Finding {
    fn new(name: &str, status: Status, text: impl Into<String>, fixes: Vec<String>) -> Self {
        Self { name: name.to_owned(), status, text: text.into(), fixes }
    }
}

/// Whether builds can run here.
#[must_use]
pub fn usable(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| match finding.status {
        Status::Ok | Status::Limited => true,
        Status::Missing | Status::Unknown => false,
    })
}

/// Looks at this host: the kernel, each step of a box, the limits, and the folder `store` (which exists).
#[must_use]
pub fn probe(engine: &NativeEngine, store: &Path) -> Vec<Finding> {
    let mut findings = vec![kernel()];
    // In the store, since boxes run from there.
    let root = tempfile::Builder::new().prefix("doctor-").tempdir_in(store);
    findings.push(store_folder(store, root.as_ref().err()));
    match root {
        Ok(root) => findings.extend(engine_steps(&engine.probe(&empty_box(root.path())))),
        Err(_) => findings.push(Finding::new(
            "native engine",
            Status::Unknown,
            "not tried: the store cannot be written",
            Vec::new(),
        )),
    }
    findings
}

/// A box with nothing in it, with every limit asked for.
fn empty_box(root: &Path) -> BoxSpec {
    BoxSpec {
        root: root.to_owned(),
        mounts: Vec::new(),
        argv: vec!["/nothing".to_owned()],
        env: std::iter::empty().collect(),
        cwd: SandboxPath::root(),
        network: Network::None,
        limits: Limits { wall: Duration::from_secs(20), memory: Some(1 << 30), ..Limits::default() },
        surface: Surface::default(),
    }
}

fn kernel() -> Finding {
    const FIRST: (u32, u32) = (5, 12);
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) < FIRST => Finding::new(
            "kernel",
            Status::Missing,
            format!("Linux {release}; the native engine needs {}.{}", FIRST.0, FIRST.1),
            vec!["run on a newer kernel".to_owned()],
        ),
        (Some(_), Some(_)) => Finding::new("kernel", Status::Ok, format!("Linux {release}"), Vec::new()),
        _ => Finding::new(
            "kernel",
            Status::Missing,
            "no /proc of a Linux kernel",
            vec!["mount /proc".to_owned()],
        ),
    }
}

fn store_folder(store: &Path, error: Option<&std::io::Error>) -> Finding {
    let place = store.display();
    if let Some(error) = error {
        let mut fixes = crate::error::io_hints(error);
        fixes.push("or set SEALWRIGHT_STORE to a folder that can be written".to_owned());
        return Finding::new("store", Status::Missing, format!("{place} cannot be written: {error}"), fixes);
    }
    let space = crate::sandbox::native::free_space(store);
    match space {
        Ok(free) if free < ROOM => Finding::new(
            "store",
            Status::Limited,
            format!("{} MB free at {place}; a first build takes up to {} MB", free >> 20, ROOM >> 20),
            vec![
                "free some space: `sealwright store gc` removes what no project uses".to_owned(),
                "or set SEALWRIGHT_STORE to a larger file system".to_owned(),
            ],
        ),
        Ok(free) => Finding::new("store", Status::Ok, format!("{place}, {} MB free", free >> 20), Vec::new()),
        Err(error) => Finding::new(
            "store",
            Status::Limited,
            format!("{place}: free space unknown: {error}"),
            Vec::new(),
        ),
    }
}

/// The steps that people know, and the kernel's step that stands for each.
const SHOWN: [(&str, &[Step]); 12] = [
    ("hidden process", &[Step::Start, Step::DropId]),
    ("user namespace", &[Step::UserNamespace, Step::IdMap]),
    ("mount namespace", &[Step::MountNamespace]),
    ("process namespace", &[Step::PidNamespace]),
    ("IPC namespace", &[Step::IpcNamespace]),
    ("host name namespace", &[Step::UtsNamespace, Step::HostName]),
    ("cgroup namespace", &[Step::CgroupNamespace]),
    ("network namespace", &[Step::NetNamespace, Step::Loopback]),
    ("root file system", &[Step::OpenTree, Step::Fork, Step::Root, Step::Mount, Step::Dev, Step::Detach]),
    ("fresh /proc", &[Step::Proc]),
    ("capabilities and limits", &[Step::Limits, Step::Capabilities]),
    ("system call filter", &[Step::Seccomp]),
];

fn engine_steps(probe: &Probe) -> Vec<Finding> {
    let failed = match &probe.outcome {
        Err(NativeError::Step { step, .. }) => Some(*step),
        Ok(_) | Err(_) => None,
    };
    let mut findings = Vec::new();
    for (name, steps) in SHOWN {
        let finding = match (&probe.outcome, failed) {
            (Err(error), Some(failed)) if steps.contains(&failed) => failure(name, error),
            _ if steps.iter().all(|step| probe.passed.contains(step)) => {
                Finding::new(name, Status::Ok, "works", Vec::new())
            }
            _ => Finding::new(name, Status::Unknown, "not tried, since a step before it failed", Vec::new()),
        };
        findings.push(finding);
    }
    match &probe.outcome {
        Ok(isolation) => findings.extend(limits(isolation)),
        Err(error) if failed.is_none_or(|step| !SHOWN.iter().any(|(_, steps)| steps.contains(&step))) => {
            findings.push(failure("native engine", error));
        }
        Err(_) => {}
    }
    findings
}

fn failure(name: &str, error: &NativeError) -> Finding {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    let fixes = error.hints().into_iter().filter(|hint| !hint.contains("sealwright doctor")).collect();
    Finding::new(name, Status::Missing, text, fixes)
}

fn limits(isolation: &Isolation) -> [Finding; 2] {
    let finding = |name: &str, limit: &Enforcement, fix: &str| match limit {
        Enforcement::Enforced { by, .. } => {
            Finding::new(name, Status::Ok, format!("enforced by {by}"), Vec::new())
        }
        Enforcement::NotEnforced { why } => {
            Finding::new(name, Status::Limited, format!("not enforced: {why}"), vec![fix.to_owned()])
        }
        Enforcement::Unlimited => Finding::new(name, Status::Limited, "not asked for", Vec::new()),
    };
    [
        finding(
            "memory limit",
            &isolation.memory,
            "builds run without it; to have it: cgroup v2 with a delegated group (`systemd-run --user --scope -p Delegate=yes sealwright …`), or run as root",
        ),
        finding("process limit", &isolation.processes, "raise the hard limit of processes (`ulimit -Hu`)"),
    ]
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn the_failed_step_is_missing_and_later_ones_unknown() {
        let passed = Step::ALL.into_iter().take_while(|step| *step != Step::Proc).collect();
        let errno = Errno::EPERM;
        let outcome = Err(NativeError::Step { step: Step::Proc, path: Some("/proc".into()), errno });
        let findings = engine_steps(&Probe { passed, outcome });
        let of = |name: &str| findings.iter().find(|finding| finding.name == name).unwrap();
        assert_eq!(of("user namespace").status, Status::Ok);
        assert_eq!(of("fresh /proc").status, Status::Missing);
        assert_eq!(of("system call filter").status, Status::Unknown);
        assert!(of("fresh /proc").fixes.iter().any(|fix| fix.contains("systempaths=unconfined")));
        assert!(!usable(&findings));
        let json = serde_json::to_string(of("fresh /proc")).unwrap();
        assert!(json.contains(r#""status":"missing""#), "{json}");
    }
}
