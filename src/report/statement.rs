//! A statement for people: what `sealwright inspect` prints.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::provenance::{DigestSet, Predicate, ResourceDescriptor, Statement};

/// Who vouches for a statement, as far as the caller found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signing {
    /// Nobody.
    Unsigned,
    /// A signature is there; what is known of it, for instance `signed by KEYID, not verified`.
    Signed(String),
}

/// How text is made to look.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Columns of the screen; longer values are broken between words.
    pub width: usize,
    /// Put before a heading or label, and after it.
    pub strong: (&'static str, &'static str),
}

impl Style {
    /// No escape sequences.
    #[must_use]
    pub fn plain(width: usize) -> Self {
        Self { width, strong: ("", "") }
    }
}

/// Width of the column of labels.
const LABELS: usize = 13;

/// The text of a statement. Control characters in it become harmless.
#[must_use]
pub fn statement_text(statement: &Statement, signing: &Signing, style: Style) -> String {
    let mut page = Page { text: String::new(), style };
    for subject in statement.subjects() {
        page.heading(&subject.name);
        page.row("digest", &digests(&subject.digest));
    }
    match signing {
        Signing::Unsigned => page.row("signature", "unsigned: anybody could have written this statement"),
        Signing::Signed(what) => page.row("signature", what),
    }
    let Predicate { build_definition: definition, run_details: run } = statement.predicate();
    page.row("build type", &definition.build_type);
    page.row("builder", &run.builder.id);
    for (part, version) in &run.builder.version {
        page.row("", &format!("{part} {version}"));
    }
    let metadata = &run.metadata;
    if let (Some(started), Some(finished)) = (metadata.started_on, metadata.finished_on) {
        let seconds = finished.seconds().saturating_sub(started.seconds());
        page.row("built", &format!("{started}, in {seconds} s"));
    }

    page.heading("Asked for");
    for (name, value) in &definition.external_parameters {
        page.row(name, &plain(value));
    }

    page.heading("In the box");
    let dependencies = &definition.resolved_dependencies;
    for (label, what) in contents(dependencies) {
        page.row(label, &what);
    }

    page.heading("Enforced");
    for (name, value) in &definition.internal_parameters {
        match (name.as_str(), value.as_object()) {
            ("limits", Some(limits)) => {
                for (index, (limit, held)) in limits.iter().enumerate() {
                    page.row(
                        if index == 0 { "limits" } else { "" },
                        &format!("{limit}: {}", held_text(held)),
                    );
                }
            }
            ("normalizers", _) => page.row("normalizers", &normalizers(value)),
            _ => page.row(name, &plain(value)),
        }
    }
    if !run.byproducts.is_empty() {
        page.heading("Also kept");
        for item in &run.byproducts {
            page.row(&item.name, &digests(&item.digest));
        }
    }
    page.text
}

/// Lines with a column of labels.
struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn heading(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let (before, after) = self.style.strong;
        let _ = writeln!(self.text, "{before}{}{after}", harmless(title));
    }

    fn row(&mut self, label: &str, value: &str) {
        let value = harmless(value);
        let width = self.style.width.saturating_sub(LABELS + 3).max(20);
        for (index, line) in wrapped(&value, width).into_iter().enumerate() {
            let label = if index == 0 { harmless(label) } else { String::new() };
            let _ = writeln!(self.text, "  {label:<LABELS$} {line}");
        }
    }
}

/// Breaks between words; a word that is longer than a line stands alone, whole: digests are copied by people.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
    }
    lines
}

/// Statements are foreign text: no escape sequence of theirs reaches a terminal, and none of the signs that turn
/// the direction of writing.
#[must_use]
pub fn harmless(text: &str) -> String {
    let turns = |sign: char| matches!(sign, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|sign| if sign.is_control() || turns(sign) { '\u{fffd}' } else { sign }).collect()
}

/// What the build could use, by kind: a label and a text each.
fn contents(dependencies: &[ResourceDescriptor]) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut packages = 0_usize;
    let mut files: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for item in dependencies {
        if item.uri.starts_with("pkg:deb/") {
            packages += 1;
        } else if item.uri.starts_with("pkg:pypi/") {
            files.entry(item.text("role").unwrap_or("other")).or_default().push(name_and_version(item));
        } else if item.name == "source" || item.name.starts_with("submodule ") {
            let what =
                if item.uri.is_empty() { item.text("archive").unwrap_or(&item.name) } else { &item.uri };
            let dirty =
                if item.annotations.contains_key("dirty") { ", with uncommitted changes" } else { "" };
            rows.push(("source", format!("{what}{dirty} {}", digests(&item.digest))));
        } else if item.text("role") == Some("base-image") {
            let platform = item.text("platform").unwrap_or_default();
            rows.push(("base image", format!("{} {platform} {}", item.name, digests(&item.digest))));
        } else {
            rows.push(("file", format!("{} {}", item.name, digests(&item.digest))));
        }
    }
    if packages > 0 {
        rows.push(("", format!("assembled from {packages} Debian packages")));
    }
    for (role, mut names) in files {
        names.sort();
        let label = match role {
            "build" => "build needs",
            "runtime" => "runs with",
            "tool" => "tools",
            _ => "others",
        };
        rows.push((label, format!("{}: {}", names.len(), names.join(", "))));
    }
    rows
}

fn name_and_version(item: &ResourceDescriptor) -> String {
    match item.uri.parse::<crate::provenance::Purl>() {
        Ok(purl) => format!("{} {}", purl.name, purl.version),
        Err(_) => item.name.clone(),
    }
}

fn digests(set: &DigestSet) -> String {
    set.iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>().join(" ")
}

fn normalizers(value: &Value) -> String {
    let names: Vec<String> = value
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| {
            let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
            format!("{} (version {})", text("name"), text("version"))
        })
        .collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn held_text(limit: &Value) -> String {
    let text = |key: &str| limit.get(key).and_then(Value::as_str);
    match (text("state"), text("value"), text("by").or_else(|| text("why"))) {
        (Some(state), Some(value), Some(by)) => format!("{value}, {state} by {by}"),
        (Some(state), None, Some(why)) => format!("{state}: {why}"),
        (Some(state), _, None) => state.to_owned(),
        (None, ..) => plain(limit),
    }
}

/// A value as a person would write it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Object(map) => pairs(map),
    }
}

fn pairs(map: &Map<String, Value>) -> String {
    let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key} {}", plain(value))).collect();
    pairs.join(", ")
}
