//! What held while the build ran, and the builder's own folder.

use serde_json::Value;

use super::Steps;
use crate::verify::failure::{Failure, Unchecked};
use crate::verify::policy::{FolderRule, IsolationRule, LimitRule};

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "not stated".to_owned(),
        Some(Value::String(text)) => format!("{text:?}").chars().take(200).collect(),
        Some(value) => value.to_string().chars().take(200).collect(),
    }
}

fn texts(value: Option<&Value>) -> Option<Vec<&str>> {
    value?.as_array()?.iter().map(Value::as_str).collect()
}

impl Steps<'_> {
    pub(super) fn isolation(&mut self) {
        let policy = self.policy;
        let Some(rule) = &policy.expect.isolation else { return self.skip(Unchecked::Isolation) };
        let IsolationRule { engines, network, root, namespaces, capabilities, no_new_privs, seccomp } = rule;
        let internal = &self.statement.predicate().build_definition.internal_parameters;
        let isolation = internal.get("isolation");
        let held = |name: &str| isolation.and_then(|isolation| isolation.get(name));
        let mut wrong = Vec::new();
        let mut one_of = |what, actual: Option<&Value>, allowed: &Option<Vec<String>>| {
            let Some(allowed) = allowed else { return };
            if !actual.and_then(Value::as_str).is_some_and(|text| allowed.iter().any(|one| one == text)) {
                let expected =
                    allowed.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or ");
                wrong.push(Failure::Isolation { what, actual: shown(actual), expected });
            }
        };
        one_of("engine", internal.get("engine"), engines);
        one_of("network", held("network"), network);
        one_of("root", held("root"), root);
        one_of("seccomp filter", held("seccomp"), seccomp);
        if let Some(needed) = namespaces {
            let there = texts(held("namespaces")).unwrap_or_default();
            let missing: Vec<&str> =
                needed.iter().map(String::as_str).filter(|name| !there.contains(name)).collect();
            if !missing.is_empty() {
                let expected = format!("{} too", missing.join(", "));
                wrong.push(Failure::Isolation {
                    what: "list of namespaces",
                    actual: shown(held("namespaces")),
                    expected,
                });
            }
        }
        if let Some(allowed) = capabilities {
            let fits = texts(held("capabilities"))
                .is_some_and(|there| there.iter().all(|name| allowed.iter().any(|one| one == name)));
            if !fits {
                let expected = if allowed.is_empty() {
                    "none".to_owned()
                } else {
                    format!("at most {}", allowed.join(", "))
                };
                wrong.push(Failure::Isolation {
                    what: "list of capabilities",
                    actual: shown(held("capabilities")),
                    expected,
                });
            }
        }
        if let Some(expected) = no_new_privs
            && held("noNewPrivs").and_then(Value::as_bool) != Some(*expected)
        {
            let expected = expected.to_string();
            wrong.push(Failure::Isolation {
                what: "noNewPrivs",
                actual: shown(held("noNewPrivs")),
                expected,
            });
        }
        self.failures.extend(wrong);
    }

    pub(super) fn limits(&mut self) {
        let policy = self.policy;
        if policy.expect.limits.is_empty() {
            return self.skip(Unchecked::Limits);
        }
        let internal = &self.statement.predicate().build_definition.internal_parameters;
        for (name, rule) in &policy.expect.limits {
            let held = internal.get("limits").and_then(|limits| limits.get(name));
            let part = |key: &str| held.and_then(|held| held.get(key)).and_then(Value::as_str);
            let enforced = part("state") == Some("enforced");
            let value = part("value").and_then(|value| value.parse::<u64>().ok());
            let (fits, expected) = match rule {
                LimitRule::Enforced => (enforced && value.is_some(), "enforced".to_owned()),
                LimitRule::AtMost(most) => (
                    enforced && value.is_some_and(|value| value <= *most),
                    format!("enforced, at most {most}"),
                ),
            };
            if !fits {
                let actual = match (part("state"), part("value")) {
                    (Some(state), Some(value)) => format!("{state:.40}, {value:.40}"),
                    (Some(state), None) => format!("{state:.40}"),
                    (None, _) => "not stated".to_owned(),
                };
                self.failures.push(Failure::Limit { what: name.clone(), actual, expected });
            }
        }
    }

    /// The folder of the builder: ours has one of our build types (checked there), or one of these digests.
    pub(super) fn folder(&mut self) {
        let policy = self.policy;
        match &policy.expect.folder {
            FolderRule::BuiltIn => self.skip(Unchecked::Folder),
            FolderRule::OneOf(allowed) => {
                let parts = &self.statement.predicate().run_details.builder.builder_dependencies;
                let digests: Vec<_> = parts.iter().filter_map(|part| part.digest.as_sha256()).collect();
                let fits = !digests.is_empty() && digests.iter().all(|digest| allowed.contains(digest));
                if !fits {
                    let list = |digests: &[crate::digest::Sha256]| {
                        digests.iter().map(crate::digest::Sha256::to_oci).collect::<Vec<_>>().join(", ")
                    };
                    let actual = if digests.is_empty() { "not stated".to_owned() } else { list(&digests) };
                    self.failures.push(Failure::Folder { actual, expected: list(allowed) });
                }
            }
        }
    }
}
