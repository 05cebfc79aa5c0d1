//! Where crates come from, as the user's cargo is configured.
//!
//! The cargo book, "Configuration", "Source Replacement" and "Registries": `config.toml` and `credentials.toml` in
//! `$CARGO_HOME`, and variables. A configuration in the source that is built is never read for this: it would say
//! whom to ask.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::FetchError;
use super::default_index::default_crates;
use super::mirrors::folder;
use super::secret::{self, IndexUrl};
use super::surroundings::{Surroundings, read_setting};

/// Places that a source may be replaced by, one after the other.
const REPLACEMENTS: usize = 8;

/// Registries of crates, and cargo's own cache.
#[derive(Debug, Clone, Default)]
pub struct CrateRegistries {
    /// Folders with `.crate` files that cargo has fetched.
    pub(super) caches: Vec<PathBuf>,
    default: Option<CratePlace>,
    /// The others, by the URL of their index as `Cargo.lock` has it (less `registry+`).
    others: BTreeMap<String, CratePlace>,
    pub(super) tokens: Vec<(Url, Token)>,
}

/// Which registry a crate is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrateOrigin {
    /// cargo's default, or what replaces it.
    Default,
    /// The one with this index, as `Cargo.lock` writes it. It must be configured.
    Index(String),
    /// Any that is configured: the digest decides.
    Any,
}

/// A place of crates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CratePlace {
    /// The index of a registry in the sparse protocol.
    Sparse(IndexUrl),
    /// A folder with `.crate` files (`local-registry`).
    Folder(PathBuf),
    /// One that is configured and cannot be used, with why.
    Unusable { origin: String, problem: String },
}

/// What a registry wants as `Authorization`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token(pub(super) String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What concerns us of `config.toml` and `credentials.toml`.
#[derive(Debug, Default, Deserialize)]
struct Settings {
    #[serde(default)]
    source: BTreeMap<String, Source>,
    #[serde(default)]
    registries: BTreeMap<String, Registry>,
    #[serde(default)]
    registry: Registry,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Source {
    replace_with: Option<String>,
    registry: Option<String>,
    local_registry: Option<String>,
    directory: Option<String>,
}

#[derive(Default, Clone, Deserialize)]
struct Registry {
    index: Option<String>,
    token: Option<String>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({:?})", self.index)
    }
}

impl CrateRegistries {
    /// Reads cargo's settings.
    ///
    /// # Errors
    /// A file cannot be understood, or sources replace each other in a circle.
    pub fn load(from: &Surroundings) -> Result<Self, FetchError> {
        let home = from.var("CARGO_HOME").map(|path| from.path(path));
        let Some(home) = home.or_else(|| Some(from.home()?.join(".cargo"))) else {
            return Self::of(&Settings::default(), Path::new("/"), "cargo's configuration");
        };
        // Without `.toml` is the older name, and cargo takes it if both are there.
        let mut settings = Settings::default();
        let mut origin = home.join("config.toml");
        for name in ["config", "config.toml"] {
            if let Some(found) = read(&home.join(name))? {
                (settings, origin) = (found, home.join(name));
                break;
            }
        }
        for name in ["credentials", "credentials.toml"] {
            let Some(found) = read(&home.join(name))? else { continue };
            for (name, registry) in found.registries {
                let known = settings.registries.entry(name).or_default();
                known.token = registry.token.or(known.token.take());
            }
            settings.registry.token = found.registry.token.or(settings.registry.token);
            break;
        }
        for (name, value) in &from.env {
            let Some(rest) = name.strip_prefix("CARGO_REGISTRIES_").filter(|_| !value.is_empty()) else {
                continue;
            };
            let Some((upper, key)) = rest.rsplit_once('_') else { continue };
            let named = |known: &&String| known.to_uppercase().replace('-', "_") == upper;
            let known = settings.registries.keys().find(named).cloned();
            let registry =
                settings.registries.entry(known.unwrap_or_else(|| upper.to_lowercase())).or_default();
            match key {
                "INDEX" => registry.index = Some(value.clone()),
                "TOKEN" => registry.token = Some(value.clone()),
                _ => {}
            }
        }
        let mut all = Self::of(&settings, &home, &origin.display().to_string())?;
        let caches = std::fs::read_dir(home.join("registry/cache")).into_iter().flatten();
        all.caches = caches.filter_map(|entry| Some(entry.ok()?.path())).collect();
        all.caches.sort();
        Ok(all)
    }

