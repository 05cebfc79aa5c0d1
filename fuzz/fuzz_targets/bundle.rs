//! Sigstore bundles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwright::provenance::SigstoreBundle;

fuzz_target!(|bytes: &[u8]| {
    let _ = SigstoreBundle::parse(bytes);
});
