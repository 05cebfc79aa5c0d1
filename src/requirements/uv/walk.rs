//! From the project's package along the dependencies whose markers hold.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use toml::Spanned;

use super::wire::{Dependency, Lock};
use super::{FORMAT, RequirementsError};
use crate::requirements::marker::Active;
use crate::requirements::place::Text;
use crate::requirements::reader::{Reader, same};

pub(super) struct Graph<'a, 'r> {
    pub(super) lock: &'a Lock,
    pub(super) text: Text<'a>,
    pub(super) reader: &'a Reader<'r>,
    pub(super) root: usize,
    pub(super) active: Active,
}

impl<'a> Graph<'a, '_> {
    /// The packages that are reached, by index, the project's own aside, each with those who need it.
    pub(super) fn walk(&self) -> Result<BTreeMap<usize, BTreeSet<String>>, RequirementsError> {
        let own = self.lock.package[self.root].get_ref();
        let mut reached: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        // A package is visited once plain and once with each extra.
        let mut seen: BTreeSet<(usize, Option<&str>)> = BTreeSet::new();
        let mut queue: VecDeque<(usize, &'a [Spanned<Dependency>])> = VecDeque::new();
        queue.push_back((self.root, &own.dependencies));
        seen.insert((self.root, None));
        for (extra, edges) in &own.optional_dependencies {
            if self.reader.selection.extras.iter().any(|asked| same(extra, asked)) {
                seen.insert((self.root, Some(extra)));
                queue.push_back((self.root, edges));
            }
        }
        for (group, edges) in &own.dev_dependencies {
            if self.reader.selection.groups.iter().any(|asked| same(group, asked)) {
                queue.push_back((self.root, edges));
            }
        }
        while let Some((from, edges)) = queue.pop_front() {
            for edge in edges {
                let Some(to) = self.follow(from, edge)? else { continue };
                let package = self.lock.package[to].get_ref();
                if to != self.root {
                    let by = if from == self.root {
                        self.text.file
                    } else {
                        &self.lock.package[from].get_ref().name
                    };
                    reached.entry(to).or_default().insert(by.to_owned());
                }
                if seen.insert((to, None)) {
                    queue.push_back((to, &package.dependencies));
                }
                for extra in &edge.get_ref().extra {
                    // An extra without dependencies is not in the file.
                    if let Some((extra, edges)) = package.optional_dependencies.get_key_value(extra)
                        && seen.insert((to, Some(extra)))
                    {
                        queue.push_back((to, edges));
                    }
                }
            }
        }
        Ok(reached)
    }

    /// The package that a dependency means, if its marker holds.
    fn follow(&self, from: usize, edge: &Spanned<Dependency>) -> Result<Option<usize>, RequirementsError> {
        let at = || self.text.at(&edge.span());
        let dependency = edge.get_ref();
        if let Some(marker) = &dependency.marker
            && !self.reader.holds(marker, &self.active, at)?
        {
            return Ok(None);
        }
        let mut found: Vec<usize> = Vec::new();
        for (index, package) in self.lock.package.iter().enumerate() {
            let package = package.get_ref();
            let meant = package.name == dependency.name
                && dependency
                    .version
                    .as_ref()
                    .is_none_or(|version| package.version.as_ref() == Some(version))
                && dependency.source.as_ref().is_none_or(|source| package.source == *source);
            if meant {
                found.push(index);
            }
        }
        // Of several forks the one that is for this environment.
        if found.len() > 1 {
            let mut fitting = Vec::new();
            for index in found {
                if self.fork_holds(index)? {
                    fitting.push(index);
                }
            }
            found = fitting;
        }
        match found.as_slice() {
            [only] => Ok(Some(*only)),
            [] => Err(RequirementsError::Dangling {
                at: at(),
                format: FORMAT,
                what: self.lock.package[from].get_ref().name.clone(),
                name: dependency.name.clone(),
            }),
            [first, second, ..] => {
                let version = |index: usize| {
                    self.lock.package[index]
                        .get_ref()
                        .version
                        .clone()
                        .unwrap_or_else(|| "(no version)".to_owned())
                };
                Err(RequirementsError::Two {
                    at: self.text.at(&self.lock.package[*second].span()),
                    format: FORMAT,
                    name: dependency.name.clone(),
                    version: version(*second),
                    other: version(*first),
                    other_at: self.text.at(&self.lock.package[*first].span()),
                })
            }
        }
    }

    fn fork_holds(&self, index: usize) -> Result<bool, RequirementsError> {
        let package = &self.lock.package[index];
        let mut any = package.get_ref().resolution_markers.is_empty();
        for marker in &package.get_ref().resolution_markers {
            any |= self.reader.holds(marker, &self.active, || self.text.at(&package.span()))?;
        }
        Ok(any)
    }
}
