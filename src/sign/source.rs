//! Where a private key comes from: a flag, a variable, or the user's own configuration.
//!
//! Never the project's configuration: whoever writes a project must not choose whose key signs for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{KeyFile, SignError};
use crate::config::Document;

/// A place of a private key.
pub enum KeySource {
    /// A file in PEM, and how an error calls it.
    File(PathBuf, Shown),
    /// The PEM itself, from a variable.
    Text(Zeroizing<String>, &'static str),
}

/// How an error calls the file of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// By its path.
    Path,
    /// As what the variable `SEALWRIGHT_KEY` names: what it holds may be a key in some form of which nothing is known.
    Variable,
    /// Not at all: it looks like the key itself.
    No,
}

/// The user's configuration, `sealwright/config.toml` in the folder of configurations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UserConfig {
    /// The private key that signs; relative to the file, or with `~/`.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// Where the user's configuration is: `$XDG_CONFIG_HOME/sealwright/config.toml`, else below `~/.config`.
#[must_use]
pub fn user_config_path(var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(folder.join("sealwright").join("config.toml"))
}

impl KeySource {
    /// The key that is asked for: `flag`, else the variable `SEALWRIGHT_KEY` (a path, or the PEM itself), else the user's
    /// configuration. `None` if nobody asks for one.
    ///
    /// # Errors
    /// The user's configuration cannot be read or is wrong.
    pub fn choose(
        flag: Option<&Path>,
        var: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>, SignError> {
        if let Some(path) = flag {
            return Ok(Some(Self::File(path.to_owned(), shown(path))));
        }
        if let Some(value) = var("SEALWRIGHT_KEY").filter(|value| !value.is_empty()) {
            let text = value.to_str().filter(|text| text.contains("-----BEGIN "));
            return Ok(Some(match text {
                Some(text) => Self::Text(Zeroizing::new(text.to_owned()), "the variable SEALWRIGHT_KEY"),
                None => Self::File(value.into(), Shown::Variable),
            }));
        }
        let Some(path) = user_config_path(&var) else { return Ok(None) };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(SignError::Read { path, source }),
        };
        let config: UserConfig = Document { file: &path.display().to_string(), bytes: &bytes }.parse()?;
        Ok(config.key.map(|key| match key.strip_prefix("~") {
            Ok(rest) => {
                Self::File(var("HOME").map(PathBuf::from).unwrap_or_default().join(rest), shown(&key))
            }
            Err(_) => Self::File(path.parent().unwrap_or(Path::new("")).join(&key), shown(&key)),
        }))
    }

    /// Reads the key.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(&self) -> Result<KeyFile, SignError> {
        match self {
            Self::File(path, shown) => {
                let wrong = |source| match shown {
                    Shown::Path => SignError::Read { path: path.clone(), source },
                    Shown::Variable => SignError::Variable { source },
                    Shown::No => SignError::NoPath,
                };
                let bytes = std::fs::read(path).map_err(wrong)?;
                KeyFile::parse(&Zeroizing::new(bytes), &path.display().to_string())
            }
            Self::Text(text, origin) => KeyFile::parse(text.as_bytes(), origin),
        }
    }
}

/// Whether something that should be a path is shown: PEM is not, nor base64 as long as the shortest key.
fn shown(path: &Path) -> Shown {
    let text = path.to_string_lossy();
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    let is_key =
        text.contains("-----") || text.contains('\n') || text.len() >= 44 && text.bytes().all(base64);
    if is_key { Shown::No } else { Shown::Path }
}
