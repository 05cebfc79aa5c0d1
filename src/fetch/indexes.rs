//! Where Python distributions come from, as the user's pip or uv is configured.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

use super::default_index::default_index;
use super::pip::{PipSettings, Setting, is_yes};
use super::secret::IndexUrl;
use super::surroundings::Surroundings;
use super::uv::UvSettings;
use super::{FetchError, NetConfig};

/// Indexes and other places of Python distributions.
#[derive(Debug, Clone)]
pub struct PythonIndexes {
    /// The index that is configured, or none: then it is pip's own default.
    pub index: Option<IndexUrl>,
    /// Further indexes, asked before it, in their order.
    pub extra: Vec<IndexUrl>,
    /// Folders and pages with files, asked before all indexes.
    pub find_links: Vec<FindLinks>,
    /// Whether indexes are asked at all.
    pub no_index: NoIndex,
    /// Which index a name belongs to.
    pub belonging: Belonging,
}

/// Whether indexes are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoIndex {
    /// Only `find_links` (pip's `--no-index`).
    Yes,
    /// They are.
    No,
}

/// Which index a name belongs to (uv documentation, "Searching across multiple indexes").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belonging {
    /// The first that has it: nobody can put another project of that name before it.
    First,
    /// Any: the user has told uv so, with this `index-strategy`.
    Any(String),
}

/// A place that links to files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindLinks {
    /// A folder of the host that holds the files.
    Folder(PathBuf),
    /// A file of the host: an HTML page with links.
    Page(PathBuf),
    /// An HTML page with links.
    Url(IndexUrl),
}

impl PythonIndexes {
    /// Reads pip's and uv's settings. Where both set the index, the order is: uv's variables, pip's variables, uv's
    /// files, pip's files. Further indexes and `find-links` of both are used.
    ///
    /// # Errors
    /// A file or a URL in it cannot be understood.
    pub fn load(from: &Surroundings) -> Result<Self, FetchError> {
        let pip = PipSettings::load(from)?;
        let (variables, files) = (UvSettings::variables(from), UvSettings::files(from)?);
        let index = variables
            .index
            .as_ref()
            .or_else(|| pip.variables.get("index-url").filter(|set| !set.value.is_empty()))
            .or(files.index.as_ref())
            .or_else(|| pip.get("index-url"));
        let words = |name: &str| {
            let words = pip.get(name).into_iter().flat_map(|set| {
                let origin = set.origin.clone();
                set.value
                    .split_whitespace()
                    .map(move |word| Setting { value: word.to_owned(), origin: origin.clone() })
            });
            words.collect::<Vec<_>>()
        };
        let mut extra = Vec::new();
        for setting in variables.extra.iter().chain(&words("extra-index-url")).chain(&files.extra) {
            let url = index_of(setting, from)?;
            if !extra.contains(&url) {
                extra.push(url);
            }
        }
        let mut find_links = Vec::new();
        for setting in variables.find_links.iter().chain(&words("find-links")).chain(&files.find_links) {
            let place = FindLinks::parse(setting, from)?;
            if !find_links.contains(&place) {
                find_links.push(place);
            }
        }
        let no_index =
            variables.no_index || files.no_index || pip.get("no-index").is_some_and(|set| is_yes(&set.value));
        Ok(Self {
            index: index.map(|set| index_of(set, from)).transpose()?,
            extra,
            find_links,
            no_index: if no_index { NoIndex::Yes } else { NoIndex::No },
            belonging: belonging(variables.index_strategy.as_ref().or(files.index_strategy.as_ref()))?,
        })
    }

    /// Every index in the order in which it is asked.
    #[must_use]
    pub fn all(&self) -> Vec<Url> {
        match self.no_index {
            NoIndex::Yes => Vec::new(),
            NoIndex::No => {
                let last = self.index.as_ref().map(IndexUrl::bare).or_else(default_index);
                self.extra.iter().map(IndexUrl::bare).chain(last).collect()
            }
        }
    }

    /// Every index and other place, as they are configured but without credentials.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        let places = self.find_links.iter().map(|place| match place {
            FindLinks::Folder(path) | FindLinks::Page(path) => path.display().to_string(),
            FindLinks::Url(url) => url.bare().to_string(),
        });
        self.all().iter().map(ToString::to_string).chain(places).collect()
    }

    /// Folders and pages of the host that the resolver's box must see, read-only, at the same paths.
    pub fn host_paths(&self) -> impl Iterator<Item = &Path> {
        self.find_links.iter().filter_map(|place| match place {
            FindLinks::Folder(path) | FindLinks::Page(path) => Some(path.as_path()),
            FindLinks::Url(_) => None,
        })
    }

    /// Folders of the host that are indexes, which the resolver's box must see too.
    pub fn index_folders(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.extra.iter().chain(&self.index).filter_map(IndexUrl::path)
    }

    /// The same settings as uv's variables, proxies and credentials (also those of the netrc file) included: for the
    /// environment of the resolver's process, and nothing else. Paths are those of the host
    /// ([`PythonIndexes::host_paths`]); certificates are not in it ([`NetConfig::ca_bundle`]).
    ///
    /// # Errors
    /// The keyring is configured and its command cannot be run.
    pub fn resolver_env(&self, net: &NetConfig) -> Result<BTreeMap<String, String>, FetchError> {
        let mut env = net.proxy_env();
        let whole = |url: &IndexUrl| {
            let mut url = url.clone();
            if let Some(found) = net.credentials_of(url.whole())? {
                url.set_credentials(&found);
            }
            Ok::<_, FetchError>(url.with_credentials().to_owned())
        };
        if let Some(index) = &self.index {
            env.insert("UV_DEFAULT_INDEX".to_owned(), whole(index)?);
        }
        let mut set = |name: &str, values: Vec<String>, between: &str| {
            if !values.is_empty() {
                env.insert(name.to_owned(), values.join(between));
            }
        };
        set("UV_INDEX", self.extra.iter().map(whole).collect::<Result<_, _>>()?, " ");
        let links = self.find_links.iter().map(|place| match place {
            FindLinks::Folder(path) | FindLinks::Page(path) => Ok(path.display().to_string()),
            FindLinks::Url(url) => whole(url),
        });
        set("UV_FIND_LINKS", links.collect::<Result<_, _>>()?, ",");
        if let Belonging::Any(strategy) = &self.belonging {
            set("UV_INDEX_STRATEGY", vec![strategy.clone()], "");
        }
        set("UV_INSECURE_HOST", net.trusted_hosts.clone(), " ");
        set("UV_HTTP_TIMEOUT", vec![net.stall_timeout.as_secs().max(1).to_string()], "");
        set("UV_HTTP_RETRIES", vec![net.retries.to_string()], "");
        if self.no_index == NoIndex::Yes {
            set("UV_NO_INDEX", vec!["1".to_owned()], "");
        }
        Ok(env)
    }
}

