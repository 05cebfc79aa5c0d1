//! `Cargo.lock` files → crates.

use std::collections::BTreeMap;

use cargo_lock::{Lockfile, Package, SourceId};
use serde::Deserialize;

use super::{CargoError, CargoFile, Crate, Registry};
use crate::digest::Sha256;

/// Whether [`read`] wants the file of this path: `Cargo.lock` and cargo's configuration in the source, but not what
/// lies in a folder of build results or of vendored crates.
#[must_use]
pub fn is_cargo_file(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let skipped = folder.split('/').any(|part| matches!(part, "target" | "vendor"));
    !skipped && (name == "Cargo.lock" || is_config(path))
}

fn is_config(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    matches!(name, "config.toml" | "config") && folder.rsplit('/').next() == Some(".cargo")
}

/// Every crate that the source's `Cargo.lock` files name from a registry, sorted by name and version. Packages of the
/// source itself (no `source`) need nothing. A project whose `.cargo/config.toml` replaces registries by a folder of
/// its own brings its crates itself.
///
/// `files` are the files of [`is_cargo_file`].
///
/// # Errors
/// A file cannot be understood, a package has no checksum, or two for one crate.
pub fn read(files: &[CargoFile<'_>]) -> Result<Vec<Crate>, CargoError> {
    let mut own = Vec::new();
    for file in files.iter().filter(|file| is_config(file.path)) {
        own.extend(vendored(file)?);
    }
    let mut crates: BTreeMap<(String, String), Crate> = BTreeMap::new();
    let mut locks: Vec<&CargoFile<'_>> = files.iter().filter(|file| !is_config(file.path)).collect();
    locks.sort_by_key(|file| file.path);
    for file in locks.into_iter().filter(|file| !own.iter().any(|folder| is_below(file.path, folder))) {
        for package in lockfile(file)?.packages {
            let Some(one) = published(&package, file.path)? else { continue };
            match crates.get_mut(&(one.name.clone(), one.version.clone())) {
                None => {
                    crates.insert((one.name.clone(), one.version.clone()), one);
                }
                Some(known) if known.sha256 == one.sha256 => {
                    if !known.required_by.contains(&one.required_by[0]) {
                        known.required_by.extend(one.required_by);
                    }
                }
                Some(known) => {
                    let Crate { name, version, sha256, required_by, .. } = one;
                    let first = Box::new((known.required_by.join(", "), known.sha256));
                    let second = Box::new((required_by.join(", "), sha256));
                    return Err(CargoError::Conflict { name, version, first, second });
                }
            }
        }
    }
    Ok(crates.into_values().collect())
}

fn lockfile(file: &CargoFile<'_>) -> Result<Lockfile, CargoError> {
    let problem = |problem: String| CargoError::Syntax { file: file.path.to_owned(), problem };
    let text = std::str::from_utf8(file.bytes).map_err(|error| problem(error.to_string()))?;
    text.parse().map_err(|error: cargo_lock::Error| problem(error.to_string().trim_end().to_owned()))
}

/// A package as a crate, if it is none of the source's own.
fn published(package: &Package, path: &str) -> Result<Option<Crate>, CargoError> {
    let Some(source) = package.source.as_ref().filter(|source| !source.is_path()) else { return Ok(None) };
    let (file, source_text) = (path.to_owned(), shown(source));
    let (name, version) = (package.name.to_string(), package.version.to_string());
    if source.is_git() {
        return Err(CargoError::Git { file, name, version, source_text });
    }
    // Names become file names and parts of URLs.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        let problem = format!("{name:?} is no name of a crate: letters, digits, `-` and `_` are");
        return Err(CargoError::Syntax { file, problem });
    }
    let Some(checksum) = package.checksum.as_ref().and_then(|sum| sum.to_string().parse::<Sha256>().ok())
    else {
        return Err(CargoError::NoChecksum { file, name, version, source_text });
    };
    let registry = if source.is_default_registry() {
        Registry::Default
    } else if source.is_remote_registry() {
        Registry::Index(source_text)
    } else {
        let problem = format!("{name} {version} comes from {source_text}, which is no registry");
        return Err(CargoError::Syntax { file, problem });
    };
    Ok(Some(Crate { name, version, registry, sha256: checksum, required_by: vec![file] }))
}

/// A source as the lock writes it, without credentials.
fn shown(source: &SourceId) -> String {
    let mut url = source.url().clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let text = source.to_string();
    let kind = text.split_once('+').map_or("", |(kind, _)| kind);
    format!("{kind}+{url}")
}

/// What concerns us of a `.cargo/config.toml`.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    source: BTreeMap<String, Source>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Source {
    replace_with: Option<String>,
    directory: Option<String>,
    local_registry: Option<String>,
}

/// The folders whose crates the source brings itself: that of the configuration, and that of the vendored crates.
fn vendored(file: &CargoFile<'_>) -> Result<Vec<String>, CargoError> {
    let problem = |problem: String| CargoError::Syntax { file: file.path.to_owned(), problem };
    let text = std::str::from_utf8(file.bytes).map_err(|error| problem(error.to_string()))?;
    let config: Config = toml::from_str(text).map_err(|error| problem(error.message().to_owned()))?;
    let by_folder = config.source.values().any(|source| {
        let by = source.replace_with.as_ref().and_then(|by| config.source.get(by));
        by.is_some_and(|by| by.directory.is_some() || by.local_registry.is_some())
    });
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = folder.strip_suffix(".cargo").unwrap_or(folder).trim_end_matches('/');
    Ok(if by_folder { vec![folder.to_owned()] } else { Vec::new() })
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
