//! Private keys, without deriving anything from a passphrase.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwright::sign::KeyFile;

fuzz_target!(|bytes: &[u8]| {
    let _ = KeyFile::parse(bytes, "key");
});
