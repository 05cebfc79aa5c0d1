//! A source file as tokens: what it names, and what of it is for tests only.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::context::repository;

/// A file of `src/` without its tests.
pub struct Source {
    /// Relative to the repository.
    pub path: PathBuf,
    /// The module that the file is, from the crate's root: `sandbox`, `native` for `src/sandbox/native/mod.rs`.
    pub module: Vec<String>,
    lines: usize,
    test_lines: usize,
    tokens: Vec<TokenTree>,
}

/// A path that code names, from the crate's root if it is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The line, from 1.
    pub line: usize,
    /// For instance `crate`, `store`, `Store`, or `std`, `fs`, `write`.
    pub path: Vec<String>,
}

impl Source {
    /// Reads and lexes a file.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(repository().join(path)).unwrap();
        Self::of(path, &text)
    }

    /// Lexes a text as the file `path`.
    pub fn of(path: &Path, text: &str) -> Self {
        let mut module: Vec<String> = path
            .with_extension("")
            .components()
            .skip(1)
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        let stream: TokenStream =
            text.parse().unwrap_or_else(|error| panic!("{} does not lex: {error}", path.display()));
        let tests = module.iter().any(|part| part == "tests");
        let (tokens, test_lines) = without_tests(stream);
        let lines = text.lines().count();
        Self {
            path: path.to_owned(),
            module,
            lines,
            test_lines: if tests { lines } else { test_lines },
            tokens: if tests { Vec::new() } else { tokens },
        }
    }

    /// How many lines the file has, its `#[cfg(test)]` items aside.
    pub fn lines_without_tests(&self) -> usize {
        self.lines - self.test_lines
    }

    /// Every path of two segments or more that the code outside tests names, groups of `use` spelled out and
    /// `super` resolved to `crate`.
    pub fn named(&self) -> Vec<Named> {
        let mut found = Vec::new();
        collect(&self.tokens, &self.module, &mut found);
        found
    }

    /// Every identifier outside tests, with its line.
    pub fn identifiers(&self) -> Vec<(usize, String)> {
        fn walk(tokens: &[TokenTree], found: &mut Vec<(usize, String)>) {
            for token in tokens {
                match token {
                    TokenTree::Ident(ident) => found.push((ident.span().start().line, ident.to_string())),
                    TokenTree::Group(group) => {
                        walk(&group.stream().into_iter().collect::<Vec<_>>(), found);
                    }
                    TokenTree::Punct(_) | TokenTree::Literal(_) => {}
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.tokens, &mut found);
        found
    }
}

/// Drops items under `#[cfg(test)]`, and counts the lines that they take.
fn without_tests(stream: TokenStream) -> (Vec<TokenTree>, usize) {
    let mut kept = Vec::new();
    let mut dropped = 0;
    let mut tokens = stream.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let attribute = is_punct(&token, '#').then(|| tokens.peek().is_some_and(is_cfg_test));
        if attribute != Some(true) {
            kept.push(token);
            continue;
        }
        let first = token.span().start().line;
        // The item ends with its braces, or with its semicolon.
        for token in tokens.by_ref() {
            let braces = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
            if braces || is_punct(&token, ';') {
                dropped += token.span().end().line - first + 1;
                break;
            }
        }
    }
    (kept, dropped)
}

fn is_cfg_test(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.stream().to_string().replace(' ', "") == "cfg(test)")
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    at + 1 < tokens.len() && is_punct(&tokens[at], ':') && is_punct(&tokens[at + 1], ':')
}

fn collect(tokens: &[TokenTree], module: &[String], found: &mut Vec<Named>) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(ident) => {
                let inline = (ident == "mod").then(|| inline_module(tokens, at)).flatten();
                if let Some((name, body)) = inline {
                    let inner: Vec<String> = module.iter().cloned().chain([name]).collect();
                    collect(&body, &inner, found);
                    at += 3;
                } else {
                    at = path(tokens, at, &[], module, found);
                }
            }
            TokenTree::Group(group) => {
                collect(&group.stream().into_iter().collect::<Vec<_>>(), module, found);
                at += 1;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
}

fn inline_module(tokens: &[TokenTree], at: usize) -> Option<(String, Vec<TokenTree>)> {
    match (tokens.get(at + 1), tokens.get(at + 2)) {
        (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) => {
            Some((name.to_string(), body.stream().into_iter().collect()))
        }
        _ => None,
    }
}

/// Reads the path that starts at `at` below `prefix`, and gives where to go on.
fn path(
    tokens: &[TokenTree],
    mut at: usize,
    prefix: &[String],
    module: &[String],
    found: &mut Vec<Named>,
) -> usize {
    let line = tokens[at].span().start().line;
    let mut segments = prefix.to_vec();
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(ident)) => segments.push(ident.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let mut start = 0;
                while start < inner.len() {
                    start = path(&inner, start, &segments, module, found).max(start + 1);
                    while start < inner.len() && !is_punct(&inner[start - 1], ',') {
                        start += 1;
                    }
                }
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        if !is_path_separator(tokens, at) {
            break;
        }
        at += 2;
    }
    if segments.len() > 1 {
        found.push(Named { line, path: resolved(segments, module) });
    }
    at
}

/// Spells `super::…` and `self::…` out from the crate's root.
fn resolved(segments: Vec<String>, module: &[String]) -> Vec<String> {
    let supers = segments.iter().take_while(|segment| *segment == "super").count();
    let selves = usize::from(segments[0] == "self");
    if supers + selves == 0 {
        return segments;
    }
    let parent = &module[..module.len().saturating_sub(supers)];
    let rest = segments.into_iter().skip(supers + selves);
    ["crate".to_owned()].into_iter().chain(parent.iter().cloned()).chain(rest).collect()
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let text = r#"
        //! crate::not::this
        use crate::{store::{Store, Blob}, name::PackageName as Name};
        use super::super::lock::{self, Lock};
        fn f() { let x = format!("crate::nor::this {}", crate::event::Unit::Bytes); std::fs::write(x, y) }
        mod inner { use super::sibling::Thing; }
        #[cfg(test)]
        mod tests { use crate::build::X; }
    "#;
    let source = Source::of(Path::new("src/sandbox/native/mod.rs"), text);
    let named: Vec<String> = source.named().into_iter().map(|named| named.path.join("::")).collect();
    for expected in [
        "crate::store::Store",
        "crate::store::Blob",
        "crate::name::PackageName",
        "crate::lock::Lock",
        "crate::event::Unit::Bytes",
        "std::fs::write",
        "crate::sandbox::native::sibling::Thing",
    ] {
        assert!(named.contains(&expected.to_owned()), "{expected} is not in {named:?}");
    }
    for text in ["not", "nor", "build"] {
        assert!(!named.iter().any(|path| path.starts_with(&format!("crate::{text}"))), "{named:?}");
    }
    assert_eq!(source.lines_without_tests(), text.lines().count() - 2);
}
