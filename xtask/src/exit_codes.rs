//! `docs/reference/exit-codes.md`, from the table in `src/error.rs`.

use crate::rust::members;

const HEAD: &str = "\
<!-- Generated from src/error.rs by `make docs`. -->
# Exit codes

A Makefile or a CI job can rely on these: a number never changes its meaning. With `--json` the document on standard
output tells the same.

| code | meaning |
| --- | --- |
| 0 | Done. |
";

/// The page. Every variant of `Blame` is a row, and each needs its number in `exit_code`.
pub fn page(source: &str) -> Result<String, String> {
    let mut rows = Vec::new();
    for variant in members(source, "pub enum Blame")? {
        let name = &variant.name;
        if name == "Interrupted" {
            rows.push("| 130 | Ended by SIGINT (Ctrl-C). |\n".to_owned());
            rows.push("| 143 | Ended by SIGTERM. |\n".to_owned());
            continue;
        }
        let arm = format!("Self::{name} => ");
        let code = source.lines().find_map(|line| line.trim().strip_prefix(&arm));
        let code = code.ok_or_else(|| format!("no exit code of {name} in src/error.rs"))?;
        rows.push(format!("| {} | {} |\n", code.trim_end_matches(','), variant.doc));
    }
    Ok(HEAD.to_owned() + &rows.concat())
}

#[test]
fn a_variant_without_its_number_is_an_error() {
    let source = "pub enum Blame {\n    /// Why.\n    New,\n}\n";
    assert!(page(source).is_err());
    assert!(page(&format!("{source}Self::New => 9,\n")).is_ok_and(|page| page.ends_with("| 9 | Why. |\n")));
}
