//! Lock versions up to 2.0: from the project's own requirements along the packages' dependencies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pep440_rs::Version;
use toml::Value;

use super::constraint::{Constraint, ConstraintError};
use super::project::{Edge, Own, Requirement, edges};
use super::wire::{Lock, Package};
use super::{FORMAT, RequirementsError, Taken};
use crate::name::PackageName;
use crate::requirements::Place;
use crate::requirements::marker::Active;
use crate::requirements::place::Text;
use crate::requirements::reader::{Reader, same};

/// More rounds than the choice between versions of one name ever takes.
const ROUNDS: usize = 64;

/// The `pyproject.toml` in the lock's folder.
pub(super) fn pyproject(lock: &str) -> String {
    let folder = lock.rfind('/').map_or("", |end| &lock[..=end]);
    format!("{folder}pyproject.toml")
}

/// What is asked of a name: by whom, and for which versions.
#[derive(Default, PartialEq, Eq)]
struct Asked {
    by: BTreeSet<String>,
    versions: Vec<Constraint>,
}

/// The packages that are reached.
///
/// A lock may hold several versions of a name, for different conditions. Which one is meant all that ask for it say
/// together, so the walk is repeated with what the walk before found, until nothing changes.
pub(super) fn taken(
    lock: &Lock,
    own: &Own,
    text: Text<'_>,
    reader: &Reader<'_>,
) -> Result<Taken, RequirementsError> {
    let extras = lock.extras.keys().map(String::as_str);
    reader.check_selection(text.file, extras, own.groups.keys().map(String::as_str))?;
    let names = lock.package.iter().map(|package| package.get_ref().name.parse().ok()).collect();
    let walk = Walk { lock, own, text, reader, names };
    let mut asked = BTreeMap::new();
    for _ in 0..ROUNDS {
        let (taken, now) = walk.round(&asked)?;
        if now == asked {
            return Ok(taken);
        }
        asked = now;
    }
    let message = "the versions of one name depend on each other in a circle".to_owned();
    Err(RequirementsError::Broken { at: text.line(1), format: FORMAT, message })
}

struct Walk<'a, 'r> {
    lock: &'a Lock,
    own: &'a Own,
    text: Text<'a>,
    reader: &'a Reader<'r>,
    /// Of the packages, normalized.
    names: Vec<Option<PackageName>>,
}

/// A requirement that is looked at.
struct Step<'a> {
    from: Asker<'a>,
    name: PackageName,
    edge: Edge,
    at: Place,
}

/// Who requires: the project, or a package with some of its extras.
#[derive(Clone, Copy)]
struct Asker<'a> {
    index: Option<usize>,
    extra: Option<&'a str>,
}

