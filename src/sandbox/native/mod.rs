//! The native engine: a box made of Linux namespaces, without a daemon and without root.
//!
//! [`NativeEngine`] starts the hidden process ([`reexec`]), hands it the specification and watches; the hidden
//! process makes the namespaces and forks the box's PID 1, which mounts the file systems, drops everything
//! and starts the program. Needs Linux 5.12 or newer and the right to make user namespaces.

mod calls;
mod cgroup;
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

pub use engine::NativeEngine;
pub use error::{NativeError, Step};
pub use launch::reexec;

/// The first argument of the hidden re-execution.
const HIDDEN_ARGUMENT: &str = "__sealwright-box";

/// The uid and gid in the box.
pub const BOX_ID: u32 = 1000;
