//! The source that is expected, compared with the one that a statement names.

use std::fmt;

use url::Url;

/// The canonical address of a repository: `git+SCHEME://host[:port]/path`, as our statements have it.
///
/// The address that is expected is brought into this form; the one in a statement is not: it is compared as it stands,
/// so that a login, a port, another case or `..` in it is another address. `x` and `x.git` are two addresses: whether
/// they are one repository only their server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceUri(String);

impl SourceUri {
    /// What [`SourceUri::parse`] takes.
    pub const EXPECTED: &'static str =
        "an address such as https://host/team/project, without a login, query, fragment or `..`";

    /// Brings an address into the canonical form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix("git+").unwrap_or(text);
        let (scheme, rest) = bare.split_once("://")?;
        if !matches!(scheme.to_ascii_lowercase().as_str(), "https" | "http" | "ssh" | "git" | "file") {
            return None;
        }
        let wrong =
            |c: char| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '*' | '@' | '?' | '#');
        let dots = rest
            .split('/')
            .any(|part| matches!(part.to_ascii_lowercase().as_str(), "." | ".." | "%2e%2e" | "%2e"));
        if rest.contains(wrong) || dots || rest.contains("//") {
            return None;
        }
        let url = Url::parse(bare).ok()?;
        let host = url.host_str()?;
        let default = match url.scheme() {
            "ssh" => Some(22),
            "git" => Some(9418),
            _ => None,
        };
        let port = url.port().filter(|port| Some(*port) != default);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = url.path().trim_end_matches('/');
        if host.is_empty() || path.is_empty() {
            return None;
        }
        Some(Self(format!("git+{}://{}{port}{path}", url.scheme(), host.to_ascii_lowercase())))
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a ref fits a pattern: `*` stands for anything but `/`.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => {
            let Some(rest) = text.strip_prefix(before) else { return false };
            let end = rest.find('/').unwrap_or(rest.len());
            (0..=end).filter(|at| rest.is_char_boundary(*at)).any(|at| fits(after, &rest[at..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_brought_into_one_form() {
        for (text, canonical) in [
            ("https://Git.Example/team/demo", "git+https://git.example/team/demo"),
            ("git+https://git.example:443/team/demo/", "git+https://git.example/team/demo"),
            ("ssh://git.example:22/demo.git", "git+ssh://git.example/demo.git"),
            ("https://git.example:8443/Team/demo", "git+https://git.example:8443/Team/demo"),
        ] {
            assert_eq!(SourceUri::parse(text).unwrap().as_str(), canonical);
        }
        for wrong in [
            "",
            "git.example/x",
            "https://",
            "https://a",
            "https://u@a/b",
            "https://a/b/../c",
            "https://a/%2e%2e/c",
            "https://a/b?c",
            "https://a/b#c",
            "https://a/*",
            "ext::sh",
            "https://a//b",
            "https://a/b c",
        ] {
            assert_eq!(SourceUri::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_star_stops_at_a_slash() {
        assert!(fits("refs/tags/v*", "refs/tags/v1.2"));
        assert!(fits("refs/tags/*-rc*", "refs/tags/1-rc2"));
        assert!(!fits("refs/tags/v*", "refs/tags/v1/x"));
        assert!(!fits("refs/heads/main", "refs/heads/main2"));
        assert!(!fits("refs/*", "refs/heads/main"));
    }
}
