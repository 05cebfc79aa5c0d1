//! The record of a build: what a statement is made from, and the lock made again from a statement.
//!
//! Pure. `build::attest` fills a [`Record`] with what was observed; [`Record::statement`] is a function of it.

mod annotation;
mod dependencies;
mod regenerate;
mod source;
mod stated;
mod statement;

pub use dependencies::resolved_dependencies;
pub use regenerate::{RegenerateError, lock_from_statement};
pub use stated::{StatedOptions, StatedSource, options_from_statement, source_from_statement};
pub use statement::{
    Byproduct, ConfigRecord, EngineRecord, LockRecord, NormalizerRecord, Record, RunRecord, SubjectRecord,
    isolation, limits,
};
