//! Passwords from the user's keyring, by the command that pip and uv call for it: `keyring get SERVICE USER`.
//!
//! Only where it is configured (pip's `keyring-provider`, uv's likewise, `subprocess`), and only for a configured URL that
//! names a user and no password. pip documentation, "Authentication", "Using keyring as a command line application".

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use super::pip::PipSettings;
use super::surroundings::Surroundings;
use super::uv::UvSettings;
use super::{FetchError, secret};
use crate::helper::{Helper, HelperError, Said};

/// The command.
const PROGRAM: &str = "keyring";
/// How long it may take: it may ask the user something.
const LIMIT: Duration = Duration::from_mins(2);

/// Passwords by URL and user; none where there is none.
type Known = BTreeMap<(String, String), Option<String>>;

/// The keyring. Each password is asked for once.
#[derive(Clone)]
pub(super) struct Keyring {
    origin: String,
    env: BTreeMap<String, String>,
    known: Arc<Mutex<Known>>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

impl Keyring {
    /// The keyring, if one is configured.
    pub fn load(from: &Surroundings) -> Result<Option<Self>, FetchError> {
        let pip = PipSettings::load(from)?;
        let (variables, files) = (UvSettings::variables(from).keyring, UvSettings::files(from)?.keyring);
        let set = variables.as_ref().or_else(|| pip.variables.get("keyring-provider")).or(files.as_ref());
        let set = set.or_else(|| pip.get("keyring-provider"));
        Ok(set.filter(|set| set.value.trim() == "subprocess").map(|set| Self {
            origin: format!("{} (keyring-provider)", set.origin),
            env: from.env.clone(),
            known: Arc::default(),
        }))
    }

    /// The password of a user at a configured URL: asked for as that URL, then as its host, as pip does.
    pub fn password(&self, url: &Url, user: &str) -> Result<Option<String>, FetchError> {
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Ok(None),
        };
        let bare = secret::bare(url);
        for service in [bare.as_str(), &host] {
            let found = self.get(service, user).map_err(|error| FetchError::Setting {
                origin: self.origin.clone(),
                problem: error.to_string(),
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn get(&self, service: &str, user: &str) -> Result<Option<String>, HelperError> {
        // Held while the program runs: the others who want the same wait for its answer.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (service.to_owned(), user.to_owned());
        if let Some(found) = known.get(&key) {
            return Ok(found.clone());
        }
        let arguments = ["get", service, user];
        let said = Helper { program: PROGRAM, arguments: &arguments, env: &self.env, limit: LIMIT }.run()?;
        let found = match said {
            Said::Secret(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                Some(text.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty())
            }
            Said::Nothing => None,
        };
        known.insert(key, found.clone());
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::surroundings::test_surroundings;
    use super::*;

    fn keyring(env: &[(&str, &str)]) -> (tempfile::TempDir, Option<Keyring>) {
        let temp = tempfile::tempdir().unwrap();
        let script =
            "#!/bin/sh\necho \"$*\" >>\"$HOME/asked\"\n[ \"$2\" = host.example:8443 ] && echo pass\n";
        let path = temp.path().join("keyring");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir(temp.path().join("home")).unwrap();
        let search = format!("{}:/usr/bin:/bin", temp.path().display());
        let mut all = vec![("PATH", search.as_str())];
        all.extend(env);
        let found = Keyring::load(&test_surroundings(temp.path(), &all)).unwrap();
        (temp, found)
    }

    #[test]
    fn only_a_configured_keyring_is_asked() {
        for none in [&[][..], &[("PIP_KEYRING_PROVIDER", "import")], &[("UV_KEYRING_PROVIDER", "disabled")]] {
            assert!(keyring(none).1.is_none(), "{none:?}");
        }
        for set in ["PIP_KEYRING_PROVIDER", "UV_KEYRING_PROVIDER"] {
            assert!(keyring(&[(set, "subprocess")]).1.is_some());
        }
    }

    #[test]
    fn the_url_is_asked_for_then_its_host_each_once() {
        let (temp, found) = keyring(&[("PIP_KEYRING_PROVIDER", "subprocess")]);
        let found = found.unwrap();
        let url = Url::parse("https://me:x@host.example:8443/simple").unwrap();
        for _ in 0..2 {
            assert_eq!(found.password(&url, "me").unwrap().as_deref(), Some("pass"));
        }
        let other = Url::parse("https://other.example/").unwrap();
        assert_eq!(found.password(&other, "me").unwrap(), None);
        assert_eq!(
            std::fs::read_to_string(temp.path().join("home/asked")).unwrap(),
            "get https://host.example:8443/simple me\nget host.example:8443 me\nget https://other.example/ me\nget other.example me\n"
        );
    }
}
