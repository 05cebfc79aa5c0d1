//! `pylock.toml` (PEP 751), lock version 1.0. No index is named: every file lies beside the lock file.

use super::ExportError;
use super::requirements::main_role;
use crate::lock::{Distribution, Lock, LockedTarget};

/// What a target runs with (what it is built with, if it runs with nothing) as `pylock.toml`, its files beside
/// it.
///
/// # Errors
/// The target has no Python distributions.
pub fn pylock(target: &LockedTarget, lock: &Lock) -> Result<String, ExportError> {
    let role = main_role(target).ok_or_else(|| ExportError::Empty { target: target.name.clone() })?;
    let LockedTarget { name, platform, python, .. } = target;
    let marker = format!(
        "sys_platform == 'linux' and platform_machine == '{}' and python_version == '{python}'",
        platform.machine()
    );
    let mut text = format!(
        "# What target {name} {}, from sealwright.lock. `sealwright fetch --export` writes the files.\n\
         lock-version = \"1.0\"\nenvironments = [{}]\nrequires-python = {}\nextras = []\ndependency-groups = []\n\
         default-groups = []\ncreated-by = \"sealwright\"\n",
        match role {
            crate::lock::Role::Runtime => "runs with",
            crate::lock::Role::Build | crate::lock::Role::Tool => "is built with",
        },
        quoted(&marker),
        quoted(&format!("=={python}.*")),
    );
    for file in target.distributions.iter().filter(|file| file.role == role) {
        text += &package(file, lock);
    }
    Ok(text)
}

fn package(file: &Distribution, lock: &Lock) -> String {
    let Distribution { name, version, file: wheel, size, sha256, .. } = file;
    let one = |file: &str, size: u64, sha256: &crate::digest::Sha256| {
        format!(
            "{{ name = {}, path = {}, size = {size}, hashes = {{ sha256 = {} }} }}",
            quoted(file),
            quoted(file),
            quoted(&sha256.to_string())
        )
    };
    let mut text =
        format!("\n[[packages]]\nname = {}\nversion = {}\n", quoted(name.as_str()), quoted(version));
    if let Some(built) = lock.wheel(sha256) {
        let sdist = &built.sdist;
        text += &format!("sdist = {}\n", one(&sdist.file, sdist.size, &sdist.sha256));
    }
    text += &format!("wheels = [{}]\n", one(wheel, *size, sha256));
    text
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
