//! What a poetry project itself requires: `[tool.poetry]` of its `pyproject.toml` (poetry 1.x).

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Spanned, Table, Value};

use super::{FORMAT, RequirementsError};
use crate::requirements::Place;
use crate::requirements::place::Text;
use crate::requirements::reader::Reader;
use crate::requirements::toml_text;

/// The project's own requirements.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Those of the main group.
    pub(super) main: Vec<Requirement>,
    /// Those of the other groups.
    pub(super) groups: BTreeMap<String, Vec<Requirement>>,
}

/// A requirement as written.
#[derive(Debug)]
pub(super) struct Requirement {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) at: Place,
}

/// One requirement of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Edge {
    /// Which versions.
    pub(super) version: Option<String>,
    /// Extras of the required package.
    pub(super) extras: Vec<String>,
    /// Only with an extra of the requiring one.
    pub(super) optional: bool,
    /// Condition.
    pub(super) markers: Option<String>,
    /// For which versions of Python.
    pub(super) python: Option<String>,
    /// For which `sys.platform`.
    pub(super) platform: Option<String>,
}

type Spans = BTreeMap<String, Spanned<Value>>;

#[derive(Deserialize)]
struct Pyproject {
    tool: Option<Tool>,
}

#[derive(Deserialize)]
struct Tool {
    poetry: Option<Poetry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Poetry {
    dependencies: Option<Spans>,
    dev_dependencies: Option<Spans>,
    #[serde(default)]
    group: BTreeMap<String, Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    dependencies: Spans,
}

/// Reads the `pyproject.toml` beside a lock.
pub(super) fn read(path: &str, lock: Text<'_>, reader: &mut Reader<'_>) -> Result<Own, RequirementsError> {
    let content = reader.text(path, FORMAT, Some(&lock.line(1)))?;
    let text = Text { file: path, text: &content };
    let pyproject: Pyproject = toml_text::parse(text, FORMAT)?;
    let poetry = pyproject.tool.and_then(|tool| tool.poetry);
    let Some((main, dev, group)) =
        poetry.and_then(|poetry| Some((poetry.dependencies?, poetry.dev_dependencies, poetry.group)))
    else {
        let message = format!("no [tool.poetry.dependencies], which {} is read with", lock.file);
        return Err(RequirementsError::Broken { at: text.line(1), format: FORMAT, message });
    };
    let list = |spans: Spans| -> Vec<Requirement> {
        let one = |(name, value): (String, Spanned<Value>)| {
            let at = text.at(&value.span());
            Requirement { name, value: value.into_inner(), at }
        };
        spans.into_iter().map(one).collect()
    };
    let mut groups: BTreeMap<String, Vec<Requirement>> =
        group.into_iter().map(|(name, group)| (name, list(group.dependencies))).collect();
    if let Some(dev) = dev {
        groups.entry("dev".to_owned()).or_default().extend(list(dev));
    }
    Ok(Own { main: list(main), groups })
}

/// A requirement as written: a version, a table, or a list of tables for different conditions.
pub(super) fn edges(value: &Value) -> Option<Vec<Edge>> {
    match value {
        Value::String(version) => Some(vec![Edge { version: Some(version.clone()), ..Edge::default() }]),
        Value::Table(table) => Some(vec![edge(table)?]),
        Value::Array(values) => {
            let lists: Option<Vec<Vec<Edge>>> =
                values.iter().map(|value| value.as_array().is_none().then(|| edges(value))?).collect();
            Some(lists?.into_iter().flatten().collect())
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => None,
    }
}

fn edge(table: &Table) -> Option<Edge> {
    let text = |key: &str| match table.get(key) {
        None => Some(None),
        Some(value) => value.as_str().map(|text| Some(text.to_owned())),
    };
    let extras = match table.get("extras") {
        None => Vec::new(),
        Some(value) => value
            .as_array()?
            .iter()
            .map(|extra| extra.as_str().map(ToOwned::to_owned))
            .collect::<Option<_>>()?,
    };
    Some(Edge {
        version: text("version")?,
        extras,
        optional: table.get("optional").is_some_and(|value| value.as_bool() == Some(true)),
        markers: text("markers")?,
        python: text("python")?,
        platform: text("platform")?,
    })
}
