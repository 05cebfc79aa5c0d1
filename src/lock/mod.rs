//! The lock: `sealwright.lock`, version 1 (`docs/reference/lock.md`): its model, its text, and what makes it stale.
//!
//! Pure: no clock, environment or file system. Writing is byte-stable; reading refuses unknown keys and versions.

mod check;
mod error;
mod keys;
mod model;
mod order;
mod read;
mod select;
mod stale;
mod wire;
mod write;

pub use error::{LockError, Position};
pub use model::{
    AssembledImage, Distribution, HookRequires, ImageContent, Lock, LockedCrate, LockedImage, LockedLayer,
    LockedPackage, LockedRequirements, LockedSdist, LockedSuite, LockedTarget, LockedWheel, PulledImage,
    Role,
};
pub use stale::{Asked, AskedImage};

/// The lock's file name, beside the configuration.
pub const FILE_NAME: &str = "sealwright.lock";

/// The version of the format that this program reads and writes.
pub const VERSION: i64 = 1;
