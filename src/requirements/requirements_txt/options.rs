//! Options of a requirements file, and the paths that they name.

use super::{Place, RequirementsError, broken, hash, refused};

/// A line's two parts.
pub(super) struct Split<'a> {
    /// What stands before the first option; may be empty.
    pub(super) requirement: &'a str,
    /// The options.
    pub(super) options: Vec<Opt>,
}

/// An option.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opt {
    /// `--hash`
    Hash(String),
    /// `-r`
    Requirements(String),
    /// `-c`
    Constraints(String),
    /// `-e`
    Editable(String),
    /// `--index-url`, `--extra-index-url`, `--find-links`
    Place { option: &'static str, place: String },
    /// `--trusted-host`
    TrustedHost(String),
    /// `--no-binary`
    NoBinary(String),
    /// `--no-index`
    NoIndex,
    /// `--only-binary`, `--prefer-binary`
    PreferBinary(String),
    /// `--config-settings` and its older kind
    BuildSetting(String),
    /// What holds anyway: `--require-hashes`, `--pre`, `--use-feature`.
    Nothing(String),
}

impl Opt {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Hash(_) => "--hash",
            Self::Requirements(_) => "--requirement",
            Self::Constraints(_) => "--constraint",
            Self::Editable(_) => "--editable",
            Self::Place { option, .. } => option,
            Self::TrustedHost(_) => "--trusted-host",
            Self::NoBinary(_) => "--no-binary",
            Self::NoIndex => "--no-index",
            Self::PreferBinary(option) | Self::BuildSetting(option) | Self::Nothing(option) => option,
        }
    }
}

/// Splits a logical line at its first word that starts with `-`, as pip does.
pub(super) fn split<'a>(line: &'a str, at: &Place) -> Result<Split<'a>, RequirementsError> {
    if line.contains("${") {
        return Err(refused(
            at,
            hash::without_secrets(
                line.split_whitespace().find(|word| word.contains("${")).unwrap_or_default(),
            ),
            "a variable of the environment is not locked",
            "write its value, or give credentials in netrc or a keyring",
        ));
    }
    let start = words(line).find(|(_, word)| word.starts_with('-')).map_or(line.len(), |(start, _)| start);
    let requirement = line[..start].trim_end();
    if words(requirement).any(|(_, word)| word.starts_with('\\') || word.ends_with('\\')) {
        return Err(broken(
            at,
            "a backslash that does not end its line (is there a space after it?)".to_owned(),
        ));
    }
    let mut options = Vec::new();
    let mut rest = words(&line[start..]).map(|(_, word)| word.trim_matches(['"', '\'']));
    while let Some(word) = rest.next() {
        let (name, mut value) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.trim_matches(['"', '\'']))),
            _ if !word.starts_with("--") && word.len() > 2 && word.is_char_boundary(2) => {
                let (name, value) = word.split_at(2);
                (name, Some(value.trim_start_matches('=')))
            }
            _ => (word, None),
        };
        let mut value = || {
            let found = value.take().or_else(|| rest.next()).filter(|value| !value.is_empty());
            found.map(ToOwned::to_owned).ok_or_else(|| broken(at, format!("{name} without a value")))
        };
        options.push(match name {
            "--hash" => Opt::Hash(value()?),
            "-r" | "--requirement" => Opt::Requirements(value()?),
            "-c" | "--constraint" => Opt::Constraints(value()?),
            "-e" | "--editable" => Opt::Editable(value()?),
            "-i" | "--index-url" | "--pypi-url" => Opt::Place { option: "--index-url", place: value()? },
            "--extra-index-url" => Opt::Place { option: "--extra-index-url", place: value()? },
            "-f" | "--find-links" => Opt::Place { option: "--find-links", place: value()? },
            "--trusted-host" => Opt::TrustedHost(value()?),
            "--no-binary" => Opt::NoBinary(value()?),
            "--no-index" => Opt::NoIndex,
            "--only-binary" => Opt::PreferBinary(format!("--only-binary {}", value()?)),
            "--prefer-binary" => Opt::PreferBinary(name.to_owned()),
            "-C" | "--config-settings" | "--config-setting" | "--global-option" | "--install-option" => {
                value()?;
                Opt::BuildSetting(name.to_owned())
            }
            "--use-feature" => {
                value()?;
                Opt::Nothing(name.to_owned())
            }
            "--require-hashes" | "--pre" => Opt::Nothing(name.to_owned()),
            _ => {
                let shown = hash::without_secrets(word);
                return Err(broken(at, format!("{shown:?} is no option of a requirements file")));
            }
        });
    }
    Ok(Split { requirement, options })
}

/// The words of a text with their offsets.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_whitespace().map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// A path that a file names, relative to that file's folder: made relative to the project's.
pub(super) fn beside(file: &str, path: &str, at: &Place) -> Result<String, RequirementsError> {
    if path.contains("://") || path.starts_with("file:") {
        return Err(refused(
            at,
            hash::without_secrets(path),
            "a requirements file of another place is not locked",
            "copy it into the project",
        ));
    }
    let outside = || RequirementsError::Outside { at: at.clone(), path: path.to_owned() };
    if path.starts_with(['/', '~']) || path.contains(['\\', '\0', ':']) {
        return Err(outside());
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(outside)?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}
