//! Dates and times as programs write them: ISO 8601, RFC 5322, `asctime`, C's `__DATE__` and `__TIME__`, and seconds
//! since 1970.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LONG_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// 1990-01-01 to 2100-01-01.
const PLAUSIBLE: std::ops::Range<u64> = 631_152_000..4_102_444_800;

/// The length of the date or time that a text begins with.
pub(super) fn time(text: &str) -> Option<usize> {
    let rest = iso(text)
        .or_else(|| compact(text))
        .or_else(|| mail(text))
        .or_else(|| asctime(text))
        .or_else(|| clock(text))
        .or_else(|| epoch(text))?;
    let ends = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    ends.then_some(text.len() - rest.len())
}

/// A number of so many digits, within bounds, and what follows.
fn number(
    text: &str,
    digits: std::ops::RangeInclusive<usize>,
    range: std::ops::RangeInclusive<u64>,
) -> Option<&str> {
    let count = text.bytes().take(*digits.end()).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(count);
    let fits = digits.contains(&count) && number.parse().is_ok_and(|number| range.contains(&number));
    fits.then_some(rest)
}

fn year(text: &str) -> Option<&str> {
    number(text, 4..=4, 1970..=2106)
}

fn one_of<'a>(text: &'a str, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| text.strip_prefix(name))
}

fn month(text: &str) -> Option<&str> {
    one_of(text, &LONG_MONTHS).or_else(|| one_of(text, &MONTHS))
}

fn spaces(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(' ');
    (rest.len() < text.len()).then_some(rest)
}

/// `12:34`, `12:34:56`, `12:34:56.789`.
fn hours(text: &str) -> Option<&str> {
    let rest = number(text, 1..=2, 0..=24)?.strip_prefix(':')?;
    let rest = number(rest, 2..=2, 0..=59)?;
    let Some(seconds) = rest.strip_prefix(':').and_then(|rest| number(rest, 2..=2, 0..=60)) else {
        return Some(rest);
    };
    let fraction =
        seconds.strip_prefix(['.', ',']).map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    Some(fraction.unwrap_or(seconds))
}

/// `Z`, `+0100`, `+01:00`, ` GMT`, or nothing.
fn zone(text: &str) -> &str {
    let bare = text.strip_prefix(' ').unwrap_or(text);
    if let Some(rest) = one_of(bare, &["UTC", "GMT", "CEST", "CET", "EST", "EDT", "PST", "PDT"]) {
        return rest;
    }
    if let Some(rest) = text.strip_prefix('Z') {
        return rest;
    }
    let offset = || {
        let rest = number(bare.strip_prefix(['+', '-'])?, 2..=2, 0..=14)?;
        number(rest.strip_prefix(':').unwrap_or(rest), 2..=2, 0..=59)
    };
    offset().unwrap_or(text)
}

/// `2024-01-02`, `2024/01/02`, with a time or not.
fn iso(text: &str) -> Option<&str> {
    let rest = year(text)?;
    let separator = rest.chars().next().filter(|c| matches!(c, '-' | '/'))?;
    let rest = number(&rest[1..], 2..=2, 1..=12)?.strip_prefix(separator)?;
    let rest = number(rest, 2..=2, 1..=31)?;
    let time = rest.strip_prefix(['T', ' ', '_']).and_then(hours).map(zone);
    Some(time.unwrap_or(rest))
}

/// `20240102`, `20240102T030405Z`, `20240102030405`.
fn compact(text: &str) -> Option<&str> {
    let rest = number(number(year(text)?, 2..=2, 1..=12)?, 2..=2, 1..=31)?;
    let clock = || {
        let rest = rest.strip_prefix(['T', '-', '_']).unwrap_or(rest);
        let rest = number(number(number(rest, 2..=2, 0..=23)?, 2..=2, 0..=59)?, 2..=2, 0..=60)?;
        Some(rest.strip_prefix('Z').unwrap_or(rest))
    };
    Some(clock().unwrap_or(rest))
}

/// `Mon, 01 Jan 2024 00:00:00 +0000`, `1 January 2024`.
fn mail(text: &str) -> Option<&str> {
    let day = one_of(text, &DAYS).and_then(|rest| spaces(rest.strip_prefix(',')?)).unwrap_or(text);
    let rest =
        spaces(number(day, 1..=2, 1..=31)?).or_else(|| number(day, 1..=2, 1..=31)?.strip_prefix('-'))?;
    let rest = month(rest)?;
    let rest = year(spaces(rest).or_else(|| rest.strip_prefix('-'))?)?;
    let time = spaces(rest).and_then(hours).map(zone);
    Some(time.unwrap_or(rest))
}

/// `Mon Jan  1 00:00:00 2024`, `Jan  1 2024`, `January 1, 2024`, `Jan 1 2024, 12:34:56`.
fn asctime(text: &str) -> Option<&str> {
    let rest = one_of(text, &DAYS).and_then(spaces).unwrap_or(text);
    let rest = number(spaces(month(rest)?)?, 1..=2, 1..=31)?;
    let rest = spaces(rest.strip_prefix(',').unwrap_or(rest))?;
    if let Some(rest) = hours(rest) {
        let rest = spaces(zone(rest))?;
        return year(rest);
    }
    let rest = year(rest)?;
    let time = spaces(rest.strip_prefix(',').unwrap_or(rest)).and_then(hours);
    Some(time.unwrap_or(rest))
}

/// `12:34:56`
fn clock(text: &str) -> Option<&str> {
    let rest = hours(text)?;
    let seconds = text[..text.len() - rest.len()].matches(':').count() == 2;
    seconds.then(|| zone(rest))
}

/// Seconds since 1970, or thousandths.
fn epoch(text: &str) -> Option<&str> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(count);
    let value: u64 = digits.parse().ok()?;
    let seconds = match count {
        9 | 10 => value,
        13 => value / 1000,
        _ => return None,
    };
    let fraction = rest.strip_prefix('.').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    PLAUSIBLE.contains(&seconds).then(|| fraction.unwrap_or(rest))
}
