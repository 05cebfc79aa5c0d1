//! One `.crate` file into its folder: a gzipped tar, of files below `NAME-VERSION/` and nothing else.

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

/// Bytes that the files of one crate may have (cargo's own limit).
const LIMIT: u64 = 512 << 20;
/// Files of one crate.
const FILES: usize = 100_000;
/// The time of every file, 2000-01-01: cargo compares times with those of what it makes, which are later.
const TIME: Duration = Duration::from_hours(262_968);

/// Why a crate is not unpacked.
#[derive(Debug)]
pub(super) enum Refused {
    /// The archive is not what cargo packs.
    Archive(String),
    /// The host failed.
    Host(PathBuf, io::Error),
}

/// Unpacks an archive whose files are all below `folder` (`NAME-VERSION`) to `root/folder`.
pub(super) fn unpack(archive: impl Read, folder: &str, root: &Path) -> Result<(), Refused> {
    let broken = |error: io::Error| Refused::Archive(format!("it cannot be unpacked: {error}"));
    let mut tar = tar::Archive::new(MultiGzDecoder::new(archive).take(LIMIT + (LIMIT >> 2)));
    let mut seen = BTreeSet::new();
    let mut left = LIMIT;
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = safe(&entry.path_bytes(), folder)?;
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            other => {
                let kind = match other {
                    EntryType::Symlink | EntryType::Link => "a link",
                    _ => "no regular file",
                };
                return Err(Refused::Archive(format!("{path:?} in it is {kind}")));
            }
        }
        left = left.checked_sub(entry.size()).ok_or_else(too_large)?;
        if !seen.insert(path.clone()) {
            return Err(Refused::Archive(format!("{path:?} is in it twice")));
        }
        if seen.len() > FILES {
            return Err(Refused::Archive(format!("it holds more than {FILES} files")));
        }
        let mode = entry.header().mode().map_err(broken)?;
        write(&root.join(&path), mode, &mut entry)?;
    }
    if !seen.contains(&format!("{folder}/Cargo.toml")) {
        return Err(Refused::Archive(format!("it does not hold {folder}/Cargo.toml")));
    }
    Ok(())
}

fn too_large() -> Refused {
    Refused::Archive(format!("it holds more than {LIMIT} bytes"))
}

/// The path of an entry: relative, below `folder`, of plain names.
fn safe(bytes: &[u8], folder: &str) -> Result<String, Refused> {
    let shown = String::from_utf8_lossy(bytes).into_owned();
    let wrong = || Refused::Archive(format!("{shown:?} in it is no path below {folder:?}"));
    let path = std::str::from_utf8(bytes).map_err(|_| wrong())?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut parts = path.split('/');
    let below = parts.next() == Some(folder);
    let plain = path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains('\0'));
    // A file of ours lies beside the crate's own.
    let ours = path.strip_prefix(folder) == Some("/.cargo-checksum.json");
    if below && plain && !ours { Ok(path.to_owned()) } else { Err(wrong()) }
}

fn write(path: &Path, mode: u32, from: &mut impl Read) -> Result<(), Refused> {
    let host = |error: io::Error| Refused::Host(path.to_owned(), error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(host)?;
    }
    let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path).map_err(host)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = from
            .read(&mut buffer)
            .map_err(|error| Refused::Archive(format!("it cannot be unpacked: {error}")))?;
        if count == 0 {
            break;
        }
        io::Write::write_all(&mut file, &buffer[..count]).map_err(host)?;
    }
    set_time(&file).map_err(host)
}

/// Gives a file or folder the fixed time.
pub(super) fn set_time(file: &File) -> io::Result<()> {
    let time = SystemTime::UNIX_EPOCH + TIME;
    file.set_times(FileTimes::new().set_modified(time).set_accessed(time))
}

#[cfg(test)]
mod tests;
