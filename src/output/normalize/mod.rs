//! Normalizers: each rewrites the container of one kind of archive so that equal contents are equal bytes, and
//! never touches the contents. They are named and numbered (`docs/normalizers.md`): a change of what one does
//! is a new version.

mod gzip;
pub(super) mod sdist;
mod tarfile;
pub(super) mod wheel;
mod zipfile;

pub(super) use sdist::Top;

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use wheel::Order;

use super::{Collected, OutputError, OutputKind, Refusal, RefusalReason, SdistName};
use crate::digest::{HashingWriter, Sha256};

/// A normalizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalizer {
    /// `sdist-tar-gz`: gzip header, compression, tar metadata and order.
    Sdist,
    /// `wheel-zip`: zip metadata and order; compressed bytes stay.
    Wheel,
    /// `archive-zip`: the same for any zip, by name.
    Zip,
    /// `archive-tar-gz`: what `sdist-tar-gz` does, without one folder at the top.
    TarGz,
}

impl Normalizer {
    /// The one for a kind of output; none for an executable, whose bytes stay as the build made them.
    #[must_use]
    pub fn of(kind: OutputKind) -> Option<Self> {
        match kind {
            OutputKind::Sdist => Some(Self::Sdist),
            OutputKind::Wheel => Some(Self::Wheel),
            OutputKind::Zip => Some(Self::Zip),
            OutputKind::TarGz => Some(Self::TarGz),
            OutputKind::Program => None,
        }
    }

    /// Its name in statements.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sdist => "sdist-tar-gz",
            Self::Wheel => "wheel-zip",
            Self::Zip => "archive-zip",
            Self::TarGz => "archive-tar-gz",
        }
    }

    /// Its version: equal versions give equal bytes for equal contents, for ever.
    #[must_use]
    pub fn version(self) -> u32 {
        match self {
            Self::Sdist | Self::Wheel | Self::Zip | Self::TarGz => 1,
        }
    }
}

/// A normalizer that ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Which.
    pub normalizer: Normalizer,
    /// Whether it changed anything. A statement lists it either way, since it was there to.
    pub effect: Effect,
}

/// What a normalizer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Other bytes came out.
    Changed,
    /// The same bytes came out.
    Unchanged,
}

/// An output that is ready to be published.
#[derive(Debug)]
pub struct Prepared {
    /// File name.
    pub name: String,
    /// Its kind.
    pub kind: OutputKind,
    /// Bytes.
    pub size: u64,
    /// Digest: the statement's subject.
    pub sha256: Sha256,
    /// The normalizers that ran, in their order.
    pub applied: Vec<Applied>,
    pub(super) file: File,
}

impl Collected {
    /// As the box left it (`--no-normalize`).
    #[must_use]
    pub fn as_it_is(self) -> Prepared {
        let Self { name, kind, size, sha256, file, .. } = self;
        Prepared { name, kind, size, sha256, applied: Vec::new(), file }
    }

    /// Normalized. `epoch` is `SOURCE_DATE_EPOCH` (seconds since 1970): no file time is later. The result is an
    /// unnamed temporary file in `scratch`.
    ///
    /// # Errors
    /// [`OutputError::Refused`] for a hostile archive; the host failed.
    pub fn normalize(mut self, epoch: i64, scratch: &Path) -> Result<Prepared, OutputError> {
        let Some(normalizer) = Normalizer::of(self.kind) else { return Ok(self.as_it_is()) };
        let cannot = || OutputError::io("write a temporary file in", scratch);
        let file = tempfile::tempfile_in(scratch).map_err(cannot())?;
        let mut writer = HashingWriter::new(BufWriter::with_capacity(128 * 1024, file));
        let done = match normalizer {
            Normalizer::Sdist => {
                let stem =
                    self.name.parse::<SdistName>().map_err(|error| refused(&self.name, error.into()))?.stem;
                let top = Top::Folder(&stem);
                sdist::normalize(&mut self.file, top, epoch, self.unpacked_limit, scratch, &mut writer)
            }
            Normalizer::TarGz => {
                let limit = self.unpacked_limit;
                sdist::normalize(&mut self.file, Top::Any, epoch, limit, scratch, &mut writer)
            }
            Normalizer::Wheel => wheel::normalize(&mut self.file, Order::Wheel, epoch, &mut writer),
            Normalizer::Zip => wheel::normalize(&mut self.file, Order::Name, epoch, &mut writer),
        };
        done.map_err(|problem| match problem {
            Problem::Archive(error) => refused(&self.name, error.into()),
            Problem::Host(error) => cannot()(error),
        })?;
        writer.flush().map_err(cannot())?;
        let (buffer, sha256, size) = writer.finish();
        let mut file = buffer.into_inner().map_err(|error| cannot()(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(cannot())?;
        let effect = if sha256 == self.sha256 { Effect::Unchanged } else { Effect::Changed };
        let applied = vec![Applied { normalizer, effect }];
        Ok(Prepared { name: self.name, kind: self.kind, size, sha256, applied, file })
    }
}

impl Prepared {
    /// Its bytes, from the start.
    ///
    /// # Errors
    /// The host failed.
    pub fn reader(&mut self) -> Result<&mut File, OutputError> {
        self.file.seek(SeekFrom::Start(0)).map_err(OutputError::io("read", Path::new(&self.name)))?;
        Ok(&mut self.file)
    }
}

/// Why a normalizer stopped.
#[derive(Debug)]
enum Problem {
    /// The archive is not one that it takes.
    Archive(super::ArchiveError),
    /// The host failed.
    Host(std::io::Error),
}

impl From<super::ArchiveError> for Problem {
    fn from(error: super::ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::Host(error)
    }
}

fn refused(name: &str, why: RefusalReason) -> OutputError {
    OutputError::Refused(vec![Refusal { name: name.to_owned(), why }])
}
