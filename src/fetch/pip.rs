//! pip's settings as pip reads them: configuration files, then variables.
//!
//! pip documentation, "Configuration": files are read in the order global, user, site, `PIP_CONFIG_FILE`, a later
//! one replaces single options; a section of a command replaces `[global]`; a variable replaces both.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ini::{Ini, ParseOption};

use super::FetchError;
use super::surroundings::{Surroundings, read_setting};

/// An option's value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub value: String,
    pub origin: String,
}

/// Options by their long name without dashes in front (`index-url`), from variables and from files.
#[derive(Debug, Default)]
pub(super) struct PipSettings {
    pub variables: BTreeMap<String, Setting>,
    pub files: BTreeMap<String, Setting>,
}

impl PipSettings {
    pub fn load(from: &Surroundings) -> Result<Self, FetchError> {
        let mut settings = Self::default();
        // Sections in the order in which they replace each other.
        let mut sections: [BTreeMap<String, Setting>; 3] = Default::default();
        for path in files(from) {
            let Some(text) = read_setting(&path)? else { continue };
            let origin = path.display().to_string();
            let options = ParseOption {
                enabled_quote: false,
                enabled_escape: false,
                enabled_indented_mutiline_value: true,
                ..ParseOption::default()
            };
            let ini = Ini::load_from_str_opt(&text, options).map_err(|error| FetchError::Setting {
                origin: origin.clone(),
                problem: format!("not a pip configuration: line {}: {}", error.line + 1, error.msg),
            })?;
            for (into, section) in sections.iter_mut().zip(["global", "download", "install"]) {
                for (name, value) in ini.section(Some(section)).into_iter().flat_map(|found| found.iter()) {
                    let setting = Setting { value: value.to_owned(), origin: origin.clone() };
                    into.insert(normalized(name), setting);
                }
            }
        }
        for section in sections {
            settings.files.extend(section);
        }
        for (name, value) in &from.env {
            if let Some(option) = name.strip_prefix("PIP_").filter(|_| !value.is_empty()) {
                let setting = Setting { value: value.clone(), origin: name.clone() };
                settings.variables.insert(normalized(option), setting);
            }
        }
        Ok(settings)
    }

    /// An option, the variable first.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.variables.get(name).or_else(|| self.files.get(name)).filter(|set| !set.value.trim().is_empty())
    }
}

/// The configuration files that pip reads, later ones replace earlier ones.
fn files(from: &Surroundings) -> Vec<PathBuf> {
    let named = from.var("PIP_CONFIG_FILE");
    if named == Some("/dev/null") {
        return Vec::new();
    }
    let mut files: Vec<PathBuf> =
        from.config_dirs().into_iter().map(|dir| dir.join("pip/pip.conf")).collect();
    files.push(from.etc("pip.conf"));
    files.extend(from.home().map(|home| home.join(".pip/pip.conf")));
    files.extend(from.config_home().map(|config| config.join("pip/pip.conf")));
    files.extend(from.var("VIRTUAL_ENV").map(|prefix| from.path(prefix).join("pip.conf")));
    files.extend(named.map(|path| from.path(path)));
    files
}

/// pip takes `INDEX_URL`, `index_url` and `--index-url` for the same.
fn normalized(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-").trim_start_matches("--").to_owned()
}

/// Whether a boolean option's text says yes (pip's `strtobool`).
pub(super) fn is_yes(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "y" | "yes" | "t" | "true" | "on" | "1")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::surroundings::test_surroundings;
    use super::*;

    #[test]
    fn files_sections_and_variables_replace_each_other_as_in_pip() {
        let temp = tempfile::tempdir().unwrap();
        for folder in ["etc", "home/.config/pip", "home/.pip"] {
            fs::create_dir_all(temp.path().join(folder)).unwrap();
        }
        let write = |path: &str, text: &str| fs::write(temp.path().join(path), text).unwrap();
        write(
            "etc/pip.conf",
            "# a comment\n[global]\nindex-url = https://a.example/simple\nno_index = false\ntimeout=7\n\
             extra-index-url =\n    https://b.example/simple\n    https://c.example/100%25\n[install]\ntrusted-host = t.example\n",
        );
        write("home/.pip/pip.conf", "[global]\ntimeout = 8\nproxy = http://old.example\n");
        write(
            "home/.config/pip/pip.conf",
            "[global]\nproxy = http://new.example\ntrusted-host = u.example\n",
        );
        let load = |env: &[(&str, &str)]| PipSettings::load(&test_surroundings(temp.path(), env)).unwrap();
        let pip = load(&[("PIP_TIMEOUT", "9"), ("PIP_CERT", "")]);
        let value = |name: &str| pip.get(name).map(|setting| setting.value.as_str());
        assert_eq!(value("index-url"), Some("https://a.example/simple"));
        assert_eq!(value("timeout"), Some("9"));
        assert_eq!(value("proxy"), Some("http://new.example"));
        assert_eq!(value("trusted-host"), Some("t.example"));
        assert_eq!(value("cert"), None);
        let extra: Vec<_> = value("extra-index-url").unwrap().split_whitespace().collect();
        assert_eq!(extra, ["https://b.example/simple", "https://c.example/100%25"]);
        assert!(load(&[("PIP_CONFIG_FILE", "/dev/null")]).get("index-url").is_none());
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("pip.conf");
        fs::write(&file, "[global]\nindex-url = x\n[oops\n").unwrap();
        let from = test_surroundings(temp.path(), &[("PIP_CONFIG_FILE", file.to_str().unwrap())]);
        let error = PipSettings::load(&from).unwrap_err().to_string();
        assert!(error.contains("pip.conf") && error.contains("line"), "{error}");
    }
}
