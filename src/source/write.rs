//! Writing into an export: modes and times fixed, whatever the umask; never through a link, never over a file.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

/// The two modes of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bits {
    /// 0644
    Plain,
    /// 0755
    Executable,
}

impl Bits {
    fn mode(self) -> u32 {
        match self {
            Self::Plain => 0o644,
            Self::Executable => 0o755,
        }
    }
}

/// Creates a file that is not there yet. `O_EXCL` also refuses a link in its place.
pub(super) fn create(path: &Path, bits: Bits) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(bits.mode()).open(path)?;
    file.set_permissions(Permissions::from_mode(bits.mode()))?;
    Ok(file)
}

/// Creates a file with its content.
pub(super) fn file(path: &Path, content: &[u8], bits: Bits) -> io::Result<()> {
    create(path, bits)?.write_all(content)
}

/// Creates a file with its content and its time.
pub(super) fn file_at(path: &Path, content: &[u8], bits: Bits, seconds: i64) -> io::Result<()> {
    let mut file = create(path, bits)?;
    file.write_all(content)?;
    file.set_modified(time(seconds))
}

/// Creates a folder that is not there yet.
pub(super) fn folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o755))
}

/// Creates a link.
pub(super) fn link(path: &Path, target: &Path, seconds: i64) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)?;
    set_time(path, seconds)
}

/// Sets the time of a file, folder or link (the link itself).
pub(super) fn set_time(path: &Path, seconds: i64) -> io::Result<()> {
    let time = TimeSpec::new(seconds, 0);
    utimensat(AT_FDCWD, path, &time, &time, UtimensatFlags::NoFollowSymlink).map_err(io::Error::from)
}

fn time(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { SystemTime::UNIX_EPOCH - distance } else { SystemTime::UNIX_EPOCH + distance }
}
