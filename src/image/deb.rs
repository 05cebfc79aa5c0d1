//! `.deb` files (deb(5), format 2.0): an `ar` of a version, a packed tar of control files and a packed tar of data.

use std::io::{self, BufReader, Read};

use super::ImageError;

/// Bytes that one package may unpack to.
const UNPACKED_LIMIT: u64 = 16 << 30;
/// Bytes of a control file that are read.
const CONTROL_LIMIT: u64 = 16 << 20;

/// The control files of a package that matter here.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// The paragraph that describes the package.
    pub(super) paragraph: String,
    /// Digests of its files, as dpkg keeps them.
    pub(super) md5sums: Option<Vec<u8>>,
}

/// Reads a package: its control files first, then `data` gets its tar of files.
pub(super) fn read<R: Read>(
    package: &str,
    file: R,
    data: impl FnOnce(&mut dyn Read) -> Result<(), ImageError>,
) -> Result<Control, ImageError> {
    let wrong = |reason: String| ImageError::Deb { package: package.to_owned(), reason };
    let mut archive = ar::Archive::new(BufReader::with_capacity(1 << 18, file));
    let mut version_seen = false;
    let mut control = None;
    while let Some(member) = archive.next_entry() {
        let mut member = member.map_err(|error| wrong(error.to_string()))?;
        let name = String::from_utf8_lossy(member.header().identifier()).into_owned();
        let name = name.trim_end_matches('/');
        match name {
            "debian-binary" => {
                let mut version = Vec::new();
                member.take(64).read_to_end(&mut version).map_err(|error| wrong(error.to_string()))?;
                if !version.starts_with(b"2.") {
                    return Err(wrong("its format is not 2.x".to_owned()));
                }
                version_seen = true;
            }
            _ if !version_seen => {
                return Err(wrong(format!("its first member is {name:?}, not debian-binary")));
            }
            _ if name.starts_with("control.tar") => {
                let mut reader = unpacker(name, &mut member).map_err(|error| wrong(error.to_string()))?;
                control = Some(read_control(reader.as_mut()).map_err(|error| wrong(error.to_string()))?);
            }
            _ if name.starts_with("data.tar") => {
                let Some(control) = control else {
                    return Err(wrong("its data comes before its control files".to_owned()));
                };
                let mut reader = unpacker(name, &mut member).map_err(|error| wrong(error.to_string()))?;
                data(reader.as_mut())?;
                return Ok(control);
            }
            _ if name.starts_with('_') => {}
            _ => return Err(wrong(format!("unknown member {name:?}"))),
        }
    }
    Err(wrong("it has no data".to_owned()))
}

/// A reader over what a packed member unpacks to.
fn unpacker<'a>(name: &str, member: &'a mut dyn Read) -> io::Result<Box<dyn Read + 'a>> {
    let packed = BufReader::with_capacity(1 << 18, member);
    let plain: Box<dyn Read> = match name.rsplit_once(".tar").map_or("", |(_, packer)| packer) {
        "" => Box::new(packed),
        ".xz" => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(packed)),
        ".gz" => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        ".zst" => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
        other => return Err(io::Error::other(format!("unknown packer {other:?}"))),
    };
    Ok(Box::new(plain.take(UNPACKED_LIMIT)))
}

fn read_control(reader: &mut dyn Read) -> io::Result<Control> {
    let mut control = Control::default();
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path_bytes().into_owned();
        let name = path.strip_prefix(b"./").unwrap_or(&path);
        let mut bytes = Vec::new();
        if name == b"control" || name == b"md5sums" {
            (&mut entry).take(CONTROL_LIMIT).read_to_end(&mut bytes)?;
        }
        match name {
            b"control" => control.paragraph = String::from_utf8(bytes).map_err(io::Error::other)?,
            b"md5sums" => control.md5sums = Some(bytes),
            _ => {}
        }
    }
    if control.paragraph.is_empty() {
        return Err(io::Error::other("it has no control file"));
    }
    Ok(control)
}
