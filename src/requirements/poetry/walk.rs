//! Lock versions up to 2.0: from the project's own requirements along the packages' dependencies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pep440_rs::Version;
use toml::Value;

use super::constraint::Constraint;
use super::project::{Edge, Own, edges};
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
    let walk = Walk { lock, own, text, reader };
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
        let mut queue: VecDeque<(Asker<'_>, PackageName, Edge)> = VecDeque::new();
        let root = Asker { index: None, extra: None };
        let groups = self.own.groups.iter();
        let groups =
            groups.filter(|(group, _)| self.reader.selection.groups.iter().any(|asked| same(group, asked)));
        for table in std::iter::once(&self.own.main).chain(groups.map(|(_, table)| table)) {
            Self::push(&mut queue, root, table.iter(), || self.text.line(1))?;
        }
        while let Some((from, name, edge)) = queue.pop_front() {
            if !self.applies(from, &name, &edge)? {
                continue;
            }
            let by = match from.index {
                None => self.text.file.to_owned(),
                Some(index) => self.lock.package[index].get_ref().name.clone(),
            };
            let entry = asked.entry(name.clone()).or_default();
            entry.by.insert(by.clone());
            if let Some(version) = edge.version.as_deref().and_then(|version| version.parse().ok())
                && !entry.versions.contains(&version)
            {
                entry.versions.push(version);
            }
            let all =
                before.get(&name).map_or(entry.versions.as_slice(), |before| before.versions.as_slice());
            let index = self.meant(from, &name, all)?;
            reached.entry(index).or_default().insert(by);
            let package = self.lock.package[index].get_ref();
            let extras = edge.extras.iter().filter_map(|extra| {
                package.extras.keys().find(|key| extra.parse().is_ok_and(|extra| same(key, &extra)))
            });
            for extra in std::iter::once(None).chain(extras.map(|extra| Some(extra.as_str()))) {
                if seen.insert((index, extra.map(ToOwned::to_owned))) {
                    let at = || self.text.at(&self.lock.package[index].span());
                    Self::push(
                        &mut queue,
                        Asker { index: Some(index), extra },
                        package.dependencies.iter(),
                        at,
                    )?;
                }
            }
        }
        let mut taken = Taken::new();
        for (index, by) in reached {
            taken.insert(index, by.into_iter().collect());
        }
        Ok((taken, asked))
    }

    fn push<'t>(
        queue: &mut VecDeque<(Asker<'a>, PackageName, Edge)>,
        from: Asker<'a>,
        table: impl Iterator<Item = (&'t String, &'t Value)>,
        at: impl Fn() -> Place,
    ) -> Result<(), RequirementsError> {
        let broken = |message: String| RequirementsError::Broken { at: at(), format: FORMAT, message };
        for (key, value) in table {
            if from.index.is_none() && key == "python" {
                continue;
            }
            let name: PackageName =
                key.parse().map_err(|error: crate::name::NameError| broken(error.to_string()))?;
            let edges = edges(value)
                .ok_or_else(|| broken(format!("{key}: expected a version, a table, or a list of tables")))?;
            queue.extend(edges.into_iter().map(|edge| (from, name.clone(), edge)));
        }
        Ok(())
    }

    /// Whether a requirement holds here, with the extras that are asked for.
    fn applies(&self, from: Asker<'_>, name: &PackageName, edge: &Edge) -> Result<bool, RequirementsError> {
        let at = || match from.index {
            None => self.text.line(1),
            Some(index) => self.text.at(&self.lock.package[index].span()),
        };
        if edge.optional && !self.extra_takes(from, name) {
            return Ok(false);
        }
        if edge.platform.as_deref().is_some_and(|platform| platform != "linux") {
            return Ok(false);
        }
        if let Some(python) = &edge.python {
            let constraint: Constraint =
                python.parse().map_err(|error: super::constraint::ConstraintError| {
                    RequirementsError::Broken { at: at(), format: FORMAT, message: error.to_string() }
                })?;
            match constraint.allows_python(self.reader.interpreter) {
                Some(true) => {}
                Some(false) => return Ok(false),
                None => return Err(self.reader.wrong_python(python, name.as_str(), at())),
            }
        }
        let Some(marker) = &edge.markers else { return Ok(true) };
        let active = match from.index {
            None => Active::of(self.reader.selection.extras.iter().map(PackageName::as_str)),
            Some(_) => Active::of(from.extra),
        };
        self.reader.holds(marker, &active, at)
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
    ) -> Result<usize, RequirementsError> {
        let mut found: Vec<(usize, &Package)> = Vec::new();
        for (index, package) in self.lock.package.iter().enumerate() {
            if same(&package.get_ref().name, name) {
                found.push((index, package.get_ref()));
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
            let (at, what) = match from.index {
                None => (self.text.line(1), "the project".to_owned()),
                Some(index) => {
                    let package = &self.lock.package[index];
                    (self.text.at(&package.span()), package.get_ref().name.clone())
                }
            };
            RequirementsError::Dangling { at, format: FORMAT, what, name: name.to_string() }
        })
    }
}

/// The name in `PySocks (>=1.5.6) ; …`.
fn head(listed: &str) -> &str {
    let end = listed.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    listed[..end.unwrap_or(listed.len())].trim()
}
