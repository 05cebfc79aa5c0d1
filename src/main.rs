//! The `sealwright` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: the hidden process of the native engine must have one thread and nothing open.
    if let Some(code) = sealwright::sandbox::native::reexec() {
        return code;
    }
    ExitCode::SUCCESS
}
