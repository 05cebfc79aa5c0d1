//! Unpacks packages side by side into one tree.
//!
//! No package's script runs and no link is followed: every folder on the way to a file is one that was made here, so
//! that nothing in a package reaches the host. Where two packages have one file, both are kept, and [`super::merge`]
//! decides.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::ImageError;
use super::deb::{self, Control};
use super::error::at;
use super::path::{is_merging_link, link_target, place};
use super::rootfs::Node;
use crate::event::{Cancel, Event, Reporter, Unit};
use crate::lock::LockedPackage;
use crate::store::Store;

/// Files up to this many bytes are read whole and written by one call.
const SMALL: u64 = 1 << 20;

/// What one package brought.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// Its control files.
    pub(super) control: Control,
    /// Every path as the package writes it, for dpkg's list: absolute, in the package's order.
    pub(super) list: Vec<String>,
    /// Every member, in the package's order.
    pub(super) claims: Vec<Claim>,
}

/// A path that a package brought.
#[derive(Debug)]
pub(super) struct Claim {
    /// Below the image's root.
    pub(super) path: String,
    /// What it is there.
    pub(super) node: Node,
    /// Where it is on disk, if its path was taken by another package already.
    pub(super) aside: Option<PathBuf>,
}

/// Unpacks every package into `root`; what meets a taken path goes below `scratch`. The result is in the order of
/// `packages`.
pub(super) fn unpack(
    packages: &[LockedPackage],
    store: &Store,
    scratch: &Path,
    root: &Path,
    reporter: &dyn Reporter,
    cancel: &Cancel,
) -> Result<Vec<Unpacked>, ImageError> {
    fs::create_dir(root).map_err(at(root))?;
    let done = AtomicU64::new(0);
    let total = packages.iter().map(|package| package.size).sum();
    // The largest first: else the last one may keep one core busy alone.
    let mut order: Vec<usize> = (0..packages.len()).collect();
    order.sort_by_key(|&number| std::cmp::Reverse(packages[number].size));
    let work = order.into_par_iter().with_max_len(1).map(|number| {
        if let Some(signal) = cancel.signal() {
            return Err(ImageError::Cancelled { signal });
        }
        let package = &packages[number];
        let name = format!("{} {}", package.name, package.version);
        let file = store.open_blob(&package.sha256)?;
        let mut unpacker = Unpacker {
            package: name,
            root,
            aside: scratch.join(format!("aside-{number}")),
            folders: HashSet::new(),
            places: HashMap::new(),
            claims: Vec::new(),
            list: Vec::new(),
            buffer: Vec::new(),
        };
        let name = unpacker.package.clone();
        let control = deb::read(&name, file, |data| unpacker.members(data))?;
        let done = done.fetch_add(package.size, Ordering::Relaxed) + package.size;
        let what = "packages unpacked".to_owned();
        reporter.report(Event::Progress { what, done, total: Some(total), unit: Unit::Bytes });
        Ok((number, Unpacked { control, list: unpacker.list, claims: unpacker.claims }))
    });
    let mut unpacked = work.collect::<Result<Vec<_>, _>>()?;
    unpacked.sort_by_key(|(number, _)| *number);
    Ok(unpacked.into_iter().map(|(_, unpacked)| unpacked).collect())
}

struct Unpacker<'a> {
    package: String,
    root: &'a Path,
    aside: PathBuf,
    /// Folders that were seen to be folders.
    folders: HashSet<String>,
    /// Where each file of this package is on disk.
    places: HashMap<String, PathBuf>,
    claims: Vec<Claim>,
    list: Vec<String>,
    buffer: Vec<u8>,
}

