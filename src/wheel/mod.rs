//! Wheels as files: their names, the tags that say where they fit, and what is inside.
//!
//! Follows the packaging specifications "binary distribution format" (version 1.x), "platform compatibility tags",
//! "core metadata" and "recording installed projects". Nothing here writes a file.

mod archive;
mod error;
mod filename;
mod headers;
mod record;
mod tags;

pub use archive::{Archive, Member, Place};
pub use error::WheelError;
pub use filename::WheelName;
pub use headers::{EntryPoint, Metadata};
pub use record::write_record;
pub use tags::{Fit, PythonTarget};
