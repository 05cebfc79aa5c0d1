//! What a box holds and what is known of it afterwards: values only.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::name::SandboxPath;

/// Everything that a box is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BoxSpec {
    /// The unpacked image on the host, mounted read-only as the root file system.
    pub root: PathBuf,
    /// Folders of the host that the box sees, in the order in which they are mounted. The targets need not
    /// exist in the image: `/src`, `/out`, `/tmp`, `/home/build` and `/env` do in assembled ones.
    pub mounts: Vec<Mount>,
    /// The program and its arguments; the program is an absolute path in the box.
    pub argv: Vec<String>,
    /// The whole environment. Nothing else reaches the box.
    pub env: BTreeMap<String, String>,
    /// The working folder.
    pub cwd: SandboxPath,
    /// What the box can reach.
    pub network: Network,
    /// What the box may use.
    pub limits: Limits,
    /// What the box sees of a machine and its user.
    pub surface: Surface,
}

/// What a box sees of a machine and its user: the same on every host, unless somebody wants to know what a program
/// makes of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surface {
    /// `gethostname(2)`
    pub host_name: String,
    /// The one user and the one group that the box knows, by number.
    pub user: u32,
    /// `umask(2)`, when the program starts.
    pub umask: u32,
    /// `sched_getaffinity(2)`
    pub cores: Cores,
}

impl Default for Surface {
    fn default() -> Self {
        Self { host_name: "sealwright".to_owned(), user: 1000, umask: 0o022, cores: Cores::All }
    }
}

/// The cores that a program may run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cores {
    /// All that this process may.
    All,
    /// The first of them.
    One,
}

/// A folder or file of the host that the box sees.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mount {
    /// On the host.
    pub source: PathBuf,
    /// In the box.
    pub target: SandboxPath,
    /// What the box may do with it.
    pub access: Access,
}

/// What the box may do with a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Read and execute only.
    ReadOnly,
    /// Write too. No set-user-id, no devices.
    Writable,
    /// The box gets a copy of the folder in memory, which is gone at its end. It may write to that.
    Copied(Order),
}

/// In which order a copied folder's entries are listed (`readdir(3)`), as far as it is the order in which they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// As the original's file system lists them.
    Kept,
    /// The other way round.
    Reversed,
}

/// What the box can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// A loopback interface of its own and nothing else.
    None,
    /// The host's network. Only the locked resolver runs so, never a project's code.
    Host,
}

/// What the box may use. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time for the whole box.
    pub wall: Duration,
    /// Bytes of memory of all processes together.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
    /// Bytes of one file.
    pub file_size: Option<u64>,
    /// Bytes of log that are kept; what is more is dropped and said.
    pub log: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_hours(1),
            memory: None,
            processes: Some(4096),
            file_size: Some(8 << 30),
            log: 64 << 20,
        }
    }
}

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself, with this exit status.
    Code(i32),
    /// Killed by this signal.
    Signal(i32),
    /// By us, because a limit was hit.
    LimitHit(Limit),
}

/// A limit of [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// [`Limits::wall`]
    Wall,
    /// [`Limits::memory`]
    Memory,
    /// [`Limits::processes`]
    Processes,
    /// [`Limits::file_size`]
    FileSize,
}

/// Whether a resource limit holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Enforcement {
    /// The kernel holds it, by this means (`cgroup v2`, `RLIMIT_NPROC`).
    Enforced {
        /// The limit, in the unit of [`Limits`].
        value: u64,
        /// By what.
        by: String,
    },
    /// It was asked for and this host does not let us.
    NotEnforced {
        /// Why.
        why: String,
    },
    /// No limit was asked for.
    Unlimited,
}

/// What the engine really enforced. Isolation that could not be enforced is an error, so what stands here as
/// isolation held; the limits tell what each is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// Namespaces that are the box's own, in the kernel's names, sorted: `cgroup ipc mnt net pid user uts`.
    pub namespaces: Vec<String>,
    /// `none` or `host`.
    pub network: String,
    /// The root file system was mounted `read-only`.
    pub root: String,
    /// Capabilities in every set of the program, sorted. Empty.
    pub capabilities: Vec<String>,
    /// `no_new_privs` was set.
    pub no_new_privs: bool,
    /// The seccomp filter: `allow-list/<version>`.
    pub seccomp: String,
    /// Memory of all processes.
    pub memory: Enforcement,
    /// Processes and threads.
    pub processes: Enforcement,
    /// Bytes of one file.
    pub file_size: Enforcement,
    /// Wall-clock seconds.
    pub wall: Enforcement,
}

/// The program's output, kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The bytes, made harmless: standard output and error together, in the order in which they came.
    pub bytes: Vec<u8>,
    /// How many bytes were dropped, since the limit was reached.
    pub dropped: u64,
}

/// A box that came to its end.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How the program ended.
    pub exit: Exit,
    /// What was enforced.
    pub isolation: Isolation,
    /// What it printed.
    pub log: LogRecord,
    /// Wall-clock time from start to end.
    pub elapsed: Duration,
}