impl Unpacker<'_> {
    fn members(&mut self, data: &mut dyn Read) -> Result<(), ImageError> {
        let wrong = |package: &str, error: &io::Error| ImageError::Deb {
            package: package.to_owned(),
            reason: error.to_string(),
        };
        let package = self.package.clone();
        let mut archive = tar::Archive::new(data);
        for entry in archive.entries().map_err(|error| wrong(&package, &error))? {
            let mut entry = entry.map_err(|error| wrong(&package, &error))?;
            self.member(&mut entry)?;
        }
        Ok(())
    }

    fn member(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), ImageError> {
        let raw = entry.path_bytes().into_owned();
        let shown = String::from_utf8_lossy(&raw).into_owned();
        let bad = |reason| ImageError::Path { package: self.package.clone(), path: shown.clone(), reason };
        let refused = |reason: &str| ImageError::Member {
            package: self.package.clone(),
            path: shown.clone(),
            reason: reason.to_owned(),
        };
        let path = place(&raw).map_err(bad)?;
        let listed = shown.trim_start_matches('.').trim_end_matches('/');
        self.list.push(if listed.is_empty() { "/.".to_owned() } else { listed.to_owned() });
        let mode = entry.header().mode().map_err(|error| refused(&error.to_string()))?;
        let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            return self.folder(&path, mode);
        }
        if path.is_empty() {
            return Err(refused("the root is no file"));
        }
        if self.places.contains_key(&path) {
            return Err(refused("it is in the package twice"));
        }
        if kind.is_file() {
            return self.file(path, mode, entry);
        }
        if kind.is_symlink() {
            let target = link_target(&path, &target).map_err(bad)?;
            if is_merging_link(&raw, &target) {
                return Ok(());
            }
            return self.link(path, target);
        }
        if kind.is_hard_link() {
            let target = place(&target).map_err(bad)?;
            let Some(first) = self.places.get(&target).cloned() else {
                return Err(refused("it is a link to a file that does not come before it"));
            };
            return self.same(path, target, &first);
        }
        Err(refused("it is neither a file, a folder nor a link"))
    }

    /// Makes a folder and those above it; each must be a folder, not a link to one.
    fn folder(&mut self, path: &str, mode: u32) -> Result<(), ImageError> {
        if path.is_empty() {
            return Ok(());
        }
        self.ensure(path)?;
        // Anyone may write in these in Debian too; in other folders a write bit for all would be a mistake.
        let node = if mode & 0o1002 == 0o1002 { Node::Shared } else { Node::Folder };
        self.claims.push(Claim { path: path.to_owned(), node, aside: None });
        Ok(())
    }

    fn ensure(&mut self, path: &str) -> Result<(), ImageError> {
        if self.folders.contains(path) {
            return Ok(());
        }
        if let Some((above, _)) = path.rsplit_once('/') {
            self.ensure(above)?;
        }
        let folder = self.root.join(path);
        match fs::create_dir(&folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !fs::symlink_metadata(&folder).map_err(at(&folder))?.is_dir() {
                    return Err(ImageError::NotAFolder {
                        path: path.to_owned(),
                        package: self.package.clone(),
                    });
                }
            }
            Err(error) => return Err(at(&folder)(error)),
        }
        self.folders.insert(path.to_owned());
        Ok(())
    }

    fn file(
        &mut self,
        path: String,
        mode: u32,
        entry: &mut tar::Entry<'_, impl Read>,
    ) -> Result<(), ImageError> {
        let package = self.package.clone();
        let wrong =
            |error: &io::Error| ImageError::Deb { package: package.clone(), reason: error.to_string() };
        let size = entry.size();
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        if size <= SMALL {
            entry.read_to_end(&mut buffer).map_err(|error| wrong(&error))?;
        }
        let (place, mut file, aside) = self.create(&path, |place| {
            fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(place)
        })?;
        if size <= SMALL {
            file.write_all(&buffer).map_err(at(&place))?;
        } else {
            buffer.resize(1 << 18, 0);
            loop {
                let count = entry.read(&mut buffer).map_err(|error| wrong(&error))?;
                if count == 0 {
                    break;
                }
                file.write_all(&buffer[..count]).map_err(at(&place))?;
            }
        }
        self.buffer = buffer;
        let node = if mode & 0o111 == 0 { Node::File(size) } else { Node::Program(size) };
        self.claim(path, node, place, aside);
        Ok(())
    }

    fn link(&mut self, path: String, target: String) -> Result<(), ImageError> {
        let (place, (), aside) = self.create(&path, |place| symlink(&target, place))?;
        self.claim(path, Node::Link(target), place, aside);
        Ok(())
    }

    fn same(&mut self, path: String, target: String, first: &Path) -> Result<(), ImageError> {
        let regular = fs::symlink_metadata(first).map_err(at(first))?.is_file();
        if !regular {
            return Err(ImageError::Member {
                package: self.package.clone(),
                path,
                reason: "it is a hard link to something that is no file".to_owned(),
            });
        }
        let (place, (), aside) = self.create(&path, |place| fs::hard_link(first, place))?;
        self.claim(path, Node::Same(target), place, aside);
        Ok(())
    }

    /// Makes something at its place in the tree, or aside if another package has that place.
    fn create<T>(
        &mut self,
        path: &str,
        make: impl Fn(&Path) -> io::Result<T>,
    ) -> Result<(PathBuf, T, Option<PathBuf>), ImageError> {
        if let Some((above, _)) = path.rsplit_once('/') {
            self.ensure(above)?;
        }
        let place = self.root.join(path);
        match make(&place) {
            Ok(value) => Ok((place, value, None)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::symlink_metadata(&place).map_err(at(&place))?.is_dir() {
                    return Err(ImageError::NotAFolder {
                        path: path.to_owned(),
                        package: self.package.clone(),
                    });
                }
                fs::create_dir_all(&self.aside).map_err(at(&self.aside))?;
                let place = self.aside.join(self.claims.len().to_string());
                let value = make(&place).map_err(at(&place))?;
                Ok((place.clone(), value, Some(place)))
            }
            Err(error) => Err(at(&place)(error)),
        }
    }

    fn claim(&mut self, path: String, node: Node, place: PathBuf, aside: Option<PathBuf>) {
        self.places.insert(path.clone(), place);
        self.claims.push(Claim { path, node, aside });
    }
}
