//! A comparison as one HTML page: nothing is loaded from elsewhere, nothing runs, and what was compared is text.

use std::fmt::Write as _;

use super::difference::{in_order, place, reasons, verdict};
use super::harmless;
use crate::compare::{Change, Report, Side};

/// Changes that a page shows: a browser has to lay them out.
const SHOWN: usize = 5000;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--quiet:#777;--good:#1a7f37;--middle:#9a6700;--bad:#cf222e}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}
code,pre{font:13px/1.45 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap;margin:0}
article{border-top:1px solid var(--line);padding:.7rem 0}article h2{font-size:1rem;margin:0;overflow-wrap:anywhere}
article p{margin:.1rem 0;color:var(--quiet)}.verdict{font-weight:600;border:2px solid;border-radius:.4rem;padding:.5rem 1rem}
.identical{color:var(--good)}.equal{color:var(--middle)}.different{color:var(--bad)}
.old{color:var(--bad)}.new{color:var(--good)}";

/// The page.
#[must_use]
pub fn difference_html(report: &Report) -> String {
    let mut page = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // The page holds text of whoever made the artifacts: even if it were no text, nothing would run or be loaded.
    page.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    );
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    let title = format!("{} and {}", report.a.name, report.b.name);
    let _ = writeln!(page, "<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>", escaped(&title));
    let _ = writeln!(page, "<h1>{}</h1>", escaped(&title));
    let class = report.verdict.name();
    let _ = writeln!(page, "<p class=\"verdict {class}\">{}</p>", escaped(&verdict(report)));
    page.push_str("<table>\n<tr><th></th><th>file</th><th>bytes</th><th>sha256</th></tr>\n");
    for (sign, side) in [("−", &report.a), ("+", &report.b)] {
        row(&mut page, sign, side);
    }
    page.push_str("</table>\n");
    let changes = in_order(report);
    let _ = writeln!(page, "<p>{} changes</p>", changes.len());
    for change in changes.iter().take(SHOWN) {
        article(&mut page, change);
    }
    if changes.len() > SHOWN {
        let _ = writeln!(page, "<p>{} more are not shown here</p>", changes.len() - SHOWN);
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn row(page: &mut String, sign: &str, side: &Side) {
    let digest = side.sha256.map(|sha256| sha256.to_string()).unwrap_or_default();
    let name = escaped(&side.name);
    let _ = writeln!(
        page,
        "<tr><td>{sign}</td><td>{name}</td><td>{}</td><td><code>{digest}</code></td></tr>",
        side.size
    );
}

fn article(page: &mut String, change: &Change) {
    let _ =
        writeln!(page, "<article>\n<h2>{} <code>{}</code></h2>", change.kind.name(), escaped(&place(change)));
    let _ = writeln!(page, "<p>{}</p>", escaped(&reasons(change)));
    if !change.detail.is_empty() {
        page.push_str("<pre>");
        for line in change.detail.lines() {
            let line_escaped = escaped(line);
            let class = match line.as_bytes() {
                [b'-', b' ', ..] => Some("old"),
                [b'+', b' ', ..] => Some("new"),
                _ => None,
            };
            let _ = match class {
                Some(class) => writeln!(page, "<span class=\"{class}\">{line_escaped}</span>"),
                None => writeln!(page, "{line_escaped}"),
            };
        }
        page.push_str("</pre>\n");
    }
    page.push_str("</article>\n");
}

/// Text for between tags: no sign of it is markup, no control character is left.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in harmless(text).chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
