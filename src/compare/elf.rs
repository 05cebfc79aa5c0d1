//! ELF objects, section by section.

use std::collections::BTreeSet;

use object::{Object, ObjectSection};

use super::data::Data;
use super::members;
use super::model::{Cause, Change, ChangeKind};
use super::pyinstaller;
use super::strings;
use super::walk::{Broken, Spot, Walk, keep, unreadable};

/// Larger ones are compared as bytes.
const LARGEST: u64 = 512 << 20;

/// A section: its name, its bytes, and where they are in the file.
struct Section<'a> {
    name: String,
    bytes: &'a [u8],
    range: Option<(u64, u64)>,
    is_note: bool,
}

/// Compares two objects.
pub(super) fn compare(walk: &Walk<'_>, spot: &Spot, a: &Data, b: &Data) -> Result<Vec<Change>, Broken> {
    if a.len().max(b.len()) > LARGEST {
        return Ok(Vec::new());
    }
    let (bytes_a, bytes_b) = (a.bytes().map_err(unreadable(spot))?, b.bytes().map_err(unreadable(spot))?);
    let (one, two) = (sections("first", &bytes_a)?, sections("second", &bytes_b)?);
    walk.spend_members(spot, (one.len() + two.len()) as u64)?;
    let pairs = members::pair(
        one.iter().map(|section| section.name.as_str()),
        two.iter().map(|section| section.name.as_str()),
    );
    let mut changes = Vec::new();
    for (kind, indexes, sections) in
        [(ChangeKind::Removed, &pairs.removed, &one), (ChangeKind::Added, &pairs.added, &two)]
    {
        for index in indexes {
            let section = &sections[*index];
            let detail = format!("a section of {} bytes", section.bytes.len());
            changes.push(Change::new(&spot.member(&section.name).path, kind, Cause::Content, detail));
        }
    }
    let inherited = debug_causes(&pairs, &one, &two);
    let mut has_archive = false;
    for (index_a, index_b) in &pairs.both {
        let (one, two) = (&one[*index_a], &two[*index_b]);
        if one.bytes == two.bytes {
            continue;
        }
        let inner = spot.member(&one.name);
        if one.name == "pydata"
            && let (Some(one), Some(two)) = (one.part(a), two.part(b))
            && let Some(found) = pyinstaller::compare_appended(walk, &inner, &one, &two)?
        {
            // The section is the archive: its members are the executable's.
            changes.extend(found);
            has_archive = true;
            continue;
        }
        changes.push(section(&inner, one, two, &inherited));
    }
    if !has_archive
        && changes.is_empty()
        && let Some(found) = pyinstaller::compare_appended(walk, spot, a, b)?
    {
        changes.extend(found);
    }
    if changes.is_empty() {
        let detail = "the same sections in another place, or with other headers";
        changes.push(Change::changed(&spot.path, Cause::Content, detail));
    }
    changes.iter_mut().for_each(keep);
    Ok(changes)
}

impl Section<'_> {
    fn part(&self, whole: &Data) -> Option<Data> {
        let (start, size) = self.range?;
        whole.part(start..start.checked_add(size)?)
    }

    /// Whether it holds texts of debug information, one after another.
    fn is_table(&self) -> bool {
        matches!(self.name.as_str(), ".debug_str" | ".debug_line_str")
    }

    fn is_debug(&self) -> bool {
        self.name.starts_with(".debug") || self.name.starts_with(".zdebug")
    }
}

fn sections<'a>(which: &str, bytes: &'a [u8]) -> Result<Vec<Section<'a>>, Broken> {
    let wrong = |error: object::Error| {
        Broken::Damaged(format!("the {which} cannot be read as an ELF object: {error}"))
    };
    let file = object::File::parse(bytes).map_err(wrong)?;
    let mut sections = Vec::new();
    for section in file.sections() {
        let name = String::from_utf8_lossy(section.name_bytes().map_err(wrong)?).into_owned();
        let bytes = section.data().map_err(wrong)?;
        let is_note = section.kind() == object::SectionKind::Note || name.starts_with(".note");
        sections.push(Section { name, bytes, range: section.file_range(), is_note });
    }
    Ok(sections)
}

/// What texts of debug information differ in: other debug sections hold their places and follow them.
fn debug_causes(pairs: &members::Pairs, a: &[Section<'_>], b: &[Section<'_>]) -> BTreeSet<Cause> {
    let mut causes = BTreeSet::new();
    for (one, two) in &pairs.both {
        let (one, two) = (&a[*one], &b[*two]);
        if one.is_table() && one.bytes != two.bytes {
            match strings::compare_tables(one.bytes, two.bytes) {
                Some(found) => causes.extend(found.causes),
                None => return BTreeSet::from([Cause::Content]),
            }
        }
    }
    causes
}

fn section(spot: &Spot, a: &Section<'_>, b: &Section<'_>, inherited: &BTreeSet<Cause>) -> Change {
    let sizes = if a.bytes.len() == b.bytes.len() {
        format!("{} bytes", a.bytes.len())
    } else {
        format!("{} bytes → {} bytes", a.bytes.len(), b.bytes.len())
    };
    match a.name.as_str() {
        ".note.gnu.build-id" | ".note.go.buildid" => {
            let id =
                |bytes: &[u8]| bytes.iter().skip(16).map(|byte| format!("{byte:02x}")).collect::<String>();
            let detail = format!("build id: {} → {}", id(a.bytes), id(b.bytes));
            return Change::changed(&spot.path, Cause::BuildId, detail);
        }
        ".comment" => {
            let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\0', " ").trim().to_owned();
            let detail = format!("compiler: {} → {}", shown(a.bytes), shown(b.bytes));
            return Change::changed(&spot.path, Cause::VersionString, detail);
        }
        ".gnu_debuglink" => {
            return Change::changed(
                &spot.path,
                Cause::Consequence,
                "checksum of the debug information beside it",
            );
        }
        _ => {}
    }
    let found = if a.is_table() {
        strings::compare_tables(a.bytes, b.bytes)
    } else {
        strings::compare(a.bytes, b.bytes)
    };
    if let Some(found) = found {
        return Change::of_causes(&spot.path, found.causes, format!("{sizes}; {}", found.example));
    }
    let follows = (a.is_debug() || a.name.starts_with(".rela.debug")) && !inherited.is_empty();
    if follows && !inherited.contains(&Cause::Content) {
        let detail = format!("{sizes}; as the texts of the debug information");
        return Change::of_causes(&spot.path, inherited.clone(), detail);
    }
    let note = if a.is_note { ", a note" } else { "" };
    Change::changed(&spot.path, Cause::Content, format!("{sizes}{note}"))
}
