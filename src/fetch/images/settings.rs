//! Where images come from: `[registry]`, Docker's configuration file, the engine's socket.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::Url;

use super::error::{ImageSourceError, LoginFound};
use crate::config::RegistrySources;
use crate::fetch::access::Login;
use crate::fetch::mirrors::folder;
use crate::fetch::secret::{Credentials, IndexUrl};
use crate::fetch::surroundings::{Surroundings, read_setting};
use crate::fetch::{FetchError, NetConfig};
use crate::name::RegistryRef;

/// Where images by reference come from.
#[derive(Debug, Clone, Default)]
pub struct Registries {
    sources: RegistrySources,
    /// What the paths of layouts are relative to.
    pub(super) folder: PathBuf,
    /// Docker's configuration file, if there is a place for one.
    config: Option<PathBuf>,
    /// `DOCKER_HOST`
    pub(super) engine: Option<String>,
}

/// One place that may have a repository.
#[derive(Debug)]
pub(super) struct Place {
    /// Every URL of the repository begins so; it ends in `/`.
    pub(super) base: Url,
    pub(super) login: Option<Login>,
    pub(super) found: LoginFound,
}

/// The part of Docker's configuration file that holds credentials. It is read each time that a registry is asked: it
/// changes, and holds what should not be kept longer than needed.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
struct DockerAuth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(rename = "identitytoken")]
    identity_token: Option<String>,
    #[serde(rename = "registrytoken")]
    registry_token: Option<String>,
}

impl Registries {
    /// What the configuration says, and the files and variables of Docker. Layouts are below `folder`.
    #[must_use]
    pub fn load(sources: &RegistrySources, folder: &Path, from: &Surroundings) -> Self {
        let named = from.var("DOCKER_CONFIG").map(|path| from.path(path));
        let docker = named.or_else(|| from.home().map(|home| home.join(".docker")));
        Self {
            sources: sources.clone(),
            folder: folder.to_owned(),
            config: docker.map(|folder| folder.join("config.json")),
            engine: from.var("DOCKER_HOST").map(str::to_owned),
        }
    }

    /// The places to ask for a repository, in their order.
    pub(super) fn places(&self, name: &RegistryRef, net: &NetConfig) -> Result<Vec<Place>, FetchError> {
        let no_default = || ImageSourceError::NoDefault { image: name.to_string() };
        let host = name.host().or(self.sources.default.as_ref()).ok_or_else(|| Box::new(no_default()))?;
        let urls = if let Some(mirrors) = self.sources.mirrors.get(host) {
            let origin = format!("[registry] mirrors of {host}");
            mirrors.iter().map(|text| IndexUrl::parse(text, &origin)).collect::<Result<Vec<_>, _>>()?
        } else {
            let plain = host.is_loopback() || self.sources.plain_http.contains(host);
            let text = format!("{}://{host}/", if plain { "http" } else { "https" });
            vec![IndexUrl::parse(&text, "the image's reference")?]
        };
        let docker = self.docker()?;
        urls.iter()
            .map(|url| {
                let origin = "[registry] mirrors".to_owned();
                let base = folder(url.bare()).join(&format!("v2/{}/", name.full_repository()));
                let base =
                    base.map_err(|error| FetchError::Setting { origin, problem: error.to_string() })?;
                let own = url.credentials().map(Login::Password);
                let (login, found) = match own.or_else(|| docker.login(&base)).or_else(|| net.login(&base)) {
                    Some(login) => (Some(login), LoginFound::Refused),
                    None if docker.has_helper(&base) => (None, LoginFound::Helper),
                    None => (None, LoginFound::None),
                };
                Ok(Place { base, login, found })
            })
            .collect()
    }

    fn docker(&self) -> Result<DockerConfig, FetchError> {
        let Some(path) = &self.config else { return Ok(DockerConfig::default()) };
        let Some(text) = read_setting(path)? else { return Ok(DockerConfig::default()) };
        serde_json::from_str(&text).map_err(|error| FetchError::Setting {
            origin: path.display().to_string(),
            // The message of serde may quote what is there: a password.
            problem: format!("not Docker's configuration (line {}, column {})", error.line(), error.column()),
        })
    }
}

/// `HOST` or `HOST:PORT` of a URL, as Docker's configuration names registries.
fn host_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// A key of `auths`: a host, with a port perhaps; older ones are URLs (`https://HOST/v1/`).
fn host_of_key(key: &str) -> &str {
    let bare = key.split_once("://").map_or(key, |(_, rest)| rest);
    bare.split('/').next().unwrap_or(bare)
}

