//! The one integration binary: a file per topic.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper fails by panicking")]

#[macro_use]
mod context;
mod engine;
mod fetch;
mod store;
mod tidy;
