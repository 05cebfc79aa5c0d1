//! The packages that are needed for those that are wanted.
//!
//! A greedy choice as apt makes it, without going back: first everything that leaves no choice is taken, then the
//! first open question (in the order in which it came up) is answered by its first possible alternative, and so on.
//! So the result does not depend on the order of anything but the archive's own relations.

use std::collections::{BTreeMap, HashMap, VecDeque};

use debian_control::lossy::{Relation, Relations};
use debian_control::relations::VersionConstraint;
use debversion::Version;

use super::DebianError;
use super::packages::{Pool, Stanza};

/// Who asked for the packages that nobody depends on.
const ASKED: &str = "the configuration";
const ESSENTIAL: &str = "Essential: yes";
/// The image is assembled with a merged `/usr`, so this one (an empty package) is true of it, and `usrmerge`
/// (a conversion program with its Perl modules) is not wanted as the alternative that Debian 12 names first.
const MERGED_USR: &str = "usr-is-merged";

/// The closure of `include` and the essential packages, sorted by name.
pub(super) fn closure<'a>(pool: &Pool<'a>, include: &[String]) -> Result<Vec<Stanza<'a>>, DebianError> {
    let mut work = Work { pool, chosen: BTreeMap::new(), provided: HashMap::new(), open: VecDeque::new() };
    for package in pool.essential() {
        work.choose(package, ESSENTIAL)?;
    }
    if let Some(package) = pool.get(MERGED_USR) {
        work.choose(package, "the recipe")?;
    }
    for name in include {
        let package = work.included(name)?;
        work.choose(package, ASKED)?;
    }
    work.finish()?;
    work.check_conflicts()?;
    Ok(work.chosen.into_values().map(|chosen| chosen.package).collect())
}

/// One package of the closure.
struct Chosen<'a> {
    package: Stanza<'a>,
    asked_by: String,
}

/// One dependency: any of these.
struct Wanted {
    by: String,
    alternatives: Vec<Relation>,
}

struct Work<'p, 'a> {
    pool: &'p Pool<'a>,
    chosen: BTreeMap<&'a str, Chosen<'a>>,
    /// Virtual names that chosen packages provide: by whom, as which version.
    provided: HashMap<&'a str, Vec<(&'a str, Option<&'a str>)>>,
    open: VecDeque<Wanted>,
}

