//! The e-mail like headers of WHEEL and METADATA, and entry points.

use super::WheelError;

/// Parsed headers (core metadata, "the standard file format for metadata").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata(Vec<(String, String)>);

/// A console or GUI script that an installer makes ("entry points specification").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPoint {
    /// The script's file name.
    pub script: String,
    /// What it imports.
    pub module: String,
    /// What it calls, dots allowed.
    pub object: String,
}

impl Metadata {
    pub(super) fn parse(file: &str, member: &str, bytes: &[u8]) -> Result<Self, WheelError> {
        let (headers, _) = mailparse::parse_headers(bytes).map_err(|error| WheelError::Metadata {
            file: file.to_owned(),
            what: member.to_owned(),
            expected: "headers".to_owned(),
            actual: error.to_string(),
        })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        Ok(Self(headers.iter().map(|header| (header.get_key(), text(header.get_value_raw()))).collect()))
    }

    /// The first value of a header, whose name's case does not matter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every value of a header.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |pair: &&(String, String)| pair.0.eq_ignore_ascii_case(name);
        self.0.iter().filter(named).map(|(_, value)| value.as_str())
    }
}

/// Reads `entry_points.txt`: its console and GUI scripts, sorted.
pub(super) fn scripts(file: &str, text: &str) -> Result<Vec<EntryPoint>, WheelError> {
    let wrong = |expected: &str, actual: &str| WheelError::Metadata {
        file: file.to_owned(),
        what: "entry_points.txt".to_owned(),
        expected: expected.to_owned(),
        actual: format!("{actual:?}"),
    };
    let options =
        ini::ParseOption { enabled_quote: false, enabled_escape: false, ..ini::ParseOption::default() };
    let parsed = ini::Ini::load_from_str_opt(text, options)
        .map_err(|error| wrong("sections of NAME = OBJECT", &error.to_string()))?;
    let mut found = Vec::new();
    for section in ["console_scripts", "gui_scripts"] {
        for (name, value) in parsed.section(Some(section)).into_iter().flat_map(ini::Properties::iter) {
            // Extras after the object are allowed and of no meaning to installers.
            let object = value.split('[').next().unwrap_or_default().trim();
            let Some((module, object)) = object.split_once(':') else {
                return Err(wrong("MODULE:OBJECT", value));
            };
            let (module, object) = (module.trim(), object.trim());
            if !is_dotted_name(module) || !is_dotted_name(object) {
                return Err(wrong("MODULE:OBJECT of Python names", value));
            }
            let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
            if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
                return Err(wrong("a script's name of letters, digits, '-', '_', '+' and '.'", name));
            }
            found.push(EntryPoint {
                script: name.to_owned(),
                module: module.to_owned(),
                object: object.to_owned(),
            });
        }
    }
    found.sort_by(|a, b| a.script.cmp(&b.script));
    Ok(found)
}

/// Whether a text is Python names joined by dots, so that it can stand in a script.
fn is_dotted_name(text: &str) -> bool {
    text.split('.').all(|part| {
        part.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_and_code_in_them_is_refused() {
        let text = "[console_scripts]\nb = pkg.mod:Class.main [extra]\na=pkg:main\n[other]\nc = x\n";
        let found = scripts("w", text).unwrap();
        let names: Vec<_> = found.iter().map(|each| (each.script.as_str(), each.object.as_str())).collect();
        assert_eq!(names, [("a", "main"), ("b", "Class.main")]);
        for wrong in ["a = pkg", "a = pkg:main()", "a = os;x:main", "../a = pkg:main", "a = pkg:", "a = :m"] {
            assert!(scripts("w", &format!("[console_scripts]\n{wrong}\n")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn headers_may_repeat() {
        let text = "Metadata-Version: 2.1\nName: a\nRequires-Dist: b>=1; extra == \"x\"\nrequires-dist: c\n\nbody: x\n";
        let metadata = Metadata::parse("w", "METADATA", text.as_bytes()).unwrap();
        let all: Vec<_> = metadata.all("Requires-Dist").collect();
        assert_eq!(all, ["b>=1; extra == \"x\"", "c"]);
        assert_eq!(metadata.get("body"), None);
    }
}
