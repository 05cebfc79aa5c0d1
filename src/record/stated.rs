//! From a statement back to the source that it names, and to what the user set.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::RegenerateError;
use super::regenerate::{digest, field, one, parsed, wrong};
use crate::digest::Sha256;
use crate::provenance::{ResourceDescriptor, Statement};
use crate::source::{CommitIdentity, GitId, SubmoduleIdentity, TagIdentity};

/// The source of a build, as its statement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatedSource {
    /// A commit and all that the box saw of its repository.
    Commit(CommitIdentity),
    /// A work tree with uncommitted changes.
    Dirty {
        /// Digest of its files.
        tree: Sha256,
        /// What it was based on.
        commit: GitId,
        /// The project's folder in it, if that is not its root.
        subdirectory: Option<String>,
    },
    /// An archive.
    Archive {
        /// File name.
        name: String,
        /// Digest.
        sha256: Sha256,
    },
    /// A folder that was no checkout.
    Folder {
        /// Digest of its files.
        tree: Sha256,
    },
}

/// What the command line of a build added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatedOptions {
    /// `--no-normalize`
    pub no_normalize: bool,
    /// `--config-setting`
    pub config_settings: BTreeMap<String, Vec<String>>,
    /// `--sdist` and `--wheel`: what was made straight from the source; empty if neither was given.
    pub outputs: Vec<String>,
}

/// The source that a statement names.
///
/// # Errors
/// Its descriptors are not what sealwright writes.
pub fn source_from_statement(statement: &Statement) -> Result<StatedSource, RegenerateError> {
    let definition = &statement.predicate().build_definition;
    let list = &definition.resolved_dependencies;
    let first = one(list, "the source", |descriptor| descriptor.name == "source")?;
    let asked = definition.external_parameters.get("source").and_then(Value::as_object);
    let asked = |key: &str| asked.and_then(|map| map.get(key)?.as_str()).map(str::to_owned);
    if let Some(commit) = first.digest.get("gitCommit") {
        // It becomes the name of the branch in the box.
        let reference = asked("ref");
        if reference.as_deref().is_some_and(|name| !is_plain(name)) {
            return Err(wrong(first, "uri", "the name of a branch or a tag"));
        }
        return Ok(StatedSource::Commit(CommitIdentity {
            uri: asked("uri"),
            reference,
            commit: commit.parse().map_err(|_| wrong(first, "digest", "a gitCommit"))?,
            tree: parsed(first, "gitTree", "a git object's name")?,
            subdirectory: asked("subdirectory"),
            tags: tags(first)?,
            submodules: list
                .iter()
                .filter(|descriptor| descriptor.name.starts_with("submodule "))
                .map(submodule)
                .collect::<Result<_, _>>()?,
            shallow: ids(first, "shallow")?,
        }));
    }
    let sha256 = digest(first)?;
    if first.text("dirty") == Some("true") {
        let commit = parsed(first, "basedOnCommit", "a git object's name")?;
        return Ok(StatedSource::Dirty { tree: sha256, commit, subdirectory: asked("subdirectory") });
    }
    if let Some(name) = first.text("archive") {
        // A name of a file, which becomes one of ours.
        let plain = !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != "..";
        if !plain {
            return Err(wrong(first, "archive", "a file name"));
        }
        return Ok(StatedSource::Archive { name: name.to_owned(), sha256 });
    }
    field(first, "folder", "an archive or a folder")?;
    Ok(StatedSource::Folder { tree: sha256 })
}

/// What the command line added, as the statement says it; the name of the first parameter that is not known.
///
/// # Errors
/// An option that this program does not know, or one of another form.
pub fn options_from_statement(options: &Map<String, Value>) -> Result<StatedOptions, String> {
    let mut stated = StatedOptions::default();
    for (name, value) in options {
        let known = match (name.as_str(), value) {
            ("noNormalize", Value::String(text)) if text == "true" => {
                stated.no_normalize = true;
                true
            }
            ("outputs", Value::String(text)) => {
                stated.outputs = text.split(',').map(str::to_owned).collect();
                true
            }
            ("configSettings", Value::Object(settings)) => {
                let settings: Option<BTreeMap<_, _>> =
                    settings.iter().map(|(key, value)| Some((key.clone(), texts(value)?))).collect();
                let known = settings.is_some();
                stated.config_settings = settings.unwrap_or_default();
                known
            }
            _ => false,
        };
        if !known {
            return Err(format!("options.{name}"));
        }
    }
    Ok(stated)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(list) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn ids(descriptor: &ResourceDescriptor, key: &'static str) -> Result<Vec<GitId>, RegenerateError> {
    if !descriptor.annotations.contains_key(key) {
        return Ok(Vec::new());
    }
    let bad = || wrong(descriptor, key, "a list of git objects' names");
    descriptor.texts(key).ok_or_else(bad)?.iter().map(|text| text.parse().map_err(|_| bad())).collect()
}

fn tags(descriptor: &ResourceDescriptor) -> Result<Vec<TagIdentity>, RegenerateError> {
    let Some(value) = descriptor.annotations.get("tags") else { return Ok(Vec::new()) };
    let bad = || wrong(descriptor, "tags", "a list of objects with name, gitCommit and gitTag");
    let one = |value: &Value| {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let id = |text: &str| GitId::from_str(text).map_err(|_| bad());
        let name = text("name").ok_or_else(bad)?;
        // It becomes the name of a reference in the box.
        if !is_plain(name) {
            return Err(bad());
        }
        Ok(TagIdentity {
            name: name.to_owned(),
            commit: id(text("gitCommit").ok_or_else(bad)?)?,
            object: text("gitTag").map(id).transpose()?,
        })
    };
    value.as_array().ok_or_else(bad)?.iter().map(one).collect()
}

/// Whether git takes it as a part of a reference's name, roughly: what is wrong otherwise is told by whoever reads it.
fn is_plain(name: &str) -> bool {
    let wrong = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    !name.is_empty()
        && !name.contains(wrong)
        && !name.contains("..")
        && !name.starts_with('/')
        && !name.ends_with('/')
}

fn submodule(descriptor: &ResourceDescriptor) -> Result<SubmoduleIdentity, RegenerateError> {
    let commit = descriptor.digest.get("gitCommit").and_then(|text| text.parse().ok());
    Ok(SubmoduleIdentity {
        path: field(descriptor, "path", "a folder")?.to_owned(),
        uri: (!descriptor.uri.is_empty()).then(|| descriptor.uri.clone()),
        commit: commit.ok_or_else(|| wrong(descriptor, "digest", "a gitCommit"))?,
        tree: parsed(descriptor, "gitTree", "a git object's name")?,
    })
}
