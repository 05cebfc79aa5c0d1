//! Two folders: each file as an artifact of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use walkdir::WalkDir;

use super::CompareError;
use super::data::Data;
use super::members::{self, Single, Sorted};
use super::model::{Cause, Change, ChangeKind, Report, Side, Verdict};
use super::oci;
use super::walk::{Broken, Role, Spot, Walk};

/// What lies in a folder.
enum Node {
    File { size: u64, program: bool, path: PathBuf },
    Link(Vec<u8>),
    Folder,
    Other,
}

/// Whether a path is a folder; an error for what is neither folder nor file.
pub(super) fn is_folder(path: &Path) -> Result<bool, CompareError> {
    use std::os::unix::fs::FileTypeExt;
    let metadata =
        fs::metadata(path).map_err(|source| CompareError::Read { path: path.to_owned(), source })?;
    let kind = metadata.file_type();
    let found = match () {
        () if kind.is_dir() => return Ok(true),
        () if kind.is_file() => return Ok(false),
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(CompareError::Kind { path: path.to_owned(), found })
}

/// Compares two folders. Times, owners and the order of names are a file system's, and not compared; of modes only
/// whether a file is a program.
pub(super) fn compare_top(walk: &Walk<'_>, a: &Path, b: &Path) -> Result<Report, CompareError> {
    let spot = Spot::top(&a.display().to_string());
    let (one, two) = (list(walk, &spot, a)?, list(walk, &spot, b)?);
    let layouts = [&one, &two].map(|nodes| oci::is_layout(nodes.keys().map(String::as_str)));
    let found = match layouts {
        [true, true] => image(walk, &spot, &one, &two),
        _ => nodes(walk, &spot, &one, &two),
    };
    let mut changes = match found {
        Ok(changes) => changes,
        Err(Broken::Fatal(error)) => return Err(error),
        Err(Broken::Damaged(why)) => vec![Change::changed(&[], Cause::Content, why)],
    };
    changes.sort_by(|one, two| (&one.path, one.kind, &one.causes).cmp(&(&two.path, two.kind, &two.causes)));
    let side = |path: &Path, nodes: &BTreeMap<String, Node>| Side {
        name: path.display().to_string(),
        size: nodes.values().map(Node::size).sum(),
        sha256: None,
    };
    let verdict = Verdict::of(&changes);
    Ok(Report { a: side(a, &one), b: side(b, &two), verdict, changes })
}

impl Node {
    fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            Self::Link(_) | Self::Folder | Self::Other => 0,
        }
    }

    fn open(&self) -> Result<Data, CompareError> {
        match self {
            Self::File { path, .. } => File::open(path)
                .and_then(Data::file)
                .map_err(|source| CompareError::Read { path: path.clone(), source }),
            Self::Link(target) => Ok(Data::memory(target.clone())),
            Self::Folder | Self::Other => Ok(Data::memory(Vec::new())),
        }
    }

    fn shown(&self) -> &'static str {
        match self {
            Self::File { .. } => "a file",
            Self::Link(_) => "a symbolic link",
            Self::Folder => "a folder",
            Self::Other => "neither file, link nor folder",
        }
    }
}

fn list(walk: &Walk<'_>, spot: &Spot, root: &Path) -> Result<BTreeMap<String, Node>, CompareError> {
    let mut nodes = BTreeMap::new();
    for entry in WalkDir::new(root).min_depth(1) {
        let entry = entry.map_err(|error| CompareError::Read {
            path: error.path().unwrap_or(root).to_owned(),
            source: error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of links")),
        })?;
        walk.spend_members(spot, 1)?;
        let failed = |source| CompareError::Read { path: entry.path().to_owned(), source };
        let relative = entry.path().strip_prefix(root).unwrap_or(entry.path()).as_os_str().as_bytes();
        let name = match std::str::from_utf8(relative) {
            Ok(name) => name.to_owned(),
            Err(_) => relative.escape_ascii().to_string(),
        };
        let kind = entry.file_type();
        let node = if kind.is_dir() {
            Node::Folder
        } else if kind.is_symlink() {
            Node::Link(fs::read_link(entry.path()).map_err(failed)?.into_os_string().as_bytes().to_vec())
        } else if kind.is_file() {
            let metadata = fs::metadata(entry.path()).map_err(failed)?;
            let program = metadata.permissions().mode() & 0o111 != 0;
            Node::File { size: metadata.len(), program, path: entry.path().to_owned() }
        } else {
            Node::Other
        };
        nodes.insert(name, node);
    }
    Ok(nodes)
}

