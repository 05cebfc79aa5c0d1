//! The user's configuration and the project's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwright::config::{Document, parse_config, parse_pyproject};
use sealwright::sign::UserConfig;

fuzz_target!(|bytes: &[u8]| {
    let document = || Document { file: "config.toml", bytes };
    let _ = document().parse::<UserConfig>();
    let _ = parse_config(document());
    let _ = parse_pyproject(document());
});
