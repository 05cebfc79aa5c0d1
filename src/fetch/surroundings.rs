//! What the user's settings are read from, as a value: tests pass their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Environment variables and folders that settings are read from.
#[derive(Clone)]
pub struct Surroundings {
    /// Environment variables. Those that are not UTF-8 are left out, and those that hold a key or its passphrase: nothing that
    /// is asked or started for a download needs them.
    pub env: BTreeMap<String, String>,
    /// The root of the file system: `/` but in tests.
    pub system: PathBuf,
    /// What relative paths in variables are relative to.
    pub cwd: PathBuf,
}

/// Variables that only the signer reads.
const SECRETS: [&str; 2] = ["SEALWRIGHT_KEY", "SEALWRIGHT_PASSPHRASE"];

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let env = std::env::vars_os()
            .filter(|(name, _)| !SECRETS.iter().any(|secret| name == secret))
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Self { env, system: PathBuf::from("/"), cwd }
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The home folder.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.var("HOME").map(PathBuf::from)
    }

    /// A path with `~/` at its start and relative parts resolved.
    #[must_use]
    pub fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.cwd.join(text),
        }
    }

    /// `/etc/…`
    pub(super) fn etc(&self, below: &str) -> PathBuf {
        self.system.join("etc").join(below)
    }

    /// Where a user's configuration is (XDG base directory specification).
    pub(super) fn config_home(&self) -> Option<PathBuf> {
        let set = self.var("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        set.or_else(|| Some(self.home()?.join(".config")))
    }

    /// Where the system's configuration is (same specification), the most important first.
    pub(super) fn config_dirs(&self) -> Vec<PathBuf> {
        match self.var("XDG_CONFIG_DIRS") {
            Some(text) => text.split(':').map(PathBuf::from).filter(|path| path.is_absolute()).collect(),
            None => vec![self.etc("xdg")],
        }
    }
}

/// The text of a settings file, `None` if there is none.
pub(super) fn read_setting(path: &Path) -> Result<Option<String>, super::FetchError> {
    use std::io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        // pip and uv go on without a file that only another user may read; so do we.
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | PermissionDenied) => Ok(None),
        Err(source) => {
            let origin = "its place".to_owned();
            Err(super::FetchError::File { path: path.to_owned(), origin, source })
        }
    }
}

#[cfg(test)]
pub(super) fn test_surroundings(system: &Path, env: &[(&str, &str)]) -> Surroundings {
    let mut all = BTreeMap::from([("HOME".to_owned(), system.join("home").display().to_string())]);
    all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Surroundings { env: all, system: system.to_owned(), cwd: system.to_owned() }
}
