//! The headers of two tar members of one name.

use std::collections::BTreeMap;

use super::super::CompareError;
use super::super::facts::Facts;
use super::super::model::{Cause, Change, Normalization};
use super::super::walk::{Spot, unreadable};
use super::read::{Entry, shown};

/// What is done with an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    /// Built from, as an sdist: of a mode only whether a file is a program counts (pip and uv alike).
    Sdist,
    /// Unpacked by whatever unpacks tar: modes count, owners do not, since who unpacks owns.
    Tar,
    /// A layer of an image: owners and modes are the file system's.
    Layer,
    /// An image's layout: read by name, nothing of its headers counts.
    Image,
}

pub(super) fn compare(
    archive: &Spot,
    spot: &Spot,
    profile: Profile,
    a: &Entry,
    b: &Entry,
    changes: &mut Vec<Change>,
    facts: &mut Facts,
) -> Result<(), CompareError> {
    let before = changes.len();
    let mut kept = |cause, detail: String| changes.push(Change::changed(&spot.path, cause, detail));
    let mut explained = false;
    if a.kind != b.kind {
        kept(Cause::Mode, format!("kind: {:?} → {:?}", char::from(a.kind), char::from(b.kind)));
    }
    if a.link != b.link {
        kept(Cause::Content, format!("target: {} → {}", shown(&a.link), shown(&b.link)));
    }
    if a.device != b.device {
        kept(Cause::Content, format!("device: {:?} → {:?}", a.device, b.device));
    }
    if a.mode != b.mode {
        explained = true;
        let values = (format!("{:04o}", a.mode), format!("{:04o}", b.mode));
        let installed = |mode: u32| (mode & 0o111 != 0, mode & 0o7000);
        let same = match profile {
            Profile::Sdist => installed(a.mode) == installed(b.mode) || a.is_folder() && b.is_folder(),
            Profile::Tar | Profile::Layer => a.mode & 0o7777 == b.mode & 0o7777,
            Profile::Image => true,
        };
        if same {
            facts.add(Cause::Mode, Normalization::ArchiveMode, "mode", &a.name, values);
        } else {
            kept(Cause::Mode, format!("mode: {} → {}", values.0, values.1));
        }
    }
    for (what, one, two) in [
        ("owner", a.ids.map(|id| id.to_string()).join(":"), b.ids.map(|id| id.to_string()).join(":")),
        ("owner's name", owners(a), owners(b)),
    ] {
        if one == two {
            continue;
        }
        explained = true;
        if profile == Profile::Layer && what == "owner" {
            kept(Cause::Owner, format!("{what}: {one} → {two}"));
        } else {
            facts.add(Cause::Owner, Normalization::ArchiveOwner, what, &a.name, (one, two));
        }
    }
    if a.mtime != b.mtime {
        explained = true;
        let times = (shown(&a.mtime), shown(&b.mtime));
        facts.add(Cause::TimeStamp, Normalization::ArchiveTime, "time", &a.name, times);
    }
    explained |= pax(&a.name, &a.pax, &b.pax, &mut kept, facts);
    let same_padding = a.padding.same(&b.padding).map_err(unreadable(archive))?;
    let zero = || {
        Ok::<_, CompareError>(
            a.padding.is_zero().map_err(unreadable(archive))?
                && b.padding.is_zero().map_err(unreadable(archive))?,
        )
    };
    // Of two sizes: the bytes tell.
    if !same_padding && !zero()? {
        kept(Cause::Content, "bytes that fill up its last block differ".to_owned());
    }
    let unknown = !a.is_known() && a.raw != b.raw;
    if unknown {
        let detail = format!("headers of kind {:?}, which is not read", char::from(a.kind));
        changes.push(Change::changed(&spot.path, Cause::Content, detail));
    }
    // A difference of size is one of bytes, seen there.
    let sized = a.content.len() != b.content.len();
    if a.raw != b.raw && !explained && !sized && changes.len() == before {
        let forms = (form(a), form(b));
        let (cause, normalization) = (Cause::ArchiveHeader, Normalization::ArchiveHeader);
        facts.add(cause, normalization, "form of the header", &a.name, forms);
    }
    Ok(())
}

fn owners(entry: &Entry) -> String {
    entry.owners.iter().map(|name| shown(name)).collect::<Vec<_>>().join(":")
}

/// The dialect of a header, for people.
fn form(entry: &Entry) -> String {
    let own = &entry.raw[entry.raw.len() - 512..];
    let magic = own[257..265].escape_ascii();
    let more = entry.raw.len() / 512 - 1;
    format!("{magic}, {more} blocks more")
}

/// What pax headers say beyond what every header does. Says whether anything differs.
fn pax(
    name: &str,
    a: &BTreeMap<String, Vec<u8>>,
    b: &BTreeMap<String, Vec<u8>>,
    kept: &mut impl FnMut(Cause, String),
    facts: &mut Facts,
) -> bool {
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
    keys.sort();
    keys.dedup();
    let mut differs = false;
    for key in keys {
        let (one, two) = (a.get(key), b.get(key));
        if one == two {
            continue;
        }
        differs = true;
        let value = |value: Option<&Vec<u8>>| value.map_or_else(|| "none".to_owned(), |value| shown(value));
        let values = (value(one), value(two));
        match key.as_str() {
            "atime" | "ctime" | "LIBARCHIVE.creationtime" => {
                facts.add(
                    Cause::TimeStamp,
                    Normalization::ArchiveTime,
                    "time of access or change",
                    name,
                    values,
                );
            }
            "comment" | "hdrcharset" | "charset" => {
                let (cause, normalization) = (Cause::ArchiveHeader, Normalization::ArchiveHeader);
                facts.add(cause, normalization, "pax header", name, values);
            }
            key => kept(Cause::Content, format!("pax header {key}: {} → {}", values.0, values.1)),
        }
    }
    differs
}

/// Pax headers of the whole archive: git writes the commit as a comment.
pub(super) fn compare_global(
    spot: &Spot,
    a: &BTreeMap<String, Vec<u8>>,
    b: &BTreeMap<String, Vec<u8>>,
    changes: &mut Vec<Change>,
    facts: &mut Facts,
) {
    let mut kept = |cause, detail: String| changes.push(Change::changed(&spot.path, cause, detail));
    pax("the archive", a, b, &mut kept, facts);
}
