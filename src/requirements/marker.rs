//! Environment markers (dependency specifiers, "environment markers"; PEP 751 for `extras` and `dependency_groups`).
//!
//! Crate `pep508_rs` reads each comparison; `and`, `or` and parentheses are read here. Its own trees are not used: some
//! texts make it panic (`'x' ~= os_name`), and it has no value for what is not known.

use std::collections::BTreeSet;

use pep440_rs::Version;
use pep508_rs::{
    ExtraName, ExtraOperator, MarkerExpression, MarkerOperator, MarkerValueExtra, MarkerValueString,
    MarkerValueVersion,
};

use super::interpreter::Interpreter;
use crate::name::PackageName;

/// Longer than any marker that a tool writes.
const LIMIT: usize = 16 << 10;
/// Deeper parentheses than any tool writes.
const DEPTH: usize = 60;

/// What `extra == "…"` is true for.
#[derive(Debug, Clone, Default)]
pub(super) struct Active(BTreeSet<ExtraName>);

impl Active {
    /// Adds a name; one that no extra can have is never asked for.
    pub(super) fn add(&mut self, name: &str) {
        if let Ok(name) = name.parse() {
            self.0.insert(name);
        }
    }

    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut active = Self::default();
        names.into_iter().for_each(|name| active.add(name));
        active
    }
}

/// What the markers of a `pylock.toml` are evaluated with.
#[derive(Debug, Clone, Default)]
pub(super) struct Sets {
    pub(super) extras: BTreeSet<PackageName>,
    pub(super) groups: BTreeSet<PackageName>,
}

/// Whether a marker holds.
///
/// # Errors
/// Why it cannot be said.
pub(super) fn holds(text: &str, interpreter: &Interpreter, active: &Active) -> Result<bool, String> {
    evaluate(text, interpreter, Names::Extra(active))
}

/// As [`holds`], for a lock file of PEP 751: `'x' in extras` and `'x' in dependency_groups`, and no `extra`.
pub(super) fn holds_in_pylock(text: &str, interpreter: &Interpreter, sets: &Sets) -> Result<bool, String> {
    evaluate(text, interpreter, Names::Sets(sets))
}

#[derive(Clone, Copy)]
enum Names<'a> {
    Extra(&'a Active),
    Sets(&'a Sets),
}

fn evaluate(text: &str, interpreter: &Interpreter, names: Names<'_>) -> Result<bool, String> {
    if text.len() > LIMIT || !text.is_ascii() {
        return Err("longer than any marker, or not ASCII".to_owned());
    }
    let words = words(text)?;
    // Where the patch release is not known, all must agree.
    let mut found: Option<Value> = None;
    for version in interpreter.versions() {
        let mut reading = Reading { text, words: &words, at: 0, version, interpreter, names };
        let value = reading.or(0)?;
        if let Some(extra) = reading.words.get(reading.at) {
            return Err(format!("expected `and`, `or` or the end, found `{}`", extra.of(text)));
        }
        match &found {
            Some(before) if *before != value => {
                found = Some(Value::Unknown("the patch release (python_full_version)".to_owned()));
                break;
            }
            _ => found = Some(value),
        }
    }
    match found {
        Some(Value::Known(value)) => Ok(value),
        Some(Value::Unknown(variable)) => Err(format!("it depends on {variable}, which is not known here")),
        None => Err("no version of Python is known".to_owned()),
    }
}

/// The parser's messages hold line breaks and what it would do on its own.
pub(super) fn plain(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = message.trim_end_matches(", will be ignored").replace(", will be ignored:", ":");
    let mut letters = message.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => message,
    }
}

/// A value, or the variable that it hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Known(bool),
    Unknown(String),
}

/// A part of the text: a parenthesis, a quoted text with its quotes, a name, or an operator.
#[derive(Clone, Copy)]
struct Word {
    start: usize,
    end: usize,
}

impl Word {
    fn of(self, text: &str) -> &str {
        &text[self.start..self.end]
    }
}

fn words(text: &str) -> Result<Vec<Word>, String> {
    let bytes = text.as_bytes();
    let (mut words, mut at) = (Vec::new(), 0);
    let operator = |byte: u8| b"<>=!~".contains(&byte);
    let name = |byte: u8| !byte.is_ascii_whitespace() && !operator(byte) && !b"()'\"".contains(&byte);
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let length = match byte {
            _ if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'(' | b')' => 1,
            b'"' | b'\'' => {
                let closed = rest[1..].iter().position(|other| *other == byte);
                closed.ok_or_else(|| format!("the quote {} is not closed", char::from(byte)))? + 2
            }
            _ if operator(byte) => rest.iter().take_while(|byte| operator(**byte)).count(),
            _ => rest.iter().take_while(|byte| name(**byte)).count(),
        };
        words.push(Word { start: at, end: at + length });
        at += length;
    }
    Ok(words)
}

/// One evaluation, for one version of the interpreter.
struct Reading<'a> {
    text: &'a str,
    words: &'a [Word],
    at: usize,
    version: Version,
    interpreter: &'a Interpreter,
    names: Names<'a>,
}

