//! DSSE envelopes: read, or refused without a panic; what is read is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwright::provenance::Envelope;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = Envelope::parse(bytes) {
        let _ = envelope.payload();
        assert_eq!(Envelope::parse(envelope.to_line().as_bytes()).ok().as_ref(), Some(&envelope));
    }
});
