//! Keys of targets that build a program: what it needs when it runs, and how it is packed.

use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use super::typed::{ProjectTable, TypedTarget};
use crate::name::{NameError, PackageName, TargetName};

/// What `files` is without being written: every file but hidden ones, tests, and what builds and locks the project.
pub const DEFAULT_FILES: [&str; 13] = [
    "**",
    "!**/.*",
    "!tests",
    "!sealwright.toml",
    "!sealwright.lock",
    "!pyproject.toml",
    "!requirements*.txt",
    "!requirements*.in",
    "!Pipfile",
    "!Pipfile.lock",
    "!poetry.lock",
    "!uv.lock",
    "!pylock*.toml",
];

/// What a program needs when it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeChoice {
    /// The project's own lock file, relative to the project's folder; found by its name if it is not written.
    pub requirements: Option<String>,
    /// Extras of the project that are taken, normalized, sorted.
    pub extras: Vec<String>,
    /// Dependency groups of the lock file that are taken, normalized, sorted.
    pub groups: Vec<String>,
}

/// How a program is packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing {
    /// Patterns of files, relative to the project's folder; one that begins with `!` leaves files out.
    pub files: Vec<String>,
    /// The archive's name, without platform and ending.
    pub name: String,
    /// Its format; none for the builder's first one.
    pub format: Option<ArchiveFormat>,
}

/// The format of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArchiveFormat {
    /// `zip`
    #[serde(rename = "zip")]
    Zip,
    /// `tar.gz`
    #[serde(rename = "tar.gz")]
    TarGz,
    /// `file`: the program itself, in no archive.
    #[serde(rename = "file")]
    File,
}

impl ArchiveFormat {
    /// As it is written, and as file names end.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::TarGz => "tar.gz",
            Self::File => "file",
        }
    }
}

/// Makes errors about a key of a target.
pub(super) struct Key<'a> {
    /// The file that is read.
    pub(super) file: &'a str,
    /// The target's name.
    pub(super) target: &'a str,
}

impl Key<'_> {
    fn wrong(&self, key: &str, actual: &str, expected: &str) -> ConfigError {
        ConfigError::Value {
            file: self.file.to_owned(),
            key: format!("[target.{}] {key}", self.target),
            actual: actual.to_owned(),
            expected: expected.to_owned(),
        }
    }

    fn names(&self, key: &str, texts: &[String]) -> Result<Vec<String>, ConfigError> {
        let mut names: Vec<String> = texts
            .iter()
            .map(|text| match text.parse::<PackageName>() {
                Ok(name) => Ok(name.to_string()),
                Err(source) => Err(self.name(key, source)),
            })
            .collect::<Result<_, _>>()?;
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn name(&self, key: &str, source: NameError) -> ConfigError {
        ConfigError::Name {
            file: self.file.to_owned(),
            key: format!("[target.{}] {key}", self.target),
            source,
        }
    }

    /// `requirements`, `extras`, `groups`.
    pub(super) fn runtime(&self, typed: &TypedTarget) -> Result<RuntimeChoice, ConfigError> {
        if let Some(path) = &typed.requirements
            && !is_below(path)
        {
            return Err(self.wrong("requirements", path, "a file below the project's folder"));
        }
        Ok(RuntimeChoice {
            requirements: typed.requirements.clone(),
            extras: self.names("extras", &typed.extras)?,
            groups: self.names("groups", &typed.groups)?,
        })
    }

    /// `files`, `name`, `format`.
    pub(super) fn packing(
        &self,
        typed: &TypedTarget,
        target: &TargetName,
        project: Option<&ProjectTable>,
    ) -> Result<Packing, ConfigError> {
        let files = match &typed.files {
            None => DEFAULT_FILES.map(str::to_owned).to_vec(),
            Some(files) => {
                let expected = "patterns relative to the project's folder, at least one without `!`";
                let plain = |text: &String| is_below(text.trim_start_matches('!').trim_end_matches('/'));
                if let Some(wrong) = files.iter().find(|text| !plain(text)) {
                    return Err(self.wrong("files", wrong, expected));
                }
                if files.iter().all(|text| text.starts_with('!')) {
                    return Err(self.wrong("files", &files.join(", "), expected));
                }
                files.clone()
            }
        };
        let name = match (&typed.name, project.and_then(|project| project.name.as_deref())) {
            (Some(name), _) if is_file_name(name) => name.clone(),
            (Some(name), _) => {
                return Err(self.wrong(
                    "name",
                    name,
                    "1 to 100 ASCII letters, digits, '.', '_' and '-', a letter or digit first",
                ));
            }
            (None, Some(name)) if is_file_name(name) => name.to_owned(),
            (None, _) => target.to_string(),
        };
        let format = match typed.format.as_deref() {
            None => None,
            Some("zip") => Some(ArchiveFormat::Zip),
            Some("tar.gz") => Some(ArchiveFormat::TarGz),
            Some("file") => Some(ArchiveFormat::File),
            Some(other) => return Err(self.wrong("format", other, "zip, tar.gz or file")),
        };
        Ok(Packing { files, name, format })
    }
}