    fn of(settings: &Settings, home: &Path, origin: &str) -> Result<Self, FetchError> {
        let reading = Reading { settings, home, origin };
        let mut others = BTreeMap::new();
        for (name, source) in settings.source.iter().filter(|(name, _)| *name != "crates-io") {
            if let Some(index) = &source.registry {
                others.insert(key(index), reading.replaced(name)?);
            }
        }
        for (name, registry) in &settings.registries {
            if let Some(index) = &registry.index
                && !others.contains_key(&key(index))
            {
                others.insert(key(index), reading.registry(name, index)?);
            }
        }
        let tokens = settings.registries.values().filter_map(|registry| {
            let index = Url::parse(registry.index.as_ref()?.strip_prefix("sparse+")?).ok()?;
            Some((index, Token(registry.token.clone()?)))
        });
        Ok(Self {
            caches: Vec::new(),
            default: Some(reading.replaced("crates-io")?),
            tokens: tokens.collect(),
            others,
        })
    }

    /// The places to ask, in their order. `None` if the registry is not configured.
    pub(super) fn places(&self, origin: &CrateOrigin) -> Option<Vec<&CratePlace>> {
        match origin {
            CrateOrigin::Default => Some(self.default.iter().collect()),
            CrateOrigin::Index(index) => Some(vec![self.others.get(&key(index))?]),
            CrateOrigin::Any => {
                let (good, bad): (Vec<_>, Vec<_>) = (self.default.iter().chain(self.others.values()))
                    .partition(|place| !matches!(place, CratePlace::Unusable { .. }));
                Some(if good.is_empty() { bad } else { good })
            }
        }
    }
}

struct Reading<'a> {
    settings: &'a Settings,
    home: &'a Path,
    origin: &'a str,
}

impl Reading<'_> {
    /// The place of a source, after all replacements.
    fn replaced(&self, name: &str) -> Result<CratePlace, FetchError> {
        let mut name = name.to_owned();
        for _ in 0..REPLACEMENTS {
            let source = self.settings.source.get(&name);
            if let Some(next) = source.and_then(|source| source.replace_with.clone()) {
                name = next;
                continue;
            }
            let of_registry = || self.settings.registries.get(&name)?.index.as_ref();
            return match source {
                Some(Source { registry: Some(index), .. }) => self.registry(&name, index),
                Some(Source { local_registry: Some(path), .. }) => Ok(CratePlace::Folder(self.path(path))),
                Some(Source { directory: Some(_), .. }) => Ok(self.unusable(
                    &name,
                    "a folder of vendored crates holds no .crate files, whose checksums Cargo.lock names",
                )),
                _ if name == "crates-io" => match default_crates() {
                    Some(url) => IndexUrl::parse(url.as_str(), "cargo's default").map(CratePlace::Sparse),
                    None => Ok(self.unusable(&name, "not known")),
                },
                _ => match of_registry() {
                    Some(index) => self.registry(&name, index),
                    None => Ok(self.unusable(&name, "it is not configured")),
                },
            };
        }
        let problem = format!("sources replace each other in a circle: {name}");
        Err(FetchError::Setting { origin: self.origin.to_owned(), problem })
    }

    fn registry(&self, name: &str, index: &str) -> Result<CratePlace, FetchError> {
        match index.strip_prefix("sparse+") {
            Some(url) => IndexUrl::parse(url, &format!("{}: {name}", self.origin)).map(CratePlace::Sparse),
            None => {
                Ok(self.unusable(name, "an index in git is not read, only a sparse one (sparse+https://…)"))
            }
        }
    }

    fn unusable(&self, name: &str, problem: &str) -> CratePlace {
        CratePlace::Unusable {
            origin: self.origin.to_owned(),
            problem: format!("registry {name:?}: {problem}"),
        }
    }

    /// Relative to the folder that the configuration's folder is in.
    fn path(&self, text: &str) -> PathBuf {
        self.home.parent().unwrap_or(self.home).join(text)
    }
}

/// An index as it is compared: `Cargo.lock` writes `registry+` before those in git; a final `/` tells nothing.
fn key(index: &str) -> String {
    let index = index.strip_prefix("registry+").unwrap_or(index);
    let (kind, url) = match index.strip_prefix("sparse+") {
        Some(url) => ("sparse+", url),
        None => ("", index),
    };
    let url = Url::parse(url).map_or_else(|_| url.to_owned(), |url| folder(secret::bare(&url)).to_string());
    format!("{kind}{url}")
}

