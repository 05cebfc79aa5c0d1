//! The one integration binary: a file per topic.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests start the program, git and judges, and listen on loopback"
)]

#[macro_use]
mod context;

mod adversarial;
mod build;
mod bundle;
mod cargo;
mod check;
mod debian;
mod diff;
mod engine;
mod executables;
mod export;
mod fetch;
mod images;
mod inside;
mod judges;
mod lock;
mod output;
mod provenance;
mod python;
mod rebuild;
mod requirements;
mod secrets;
mod sign;
mod sigstore;
mod source;
mod source_archives;
mod source_hostile;
mod store;
mod terminal;
mod tidy;
mod verify;
mod wheels;
