//! Tasks of this repository that are no part of the program: `cargo run -p xtask -- docs` writes the generated pages
//! of `docs/reference/`, and `docs --check` says which are not current.

mod configuration;
mod exit_codes;
mod rust;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A generated page: its path in the repository and its text.
struct Page {
    path: &'static str,
    text: String,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(repository().join(path)).map_err(|error| format!("{path}: {error}"))
}

fn pages() -> Result<Vec<Page>, String> {
    Ok(vec![
        Page { path: "docs/reference/exit-codes.md", text: exit_codes::page(&read("src/error.rs")?)? },
        Page {
            path: "docs/reference/configuration.md",
            text: configuration::page(&read("src/config/typed.rs")?)?,
        },
    ])
}

fn write() -> Result<String, String> {
    let pages = pages()?;
    for page in &pages {
        std::fs::write(repository().join(page.path), &page.text)
            .map_err(|error| format!("{}: {error}", page.path))?;
    }
    Ok(format!("wrote {} pages", pages.len()))
}

/// Which pages are not what their sources say.
fn stale() -> Result<Vec<&'static str>, String> {
    let stale = |page: &Page| read(page.path).is_ok_and(|text| text == page.text);
    Ok(pages()?.iter().filter(|page| !stale(page)).map(|page| page.path).collect())
}

fn run(arguments: &[String]) -> Result<String, String> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["docs"] => write(),
        ["docs", "--check"] => match stale()?.as_slice() {
            [] => Ok("generated pages are current".to_owned()),
            stale => Err(format!("not current: {} (run `make docs`)", stale.join(", "))),
        },
        _ => Err("usage: xtask docs [--check]".to_owned()),
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of two lines of output")]
fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(said) => {
            eprintln!("xtask: {said}");
            ExitCode::FAILURE
        }
    }
}

#[test]
fn generated_pages_are_current() {
    assert_eq!(stale(), Ok(vec![]), "run `make docs`");
}