impl<'a> Reading<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).map(|word| word.of(self.text))
    }

    fn or(&mut self, depth: usize) -> Result<Value, String> {
        let mut value = self.and(depth)?;
        while self.peek() == Some("or") {
            self.at += 1;
            value = match (value, self.and(depth)?) {
                (Value::Known(true), _) | (_, Value::Known(true)) => Value::Known(true),
                (Value::Known(false), other) | (other, _) => other,
            };
        }
        Ok(value)
    }

    fn and(&mut self, depth: usize) -> Result<Value, String> {
        let mut value = self.one(depth)?;
        while self.peek() == Some("and") {
            self.at += 1;
            value = match (value, self.one(depth)?) {
                (Value::Known(false), _) | (_, Value::Known(false)) => Value::Known(false),
                (Value::Known(true), other) | (other, _) => other,
            };
        }
        Ok(value)
    }

    fn one(&mut self, depth: usize) -> Result<Value, String> {
        if self.peek() != Some("(") {
            return self.comparison();
        }
        if depth == DEPTH {
            return Err(format!("more than {DEPTH} parentheses within each other"));
        }
        self.at += 1;
        let value = self.or(depth + 1)?;
        if self.peek() != Some(")") {
            return Err(format!(
                "expected `)`, found {}",
                self.peek().map_or("the end".to_owned(), |word| format!("`{word}`"))
            ));
        }
        self.at += 1;
        Ok(value)
    }

    /// Two values with an operator between them.
    fn comparison(&mut self) -> Result<Value, String> {
        let words = &self.words[self.at..];
        let negated = words.get(1).is_some_and(|word| word.of(self.text) == "not");
        let count = if negated { 4 } else { 3 };
        let Some(words) = words.get(..count) else {
            let rest = words.first().map_or("", |first| &self.text[first.start..]);
            return Err(format!(
                "expected a comparison, found {}",
                if rest.is_empty() { "the end".to_owned() } else { format!("`{rest}`") }
            ));
        };
        self.at += count;
        let part = &self.text[words[0].start..words[count - 1].end];
        if let Names::Sets(sets) = self.names {
            let mentions =
                |word: &Word| matches!(word.of(self.text), "extra" | "extras" | "dependency_groups");
            if words.iter().any(mentions) {
                let word = |index: usize| words[index].of(self.text);
                return membership(word(0), word(count - 2), word(count - 1), sets)
                    .map(|is_in| Value::Known(is_in != negated))
                    .ok_or_else(|| {
                        format!("expected `'NAME' in extras` or `in dependency_groups`, found `{part}`")
                    });
            }
        }
        let mut warning = None;
        let mut report = |_, message: String| warning = Some(plain(&message));
        let parsed = MarkerExpression::parse_reporter(part, &mut report);
        let parsed = parsed.map_err(|error| plain(&error.message.to_string()))?;
        match (parsed, warning) {
            (Some(expression), None) => self.value(&expression),
            (_, Some(warning)) => Err(warning),
            (None, None) => Err(format!("`{part}` says nothing")),
        }
    }

    fn value(&self, expression: &MarkerExpression) -> Result<Value, String> {
        let python = self.interpreter.target().python;
        let short = Version::new([u64::from(python.major), u64::from(python.minor)]);
        let version = |key: &MarkerValueVersion| match key {
            MarkerValueVersion::PythonVersion => &short,
            MarkerValueVersion::PythonFullVersion | MarkerValueVersion::ImplementationVersion => {
                &self.version
            }
        };
        match expression {
            MarkerExpression::Version { key, specifier } => {
                Ok(Value::Known(specifier.contains(version(key))))
            }
            MarkerExpression::VersionIn { key, versions, negated } => {
                Ok(Value::Known(versions.contains(version(key)) != *negated))
            }
            MarkerExpression::String { key, operator, value } => match self.interpreter.variable(key) {
                None => Ok(Value::Unknown(key.to_string())),
                Some(known) => compare(key, known, *operator, value),
            },
            MarkerExpression::Extra { operator, name } => {
                let MarkerValueExtra::Extra(name) = name else {
                    return Err(format!("no extra can be named {:?}", name.to_string()));
                };
                let active = match self.names {
                    Names::Extra(active) => active.0.contains(name),
                    Names::Sets(_) => return Err("`extra` has no value in this file".to_owned()),
                };
                Ok(Value::Known(match operator {
                    ExtraOperator::Equal => active,
                    ExtraOperator::NotEqual => !active,
                }))
            }
        }
    }
}

