//! Everything that the box's user may do beyond its files: nothing.

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;

use super::syscall;

/// Drops every capability from all five sets for good, and forbids new ones by `execve`.
pub(super) fn drop_all() -> Result<(), Errno> {
    // While CAP_SETPCAP is still there.
    syscall::drop_bounding_set()?;
    syscall::clear_ambient_set()?;
    let locked = libc::SECBIT_NOROOT
        | libc::SECBIT_NOROOT_LOCKED
        | libc::SECBIT_NO_SETUID_FIXUP
        | libc::SECBIT_NO_SETUID_FIXUP_LOCKED
        | libc::SECBIT_KEEP_CAPS_LOCKED
        | libc::SECBIT_NO_CAP_AMBIENT_RAISE
        | libc::SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    syscall::set_secure_bits(locked.cast_unsigned())?;
    syscall::clear_capabilities()?;
    prctl::set_no_new_privs()
}
