//! The system call filter, `allow-list/1`: what builds need is allowed, what reaches other boxes, the kernel's
//! set-up or other processes gives EPERM, anything else (newer than the list) gives ENOSYS, so that programs
//! fall back. A call of another architecture (32-bit on x86-64) kills the process.
//!
//! Two filters stand one over the other; for one call the kernel takes the stricter answer, and of two errors
//! that of the filter installed last (seccomp(2)): so the forbidden ones come last.
//!
//! Decisions worth a word: `ptrace` and `process_vm_*` are forbidden, since no build needs a debugger and they
//! reach into other processes; `clone3` is unknown, since a filter cannot read the flags behind its pointer,
//! and the C libraries then use `clone`; `socket` takes the families that a network namespace holds apart
//! (`AF_VSOCK` is not among them: a virtual machine's host would be reachable), and of netlink only the
//! routing protocol that `getaddrinfo` uses.

use std::collections::BTreeMap;

use nix::errno::Errno;
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use super::calls::{ALLOWED, FORBIDDEN};

/// The filter's name and version, as statements have it.
pub(super) const NAME: &str = "allow-list/1";

/// Flags of `clone` and `unshare` that make namespaces (`CLONE_NEWTIME` is none of `clone`'s: its bit there is
/// part of the exit signal).
const NAMESPACE_FLAGS: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// `TIOCSTI` of `asm-generic/ioctls.h`: types into a terminal.
const TIOCSTI: u64 = 0x5412;
/// `TIOCLINUX` of `asm-generic/ioctls.h`: pastes into a console.
const TIOCLINUX: u64 = 0x541C;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Installs both filters for this thread and what it starts.
pub(super) fn install() -> Result<(), Errno> {
    for program in programs().map_err(|_| Errno::EINVAL)? {
        seccompiler::apply_filter(&program).map_err(|error| match error {
            seccompiler::Error::Seccomp(error) | seccompiler::Error::Prctl(error) => {
                super::launch::errno_of(&error)
            }
            _ => Errno::EINVAL,
        })?;
    }
    Ok(())
}

fn programs() -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let allowed: Rules = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let error = |errno: i32| SeccompAction::Errno(errno.cast_unsigned());
    let allow = SeccompFilter::new(allowed, error(libc::ENOSYS), SeccompAction::Allow, arch)?;
    let forbid = SeccompFilter::new(forbidden()?, SeccompAction::Allow, error(libc::EPERM), arch)?;
    Ok([allow.try_into()?, forbid.try_into()?])
}

fn forbidden() -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    let mut clone = Vec::new();
    for flag in NAMESPACE_FLAGS {
        let flag = u64::from(flag.cast_unsigned());
        clone.push(SeccompRule::new(vec![argument(0, SeccompCmpOp::MaskedEq(flag), flag)?])?);
    }
    rules.insert(libc::SYS_clone, clone);

    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let mut other_family = Vec::new();
    for family in families {
        other_family.push(argument(0, SeccompCmpOp::Ne, u64::from(family.cast_unsigned()))?);
    }
    let netlink = u64::from(libc::AF_NETLINK.cast_unsigned());
    let other_netlink = vec![
        argument(0, SeccompCmpOp::Eq, netlink)?,
        argument(2, SeccompCmpOp::Ne, u64::from(libc::NETLINK_ROUTE.cast_unsigned()))?,
    ];
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(other_family)?, SeccompRule::new(other_netlink)?]);

    let mut typing = Vec::new();
    for request in [TIOCSTI, TIOCLINUX] {
        typing.push(SeccompRule::new(vec![argument(1, SeccompCmpOp::Eq, request)?])?);
    }
    rules.insert(libc::SYS_ioctl, typing);
    Ok(rules)
}

/// A condition on the lower half of an argument: the kernel reads no more of these.
fn argument(
    index: u8,
    compare: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, compare, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_compile_and_no_call_is_in_both_lists() {
        let [allow, forbid] = programs().unwrap();
        assert!(allow.len() < 4096 && forbid.len() < 4096, "{} {}", allow.len(), forbid.len());
        for call in FORBIDDEN {
            assert!(!ALLOWED.contains(call), "{call}");
        }
    }
}
