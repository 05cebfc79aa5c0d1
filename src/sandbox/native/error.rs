//! What can go wrong between asking for a box and having it, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::error::{Blame, Fault, io_hints};

use super::hints;

/// One step on the way to a box, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Closing inherited descriptors, reading the job.
    Start,
    /// `open_tree`, `mount_setattr`: the image and the mounts, read-only where asked.
    OpenTree,
    /// Root becomes a dedicated unprivileged id.
    DropId,
    /// `unshare(CLONE_NEWUSER)`
    UserNamespace,
    /// `/proc/self/{setgroups,gid_map,uid_map}`
    IdMap,
    /// `unshare(CLONE_NEWNS)`
    MountNamespace,
    /// `unshare(CLONE_NEWPID)`
    PidNamespace,
    /// `unshare(CLONE_NEWIPC)`
    IpcNamespace,
    /// `unshare(CLONE_NEWUTS)`
    UtsNamespace,
    /// `unshare(CLONE_NEWNET)`
    NetNamespace,
    /// `unshare(CLONE_NEWCGROUP)`
    CgroupNamespace,
    /// `fork` of the box's PID 1.
    Fork,
    /// Mounting the image as the root, `pivot_root`.
    Root,
    /// Mounting a folder or file of the specification.
    Mount,
    /// A fresh `/proc`.
    Proc,
    /// A minimal `/dev`.
    Dev,
    /// Letting go of the host's root.
    Detach,
    /// Setting the loopback interface up.
    Loopback,
    /// Host and domain name.
    HostName,
    /// `setrlimit`
    Limits,
    /// Dropping all capabilities, locking the secure bits.
    Capabilities,
    /// Installing the system call filter.
    Seccomp,
    /// A session of its own, signals, working folder.
    Session,
    /// Looking at the box from inside.
    Observe,
    /// `execve` of the program.
    Exec,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 25] = [
        Self::Start,
        Self::OpenTree,
        Self::DropId,
        Self::UserNamespace,
        Self::IdMap,
        Self::MountNamespace,
        Self::PidNamespace,
        Self::IpcNamespace,
        Self::UtsNamespace,
        Self::NetNamespace,
        Self::CgroupNamespace,
        Self::Fork,
        Self::Root,
        Self::Mount,
        Self::Proc,
        Self::Dev,
        Self::Detach,
        Self::Loopback,
        Self::HostName,
        Self::Limits,
        Self::Capabilities,
        Self::Seccomp,
        Self::Session,
        Self::Observe,
        Self::Exec,
    ];

    /// What was being done, as a fragment.
    #[must_use]
    pub fn doing(self) -> &'static str {
        match self {
            Self::Start => "starting the box's process",
            Self::OpenTree => "opening what the box mounts",
            Self::DropId => "becoming an unprivileged id",
            Self::UserNamespace => "making a user namespace",
            Self::IdMap => "mapping the user into the user namespace",
            Self::MountNamespace => "making a mount namespace",
            Self::PidNamespace => "making a process namespace",
            Self::IpcNamespace => "making an IPC namespace",
            Self::UtsNamespace => "making a host name namespace",
            Self::NetNamespace => "making a network namespace",
            Self::CgroupNamespace => "making a cgroup namespace",
            Self::Fork => "forking the box's first process",
            Self::Root => "mounting the image as the root file system",
            Self::Mount => "mounting a folder into the box",
            Self::Proc => "mounting a fresh /proc",
            Self::Dev => "making a minimal /dev",
            Self::Detach => "letting go of the host's file systems",
            Self::Loopback => "setting the loopback interface up",
            Self::HostName => "setting the host name",
            Self::Limits => "setting resource limits",
            Self::Capabilities => "dropping capabilities",
            Self::Seccomp => "installing the system call filter",
            Self::Session => "preparing the program's session",
            Self::Observe => "looking at the box from inside",
            Self::Exec => "starting the program",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.doing())
    }
}

/// Why there was no box, or no end of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NativeError {
    /// The hidden process could not be started.
    #[error("cannot start {program:?} for the box")]
    Launch {
        /// What was started.
        program: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A step of making the box failed.
    #[error("{step} failed{}", at(path.as_ref()))]
    Step {
        /// Which.
        step: Step,
        /// With what.
        path: Option<PathBuf>,
        /// Why.
        #[source]
        errno: Errno,
    },
    /// Something handed to the engine is not there or not usable.
    #[error("cannot use {path:?} in the box")]
    Source {
        /// What.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The specification has no form that the kernel takes.
    #[error("the box's specification is wrong: {what}")]
    Spec {
        /// What is wrong.
        what: String,
    },
    /// The box was made, but what was seen from inside is not what it has to be.
    #[error("the box is not isolated: {what} is {actual}, expected {expected}")]
    NotIsolated {
        /// What was looked at.
        what: &'static str,
        /// What it has to be.
        expected: String,
        /// What it was.
        actual: String,
    },
    /// The hidden process ended without a word.
    #[error("the box's process ended unexpectedly: {how}")]
    Died {
        /// Its status.
        how: String,
    },
    /// The pipes to the hidden process failed.
    #[error("cannot talk to the box's process: {what}")]
    Pipe {
        /// What was being done.
        what: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The user cancelled.
    #[error("interrupted by signal {signal}")]
    Cancelled {
        /// By which signal.
        signal: i32,
    },
}

fn at(path: Option<&PathBuf>) -> String {
    path.map(|path| format!(" at {}", path.display())).unwrap_or_default()
}

impl Fault for NativeError {
    fn blame(&self) -> Blame {
        match self {
            Self::Cancelled { signal } => Blame::Interrupted(*signal),
            Self::Spec { .. } => Blame::Ours,
            Self::Launch { .. }
            | Self::Step { .. }
            | Self::Source { .. }
            | Self::NotIsolated { .. }
            | Self::Died { .. }
            | Self::Pipe { .. } => Blame::Environment,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Step { step, errno, .. } => hints::for_step(*step, *errno),
            Self::Source { source, .. } | Self::Launch { source, .. } => io_hints(source),
            Self::NotIsolated { .. } => {
                vec!["`sealwright doctor` shows what this host lets us do".to_owned()]
            }
            Self::Spec { .. } | Self::Died { .. } | Self::Pipe { .. } | Self::Cancelled { .. } => Vec::new(),
        }
    }
}
