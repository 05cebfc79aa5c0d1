//! Names → digests: what `lock` asks archives and indexes.

pub mod debian;
pub mod python;
