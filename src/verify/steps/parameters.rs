//! Source and external parameters: every one is expected, or the statement is refused.

use serde_json::{Map, Value};

use super::Steps;
use crate::provenance::BASE;
use crate::verify::failure::{Failure, Unchecked};
use crate::verify::foreign::{GITHUB, GITHUB_OLD};
use crate::verify::source::fits;

/// What a statement says of the source that was asked for.
#[derive(Default)]
struct Asked {
    uri: Option<String>,
    reference: Option<String>,
    subdirectory: Option<String>,
    /// Something that is no repository.
    other: Option<String>,
    dirty: bool,
    /// The external parameter that it is in.
    parameter: &'static str,
}

impl Steps<'_> {
    pub(super) fn parameters(&mut self) {
        let definition = &self.statement.predicate().build_definition;
        let asked = asked(&definition.build_type, &definition.external_parameters, &mut self.failures);
        self.source(&asked);
        self.rest(&asked);
    }

    fn source(&mut self, asked: &Asked) {
        let policy = self.policy;
        let expect = &policy.expect;
        if asked.dirty && !expect.allow_dirty() {
            self.fail(Failure::Dirty);
        }
        match &expect.source {
            None => self.skip(Unchecked::Source),
            Some(expected) => {
                let same = asked.uri.as_deref() == Some(expected.as_str())
                    // GitHub writes addresses without `git+`.
                    || asked.parameter == WORKFLOW
                        && asked.uri.as_deref().is_some_and(|uri| expected.as_str().strip_prefix("git+") == Some(uri));
                if !same {
                    let actual = match (&asked.uri, &asked.other) {
                        (Some(uri), _) => format!("{uri:?}"),
                        (None, Some(other)) => other.clone(),
                        (None, None) => "not stated".to_owned(),
                    };
                    let expected =
                        format!("{:?}{}", expected.as_str(), git_suffix(&actual, expected.as_str()));
                    self.fail(Failure::Source { actual, expected });
                }
            }
        }
        self.vouched_source(asked);
        match &expect.refs {
            None => self.skip(Unchecked::Ref),
            Some(patterns) => {
                let fits =
                    asked.reference.as_deref().is_some_and(|text| patterns.iter().any(|one| fits(one, text)));
                if !fits {
                    let expected =
                        patterns.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or ");
                    let actual = asked
                        .reference
                        .as_ref()
                        .map_or_else(|| "not stated".to_owned(), |text| format!("{text:?}"));
                    self.fail(Failure::Ref { actual, expected });
                }
            }
        }
        if let Some(subdirectory) = &asked.subdirectory
            && expect.subdirectory.as_ref() != Some(subdirectory)
        {
            let name = "source.subdirectory".to_owned();
            match &expect.subdirectory {
                Some(expected) => {
                    let (actual, expected) = (format!("{subdirectory:?}"), format!("{expected:?}"));
                    self.fail(Failure::Parameter { name, actual, expected });
                }
                None if expect.parameters.is_some() => {
                    self.fail(Failure::UnknownParameter { name, actual: format!("{subdirectory:?}") });
                }
                None => self.skip(Unchecked::Parameters(vec![name])),
            }
        } else if asked.subdirectory.is_none()
            && let Some(expected) = &expect.subdirectory
        {
            let name = "source.subdirectory".to_owned();
            self.fail(Failure::Parameter {
                name,
                actual: "not stated".to_owned(),
                expected: format!("{expected:?}"),
            });
        }
        self.resolved(asked);
    }

    /// The authority wrote into the certificate for which repository's workflow it was: the statement cannot be of another.
    fn vouched_source(&mut self, asked: &Asked) {
        let Some(certificate) = self.vouched.and_then(|vouched| vouched.source.as_deref()) else { return };
        let stated = asked.uri.as_deref().map(|uri| uri.strip_prefix("git+").unwrap_or(uri));
        if self.policy.expect.source.is_some() && stated != Some(certificate) {
            let statement = stated.map_or_else(|| "not stated".to_owned(), |uri| format!("{uri:?}"));
            let certificate = certificate.chars().take(200).collect();
            self.fail(Failure::OtherSource { certificate, statement });
        }
    }

    /// What was asked for is what was in the box: `externalParameters.source` against the resolved source.
    fn resolved(&mut self, asked: &Asked) {
        if !self.is_ours() {
            return;
        }
        let Some(uri) = &asked.uri else { return };
        let wanted =
            asked.reference.as_ref().map_or_else(|| uri.clone(), |reference| format!("{uri}@{reference}"));
        let dependencies = &self.statement.predicate().build_definition.resolved_dependencies;
        let sources: Vec<_> = dependencies.iter().filter(|item| item.name == "source").collect();
        let found = match sources[..] {
            [one] if asked.dirty => one.text("basedOn").unwrap_or_default(),
            [one] if one.digest.get("gitCommit").is_some() => one.uri.as_str(),
            [_] => "no commit",
            [] => "not stated",
            _ => "more than one",
        };
        if found != wanted {
            let (asked, resolved) = (format!("{wanted:?}"), format!("{found:?}"));
            self.fail(Failure::Resolved { asked, resolved });
        }
    }

    fn rest(&mut self, asked: &Asked) {
        let policy = self.policy;
        let expect = &policy.expect;
        let external = &self.statement.predicate().build_definition.external_parameters;
        let mut unseen = Vec::new();
        for (name, value) in external {
            let rest;
            let value = match (name == asked.parameter, asked.parameter) {
                (false, _) => value,
                (true, WORKFLOW) => {
                    rest = beside_source(value);
                    &rest
                }
                (true, _) => continue,
            };
            if is_unset(value) {
                continue;
            }
            let actual = || value.to_string().chars().take(300).collect::<String>();
            match &expect.parameters {
                Some(expected) => match expected.get(name) {
                    Some(wanted) if same(wanted, value) => {}
                    Some(wanted) => {
                        let expected = wanted.to_string();
                        self.failures.push(Failure::Parameter {
                            name: name.clone(),
                            actual: actual(),
                            expected,
                        });
                    }
                    None if expect.any_parameters.contains(name) => unseen.push(name.clone()),
                    None => {
                        self.failures
                            .push(Failure::UnknownParameter { name: name.clone(), actual: actual() });
                    }
                },
                None if expect.any_parameters.contains(name) => unseen.push(name.clone()),
                None => {
                    self.failures.push(Failure::UnknownParameter { name: name.clone(), actual: actual() });
                }
            }
        }
        for (name, wanted) in expect.parameters.iter().flatten() {
            if !is_unset(wanted) && external.get(name).is_none_or(is_unset) {
                let expected = wanted.to_string();
                self.failures.push(Failure::Parameter {
                    name: name.clone(),
                    actual: "not stated".to_owned(),
                    expected,
                });
            }
        }
        if !unseen.is_empty() {
            self.skip(Unchecked::Parameters(unseen));
        }
    }
}

