//! Texts: which lines differ, and what they probably differ in.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::CompareError;
use super::data::Data;
use super::locale;
use super::model::{Cause, Change, Normalization};
use super::tokens;
use super::walk::{Role, Spot, unreadable};

/// Larger ones are compared as bytes.
const LARGEST: u64 = 16 << 20;
/// Lines that are aligned with each other; more are taken one by one.
const MOST_ALIGNED: usize = 3000;
/// Bytes of a line that is looked into.
const LONGEST_LINE: usize = 32 * 1024;
/// Lines and letters that a report shows.
const SHOWN_LINES: usize = 12;
const SHOWN_LETTERS: usize = 160;

/// The change of two texts; none if one is no text.
pub(super) fn compare(spot: &Spot, a: &Data, b: &Data) -> Result<Option<Vec<Change>>, CompareError> {
    if a.len().max(b.len()) > LARGEST {
        return Ok(None);
    }
    let (one, two) = (a.bytes().map_err(unreadable(spot))?, b.bytes().map_err(unreadable(spot))?);
    let (Some(one), Some(two)) = (as_text(&one), as_text(&two)) else { return Ok(None) };
    let (causes, excerpt) = differences(one, two);
    let change = Change::of_causes(&spot.path, causes, excerpt);
    let other_ends = is_metadata(spot) && uniform(one) && uniform(two) && with_lf(one) == with_lf(two);
    Ok(Some(vec![if other_ends { change.normalized(Normalization::MetadataLines) } else { change }]))
}

/// A wheel's METADATA: headers and a text, whose readers take either end of a line.
fn is_metadata(spot: &Spot) -> bool {
    let ([path], Role::Content) = (spot.path.as_slice(), spot.role) else { return false };
    path.strip_suffix(".dist-info/METADATA").is_some_and(|top| !top.is_empty() && !top.contains('/'))
}

fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Whether all lines end alike.
pub(super) fn uniform(text: &str) -> bool {
    let (ends, with_return) = (text.matches('\n').count(), text.matches("\r\n").count());
    let returns = text.matches('\r').count();
    returns == with_return && (with_return == 0 || with_return == ends)
}

fn as_text(bytes: &[u8]) -> Option<&str> {
    let control = |byte: &u8| matches!(byte, 0..=8 | 14..=26 | 28..=31);
    std::str::from_utf8(bytes).ok().filter(|_| !bytes.iter().any(control))
}

/// What two texts that differ probably differ in.
pub(super) fn causes(a: &str, b: &str) -> BTreeSet<Cause> {
    differences(a, b).0
}

/// A text in bounds, on one line.
pub(super) fn shortened(text: &str) -> String {
    let escaped: String = text.chars().take(SHOWN_LETTERS + 1).flat_map(visible).collect();
    match escaped.char_indices().nth(SHOWN_LETTERS) {
        Some((at, _)) => format!("{}…", &escaped[..at]),
        None => escaped,
    }
}

/// A letter as it is, but for what cannot be seen.
fn visible(letter: char) -> Vec<char> {
    if letter.is_control() { letter.escape_debug().collect() } else { vec![letter] }
}

fn differences(a: &str, b: &str) -> (BTreeSet<Cause>, String) {
    let one_of = |cause| BTreeSet::from([cause]);
    let lines_a: Vec<&str> = a.split('\n').collect();
    let lines_b: Vec<&str> = b.split('\n').collect();
    let start = lines_a.iter().zip(&lines_b).take_while(|(one, two)| one == two).count();
    let (rest_a, rest_b) = (&lines_a[start..], &lines_b[start..]);
    let end = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(one, two)| one == two).count();
    let (middle_a, middle_b) = (&rest_a[..rest_a.len() - end], &rest_b[..rest_b.len() - end]);
    let hunks = hunks(middle_a, middle_b);
    let excerpt = excerpt(start, middle_a, middle_b, &hunks);
    if without_ends(a) == without_ends(b) {
        return (one_of(Cause::LineEndings), "the same lines with other ends".to_owned());
    }
    if let Some(cause) = reordered(&lines_a, &lines_b) {
        return (one_of(cause), format!("the same lines in another order\n{excerpt}"));
    }
    let mut causes = BTreeSet::new();
    for (old, new) in &hunks {
        let (old, new) = (&middle_a[old.clone()], &middle_b[new.clone()]);
        if old.len() == new.len() {
            old.iter().zip(new).filter(|(one, two)| one != two).for_each(|(one, two)| {
                causes.extend(line_causes(one, two));
            });
        } else {
            causes.insert(Cause::Content);
        }
    }
    (causes, excerpt)
}

