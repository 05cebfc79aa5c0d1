//! Writing gzip (RFC 1952) with a compressor whose bytes are fixed by its exact version.

use std::io::{self, Write};

use miniz_oxide::deflate::core::create_comp_flags_from_zip_params;
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output};

/// zlib's default. 9 costs three times as much for one percent.
const LEVEL: i32 = 6;
/// A negative number of window bits is a bare deflate stream.
const RAW: i32 = -15;

/// No name, no time, no flags, operating system "unknown": nothing that another machine would write otherwise.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what is written to it. [`GzipWriter::finish`] must be called.
pub(super) struct GzipWriter<W> {
    inner: W,
    compressor: Box<CompressorOxide>,
    crc: flate2::Crc,
    failed: Option<io::Error>,
}

impl<W: Write> GzipWriter<W> {
    pub(super) fn new(mut inner: W) -> io::Result<Self> {
        inner.write_all(&HEADER)?;
        let flags = create_comp_flags_from_zip_params(LEVEL, RAW, 0);
        let compressor = Box::new(CompressorOxide::new(flags));
        Ok(Self { inner, compressor, crc: flate2::Crc::new(), failed: None })
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.compress(&[], TDEFLFlush::Finish)?;
        self.inner.write_all(&self.crc.sum().to_le_bytes())?;
        // The length modulo 2^32, as the format says.
        self.inner.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.inner)
    }

    fn compress(&mut self, bytes: &[u8], flush: TDEFLFlush) -> io::Result<()> {
        let Self { inner, failed, .. } = self;
        let (status, _) =
            compress_to_output(&mut self.compressor, bytes, flush, |out| match inner.write_all(out) {
                Ok(()) => true,
                Err(error) => {
                    *failed = Some(error);
                    false
                }
            });
        match (self.failed.take(), status) {
            (Some(error), _) => Err(error),
            (None, TDEFLStatus::Okay | TDEFLStatus::Done) => Ok(()),
            (None, _) => Err(io::Error::other("the compressor refused its parameters")),
        }
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.crc.update(bytes);
        self.compress(bytes, TDEFLFlush::None)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
