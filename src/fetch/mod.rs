//! Digests to bytes: what locks name, from wherever it is to be had, into the store; and a few documents.
//!
//! Only this module and `resolve` open sockets for a build. Where things come from is the user's configuration of pip,
//! uv, cargo, apt and the environment; what they are is decided by digest alone. Credentials go to the host that they belong
//! to and nowhere else, and are never printed.

mod access;
mod apt;
mod client;
mod crates;
mod default_index;
mod document;
mod error;
mod fetcher;
mod git;
mod images;
mod indexes;
mod keyring;
mod listing;
mod mirrors;
mod net;
mod page;
mod pip;
mod public;
mod search;
mod secret;
mod sparse;
mod surroundings;
mod transfer;
mod uv;
mod wanted;

pub use crates::{CrateOrigin, CrateRegistries};
pub use error::FetchError;
pub use fetcher::{Fetcher, Offline};
pub use git::GitWanted;
pub use images::{ImageRequest, ImageSourceError, LoginFound, PinnedImage, Registries};
pub use indexes::{Belonging, FindLinks, NoIndex, PythonIndexes};
pub use mirrors::{DebianMirrors, MirrorSettings};
pub use net::NetConfig;
pub use page::IndexFile;
pub use public::PrivateHosts;
pub use secret::{Credentials, IndexUrl};
pub use surroundings::Surroundings;
pub use wanted::{Places, Wanted};
