//! A wheel's RECORD: which of its differences only follow from members that are compared themselves.
//!
//! Follows the packaging specifications, "recording installed projects" and "binary distribution format". A row may
//! differ if it is true on both sides; nothing else of RECORD may, but the order of its lines and their ends.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::data::Data;
use super::model::{Cause, Change, Effect, Normalization};
use super::text::uniform;
use super::walk::{Broken, Spot, unreadable};
use super::zip::Pair;

/// Bytes of a RECORD.
const LARGEST: u64 = 256 << 20;

/// Members of two wheels.
pub(super) trait Members {
    fn name(&self, pair: &Pair) -> String;
    fn unpack(&self, pair: &Pair) -> Result<(Data, Data), Broken>;
}

/// The one RECORD among these names, if it is a wheel's.
pub(super) fn record_of(names: &[String]) -> Option<String> {
    let is_record = |name: &&String| {
        name.strip_suffix(".dist-info/RECORD").is_some_and(|top| !top.is_empty() && !top.contains('/'))
    };
    let mut records = names.iter().filter(is_record);
    let (record, None) = (records.next()?, records.next()) else { return None };
    Some(record.clone())
}

/// Rows by path; none if it cannot be read by all readers alike.
fn rows(text: &str) -> Option<BTreeMap<String, Vec<String>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = BTreeMap::new();
    for row in reader.records() {
        let row: Vec<String> = row.ok()?.iter().map(str::to_owned).collect();
        if rows.insert(row.first()?.clone(), row).is_some() {
            return None;
        }
    }
    Some(rows)
}

/// Compares RECORD, once every other member is compared.
pub(super) fn compare_record(
    spot: &Spot,
    record: &str,
    pairs: &[Pair],
    members: &impl Members,
) -> Result<Vec<Change>, Broken> {
    let spot_of_record = spot.member(record);
    let Some(own) = pairs.iter().find(|pair| members.name(pair) == record) else { return Ok(Vec::new()) };
    if !own.changes.is_empty() {
        // Its headers contradict each other or it is damaged: different anyway.
        return Ok(Vec::new());
    }
    // Members that are called equal although their bytes differ: RECORD has to tell the truth of both.
    let equal: Vec<&Pair> = pairs.iter().filter(|pair| is_equal(pair)).collect();
    let (a, b) = members.unpack(own)?;
    let same = a.same(&b).map_err(unreadable(spot))?;
    if same && equal.is_empty() {
        return Ok(Vec::new());
    }
    let content = |detail: String| Ok(vec![Change::changed(&spot_of_record.path, Cause::Content, detail)]);
    if a.len().max(b.len()) > LARGEST {
        return content("it is larger than any has to be".to_owned());
    }
    let (a, b) = (a.bytes().map_err(unreadable(spot))?, b.bytes().map_err(unreadable(spot))?);
    let (Ok(text_a), Ok(text_b)) = (std::str::from_utf8(&a), std::str::from_utf8(&b)) else {
        return content("it is not text".to_owned());
    };
    let (Some(rows_a), Some(rows_b)) = (rows(text_a), rows(text_b)) else {
        return content("it has rows that cannot be read, or two for one path".to_owned());
    };
    let mut wanted: BTreeSet<&String> =
        rows_a.keys().filter(|path| rows_b.get(*path) != rows_a.get(*path)).collect();
    wanted.extend(rows_b.keys().filter(|path| !rows_a.contains_key(*path)));
    let names: BTreeMap<String, &Pair> = pairs.iter().map(|pair| (members.name(pair), pair)).collect();
    let equal: Vec<String> = equal.into_iter().map(|pair| members.name(pair)).collect();
    wanted.extend(&equal);
    let mut lies = Vec::new();
    let mut follows = Vec::new();
    for path in wanted {
        let (one, two) = (rows_a.get(path), rows_b.get(path));
        let Some(pair) = names.get(path) else {
            // Added or removed: that is a change of its own, if the row is there where the member is.
            follows.push(path.as_str());
            continue;
        };
        let (data_a, data_b) = members.unpack(pair)?;
        if is_true(spot, one, &data_a)? && is_true(spot, two, &data_b)? {
            if one != two {
                follows.push(path.as_str());
            }
        } else {
            lies.push(path.as_str());
        }
    }
    if !lies.is_empty() {
        return content(format!("its rows are not true of both: {}", listed(&lies)));
    }
    if !follows.is_empty() {
        let detail = format!("rows of members that differ: {}", listed(&follows));
        let change = Change::changed(&spot_of_record.path, Cause::Consequence, detail);
        return Ok(vec![change.normalized(Normalization::Record)]);
    }
    if same {
        return Ok(Vec::new());
    }
    Ok(vec![form(&spot_of_record, text_a, text_b)])
}

/// The same rows in other bytes.
fn form(spot: &Spot, a: &str, b: &str) -> Change {
    let lines = |text: &str| -> Vec<String> {
        text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned()).collect()
    };
    let (one, two) = (lines(a), lines(b));
    if one == two {
        let change = Change::changed(&spot.path, Cause::LineEndings, "other line ends, the same rows");
        return if uniform(a) && uniform(b) { change.normalized(Normalization::Record) } else { change };
    }
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    if sorted(one) == sorted(two) {
        let change = Change::changed(&spot.path, Cause::Order, "the same rows in another order");
        return change.normalized(Normalization::Record);
    }
    Change::changed(&spot.path, Cause::Content, "the same rows, written in another way")
}

fn is_equal(pair: &Pair) -> bool {
    let taken_away = |change: &Change| matches!(change.effect, Effect::Normalized(_));
    !pair.changes.is_empty() && pair.changes.iter().all(taken_away)
}

/// Whether a row says the digest and the size of these bytes, and nothing else.
fn is_true(spot: &Spot, row: Option<&Vec<String>>, data: &Data) -> Result<bool, Broken> {
    let Some([_, digest, size]) = row.map(Vec::as_slice) else { return Ok(false) };
    let sha256 = data.digest().map_err(unreadable(spot))?;
    let expected = format!("sha256={}", URL_SAFE_NO_PAD.encode(sha256.as_bytes()));
    Ok(*digest == expected && *size == data.len().to_string())
}

fn listed(paths: &[&str]) -> String {
    let shown = paths.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    if paths.len() > 3 { format!("{shown} and {} more", paths.len() - 3) } else { shown }
}
