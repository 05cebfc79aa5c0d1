//! The tree that becomes the image: files on disk, with a list of what they are in the image.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::ImageError;
use super::error::at;

/// Time of everything in an image, seconds: 2000-01-01T00:00:00Z. After 1980, which zip files need, and before any
/// source, so that nothing in an image looks newer than what is built in it.
pub(super) const TIME: i64 = 946_684_800;

/// What a path is in the image. Owner and time are the same for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Node {
    /// A folder of mode 0755.
    Folder,
    /// A folder in which anyone may write their own (mode 1777).
    Shared,
    /// A file of mode 0644.
    File(u64),
    /// A file of mode 0755.
    Program(u64),
    /// A symbolic link, to this.
    Link(String),
    /// Another name of a file, whose own path sorts before this one.
    Same(String),
}

impl Node {
    /// Permission bits.
    pub(super) fn mode(&self) -> u32 {
        match self {
            Self::Folder | Self::Program(_) => 0o755,
            Self::Shared => 0o1777,
            Self::File(_) => 0o644,
            Self::Link(_) | Self::Same(_) => 0o777,
        }
    }

    /// Whether other paths may be below it.
    pub(super) fn is_folder(&self) -> bool {
        matches!(self, Self::Folder | Self::Shared)
    }
}

/// Paths below the image's root, sorted by byte, so that a folder comes before what is in it.
pub(super) type Entries = BTreeMap<String, Node>;

/// A tree on disk and its entries.
#[derive(Debug)]
pub(super) struct Rootfs {
    root: PathBuf,
    done: Entries,
    new: Entries,
}

impl Rootfs {
    /// A tree whose files are on disk already.
    pub(super) fn new(root: &Path, entries: Entries) -> Self {
        Self { root: root.to_owned(), done: Entries::new(), new: entries }
    }

    /// The entries since the last call: a layer.
    pub(super) fn take_new(&mut self) -> Entries {
        let new = std::mem::take(&mut self.new);
        self.done.extend(new.iter().map(|(path, node)| (path.clone(), node.clone())));
        new
    }

    /// What a path is.
    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        self.new.get(path).or_else(|| self.done.get(path))
    }

    /// Whether a path exists, links followed one step at a time, as the box would.
    pub(super) fn resolves(&self, path: &str) -> bool {
        let mut path = path.to_owned();
        for _ in 0..8 {
            match self.get(&path) {
                None => return false,
                Some(Node::Link(target)) => path = follow(&path, target),
                Some(_) => return true,
            }
        }
        false
    }

    /// The text of a file, if it is there.
    pub(super) fn read(&self, path: &str) -> Result<Option<String>, ImageError> {
        match self.get(path) {
            Some(Node::File(_) | Node::Program(_)) => {
                let file = self.root.join(path);
                fs::read_to_string(&file).map(Some).map_err(at(&file))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Makes a folder and those above it.
    pub(super) fn folder(&mut self, path: &str, node: Node) -> Result<(), ImageError> {
        if let Some(known) = self.get(path) {
            return if known.is_folder() {
                if matches!(node, Node::Shared) {
                    self.new.insert(path.to_owned(), node);
                }
                Ok(())
            } else {
                Err(ImageError::NotAFolder { path: path.to_owned(), package: "the recipe".to_owned() })
            };
        }
        self.above(path)?;
        let folder = self.root.join(path);
        fs::create_dir(&folder).map_err(at(&folder))?;
        self.new.insert(path.to_owned(), node);
        Ok(())
    }

    fn above(&mut self, path: &str) -> Result<(), ImageError> {
        match path.rsplit_once('/') {
            Some((above, _)) => self.folder(above, Node::Folder),
            None => Ok(()),
        }
    }

    /// Makes a file of mode 0644 unless the path is taken.
    pub(super) fn file(&mut self, path: &str, content: &[u8]) -> Result<(), ImageError> {
        if self.get(path).is_some() {
            return Ok(());
        }
        self.above(path)?;
        let file = self.root.join(path);
        let mut open =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(&file).map_err(at(&file))?;
        open.write_all(content).map_err(at(&file))?;
        self.new.insert(path.to_owned(), Node::File(content.len() as u64));
        Ok(())
    }

    /// Makes a symbolic link unless the path is taken.
    pub(super) fn link(&mut self, path: &str, target: &str) -> Result<(), ImageError> {
        if self.get(path).is_some() {
            return Ok(());
        }
        self.above(path)?;
        let link = self.root.join(path);
        std::os::unix::fs::symlink(target, &link).map_err(at(&link))?;
        self.new.insert(path.to_owned(), Node::Link(target.to_owned()));
        Ok(())
    }

    /// Gives everything new its mode and time, and the folders that it is in, whatever the umask was.
    pub(super) fn fix(&self) -> Result<(), ImageError> {
        let mut all: BTreeMap<&str, &Node> = BTreeMap::from([("", &Node::Folder)]);
        for (path, node) in &self.new {
            for (end, _) in path.match_indices('/') {
                let above = &path[..end];
                all.insert(above, self.get(above).unwrap_or(&Node::Folder));
            }
            all.insert(path, node);
        }
        let time = TimeSpec::new(TIME, 0);
        all.into_par_iter().try_for_each(|(path, node)| {
            let place = self.root.join(path);
            if !matches!(node, Node::Link(_) | Node::Same(_)) {
                fs::set_permissions(&place, fs::Permissions::from_mode(node.mode())).map_err(at(&place))?;
            }
            utimensat(AT_FDCWD, &place, &time, &time, UtimensatFlags::NoFollowSymlink)
                .map_err(|error| at(&place)(error.into()))
        })
    }
}

/// The path that a link at `path` leads to. Lexical: good enough for the few links that the recipe asks about.
fn follow(path: &str, target: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    if !target.starts_with('/') {
        parts = path.split('/').collect();
        parts.pop();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    if parts.first().is_some_and(|first| super::path::MERGED.contains(first)) {
        parts.insert(0, "usr");
    }
    parts.join("/")
}
