//! Mount points. An image that lacks one stays as it is: a read-only tmpfs is laid over the folder that
//! should hold it, with the folder's own entries bound through and the missing one beside them.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat};
use nix::unistd::{mkdir, symlinkat};

use super::error::Step;
use super::launch::{During, Failure, errno_of};
use super::syscall::{Below, MountAttributes, attach, clone_tree, new_file_system, set_attributes};

/// What is mounted somewhere, and so what the mount point has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder.
    Folder,
    /// Anything else: the mount point is a file.
    File,
}

impl Kind {
    /// Of an open tree.
    pub(super) fn of(tree: impl AsFd) -> Result<Self, Errno> {
        fstat(tree).map(|stat| Self::from_stat(&stat))
    }

    fn from_stat(stat: &FileStat) -> Self {
        match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFDIR => Self::Folder,
            _ => Self::File,
        }
    }
}

const FOLDER_MODE: Mode = Mode::from_bits_truncate(0o755);

/// Makes sure that `path` (absolute, in the box's root, which is ours by now) is there to be mounted on.
pub(super) fn ensure(path: &Path, kind: Kind) -> Result<(), Failure> {
    let found = match path.metadata() {
        Ok(meta) if meta.is_dir() => Some(Kind::Folder),
        Ok(_) => Some(Kind::File),
        Err(_) => None,
    };
    match found {
        Some(found) if found == kind => return Ok(()),
        Some(Kind::Folder) => return Err(Errno::EISDIR).during_at(Step::Mount, path),
        Some(Kind::File) => return Err(Errno::ENOTDIR).during_at(Step::Mount, path),
        None => {}
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::EINVAL).during_at(Step::Mount, path);
    };
    ensure(parent, Kind::Folder)?;
    let made = match kind {
        Kind::Folder => mkdir(path, FOLDER_MODE),
        Kind::File => File::create_new(path).map(drop).map_err(|error| errno_of(&error)),
    };
    match made {
        Ok(()) => Ok(()),
        Err(Errno::EROFS) => {
            let folder = open(parent, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
                .during_at(Step::Mount, parent)?;
            let name = CString::new(name.as_encoded_bytes())
                .map_err(|_| Errno::EINVAL)
                .during_at(Step::Mount, path)?;
            lay_over(&folder, &BTreeMap::from([(name, kind)])).during_at(Step::Mount, path).map(drop)
        }
        Err(errno) => Err(errno).during_at(Step::Mount, path),
    }
}

/// The names that `folder` lacks of `wanted`.
pub(super) fn lacking(
    folder: &OwnedFd,
    wanted: BTreeMap<CString, Kind>,
) -> Result<BTreeMap<CString, Kind>, Errno> {
    let mut lacking = BTreeMap::new();
    for (name, kind) in wanted {
        match fstatat(folder, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(_) => {}
            Err(Errno::ENOENT) => {
                lacking.insert(name, kind);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(lacking)
}

/// Lays a read-only tmpfs over `folder` (attached in this namespace) that shows its entries and `added` ones.
pub(super) fn lay_over(folder: &OwnedFd, added: &BTreeMap<CString, Kind>) -> Result<OwnedFd, Errno> {
    let attributes = MountAttributes::NO_SUID.and(MountAttributes::NO_DEVICES);
    let top = new_file_system(c"tmpfs", &[(c"mode", c"755"), (c"size", c"1m")], attributes)?;
    let mut names = Vec::new();
    for entry in Dir::openat(folder, ".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?.iter() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort();
    attach(&top, folder)?;
    for name in names {
        show(folder, &top, &name)?;
    }
    for (name, kind) in added {
        make(&top, name, *kind)?;
    }
    set_attributes(&top, MountAttributes::READ_ONLY, Below::Excluded)?;
    Ok(top)
}

fn make(folder: &OwnedFd, name: &CStr, kind: Kind) -> Result<(), Errno> {
    match kind {
        Kind::Folder => mkdirat(folder, name, FOLDER_MODE),
        Kind::File => {
            let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
            openat(folder, name, flags, Mode::from_bits_truncate(0o644)).map(drop)
        }
    }
}

/// Shows one entry of `from` in `to`: a link as the same link, anything else by a mount.
fn show(from: &OwnedFd, to: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    let stat = fstatat(from, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFLNK {
        let link = readlinkat(from, name)?;
        return symlinkat(link.as_os_str(), to, name);
    }
    let tree = clone_tree(from, name, Below::Included)?;
    make(to, name, Kind::from_stat(&stat))?;
    attach(tree, openat(to, name, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?)
}