fn nodes(
    walk: &Walk<'_>,
    spot: &Spot,
    a: &BTreeMap<String, Node>,
    b: &BTreeMap<String, Node>,
) -> Result<Vec<Change>, Broken> {
    let list = |nodes: &BTreeMap<String, Node>| -> Vec<String> { nodes.keys().cloned().collect() };
    let (names_a, names_b) = (list(a), list(b));
    let pairs = members::pair(names_a.iter().map(String::as_str), names_b.iter().map(String::as_str));
    let compared: Vec<Result<Vec<Change>, CompareError>> = pairs
        .both
        .par_iter()
        .map(|(one, _)| {
            let name = &names_a[*one];
            pair(walk, &spot.member_as(name, Role::Artifact), &a[name], &b[name])
        })
        .collect();
    let mut changes = Vec::new();
    for found in compared {
        changes.extend(found?);
    }
    // An empty folder is something too; one that has files is told by them.
    let alone = |indexes: &[usize], names: &[String], nodes: &BTreeMap<String, Node>| -> Vec<usize> {
        let sorted = Sorted::new(names.iter().map(String::as_str));
        let below = |name: &str| sorted.has_below(&format!("{name}/"));
        let tells =
            |index: &&usize| !matches!(nodes[&names[**index]], Node::Folder) || !below(&names[**index]);
        indexes.iter().filter(tells).copied().collect()
    };
    let removed = alone(&pairs.removed, &names_a, a);
    let added = alone(&pairs.added, &names_b, b);
    let content_a = |index: usize| Ok(a[&names_a[index]].open()?);
    let content_b = |index: usize| Ok(b[&names_b[index]].open()?);
    let (removed, added) = (files(&removed, &names_a, a), files(&added, &names_b, b));
    changes.extend(members::singles(spot, &removed, &added, content_a, content_b)?);
    Ok(changes)
}

fn files<'a>(all: &[usize], names: &'a [String], nodes: &BTreeMap<String, Node>) -> Vec<Single<'a>> {
    let single =
        |index: &usize| Single { name: &names[*index], size: nodes[&names[*index]].size(), index: *index };
    all.iter().map(single).collect()
}

fn pair(walk: &Walk<'_>, spot: &Spot, a: &Node, b: &Node) -> Result<Vec<Change>, CompareError> {
    let found = |cause, detail: String| Change::new(&spot.path, ChangeKind::Changed, cause, detail);
    match (a, b) {
        (Node::File { program: one, .. }, Node::File { program: two, .. }) => {
            let mut changes = walk.compare(spot, &a.open()?, &b.open()?)?;
            if one != two {
                let shown = |program: bool| if program { "a program" } else { "no program" };
                changes.push(found(Cause::Mode, format!("mode: {} → {}", shown(*one), shown(*two))));
            }
            Ok(changes)
        }
        (Node::Link(one), Node::Link(two)) if one != two => {
            let shown = String::from_utf8_lossy;
            Ok(vec![found(Cause::Content, format!("target: {} → {}", shown(one), shown(two)))])
        }
        (Node::Link(_), Node::Link(_)) | (Node::Folder, Node::Folder) => Ok(Vec::new()),
        (Node::Other, Node::Other) => {
            Ok(vec![found(Cause::Content, "a pipe, socket or device: not read".to_owned())])
        }
        _ => Ok(vec![found(Cause::Mode, format!("kind: {} → {}", a.shown(), b.shown()))]),
    }
}

fn image(
    walk: &Walk<'_>,
    spot: &Spot,
    a: &BTreeMap<String, Node>,
    b: &BTreeMap<String, Node>,
) -> Result<Vec<Change>, Broken> {
    let files = |nodes: &BTreeMap<String, Node>| -> Result<Vec<(String, Data)>, CompareError> {
        let files = nodes.iter().filter(|(_, node)| !matches!(node, Node::Folder));
        files.map(|(name, node)| Ok((name.clone(), node.open()?))).collect()
    };
    oci::compare(walk, spot, files(a)?, files(b)?)
}
