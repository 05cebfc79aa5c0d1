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
    /// A file in PEM.
    File(PathBuf),
    /// The PEM itself, from a variable.
    Text(Zeroizing<String>, &'static str),
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
            return Ok(Some(Self::File(path.to_owned())));
        }
        if let Some(value) = var("SEALWRIGHT_KEY").filter(|value| !value.is_empty()) {
            let text = value.to_str().filter(|text| text.contains("-----BEGIN "));
            return Ok(Some(match text {
                Some(text) => Self::Text(Zeroizing::new(text.to_owned()), "the variable SEALWRIGHT_KEY"),
                None => Self::File(value.into()),
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
            Ok(rest) => Self::File(var("HOME").map(PathBuf::from).unwrap_or_default().join(rest)),
            Err(_) => Self::File(path.parent().unwrap_or(Path::new("")).join(key)),
        }))
    }

    /// Reads the key.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(&self) -> Result<KeyFile, SignError> {
        match self {
            Self::File(path) => {
                let bytes =
                    std::fs::read(path).map_err(|source| SignError::Read { path: path.clone(), source })?;
                KeyFile::parse(&Zeroizing::new(bytes), &path.display().to_string())
            }
            Self::Text(text, origin) => KeyFile::parse(text.as_bytes(), origin),
        }
    }
}
