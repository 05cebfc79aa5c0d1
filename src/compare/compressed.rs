//! One compressed stream: gzip (RFC 1952), xz, zstd; what is in it is compared as that.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::data::Data;
use super::facts::Facts;
use super::model::{Cause, Change, Normalization};
use super::walk::{Broken, Kind, Spot, Walk, unreadable};

/// Memory that a decoder of xz may take for its dictionary.
const XZ_MEMORY: u64 = 256 << 20;

/// Compares two streams; one of them may not be compressed at all.
pub(super) fn compare(
    walk: &Walk<'_>,
    spot: &Spot,
    (kind_a, a): (Kind, &Data),
    (kind_b, b): (Kind, &Data),
) -> Result<Vec<Change>, Broken> {
    let mut facts = Facts::default();
    let headers = if (kind_a, kind_b) == (Kind::Gzip, Kind::Gzip) {
        gzip_header(spot, a)?.zip(gzip_header(spot, b)?)
    } else {
        None
    };
    let mut same_body = false;
    if let Some((one, two)) = &headers {
        one.differences(two, &mut facts);
        same_body = one.body.same(&two.body).map_err(unreadable(spot))?;
        if same_body {
            return Ok(facts.into_changes(&spot.path));
        }
    }
    let (one, two) = rayon::join(|| unpack(walk, spot, kind_a, a), || unpack(walk, spot, kind_b, b));
    let (one, two) = match (one, two) {
        (Err(Broken::Fatal(error)), _) | (_, Err(Broken::Fatal(error))) => return Err(error.into()),
        (Ok(one), Ok(two)) => (one, two),
        (Err(Broken::Damaged(why)), _) => return Err(damaged("first", kind_a, &why)),
        (_, Err(Broken::Damaged(why))) => return Err(damaged("second", kind_b, &why)),
    };
    let mut changes = walk.compare(&spot.unpacked(inner_name(&spot.name)), &one, &two)?;
    if kind_a != kind_b {
        let how = (name_of(kind_a), name_of(kind_b));
        facts.add(Cause::Compression, Normalization::Compression, "compression", "", how);
    } else if changes.is_empty() && !same_body {
        let how = (format!("{} bytes", a.len()), format!("{} bytes", b.len()));
        facts.add(
            Cause::Compression,
            Normalization::Compression,
            "compressed form of the same bytes",
            "",
            how,
        );
    }
    changes.extend(facts.into_changes(&spot.path));
    Ok(changes)
}

fn damaged(which: &str, kind: Kind, why: &str) -> Broken {
    Broken::Damaged(format!("the {which} cannot be unpacked as {}: {why}", name_of(kind)))
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Gzip => "gzip",
        Kind::Xz => "xz",
        Kind::Zstd => "zstd",
        Kind::Zip | Kind::Tar | Kind::Elf | Kind::Pyc | Kind::Pyz | Kind::Other => "none",
    }
}

/// All that a stream holds; the bytes themselves if it is none.
pub(super) fn unpack(walk: &Walk<'_>, spot: &Spot, kind: Kind, data: &Data) -> Result<Data, Broken> {
    let broken = |error: std::io::Error| Broken::Damaged(error.to_string());
    let reader: Box<dyn Read + '_> = match kind {
        Kind::Gzip => Box::new(MultiGzDecoder::new(data.reader())),
        Kind::Xz => {
            let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED);
            let stream = stream.map_err(|error| Broken::Damaged(error.to_string()))?;
            Box::new(XzDecoder::new_stream(data.reader(), stream))
        }
        Kind::Zstd => Box::new(zstd::stream::read::Decoder::new(data.reader()).map_err(broken)?),
        Kind::Zip | Kind::Tar | Kind::Elf | Kind::Pyc | Kind::Pyz | Kind::Other => return Ok(data.clone()),
    };
    walk.unpack(spot, reader)
}

fn inner_name(name: &str) -> &str {
    let ends = [".gz", ".xz", ".zst", ".tgz", ".txz"];
    ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// A gzip member's header (RFC 1952, section 2.3).
struct GzipHeader {
    mtime: u32,
    /// Everything else that is no compressed byte: flags, system, name, comment, extra field.
    rest: Vec<u8>,
    body: Data,
}

/// Reads the header of the first member; none if it is not one that every reader reads alike.
fn gzip_header(spot: &Spot, data: &Data) -> Result<Option<GzipHeader>, Broken> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    // FHCRC and the reserved bits: a decoder may refuse what they say.
    const DELICATE: u8 = 0b1110_0010;
    let head = data.head(64 * 1024).map_err(unreadable(spot))?;
    let Some(&[_, _, 8, flags, m0, m1, m2, m3, _, _]) = head.first_chunk::<10>() else { return Ok(None) };
    if flags & DELICATE != 0 {
        return Ok(None);
    }
    let mut at = 10;
    if flags & EXTRA != 0 {
        let Some(length) = head.get(at..at + 2) else { return Ok(None) };
        at += 2 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let end = head.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0));
            let Some(end) = end else { return Ok(None) };
            at += end + 1;
        }
    }
    let (Some(body), Some(read)) = (data.from(at as u64), head.get(..at)) else { return Ok(None) };
    let rest = [&read[2..4], &read[8..]].concat();
    Ok(Some(GzipHeader { mtime: u32::from_le_bytes([m0, m1, m2, m3]), rest, body }))
}

impl GzipHeader {
    fn differences(&self, other: &Self, facts: &mut Facts) {
        if self.mtime != other.mtime {
            let times = (self.mtime.to_string(), other.mtime.to_string());
            facts.add(Cause::TimeStamp, Normalization::ArchiveTime, "time in the gzip header", "", times);
        }
        if self.rest != other.rest {
            let shown = |header: &Self| String::from_utf8_lossy(&header.rest).escape_debug().to_string();
            let fields = (shown(self), shown(other));
            facts.add(Cause::ArchiveHeader, Normalization::ArchiveHeader, "gzip header", "", fields);
        }
    }
}
