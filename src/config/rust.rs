//! Whether a project is compiled by cargo, and what its image needs then.

use super::meaning::ProjectFiles;
use super::typed::Pyproject;
use crate::name::{DebianRelease, requirement};

/// Debian packages with the compiler.
pub const PACKAGES: [&str; 2] = ["cargo", "rustc"];

/// Releases in the order in which they are taken for such a project: crates want a recent compiler.
pub(super) fn releases() -> Vec<DebianRelease> {
    DebianRelease::ALL.into_iter().rev().collect()
}

/// What shows that a project is Rust-backed: its build requirements, or a `Cargo.toml` beside them.
pub(super) fn sign(files: &ProjectFiles, pyproject: Option<&Pyproject>) -> Option<String> {
    sign_of(pyproject, files.cargo_toml.is_some())
}

/// As `sign`, of any source: an sdist's `pyproject.toml`, and whether there is a `Cargo.toml`.
#[must_use]
pub fn is_rust_backed(pyproject: Option<&Pyproject>, cargo_toml: Option<&[u8]>) -> bool {
    sign_of(pyproject, cargo_toml.is_some()).is_some()
}

fn sign_of(pyproject: Option<&Pyproject>, has_cargo_toml: bool) -> Option<String> {
    let requires = pyproject.and_then(|pyproject| pyproject.build_system.as_ref());
    let names = requires.into_iter().flat_map(|system| &system.requires);
    let backend = names
        .filter_map(|text| requirement(text).ok())
        .map(|requirement| requirement.name.to_string())
        .find(|name| matches!(name.as_str(), "maturin" | "setuptools-rust"));
    match (backend, has_cargo_toml) {
        (Some(name), _) => Some(format!("build-system.requires names {name}")),
        (None, true) => Some("there is a Cargo.toml".to_owned()),
        (None, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Project, Target};
    use super::*;

    fn target(config: &str, pyproject: &str, cargo_toml: Option<&str>) -> Target {
        let files = ProjectFiles {
            config: Some(config.as_bytes().to_vec()),
            pyproject: Some(pyproject.as_bytes().to_vec()),
            setup_py: None,
            cargo_toml: cargo_toml.map(|text| text.as_bytes().to_vec()),
            folder: "the project".to_owned(),
        };
        Project::read(&files).unwrap().targets.remove(0)
    }

    const MATURIN: &str = "[build-system]\nrequires = ['Maturin[patchelf] >=1.0,<2']\n";

    #[test]
    fn the_newest_release_with_its_compiler_is_taken_and_said() {
        let chosen = target("", MATURIN, None);
        assert_eq!(chosen.variants[0].image.to_string(), "debian:trixie");
        assert_eq!(chosen.system_packages, ["cargo", "rustc"]);
        assert_eq!(
            chosen.said.as_deref(),
            Some("debian:trixie with its cargo and rustc (build-system.requires names maturin), Python 3.13")
        );
        let chosen = target("", "[project]\nrequires-python = '>=3.9,<3.13'\n", Some(""));
        assert_eq!(
            chosen.said.as_deref(),
            Some(
                "debian:bookworm with its cargo and rustc (there is a Cargo.toml), Python 3.11 (requires-python = \">=3.9,<3.13\")"
            )
        );
    }

    #[test]
    fn what_the_configuration_names_stays() {
        let chosen = target(
            "[target.dist]\nimage = 'debian:bookworm'\nsystem-packages = ['rustc', 'libssl-dev']\n",
            MATURIN,
            None,
        );
        assert_eq!(chosen.variants[0].image.to_string(), "debian:bookworm");
        assert_eq!(chosen.system_packages, ["cargo", "libssl-dev", "rustc"]);
        assert_eq!(chosen.said, None);
        assert_eq!(target("", "[build-system]\nrequires = ['setuptools']\n", None).system_packages, [""; 0]);
    }
}
