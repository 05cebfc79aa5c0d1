//! Wheels to an environment's tree ("installing a wheel" of the binary distribution format).
//!
//! All wheels are opened and their files compared before the first file is written; then each is unpacked on its
//! own, in parallel. What is written depends on the wheels only.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::layout::{self, Mode};
use super::{EnvironmentError, Purpose, Workshop};
use crate::digest::Sha256;
use crate::lock::Distribution;
use crate::name::PythonVersion;
use crate::store::VerifiedFile;
use crate::wheel::{Archive, EntryPoint, Member, Place, write_record};

/// One wheel, opened, and where its files go.
struct Opened {
    file: String,
    archive: Archive<VerifiedFile>,
    members: Vec<(Member, String)>,
    scripts: Vec<(String, Vec<u8>)>,
}

/// Installs `wheels` below `root`.
pub(super) fn install(
    wheels: &[&Distribution],
    purpose: Purpose,
    workshop: Workshop<'_>,
    root: &Path,
) -> Result<(), EnvironmentError> {
    let python = workshop.target.python;
    let mut opened: Vec<Opened> =
        wheels.par_iter().map(|wheel| open(wheel, purpose, workshop)).collect::<Result<_, _>>()?;
    let skip = compare(&opened, python)?;
    opened
        .par_iter_mut()
        .enumerate()
        .try_for_each(|(index, wheel)| unpack(wheel, &skip[index], purpose, python, root))
}

fn open(wheel: &Distribution, purpose: Purpose, workshop: Workshop<'_>) -> Result<Opened, EnvironmentError> {
    let python = workshop.target.python;
    let blob = workshop.store.open_blob(&wheel.sha256)?;
    if blob.size() != wheel.size {
        return Err(EnvironmentError::Locked { file: wheel.file.clone(), expected: wheel.sha256 });
    }
    let archive = Archive::open(&wheel.file, blob)?;
    if workshop.target.fit(archive.name()).is_none() {
        return Err(EnvironmentError::Unfit {
            file: wheel.file.clone(),
            python: python.to_string(),
            platform: workshop.target.platform.to_string(),
        });
    }
    let project = archive.name().name.in_file_names();
    let site = layout::site(python);
    let members = archive
        .members()
        .iter()
        .map(|member| {
            let path = match &member.place {
                Place::Site(path) => format!("{site}/{path}"),
                Place::Script(name) => format!("bin/{name}"),
                Place::Header(path) => format!("include/site/python{python}/{project}/{path}"),
                Place::Data(path) => path.clone(),
            };
            (member.clone(), path)
        })
        .collect();
    let scripts = archive
        .entry_points()
        .iter()
        .map(|entry| (format!("bin/{}", entry.script), script(entry, purpose)))
        .collect();
    Ok(Opened { file: wheel.file.clone(), archive, members, scripts })
}

/// The script of an entry point.
fn script(entry: &EntryPoint, purpose: Purpose) -> Vec<u8> {
    let EntryPoint { module, object, script: _ } = entry;
    let import = object.split('.').next().unwrap_or(object);
    format!(
        "#!{}/bin/python\nimport sys\nfrom {module} import {import}\nif __name__ == \"__main__\":\n    sys.exit({object}())\n",
        purpose.folder()
    )
    .into_bytes()
}

/// What one path of the environment gets, and from which wheel.
struct Claim<'a> {
    wheel: usize,
    file: &'a str,
    digest: Sha256,
}

/// Compares all paths: no file of the environment's own, no two files with one path unless they are equal, no file
/// where another wheel has a folder. Returns, for each wheel, the paths that another one writes.
fn compare(opened: &[Opened], python: PythonVersion) -> Result<Vec<Vec<String>>, EnvironmentError> {
    let mut claims: BTreeMap<String, Claim<'_>> = BTreeMap::new();
    let mut skip = vec![Vec::new(); opened.len()];
    for (index, wheel) in opened.iter().enumerate() {
        let members = wheel.members.iter().map(|(member, path)| (path, member.sha256));
        let scripts = wheel.scripts.iter().map(|(path, bytes)| (path, Sha256::of(bytes)));
        for (path, digest) in members.chain(scripts) {
            if layout::is_own(path, python) {
                return Err(EnvironmentError::Own { file: wheel.file.clone(), path: path.clone() });
            }
            match claims.get(path) {
                None => {
                    claims.insert(path.clone(), Claim { wheel: index, file: &wheel.file, digest });
                }
                Some(claim) if claim.digest == digest && claim.wheel != index => {
                    skip[index].push(path.clone());
                }
                Some(claim) => {
                    return Err(EnvironmentError::Clash {
                        first: claim.file.to_owned(),
                        second: wheel.file.clone(),
                        path: path.clone(),
                    });
                }
            }
        }
    }
    for (path, claim) in &claims {
        let mut above = path.as_str();
        while let Some((folder, _)) = above.rsplit_once('/') {
            if let Some(other) = claims.get(folder) {
                return Err(EnvironmentError::Clash {
                    first: other.file.to_owned(),
                    second: claim.file.to_owned(),
                    path: folder.to_owned(),
                });
            }
            above = folder;
        }
    }
    Ok(skip)
}

fn unpack(
    wheel: &mut Opened,
    skip: &[String],
    purpose: Purpose,
    python: PythonVersion,
    root: &Path,
) -> Result<(), EnvironmentError> {
    let site = layout::site(python);
    let mut installed: BTreeMap<String, (Sha256, u64)> = BTreeMap::new();
    let mut note = |path: &str, bytes: &[u8]| {
        let below = path.strip_prefix(&site).and_then(|path| path.strip_prefix('/'));
        let listed = below.map_or_else(|| format!("../../../{path}"), str::to_owned);
        installed.insert(listed, (Sha256::of(bytes), bytes.len() as u64));
    };
    for (member, path) in &wheel.members {
        let mut bytes = wheel.archive.read(member)?;
        let mut mode = if member.executable { Mode::Program } else { Mode::File };
        if matches!(member.place, Place::Script(_)) {
            mode = Mode::Program;
            bytes = with_interpreter(bytes, purpose);
        }
        note(path, &bytes);
        if !skip.contains(path) {
            layout::write(root, path, &bytes, mode)?;
        }
    }
    for (path, bytes) in &wheel.scripts {
        note(path, bytes);
        if !skip.contains(path) {
            layout::write(root, path, bytes, Mode::Program)?;
        }
    }
    let dist_info = wheel.archive.dist_info();
    let marker = format!("{dist_info}/INSTALLER");
    if installed.insert(marker.clone(), (Sha256::of("sealwright\n"), 11)).is_none() {
        layout::write(root, &format!("{site}/{marker}"), b"sealwright\n", Mode::File)?;
    }
    let record = format!("{dist_info}/RECORD");
    let text = write_record(&installed, &record);
    layout::write(root, &format!("{site}/{record}"), text.as_bytes(), Mode::File)
}

/// `#!python` and `#!pythonw` become the environment's interpreter ("recommended installer features").
fn with_interpreter(bytes: Vec<u8>, purpose: Purpose) -> Vec<u8> {
    let rest = bytes.strip_prefix(b"#!pythonw").or_else(|| bytes.strip_prefix(b"#!python"));
    match rest {
        Some(rest) if rest.first().is_none_or(u8::is_ascii_whitespace) => {
            [format!("#!{}/bin/python", purpose.folder()).as_bytes(), rest].concat()
        }
        Some(_) | None => bytes,
    }
}

#[cfg(test)]
mod tests;