/// An index: a URL, or a folder of the host in the form of PEP 503 (`NAME/index.html`), as `file` URL or path.
fn index_of(setting: &Setting, from: &Surroundings) -> Result<IndexUrl, FetchError> {
    let text = setting.value.trim();
    match Url::parse(text) {
        Ok(url) if url.scheme() == "file" => match url.to_file_path() {
            Ok(path) => IndexUrl::folder(&path, &setting.origin),
            Err(()) => IndexUrl::parse(text, &setting.origin),
        },
        Err(_) if text.starts_with(['/', '.', '~']) => IndexUrl::folder(&from.path(text), &setting.origin),
        Ok(_) | Err(_) => IndexUrl::parse(text, &setting.origin),
    }
}

fn belonging(strategy: Option<&Setting>) -> Result<Belonging, FetchError> {
    match strategy.map(|set| (set, set.value.trim())) {
        None | Some((_, "first-index")) => Ok(Belonging::First),
        Some((_, told @ ("unsafe-first-match" | "unsafe-best-match"))) => Ok(Belonging::Any(told.to_owned())),
        Some((set, other)) => Err(FetchError::Setting {
            origin: set.origin.clone(),
            problem: format!(
                "{other:?} is no index-strategy: first-index, unsafe-first-match and unsafe-best-match are"
            ),
        }),
    }
}

impl FindLinks {
    fn parse(setting: &Setting, from: &Surroundings) -> Result<Self, FetchError> {
        let text = setting.value.trim();
        let path = match Url::parse(text) {
            Ok(url) if url.scheme() == "file" => url.to_file_path().map_err(|()| FetchError::Setting {
                origin: setting.origin.clone(),
                problem: format!("{text:?} is not a path of this host"),
            })?,
            Ok(_) => return IndexUrl::parse(text, &setting.origin).map(Self::Url),
            Err(_) => from.path(text),
        };
        Ok(if path.is_file() { Self::Page(path) } else { Self::Folder(path) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::test_surroundings;
    use super::*;

    #[test]
    fn variables_win_and_the_default_has_no_name_here() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(temp.path().join("etc")).unwrap();
        std::fs::write(
            temp.path().join("etc/pip.conf"),
            "[global]\nindex-url = https://file.example/simple\nextra-index-url = https://u:p@extra.example/simple\nfind-links = wheels file:///abs https://l.example/\n",
        )
        .unwrap();
        let load = |env: &[(&str, &str)]| {
            let from = test_surroundings(temp.path(), env);
            (PythonIndexes::load(&from).unwrap(), NetConfig::load(&from).unwrap())
        };
        let (indexes, net) = load(&[]);
        assert_eq!(indexes.index.as_ref().unwrap().to_string(), "https://file.example/simple");
        assert_eq!(indexes.find_links.len(), 3);
        assert_eq!(
            indexes.host_paths().collect::<Vec<_>>(),
            [&temp.path().join("wheels"), Path::new("/abs")]
        );
        let env = indexes.resolver_env(&net).unwrap();
        assert_eq!(env["UV_INDEX"], "https://u:p@extra.example/simple");
        assert_eq!(env["UV_DEFAULT_INDEX"], "https://file.example/simple");
        assert!(!format!("{indexes:?}").contains("u:p"));
        let (indexes, _) = load(&[("PIP_INDEX_URL", "https://env.example/"), ("UV_NO_INDEX", "1")]);
        assert_eq!(indexes.index.as_ref().unwrap().to_string(), "https://env.example/");
        assert!(indexes.all().is_empty());
        let (indexes, _) = load(&[("PIP_CONFIG_FILE", "/dev/null")]);
        assert_eq!(indexes.all().len(), 1);
        assert_eq!(indexes.all()[0].scheme(), "https");
    }

    #[test]
    fn credentials_of_the_netrc_file_reach_the_resolver() {
        let temp = tempfile::tempdir().unwrap();
        let netrc = temp.path().join("netrc");
        std::fs::write(&netrc, "machine i.example login me password secret\n").unwrap();
        let env = [("NETRC", netrc.to_str().unwrap()), ("UV_DEFAULT_INDEX", "https://i.example/simple")];
        let from = test_surroundings(temp.path(), &env);
        let (indexes, net) = (PythonIndexes::load(&from).unwrap(), NetConfig::load(&from).unwrap());
        assert_eq!(
            indexes.resolver_env(&net).unwrap()["UV_DEFAULT_INDEX"],
            "https://me:secret@i.example/simple"
        );
        assert!(!format!("{net:?}").contains("secret"));
    }
}
