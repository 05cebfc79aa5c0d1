//! Policies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwright::verify::{Policy, VerifyError};

fuzz_target!(|bytes: &[u8]| {
    let none = |path: &std::path::Path| Err(VerifyError::TooLarge { path: path.to_owned(), limit: 0 });
    let _ = Policy::parse("policy.toml", bytes, &none);
});
