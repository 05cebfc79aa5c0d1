//! Times, paths, versions and the like within a line, so that two lines tell what they differ in.

use std::collections::BTreeSet;

use super::model::Cause;

/// What a part of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Time,
    Path,
    Version,
    Locale,
    Address,
    Other,
}

impl Class {
    fn cause(self) -> Cause {
        match self {
            Self::Time => Cause::TimeStamp,
            Self::Path => Cause::EmbeddedPath,
            Self::Version => Cause::VersionString,
            Self::Locale => Cause::Locale,
            Self::Address => Cause::MemoryAddress,
            Self::Other => Cause::Content,
        }
    }
}

/// What two lines differ in, if they are alike but for times, paths, versions, locales and addresses; none if they are
/// not.
pub(super) fn differ_in(a: &str, b: &str) -> Option<BTreeSet<Cause>> {
    let (one, two) = (tokens(a), tokens(b));
    if one.len() != two.len() {
        return None;
    }
    let mut causes = BTreeSet::new();
    for ((class_a, text_a), (class_b, text_b)) in one.into_iter().zip(two) {
        if class_a != class_b {
            return None;
        }
        if text_a != text_b {
            if class_a == Class::Other {
                return None;
            }
            causes.insert(class_a.cause());
        }
    }
    Some(causes)
}

/// A name with its version numbers left out.
pub(super) fn without_versions(name: &str) -> String {
    tokens(name).into_iter().map(|(class, text)| if class == Class::Version { "*" } else { text }).collect()
}

fn tokens(line: &str) -> Vec<(Class, &str)> {
    let lower = line.to_ascii_lowercase();
    let about_versions =
        ["version", "generator", "requires", "release"].iter().any(|word| lower.contains(word));
    let mut found = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let (before, rest) = line.split_at(at);
        let (class, length) = next(before, rest, about_versions);
        found.push((class, &rest[..length]));
        at += length;
    }
    found
}

/// Letters of a time, a path, a version that are looked at: a line made of nothing else is read once.
const WINDOW: usize = 256;

/// The part that a rest begins with: at least one character.
fn next(before: &str, rest: &str, about_versions: bool) -> (Class, usize) {
    let before = &before[before.ceil_char_boundary(before.len().saturating_sub(WINDOW))..];
    let rest = &rest[..rest.floor_char_boundary(WINDOW)];
    let inside_word = before.ends_with(|c: char| c.is_ascii_alphanumeric());
    if let Some(length) = path(before, rest) {
        return (Class::Path, length);
    }
    if !inside_word {
        if let Some(length) = super::tokens_time::time(rest) {
            return (Class::Time, length);
        }
        if let Some(length) = address(rest) {
            return (Class::Address, length);
        }
        if let Some(length) = locale(before, rest) {
            return (Class::Locale, length);
        }
    }
    if (!inside_word || before.ends_with('v'))
        && !before.ends_with('.')
        && let Some(length) = version(before, rest, about_versions)
    {
        return (Class::Version, length);
    }
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let first = rest.chars().next().map_or(1, char::len_utf8);
    if rest.starts_with(word) {
        // `v1.2.3`: the letter is a word of its own.
        if rest.starts_with('v') && rest[1..].starts_with(|c: char| c.is_ascii_digit()) && !inside_word {
            return (Class::Other, 1);
        }
        return (Class::Other, rest.find(|c: char| !word(c)).unwrap_or(rest.len()));
    }
    (Class::Other, first)
}

/// An absolute path of two parts or more, of Unix or Windows.
fn path(before: &str, rest: &str) -> Option<usize> {
    let end = |c: char| c.is_whitespace() || c.is_control() || "\"'`,;:()[]{}<>|=*".contains(c);
    if rest.starts_with('/') {
        let begins = before.is_empty()
            || before.ends_with("file://")
            || before.ends_with("-I")
            || before.ends_with("-L")
            || before.ends_with(|c: char| c.is_whitespace() || c.is_control() || "\"'`,;:([{<=|".contains(c));
        let length = rest.find(end).unwrap_or(rest.len());
        let path = &rest[..length];
        let parts = path.split('/').filter(|part| !part.is_empty()).count();
        return (begins && parts >= 2 && !path.starts_with("//")).then_some(length);
    }
    let drive = rest.as_bytes();
    let is_drive = matches!(drive, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    if is_drive && !before.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        let length = rest[2..].find(end).map_or(rest.len(), |length| length + 2);
        return (length > 4).then_some(length);
    }
    None
}

/// An address of a 64-bit process of Linux: `0x7f…` or `0x5…`, twelve digits.
fn address(rest: &str) -> Option<usize> {
    let digits = rest.strip_prefix("0x")?;
    let length = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
    (length == 12 && digits.starts_with(['5', '7'])).then_some(2 + length)
}

/// A locale's or a character set's name.
fn locale(before: &str, rest: &str) -> Option<usize> {
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_.-@".contains(c))).unwrap_or(rest.len());
    let name = rest[..end].trim_end_matches(['.', '-']);
    let (language, set) = name.split_once('.').unwrap_or((name, ""));
    let known = |name: &str| {
        matches!(
            name.to_ascii_lowercase().as_str(),
            "utf-8"
                | "utf8"
                | "us-ascii"
                | "ascii"
                | "iso-8859-1"
                | "iso-8859-15"
                | "latin-1"
                | "ansi_x3.4-1968"
                | "cp1252"
        )
    };
    let is_language = if let Some((language, country)) = language.split_once('_') {
        matches!(language.len(), 2 | 3)
            && language.bytes().all(|byte| byte.is_ascii_lowercase())
            && country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
    } else {
        let variable = before.rsplit(char::is_whitespace).next().unwrap_or_default();
        let named = variable.contains("LANG") || variable.contains("LC_");
        matches!(language, "C" | "POSIX") && (known(set) || named)
    };
    (is_language && (set.is_empty() || known(set)) || known(name)).then_some(name.len())
}

/// `1.2.3`, and `1.2` where something says that it is a version.
fn version(before: &str, rest: &str, about_versions: bool) -> Option<usize> {
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".+-~_!".contains(c))).unwrap_or(rest.len());
    let mut text = rest[..end].trim_end_matches(['.', '-', '_', '+']);
    // `1.0.dist-info`, `1.0-py3-none-any.whl`, `demo-1.0.tar.gz`: the version ends where a word begins.
    for word in [".dist-info", ".data", ".egg-info", ".tar.", ".zip", "-py", "-cp", ".whl"] {
        if let Some(at) = text.find(word) {
            text = &text[..at];
        }
    }
    let numbers: Vec<&str> =
        text.split('.').take_while(|part| part.starts_with(|c: char| c.is_ascii_digit())).collect();
    let named = about_versions
        || ["==", ">=", "<=", "~="].iter().any(|operator| before.trim_end().ends_with(operator))
        || before.strip_suffix('v').is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric()))
        || before
            .strip_suffix('-')
            .is_some_and(|before| before.ends_with(|c: char| c.is_ascii_alphanumeric()));
    let is_address = numbers.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let enough = match numbers.len() {
        0 | 1 => false,
        2 => named,
        3 => true,
        _ => named || !is_address,
    };
    enough.then_some(text.len())
}
