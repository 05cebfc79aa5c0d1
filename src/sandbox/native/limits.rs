//! `setrlimit(2)` for the box: the same values on every host, as far as the caller's own hard limits let us.

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, rlim_t, setrlimit};

use crate::sandbox::Limits;

/// Open files of one process.
const OPEN_FILES: rlim_t = 4096;
/// Bytes of stack of one process.
const STACK: rlim_t = 8 << 20;
/// Bytes that one process may lock.
const LOCKED: rlim_t = 8 << 20;
/// PID 1 and the process that forked it are of the box's user too.
pub(super) const OUR_PROCESSES: u64 = 2;

/// Sets them for this process and what it starts.
pub(super) fn set(limits: &Limits) -> Result<(), Errno> {
    lower(Resource::RLIMIT_NOFILE, OPEN_FILES)?;
    lower(Resource::RLIMIT_CORE, 0)?;
    lower(Resource::RLIMIT_MEMLOCK, LOCKED)?;
    lower(Resource::RLIMIT_FSIZE, limits.file_size.unwrap_or(RLIM_INFINITY))?;
    // Counted in the user namespace since Linux 5.14 (before: over all processes of the user).
    let processes = limits.processes.map_or(RLIM_INFINITY, |limit| limit.saturating_add(OUR_PROCESSES));
    lower(Resource::RLIMIT_NPROC, processes)?;
    // Only the soft one: a program may ask for more.
    let (_, hard) = getrlimit(Resource::RLIMIT_STACK)?;
    setrlimit(Resource::RLIMIT_STACK, STACK.min(hard), hard)
}

fn lower(resource: Resource, value: rlim_t) -> Result<(), Errno> {
    let (_, hard) = getrlimit(resource)?;
    let value = value.min(hard);
    setrlimit(resource, value, value)
}