/// A text with one kind of line end, and one at its end.
fn without_ends(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.strip_suffix('\n').unwrap_or(&text).to_owned()
}

/// Whether lines are the same but for their order, commas between them aside.
fn reordered(a: &[&str], b: &[&str]) -> Option<Cause> {
    let bare = |lines: &[&str]| -> Vec<String> {
        lines.iter().map(|line| line.trim_end().trim_end_matches(',').to_owned()).collect()
    };
    let (mut one, mut two) = (bare(a), bare(b));
    if a.len() != b.len() || one == two {
        return None;
    }
    one.sort();
    two.sort();
    let trimmed = |lines: &[&str]| -> usize { lines.iter().rev().take_while(|line| line.is_empty()).count() };
    let (end_a, end_b) = (a.len() - trimmed(a), b.len() - trimmed(b));
    let by_locale = || locale::sorted_otherwise(&a[..end_a], &b[..end_b]);
    (one == two).then(|| if by_locale() { Cause::Locale } else { Cause::HashSeed })
}

/// What two lines differ in.
fn line_causes(a: &str, b: &str) -> BTreeSet<Cause> {
    if a.len().max(b.len()) > LONGEST_LINE {
        return BTreeSet::from([Cause::Content]);
    }
    if let Some(causes) = tokens::differ_in(a, b).filter(|causes| !causes.is_empty()) {
        return causes;
    }
    if other_order(a, b) {
        return BTreeSet::from([Cause::HashSeed]);
    }
    if locale::folded(a) == locale::folded(b) {
        return BTreeSet::from([Cause::Locale]);
    }
    BTreeSet::from([Cause::Content])
}

/// Whether two lines hold the same list in another order: between braces or brackets, or three words or more between
/// commas. `f(x, y)` and `f(y, x)` are no lists.
fn other_order(a: &str, b: &str) -> bool {
    if a.len() != b.len() || !a.contains(',') {
        return false;
    }
    let common: String =
        a.chars().zip(b.chars()).take_while(|(one, two)| one == two).map(|(one, _)| one).collect();
    // The list begins where something opens it, or with the item that differs first.
    let start = common.rfind(['{', '[', ':', '=', ',']).map_or(0, |at| at + 1);
    let items = |text: &str| -> Vec<String> {
        let parts = text[start..].split([',', '{', '}', '[', ']']).map(|part| part.trim().to_owned());
        let mut items: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
        items.sort();
        items
    };
    let open = |left, right| common.matches(left).count() > common.matches(right).count();
    let is_list = open('{', '}') || open('[', ']') || !a.contains(['(', ')']) && items(a).len() >= 3;
    is_list && items(a) == items(b)
}

type Hunk = (std::ops::Range<usize>, std::ops::Range<usize>);

/// Which lines differ.
fn hunks(a: &[&str], b: &[&str]) -> Vec<Hunk> {
    if a.len() + b.len() > MOST_ALIGNED {
        if a.len() != b.len() {
            return vec![(0..a.len(), 0..b.len())];
        }
        let differs = (0..a.len()).filter(|index| a[*index] != b[*index]);
        return differs.map(|index| (index..index + 1, index..index + 1)).collect();
    }
    let operations = capture_diff_slices(Algorithm::Myers, a, b);
    let changed = operations.iter().filter(|operation| !matches!(operation, DiffOp::Equal { .. }));
    changed.map(|operation| (operation.old_range(), operation.new_range())).collect()
}

/// The first lines that differ, as people read them.
fn excerpt(start: usize, a: &[&str], b: &[&str], hunks: &[Hunk]) -> String {
    let mut text = String::new();
    let mut left = SHOWN_LINES;
    for (old, new) in hunks {
        if left == 0 {
            text.push_str("…\n");
            break;
        }
        let _ = writeln!(text, "line {}:", start + old.start + 1);
        // Half of what is left for each side, so that both are seen.
        let half = (left / 2).max(1);
        for (sign, lines) in [('-', &a[old.clone()]), ('+', &b[new.clone()])] {
            for line in lines.iter().take(half) {
                let _ = writeln!(text, "{sign} {}", shortened(line));
            }
            if lines.len() > half {
                let _ = writeln!(text, "{sign} … {} lines more", lines.len() - half);
            }
        }
        left = left.saturating_sub(old.len().min(half) + new.len().min(half));
    }
    text.truncate(text.trim_end().len());
    text
}
