//! What a lock holds, for other tools: bills of materials (CycloneDX, SPDX), `pylock.toml` (PEP 751), hashed
//! requirements files. Pure: texts from values; `build` writes them.

mod cyclonedx;
mod error;
mod inventory;
mod pylock;
mod requirements;
mod spdx;

pub use cyclonedx::cyclonedx;
pub use error::ExportError;
pub use inventory::{Product, ProductKind};
pub use pylock::pylock;
pub use requirements::{main_role, requirements};
pub use spdx::spdx;
