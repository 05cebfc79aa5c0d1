//! `docs/reference/configuration.md`, from the types that a configuration is read into.

use crate::rust::{Member, doc, members};

const HEAD: &str = "\
<!-- Generated from src/config/typed.rs by `make docs`. -->
# Configuration

`sealwright.toml`, or the same tables below `[tool.sealwright]` in `pyproject.toml`; both at once is an error, and so is a
key that is not listed here. With neither, a folder with a `pyproject.toml` or `setup.py` has one target, `dist`, built
by `python-build`. No key is required.
";

const TABLES: [(&str, &str); 4] = [
    ("[target.NAME]", "pub struct TypedTarget"),
    ("[target.NAME.limits]", "pub struct TypedLimits"),
    ("[debian]", "pub struct TypedDebian"),
    ("[registry]", "pub struct TypedRegistry"),
];

/// The page: a section per table, a row per key.
pub fn page(source: &str) -> Result<String, String> {
    let mut parts = vec![HEAD.to_owned()];
    for (title, header) in TABLES {
        parts.push(format!("\n## `{title}`\n\n"));
        let about = doc(source, header)?;
        let about = about.trim_start_matches(&format!("`{title}`")).trim_start_matches(':').trim();
        if !about.is_empty() {
            let (first, rest) = about.split_at(about.chars().next().map_or(0, char::len_utf8));
            parts.push(format!("{}{rest}\n\n", first.to_uppercase()));
        }
        parts.push("| key | takes | what it does |\n| --- | --- | --- |\n".to_owned());
        for member in members(source, header)? {
            let Member { name, rest, doc } = &member;
            parts.push(format!("| `{}` | {} | {doc} |\n", name.replace('_', "-"), takes(rest)?));
        }
    }
    Ok(parts.concat())
}

/// A key's type in a reader's words.
fn takes(rust: &str) -> Result<&'static str, String> {
    let inner = rust.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>')).unwrap_or(rust);
    Ok(match inner {
        "String" => "text",
        "Vec<String>" => "list of texts",
        "OneOrMany" => "text or list of texts",
        "BTreeMap<String, OneOrMany>" => "table of texts or lists of texts",
        "BTreeMap<String, TypedOption>" => "table of texts, lists of texts, `true` or `false`",
        "BTreeMap<String, TypedTarget>" | "TypedDebian" | "TypedRegistry" | "TypedLimits" => "table",
        "bool" => "`true` or `false`",
        "u64" => "whole number",
        _ => return Err(format!("no words for the type {rust}: add them to xtask/src/configuration.rs")),
    })
}
