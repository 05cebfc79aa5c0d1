//! What cargo in the box is told: every registry is one folder, and there is no network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{CargoError, Crate, Registry};
use crate::store::Tree;

/// Where the vendored crates are mounted in the box, read-only.
pub const CRATES_FOLDER: &str = "/env/crates";
/// cargo's own folder in the box: in the home folder, so that cargo can write into it.
pub const CARGO_HOME: &str = "/home/build/.cargo";

/// The name of the folder's source in the configuration.
const SOURCE: &str = "sealwright-crates";

/// What the box of a Rust-backed source has for cargo, besides variables ([`box_environment`]).
#[derive(Debug, Clone)]
pub struct BoxCargo {
    /// The tree of crates, to be mounted read-only at [`CRATES_FOLDER`]; none if no crate is needed.
    pub crates: Option<Tree>,
    config: String,
}

impl BoxCargo {
    /// For a source that names these crates, with the tree of all of them.
    #[must_use]
    pub fn new(named: &[Crate], crates: Option<Tree>) -> Self {
        Self { crates, config: box_config(named) }
    }

    /// Writes cargo's configuration into what will be the home folder in the box.
    ///
    /// # Errors
    /// The host fails.
    pub fn write(&self, home: &Path) -> Result<(), CargoError> {
        let folder = home.join(".cargo");
        fs::create_dir(&folder).map_err(CargoError::io("create", &folder))?;
        let file = folder.join("config.toml");
        fs::write(&file, &self.config).map_err(CargoError::io("write", &file))
    }
}

/// Variables that a box of a Rust-backed source has besides the others. The values are the same on every host.
#[must_use]
pub fn box_environment() -> BTreeMap<String, String> {
    [
        ("CARGO_HOME", CARGO_HOME),
        // What is compiled in small steps depends on earlier steps.
        ("CARGO_INCREMENTAL", "0"),
        ("CARGO_NET_OFFLINE", "true"),
        ("CARGO_TERM_COLOR", "never"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The text of `config.toml` in [`CARGO_HOME`] (the cargo book, "Configuration" and "Source Replacement").
fn box_config(crates: &[Crate]) -> String {
    let mut text =
        format!("[net]\noffline = true\n\n[source.{SOURCE}]\ndirectory = {}\n", quoted(CRATES_FOLDER));
    let registries: BTreeSet<&Registry> = crates.iter().map(|one| &one.registry).collect();
    for (number, registry) in registries.into_iter().enumerate() {
        match registry {
            Registry::Default => text.push_str("\n[source.crates-io]\n"),
            Registry::Index(url) => {
                let url = url.strip_prefix("registry+").unwrap_or(url);
                text.push_str(&format!("\n[source.registry-{number}]\nregistry = {}\n", quoted(url)));
            }
        }
        text.push_str(&format!("replace-with = {}\n", quoted(SOURCE)));
    }
    text
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;

    #[test]
    fn every_registry_that_is_used_is_replaced() {
        let of = |registry| Crate {
            name: "a".to_owned(),
            version: "1.0.0".to_owned(),
            registry,
            sha256: Sha256::of("a"),
            required_by: Vec::new(),
        };
        let text = box_config(&[
            of(Registry::Default),
            of(Registry::Index("registry+https://git.example/index".to_owned())),
            of(Registry::Index("sparse+https://crates.example/".to_owned())),
        ]);
        let table: toml::Table = text.parse().unwrap();
        let source = table["source"].as_table().unwrap();
        assert_eq!(source["registry-1"]["registry"].as_str(), Some("https://git.example/index"));
        assert_eq!(source["registry-2"]["registry"].as_str(), Some("sparse+https://crates.example/"));
        for name in ["crates-io", "registry-1", "registry-2"] {
            assert_eq!(source[name]["replace-with"].as_str(), Some(SOURCE));
        }
        assert_eq!(source[SOURCE]["directory"].as_str(), Some(CRATES_FOLDER));
        assert_eq!(table["net"]["offline"].as_bool(), Some(true));
    }
}
