//! Taking outputs from the folder that the box wrote to. Everything in it is foreign: nothing is followed,
//! run or trusted, and all that is wrong is told at once.

use std::ffi::CStr;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use super::publish::copy;
use super::{OutputError, Refusal, RefusalReason, metadata};
use crate::digest::Sha256;
use crate::event::Cancel;
use crate::name::PackageName;

/// A kind of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutputKind {
    /// `*.tar.gz`
    Sdist,
    /// `*.whl`
    Wheel,
    /// `*.zip`: a program
    Zip,
    /// `*.tar.gz`: a program
    TarGz,
    /// An executable, in no archive.
    Program,
}

impl OutputKind {
    /// As messages name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sdist => "sdist",
            Self::Wheel => "wheel",
            Self::Zip => "zip",
            Self::TarGz => "tar.gz",
            Self::Program => "executable",
        }
    }

    /// What its file names end with.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Sdist | Self::TarGz => ".tar.gz",
            Self::Wheel => ".whl",
            Self::Zip => ".zip",
            Self::Program => "",
        }
    }
}

/// What a builder declares that it makes, and what is known of the project.
#[derive(Debug, Clone)]
pub struct OutputRules {
    /// Exactly one output of each of these kinds, and nothing else.
    pub kinds: Vec<OutputKind>,
    /// What the metadata of sdists and wheels must say.
    pub project: ProjectRules,
    /// What archives of a program are called, exactly.
    pub archives: Vec<String>,
    /// How many and how large.
    pub limits: OutputLimits,
}

/// What is known of the project before it is built, from `pyproject.toml`.
#[derive(Debug, Clone, Default)]
pub struct ProjectRules {
    /// `project.name`, if there is a `[project]` table.
    pub name: Option<PackageName>,
    /// `project.version`, if it is not dynamic.
    pub version: Option<String>,
}

/// How many outputs and how large.
#[derive(Debug, Clone, Copy)]
pub struct OutputLimits {
    /// Files in the folder.
    pub files: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of an archive when unpacked.
    pub unpacked_bytes: u64,
}

impl Default for OutputLimits {
    fn default() -> Self {
        Self { files: 64, file_bytes: 8 << 30, unpacked_bytes: 32 << 30 }
    }
}

/// An output that was checked. The file is the one that the box wrote, open.
#[derive(Debug)]
pub struct Collected {
    /// File name.
    pub name: String,
    /// Its kind.
    pub kind: OutputKind,
    /// What the metadata inside says; archives of a program have none.
    pub stated: Option<Stated>,
    /// Bytes.
    pub size: u64,
    /// Digest as the box left it.
    pub sha256: Sha256,
    pub(super) file: File,
    pub(super) unpacked_limit: u64,
}

/// What an sdist or a wheel says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The project's name.
    pub name: PackageName,
    /// The version, as written.
    pub version: String,
}

/// Takes the outputs of a box that has ended, sdists before wheels.
///
/// # Errors
/// [`OutputError::Refused`] with everything that is wrong; the host failed; the user asked to stop.
pub fn collect(folder: &Path, rules: &OutputRules, cancel: &Cancel) -> Result<Vec<Collected>, OutputError> {
    let cannot_open = |error: nix::Error| OutputError::io("open the output folder", folder)(error.into());
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
    let mut dir = Dir::open(folder, flags, Mode::empty()).map_err(cannot_open)?;
    let mut names = Vec::new();
    let mut refused = Vec::new();
    for entry in dir.iter() {
        let entry = entry.map_err(cannot_open)?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if names.len() == rules.limits.files {
            refuse(&mut refused, "the output folder", RefusalReason::TooMany(rules.limits.files));
            return Err(OutputError::Refused(refused));
        }
        names.push(name.to_owned());
    }
    names.sort();

    let mut collected: Vec<Collected> = Vec::new();
    for name in &names {
        if let Some(signal) = cancel.signal() {
            return Err(OutputError::Interrupted { signal });
        }
        let shown = harmless(name);
        match take(&dir, name, rules) {
            Ok((name, kind, file, size)) => {
                if collected.iter().any(|other| other.kind == kind) {
                    refuse(&mut refused, &shown, RefusalReason::Second(kind.as_str()));
                    continue;
                }
                match check(name, kind, file, size, rules, cancel, folder)? {
                    Ok(output) => collected.push(output),
                    Err(why) => refuse(&mut refused, &shown, why),
                }
            }
            Err(Problem::Refused(why)) => refuse(&mut refused, &shown, why),
            Err(Problem::Host(error)) => {
                let path = folder.join(&shown);
                return Err(OutputError::io("read", &path)(error.into()));
            }
        }
    }
    if refused.is_empty() {
        for kind in rules.kinds.iter().filter(|kind| !collected.iter().any(|output| output.kind == **kind)) {
            refuse(&mut refused, kind.as_str(), RefusalReason::Missing);
        }
    }
    if !refused.is_empty() {
        return Err(OutputError::Refused(refused));
    }
    collected.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    Ok(collected)
}

