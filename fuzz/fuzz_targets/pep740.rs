//! Attestations of package indexes, and their conversion to bundles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwright::provenance::{Limits, parse_json, pep740};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = parse_json(bytes, Limits::default()) else { return };
    if pep740::is_one(&value) {
        let _ = pep740::to_bundles(&value);
    }
});
