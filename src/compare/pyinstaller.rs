//! PyInstaller's archives: the one that is appended to an executable, and that of byte code within it.
//!
//! Follows PyInstaller's documentation, "Advanced topics": a `CArchive` ends with a cookie that says where its table of
//! contents is; a `PYZ` begins with the place of its own. An executable is installed as it is: nothing is taken away.

use flate2::read::ZlibDecoder;

use super::CompareError;
use super::data::Data;
use super::marshal::{Layout, Marshalled};
use super::members::{self, Pairs, Single};
use super::model::{Cause, Change};
use super::pyc;
use super::walk::{Broken, Spot, Walk, keep, unreadable};

const MAGIC: &[u8; 8] = b"MEI\x0c\x0b\x0a\x0b\x0e";
const COOKIE: u64 = 88;
/// How far from its end an executable's cookie may be: what signs it follows.
const TAIL: u64 = 64 * 1024;
/// Bytes of a table of contents.
const LARGEST_TABLE: u64 = 256 << 20;

/// A member of either archive.
struct Item {
    name: String,
    kind: u8,
    packed: bool,
    size: u64,
    data: Data,
}

/// An archive.
struct Archive {
    items: Vec<Item>,
    layout: Option<Layout>,
    /// What the archive says of itself: version of Python, name of its library.
    about: String,
}

fn damaged(why: &str) -> Broken {
    Broken::Damaged(why.to_owned())
}

