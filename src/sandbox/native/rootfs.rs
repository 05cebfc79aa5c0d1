//! The box's file systems, made by its PID 1: the image as the root, the mounts, `/proc`, `/dev`, `/tmp`,
//! `/run`; then the host's are let go of.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::unistd::{fchdir, mkdir, pivot_root};

use crate::sandbox::{Access, BoxSpec};

use super::copy;
use super::error::Step;
use super::launch::{During, Failure, errno_of};
use super::place::{Kind, ensure, lacking, lay_over};
use super::syscall::{Below, MountAttributes, attach, set_attributes};
use super::tree::{DEVICES, Trees};

const NONE: Option<&str> = None;

/// Files of `/proc` that tell of the host or reach it, covered by `/dev/null`. Their modes deny most of it
/// already to a user without capabilities: this is the second wall.
const COVERED: [&str; 8] = [
    "/proc/kcore",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/timer_stats",
];

/// Folders of `/proc` that could be written, made read-only.
const PROC_READ_ONLY: [&str; 4] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"];

/// Mounts everything; afterwards `/` is the box's root and nothing of the host is left.
pub(super) fn build(spec: &BoxSpec, trees: Trees, passed: &impl Fn(Step)) -> Result<(), Failure> {
    let Trees { root, mounts, devices } = trees;
    enter_root(spec, root)?;
    passed(Step::Root);
    for (mount, tree) in spec.mounts.iter().zip(mounts) {
        let target = Path::new(mount.target.as_str());
        ensure(target, Kind::of(&tree).during_at(Step::Mount, target)?)?;
        match mount.access {
            Access::ReadOnly | Access::Writable => attach_at(&tree, target, Step::Mount)?,
            Access::Copied(order) => {
                let copy = copy::in_memory(&tree, order).during_at(Step::Mount, target)?;
                attach_at(&copy, target, Step::Mount)?;
            }
        }
    }
    let given = |path: &str| spec.mounts.iter().any(|mount| mount.target.as_str() == path);
    for (path, options) in [("/tmp", "mode=1777"), ("/run", "mode=755,size=1m")] {
        if !given(path) && Path::new(path).is_dir() {
            let mut flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
            if path == "/run" {
                flags |= MsFlags::MS_RDONLY;
            }
            mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(options)).during_at(Step::Mount, path)?;
        }
    }
    passed(Step::Mount);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, NONE).during_at(Step::Proc, "/proc")?;
    passed(Step::Proc);
    make_dev(devices)?;
    cover_proc()?;
    passed(Step::Dev);
    // The old root is mounted over the new one (pivot_root(2), `pivot_root(".", ".")`).
    umount2(".", MntFlags::MNT_DETACH).during(Step::Detach)?;
    nix::unistd::chdir("/").during(Step::Detach)?;
    passed(Step::Detach);
    Ok(())
}

/// Makes the image the root file system, with the top folders that it may lack.
fn enter_root(spec: &BoxSpec, image: OwnedFd) -> Result<(), Failure> {
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).during(Step::Root)?;
    let old = open("/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).during(Step::Root)?;
    attach(&image, old).during_at(Step::Root, &spec.root)?;
    let mut wanted: BTreeMap<CString, Kind> =
        [c"proc", c"dev", c"tmp"].into_iter().map(|name| (name.to_owned(), Kind::Folder)).collect();
    for target in spec.mounts.iter().map(|mount| mount.target.relative()) {
        // A file right below the root is not asked for by anybody; `ensure` would make it.
        if let Some(Component::Normal(first)) = target.components().next()
            && let Ok(first) = CString::new(first.as_encoded_bytes())
        {
            wanted.insert(first, Kind::Folder);
        }
    }
    let wanted = lacking(&image, wanted).during_at(Step::Root, &spec.root)?;
    let root = if wanted.is_empty() {
        image
    } else {
        lay_over(&image, &wanted).during_at(Step::Root, &spec.root)?
    };
    fchdir(&root).during(Step::Root)?;
    pivot_root(".", ".").during_at(Step::Root, &spec.root)
}

fn attach_at(tree: &OwnedFd, target: &Path, step: Step) -> Result<(), Failure> {
    let place = open(target, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).during_at(step, target)?;
    attach(tree, place).during_at(step, target)
}

fn make_dev(devices: Vec<OwnedFd>) -> Result<(), Failure> {
    let dev = Path::new("/dev");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), dev, Some("tmpfs"), flags, Some("mode=755,size=1m")).during_at(Step::Dev, dev)?;
    for (name, tree) in DEVICES.iter().zip(devices) {
        let path = dev.join(name.to_string_lossy().as_ref());
        File::create_new(&path).map_err(|error| errno_of(&error)).during_at(Step::Dev, &path)?;
        attach_at(&tree, &path, Step::Dev)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlink(target, dev.join(name)).map_err(|error| errno_of(&error)).during_at(Step::Dev, name)?;
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    for (path, kind, flags, options) in [
        ("/dev/pts", "devpts", flags, "newinstance,ptmxmode=0666,mode=0620"),
        ("/dev/shm", "tmpfs", flags | MsFlags::MS_NODEV, "mode=1777"),
    ] {
        mkdir(path, Mode::from_bits_truncate(0o755)).during_at(Step::Dev, path)?;
        mount(Some(kind), path, Some(kind), flags, Some(options)).during_at(Step::Dev, path)?;
    }
    let top = open(dev, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).during_at(Step::Dev, dev)?;
    set_attributes(top, MountAttributes::READ_ONLY, Below::Excluded).during_at(Step::Dev, dev)
}

fn cover_proc() -> Result<(), Failure> {
    let if_there = |result: Result<(), Errno>, path: &str| match result {
        // Which of them a kernel has is its configuration.
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno).during_at(Step::Proc, path),
    };
    for path in COVERED {
        if_there(mount(Some("/dev/null"), path, NONE, MsFlags::MS_BIND, NONE), path)?;
    }
    for path in PROC_READ_ONLY {
        let bound = mount(Some(path), path, NONE, MsFlags::MS_BIND, NONE).and_then(|()| {
            let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
            let kept = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            mount(NONE, path, NONE, flags | kept, NONE)
        });
        if_there(bound, path)?;
    }
    Ok(())
}
