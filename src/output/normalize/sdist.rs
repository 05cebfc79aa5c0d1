//! `sdist-tar-gz` and `archive-tar-gz`: tar and gzip, rewritten.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use tempfile::SpooledTempFile;

use super::super::ArchiveError;
use super::Problem;
use super::gzip::GzipWriter;
use super::tarfile::{Entry, Kind, TarWriter};

/// Unpacked bytes that are kept in memory; more goes to a temporary file.
const IN_MEMORY: usize = 16 << 20;

/// Members that an sdist may have.
const MEMBERS: usize = 1_000_000;

/// Where members of an archive may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::output) enum Top<'a> {
    /// An sdist's: below this one folder.
    Folder(&'a str),
    /// Any relative path.
    Any,
}

impl Top<'_> {
    /// As messages name the archive.
    fn format(self) -> &'static str {
        match self {
            Self::Folder(_) => "sdist",
            Self::Any => "tar.gz",
        }
    }

    /// Folders that no link may leave.
    fn depth(self) -> usize {
        match self {
            Self::Folder(_) => 1,
            Self::Any => 0,
        }
    }
}

/// A member of an archive, checked: at a place where it may lie, and no device.
pub(in crate::output) struct Member {
    pub(in crate::output) path: Vec<u8>,
    pub(in crate::output) kind: Kind,
    link: Vec<u8>,
    mtime: u64,
    size: u64,
    /// Where its content is in the unpacked tar.
    offset: u64,
}

/// What [`each`] calls for a member, with its content.
type Visit<'a> = dyn FnMut(Member, &mut dyn Read) -> Result<(), ArchiveError> + 'a;

/// Reads an sdist from its start and calls `visit` for each member, after all checks of the member itself.
pub(in crate::output) fn each(
    file: &mut File,
    top: Top<'_>,
    limit: u64,
    visit: &mut Visit<'_>,
) -> Result<(), ArchiveError> {
    file.seek(SeekFrom::Start(0)).map_err(|error| broken(top.format(), &error))?;
    let unpacked = MultiGzDecoder::new(BufReader::with_capacity(128 * 1024, file));
    members(Limited { inner: unpacked, left: limit }, top, limit, visit)
}

/// Writes the archive anew.
pub(super) fn normalize(
    file: &mut File,
    top: Top<'_>,
    epoch: i64,
    limit: u64,
    scratch: &Path,
    to: &mut impl Write,
) -> Result<(), Problem> {
    file.seek(SeekFrom::Start(0))?;
    let mut unpacked = SpooledTempFile::new_in(IN_MEMORY, scratch);
    let decoder = MultiGzDecoder::new(BufReader::with_capacity(128 * 1024, file));
    spool(Limited { inner: decoder, left: limit }, &mut unpacked, top, limit)?;

    let mut list: Vec<Member> = Vec::new();
    unpacked.seek(SeekFrom::Start(0))?;
    members(&mut unpacked, top, limit, &mut |member, _| {
        list.push(member);
        Ok(())
    })?;
    list.sort_by(|a, b| a.path.split(|byte| *byte == b'/').cmp(b.path.split(|byte| *byte == b'/')));
    let list = last_ones(list)?;
    let index: Index<'_> = list.iter().map(|member| (member.path.as_slice(), member)).collect();
    check_hard_links(&index, limit)?;

    // Sorting may put a hard link before the file that has its content. So each becomes a file.
    let epoch = u64::try_from(epoch).unwrap_or(0);
    let mut tar = TarWriter::new(GzipWriter::new(to)?);
    for member in &list {
        let mut path = member.path.clone();
        if member.kind == Kind::Folder {
            path.push(b'/');
        }
        let source = content_of(&index, member);
        let kind = if member.kind == Kind::HardLink { source.kind } else { member.kind };
        let mtime = member.mtime.min(epoch);
        tar.header(&Entry { kind, path: &path, link: &member.link_if_symlink(), size: source.size, mtime })?;
        unpacked.seek(SeekFrom::Start(source.offset))?;
        let copied = io::copy(&mut (&mut unpacked).take(source.size), &mut tar.inner)?;
        if copied != source.size {
            return Err(broken(top.format(), "ends within a member").into());
        }
        tar.pad(source.size)?;
    }
    tar.finish()?.finish()?;
    Ok(())
}

