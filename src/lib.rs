//! sealwright builds Python packages, executables and images in a sealed box from locked inputs,
//! and writes an in-toto SLSA provenance statement for every output.
//!
//! The modules are layers: each uses only modules of a lower layer, or its own children.
//! `docs/ARCHITECTURE.md` has the table, and `tests/it/tidy.rs` enforces it.

// layer 0
pub mod digest;
pub mod error;
pub mod event;
pub mod helper;
pub mod name;
// layer 1
pub mod config;
pub mod key;
pub mod lock;
pub mod oci;
pub mod provenance;
pub mod store;
pub mod wheel;
// layer 2
pub mod builder;
pub mod cargo;
pub mod compare;
pub mod fetch;
pub mod requirements;
pub mod sandbox;
pub mod sign;
pub mod source;
pub mod verify;
// layer 3
pub mod export;
pub mod image;
pub mod output;
pub mod record;
pub mod report;
// layer 4
pub mod environment;
pub mod resolve;
// layer 5
pub mod build;
// layer 6
pub mod doctor;
pub mod rebuild;
// layer 7
pub mod cli;
