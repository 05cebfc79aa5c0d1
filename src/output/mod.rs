//! Outputs: collected from the box, refused if they are not what they should be, normalized, and written
//! whole or not at all. Every file that sealwright writes outside of its store goes through [`write_whole`].

mod collect;
mod error;
mod filename;
mod folder;
mod foreign;
mod metadata;
mod normalize;
mod publish;
mod whole;

pub use collect::{Collected, OutputKind, OutputLimits, OutputRules, ProjectRules, Stated, collect};
pub use error::{ArchiveError, OutputError, Refusal, RefusalReason};
pub use filename::{FileNameError, SdistName};
pub use folder::FolderLock;
pub use foreign::read_foreign;
pub use normalize::{Applied, Effect, Normalizer, Prepared};
pub use publish::{FileMode, Publication, Published};
pub use whole::{Overwrite, Written, write_private, write_whole};