/// Of files that are there more than once the last, which is what every unpacker leaves (some backends write
/// `PKG-INFO` again over that of an sdist which they build from). The list is sorted, equal paths in their order.
fn last_ones(list: Vec<Member>) -> Result<Vec<Member>, ArchiveError> {
    let mut kept: Vec<Member> = Vec::with_capacity(list.len());
    for member in list {
        match kept.last_mut() {
            Some(before) if before.path == member.path => {
                let file = |kind| matches!(kind, Kind::File | Kind::Executable);
                if !file(before.kind) || !file(member.kind) {
                    return Err(self::member(&member.path, "is there twice, and not as a file"));
                }
                *before = member;
            }
            Some(_) | None => kept.push(member),
        }
    }
    Ok(kept)
}

impl Member {
    fn link_if_symlink(&self) -> Vec<u8> {
        if self.kind == Kind::Symlink { self.link.clone() } else { Vec::new() }
    }
}

/// Members by path.
type Index<'a> = HashMap<&'a [u8], &'a Member>;

/// The member whose bytes a member has: itself, or what a hard link names.
fn content_of<'a>(index: &Index<'a>, member: &'a Member) -> &'a Member {
    match member.kind {
        Kind::HardLink => index.get(member.link.as_slice()).copied().unwrap_or(member),
        Kind::File | Kind::Executable | Kind::Folder | Kind::Symlink => member,
    }
}

/// Every hard link names a file, and all of them as files of their own are not too much.
fn check_hard_links(index: &Index<'_>, limit: u64) -> Result<(), ArchiveError> {
    let mut left = limit;
    for link in index.values().filter(|member| member.kind == Kind::HardLink) {
        let target = content_of(index, link);
        if !matches!(target.kind, Kind::File | Kind::Executable) {
            return Err(member(&link.path, "is a hard link to something that is no file of this archive"));
        }
        left = left.checked_sub(target.size).ok_or(ArchiveError::TooLarge { limit })?;
    }
    Ok(())
}

/// Copies foreign bytes to a file of ours, telling whose error it is.
fn spool(mut from: impl Read, to: &mut impl Write, top: Top<'_>, limit: u64) -> Result<(), Problem> {
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&buffer[..count])?,
            Err(error) if is_over(&error) => return Err(ArchiveError::TooLarge { limit }.into()),
            Err(error) => return Err(broken(top.format(), &error).into()),
        }
    }
}

fn members(reader: impl Read, top: Top<'_>, limit: u64, visit: &mut Visit<'_>) -> Result<(), ArchiveError> {
    let failed = |error: io::Error| {
        if is_over(&error) { ArchiveError::TooLarge { limit } } else { broken(top.format(), &error) }
    };
    let mut archive = tar::Archive::new(reader);
    let mut count = 0;
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        count += 1;
        if count > MEMBERS {
            return Err(broken(top.format(), &format!("more than {MEMBERS} members")));
        }
        let header = entry.header();
        let shown = entry.path_bytes().into_owned();
        let executable =
            header.mode().map_err(|_| member(&shown, "has a mode that is no number"))? & 0o100 != 0;
        let kind = match header.entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous if shown.ends_with(b"/") => Kind::Folder,
            tar::EntryType::Regular | tar::EntryType::Continuous if executable => Kind::Executable,
            tar::EntryType::Regular | tar::EntryType::Continuous => Kind::File,
            tar::EntryType::Directory => Kind::Folder,
            tar::EntryType::Symlink => Kind::Symlink,
            tar::EntryType::Link => Kind::HardLink,
            // A comment for the whole archive, for instance `git archive`'s commit: says nothing of contents.
            tar::EntryType::XGlobalHeader => continue,
            tar::EntryType::GNUSparse => return Err(member(&shown, "is a sparse file")),
            tar::EntryType::Char | tar::EntryType::Block => return Err(member(&shown, "is a device")),
            tar::EntryType::Fifo => return Err(member(&shown, "is a named pipe")),
            _ => return Err(member(&shown, "is of an unknown type")),
        };
        let mtime = header.mtime().map_err(|_| member(&shown, "has a time that is no number"))?;
        let link = entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
        let path = checked_path(&shown, top)?;
        let link = checked_link(&shown, &path, kind, link, top)?;
        let size = if matches!(kind, Kind::File | Kind::Executable) { entry.size() } else { 0 };
        if size == 0 && entry.size() != 0 {
            return Err(member(&shown, "has content, though it is no file"));
        }
        if is_sparse(&mut entry) {
            return Err(member(&shown, "is a sparse file"));
        }
        let offset = entry.raw_file_position();
        visit(Member { path, kind, link, mtime, size, offset }, &mut entry)?;
    }
    Ok(())
}

