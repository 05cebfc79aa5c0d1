//! uv's settings that say where distributions come from: variables, the user's file, the system's file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::FetchError;
use super::pip::Setting;
use super::surroundings::{Surroundings, read_setting};

/// What variables say, or what files say.
#[derive(Debug, Default)]
pub(super) struct UvSettings {
    pub index: Option<Setting>,
    pub extra: Vec<Setting>,
    pub find_links: Vec<Setting>,
    pub no_index: bool,
    pub insecure_hosts: Vec<String>,
    pub keyring: Option<Setting>,
    pub index_strategy: Option<Setting>,
}

/// A `uv.toml`, as far as it concerns us. Other keys are uv's.
#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    #[serde(flatten)]
    top: Places,
    pip: Places,
    index: Vec<Index>,
    allow_insecure_host: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct Places {
    index_url: Option<String>,
    extra_index_url: Vec<String>,
    find_links: Vec<String>,
    no_index: bool,
    keyring_provider: Option<String>,
    index_strategy: Option<String>,
}

#[derive(Deserialize)]
struct Index {
    name: Option<String>,
    url: String,
    #[serde(default)]
    default: bool,
    /// Only for packages that name it: not asked for others.
    #[serde(default)]
    explicit: bool,
}

impl UvSettings {
    /// What variables say.
    pub fn variables(from: &Surroundings) -> Self {
        let set = |name: &str, value: &str| Setting { value: value.to_owned(), origin: name.to_owned() };
        let words = |name: &str, at: fn(char) -> bool| {
            let text = from.var(name).unwrap_or_default();
            text.split(at).filter(|word| !word.is_empty()).map(|word| set(name, word)).collect::<Vec<_>>()
        };
        let one = |name: &str| from.var(name).map(|value| set(name, value));
        let index = one("UV_DEFAULT_INDEX").or_else(|| one("UV_INDEX_URL"));
        let mut extra = words("UV_INDEX", char::is_whitespace);
        extra.extend(words("UV_EXTRA_INDEX_URL", char::is_whitespace));
        Self {
            index: index.map(|index| named(index, from)),
            extra: extra.into_iter().map(|index| named(index, from)).collect(),
            find_links: words("UV_FIND_LINKS", |letter| letter == ','),
            no_index: from.var("UV_NO_INDEX").is_some_and(super::pip::is_yes),
            insecure_hosts: words("UV_INSECURE_HOST", char::is_whitespace)
                .into_iter()
                .map(|setting| setting.value)
                .collect(),
            keyring: one("UV_KEYRING_PROVIDER"),
            index_strategy: one("UV_INDEX_STRATEGY"),
        }
    }

    /// What files say, the user's before the system's.
    pub fn files(from: &Surroundings) -> Result<Self, FetchError> {
        let mut all = Self::default();
        if from.var("UV_NO_CONFIG").is_some_and(super::pip::is_yes) {
            return Ok(all);
        }
        let files: Vec<PathBuf> = if let Some(file) = from.var("UV_CONFIG_FILE") {
            vec![from.path(file)]
        } else {
            let dirs = from.config_home().into_iter().chain(from.config_dirs());
            dirs.map(|dir| dir.join("uv/uv.toml")).chain([from.etc("uv/uv.toml")]).collect()
        };
        for path in files {
            if let Some(text) = read_setting(&path)? {
                all.add(&path, &text, from)?;
            }
        }
        Ok(all)
    }

    fn add(&mut self, path: &Path, text: &str, from: &Surroundings) -> Result<(), FetchError> {
        let origin = path.display().to_string();
        let file: File = toml::from_str(text).map_err(|error| FetchError::Setting {
            origin: origin.clone(),
            // The message alone: the text around it may hold a password.
            problem: format!("not a uv configuration: {}", error.message()),
        })?;
        let set = |value: String| Setting { value, origin: origin.clone() };
        for index in file.index.into_iter().filter(|index| !index.explicit) {
            let url = match index.name {
                Some(name) => named(set(format!("{name}={}", index.url)), from),
                None => set(index.url),
            };
            if index.default {
                self.index.get_or_insert(url);
            } else {
                self.extra.push(url);
            }
        }
        for places in [file.top, file.pip] {
            if let Some(url) = places.index_url {
                self.index.get_or_insert(set(url));
            }
            self.extra.extend(places.extra_index_url.into_iter().map(set));
            self.find_links.extend(places.find_links.into_iter().map(set));
            self.no_index |= places.no_index;
            for (into, value) in [
                (&mut self.keyring, places.keyring_provider),
                (&mut self.index_strategy, places.index_strategy),
            ] {
                if let (None, Some(value)) = (&into, value) {
                    *into = Some(set(value));
                }
            }
        }
        self.insecure_hosts.extend(file.allow_insecure_host);
        Ok(())
    }
}

/// `NAME=URL` is a named index, whose credentials may be in `UV_INDEX_NAME_USERNAME` and `…_PASSWORD`.
fn named(setting: Setting, from: &Surroundings) -> Setting {
    let Setting { value, origin } = setting;
    let is_name = |name: &str| {
        !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    };
    let Some((name, url)) = value.split_once('=').filter(|(name, _)| is_name(name)) else {
        return Setting { value, origin };
    };
    let upper: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let part = |what: &str| from.var(&format!("UV_INDEX_{upper}_{what}"));
    let mut value = url.to_owned();
    if let (Ok(mut parsed), true) =
        (url::Url::parse(url), part("USERNAME").is_some() || part("PASSWORD").is_some())
    {
        let _ = parsed.set_username(part("USERNAME").unwrap_or_default());
        let _ = parsed.set_password(part("PASSWORD"));
        value = parsed.into();
    }
    Setting { value, origin }
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::test_surroundings;
    use super::*;

    #[test]
    fn variables_and_files_are_read() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("home/.config/uv");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(
            dir.join("uv.toml"),
            "native-tls = true\nfind-links = [\"/wheels\"]\n[[index]]\nname = \"in-house\"\nurl = \"https://i.example/simple\"\n\
             [[index]]\nurl = \"https://d.example/simple\"\ndefault = true\n[[index]]\nname = \"x\"\nurl = \"https://x.example\"\nexplicit = true\n",
        )
        .unwrap();
        let env = [
            ("UV_INDEX", "a=https://a.example/s https://b.example/s"),
            ("UV_INDEX_A_USERNAME", "me"),
            ("UV_INDEX_IN_HOUSE_PASSWORD", "p"),
            ("UV_FIND_LINKS", "w1,w2"),
        ];
        let from = test_surroundings(temp.path(), &env);
        let values = |list: &[Setting]| list.iter().map(|one| one.value.clone()).collect::<Vec<_>>();
        let variables = UvSettings::variables(&from);
        assert_eq!(values(&variables.extra), ["https://me@a.example/s", "https://b.example/s"]);
        assert_eq!(values(&variables.find_links), ["w1", "w2"]);
        let files = UvSettings::files(&from).unwrap();
        assert_eq!(values(&files.extra), ["https://:p@i.example/simple"]);
        assert_eq!(files.index.unwrap().value, "https://d.example/simple");
        assert_eq!(values(&files.find_links), ["/wheels"]);
    }
}
