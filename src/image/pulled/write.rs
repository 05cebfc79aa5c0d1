//! From the tree in memory to a tree on disk.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use rayon::prelude::*;

use super::read::place;
use super::tree::{Content, Folder, Node, Tree};
use crate::image::ImageError;
use crate::image::error::at;
use crate::image::rootfs::TIME;

/// What is to be made, in the order of the tree.
#[derive(Default)]
struct Work {
    /// The first place of each content.
    first: HashMap<Content, PathBuf>,
    /// Contents that go to their first place.
    files: Vec<(Content, PathBuf)>,
    /// Further names: what is at the first path is at the second too.
    same: Vec<(PathBuf, PathBuf)>,
    /// Folders with their times, each after the one that it is in.
    folders: Vec<(PathBuf, i64)>,
}

/// Makes the tree below `root`, an empty folder, from files aside. Folders are made first, each of them here: no link is
/// there yet that could lead elsewhere.
pub(super) fn write(tree: &Tree, aside: &Path, root: &Path) -> Result<(), ImageError> {
    let mut work = Work::default();
    work.folders.push((root.to_owned(), tree.root.time.unwrap_or(TIME)));
    let mut links = Vec::new();
    collect(&tree.root, root, &mut work, &mut links)?;
    work.files.par_iter().with_min_len(64).try_for_each(|(content, path)| {
        let from = place(aside, *content);
        fs::rename(&from, path).map_err(at(path))
    })?;
    for (first, path) in &work.same {
        fs::hard_link(first, path).map_err(at(path))?;
    }
    let set_time = |path: &Path, time: i64| {
        let time = TimeSpec::new(time, 0);
        utimensat(AT_FDCWD, path, &time, &time, UtimensatFlags::NoFollowSymlink)
            .map_err(|error| at(path)(error.into()))
    };
    for (path, target) in links {
        symlink(OsStr::from_bytes(target), &path).map_err(at(&path))?;
        set_time(&path, TIME)?;
    }
    work.folders.iter().rev().try_for_each(|(path, time)| set_time(path, *time))
}

fn collect<'a>(
    folder: &'a Folder,
    path: &Path,
    work: &mut Work,
    links: &mut Vec<(PathBuf, &'a [u8])>,
) -> Result<(), ImageError> {
    for (name, node) in &folder.entries {
        let path = path.join(OsStr::from_bytes(name));
        match node {
            Node::Folder(below) => {
                fs::create_dir(&path).map_err(at(&path))?;
                work.folders.push((path.clone(), below.time.unwrap_or(TIME)));
                collect(below, &path, work, links)?;
            }
            Node::File(content) => {
                if let Some(first) = work.first.get(content) {
                    work.same.push((first.clone(), path));
                } else {
                    work.first.insert(*content, path.clone());
                    work.files.push((*content, path));
                }
            }
            Node::Link(target) => links.push((path, target)),
        }
    }
    Ok(())
}