impl<'a> Work<'_, 'a> {
    /// The package that a name of the configuration means.
    fn included(&self, name: &str) -> Result<Stanza<'a>, DebianError> {
        if let Some(package) = self.pool.get(name) {
            return Ok(package);
        }
        let mut providers = self.pool.providers(name).to_vec();
        providers.dedup_by_key(|provider| provider.package.name);
        match providers.as_slice() {
            [] => Err(DebianError::Unknown {
                name: name.to_owned(),
                asked_by: ASKED.to_owned(),
                similar: self.pool.similar(name),
            }),
            [only] => Ok(only.package),
            several => {
                let mut providers: Vec<_> = several.iter().map(|one| one.package.name.to_owned()).collect();
                providers.sort();
                Err(DebianError::Ambiguous { name: name.to_owned(), providers })
            }
        }
    }

    fn choose(&mut self, package: Stanza<'a>, asked_by: &str) -> Result<(), DebianError> {
        if self.chosen.contains_key(package.name) {
            return Ok(());
        }
        self.chosen.insert(package.name, Chosen { package, asked_by: asked_by.to_owned() });
        for (name, version) in package.provided() {
            self.provided.entry(name).or_default().push((package.name, version));
        }
        for field in ["Pre-Depends", "Depends"] {
            for alternatives in relations(&package, field)? {
                self.open.push_back(Wanted { by: package.name.to_owned(), alternatives });
            }
        }
        Ok(())
    }

    /// Works off everything that is open.
    fn finish(&mut self) -> Result<(), DebianError> {
        let mut questions = VecDeque::new();
        loop {
            while let Some(wanted) = self.open.pop_front() {
                if self.satisfied(&wanted)? {
                    continue;
                }
                match self.options(&wanted)?.as_slice() {
                    [] => return Err(self.unsatisfiable(&wanted)),
                    [only] => self.choose(*only, &wanted.by)?,
                    _ => questions.push_back(wanted),
                }
            }
            let Some(wanted) = questions.pop_front() else { return Ok(()) };
            if !self.satisfied(&wanted)?
                && let Some(first) = self.options(&wanted)?.first()
            {
                self.choose(*first, &wanted.by)?;
            }
        }
    }

    /// Whether a chosen package, or what one provides, is one of the alternatives.
    fn satisfied(&self, wanted: &Wanted) -> Result<bool, DebianError> {
        for relation in &wanted.alternatives {
            if !self.arch_fits(relation) {
                continue;
            }
            if let Some(chosen) = self.chosen.get(relation.name.as_str())
                && holds(relation, Some(chosen.package.version))?
            {
                return Ok(true);
            }
            for (_, version) in self.provided.get(relation.name.as_str()).into_iter().flatten() {
                if holds(relation, *version)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The packages that would satisfy it, in the order of preference: alternatives as written, each itself before
    /// those that provide it.
    fn options(&self, wanted: &Wanted) -> Result<Vec<Stanza<'a>>, DebianError> {
        let mut options: Vec<Stanza<'a>> = Vec::new();
        let mut add = |package: Stanza<'a>| {
            if options.iter().all(|other| other.name != package.name) {
                options.push(package);
            }
        };
        for relation in wanted.alternatives.iter().filter(|relation| self.arch_fits(relation)) {
            if let Some(package) = self.pool.get(&relation.name)
                && holds(relation, Some(package.version))?
            {
                add(package);
            }
            for provider in self.pool.providers(&relation.name) {
                if holds(relation, provider.version)? {
                    add(provider.package);
                }
            }
        }
        Ok(options)
    }

    /// Architecture qualifiers (`:any`, `:native`) mean the one architecture that there is; another one cannot be had.
    fn arch_fits(&self, relation: &Relation) -> bool {
        let ours = self.pool.platform().debian();
        relation
            .archqual
            .as_deref()
            .is_none_or(|arch| matches!(arch, "any" | "native" | "all") || arch == ours)
    }

    fn unsatisfiable(&self, wanted: &Wanted) -> DebianError {
        let have = wanted.alternatives.iter().find_map(|relation| self.pool.get(&relation.name));
        DebianError::Unsatisfiable {
            package: wanted.by.clone(),
            version: self
                .chosen
                .get(wanted.by.as_str())
                .map_or("", |chosen| chosen.package.version)
                .to_owned(),
            relation: wanted.alternatives.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
            have: have.map(|package| format!("{} {}", package.name, package.version)),
            chain: self.chain(&wanted.by),
        }
    }

    /// Who asked for a package: from the configuration (or an essential package) down to it.
    fn chain(&self, name: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut next = Some(name.to_owned());
        while let Some(name) = next {
            next = self.chosen.get(name.as_str()).map(|chosen| chosen.asked_by.clone());
            names.push(name);
        }
        names.reverse();
        names
    }

    /// Whether packages of the closure exclude each other.
    fn check_conflicts(&self) -> Result<(), DebianError> {
        for chosen in self.chosen.values() {
            for (field, verb) in [("Conflicts", "conflicts with"), ("Breaks", "breaks")] {
                for relation in relations(&chosen.package, field)?.iter().flatten() {
                    if let Some(other) = self.excluded(chosen.package.name, relation)? {
                        return Err(DebianError::Conflict {
                            package: chosen.package.name.to_owned(),
                            field: verb,
                            relation: relation.to_string(),
                            other: format!("{} {}", other.name, other.version),
                            chains: vec![self.chain(chosen.package.name), self.chain(other.name)],
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// The chosen package that a conflict of `by` excludes. A package never excludes itself (policy 7.6.2).
    fn excluded(&self, by: &str, relation: &Relation) -> Result<Option<Stanza<'a>>, DebianError> {
        if !self.arch_fits(relation) || relation.name == by {
            return Ok(None);
        }
        if let Some(other) = self.chosen.get(relation.name.as_str())
            && holds(relation, Some(other.package.version))?
        {
            return Ok(Some(other.package));
        }
        for (provider, version) in self.provided.get(relation.name.as_str()).into_iter().flatten() {
            if *provider != by && holds(relation, *version)? {
                return Ok(self.chosen.get(provider).map(|chosen| chosen.package));
            }
        }
        Ok(None)
    }
}

/// Whether a relation holds for this version; a package that is provided without a version only satisfies relations
/// without one (policy 7.5).
fn holds(relation: &Relation, version: Option<&str>) -> Result<bool, DebianError> {
    let Some((constraint, wanted)) = &relation.version else { return Ok(true) };
    let Some(version) = version else { return Ok(false) };
    let version: Version = version.parse().map_err(|_| DebianError::Packages {
        suite: "any".to_owned(),
        reason: format!("package {}: not a Debian version: {version:?}", relation.name),
    })?;
    Ok(match constraint {
        VersionConstraint::LessThan => version < *wanted,
        VersionConstraint::LessThanEqual => version <= *wanted,
        VersionConstraint::Equal => version == *wanted,
        VersionConstraint::GreaterThan => version > *wanted,
        VersionConstraint::GreaterThanEqual => version >= *wanted,
    })
}

/// A field of relations, parsed.
fn relations(package: &Stanza<'_>, field: &str) -> Result<Vec<Vec<Relation>>, DebianError> {
    let text = package.field(field);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let parsed: Relations = text.parse().map_err(|reason| DebianError::Packages {
        suite: "any".to_owned(),
        reason: format!("package {}: field {field}: {reason}", package.name),
    })?;
    Ok(parsed.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Platform;

    /// A pool of `name version; field: value; …` lines.
    fn closure_of(packages: &[&str], include: &[&str]) -> Result<Vec<String>, DebianError> {
        let mut text = String::new();
        for package in packages {
            let (head, fields) = package.split_once(';').unwrap_or((package, ""));
            let (name, version) = head.trim().split_once(' ').unwrap();
            text = format!("{text}Package: {name}\nVersion: {version}\nArchitecture: amd64\n");
            for field in fields.split(';').filter(|field| !field.is_empty()) {
                text = format!("{text}{}\n", field.trim());
            }
            text.push('\n');
        }
        let pool = Pool::scan(&[&text], Platform::LinuxAmd64)?;
        let include: Vec<String> = include.iter().map(|&name| name.to_owned()).collect();
        Ok(closure(&pool, &include)?.iter().map(|package| package.name.to_owned()).collect())
    }

    #[test]
    fn essential_and_included_packages_bring_what_they_depend_on_and_nothing_else() {
        let packages = [
            "e 1;Essential: yes;Pre-Depends: l (>= 1)",
            "l 1.2",
            "a 1;Depends: b:any;Recommends: r",
            "b 1",
            "r 1",
        ];
        assert_eq!(closure_of(&packages, &["a"]).unwrap(), ["a", "b", "e", "l"]);
        assert_eq!(closure_of(&packages, &[]).unwrap(), ["e", "l"]);
    }

    #[test]
    fn an_alternative_that_is_already_in_is_taken_else_the_first_possible_one() {
        let packages = ["a 1;Depends: x (>= 2) | y | z, q", "x 1", "y 1", "z 1", "q 1;Depends: z"];
        assert_eq!(closure_of(&packages, &["a"]).unwrap(), ["a", "q", "z"]);
        assert_eq!(
            closure_of(&packages[..3], &["a"]).unwrap_err().to_string(),
            "package a 1 depends on q, which the suites cannot satisfy"
        );
        let packages = ["a 1;Depends: x (>= 2) | y | z", "x 1", "y 1", "z 1"];
        assert_eq!(closure_of(&packages, &["a"]).unwrap(), ["a", "y"]);
    }

    #[test]
    fn virtual_packages_are_provided_with_a_version_or_without() {
        let packages =
            ["a 1;Depends: v", "b 1;Depends: v (>= 2)", "p 1;Provides: v", "q 1;Provides: v (= 3)"];
        assert_eq!(closure_of(&packages, &["a"]).unwrap(), ["a", "p"]);
        assert_eq!(closure_of(&packages, &["b"]).unwrap(), ["b", "q"]);
        assert_eq!(closure_of(&packages, &["a", "b"]).unwrap(), ["a", "b", "q"]);
        let several = closure_of(&packages, &["v"]).unwrap_err();
        assert_eq!(several.to_string(), "\"v\" is provided by several packages: p, q");
    }

    #[test]
    fn what_cannot_be_is_said_with_who_wanted_it() {
        use crate::error::Fault;
        let error = closure_of(&["libffi-dev 1"], &["libfii-dev"]).unwrap_err();
        assert_eq!(
            (error.to_string(), error.hints()),
            (
                "no package \"libfii-dev\" in the suites (asked for by the configuration)".to_owned(),
                vec!["did you mean libffi-dev?".to_owned()]
            )
        );
        let error = closure_of(&["a 1;Depends: b", "b 2;Depends: c (<< 3)", "c 3"], &["a"]).unwrap_err();
        assert_eq!(
            (error.to_string(), error.hints().swap_remove(0)),
            (
                "package b 2 depends on c (<< 3), which the suites cannot satisfy (they hold c 3)".to_owned(),
                "wanted by way of: the configuration → a → b".to_owned()
            )
        );
        let error = closure_of(&["a 1;Conflicts: v", "b 1;Provides: v", "c 1;Breaks: b (<< 2)"], &["a", "b"])
            .unwrap_err();
        assert_eq!(error.to_string(), "package a conflicts with v, and b 1 is wanted too");
        let error = closure_of(&["c 1;Breaks: b (<< 2)", "b 1"], &["c", "b"]).unwrap_err();
        assert_eq!(error.to_string(), "package c breaks b (<< 2), and b 1 is wanted too");
        closure_of(&["a 1;Conflicts: v;Provides: v", "c 1;Breaks: a (<< 1)"], &["a", "c"]).unwrap();
    }
}
