//! Statements: what is read is written byte-stably.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwright::provenance::Statement;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(statement) = Statement::parse(bytes) {
        let line = statement.to_line();
        let again = Statement::parse(line.as_bytes()).expect("what is written is read");
        assert_eq!(again.to_line(), line);
        let _ = sealwright::record::lock_from_statement(&statement);
    }
});
