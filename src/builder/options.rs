//! Options of a builder's own: `[options]` of `builder.toml` declares them, `[target.NAME.options]` sets them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::config::typed::TypedOption;

/// What one option takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OptionRule {
    /// Of which kind its value is.
    #[serde(rename = "type")]
    pub kind: OptionKind,
    /// Whether a target has to set it.
    #[serde(default)]
    pub required: bool,
    /// The only texts that it takes; empty for any.
    #[serde(default)]
    pub one_of: Vec<String>,
}

/// Kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptionKind {
    /// `true` or `false`
    Flag,
    /// A text of one line.
    Text,
    /// A path below the project's folder.
    Path,
    /// Texts of one line.
    Texts,
    /// Paths below the project's folder.
    Paths,
}

impl fmt::Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "true or false",
            Self::Text => "a text of one line",
            Self::Path => "a path below the project's folder",
            Self::Texts => "a list of texts of one line",
            Self::Paths => "a list of paths below the project's folder",
        })
    }
}

impl OptionRule {
    /// What it takes, as messages say it.
    #[must_use]
    pub fn expected(&self) -> String {
        if self.one_of.is_empty() {
            return self.kind.to_string();
        }
        let choices: Vec<String> = self.one_of.iter().map(|text| format!("{text:?}")).collect();
        choices.join(" or ")
    }

    fn takes(&self, value: &TypedOption) -> bool {
        let plain = |text: &String| !text.is_empty() && !text.chars().any(char::is_control);
        let below = |text: &String| {
            let good = |part: &str| !part.is_empty() && part != "." && part != "..";
            plain(text) && text.split('/').all(good)
        };
        let chosen = |text: &String| self.one_of.is_empty() || self.one_of.contains(text);
        match (self.kind, value) {
            (OptionKind::Flag, TypedOption::Flag(_)) => true,
            (OptionKind::Text, TypedOption::Text(text)) => plain(text) && chosen(text),
            (OptionKind::Path, TypedOption::Text(text)) => below(text) && chosen(text),
            (OptionKind::Texts, TypedOption::Texts(list)) => {
                list.iter().all(|text| plain(text) && chosen(text))
            }
            (OptionKind::Paths, TypedOption::Texts(list)) => {
                list.iter().all(|text| below(text) && chosen(text))
            }
            (
                OptionKind::Flag
                | OptionKind::Text
                | OptionKind::Path
                | OptionKind::Texts
                | OptionKind::Paths,
                TypedOption::Flag(_) | TypedOption::Text(_) | TypedOption::Texts(_),
            ) => false,
        }
    }
}

/// What is wrong with a target's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The builder has no such option.
    Unknown { option: String, known: Vec<String> },
    /// A value that it does not take.
    Value { option: String, expected: String, actual: String },
    /// One that it needs.
    Missing { option: String, expected: String },
}

/// Compares what a target sets with what the builder declares.
pub(super) fn check(
    rules: &BTreeMap<String, OptionRule>,
    set: &BTreeMap<String, TypedOption>,
) -> Result<(), Wrong> {
    for (option, value) in set {
        let Some(rule) = rules.get(option) else {
            return Err(Wrong::Unknown { option: option.clone(), known: rules.keys().cloned().collect() });
        };
        if !rule.takes(value) {
            let actual = value.to_string();
            return Err(Wrong::Value { option: option.clone(), expected: rule.expected(), actual });
        }
    }
    match rules.iter().find(|(option, rule)| rule.required && !set.contains_key(*option)) {
        None => Ok(()),
        Some((option, rule)) => Err(Wrong::Missing { option: option.clone(), expected: rule.expected() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_what_the_builder_declares() {
        let rules: BTreeMap<String, OptionRule> = toml::from_str(
            "script = { type = \"path\", required = true }\nstrip = { type = \"flag\" }\n\
             names = { type = \"texts\" }\nlevel = { type = \"text\", one-of = [\"1\", \"2\"] }\n",
        )
        .unwrap();
        let checked = |text: &str| check(&rules, &toml::from_str(text).unwrap());
        assert_eq!(checked("script = \"a/b.py\"\nstrip = true\nnames = [\"x\"]\nlevel = \"2\"\n"), Ok(()));
        assert!(matches!(checked(""), Err(Wrong::Missing { option, .. }) if option == "script"));
        for wrong in [
            "script = \"../a\"",
            "script = \"/a\"",
            "script = \"\"",
            "script = [\"a\"]",
            "strip = \"yes\"",
            "names = \"x\"",
            "names = [\"a\\nb\"]",
            "level = \"3\"",
        ] {
            assert!(matches!(checked(wrong), Err(Wrong::Value { .. })), "{wrong}");
        }
        let Err(Wrong::Unknown { option, known }) = checked("scripts = \"a\"") else { panic!() };
        assert_eq!((option.as_str(), known.len()), ("scripts", 4));
    }
}
