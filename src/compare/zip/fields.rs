//! The headers of two members of one name: which differences an installer takes over, and which nothing reads.

use super::super::facts::Facts;
use super::super::model::{Cause, Change, Normalization};
use super::super::walk::Spot;
use super::directory::{Entry, UTF8};

/// What is done with an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Profile {
    /// Installed as a wheel: of a mode only whether it is a program counts (packaging specifications, "binary
    /// distribution format"; pip, uv and `installer` alike).
    Wheel,
    /// Unpacked by whatever unpacks zip: modes count.
    Zip,
}

/// Unix, as a member's maker: others' modes are not read by all.
const UNIX: u16 = 3;
/// The largest version of the format that Python's `zipfile` reads.
const MAX_VERSION: u16 = 63;
/// How hard a compressor tried (bits 1 and 2), and sizes after the bytes (bit 3): nothing depends on them.
const FREE_FLAGS: u16 = 0b1110;
/// Extra fields: NTFS times, "extended timestamp", Info-ZIP's old and new Unix fields, Java's mark, zip64.
const NTFS: u16 = 0x000a;
const TIMES: u16 = 0x5455;
const UNIX_OLD: u16 = 0x5855;
const UNIX_IDS: u16 = 0x7875;
const JAVA: u16 = 0xcafe;
const ZIP64: u16 = 1;

pub(super) fn compare(
    spot: &Spot,
    profile: Profile,
    a: &Entry,
    b: &Entry,
    changes: &mut Vec<Change>,
    facts: &mut Facts,
) {
    let mut kept = |cause, detail: String| changes.push(Change::changed(&spot.path, cause, detail));
    let name = a.name.as_str();
    let mut header = |what, values: (String, String)| {
        facts.add(Cause::ArchiveHeader, Normalization::ArchiveHeader, what, name, values);
    };
    if a.contradictions != b.contradictions {
        let shown = |entry: &Entry| match entry.contradictions.as_slice() {
            [] => "nothing wrong".to_owned(),
            several => several.join(", "),
        };
        kept(Cause::Content, format!("its headers contradict each other: {} → {}", shown(a), shown(b)));
    }
    if a.made != b.made {
        let shown = |entry: &Entry| format!("system {}, version {}", entry.made >> 8, entry.made & 0xff);
        let unix = |entry: &Entry| entry.made >> 8 == UNIX;
        if profile == Profile::Zip && unix(a) != unix(b) {
            kept(Cause::Mode, format!("modes are read otherwise: {} → {}", shown(a), shown(b)));
        } else {
            header("system that made it", (shown(a), shown(b)));
        }
    }
    let versions = |entry: &Entry| [entry.needed, entry.local_needed];
    if versions(a) != versions(b) {
        let shown = |entry: &Entry| format!("{}", entry.needed);
        if [versions(a), versions(b)].as_flattened().iter().all(|version| *version <= MAX_VERSION) {
            header("version needed", (shown(a), shown(b)));
        } else {
            kept(Cause::Content, format!("version needed to read it: {} → {}", shown(a), shown(b)));
        }
    }
    let differ = a.flags ^ b.flags;
    if differ != 0 {
        let free = FREE_FLAGS | if a.is_ascii() && b.is_ascii() { UTF8 } else { 0 };
        let values = (format!("{:#06x}", a.flags), format!("{:#06x}", b.flags));
        if differ & !free == 0 {
            header("flags", values);
        } else {
            kept(Cause::Content, format!("flags: {} → {}", values.0, values.1));
        }
    }
    if a.internal != b.internal {
        header("internal attributes", (a.internal.to_string(), b.internal.to_string()));
    }
    if a.comment != b.comment {
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
        header("comment", (shown(&a.comment), shown(&b.comment)));
    }
    if a.times != b.times {
        let values = (dos_time(a.times[0]), dos_time(b.times[0]));
        facts.add(Cause::TimeStamp, Normalization::ArchiveTime, "time", name, values);
    }
    mode(profile, a, b, &mut kept, facts);
    for (index, one) in a.extra.iter().enumerate() {
        extra(name, one, &b.extra[index], &mut kept, facts);
    }
}

