//! Logical lines of a requirements file, and who asked for an entry as its comments say.

use crate::name::PackageName;

/// A line with its continuations, without comments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The first physical line, from 1.
    pub(super) number: usize,
    /// Its text, trimmed.
    pub(super) text: String,
    /// Who asked for it: the `# via` of pip-compile and uv.
    pub(super) via: Vec<String>,
}

/// Joins lines that end with a backslash, then takes comments away (a comment ends a continuation). The order and the
/// rule that `#` starts one only after a space are pip's.
pub(super) fn logical(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut pending: Option<(usize, String)> = None;
    let mut via = Via::default();
    for (index, physical) in text.lines().enumerate() {
        let (number, mut joined) = pending.take().unwrap_or((index + 1, String::new()));
        let comment_only = physical.trim_start().starts_with('#');
        if let (Some(part), false) = (physical.strip_suffix('\\'), comment_only) {
            joined.push_str(part);
            pending = Some((number, joined));
            continue;
        }
        if comment_only {
            joined.push(' ');
        }
        joined.push_str(physical);
        push(&mut lines, &mut via, number, &joined);
    }
    if let Some((number, joined)) = pending {
        push(&mut lines, &mut via, number, &joined);
    }
    lines
}

fn push(lines: &mut Vec<Line>, via: &mut Via, number: usize, joined: &str) {
    let (text, comment) = without_comment(joined);
    if !text.trim().is_empty() {
        *via = Via::default();
        lines.push(Line { number, text: text.trim().to_owned(), via: Vec::new() });
    } else if comment.is_none() {
        // A blank line ends what is said of the entry above.
        *via = Via::Over;
    }
    if let (Some(comment), Some(line)) = (comment, lines.last_mut()) {
        via.comment(comment, &mut line.via);
    }
}

fn without_comment(text: &str) -> (&str, Option<&str>) {
    let starts = text.match_indices('#').map(|(at, _)| at);
    let start = starts.into_iter().find(|at| text[..*at].chars().next_back().is_none_or(char::is_whitespace));
    match start {
        Some(start) => (&text[..start], Some(&text[start + 1..])),
        None => (text, None),
    }
}

/// Where we are in the comments after an entry.
#[derive(Debug, Default)]
enum Via {
    /// No `via` yet.
    #[default]
    Before,
    /// After a `via`: indented comments name more.
    Within,
    /// Another comment came: what follows is not about the entry.
    Over,
}

impl Via {
    fn comment(&mut self, comment: &str, names: &mut Vec<String>) {
        let text = comment.trim();
        let items = match self {
            Self::Before if text == "via" || text.starts_with("via ") => {
                *self = Self::Within;
                &text["via".len()..]
            }
            Self::Within if comment.starts_with("  ") => text,
            Self::Before | Self::Within | Self::Over => {
                *self = Self::Over;
                return;
            }
        };
        names.extend(items.split(',').filter_map(|item| asker(item.trim())));
    }
}

/// `requests`, `-r requirements.in` or `hello (pyproject.toml)`; constraints ask for nothing.
fn asker(item: &str) -> Option<String> {
    let file = item.strip_prefix("-r ").map(str::trim);
    let file = file.or_else(|| item.split_once(" (").and_then(|(_, rest)| rest.strip_suffix(')')));
    match file {
        Some(file) => {
            let good = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
            (!file.is_empty() && file.len() < 200 && file.chars().all(good)).then(|| file.to_owned())
        }
        None => item.parse::<PackageName>().ok().map(|name| name.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_comments_taken_away_as_pip_does() {
        let text = "# head\n\na==1 \\\n  --hash=x \\\n  --hash=y\n    # via\n    #   -r requirements.in\n    #   -c c.txt\n    #   B_c\nhttps://h.example/x.whl#sha256=1 # via d, e\nb\\\n # comment\nc # via  hello (pyproject.toml)\n\n#   not\nd \\";
        let lines = logical(text);
        let got: Vec<(usize, &str, String)> =
            lines.iter().map(|line| (line.number, line.text.as_str(), line.via.join(" "))).collect();
        let want = [
            (3, "a==1   --hash=x   --hash=y", "requirements.in b-c"),
            (10, "https://h.example/x.whl#sha256=1", "d e"),
            (11, "b", ""),
            (13, "c", "pyproject.toml"),
            (16, "d", ""),
        ];
        assert_eq!(got, want.map(|(number, text, via)| (number, text, via.to_owned())));
    }
}
