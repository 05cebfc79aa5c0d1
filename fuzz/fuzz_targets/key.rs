//! Public keys: what is read is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwright::key::PublicKey;

fuzz_target!(|bytes: &[u8]| {
    for key in [PublicKey::from_pem(bytes), PublicKey::from_der(bytes)].into_iter().flatten() {
        assert_eq!(PublicKey::from_pem(key.to_pem().as_bytes()), Ok(key.clone()));
        let _ = key.verifies(bytes, bytes);
    }
});
