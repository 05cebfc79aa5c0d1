//! `builder.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::options::OptionRule;
use super::{BUILD_TYPES, BuilderError};
use crate::config::ArchiveFormat;
use crate::name::Platform;

/// `builder.toml` as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) version: u32,
    #[serde(default)]
    pub(super) build_type: Option<String>,
    #[serde(default)]
    pub(super) target: TargetTable,
    pub(super) image: ImageTable,
    #[serde(default)]
    pub(super) toolchain: Option<ToolchainTable>,
    pub(super) run: RunTable,
    /// Options of its own, by name.
    #[serde(default)]
    pub(super) options: BTreeMap<String, OptionRule>,
    pub(super) outputs: OutputRules,
}

/// Keys of a target's table, beside [`COMMON_KEYS`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetTable {
    #[serde(default)]
    pub(super) keys: Vec<String>,
    #[serde(default)]
    pub(super) required: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageTable {
    pub(super) include: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolchainTable {
    pub(super) lock: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunTable {
    pub(super) build: String,
    #[serde(default)]
    pub(super) requires: Option<String>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
}

/// Keys of a target's table that every builder takes.
pub(super) const COMMON_KEYS: [&str; 7] =
    ["builder", "image", "suites", "python", "system-packages", "normalize", "limits"];

/// Keys that a builder may take: those that the configuration knows.
pub(super) const OPTIONAL_KEYS: [&str; 8] =
    ["config-settings", "requirements", "extras", "groups", "files", "name", "format", "options"];

/// What a builder may write: everything else in its output folder is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OutputRules {
    /// What its outputs are.
    #[serde(default)]
    pub makes: Makes,
    /// File names, with `*` for any run of characters, or with placeholders for an archive; no folders.
    pub patterns: Vec<String>,
    /// How many files at most.
    pub max_files: u32,
    /// Formats that a target may choose for an archive; the first is taken where it chooses none.
    #[serde(default = "default_formats")]
    pub formats: Vec<ArchiveFormat>,
}

fn default_formats() -> Vec<ArchiveFormat> {
    vec![ArchiveFormat::Zip, ArchiveFormat::TarGz]
}

/// What the outputs of a builder are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Makes {
    /// An sdist, a wheel or both: names and versions are the project's.
    #[default]
    Distributions,
    /// One archive of a program, named by the pattern.
    Archive,
}

/// What stands for the placeholders of an archive's name.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveName<'a> {
    /// `{name}`
    pub name: &'a str,
    /// `{os}` and `{arch}`: what it runs on (`linux`, and `x86_64` as the kernel says it).
    pub platform: Platform,
    /// `{format}`: how the name ends, but for a program itself.
    pub format: ArchiveFormat,
}

impl OutputRules {
    /// The file names of a builder that makes archives.
    #[must_use]
    pub fn archives(&self, of: ArchiveName<'_>) -> Vec<String> {
        let ending = match of.format {
            ArchiveFormat::Zip | ArchiveFormat::TarGz => format!(".{}", of.format.as_str()),
            ArchiveFormat::File => String::new(),
        };
        let fill = |pattern: &String| {
            pattern
                .replace("{os}", "linux")
                .replace("{arch}", of.platform.machine())
                .replace(".{format}", &ending)
                .replace("{name}", of.name)
        };
        self.patterns.iter().map(fill).collect()
    }

    /// The format of an archive: the chosen one, or the first.
    #[must_use]
    pub fn format(&self, chosen: Option<ArchiveFormat>) -> ArchiveFormat {
        chosen.or(self.formats.first().copied()).unwrap_or(ArchiveFormat::Zip)
    }

    /// Whether a file name is one that the builder declares.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern, name))
    }
}

/// Whether `name` matches a pattern whose `*` stand for any run of characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Whether a replaced folder may use this address as its build type.
pub(super) fn is_own_build_type(text: &str) -> bool {
    let base = BUILD_TYPES.trim_start_matches("https://").split('/').next().unwrap_or_default();
    url::Url::parse(text).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let ours = host == base || host.ends_with(&format!(".{base}"));
        url.scheme() == "https" && !host.is_empty() && !ours
    })
}

impl Manifest {
    pub(super) fn parse(file: &Path, text: &str) -> Result<Self, BuilderError> {
        let manifest: Self =
            toml::from_str(text).map_err(|source| BuilderError::Syntax { file: file.to_owned(), source })?;
        manifest.check(file)?;
        Ok(manifest)
    }

    fn check(&self, file: &Path) -> Result<(), BuilderError> {
        let wrong = |what: &str, expected: &str, actual: &str| {
            Err(BuilderError::Value {
                file: file.to_owned(),
                what: what.to_owned(),
                expected: expected.to_owned(),
                actual: actual.to_owned(),
            })
        };
        let lower = |text: &str, others: &[u8]| {
            text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || others.contains(&byte))
        };
        if !lower(&self.name, b"-") {
            return wrong("name", "lower-case letters, digits and '-'", &self.name);
        }
        if self.version == 0 {
            return wrong("version", "1 or more", "0");
        }
        for package in &self.image.include {
            // Debian policy, 5.6.1
            if package.len() < 2 || !lower(package, b"+-.") {
                return wrong("image.include", "names of Debian packages", package);
            }
        }
        if !self.image.include.is_sorted() {
            return wrong("image.include", "a sorted list", &self.image.include.join(" "));
        }
        let lock = self.toolchain.as_ref().map(|table| &table.lock);
        for path in [Some(&self.run.build), self.run.requires.as_ref(), lock].into_iter().flatten() {
            let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
            if !path.split('/').all(plain) {
                return wrong("path", "a path in the builder folder", path);
            }
        }
        for (name, value) in &self.run.environment {
            let named = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            if name.is_empty() || !name.bytes().all(named) || value.contains('\0') {
                return wrong("run.environment", "names of upper-case letters, digits and '_'", name);
            }
        }
        for key in self.target.keys.iter().chain(&self.target.required) {
            if !OPTIONAL_KEYS.contains(&key.as_str()) {
                return wrong("target.keys", &format!("some of {}", OPTIONAL_KEYS.join(", ")), key);
            }
        }
        if let Some(key) = self.target.required.iter().find(|key| !self.target.keys.contains(key)) {
            return wrong("target.required", "some of target.keys", key);
        }
        for pattern in &self.outputs.patterns {
            let (good, expected) = match self.outputs.makes {
                Makes::Distributions => (!pattern.contains(['{', '}']), "file names with '*', without '/'"),
                Makes::Archive => {
                    let bare = ["{name}", "{os}", "{arch}", ".{format}"]
                        .iter()
                        .fold(pattern.clone(), |text, placeholder| text.replace(placeholder, ""));
                    (!bare.contains(['*', '{', '}']), "a file name with {name}, {os}, {arch} and .{format}")
                }
            };
            if !good || pattern.is_empty() || pattern.contains('/') || pattern.starts_with('.') {
                return wrong("outputs.patterns", expected, pattern);
            }
        }
        if self.outputs.patterns.is_empty() || self.outputs.max_files == 0 {
            return wrong("outputs", "at least one pattern and one file", "none");
        }
        Ok(())
    }
}