fn big(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Where the archive ends, if there is one.
fn cookie_end(spot: &Spot, data: &Data) -> Result<Option<u64>, CompareError> {
    let start = data.len().saturating_sub(TAIL);
    let Some(tail) = data.from(start) else { return Ok(None) };
    let bytes = tail.bytes().map_err(unreadable(spot))?;
    let found = bytes.windows(MAGIC.len()).rposition(|window| window == MAGIC);
    Ok(found.map(|at| start + at as u64 + COOKIE).filter(|end| *end <= data.len()))
}

/// Compares two executables, if both have an archive at their end.
pub(super) fn compare_appended(
    walk: &Walk<'_>,
    spot: &Spot,
    a: &Data,
    b: &Data,
) -> Result<Option<Vec<Change>>, CompareError> {
    let (Some(end_a), Some(end_b)) = (cookie_end(spot, a)?, cookie_end(spot, b)?) else { return Ok(None) };
    let read = |data: &Data, end: u64| match Archive::carchive(walk, spot, data, end) {
        Ok(found) => Ok(Some(found)),
        Err(Broken::Fatal(error)) => Err(error),
        Err(Broken::Damaged(_)) => Ok(None),
    };
    let (Some((one, start_a)), Some((two, start_b))) = (read(a, end_a)?, read(b, end_b)?) else {
        return Ok(None);
    };
    let mut changes = one.compare(walk, spot, &two)?;
    for (what, range_a, range_b) in [
        ("the program before the archive", 0..start_a, 0..start_b),
        ("what follows the archive", end_a..a.len(), end_b..b.len()),
    ] {
        let (Some(part_a), Some(part_b)) = (a.part(range_a), b.part(range_b)) else { continue };
        if !part_a.same(&part_b).map_err(unreadable(spot))? {
            changes.push(Change::changed(&spot.path, Cause::Content, format!("{what} differs")));
        }
    }
    if changes.is_empty() {
        let detail = "the same members, packed or listed otherwise";
        changes.push(Change::changed(&spot.path, Cause::Compression, detail));
    }
    Ok(Some(changes))
}

/// Compares two archives of byte code.
pub(super) fn compare_pyz(walk: &Walk<'_>, spot: &Spot, a: &Data, b: &Data) -> Result<Vec<Change>, Broken> {
    let (one, two) = (Archive::pyz(walk, spot, a)?, Archive::pyz(walk, spot, b)?);
    let mut changes = one.compare(walk, spot, &two)?;
    if changes.is_empty() {
        let detail = "the same members, packed or listed otherwise";
        changes.push(Change::changed(&spot.path, Cause::Compression, detail));
    }
    Ok(changes)
}

impl Archive {
    /// Reads the archive that ends at `end`, and says where it begins.
    fn carchive(walk: &Walk<'_>, spot: &Spot, data: &Data, end: u64) -> Result<(Self, u64), Broken> {
        let cookie = data.take::<88>(end - COOKIE).map_err(unreadable(spot))?;
        let cookie = cookie.ok_or_else(|| damaged("the cookie is cut off"))?;
        let field = |at: usize| big(&cookie[at..at + 4]);
        let (length, place, size, version) = (field(8), field(12), field(16), field(20));
        let start = end.checked_sub(length).ok_or_else(|| damaged("the archive is cut off"))?;
        let whole = data.part(start..end).ok_or_else(|| damaged("the archive is cut off"))?;
        let table = whole.part(place..place + size).filter(|table| table.len() <= LARGEST_TABLE);
        let table = table.ok_or_else(|| damaged("its table is cut off"))?;
        let table = table.bytes().map_err(unreadable(spot))?;
        let mut rest = table.as_ref();
        let mut items = Vec::new();
        while !rest.is_empty() {
            let entry = rest.get(..4).map(big).and_then(|size| usize::try_from(size).ok());
            let Some((entry, after)) =
                entry.filter(|size| *size > 18).and_then(|size| rest.split_at_checked(size))
            else {
                return Err(damaged("its table cannot be read"));
            };
            rest = after;
            walk.spend_members(spot, 1)?;
            let (offset, packed, size) = (big(&entry[4..8]), big(&entry[8..12]), big(&entry[12..16]));
            let data = whole.part(offset..offset + packed).ok_or_else(|| damaged("a member is cut off"))?;
            let name = entry[18..].split(|byte| *byte == 0).next().unwrap_or_default();
            let name = String::from_utf8_lossy(name).into_owned();
            items.push(Item { name, kind: entry[17], packed: entry[16] != 0, size, data });
        }
        let library = String::from_utf8_lossy(&cookie[24..]).trim_end_matches('\0').to_owned();
        let layout = u32::try_from(version).ok().and_then(Layout::of_version);
        Ok((Self { items, layout, about: format!("Python {version}, {library}") }, start))
    }

    fn pyz(walk: &Walk<'_>, spot: &Spot, data: &Data) -> Result<Self, Broken> {
        let head = data.take::<12>(0).map_err(unreadable(spot))?.ok_or_else(|| damaged("it is cut off"))?;
        let magic = u16::from_le_bytes([head[4], head[5]]);
        let layout = Layout::of_magic(magic);
        let table = data.from(big(&head[8..12])).filter(|table| table.len() <= LARGEST_TABLE);
        let table = table.ok_or_else(|| damaged("its table is cut off"))?;
        let table = table.bytes().map_err(unreadable(spot))?;
        let rows = Marshalled::read(&table, layout.unwrap_or(Layout::New))?.table();
        let rows = rows.ok_or_else(|| damaged("its table cannot be read"))?;
        walk.spend_members(spot, rows.len() as u64)?;
        let mut items = Vec::new();
        for (name, [kind, offset, length]) in rows {
            let data = data.part(offset..offset + length).ok_or_else(|| damaged("a member is cut off"))?;
            // Modules and packages are code; data files and packages without code are not.
            let kind = match kind {
                0 | 1 => b'm',
                _ => b'x',
            };
            items.push(Item { name, kind, packed: length > 0, size: length, data });
        }
        Ok(Self { items, layout, about: format!("byte code {magic}") })
    }

    fn compare(&self, walk: &Walk<'_>, spot: &Spot, other: &Self) -> Result<Vec<Change>, CompareError> {
        let mut changes = Vec::new();
        if self.about != other.about {
            let detail = format!("{} → {}", self.about, other.about);
            changes.push(Change::changed(&spot.path, Cause::VersionString, detail));
        }
        let names =
            |archive: &Self| -> Vec<String> { archive.items.iter().map(|item| item.name.clone()).collect() };
        let (names_a, names_b) = (names(self), names(other));
        let pairs = members::pair(names_a.iter().map(String::as_str), names_b.iter().map(String::as_str));
        for (a, b) in &pairs.both {
            let (a, b) = (&self.items[*a], &other.items[*b]);
            let spot = spot.member(&a.name);
            if let Err(error) = self.item(walk, &spot, a, b, &mut changes) {
                match error {
                    Broken::Fatal(error) => return Err(error),
                    Broken::Damaged(why) => changes.push(Change::changed(&spot.path, Cause::Content, why)),
                }
            }
        }
        if let Some((a, _)) = pairs.out_of_order() {
            let detail = format!("the order of members, as of {}", self.items[a].name);
            changes.push(Change::changed(&spot.path, Cause::Order, detail));
        }
        match self.singles(walk, spot, other, &pairs) {
            Ok(singles) => changes.extend(singles),
            Err(Broken::Fatal(error)) => return Err(error),
            Err(Broken::Damaged(why)) => changes.push(Change::changed(&spot.path, Cause::Content, why)),
        }
        changes.iter_mut().for_each(keep);
        Ok(changes)
    }

    fn item(
        &self,
        walk: &Walk<'_>,
        spot: &Spot,
        a: &Item,
        b: &Item,
        changes: &mut Vec<Change>,
    ) -> Result<(), Broken> {
        if a.kind != b.kind {
            let detail = format!("kind: {:?} → {:?}", char::from(a.kind), char::from(b.kind));
            changes.push(Change::changed(&spot.path, Cause::Content, detail));
        }
        if a.packed == b.packed && a.data.same(&b.data).map_err(unreadable(spot))? {
            return Ok(());
        }
        let (one, two) = (a.unpack(walk, spot)?, b.unpack(walk, spot)?);
        if one.same(&two).map_err(unreadable(spot))? {
            let detail = "the same bytes, compressed otherwise";
            changes.push(Change::changed(&spot.path, Cause::Compression, detail));
        } else if matches!(a.kind, b's' | b'm' | b'M') {
            changes.push(pyc::code(spot, self.layout, &one, &two)?);
        } else {
            changes.extend(walk.compare(spot, &one, &two)?);
        }
        Ok(())
    }

    fn singles(
        &self,
        walk: &Walk<'_>,
        spot: &Spot,
        other: &Self,
        pairs: &Pairs,
    ) -> Result<Vec<Change>, Broken> {
        fn of<'a>(archive: &'a Archive, indexes: &[usize]) -> Vec<Single<'a>> {
            let single = |index: &usize| {
                let item = &archive.items[*index];
                Single { name: &item.name, size: item.size, index: *index }
            };
            indexes.iter().map(single).collect()
        }
        let (removed, added) = (of(self, &pairs.removed), of(other, &pairs.added));
        let content_a = |index: usize| self.items[index].unpack(walk, spot);
        let content_b = |index: usize| other.items[index].unpack(walk, spot);
        members::singles(spot, &removed, &added, content_a, content_b)
    }
}

impl Item {
    fn unpack(&self, walk: &Walk<'_>, spot: &Spot) -> Result<Data, Broken> {
        if self.packed {
            walk.unpack(spot, ZlibDecoder::new(self.data.reader()))
        } else {
            Ok(self.data.clone())
        }
    }
}
