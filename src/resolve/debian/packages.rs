//! `Packages` files: 50 MB of text, of which a few hundred paragraphs matter.
//!
//! One scan notes where each package's paragraph is and its name, version and a few flags; the fields of a paragraph
//! are only split, and versions and relations only parsed, when the closure asks.

use std::cmp::Ordering;
use std::collections::HashMap;

use debversion::Version;

use super::DebianError;
use crate::name::Platform;

/// One package of one suite.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stanza<'a> {
    /// Number of the suite.
    pub(super) suite: usize,
    /// Package name.
    pub(super) name: &'a str,
    /// Debian version.
    pub(super) version: &'a str,
    /// Debian architecture.
    pub(super) arch: &'a str,
    /// `Essential: yes`.
    pub(super) essential: bool,
    provides: &'a str,
    text: &'a str,
}

/// The newest version of every package that the suites hold.
#[derive(Debug)]
pub(super) struct Pool<'a> {
    packages: HashMap<&'a str, Stanza<'a>>,
    /// By virtual name, the most wanted provider first, then by name.
    providers: HashMap<&'a str, Vec<Provider<'a>>>,
    platform: Platform,
}

/// Who provides a virtual package, and as which version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Provider<'a> {
    pub(super) package: Stanza<'a>,
    pub(super) version: Option<&'a str>,
}

impl<'a> Stanza<'a> {
    /// The fields of one line, by name as written.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.text.lines().filter(|line| !line.starts_with([' ', '\t'])).filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name, value.trim()))
        })
    }

    /// A field of one line, or nothing.
    pub(super) fn field(&self, wanted: &str) -> &'a str {
        self.fields().find(|(name, _)| *name == wanted).map_or("", |(_, value)| value)
    }

    /// What the package provides: each name, with a version if it has one.
    pub(super) fn provided(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        self.provides.split(',').filter_map(|item| {
            let item = item.trim();
            let (name, version) = match item.split_once('(') {
                None => (item, None),
                Some((name, rest)) => (name.trim(), rest.trim_end_matches(')').trim().strip_prefix('=')),
            };
            let name = name.split_once(':').map_or(name, |(name, _)| name);
            (!name.is_empty()).then(|| (name, version.map(str::trim)))
        })
    }

    /// How much the archive wants the package: smaller is more.
    fn priority(&self) -> u8 {
        match self.field("Priority") {
            "required" => 0,
            "important" => 1,
            "standard" => 2,
            "optional" => 3,
            _ => 4,
        }
    }
}

impl<'a> Pool<'a> {
    /// Scans the `Packages` files, in the order of their suites' numbers. The highest version of a package counts;
    /// of equal ones the first.
    pub(super) fn scan(texts: &[&'a str], platform: Platform) -> Result<Self, DebianError> {
        let mut packages: HashMap<&'a str, Stanza<'a>> = HashMap::with_capacity(80_000);
        for (suite, text) in texts.iter().enumerate() {
            for paragraph in Paragraphs(text) {
                let found = stanza(suite, paragraph);
                if found.name.is_empty() || found.version.is_empty() || found.arch.is_empty() {
                    let start: String = paragraph.chars().take(60).collect();
                    let reason = format!("a paragraph without Package, Version or Architecture: {start:?}");
                    return Err(DebianError::Packages { suite: format!("number {}", suite + 1), reason });
                }
                if found.arch != "all" && found.arch != platform.debian() {
                    continue;
                }
                match packages.entry(found.name) {
                    std::collections::hash_map::Entry::Vacant(entry) => {
                        entry.insert(found);
                    }
                    std::collections::hash_map::Entry::Occupied(mut entry) => {
                        if compare(found.version, entry.get().version)? == Ordering::Greater {
                            entry.insert(found);
                        }
                    }
                }
            }
        }
        let mut providers: HashMap<&'a str, Vec<Provider<'a>>> = HashMap::new();
        for package in packages.values() {
            for (name, version) in package.provided() {
                providers.entry(name).or_default().push(Provider { package: *package, version });
            }
        }
        for several in providers.values_mut().filter(|several| several.len() > 1) {
            several.sort_by_cached_key(|provider| {
                (provider.package.priority(), provider.package.name, provider.version)
            });
        }
        Ok(Self { packages, providers, platform })
    }

    /// The platform whose packages these are.
    pub(super) fn platform(&self) -> Platform {
        self.platform
    }

    /// The newest version of a package.
    pub(super) fn get(&self, name: &str) -> Option<Stanza<'a>> {
        self.packages.get(name).copied()
    }

