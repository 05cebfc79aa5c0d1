//! Going from an artifact into its members: what something is, how deep, and how much may be unpacked.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::data::{Data, IN_MEMORY};
use super::model::{Cause, Change, Effect, Normalization};
use super::{CompareError, Options};
use super::{bytes, compressed, elf, pyc, pyinstaller, tar, text, zip};

/// A comparison that is under way.
pub(super) struct Walk<'a> {
    pub(super) options: &'a Options,
    unpacked: AtomicU64,
    members: AtomicU64,
}

/// Where in the artifacts a comparison is.
#[derive(Clone)]
pub(super) struct Spot {
    /// Names of members, outermost first.
    pub(super) path: Vec<String>,
    /// File name: what the member is called, without folders.
    pub(super) name: String,
    pub(super) depth: usize,
    pub(super) role: Role,
}

/// What something is to whoever installs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It is unpacked: of its archive headers only what an installer takes over counts.
    Artifact,
    /// A layer of an image: unpacked too, with owners and modes.
    Layer,
    /// It is installed as it is: each byte counts.
    Content,
}

/// What a file is, by its first bytes and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Zip,
    Gzip,
    Xz,
    Zstd,
    Tar,
    Elf,
    Pyc,
    Pyz,
    Other,
}

/// Why something cannot be looked into: the file's own fault, never the comparison's.
#[derive(Debug)]
pub(super) enum Broken {
    /// It is not what it seems.
    Damaged(String),
    /// The comparison as a whole ends.
    Fatal(CompareError),
}

impl From<CompareError> for Broken {
    fn from(error: CompareError) -> Self {
        Self::Fatal(error)
    }
}

/// Reading what was opened failed: the host's fault.
pub(super) fn unreadable(spot: &Spot) -> impl FnOnce(io::Error) -> CompareError + '_ {
    move |source| CompareError::Read { path: PathBuf::from(spot.shown()), source }
}

impl Spot {
    /// The artifacts themselves.
    pub(super) fn top(name: &str) -> Self {
        Self { path: Vec::new(), name: name.to_owned(), depth: 0, role: Role::Artifact }
    }

    /// A member, installed as it is.
    pub(super) fn member(&self, name: &str) -> Self {
        self.member_as(name, Role::Content)
    }

    pub(super) fn member_as(&self, name: &str, role: Role) -> Self {
        let mut path = self.path.clone();
        path.push(name.to_owned());
        let name = name.rsplit('/').next().unwrap_or(name).to_owned();
        Self { path, name, depth: self.depth + 1, role }
    }

    /// The same thing without its compression: no member of its own.
    pub(super) fn unpacked(&self, name: &str) -> Self {
        Self { path: self.path.clone(), name: name.to_owned(), depth: self.depth + 1, role: self.role }
    }

    /// As messages name it.
    pub(super) fn shown(&self) -> String {
        if self.path.is_empty() { self.name.clone() } else { self.path.join(" » ") }
    }
}