/// A DOS date and time, for people.
fn dos_time(value: u32) -> String {
    let (time, date) = (value & 0xffff, value >> 16);
    format!(
        "{}-{:02}-{:02} {:02}:{:02}:{:02}",
        1980 + (date >> 9),
        date >> 5 & 15,
        date & 31,
        time >> 11,
        time >> 5 & 63,
        (time & 31) * 2
    )
}

/// What an installer of wheels sees of a mode: kind, whether it is a program, and bits that it should not have.
fn installed(mode: u32) -> (u32, bool, u32) {
    let program = mode & 0o111 != 0;
    // "No kind" is a file for all readers, but no program for some: then the two are not alike.
    let kind = match mode & 0o170_000 {
        0 if !program => 0o100_000,
        kind => kind,
    };
    (kind, program, mode & 0o7000)
}

fn mode(profile: Profile, a: &Entry, b: &Entry, kept: &mut impl FnMut(Cause, String), facts: &mut Facts) {
    let (one, two) = (a.external >> 16, b.external >> 16);
    let folder = a.name.ends_with('/');
    if one != two {
        let values = (format!("{one:06o}"), format!("{two:06o}"));
        let same = match profile {
            Profile::Wheel if folder => one & 0o170_000 == two & 0o170_000,
            Profile::Wheel => installed(one) == installed(two),
            Profile::Zip => false,
        };
        if same {
            facts.add(Cause::Mode, Normalization::ArchiveMode, "mode", &a.name, values);
        } else {
            kept(Cause::Mode, format!("mode: {} → {}", values.0, values.1));
        }
    }
    let (one, two) = (a.external & 0xffff, b.external & 0xffff);
    if one != two {
        let values = (format!("{one:#x}"), format!("{two:#x}"));
        // Bit 4 makes a folder of what is not called one.
        if !folder && (one ^ two) & 0x10 != 0 {
            kept(Cause::Mode, format!("attributes: {} → {}", values.0, values.1));
        } else {
            let (cause, normalization) = (Cause::ArchiveHeader, Normalization::ArchiveHeader);
            facts.add(cause, normalization, "attributes", &a.name, values);
        }
    }
}

fn extra(
    name: &str,
    a: &[(u16, Vec<u8>)],
    b: &[(u16, Vec<u8>)],
    kept: &mut impl FnMut(Cause, String),
    facts: &mut Facts,
) {
    if a == b {
        return;
    }
    let mut ids: Vec<u16> = a.iter().chain(b).map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut explained = false;
    for id in ids {
        let of = |fields: &[(u16, Vec<u8>)]| -> Vec<Vec<u8>> {
            fields.iter().filter(|(other, _)| *other == id).map(|(_, bytes)| bytes.clone()).collect()
        };
        let (one, two) = (of(a), of(b));
        if one == two {
            continue;
        }
        explained = true;
        let shown = |values: &[Vec<u8>]| {
            let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            values.iter().map(hex).collect::<Vec<_>>().join(" ")
        };
        let values = (shown(&one), shown(&two));
        let (cause, normalization, what) = match id {
            NTFS | TIMES | UNIX_OLD => {
                (Cause::TimeStamp, Normalization::ArchiveTime, "time in an extra field")
            }
            UNIX_IDS => (Cause::Owner, Normalization::ArchiveOwner, "owner in an extra field"),
            // What zip64 says is compared as the sizes that it stands for.
            JAVA | ZIP64 => (Cause::ArchiveHeader, Normalization::ArchiveHeader, "extra field"),
            _ => {
                kept(Cause::Content, format!("extra field {id:#06x}: {} → {}", values.0, values.1));
                continue;
            }
        };
        facts.add(cause, normalization, what, name, values);
    }
    if !explained {
        let values = (a.len().to_string(), b.len().to_string());
        facts.add(Cause::ArchiveHeader, Normalization::ArchiveHeader, "order of extra fields", name, values);
    }
}
