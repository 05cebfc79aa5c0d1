//! Hashed requirements files, as pip and uv read them.

use std::fmt::Write as _;

use crate::lock::{Distribution, Lock, LockedTarget, Role};

/// The role that stands for a target where one is wanted: what it runs with, else what it is built with.
#[must_use]
pub fn main_role(target: &LockedTarget) -> Option<Role> {
    let has = |role: &Role| target.distributions.iter().any(|file| file.role == *role);
    [Role::Runtime, Role::Build, Role::Tool].into_iter().find(has)
}

/// A requirements file of the distributions of one role, sorted by name. A wheel that is built here has the digest of its
/// sdist too, so that both are taken. `title` is its first line.
#[must_use]
pub fn requirements(title: &str, distributions: &[Distribution], role: Role, lock: &Lock) -> String {
    let mut text =
        format!("# {title}\n# pip install --no-index --find-links . --require-hashes -r THIS-FILE\n");
    for file in distributions.iter().filter(|file| file.role == role) {
        let _ = write!(text, "{}=={} \\\n    --hash=sha256:{}", file.name, file.version, file.sha256);
        if let Some(wheel) = lock.wheel(&file.sha256) {
            let _ = write!(text, " \\\n    --hash=sha256:{}", wheel.sdist.sha256);
        }
        text.push('\n');
        if !file.required_by.is_empty() {
            let _ = writeln!(text, "    # via {}", file.required_by.join(", "));
        }
    }
    text
}
