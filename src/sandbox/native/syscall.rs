//! The system calls that `nix` does not have, each made safe. The only `unsafe` of the program.
//!
//! Everything here runs in the hidden single-threaded process (or reads nothing but its arguments), so no
//! other thread can be inside the allocator at a `fork`.
#![expect(unsafe_code, reason = "the one module for it: each block says why it is sound")]

use std::ffi::{CStr, CString, c_int, c_long, c_uint, c_ulong};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::ForkResult;

/// What a mount may be used for, as `mount_setattr(2)` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MountAttributes(u64);

impl MountAttributes {
    /// `MOUNT_ATTR_RDONLY`
    pub(super) const READ_ONLY: Self = Self(1);
    /// `MOUNT_ATTR_NOSUID`
    pub(super) const NO_SUID: Self = Self(2);
    /// `MOUNT_ATTR_NODEV`
    pub(super) const NO_DEVICES: Self = Self(4);
    /// `MOUNT_ATTR_NOEXEC`
    pub(super) const NO_EXEC: Self = Self(8);

    /// Both.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Whether a call covers what is mounted below, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    /// `AT_RECURSIVE`
    Included,
    /// The one mount only.
    Excluded,
}

impl Below {
    fn flag(self) -> c_uint {
        match self {
            Self::Included => libc::AT_RECURSIVE.cast_unsigned(),
            Self::Excluded => 0,
        }
    }
}

const AT_EMPTY_PATH: c_uint = libc::AT_EMPTY_PATH.cast_unsigned();
const OPEN_TREE_CLONE: c_uint = 1;
const OPEN_TREE_CLOEXEC: c_uint = libc::O_CLOEXEC.cast_unsigned();
const MOVE_MOUNT_F_EMPTY_PATH: c_uint = 0x4;
const MOVE_MOUNT_T_EMPTY_PATH: c_uint = 0x40;
const FSOPEN_CLOEXEC: c_uint = 1;
const FSMOUNT_CLOEXEC: c_uint = 1;
const FSCONFIG_SET_STRING: c_uint = 1;
const FSCONFIG_CMD_CREATE: c_uint = 6;

/// `struct mount_attr` of `linux/mount.h`.
#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

fn fd_of(result: c_long) -> Result<OwnedFd, Errno> {
    let raw = Errno::result(result)?;
    let raw = c_int::try_from(raw).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just returned this descriptor to us, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// `open_tree(2)`: a detached copy of the mount at `path` (below `dir`, or absolute).
pub(super) fn clone_tree(dir: impl AsFd, path: &CStr, below: Below) -> Result<OwnedFd, Errno> {
    let flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | below.flag();
    // SAFETY: `path` is a C string that outlives the call; the other arguments are numbers.
    fd_of(unsafe { libc::syscall(libc::SYS_open_tree, dir.as_fd().as_raw_fd(), path.as_ptr(), flags) })
}

/// `mount_setattr(2)` on the mount that `tree` is the root of: sets `attributes`, and makes it private, so
/// that nothing mounted below shows anywhere else.
pub(super) fn set_attributes(
    tree: impl AsFd,
    attributes: MountAttributes,
    below: Below,
) -> Result<(), Errno> {
    let attr = MountAttr { attr_set: attributes.0, attr_clr: 0, propagation: libc::MS_PRIVATE, userns_fd: 0 };
    // SAFETY: the path is an empty C string, `attr` is a `struct mount_attr` of the size that is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_fd().as_raw_fd(),
            c"".as_ptr(),
            AT_EMPTY_PATH | below.flag(),
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    Errno::result(result).map(drop)
}

/// `move_mount(2)`: attaches a detached tree to the folder or file that `target` is.
pub(super) fn attach(tree: impl AsFd, target: impl AsFd) -> Result<(), Errno> {
    // SAFETY: both paths are empty C strings, the rest are numbers.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_fd().as_raw_fd(),
            c"".as_ptr(),
            target.as_fd().as_raw_fd(),
            c"".as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH,
        )
    };
    Errno::result(result).map(drop)
}

