//! Reading tar (POSIX.1-2017 pax, GNU's and old forms) entry by entry, with everything that its headers say.

use std::collections::BTreeMap;

use ::tar::{EntryType, Header};

use super::super::data::Data;
use super::super::walk::{Broken, Spot, Walk, unreadable};

const BLOCK: u64 = 512;
/// Bytes of a long name or of a pax header.
const LARGEST_EXTENSION: u64 = 1 << 20;
/// Bytes of all of them.
const LARGEST_HEADERS: u64 = 512 << 20;

/// An archive.
pub(super) struct Archive {
    pub(super) entries: Vec<Entry>,
    /// What follows the last entry.
    pub(super) end: Data,
    /// What pax headers of the archive as a whole say.
    pub(super) global: BTreeMap<String, Vec<u8>>,
}

/// A member.
pub(super) struct Entry {
    /// Its name as text; what is not UTF-8 is escaped. Folders end with `/`.
    pub(super) name: String,
    pub(super) kind: u8,
    pub(super) link: Vec<u8>,
    pub(super) mode: u32,
    pub(super) ids: [u64; 2],
    pub(super) owners: [Vec<u8>; 2],
    pub(super) mtime: Vec<u8>,
    pub(super) device: [u32; 2],
    /// What is left of its pax header.
    pub(super) pax: BTreeMap<String, Vec<u8>>,
    /// All header blocks as they are.
    pub(super) raw: Vec<u8>,
    pub(super) content: Data,
    pub(super) padding: Data,
}

/// Whether these first 512 bytes are a tar header.
pub(in super::super) fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.first_chunk::<512>() else { return false };
    let header = Header::from_byte_slice(block);
    &block[257..262] == b"ustar" && checksum_holds(header) || block[0] != 0 && checksum_holds(header)
}

fn checksum_holds(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum = |signed: fn(u8) -> i64| -> i64 {
        let field = 148..156;
        bytes.iter().enumerate().map(|(at, byte)| if field.contains(&at) { 32 } else { signed(*byte) }).sum()
    };
    let Ok(said) = header.cksum() else { return false };
    let said = i64::from(said);
    // Some old writers added signed bytes.
    said == sum(i64::from) || said == sum(|byte| i64::from(byte.cast_signed()))
}

fn damaged(why: &str) -> Broken {
    Broken::Damaged(why.to_owned())
}

/// Headers of one entry that are not its own block: long names, pax.
#[derive(Default)]
struct Extensions {
    raw: Vec<u8>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    /// Reads it.
    ///
    /// # Errors
    /// It is damaged, or holds more members than may be listed.
    pub(super) fn read(walk: &Walk<'_>, spot: &Spot, data: &Data) -> Result<Self, Broken> {
        let mut entries = Vec::new();
        let mut global = BTreeMap::new();
        let mut extensions = Extensions::default();
        let (mut at, mut headers) = (0, 0);
        loop {
            let block = data.take::<512>(at).map_err(unreadable(spot))?;
            let Some(block) = block.filter(|block| block.iter().any(|byte| *byte != 0)) else { break };
            let header = Header::from_byte_slice(&block);
            if !checksum_holds(header) {
                return Err(damaged(&format!("the header at {at:#x} has a wrong checksum")));
            }
            let kind = block[156];
            let own = header.entry_size().map_err(|error| Broken::Damaged(error.to_string()))?;
            let said = extensions.pax.remove("size").map(|text| number(&text)).transpose()?;
            let size = match kind {
                b'x' | b'g' | b'L' | b'K' => own,
                // Links, devices and folders have no bytes whatever their size says (POSIX, pax, "typeflag").
                b'1'..=b'6' => 0,
                _ => said.unwrap_or(own),
            };
            let start = at + BLOCK;
            let stop = start.checked_add(size).ok_or_else(|| damaged("a member is cut off"))?;
            let next = stop.checked_next_multiple_of(BLOCK).ok_or_else(|| damaged("a member is cut off"))?;
            let content = data.part(start..stop).ok_or_else(|| damaged("a member is cut off"))?;
            let padding =
                data.part(stop..next.min(data.len())).ok_or_else(|| damaged("a member is cut off"))?;
            at = next;
            if matches!(kind, b'x' | b'g' | b'L' | b'K') {
                headers += size;
                if size > LARGEST_EXTENSION || headers > LARGEST_HEADERS {
                    return Err(damaged("a header is longer than any has to be"));
                }
                let bytes = content.bytes().map_err(unreadable(spot))?;
                extensions.raw.extend_from_slice(&block);
                extensions.raw.extend_from_slice(&bytes);
                let name = || bytes.strip_suffix(b"\0").unwrap_or(&bytes).to_vec();
                match kind {
                    b'L' => extensions.name = Some(name()),
                    b'K' => extensions.link = Some(name()),
                    b'x' => extensions.pax.extend(pax(&bytes)?),
                    _ => global.extend(pax(&bytes)?),
                }
                continue;
            }
            walk.spend_members(spot, 1)?;
            entries.push(Entry::new(header, kind, std::mem::take(&mut extensions), content, padding)?);
        }
        if !extensions.raw.is_empty() {
            return Err(damaged("it ends with the header of a member that is not there"));
        }
        let end = data.from(at.min(data.len())).ok_or_else(|| damaged("it is cut off"))?;
        Ok(Self { entries, end, global })
    }
}

