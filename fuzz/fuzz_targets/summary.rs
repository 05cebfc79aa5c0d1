//! Verification summaries: what is read is written byte-stably.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwright::provenance::VerificationSummary;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(summary) = VerificationSummary::parse(bytes) {
        let payload = summary.to_payload();
        let again = VerificationSummary::parse(&payload).expect("what is written is read");
        assert_eq!(again.to_payload(), payload);
    }
});