/// A relative path that stays where it begins.
fn is_below(path: &str) -> bool {
    let good = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.split('/').all(good) && !path.contains(['\\', '\0'])
}

/// What can begin the name of an output.
fn is_file_name(text: &str) -> bool {
    text.len() <= 100
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key<'_> = Key { file: "sealwright.toml", target: "app" };

    fn packing(typed: &TypedTarget, project: Option<&str>) -> Result<Packing, String> {
        let project = ProjectTable { name: project.map(str::to_owned), ..ProjectTable::default() };
        let target = "app".parse().unwrap();
        KEY.packing(typed, &target, Some(&project)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bundle_is_named_after_the_project_and_else_after_the_target() {
        let typed = TypedTarget::default();
        assert_eq!(packing(&typed, Some("My.App")).unwrap().name, "My.App");
        let plain = packing(&typed, None).unwrap();
        assert_eq!((plain.name.as_str(), plain.format), ("app", None));
        assert_eq!(plain.files, DEFAULT_FILES);
        let named = TypedTarget { name: Some("x".to_owned()), format: Some("tar.gz".to_owned()), ..typed };
        let named = packing(&named, Some("y")).unwrap();
        assert_eq!((named.name.as_str(), named.format), ("x", Some(ArchiveFormat::TarGz)));
    }

    #[test]
    fn what_cannot_be_packed_is_refused_with_its_key() {
        let wrong = |change: &dyn Fn(&mut TypedTarget)| {
            let mut typed = TypedTarget::default();
            change(&mut typed);
            packing(&typed, None).unwrap_err()
        };
        let said = wrong(&|typed| typed.name = Some("../x".to_owned()));
        assert!(
            said.starts_with("sealwright.toml: [target.app] name = \"../x\": expected 1 to 100"),
            "{said}"
        );
        let said = wrong(&|typed| typed.format = Some("rar".to_owned()));
        assert_eq!(said, "sealwright.toml: [target.app] format = \"rar\": expected zip, tar.gz or file");
        for files in [vec!["/etc/passwd"], vec!["a", "!../b"], vec!["!a"], vec![], vec![""]] {
            let said =
                wrong(&|typed| typed.files = Some(files.iter().map(|text| (*text).to_owned()).collect()));
            assert!(said.contains("files = ") && said.contains("at least one without"), "{said}");
        }
    }

    #[test]
    fn extras_and_groups_are_names_and_requirements_a_file_of_the_project() {
        let typed = TypedTarget {
            extras: vec!["Web_UI".to_owned(), "a".to_owned(), "a".to_owned()],
            requirements: Some("locks/requirements.txt".to_owned()),
            ..TypedTarget::default()
        };
        let runtime = KEY.runtime(&typed).unwrap();
        assert_eq!(runtime.extras, ["a", "web-ui"]);
        for path in ["/x", "../x", "a//b", ""] {
            let typed = TypedTarget { requirements: Some(path.to_owned()), ..TypedTarget::default() };
            assert!(KEY.runtime(&typed).is_err(), "{path}");
        }
        let typed = TypedTarget { groups: vec!["a b".to_owned()], ..TypedTarget::default() };
        assert!(KEY.runtime(&typed).unwrap_err().to_string().contains("[target.app] groups"));
    }
}
