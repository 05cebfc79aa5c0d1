//! The layers of `src/`, as the table of `docs/ARCHITECTURE.md` has them, and the invariants on top.

use std::collections::BTreeMap;

use super::tokens::{Named, Source};
use super::{assert_none, sources};
use crate::context::repository;

/// Top-level modules and their layers, read from the document, so that the two cannot differ.
fn table() -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(repository().join("docs/ARCHITECTURE.md")).unwrap();
    let mut table = BTreeMap::new();
    for line in text.lines() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (Some(layer), Some(modules)) = (cells.next(), cells.next()) else { continue };
        let Ok(layer) = layer.parse() else { continue };
        for module in modules.split(',') {
            table.insert(module.trim().trim_matches('`').to_owned(), layer);
        }
    }
    table
}

/// The top-level module that a file belongs to; `main` for the program, none for `lib.rs`.
fn top(source: &Source) -> Option<String> {
    match source.path.to_str() {
        Some("src/lib.rs") => None,
        Some("src/main.rs") => Some("main".to_owned()),
        _ => source.module.first().cloned(),
    }
}

fn uses(source: &Source) -> impl Iterator<Item = (Named, String)> {
    source.named().into_iter().filter_map(|named| {
        let ours = matches!(named.path[0].as_str(), "crate" | "sealwright");
        let module = named.path.get(1).filter(|_| ours)?.clone();
        Some((named, module))
    })
}

#[test]
fn the_table_of_layers_and_the_source_name_the_same_modules() {
    let Some(sources) = sources() else { skipped!("no git checkout here") };
    let mut there: Vec<String> = sources.iter().filter_map(top).collect();
    there.sort();
    there.dedup();
    assert_eq!(there, table().into_keys().collect::<Vec<_>>());
}

#[test]
fn a_module_uses_only_lower_layers() {
    let Some(sources) = sources() else { skipped!("no git checkout here") };
    let table = table();
    let mut complaints = Vec::new();
    for source in &sources {
        let Some(own) = top(source) else { continue };
        let Some(layer) = table.get(&own) else { continue };
        for (named, module) in uses(source) {
            let Some(other) = table.get(&module) else { continue };
            // `main` is the program around `cli`.
            let shell = own == "main" && module == "cli";
            if module != own && other >= layer && !shell {
                complaints.push(format!(
                    "{}:{}: `{own}` (layer {layer}) uses `{module}` (layer {other})",
                    source.path.display(),
                    named.line
                ));
            }
        }
    }
    assert_none(&complaints);
}

/// What each module must not know, beyond the layers: the box nothing of Python, SLSA and the store, a build
/// nothing of the kernel's or Docker's interfaces.
#[test]
fn modules_do_not_know_what_is_none_of_their_business() {
    let Some(sources) = sources() else { skipped!("no git checkout here") };
    let table = table();
    let mut complaints = Vec::new();
    for source in &sources {
        let Some(own) = top(source) else { continue };
        for (named, module) in uses(source) {
            if own == "sandbox" && module != own && table.get(&module).is_some_and(|layer| *layer > 0) {
                complaints.push(format!("{}:{}: sandbox uses `{module}`", source.path.display(), named.line));
            }
        }
        for (line, name) in source.identifiers() {
            let wrong = match own.as_str() {
                "build" => matches!(name.as_str(), "nix" | "bollard" | "seccompiler"),
                "main" => false,
                _ => name == "anyhow" && own != "cli",
            };
            if wrong {
                complaints.push(format!("{}:{line}: `{own}` knows `{name}`", source.path.display()));
            }
        }
    }
    assert_none(&complaints);
}

/// Pure modules: no clock, no environment, no file system, no tokio.
#[test]
fn pure_modules_touch_nothing() {
    let Some(sources) = sources() else { skipped!("no git checkout here") };
    let pure = |module: &[String]| {
        let names: Vec<&str> = module.iter().map(String::as_str).collect();
        matches!(
            names.as_slice(),
            ["digest" | "name" | "key" | "provenance" | "lock" | "diff", ..] | ["build", "plan", ..]
        )
    };
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| pure(&source.module)) {
        for named in source.named() {
            let path: Vec<&str> = named.path.iter().map(String::as_str).collect();
            let touches = match path.as_slice() {
                ["std", "env", "consts", ..] => false,
                ["std", "fs" | "env" | "net" | "process" | "time", ..]
                | ["tokio" | "tempfile", ..]
                | [.., "now"] => true,
                _ => false,
            };
            if touches {
                complaints.push(format!("{}:{}: {}", source.path.display(), named.line, path.join("::")));
            }
        }
    }
    assert_none(&complaints);
}

/// Invariant 1: who may open a socket, start a process, and hold `unsafe` code.
#[test]
fn the_outside_world_has_few_doors() {
    let Some(sources) = sources() else { skipped!("no git checkout here") };
    let mut complaints = Vec::new();
    for source in &sources {
        let own = top(source).unwrap_or_default();
        let path = source.path.to_string_lossy().into_owned();
        for (line, name) in source.identifiers() {
            let allowed = match name.as_str() {
                "TcpStream" | "TcpListener" | "UdpSocket" | "reqwest" => {
                    matches!(own.as_str(), "fetch" | "publish")
                }
                "Command" => {
                    let clap =
                        source.named().iter().any(|named| named.path.starts_with(&["clap".to_owned()]));
                    matches!(own.as_str(), "sandbox" | "helper") || own == "cli" && clap
                }
                "unsafe" => path == "src/sandbox/native/syscall.rs",
                "execve" | "execveat" | "fork" | "posix_spawn" => own == "sandbox",
                _ => true,
            };
            if !allowed {
                complaints.push(format!("{path}:{line}: `{name}` is not for `{own}`"));
            }
        }
    }
    assert_none(&complaints);
}

/// Invariant 1: `store` and `output` write what is kept; a few more make trees below the store's scratch folder, or
/// write to the kernel's own files. Nobody else writes.
#[test]
fn files_are_written_in_few_places() {
    let Some(sources) = sources() else { skipped!("no git checkout here") };
    let may = ["store", "output", "source", "cargo", "image", "environment", "resolve", "sandbox"];
    let mut complaints = Vec::new();
    for source in &sources {
        let own = top(source).unwrap_or_default();
        for named in source.named() {
            let path: Vec<&str> = named.path.iter().map(String::as_str).collect();
            let writes = match path.as_slice() {
                [.., "fs", call] => matches!(
                    *call,
                    "write"
                        | "rename"
                        | "copy"
                        | "create_dir"
                        | "create_dir_all"
                        | "remove_file"
                        | "remove_dir_all"
                        | "hard_link"
                        | "set_permissions"
                ),
                [.., "File", "create" | "create_new" | "options"] | [.., "OpenOptions", "new"] => true,
                _ => false,
            };
            if writes && !may.contains(&own.as_str()) {
                let path = path.join("::");
                complaints.push(format!("{}:{}: `{own}` calls {path}", source.path.display(), named.line));
            }
        }
    }
    assert_none(&complaints);
}