impl Kind {
    pub(super) fn of(data: &Data, name: &str) -> io::Result<Self> {
        let head = data.head(512)?;
        let extension = name.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
        Ok(match head.as_slice() {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ if matches!(extension.as_str(), "whl" | "zip" | "egg" | "jar") => Self::Zip,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0x7f, b'E', b'L', b'F', ..] => Self::Elf,
            [b'P', b'Y', b'Z', 0, ..] => Self::Pyz,
            [_, _, 0x0d, 0x0a, ..] if extension == "pyc" => Self::Pyc,
            head if tar::is_tar(head) => Self::Tar,
            _ => Self::Other,
        })
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Zip => "a zip archive",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Tar => "a tar archive",
            Self::Elf => "an ELF object",
            Self::Pyc => "Python byte code",
            Self::Pyz => "an archive of byte code",
            Self::Other => "neither an archive nor an object",
        }
    }

    /// Whether it holds one stream, compressed or not.
    fn is_stream(self) -> bool {
        matches!(self, Self::Gzip | Self::Xz | Self::Zstd)
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        Self { options, unpacked: AtomicU64::new(0), members: AtomicU64::new(0) }
    }

    /// Compares two things whose bytes may differ. The result is empty only if they do not.
    pub(super) fn compare(&self, spot: &Spot, a: &Data, b: &Data) -> Result<Vec<Change>, CompareError> {
        self.go_on()?;
        if a.same(b).map_err(unreadable(spot))? {
            return Ok(Vec::new());
        }
        if spot.depth > self.options.max_depth {
            let detail = format!("not looked into: deeper than {} archives", self.options.max_depth);
            return Ok(vec![Change::changed(&spot.path, Cause::Content, detail)]);
        }
        let kinds = (
            Kind::of(a, &spot.name).map_err(unreadable(spot))?,
            Kind::of(b, &spot.name).map_err(unreadable(spot))?,
        );
        let found = match kinds {
            (one, two) if one.is_stream() && two.is_stream() => {
                compressed::compare(self, spot, (one, a), (two, b))
            }
            (one, Kind::Tar) | (Kind::Tar, one) if one.is_stream() => {
                compressed::compare(self, spot, (kinds.0, a), (kinds.1, b))
            }
            (one, two) if one != two => {
                let detail = format!("the first is {}, the second {}", one.shown(), two.shown());
                Ok(vec![Change::changed(&spot.path, Cause::Content, detail)])
            }
            (Kind::Zip, _) => zip::compare(self, spot, a, b),
            (Kind::Tar, _) => tar::compare(self, spot, a, b),
            (Kind::Elf, _) => elf::compare(self, spot, a, b),
            (Kind::Pyc, _) => pyc::compare(spot, a, b),
            (Kind::Pyz, _) => pyinstaller::compare_pyz(self, spot, a, b),
            (Kind::Gzip | Kind::Xz | Kind::Zstd | Kind::Other, _) => {
                self.plain(spot, a, b).map_err(Broken::Fatal)
            }
        };
        let mut changes = match found {
            Ok(changes) => changes,
            Err(Broken::Fatal(error)) => return Err(error),
            Err(Broken::Damaged(why)) => vec![Change::changed(&spot.path, Cause::Content, why)],
        };
        if changes.is_empty() {
            // Whoever compared saw nothing, and yet the bytes differ.
            changes = bytes::compare(spot, a, b)?;
        }
        // The time in byte code that is a file of its own, and which ends the lines of a wheel's METADATA have, are the
        // differences that are taken away from what is installed as it is.
        if spot.role == Role::Content && kinds != (Kind::Pyc, Kind::Pyc) {
            let lines = Effect::Normalized(Normalization::MetadataLines);
            changes.iter_mut().filter(|change| change.effect != lines).for_each(keep);
        }
        Ok(changes)
    }

    /// What is no archive and no object.
    fn plain(&self, spot: &Spot, a: &Data, b: &Data) -> Result<Vec<Change>, CompareError> {
        if let Some(changes) = pyinstaller::compare_appended(self, spot, a, b)? {
            return Ok(changes);
        }
        match text::compare(spot, a, b)? {
            Some(changes) => Ok(changes),
            None => bytes::compare(spot, a, b),
        }
    }

    /// Whether nobody has ended it.
    fn go_on(&self) -> Result<(), CompareError> {
        match self.options.cancel.signal() {
            Some(signal) => Err(CompareError::Cancelled { signal }),
            None => Ok(()),
        }
    }

    /// Counts members before they are listed.
    pub(super) fn spend_members(&self, spot: &Spot, count: u64) -> Result<(), CompareError> {
        let limit = self.options.max_members;
        if self.members.fetch_add(count, Ordering::Relaxed).saturating_add(count) > limit {
            return Err(CompareError::Limit { member: spot.shown(), what: "members", limit });
        }
        Ok(())
    }

    /// Reads everything that a decoder yields. What the decoder does not like is [`Broken::Damaged`].
    pub(super) fn unpack(&self, spot: &Spot, mut from: impl Read) -> Result<Data, Broken> {
        let limit = self.options.max_unpacked;
        let mut memory = Vec::new();
        let mut spilled = None;
        let mut total = 0_u64;
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let count = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Broken::Damaged(error.to_string())),
            };
            total += count as u64;
            self.go_on()?;
            if self.unpacked.fetch_add(count as u64, Ordering::Relaxed) + count as u64 > limit {
                return Err(CompareError::Limit { member: spot.shown(), what: "bytes", limit }.into());
            }
            let spill = |error| Broken::Fatal(CompareError::Spill(error));
            if spilled.is_none() && total > IN_MEMORY {
                let mut file = tempfile::tempfile().map_err(spill)?;
                file.write_all(&memory).map_err(spill)?;
                memory = Vec::new();
                spilled = Some(file);
            }
            match &mut spilled {
                Some(file) => file.write_all(&buffer[..count]).map_err(spill)?,
                None => memory.extend_from_slice(&buffer[..count]),
            }
        }
        Ok(match spilled {
            Some(file) => Data::spilled(file, total),
            None => Data::memory(memory),
        })
    }
}

/// What is installed as it is: no difference of its bytes is taken away.
pub(super) fn keep(change: &mut Change) {
    change.effect = Effect::Content;
}