impl<'a> Walk<'a, '_> {
    fn round(
        &self,
        before: &BTreeMap<PackageName, Asked>,
    ) -> Result<(Taken, BTreeMap<PackageName, Asked>), RequirementsError> {
        let mut asked: BTreeMap<PackageName, Asked> = BTreeMap::new();
        let mut reached: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        let mut seen: BTreeSet<(usize, Option<String>)> = BTreeSet::new();
        let mut queue: VecDeque<Step<'a>> = VecDeque::new();
        let root = Asker { index: None, extra: None };
        let groups = self.own.groups.iter();
        let groups =
            groups.filter(|(group, _)| self.reader.selection.groups.iter().any(|asked| same(group, asked)));
        for table in std::iter::once(&self.own.main).chain(groups.map(|(_, table)| table)) {
            for Requirement { name, value, at } in table.iter().filter(|required| required.name != "python") {
                push(&mut queue, root, name, value, at)?;
            }
        }
        while let Some(step) = queue.pop_front() {
            if !self.applies(&step)? {
                continue;
            }
            let Step { from, name, edge, at } = step;
            let by = match from.index {
                None => self.text.file.to_owned(),
                Some(index) => self.lock.package[index].get_ref().name.clone(),
            };
            let entry = asked.entry(name.clone()).or_default();
            entry.by.insert(by.clone());
            if let Some(version) = &edge.version {
                let version = constraint(version, &at)?;
                if !entry.versions.contains(&version) {
                    entry.versions.push(version);
                }
            }
            let all =
                before.get(&name).map_or(entry.versions.as_slice(), |before| before.versions.as_slice());
            let index = self.meant(from, &name, all, &at)?;
            reached.entry(index).or_default().insert(by);
            let package = self.lock.package[index].get_ref();
            let extras = edge.extras.iter().filter_map(|extra| {
                package.extras.keys().find(|key| extra.parse().is_ok_and(|extra| same(key, &extra)))
            });
            for extra in std::iter::once(None).chain(extras.map(|extra| Some(extra.as_str()))) {
                if seen.insert((index, extra.map(ToOwned::to_owned))) {
                    let at = self.text.at(&self.lock.package[index].span());
                    for (name, value) in &package.dependencies {
                        push(&mut queue, Asker { index: Some(index), extra }, name, value, &at)?;
                    }
                }
            }
        }
        let mut taken = Taken::new();
        for (index, by) in reached {
            taken.insert(index, by.into_iter().collect());
        }
        Ok((taken, asked))
    }

    /// Whether a requirement holds here, with the extras that are asked for.
    fn applies(&self, step: &Step<'_>) -> Result<bool, RequirementsError> {
        let Step { from, name, edge, at } = step;
        if edge.optional && !self.extra_takes(*from, name) {
            return Ok(false);
        }
        if edge.platform.as_deref().is_some_and(|platform| platform != "linux") {
            return Ok(false);
        }
        if let Some(python) = &edge.python {
            match constraint(python, at)?.allows_python(self.reader.interpreter) {
                Some(true) => {}
                Some(false) => return Ok(false),
                None => return Err(self.reader.wrong_python(python, name.as_str(), at.clone())),
            }
        }
        let Some(marker) = &edge.markers else { return Ok(true) };
        let active = match from.index {
            None => Active::of(self.reader.selection.extras.iter().map(PackageName::as_str)),
            Some(_) => Active::of(from.extra),
        };
        self.reader.holds(marker, &active, || at.clone())
    }

    /// Whether an extra takes an optional requirement.
    fn extra_takes(&self, from: Asker<'_>, name: &PackageName) -> bool {
        match from.index {
            None => {
                let asked = &self.reader.selection.extras;
                let lists = self.lock.extras.iter();
                let mut lists = lists.filter(|(extra, _)| asked.iter().any(|asked| same(extra, asked)));
                lists.any(|(_, names)| names.iter().any(|listed| same(head(listed), name)))
            }
            Some(index) => {
                let extras = &self.lock.package[index].get_ref().extras;
                let listed = from.extra.and_then(|extra| extras.get(extra));
                listed.is_some_and(|names| names.iter().any(|listed| same(head(listed), name)))
            }
        }
    }

    /// The version of a name that is meant: of those for this Python that all constraints allow, the highest.
    fn meant(
        &self,
        from: Asker<'_>,
        name: &PackageName,
        asked: &[Constraint],
        at: &Place,
    ) -> Result<usize, RequirementsError> {
        let mut found: Vec<(usize, &Package)> = Vec::new();
        for (index, own) in self.names.iter().enumerate() {
            if own.as_ref() == Some(name) {
                found.push((index, self.lock.package[index].get_ref()));
            }
        }
        if found.len() > 1 {
            found.retain(|(_, package)| {
                let version: Option<Version> = package.version.parse().ok();
                let python = package.python_versions.as_ref();
                let python = python.and_then(|python| python.get_ref().parse::<Constraint>().ok());
                let runs =
                    python.is_none_or(|python| python.allows_python(self.reader.interpreter) != Some(false));
                runs && version
                    .is_some_and(|version| asked.iter().all(|constraint| constraint.allows(&version)))
            });
        }
        let best = found.iter().max_by_key(|(_, package)| package.version.parse::<Version>().ok());
        best.map(|(index, _)| *index).ok_or_else(|| {
            let what = from.index.map(|index| self.lock.package[index].get_ref().name.clone());
            let (at, what) = (at.clone(), what.unwrap_or_else(|| "the project".to_owned()));
            RequirementsError::Dangling { at, format: FORMAT, what, name: name.to_string() }
        })
    }
}

fn push<'a>(
    queue: &mut VecDeque<Step<'a>>,
    from: Asker<'a>,
    key: &str,
    value: &Value,
    at: &Place,
) -> Result<(), RequirementsError> {
    let broken = |message: String| RequirementsError::Broken { at: at.clone(), format: FORMAT, message };
    let name: PackageName = key.parse().map_err(|error: crate::name::NameError| broken(error.to_string()))?;
    let edges = edges(value)
        .ok_or_else(|| broken(format!("{key}: expected a version, a table, or a list of tables")))?;
    queue.extend(edges.into_iter().map(|edge| Step { from, name: name.clone(), edge, at: at.clone() }));
    Ok(())
}

fn constraint(text: &str, at: &Place) -> Result<Constraint, RequirementsError> {
    text.parse().map_err(|error: ConstraintError| RequirementsError::Broken {
        at: at.clone(),
        format: FORMAT,
        message: error.to_string(),
    })
}

/// The name in `PySocks (>=1.5.6) ; …`.
fn head(listed: &str) -> &str {
    let end = listed.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    listed[..end.unwrap_or(listed.len())].trim()
}