fn compare(
    key: &MarkerValueString,
    known: &str,
    operator: MarkerOperator,
    value: &str,
) -> Result<Value, String> {
    Ok(Value::Known(match operator {
        MarkerOperator::Equal => known == value,
        MarkerOperator::NotEqual => known != value,
        MarkerOperator::In => value.contains(known),
        MarkerOperator::NotIn => !value.contains(known),
        MarkerOperator::Contains => known.contains(value),
        MarkerOperator::NotContains => !known.contains(value),
        MarkerOperator::GreaterThan => known > value,
        MarkerOperator::GreaterEqual => known >= value,
        MarkerOperator::LessThan => known < value,
        MarkerOperator::LessEqual => known <= value,
        MarkerOperator::TildeEqual => return Err(format!("`~=` compares versions, and {key} is none")),
    }))
}

/// The value of `'NAME' in SET`.
fn membership(name: &str, operator: &str, set: &str, sets: &Sets) -> Option<bool> {
    let quoted = name.starts_with(['"', '\'']).then(|| &name[1..name.len() - 1])?;
    let name: PackageName = quoted.parse().ok()?;
    match (operator, set) {
        ("in", "extras") => Some(sets.extras.contains(&name)),
        ("in", "dependency_groups") => Some(sets.groups.contains(&name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{DebianRelease, Platform};
    use crate::wheel::PythonTarget;

    fn bookworm() -> Interpreter {
        PythonTarget::debian(DebianRelease::Bookworm, Platform::LinuxAmd64).into()
    }

    fn value(text: &str) -> Result<bool, String> {
        holds(text, &bookworm().with_full_version("3.11.2-6+deb12u6"), &Active::of(["socks"]))
    }

    #[test]
    fn markers_are_about_the_target_and_not_about_this_host() {
        for yes in [
            "python_version == '3.11'",
            "python_version >= \"3.9\" and sys_platform != 'win32'",
            "python_full_version < '3.11.3'",
            "platform_machine == 'x86_64' or platform_machine == 'aarch64'",
            "platform_system == 'Linux' and platform_python_implementation == 'CPython'",
            "implementation_name == 'cpython' and os_name == 'posix'",
            "extra == 'socks'",
            "'nux' in sys_platform",
            "sys_platform in 'linux darwin'",
            "sys_platform != 'darwin' or platform_release >= '20'",
            "platform_release >= '20' or python_version >= '3'",
            "sys_platform == 'linux' and os_name == 'posix' or os_name == 'nt' and sys_platform == 'x'",
            "python_version not in '2.7 3.6'",
            "(python_version < '3' or (python_version >= '3.8'))",
        ] {
            assert_eq!(value(yes), Ok(true), "{yes}");
        }
        for no in [
            "python_version < '3.11'",
            "sys_platform == 'win32'",
            "extra == 'other'",
            "platform_machine == 'arm64'",
            "python_full_version >= '3.11.3'",
            "sys_platform == 'darwin' and platform_release >= '20'",
            "implementation_name == 'pypy'",
        ] {
            assert_eq!(value(no), Ok(false), "{no}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_an_error() {
        let error = |text: &str| value(text).unwrap_err();
        assert_eq!(
            error("platform_release >= '5'"),
            "it depends on platform_release, which is not known here"
        );
        assert!(error("python_version >= 'new'").contains("new"), "{}", error("python_version >= 'new'"));
        assert_eq!(error("'3.11' ~= os_name"), "`~=` compares versions, and os_name is none");
        assert!(error("os_name == 'posix' os_name").contains("`and`"));
        assert!(error("(os_name == 'posix'").contains("`)`"));
        assert!(error("'a' == 'b'").contains("two quoted strings"));
        assert!(error("platform == 'x'").contains("platform"));
        assert!(error("os_name == sys_platform").contains("two markers"));
        assert!(error(&"(".repeat(100_000)).contains("longer"));
        assert!(error(&"(".repeat(1000)).contains("parentheses"));
        assert!(error("").contains("expected"));
        let unknown = holds("python_full_version < '3.11.3'", &bookworm(), &Active::default());
        assert_eq!(
            unknown.unwrap_err(),
            "it depends on the patch release (python_full_version), which is not known here"
        );
        assert_eq!(holds("python_full_version < '3.10.5'", &bookworm(), &Active::default()), Ok(false));
    }

    #[test]
    fn sets_of_pylock_are_evaluated() {
        let name = |name: &str| BTreeSet::from([name.parse::<PackageName>().unwrap()]);
        let sets = Sets { extras: name("cli"), groups: name("dev") };
        let value = |text: &str| holds_in_pylock(text, &bookworm(), &sets);
        for yes in [
            "'cli' in extras",
            "\"CLI\" in extras and 'x' not in extras",
            "'dev' in dependency_groups",
            "'x' in extras or ('dev' in dependency_groups)",
        ] {
            assert_eq!(value(yes), Ok(true), "{yes}");
        }
        for no in [
            "'dev' in extras",
            "'cli' in dependency_groups",
            "'cli' not in extras",
            "'linux' in sys_platform and 'x' in extras",
        ] {
            assert_eq!(value(no), Ok(false), "{no}");
        }
        for wrong in
            ["extra == 'cli'", "extras == 'cli'", "'a b' in extras", "'cli in extras", "cli in extras"]
        {
            assert!(value(wrong).is_err(), "{wrong}");
        }
    }
}