impl DockerConfig {
    fn login(&self, url: &Url) -> Option<Login> {
        let host = host_of(url)?;
        self.auths.iter().filter(|(key, _)| host_of_key(key) == host).find_map(|(_, auth)| auth.login())
    }

    fn has_helper(&self, url: &Url) -> bool {
        let Some(host) = host_of(url) else { return false };
        let emptied = self.auths.keys().any(|key| host_of_key(key) == host);
        self.cred_helpers.contains_key(&host) || (self.creds_store.is_some() && emptied)
    }
}

impl DockerAuth {
    fn login(&self) -> Option<Login> {
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = set(&self.registry_token) {
            return Some(Login::Token(token));
        }
        if let Some(token) = set(&self.identity_token) {
            return Some(Login::Identity(token));
        }
        if let (Some(user), Some(password)) = (set(&self.username), set(&self.password)) {
            return Some(Login::Password(Credentials { user, password }));
        }
        let decoded = String::from_utf8(STANDARD.decode(set(&self.auth)?.trim()).ok()?).ok()?;
        let (user, password) = decoded.trim_end_matches('\0').split_once(':')?;
        Some(Login::Password(Credentials { user: user.to_owned(), password: password.to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::surroundings::test_surroundings;

    fn bases(registries: &Registries, name: &str) -> Result<Vec<String>, FetchError> {
        let net = NetConfig::load(&test_surroundings(Path::new("/nowhere"), &[])).unwrap();
        let places = registries.places(&name.parse().unwrap(), &net)?;
        Ok(places.iter().map(|place| place.base.to_string()).collect())
    }

    #[test]
    fn places_follow_the_reference_and_the_configuration() {
        let sources = RegistrySources {
            default: Some("registry.example".parse().unwrap()),
            mirrors: [(
                "far.example".parse().unwrap(),
                vec!["http://127.0.0.1:5000".to_owned(), "https://u:p@m.example/x".to_owned()],
            )]
            .into(),
            plain_http: vec!["plain.example:5000".parse().unwrap()],
        };
        let registries = Registries { sources, ..Registries::default() };
        for (name, expected) in [
            ("python:3.12", vec!["https://registry.example/v2/library/python/"]),
            ("far.example/a/b:1", vec!["http://127.0.0.1:5000/v2/a/b/", "https://m.example/x/v2/a/b/"]),
            ("plain.example:5000/a", vec!["http://plain.example:5000/v2/a/"]),
            ("localhost:5000/a", vec!["http://localhost:5000/v2/a/"]),
            ("other.example/a", vec!["https://other.example/v2/a/"]),
        ] {
            assert_eq!(bases(&registries, name).unwrap(), expected, "{name}");
        }
        let error = bases(&Registries::default(), "python:3.12").unwrap_err();
        assert_eq!(
            error.to_string(),
            "image python:3.12 names no registry, and no default one is configured"
        );
    }

    #[test]
    fn docker_s_credentials_are_found_by_host_and_never_shown() {
        let text = format!(
            r#"{{"auths": {{"https://one.example/v1/": {{"auth": "{}"}}, "two.example:5000": {{"identitytoken": "sesame"}},
            "three.example": {{}}}}, "credHelpers": {{"four.example": "x"}}, "credsStore": "desktop"}}"#,
            STANDARD.encode("me:se:same")
        );
        let docker: DockerConfig = serde_json::from_str(&text).unwrap();
        let login = |url: &str| docker.login(&Url::parse(url).unwrap());
        let password = Credentials { user: "me".to_owned(), password: "se:same".to_owned() };
        assert_eq!(login("https://one.example/v2/x/"), Some(Login::Password(password)));
        assert_eq!(login("http://two.example:5000/v2/x/"), Some(Login::Identity("sesame".to_owned())));
        assert_eq!(login("https://two.example/"), None);
        assert!(!format!("{:?}", login("https://one.example/")).contains("same"));
        for host in ["three", "four"] {
            assert!(docker.has_helper(&Url::parse(&format!("https://{host}.example/")).unwrap()));
        }
        assert!(!docker.has_helper(&Url::parse("https://five.example/").unwrap()));
    }

    #[test]
    fn a_broken_configuration_of_docker_is_named_and_not_quoted() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("config.json");
        std::fs::write(&file, r#"{"auths": {"h.example": "sesame"}}"#).unwrap();
        let registries = Registries { config: Some(file), ..Registries::default() };
        let error = bases(&registries, "h.example/x").unwrap_err().to_string();
        assert!(
            error.contains("config.json: not Docker's configuration (line 1") && !error.contains("sesame"),
            "{error}"
        );
    }
}