impl Entry {
    fn new(
        header: &Header,
        kind: u8,
        extensions: Extensions,
        content: Data,
        padding: Data,
    ) -> Result<Self, Broken> {
        let wrong = |error: std::io::Error| Broken::Damaged(error.to_string());
        let Extensions { mut raw, name, link, mut pax } = extensions;
        raw.extend_from_slice(header.as_bytes());
        let name = pax.remove("path").or(name).unwrap_or_else(|| header.path_bytes().into_owned());
        let link = pax.remove("linkpath").or(link);
        let link = link.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
        let id = |text: Option<Vec<u8>>, own: std::io::Result<u64>| match text {
            Some(text) => number(&text),
            None => own.map_err(wrong),
        };
        let ids = [id(pax.remove("uid"), header.uid())?, id(pax.remove("gid"), header.gid())?];
        let owners = [
            pax.remove("uname").unwrap_or_else(|| header.username_bytes().unwrap_or_default().to_vec()),
            pax.remove("gname").unwrap_or_else(|| header.groupname_bytes().unwrap_or_default().to_vec()),
        ];
        let mtime = match pax.remove("mtime") {
            Some(text) => text,
            None => header.mtime().map_err(wrong)?.to_string().into_bytes(),
        };
        let device = |value: std::io::Result<Option<u32>>| value.ok().flatten().unwrap_or(0);
        let is_device = matches!(kind, b'3' | b'4');
        let device =
            if is_device { [device(header.device_major()), device(header.device_minor())] } else { [0, 0] };
        let mut name = shown(&name);
        // POSIX: an old header of a folder is that of a file whose name ends so.
        let kind = match kind {
            0 | b'7' if name.ends_with('/') => EntryType::Directory.as_byte(),
            0 | b'7' => b'0',
            other => other,
        };
        if kind == EntryType::Directory.as_byte() && !name.ends_with('/') {
            name.push('/');
        }
        let mode = header.mode().map_err(wrong)?;
        Ok(Self { name, kind, link, mode, ids, owners, mtime, device, pax, raw, content, padding })
    }

    pub(super) fn is_folder(&self) -> bool {
        self.kind == EntryType::Directory.as_byte()
    }

    /// Whether what it is is known: a file, a link, a folder, a device.
    pub(super) fn is_known(&self) -> bool {
        matches!(self.kind, b'0'..=b'6')
    }
}

/// A name as text: what is not UTF-8 is escaped.
pub(super) fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

fn number(text: &[u8]) -> Result<u64, Broken> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| damaged("a number of a pax header is none"))
}

/// Records of a pax header: `LENGTH KEY=VALUE\n` (POSIX.1-2017, pax, "extended header").
fn pax(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Broken> {
    let wrong = || damaged("a pax header cannot be read");
    let mut found = BTreeMap::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = rest.iter().take(20).position(|byte| *byte == b' ').ok_or_else(wrong)?;
        let length = std::str::from_utf8(&rest[..space]).ok().and_then(|text| text.parse().ok());
        let length: usize = length.ok_or_else(wrong)?;
        let record =
            rest.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(wrong)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(wrong)?;
        let key = String::from_utf8(record[..equals].to_vec()).map_err(|_| wrong())?;
        found.insert(key, record[equals + 1..].to_vec());
        rest = &rest[length..];
    }
    Ok(found)
}