/// The external parameter that GitHub's build types have their source in.
const WORKFLOW: &str = "workflow";

/// What is in that parameter beside the source.
fn beside_source(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(name, _)| *name != "repository" && *name != "ref")
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// Where a build type has its source. Unknown parts of it are refused.
fn asked(build_type: &str, external: &Map<String, Value>, failures: &mut Vec<Failure>) -> Asked {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if build_type == GITHUB || build_type == GITHUB_OLD {
        let workflow = external.get("workflow");
        let part = |name: &str| workflow.and_then(|workflow| workflow.get(name)).and_then(text);
        return Asked {
            uri: part("repository"),
            reference: part("ref"),
            parameter: WORKFLOW,
            ..Asked::default()
        };
    }
    let mut asked = Asked { parameter: "source", ..Asked::default() };
    let ours = build_type.starts_with(&format!("{BASE}/build-types/"));
    match external.get("source") {
        None | Some(Value::Null) => {}
        // One text, `ADDRESS@REF`, as other builders write it.
        Some(Value::String(whole)) => (asked.uri, asked.reference) = parted(whole),
        Some(Value::Object(map)) => {
            for (name, value) in map {
                if is_unset(value) {
                    continue;
                }
                match (name.as_str(), text(value)) {
                    ("uri", Some(uri)) if ours => asked.uri = Some(uri),
                    // A resource as other builders write it; what its digest is of is the source that is compared.
                    ("uri", Some(whole)) => (asked.uri, asked.reference) = parted(&whole),
                    ("digest", None) if !ours && value.is_object() => {}
                    ("ref", Some(reference)) => asked.reference = Some(reference),
                    ("subdirectory", Some(folder)) => asked.subdirectory = Some(folder),
                    ("allowDirty", Some(said)) if said == "true" => asked.dirty = true,
                    ("archive", Some(name)) => asked.other = Some(format!("the archive {name:?}")),
                    ("folder", Some(_)) => asked.other = Some("a folder".to_owned()),
                    _ => failures.push(Failure::UnknownParameter {
                        name: format!("source.{name:.80}"),
                        actual: value.to_string().chars().take(300).collect(),
                    }),
                }
            }
        }
        Some(other) => failures.push(Failure::UnknownParameter {
            name: "source".to_owned(),
            actual: other.to_string().chars().take(300).collect(),
        }),
    }
    asked
}

/// `ADDRESS@REF`, as other builders write a source.
fn parted(whole: &str) -> (Option<String>, Option<String>) {
    match whole.rsplit_once('@') {
        Some((uri, reference)) if reference.starts_with("refs/") => {
            (Some(uri.to_owned()), Some(reference.to_owned()))
        }
        Some(_) | None => (Some(whole.to_owned()), None),
    }
}

/// Unset, null and empty are equal (SLSA, "parsing rules").
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_unset),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one
            .keys()
            .chain(other.keys())
            .all(|key| same(one.get(key).unwrap_or(&Value::Null), other.get(key).unwrap_or(&Value::Null))),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        _ => one == other || is_unset(one) && is_unset(other),
    }
}

/// What people overlook: a checkout's remote often ends in `.git`, and what they type does not.
fn git_suffix(actual: &str, expected: &str) -> &'static str {
    let bare = |text: &str| text.trim_matches('"').trim_end_matches(".git").to_owned();
    if bare(actual) == bare(expected) { " (they differ in `.git` at the end)" } else { "" }
}
