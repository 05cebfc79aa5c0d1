//! Memory and process limits by cgroup, version 1 or 2, where the host lets us: groups of one box, made below
//! our own, entered by the hidden process before it makes its namespaces, removed afterwards.
//!
//! What we leave when we are killed is empty by then, and the next box's start sweeps it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::sandbox::{Enforcement, Limits};

use super::hierarchy::{Hierarchies, Place, Version};
use super::limits::OUR_PROCESSES;

const PREFIX: &str = "sealwright-";
static COUNT: AtomicU64 = AtomicU64::new(0);

/// What a cgroup limits here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Controller {
    /// `memory`
    Memory,
    /// `pids`
    Pids,
}

impl Controller {
    /// The kernel's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pids => "pids",
        }
    }
}

/// The cgroups of one box.
#[derive(Debug)]
pub(super) struct Control {
    memory: Held,
    pids: Held,
}

/// One limit.
#[derive(Debug)]
enum Held {
    /// By this group.
    By { group: PathBuf, version: Version, value: u64 },
    /// Not, for this reason.
    Not { why: String },
}

impl Control {
    /// No groups, and why.
    pub(super) fn none(why: &str) -> Self {
        let not = || Held::Not { why: why.to_owned() };
        Self { memory: not(), pids: not() }
    }

    /// Makes the groups that the limits ask for, as far as the host lets us.
    pub(super) fn prepare(limits: &Limits) -> Self {
        let mut control = Self::none("no limit was asked for");
        if limits.memory.is_none() && limits.processes.is_none() {
            return control;
        }
        let hierarchies = Hierarchies::read();
        let name = format!("{PREFIX}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        if let Some(value) = limits.memory {
            control.memory = make(&hierarchies, Controller::Memory, &name, value);
        }
        if let Some(value) = limits.processes {
            control.pids = make(&hierarchies, Controller::Pids, &name, value.saturating_add(OUR_PROCESSES));
        }
        control
    }

    /// Puts the process in. A group that it may not enter limits nothing and is removed.
    pub(super) fn enter(&mut self, pid: u32) {
        for held in [&mut self.memory, &mut self.pids] {
            let Held::By { group, version, .. } = &*held else { continue };
            if let Err(error) = fs::write(group.join("cgroup.procs"), pid.to_string()) {
                let why = format!("{version}: no process may be moved into a group: {}", error.kind());
                let _ = fs::remove_dir(group);
                *held = Held::Not { why };
            }
        }
    }

    /// What is to be said of the memory limit.
    pub(super) fn memory(&self, asked: Option<u64>) -> Enforcement {
        match (asked, &self.memory) {
            (None, _) => Enforcement::Unlimited,
            (Some(_), Held::By { version, value, .. }) => {
                Enforcement::Enforced { value: *value, by: version.to_string() }
            }
            (Some(_), Held::Not { why }) => Enforcement::NotEnforced { why: why.clone() },
        }
    }

    /// By what processes are limited, beside `RLIMIT_NPROC`.
    pub(super) fn processes(&self) -> Option<Version> {
        match &self.pids {
            Held::By { version, .. } => Some(*version),
            Held::Not { .. } => None,
        }
    }

    /// Whether the kernel killed a process of the box for its memory.
    pub(super) fn out_of_memory(&self) -> bool {
        let Held::By { group, version, .. } = &self.memory else { return false };
        let file = match version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = fs::read_to_string(group.join(file)).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.strip_prefix("oom_kill "))
            .any(|count| count.trim().parse::<u64>().is_ok_and(|count| count > 0))
    }

    /// Removes the groups, once the box has ended.
    pub(super) fn remove(self) {
        for held in [self.memory, self.pids] {
            if let Held::By { group, .. } = held {
                remove(&group);
            }
        }
    }
}

/// The kernel may need a moment after the last process.
fn remove(group: &Path) {
    let since = Instant::now();
    while let Err(error) = fs::remove_dir(group) {
        if error.kind() == io::ErrorKind::NotFound || since.elapsed() > Duration::from_secs(1) {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn make(hierarchies: &Hierarchies, controller: Controller, name: &str, value: u64) -> Held {
    let places = match hierarchies.places(controller) {
        Ok(places) => places,
        Err(why) => return Held::Not { why },
    };
    let mut why = String::new();
    for Place { folder, version } in places {
        sweep(&folder);
        let group = folder.join(name);
        let made = match fs::create_dir(&group) {
            // The same group of version 2 holds both limits.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        };
        match made.and_then(|()| limit(&group, controller, version, value)) {
            Ok(()) => return Held::By { group, version, value },
            Err(error) => {
                let _ = fs::remove_dir(&group);
                why = format!("{version}: no {} group may be made: {}", controller.name(), error.kind());
            }
        }
    }
    Held::Not { why }
}

fn limit(group: &Path, controller: Controller, version: Version, value: u64) -> io::Result<()> {
    let set = |file: &str, value: u64| fs::write(group.join(file), value.to_string());
    match (controller, version) {
        (Controller::Pids, Version::One | Version::Two) => set("pids.max", value),
        (Controller::Memory, Version::One) => {
            set("memory.limit_in_bytes", value)?;
            // Memory and swap together; only there when the kernel counts swap.
            let _ = set("memory.memsw.limit_in_bytes", value);
            Ok(())
        }
        (Controller::Memory, Version::Two) => {
            set("memory.max", value)?;
            let _ = set("memory.swap.max", 0);
            Ok(())
        }
    }
}

/// Removes the groups of processes that are no more. One that is in use cannot be removed.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
        if let Some((pid, _)) = owner
            && pid.bytes().all(|byte| byte.is_ascii_digit())
            && !Path::new("/proc").join(pid).exists()
        {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_of_dead_processes_are_swept() {
        let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let live = format!("{PREFIX}{}-0", std::process::id());
        for name in [live.as_str(), "sealwright-4194999-7", "sealwright-x-1", "other"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        sweep(folder.path());
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| name(&entry.unwrap())).collect();
        left.sort();
        let mut expected = vec!["other".to_owned(), live, "sealwright-x-1".to_owned()];
        expected.sort();
        assert_eq!(left, expected);
    }
}
