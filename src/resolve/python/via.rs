//! Who asked for what: uv's annotations, one line for each package.

use std::collections::BTreeMap;

use crate::name::PackageName;

/// For each package, who asked for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Via(BTreeMap<PackageName, Vec<String>>);

impl Via {
    pub(super) fn of(&self, name: &PackageName) -> Vec<String> {
        self.0.get(name).cloned().unwrap_or_default()
    }
}

/// Reads lines such as `packaging==26.3  # via wheel, -r build-system.requires.in`.
pub(super) fn parse(text: &str) -> Via {
    let line = |line: &str| {
        let (requirement, by) = line.split_once("# via ")?;
        let name = requirement.split(['=', '[', ' ', ';']).next()?.parse().ok()?;
        let mut by: Vec<String> =
            by.split(',').map(|who| asker(who.trim())).filter(|who| !who.is_empty()).collect();
        by.sort();
        by.dedup();
        Some((name, by))
    };
    Via(text.lines().filter_map(line).collect())
}

/// A distribution's name, or the name of a requirements file without folder and suffix.
fn asker(text: &str) -> String {
    match text.strip_prefix("-r ") {
        Some(file) => {
            let name = file.rsplit('/').next().unwrap_or(file);
            name.strip_suffix(super::run::SUFFIX).unwrap_or(name).to_owned()
        }
        // A name may carry its extras: `coverage[toml]`.
        None => text.split('[').next().unwrap_or(text).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_name_distributions_and_who_asked_first() {
        let via = parse(
            "packaging==26.3           # via setuptools-scm, wheel\n\
             setuptools==84.2.1        # via setuptools-scm, -r /src/build-system.requires.in, -r hook.in\n\
             coverage[toml]==7 # via x[y]\nnothing here\n",
        );
        let of = |name: &str| via.of(&name.parse().unwrap());
        assert_eq!(of("packaging"), ["setuptools-scm", "wheel"]);
        assert_eq!(of("setuptools"), ["build-system.requires", "hook", "setuptools-scm"]);
        assert_eq!(of("coverage"), ["x"]);
        assert!(of("nothing").is_empty());
    }
}
