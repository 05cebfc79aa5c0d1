//! A first policy, written from a good statement: for review, not for belief.

use std::fmt::Write as _;

use serde_json::Value;

use crate::provenance::Statement;
use crate::verify::roots::{Credential, Root};

/// The text of a policy that this statement passes, signed by these roots.
#[must_use]
pub fn starter(statement: &Statement, roots: &[Root]) -> String {
    let definition = &statement.predicate().build_definition;
    let external = &definition.external_parameters;
    let internal = &definition.internal_parameters;
    let workflow = external.get("workflow").filter(|_| external.get("source").is_none());
    let source = |name: &str| match workflow {
        Some(workflow) => {
            workflow.get(if name == "uri" { "repository" } else { name }).and_then(Value::as_str)
        }
        None => external.get("source").and_then(|source| source.get(name)).and_then(Value::as_str),
    };
    let mut text = String::from(
        "# What `sealwright verify --policy` expects: docs/reference/policy.md has every key.\n\
         # Written from one statement. Review it: it is as strict as that statement was.\n\
         version = 1\nrequired-level = 1\nthreshold = 1\n",
    );
    roots_text(&mut text, statement, roots);
    text.push_str("\n[expect]\n");
    match source("uri") {
        Some(uri) => {
            let _ = writeln!(text, "source = {}", quoted(uri));
            match source("ref") {
                Some(reference) => {
                    let _ = writeln!(text, "ref = [{}]", quoted(reference));
                }
                None => text.push_str("# ref = [\"refs/heads/main\", \"refs/tags/v*\"]\n"),
            }
        }
        None => text.push_str(
            "# The statement names no repository. Better: source = \"https://host/team/project\"\n",
        ),
    }
    let isolation = internal.get("isolation").and_then(Value::as_object);
    let unchecked: Vec<String> = [("source", source("uri").is_none()), ("isolation", isolation.is_none())]
        .into_iter()
        .filter(|(_, missing)| *missing)
        .map(|(name, _)| quoted(name))
        .collect();
    if !unchecked.is_empty() {
        let _ = writeln!(text, "unchecked = [{}]", unchecked.join(", "));
    }
    if let Some(folder) = source("subdirectory") {
        let _ = writeln!(text, "subdirectory = {}", quoted(folder));
    }
    if source("allowDirty").is_some() {
        text.push_str("# The statement's source had uncommitted changes.\nallow-dirty = true\n");
    }
    let _ = writeln!(text, "build-types = [{}]", quoted(&definition.build_type));
    text.push_str("# max-age = \"90 days\"\n");
    text.push_str("\n# External parameters beside the source: these and no others.\n[expect.parameters]\n");
    for (name, value) in external.iter().filter(|(name, _)| *name != "source") {
        if let (Some(_), "workflow", Value::Object(map)) = (workflow, name.as_str(), value) {
            let mut rest = map.clone();
            rest.retain(|name, _| name != "repository" && name != "ref");
            let _ = writeln!(text, "workflow = {}", toml(&Value::Object(rest)));
            continue;
        }
        let _ = writeln!(text, "{} = {}", key(name), toml(value));
    }
    text.push_str(
        "\n[expect.dependencies]\n# forbidden = [\"pkg:pypi/NAME\", \"pkg:deb/debian/NAME@VERSION\"]\n",
    );
    let images: Vec<String> = definition
        .resolved_dependencies
        .iter()
        .filter(|item| matches!(item.text("role"), Some("base-image" | "wheel-image")))
        .map(|item| quoted(&item.name))
        .collect();
    if !images.is_empty() {
        let _ = writeln!(text, "images = [{}]", images.join(", "));
    }
    if let Some(isolation) = isolation {
        text.push_str("\n[expect.isolation]\n");
        for (name, typed) in [
            ("network", "network"),
            ("root", "root"),
            ("capabilities", "capabilities"),
            ("noNewPrivs", "no-new-privs"),
            ("seccomp", "seccomp"),
        ] {
            if let Some(value) = isolation.get(name) {
                let _ = writeln!(text, "{typed} = {}", toml(value));
            }
        }
    }
    text.push_str("\n# [expect.limits]\n# processes = \"enforced\"\n");
    text
}

fn roots_text(text: &mut String, statement: &Statement, roots: &[Root]) {
    let builder = quoted(&statement.predicate().run_details.builder.id);
    for root in roots {
        let _ = match &root.credential {
            Credential::Key(key) => write!(
                text,
                "\n# {} {}\n[[root]]\nname = \"signer\"\nkey = \"\"\"\n{}\"\"\"\n# The builders that this key may speak for, and the highest Build level it is believed.\nbuilders = {{ {builder} = 1 }}\n",
                key.algorithm(),
                key.id(),
                key.to_pem(),
            ),
            Credential::Identity(identity) => write!(
                text,
                "\n[[root]]\nname = \"signer\"\nidentity = {}\nissuer = {}\n# trusted-root = \"trusted_root.json\"\n# The builders that this identity may speak for, and the highest Build level it is believed.\nbuilders = {{ {builder} = 1 }}\n",
                quoted(&identity.subject),
                quoted(&identity.issuer),
            ),
        };
    }
}

fn quoted(text: &str) -> String {
    // A TOML basic string takes JSON's escapes, but not the bare DEL.
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { quoted(name) }
}

/// A value as TOML on one line. TOML has no null; unset is equal to it.
fn toml(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs: Vec<String> = map
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| format!("{} = {}", key(name), toml(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}