/// Sparse files of the pax form hide in records of GNU tar.
fn is_sparse<R: Read>(entry: &mut tar::Entry<'_, R>) -> bool {
    let Ok(Some(records)) = entry.pax_extensions() else { return false };
    records.flatten().any(|record| record.key_bytes().starts_with(b"GNU.sparse."))
}

/// A path below the top, without `.`, `..` and `//`.
fn checked_path(path: &[u8], top: Top<'_>) -> Result<Vec<u8>, ArchiveError> {
    if path.contains(&0) {
        return Err(member(path, "holds a NUL"));
    }
    let mut parts = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" if path.starts_with(b"/") => return Err(member(path, "is an absolute path")),
            b"" | b"." => {}
            b".." => return Err(member(path, "leaves the archive")),
            part => parts.push(part),
        }
    }
    match top {
        Top::Folder(stem) if parts.first() != Some(&stem.as_bytes()) => {
            return Err(member(path, "is not in the folder that the archive is named after"));
        }
        Top::Any if parts.is_empty() => return Err(member(path, "is the archive's own folder")),
        Top::Folder(_) | Top::Any => {}
    }
    Ok(parts.join(&b'/'))
}

/// A link's target: for hard links the path of a member, for symbolic ones a text that stays inside.
fn checked_link(
    shown: &[u8],
    path: &[u8],
    kind: Kind,
    link: Vec<u8>,
    top: Top<'_>,
) -> Result<Vec<u8>, ArchiveError> {
    match kind {
        Kind::File | Kind::Executable | Kind::Folder => Ok(Vec::new()),
        Kind::HardLink => {
            checked_path(&link, top).map_err(|_| member(shown, "is a hard link that leaves the archive"))
        }
        Kind::Symlink => {
            let mut depth = path.split(|byte| *byte == b'/').count() - 1;
            let outside = || member(shown, "is a symbolic link that leaves the archive");
            if link.is_empty() || link.starts_with(b"/") || link.contains(&0) {
                return Err(outside());
            }
            for part in link.split(|byte| *byte == b'/') {
                match part {
                    b"" | b"." => {}
                    b".." => {
                        depth =
                            depth.checked_sub(1).filter(|depth| *depth >= top.depth()).ok_or_else(outside)?;
                    }
                    _ => depth += 1,
                }
            }
            Ok(link)
        }
    }
}

fn member(path: &[u8], why: &'static str) -> ArchiveError {
    let text = String::from_utf8_lossy(path);
    ArchiveError::Member { member: text.chars().take(120).collect(), why }
}

pub(in crate::output) fn broken(format: &'static str, error: &(impl ToString + ?Sized)) -> ArchiveError {
    let why = error.to_string().chars().take(200).collect();
    ArchiveError::Broken { format, why }
}

/// Fails once more than `left` bytes come: a small file can unpack to terabytes.
struct Limited<R> {
    inner: R,
    left: u64,
}

/// Marks the failure of [`Limited`].
#[derive(Debug, thiserror::Error)]
#[error("over the limit")]
struct Over;

/// Looks for [`Over`] under what the tar reader wraps around it.
fn is_over(error: &io::Error) -> bool {
    let Some(inner) = error.get_ref() else { return false };
    let below = inner.source().and_then(|source| source.downcast_ref());
    inner.is::<Over>() || below.is_some_and(is_over)
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other(Over))?;
        Ok(count)
    }
}
