//! Removing whole trees, hostile ones included: read-only folders, no access, any depth; links are not followed.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Folders inside folders that are open at once. Deeper ones are first moved up: a build can nest them deeper
/// than a process may have open files.
const DEPTH: usize = 64;

/// Removes the file or folder at `path` with all that it holds. Nothing at `path` is no error.
///
/// Folders are made writable first where their owner took that from themselves. Works without following any
/// symbolic link; other file systems mounted below are not expected.
///
/// # Errors
/// The first thing that could not be removed.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    match unlinkat(AT_FDCWD, path, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::EISDIR | Errno::EPERM) => {}
        Err(errno) => return Err(errno.into()),
    }
    let top = open_folder(&AT_FDCWD, path)?;
    let mut moved = 0;
    let mut before = None;
    // Each pass removes what is at most DEPTH deep and moves deeper folders to the top, for the next pass.
    while before != Some(moved) {
        before = Some(moved);
        empty(&top, &top, 0, &mut moved)?;
    }
    unlinkat(AT_FDCWD, path, UnlinkatFlags::RemoveDir)?;
    Ok(())
}

/// Opens a folder, giving its owner the right to change it if that is missing.
fn open_folder<P: nix::NixPath + ?Sized>(at: &impl AsFd, name: &P) -> nix::Result<OwnedFd> {
    let stat = fstatat(at, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if stat.st_mode & 0o170_000 == 0o040_000 && stat.st_mode & 0o700 != 0o700 {
        // Not a link: looked at just above, and nobody else works in a tree that is being removed.
        fchmodat(at, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(at, name, flags, Mode::empty())
}

fn empty(folder: &OwnedFd, top: &OwnedFd, depth: usize, moved: &mut u64) -> io::Result<()> {
    let mut names: Vec<(CString, Option<Type>)> = Vec::new();
    for entry in Dir::from_fd(folder.try_clone()?)?.iter() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    for (name, kind) in names {
        if kind != Some(Type::Directory) {
            match unlinkat(folder, name.as_c_str(), UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => continue,
                Err(Errno::EISDIR | Errno::EPERM) if kind.is_none() => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        let inner = open_folder(folder, name.as_c_str())?;
        if depth == DEPTH {
            // Renaming a folder writes its `..`: it had to be made writable first.
            drop(inner);
            *moved += 1;
            let up = format!(".removing-{}-{moved}", std::process::id());
            renameat(folder, name.as_c_str(), top, up.as_str())?;
            continue;
        }
        empty(&inner, top, depth + 1, moved)?;
        unlinkat(folder, name.as_c_str(), UnlinkatFlags::RemoveDir)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn read_only_folders_links_and_deep_trees_go() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "x").unwrap();
        let temp = tempfile::tempdir().unwrap();
        let tree = temp.path().join("tree");
        fs::create_dir(&tree).unwrap();
        fs::create_dir(tree.join("closed")).unwrap();
        fs::write(tree.join("closed/file"), "x").unwrap();
        symlink(outside.path(), tree.join("link")).unwrap();
        symlink("nowhere", tree.join("closed/broken")).unwrap();
        for mode in [0o555, 0o000] {
            let inner = tree.join(format!("closed/{mode}"));
            fs::create_dir(&inner).unwrap();
            fs::write(inner.join("file"), "x").unwrap();
            fs::set_permissions(&inner, Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(tree.join("closed"), Permissions::from_mode(0o555)).unwrap();
        // Longer than PATH_MAX and deeper than a process has open files by default: only relative steps can make it.
        let mut at = open_folder(&AT_FDCWD, &tree).unwrap();
        for _ in 0..1500 {
            nix::sys::stat::mkdirat(&at, "deeper", Mode::S_IRWXU).unwrap();
            at = open_folder(&at, "deeper").unwrap();
        }
        drop(at);
        remove_tree(&tree).unwrap();
        assert!(fs::symlink_metadata(&tree).is_err());
        assert!(outside.path().join("kept").exists());
        remove_tree(&tree).unwrap();
    }
}