    /// The essential packages, sorted by name.
    pub(super) fn essential(&self) -> Vec<Stanza<'a>> {
        let mut found: Vec<_> = self.packages.values().filter(|package| package.essential).copied().collect();
        found.sort_by_key(|package| package.name);
        found
    }

    /// Who provides a virtual package: the most wanted first, then by name.
    pub(super) fn providers(&self, name: &str) -> &[Provider<'a>] {
        self.providers.get(name).map_or(&[], Vec::as_slice)
    }

    /// Names that a person may have meant: the closest first, three at most.
    pub(super) fn similar(&self, name: &str) -> Vec<String> {
        let mut close: Vec<_> = self
            .packages
            .keys()
            .map(|other| (strsim::normalized_damerau_levenshtein(name, other), *other))
            .filter(|(likeness, _)| *likeness > 0.7)
            .collect();
        close.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        close.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
    }
}

/// Compares two Debian versions (deb-version(7)).
pub(super) fn compare(left: &str, right: &str) -> Result<Ordering, DebianError> {
    let parse = |text: &str| {
        text.parse::<Version>().map_err(|_| DebianError::Packages {
            suite: "any".to_owned(),
            reason: format!("not a Debian version: {text:?}"),
        })
    };
    Ok(if left == right { Ordering::Equal } else { parse(left)?.cmp(&parse(right)?) })
}

/// Paragraphs of a text: what stands between empty lines.
struct Paragraphs<'a>(&'a str);

impl<'a> Iterator for Paragraphs<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0 = self.0.trim_start_matches('\n');
        if self.0.is_empty() {
            return None;
        }
        let (paragraph, rest) = self.0.split_once("\n\n").unwrap_or((self.0, ""));
        self.0 = rest;
        Some(paragraph)
    }
}

/// Notes what a paragraph is, without splitting all of it.
fn stanza(suite: usize, text: &str) -> Stanza<'_> {
    let mut found = Stanza { suite, name: "", version: "", arch: "", essential: false, provides: "", text };
    for line in text.split('\n') {
        let value = |field: &str| line.strip_prefix(field).map(str::trim);
        match line.as_bytes().first() {
            Some(b'P') => {
                found.name = value("Package:").unwrap_or(found.name);
                found.provides = value("Provides:").unwrap_or(found.provides);
            }
            Some(b'V') => found.version = value("Version:").unwrap_or(found.version),
            Some(b'A') => found.arch = value("Architecture:").unwrap_or(found.arch),
            Some(b'E') => found.essential |= value("Essential:") == Some("yes"),
            Some(_) | None => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_of_all_suites_counts() {
        let stable = "Package: a\nVersion: 1.0-1\nArchitecture: amd64\n\nPackage: b\nVersion: 1:1\nArchitecture: all\n";
        let security = "Package: a\nVersion: 1.0-1+deb12u1\nArchitecture: amd64\n\nPackage: b\nVersion: 2\nArchitecture: all\n\nPackage: c\nVersion: 1\nArchitecture: i386\n";
        let pool = Pool::scan(&[stable, security], Platform::LinuxAmd64).unwrap();
        assert_eq!(pool.get("a").unwrap().version, "1.0-1+deb12u1");
        assert_eq!(pool.get("b").unwrap().version, "1:1");
        assert!(pool.get("c").is_none());
        assert!(Pool::scan(&["Package: a\n"], Platform::LinuxAmd64).is_err());
    }

    #[test]
    fn provides_have_versions_or_none() {
        let text = "Package: a\nVersion: 1\nArchitecture: all\nProvides: v (= 2), w:any, x\n";
        let pool = Pool::scan(&[text], Platform::LinuxAmd64).unwrap();
        let provided: Vec<_> = pool.get("a").unwrap().provided().collect();
        assert_eq!(provided, [("v", Some("2")), ("w", None), ("x", None)]);
        assert_eq!(pool.providers("w").len(), 1);
        assert_eq!(pool.providers("y").len(), 0);
    }
}