fn read(path: &Path) -> Result<Option<Settings>, FetchError> {
    let Some(text) = read_setting(path)? else { return Ok(None) };
    toml::from_str(&text).map(Some).map_err(|error| FetchError::Setting {
        origin: path.display().to_string(),
        // Not the text of the error: it shows a line, and lines hold tokens.
        problem: format!("not a configuration of cargo: {}", error.message()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::test_surroundings;
    use super::*;

    fn load(config: &str, credentials: &str, env: &[(&str, &str)]) -> Result<CrateRegistries, FetchError> {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home/.cargo");
        std::fs::create_dir_all(home.join("registry/cache/one")).unwrap();
        std::fs::write(home.join("config.toml"), config).unwrap();
        std::fs::write(home.join("credentials.toml"), credentials).unwrap();
        CrateRegistries::load(&test_surroundings(temp.path(), env))
    }

    fn shown(all: &CrateRegistries, origin: &CrateOrigin) -> Vec<String> {
        let places = all.places(origin).unwrap_or_default();
        let text = |place: &&CratePlace| match place {
            CratePlace::Sparse(url) => url.to_string(),
            CratePlace::Folder(path) => path.file_name().unwrap().to_string_lossy().into_owned(),
            CratePlace::Unusable { problem, .. } => problem.clone(),
        };
        places.iter().map(text).collect()
    }

    fn index(url: &str) -> CrateOrigin {
        CrateOrigin::Index(url.to_owned())
    }

    #[test]
    fn the_default_is_used_unless_it_is_replaced() {
        let all = load("", "", &[]).unwrap();
        assert_eq!(all.caches.len(), 1);
        assert!(matches!(all.places(&CrateOrigin::Default).unwrap()[..], [CratePlace::Sparse(_)]));
        assert!(all.places(&index("sparse+https://other.example/")).is_none());
        let text = "[source.crates-io]\nreplace-with = \"near\"\n[source.near]\nregistry = \"sparse+https://u:p@near.example/i/\"\n";
        let all = load(text, "", &[]).unwrap();
        assert_eq!(shown(&all, &CrateOrigin::Default), ["https://near.example/i/"]);
        assert!(!format!("{all:?}").contains("u:p"));
        let text = "[source.crates-io]\nreplace-with = \"team\"\n[registries.team]\nindex = \"sparse+https://team.example/\"\n";
        assert_eq!(shown(&load(text, "", &[]).unwrap(), &CrateOrigin::Default), ["https://team.example/"]);
        let text = "[source.crates-io]\nreplace-with = \"l\"\n[source.l]\nlocal-registry = \"mirror\"\n";
        assert_eq!(shown(&load(text, "", &[]).unwrap(), &CrateOrigin::Any), ["mirror"]);
        let text = "[source.crates-io]\nreplace-with = \"a\"\n[source.a]\nreplace-with = \"crates-io\"\n";
        assert!(load(text, "", &[]).unwrap_err().to_string().contains("in a circle"));
    }

    #[test]
    fn other_registries_are_found_by_their_index_and_keep_their_tokens() {
        let text = "[registries.team]\nindex = \"sparse+https://team.example/index/\"\n[registries.old]\nindex = \"https://git.example/index\"\n";
        let secret = "[registries.team]\ntoken = \"hidden\"\n[registry]\ntoken = \"hidden\"\n";
        let all = load(text, secret, &[]).unwrap();
        assert_eq!(
            shown(&all, &index("sparse+https://team.example/index/")),
            ["https://team.example/index/"]
        );
        assert_eq!(shown(&all, &index("sparse+https://team.example/index")), ["https://team.example/index/"]);
        assert!(
            shown(&all, &index("registry+https://git.example/index"))[0]
                .contains("an index in git is not read")
        );
        assert_eq!(shown(&all, &CrateOrigin::Any).len(), 2);
        assert_eq!(
            all.tokens,
            [(Url::parse("https://team.example/index/").unwrap(), Token("hidden".to_owned()))]
        );
        assert!(!format!("{all:?}").contains("hidden"));
        let env = [
            ("CARGO_REGISTRIES_MY_TEAM_INDEX", "sparse+https://env.example/"),
            ("CARGO_REGISTRIES_MY_TEAM_TOKEN", "hidden"),
        ];
        let all = load("", "", &env).unwrap();
        assert_eq!(shown(&all, &index("sparse+https://env.example/")), ["https://env.example/"]);
        assert_eq!(all.tokens.len(), 1);
        let error = load("token = \"hidden", "", &[]).unwrap_err().to_string();
        assert!(error.contains("not a configuration of cargo") && !error.contains("hidden"), "{error}");
    }
}