fn refuse(refused: &mut Vec<Refusal>, name: &str, why: RefusalReason) {
    refused.push(Refusal { name: name.to_owned(), why });
}

enum Problem {
    Refused(RefusalReason),
    Host(nix::Error),
}

impl From<nix::Error> for Problem {
    fn from(error: nix::Error) -> Self {
        Self::Host(error)
    }
}

impl From<RefusalReason> for Problem {
    fn from(reason: RefusalReason) -> Self {
        Self::Refused(reason)
    }
}

/// Opens one entry, if it is a regular file with a declared name.
fn take(dir: &Dir, name: &CStr, rules: &OutputRules) -> Result<(String, OutputKind, File, u64), Problem> {
    // Before it is opened: opening a device or a pipe can do things.
    regular(&fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW)?)?;
    let text = checked_name(name)?;
    let kind = rules.kinds.iter().find(|kind| text.ends_with(kind.suffix()));
    let kind = *kind
        .filter(|kind| match kind {
            OutputKind::Sdist | OutputKind::Wheel => true,
            OutputKind::Zip | OutputKind::TarGz | OutputKind::Program => {
                rules.archives.iter().any(|name| name == text)
            }
        })
        .ok_or_else(|| RefusalReason::Undeclared(declared(rules)))?;
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = openat(dir, name, flags, Mode::empty())?;
    // And again, of what was really opened.
    let stat = fstat(&file)?;
    regular(&stat)?;
    let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    if size > rules.limits.file_bytes {
        return Err(RefusalReason::TooLarge { limit: rules.limits.file_bytes, actual: size }.into());
    }
    Ok((text.to_owned(), kind, File::from(file), size))
}

fn declared(rules: &OutputRules) -> String {
    let of_kind = |kind: &OutputKind| match kind {
        OutputKind::Sdist | OutputKind::Wheel => vec![format!("*{}", kind.suffix())],
        OutputKind::Zip | OutputKind::TarGz | OutputKind::Program => rules.archives.clone(),
    };
    let names: Vec<String> = rules.kinds.iter().flat_map(of_kind).collect();
    names.join(" and ")
}

fn regular(stat: &FileStat) -> Result<(), RefusalReason> {
    let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
    let other = match kind {
        SFlag::S_IFREG => None,
        SFlag::S_IFDIR => Some("folder"),
        SFlag::S_IFLNK => Some("symbolic link"),
        SFlag::S_IFIFO => Some("named pipe"),
        SFlag::S_IFSOCK => Some("socket"),
        SFlag::S_IFCHR | SFlag::S_IFBLK => Some("device"),
        _ => Some("file of an unknown type"),
    };
    if let Some(other) = other {
        return Err(RefusalReason::NotAFile(other));
    }
    // The type of `st_nlink` differs between architectures.
    #[expect(clippy::useless_conversion, reason = "u32 on some architectures")]
    let links = u64::from(stat.st_nlink);
    if links != 1 {
        return Err(RefusalReason::HardLinks(links));
    }
    if stat.st_mode & 0o7000 != 0 {
        return Err(RefusalReason::SpecialMode(stat.st_mode & 0o7777));
    }
    Ok(())
}

/// A name that is harmless in a shell, a URL, a listing and a terminal.
fn checked_name(name: &CStr) -> Result<&str, RefusalReason> {
    let text = name.to_str().map_err(|_| RefusalReason::Name("is no UTF-8"))?;
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+!".contains(&byte);
    if text.starts_with(['-', '.']) {
        return Err(RefusalReason::Name("begins with '-' or '.'"));
    }
    if text.len() > 240 {
        return Err(RefusalReason::Name("has more than 240 bytes"));
    }
    if !text.bytes().all(good) {
        return Err(RefusalReason::Name(
            "holds something else than ASCII letters, digits, '.', '_', '-', '+' and '!'",
        ));
    }
    Ok(text)
}

fn harmless(name: &CStr) -> String {
    let text = name.to_string_lossy();
    let text: String = text.chars().take(120).flat_map(char::escape_debug).collect();
    if text.is_empty() { "?".to_owned() } else { text }
}

/// Reads the whole file: digest, form of the archive, and the metadata inside.
fn check(
    name: String,
    kind: OutputKind,
    mut file: File,
    size: u64,
    rules: &OutputRules,
    cancel: &Cancel,
    folder: &Path,
) -> Result<Result<Collected, RefusalReason>, OutputError> {
    let path = folder.join(&name);
    let sha256 = copy(&mut file, &mut std::io::sink(), cancel, &path)?;
    file.seek(SeekFrom::Start(0)).map_err(OutputError::io("read", &path))?;
    let unpacked_limit = rules.limits.unpacked_bytes;
    let found = metadata::read(&name, kind, &mut file, &rules.project, unpacked_limit);
    Ok(found.map(|stated| Collected { name, kind, stated, size, sha256, file, unpacked_limit }))
}
