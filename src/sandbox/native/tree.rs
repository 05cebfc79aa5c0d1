//! The detached mounts that a box is made of, opened while the host's file systems can still be reached.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::fcntl::AT_FDCWD;

use crate::sandbox::{Access, BoxSpec};

use super::error::Step;
use super::launch::{During, Failure, c_path};
use super::syscall::{Below, MountAttributes, clone_tree, set_attributes};

/// The device nodes of the box: those that hold no state of the host.
pub(super) const DEVICES: [&CStr; 5] = [c"null", c"zero", c"full", c"random", c"urandom"];

/// Copies of the mounts (`open_tree(2)`), private and with their attributes set, attached nowhere yet.
pub(super) struct Trees {
    /// The image, read-only with all that is mounted below it.
    pub(super) root: OwnedFd,
    /// As in the specification, in its order.
    pub(super) mounts: Vec<OwnedFd>,
    /// As in [`DEVICES`].
    pub(super) devices: Vec<OwnedFd>,
}

impl Trees {
    /// Opens all.
    pub(super) fn open(spec: &BoxSpec) -> Result<Self, Failure> {
        let common = MountAttributes::NO_SUID.and(MountAttributes::NO_DEVICES);
        let read_only = common.and(MountAttributes::READ_ONLY);
        let root = open_one(&spec.root, Below::Included, read_only)?;
        let mut mounts = Vec::with_capacity(spec.mounts.len());
        for mount in &spec.mounts {
            let attributes = match mount.access {
                Access::ReadOnly | Access::Copied(_) => read_only,
                Access::Writable => common,
            };
            mounts.push(open_one(&mount.source, Below::Included, attributes)?);
        }
        let mut devices = Vec::with_capacity(DEVICES.len());
        for name in DEVICES {
            let path = Path::new("/dev").join(name.to_string_lossy().as_ref());
            let attributes = MountAttributes::NO_SUID.and(MountAttributes::NO_EXEC);
            devices.push(open_one(&path, Below::Excluded, attributes)?);
        }
        Ok(Self { root, mounts, devices })
    }
}

fn open_one(path: &Path, below: Below, attributes: MountAttributes) -> Result<OwnedFd, Failure> {
    let name = c_path(path, Step::OpenTree)?;
    let tree = clone_tree(AT_FDCWD, &name, below).during_at(Step::OpenTree, path)?;
    set_attributes(&tree, attributes, below).during_at(Step::OpenTree, path)?;
    Ok(tree)
}
