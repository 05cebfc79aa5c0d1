//! The native engine: a box made of Linux namespaces, without a daemon and without root.
//!
//! [`NativeEngine`] starts the hidden process ([`reexec`]), hands it the specification and watches; the hidden
//! process makes the namespaces and forks the box's PID 1, which mounts the file systems, drops everything
//! and starts the program. Needs Linux 5.12 or newer and the right to make user namespaces.

mod calls;
mod cgroup;
mod copy;
mod engine;
mod error;
mod hierarchy;
mod hints;
mod identity;
mod init;
mod isolation;
mod launch;
mod limits;
mod place;
mod privileges;
mod rootfs;
mod seccomp;
mod syscall;
mod tree;
mod wire;

pub use engine::{NativeEngine, Probe};
pub use error::{NativeError, Step};
pub use launch::reexec;

/// The first argument of the hidden re-execution.
const HIDDEN_ARGUMENT: &str = "__sealwright-box";

/// Bytes that the user may still write to the file system of `path` (`statvfs(3)`).
///
/// # Errors
/// The path cannot be looked at.
pub fn free_space(path: &std::path::Path) -> std::io::Result<u64> {
    let stat = nix::sys::statvfs::statvfs(path)?;
    Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

/// Whether `path` lies on a file system in memory (tmpfs); not if it cannot be looked at.
pub fn is_in_memory(path: &std::path::Path) -> bool {
    nix::sys::statfs::statfs(path).is_ok_and(|stat| stat.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC)
}
