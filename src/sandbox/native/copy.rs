//! A copy of a folder in memory (tmpfs), made by the box's PID 1: another file system than the original's, with its
//! entries listed in the same order or the other way round.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{
    FileStat, Mode, SFlag, UtimensatFlags, fchmod, fstat, fstatat, futimens, mkdirat, utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};

use crate::sandbox::Order;

use super::launch::errno_of;
use super::syscall::{MountAttributes, new_file_system};

/// What a new entry is made with: the umask says less.
const FOLDER: Mode = Mode::from_bits_truncate(0o700);
const FILE: Mode = Mode::from_bits_truncate(0o600);

/// A file system in memory, attached nowhere yet, with a copy of the folder `from`.
pub(super) fn in_memory(from: &OwnedFd, order: Order) -> Result<OwnedFd, Errno> {
    let attributes = MountAttributes::NO_SUID.and(MountAttributes::NO_DEVICES);
    let top = new_file_system(c"tmpfs", &[(c"mode", c"700")], attributes)?;
    let made = match (order, listing(&top)?) {
        (Order::Kept, Order::Kept) | (Order::Reversed, Order::Reversed) => Order::Kept,
        (Order::Kept, Order::Reversed) | (Order::Reversed, Order::Kept) => Order::Reversed,
    };
    // What `open_tree(2)` and `fsmount(2)` give cannot be changed itself (O_PATH).
    copy_folder(from, &open_folder(&top, c".")?, made)?;
    Ok(top)
}

/// How this kernel's tmpfs lists entries: in the order in which they were made, or the last one first.
fn listing(top: &OwnedFd) -> Result<Order, Errno> {
    let names = [c"1", c"2"];
    for name in names {
        mkdirat(top, name, FOLDER)?;
    }
    let oldest_first = list(top)?.first().is_some_and(|first| first.as_c_str() == names[0]);
    for name in names {
        unlinkat(top, name, UnlinkatFlags::RemoveDir)?;
    }
    Ok(if oldest_first { Order::Kept } else { Order::Reversed })
}

/// The names in a folder, as its file system lists them.
fn list(folder: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::openat(folder, ".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?.iter() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

/// Copies what `from` holds; `made` says in which order, compared with how it is listed.
fn copy_folder(from: &OwnedFd, to: &OwnedFd, made: Order) -> Result<(), Errno> {
    let mut names = list(from)?;
    match made {
        Order::Kept => {}
        Order::Reversed => names.reverse(),
    }
    for name in names {
        let stat = fstatat(from, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFDIR => {
                mkdirat(to, name.as_c_str(), FOLDER)?;
                copy_folder(&open_folder(from, &name)?, &open_folder(to, &name)?, made)?;
            }
            SFlag::S_IFLNK => {
                symlinkat(readlinkat(from, name.as_c_str())?.as_os_str(), to, name.as_c_str())?;
                let (accessed, changed) = times(&stat);
                utimensat(to, name.as_c_str(), &accessed, &changed, UtimensatFlags::NoFollowSymlink)?;
            }
            SFlag::S_IFREG => {
                let read = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                let write = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
                let mut original = File::from(openat(from, name.as_c_str(), read, Mode::empty())?);
                let mut copy = File::from(openat(to, name.as_c_str(), write, FILE)?);
                io::copy(&mut original, &mut copy).map_err(|error| errno_of(&error))?;
                finish(&OwnedFd::from(copy), &stat)?;
            }
            // A source holds nothing else.
            _ => return Err(Errno::EINVAL),
        }
    }
    finish(to, &fstat(from)?)
}

fn open_folder(above: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(above, name, flags, Mode::empty())
}

/// The original's mode and times, once nothing more is written.
fn finish(copy: &OwnedFd, original: &FileStat) -> Result<(), Errno> {
    fchmod(copy, Mode::from_bits_truncate(original.st_mode & 0o7777))?;
    let (accessed, changed) = times(original);
    futimens(copy, &accessed, &changed)
}

fn times(stat: &FileStat) -> (TimeSpec, TimeSpec) {
    (TimeSpec::new(stat.st_atime, stat.st_atime_nsec), TimeSpec::new(stat.st_mtime, stat.st_mtime_nsec))
}
