//! `.pyc` files: the header (PEP 552 and before), then marshalled code.

use super::data::Data;
use super::marshal::{self, Layout, Marshalled};
use super::model::{Cause, Change, Normalization};
use super::walk::{Broken, Spot, unreadable};

/// From this magic number on (Python 3.7) flags follow it.
const WITH_FLAGS: u16 = 3392;

/// What a header says, beside the version.
#[derive(PartialEq, Eq)]
enum Validity {
    /// Time and size of the source.
    Source { time: u32, size: u32 },
    /// Digest of the source, checked at import or not.
    Hash { flags: u32, digest: [u8; 8] },
}

struct Header {
    magic: [u8; 4],
    validity: Validity,
    code: Data,
}

impl Header {
    fn read(spot: &Spot, data: &Data) -> Result<Self, Broken> {
        let cut = || Broken::Damaged("the header is cut off".to_owned());
        let head = data.head(16).map_err(unreadable(spot))?;
        let magic = *head.first_chunk::<4>().ok_or_else(cut)?;
        let number = |at: usize| -> Result<u32, Broken> {
            let bytes = head.get(at..).and_then(|bytes| bytes.first_chunk::<4>()).ok_or_else(cut)?;
            Ok(u32::from_le_bytes(*bytes))
        };
        let with_flags = u16::from_le_bytes([magic[0], magic[1]]) >= WITH_FLAGS;
        let (validity, length) = match (with_flags, number(4)?) {
            (true, 0) => (Validity::Source { time: number(8)?, size: number(12)? }, 16),
            (true, flags) => {
                let digest = *head.get(8..).and_then(|bytes| bytes.first_chunk::<8>()).ok_or_else(cut)?;
                (Validity::Hash { flags, digest }, 16)
            }
            (false, time) => (Validity::Source { time, size: number(8)? }, 12),
        };
        let code = data.from(length).ok_or_else(cut)?;
        Ok(Self { magic, validity, code })
    }

    fn version(&self) -> u16 {
        u16::from_le_bytes([self.magic[0], self.magic[1]])
    }
}

/// Compares two files of byte code.
pub(super) fn compare(spot: &Spot, a: &Data, b: &Data) -> Result<Vec<Change>, Broken> {
    let (a, b) = (Header::read(spot, a)?, Header::read(spot, b)?);
    let mut changes = Vec::new();
    let mut add = |cause, detail: String| changes.push(Change::changed(&spot.path, cause, detail));
    if a.magic != b.magic {
        add(Cause::VersionString, format!("version of Python: {} → {}", a.version(), b.version()));
        return Ok(changes);
    }
    match (&a.validity, &b.validity) {
        (one, two) if one == two => {}
        (Validity::Source { time: one, size: before }, Validity::Source { time: two, size: after }) => {
            if one != two {
                let detail = format!("time of the source in the header: {one} → {two}");
                let change = Change::changed(&spot.path, Cause::TimeStamp, detail);
                changes.push(change.normalized(Normalization::PycTime));
            }
            if before != after {
                let detail = format!("size of the source in the header: {before} → {after}");
                changes.push(Change::changed(&spot.path, Cause::Content, detail));
            }
        }
        (Validity::Hash { flags: one, .. }, Validity::Hash { flags: two, .. }) => {
            let what = if one == two { "digest of the source" } else { "flags" };
            add(Cause::Content, format!("{what} in the header differs"));
        }
        (Validity::Source { .. }, Validity::Hash { .. })
        | (Validity::Hash { .. }, Validity::Source { .. }) => {
            add(Cause::Content, "one is valid by the time of its source, the other by its digest".to_owned());
        }
    }
    if !a.code.same(&b.code).map_err(unreadable(spot))? {
        changes.push(code(spot, Layout::of_magic(a.version()), &a.code, &b.code)?);
    }
    Ok(changes)
}

/// The change of marshalled code that differs.
pub(super) fn code(spot: &Spot, layout: Option<Layout>, a: &Data, b: &Data) -> Result<Change, Broken> {
    let (one, two) = (a.bytes().map_err(unreadable(spot))?, b.bytes().map_err(unreadable(spot))?);
    let read = |bytes: &[u8]| {
        let layout = layout.ok_or_else(|| Broken::Damaged("byte code of an unknown Python".to_owned()));
        Marshalled::read(bytes, layout?)
    };
    let found = match (read(&one), read(&two)) {
        (Ok(one), Ok(two)) => marshal::compare(&one, &two),
        (Err(Broken::Damaged(why)), _) | (_, Err(Broken::Damaged(why))) => {
            return Ok(Change::changed(&spot.path, Cause::Content, why));
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    Ok(Change::of_causes(&spot.path, found.causes, found.examples.join("\n")))
}
