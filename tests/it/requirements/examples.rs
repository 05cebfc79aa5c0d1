//! The application of `examples/lockfiles`, locked by each tool: one set of pins, none of whose URLs is needed.

use super::{Case, pinned};
use crate::context::repository;

/// Folder and lock file of each example.
pub const EXAMPLES: [(&str, &str); 6] = [
    ("pip", "requirements.txt"),
    ("pip-tools", "requirements.txt"),
    ("pipenv", "Pipfile.lock"),
    ("poetry", "poetry.lock"),
    ("uv", "uv.lock"),
    ("pylock", "pylock.toml"),
];

/// What all of them pin for Python 3.11 on linux/amd64: tomli's marker does not hold, the extra `socks` is taken, the
/// group `dev` is not.
pub const PINS: &str = "certifi 2026.7.22, charset-normalizer 3.5.1, idna 3.19, jinja2 3.1.6, markupsafe 3.0.3, \
                        pysocks 1.7.1, requests 2.34.2, urllib3 2.7.0";

#[test]
fn six_tools_give_one_set_of_pins() {
    for (folder, file) in EXAMPLES {
        let read = Case::of(repository().join("examples/lockfiles").join(folder), file).read().unwrap();
        assert_eq!(pinned(&read), PINS, "{folder}");
    }
}

/// The wheel that pip chose is acceptable to every tool's file.
#[test]
fn six_tools_accept_one_file_of_each() {
    let pins = |(folder, file): (&str, &str)| {
        Case::of(repository().join("examples/lockfiles").join(folder), file).read().unwrap().pins
    };
    let chosen = pins(EXAMPLES[0]);
    for example in EXAMPLES {
        for (pin, chosen) in pins(example).iter().zip(&chosen) {
            assert!(pin.hashes.contains(&chosen.hashes[0]), "{} in {}", pin.name, example.0);
        }
    }
}
