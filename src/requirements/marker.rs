//! Environment markers (dependency specifiers, "environment markers"; PEP 751 for `extras` and `dependency_groups`).

use std::collections::BTreeSet;

use pep440_rs::Version;
use pep508_rs::{ExtraName, MarkerTree, MarkerTreeKind, MarkerValueExtra, MarkerValueVersion};

use super::interpreter::Interpreter;

/// Longer than any marker that a tool writes.
const LIMIT: usize = 16 << 10;
/// Deeper parentheses than any tool writes; the parser recurses.
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

/// How `'name' in extras` is written for a parser that knows `extra` alone.
pub(super) fn encoded(set: &str, name: &str) -> String {
    format!("{}-{name}", set.replace('_', "-"))
}

/// Whether a marker holds.
///
/// # Errors
/// Why it cannot be said.
pub(super) fn holds(text: &str, interpreter: &Interpreter, active: &Active) -> Result<bool, String> {
    if text.len() > LIMIT || !text.is_ascii() {
        return Err("longer than any marker, or not ASCII".to_owned());
    }
    if depth(text) > DEPTH {
        return Err(format!("more than {DEPTH} parentheses within each other"));
    }
    let mut warning = None;
    let mut report = |_, message: String| warning = Some(plain(&message));
    let parsed: Result<MarkerTree, pep508_rs::Pep508Error> = MarkerTree::parse_reporter(text, &mut report);
    let tree = parsed.map_err(|error| plain(&error.message.to_string()))?;
    if let Some(warning) = warning {
        return Err(warning);
    }
    let versions = interpreter.versions();
    let walk = Walk { interpreter, versions, active };
    walk.node(&tree).map_err(|variable| format!("it depends on {variable}, which is not known here"))
}

/// As [`holds`], for a lock file of PEP 751: `'x' in extras` and `'x' in dependency_groups`, and no `extra`.
pub(super) fn holds_in_pylock(
    text: &str,
    interpreter: &Interpreter,
    active: &Active,
) -> Result<bool, String> {
    holds(&rewrite(text)?, interpreter, active)
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

fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

struct Walk<'a> {
    interpreter: &'a Interpreter,
    versions: Vec<Version>,
    active: &'a Active,
}

impl Walk<'_> {
    /// The value of a decision diagram; where a variable is unknown all that may come must agree.
    fn node(&self, tree: &MarkerTree) -> Result<bool, String> {
        match tree.kind() {
            MarkerTreeKind::True => Ok(true),
            MarkerTreeKind::False => Ok(false),
            MarkerTreeKind::Version(node) => {
                let own;
                let versions = match node.key() {
                    MarkerValueVersion::PythonVersion => {
                        let python = self.interpreter.target().python;
                        own = [Version::new([u64::from(python.major), u64::from(python.minor)])];
                        own.as_slice()
                    }
                    MarkerValueVersion::PythonFullVersion | MarkerValueVersion::ImplementationVersion => {
                        &self.versions
                    }
                };
                let edges: Vec<MarkerTree> = node
                    .edges()
                    .filter(|(range, _)| versions.iter().any(|version| range.contains(version)))
                    .map(|(_, tree)| tree)
                    .collect();
                self.agree(edges, || format!("the patch release ({})", node.key()))
            }
            MarkerTreeKind::String(node) => {
                let value = self.interpreter.variable(node.key()).map(ToOwned::to_owned);
                let edges: Vec<MarkerTree> = node
                    .children()
                    .filter(|(range, _)| value.as_ref().is_none_or(|value| range.contains(value)))
                    .map(|(_, tree)| tree)
                    .collect();
                self.agree(edges, || node.key().to_string())
            }
            MarkerTreeKind::In(node) => match self.interpreter.variable(node.key()) {
                Some(value) => self.node(&node.edge(node.value().contains(value))),
                None => self.agree([node.edge(true), node.edge(false)], || node.key().to_string()),
            },
            MarkerTreeKind::Contains(node) => match self.interpreter.variable(node.key()) {
                Some(value) => self.node(&node.edge(value.contains(node.value()))),
                None => self.agree([node.edge(true), node.edge(false)], || node.key().to_string()),
            },
            MarkerTreeKind::Extra(node) => match node.name() {
                MarkerValueExtra::Extra(name) => self.node(&node.edge(self.active.0.contains(name))),
                MarkerValueExtra::Arbitrary(name) => Err(format!("{name:?}, which no extra can be named")),
            },
        }
    }

    fn agree(
        &self,
        edges: impl IntoIterator<Item = MarkerTree>,
        variable: impl Fn() -> String,
    ) -> Result<bool, String> {
        let mut found = None;
        for edge in edges {
            let value = self.node(&edge)?;
            if *found.get_or_insert(value) != value {
                return Err(variable());
            }
        }
        found.ok_or_else(variable)
    }
}

/// Writes `'x' in extras` as `extra == 'extras-x'`, and the other three forms likewise.
fn rewrite(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '"' || first == '\'' {
            let literal = rest[1..].split(first).next().unwrap_or_default();
            let after = rest.get(literal.len() + 2..).ok_or_else(|| "a quote is not closed".to_owned())?;
            if let Some((operator, set, tail)) = membership(after) {
                let name: crate::name::PackageName =
                    literal.parse().map_err(|_| format!("{literal:?} is no name in {set}"))?;
                out.push_str(&format!("extra {operator} '{}'", encoded(set, name.as_str())));
                rest = tail;
            } else {
                out.push_str(&rest[..literal.len() + 2]);
                rest = after;
            }
        } else if first.is_ascii_alphabetic() {
            let word = word(rest);
            if matches!(word, "extra" | "extras" | "dependency_groups") {
                return Err(format!("expected `'NAME' in extras`, found `{word}` elsewhere"));
            }
            out.push_str(word);
            rest = &rest[word.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(out)
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
    &text[..end.unwrap_or(text.len())]
}

/// Reads ` in extras` or ` not in dependency_groups`: the operator for `extra`, the set, and what follows.
fn membership(text: &str) -> Option<(&'static str, &'static str, &str)> {
    let mut rest = text.trim_start();
    let mut operator = "==";
    if word(rest) == "not" {
        operator = "!=";
        rest = rest["not".len()..].trim_start();
    }
    rest = rest.strip_prefix("in").filter(|_| word(rest) == "in")?.trim_start();
    let set = match word(rest) {
        "extras" => "extras",
        "dependency_groups" => "dependency_groups",
        _ => return None,
    };
    Some((operator, set, &rest[set.len()..]))
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
        let active =
            Active::of([encoded("extras", "cli").as_str(), encoded("dependency_groups", "dev").as_str()]);
        let value = |text: &str| holds_in_pylock(text, &bookworm(), &active);
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