/// A new detached file system of `kind` (`tmpfs`) with string `options`.
pub(super) fn new_file_system(
    kind: &CStr,
    options: &[(&CStr, &CStr)],
    attributes: MountAttributes,
) -> Result<OwnedFd, Errno> {
    // SAFETY: `kind` is a C string that outlives the call.
    let context = fd_of(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) })?;
    for (key, value) in options {
        // SAFETY: `key` and `value` are C strings that outlive the call.
        let result = unsafe {
            libc::syscall(
                libc::SYS_fsconfig,
                context.as_raw_fd(),
                FSCONFIG_SET_STRING,
                key.as_ptr(),
                value.as_ptr(),
                0,
            )
        };
        Errno::result(result)?;
    }
    let null = std::ptr::null::<libc::c_char>();
    // SAFETY: this command takes null for key and value (fsconfig(2)).
    let result =
        unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), FSCONFIG_CMD_CREATE, null, null, 0) };
    Errno::result(result)?;
    let attributes = c_ulong::from(attributes.0);
    // SAFETY: numbers only.
    fd_of(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, attributes) })
}

/// `close_range(2)`: closes every descriptor from `first` on.
pub(super) fn close_from(first: u32) -> Result<(), Errno> {
    // SAFETY: numbers only. The caller (the hidden process at its start) owns no descriptor from `first` on.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, c_uint::MAX, 0) };
    Errno::result(result).map(drop)
}

/// `fork(2)` in a process with one thread.
pub(super) fn fork() -> Result<ForkResult, Errno> {
    // SAFETY: the hidden process has one thread (`unshare(CLONE_NEWUSER)` fails otherwise), so the child finds
    // every lock free and may go on as the parent would.
    unsafe { nix::unistd::fork() }
}

/// Every signal back to its default action (Rust's start-up ignores SIGPIPE), none blocked.
pub(super) fn reset_signals() -> Result<(), Errno> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in Signal::iterator() {
        if !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP) {
            // SAFETY: the default action runs no code of ours.
            unsafe { sigaction(signal, &default) }?;
        }
    }
    SigSet::empty().thread_set_mask()
}

/// `setdomainname(2)`
pub(super) fn set_domain_name(name: &CStr) -> Result<(), Errno> {
    // SAFETY: the pointer is valid for the length that is given.
    let result = unsafe { libc::setdomainname(name.as_ptr(), name.count_bytes()) };
    Errno::result(result).map(drop)
}

/// Sets the loopback interface of this network namespace up.
pub(super) fn loopback_up(socket: impl AsFd) -> Result<(), Errno> {
    // SAFETY: `ifreq` is plain data for which all zeroes is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    let up = libc::IFF_UP | libc::IFF_RUNNING;
    request.ifr_ifru.ifru_flags = i16::try_from(up).unwrap_or(0);
    // SAFETY: SIOCSIFFLAGS (netdevice(7)) reads one `ifreq` at the pointer.
    let result =
        unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    Errno::result(result).map(drop)
}

fn prctl(option: c_int, argument: c_ulong, second: c_ulong) -> Result<(), Errno> {
    let zero: c_ulong = 0;
    // SAFETY: only called with options whose arguments are numbers.
    let result = unsafe { libc::prctl(option, argument, second, zero, zero) };
    Errno::result(result).map(drop)
}

/// `PR_SET_SECUREBITS`
pub(super) fn set_secure_bits(bits: u32) -> Result<(), Errno> {
    prctl(libc::PR_SET_SECUREBITS, c_ulong::from(bits), 0)
}

/// Drops every capability from the bounding set that the kernel has.
pub(super) fn drop_bounding_set() -> Result<(), Errno> {
    for capability in 0..64 {
        match prctl(libc::PR_CAPBSET_DROP, capability, 0) {
            Ok(()) => {}
            // The first number that the kernel does not know.
            Err(Errno::EINVAL) if capability > 0 => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Empties the ambient set.
pub(super) fn clear_ambient_set() -> Result<(), Errno> {
    prctl(libc::PR_CAP_AMBIENT, c_ulong::try_from(libc::PR_CAP_AMBIENT_CLEAR_ALL).unwrap_or(4), 0)
}

/// `capset(2)` with nothing: empties the effective, permitted and inheritable sets.
pub(super) fn clear_capabilities() -> Result<(), Errno> {
    const VERSION_3: u32 = 0x2008_0522;
    let header: [u32; 2] = [VERSION_3, 0];
    let data = [0_u32; 6];
    // SAFETY: `header` and `data` have the layout of `__user_cap_header_struct` and of two
    // `__user_cap_data_struct` (capget(2), version 3).
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) };
    Errno::result(result).map(drop)
}

/// `execve(2)`; returns only when it failed.
pub(super) fn execute(program: &CStr, argv: &[CString], env: &[CString]) -> Errno {
    match nix::unistd::execve(program, argv, env) {
        Ok(never) => match never {},
        Err(errno) => errno,
    }
}
