//! Bytes that are nothing better known.

use super::CompareError;
use super::data::Data;
use super::model::Change;
use super::strings;
use super::walk::{Spot, unreadable};

/// Bytes in which strings are looked at.
const LOOKED_AT: u64 = 32 << 20;

/// The change of bytes that differ.
pub(super) fn compare(spot: &Spot, a: &Data, b: &Data) -> Result<Vec<Change>, CompareError> {
    let at = a.first_difference(b).map_err(unreadable(spot))?;
    let mut detail = if a.len() == b.len() {
        format!("{} bytes, the first difference at {at:#x}", a.len())
    } else {
        format!("{} bytes → {} bytes, the first difference at {at:#x}", a.len(), b.len())
    };
    let mut causes = std::collections::BTreeSet::new();
    if a.len().max(b.len()) <= LOOKED_AT {
        let (one, two) = (a.bytes().map_err(unreadable(spot))?, b.bytes().map_err(unreadable(spot))?);
        if let Some(found) = strings::compare(&one, &two) {
            causes = found.causes;
            detail = format!("{detail}; {}", found.example);
        }
    }
    Ok(vec![Change::of_causes(&spot.path, causes, detail)])
}
