//! Texts within bytes: two binaries that differ in nothing but their texts say why in them.

use std::collections::BTreeSet;

use super::model::Cause;
use super::text;

/// Letters that make a text.
const SHORTEST: usize = 5;
/// Texts that differ; of more, nobody is told why.
const MOST: usize = 500;
/// Bytes in which texts are looked for.
const LARGEST: usize = 32 << 20;

/// What the texts of two binaries tell.
pub(super) struct Found {
    pub(super) causes: BTreeSet<Cause>,
    pub(super) example: String,
}

/// A text, or bytes between texts.
#[derive(PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// What differs between two tables of texts that end with zero. A linker sorts them by a digest, so that another text
/// moves the others.
pub(super) fn compare_tables(a: &[u8], b: &[u8]) -> Option<Found> {
    if a.len().max(b.len()) > LARGEST {
        return None;
    }
    let sorted = |bytes| {
        let mut texts: Vec<&[u8]> = <[u8]>::split(bytes, |byte| *byte == 0).collect();
        texts.sort_unstable();
        texts
    };
    let (one, two) = (sorted(a), sorted(b));
    let only = |these: &[&[u8]], others: &[&[u8]]| -> Vec<String> {
        let alone = these.iter().filter(|text| others.binary_search(text).is_err());
        alone.take(MOST + 1).map(|text| String::from_utf8_lossy(text).into_owned()).collect()
    };
    let (removed, added) = (only(&one, &two), only(&two, &one));
    if removed.is_empty() || removed.len() != added.len() || removed.len() > MOST {
        return None;
    }
    let causes = removed.iter().zip(&added).flat_map(|(a, b)| text::causes(a, b)).collect();
    let example = format!("{} → {}", text::shortened(&removed[0]), text::shortened(&added[0]));
    Some(Found { causes, example })
}

/// What differs, if it is in texts only; none if other bytes differ too. Zeros that fill up are left out.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Option<Found> {
    if a.len().max(b.len()) > LARGEST {
        return None;
    }
    let (one, two) = (parts(a), parts(b));
    if one.len() != two.len() || one.iter().zip(&two).filter(|(a, b)| a != b).count() > MOST {
        return None;
    }
    let mut found: Option<Found> = None;
    for pair in one.iter().zip(&two) {
        match pair {
            (Part::Bytes(a), Part::Bytes(b)) if a == b || filler(a) && filler(b) => {}
            (Part::Text(a), Part::Text(b)) if a == b => {}
            (Part::Text(a), Part::Text(b)) => {
                let causes = text::causes(a, b);
                let example = || format!("{} → {}", text::shortened(a), text::shortened(b));
                found
                    .get_or_insert_with(|| Found { causes: BTreeSet::new(), example: example() })
                    .causes
                    .extend(causes);
            }
            _ => return None,
        }
    }
    found
}

fn filler(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn parts(bytes: &[u8]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut before = 0;
    let mut at = 0;
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|byte| matches!(byte, b'\t' | b'\n' | b' '..=b'~')).count();
        if run >= SHORTEST
            && let Ok(text) = std::str::from_utf8(&bytes[at..at + run])
        {
            parts.push(Part::Bytes(&bytes[before..at]));
            parts.push(Part::Text(text));
            before = at + run;
        }
        at += run.max(1);
    }
    parts.push(Part::Bytes(&bytes[before..]));
    parts
}
