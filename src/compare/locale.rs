//! What a build wrote in the language of whoever ran it.

/// Months and days that are written otherwise in English, as `date` writes them in German, French and Spanish.
const NAMES: [(&str, &str); 47] = [
    ("Januar", "January"),
    ("Februar", "February"),
    ("März", "March"),
    ("Mai", "May"),
    ("Juni", "June"),
    ("Juli", "July"),
    ("Oktober", "October"),
    ("Dezember", "December"),
    ("Mär", "Mar"),
    ("Okt", "Oct"),
    ("Dez", "Dec"),
    ("Montag", "Monday"),
    ("Dienstag", "Tuesday"),
    ("Mittwoch", "Wednesday"),
    ("Donnerstag", "Thursday"),
    ("Freitag", "Friday"),
    ("Samstag", "Saturday"),
    ("Sonntag", "Sunday"),
    ("Mo", "Mon"),
    ("Di", "Tue"),
    ("Mi", "Wed"),
    ("Do", "Thu"),
    ("Fr", "Fri"),
    ("Sa", "Sat"),
    ("So", "Sun"),
    ("janvier", "January"),
    ("février", "February"),
    ("mars", "March"),
    ("avril", "April"),
    ("mai", "May"),
    ("juin", "June"),
    ("juillet", "July"),
    ("août", "August"),
    ("septembre", "September"),
    ("octobre", "October"),
    ("novembre", "November"),
    ("décembre", "December"),
    ("enero", "January"),
    ("febrero", "February"),
    ("marzo", "March"),
    ("abril", "April"),
    ("mayo", "May"),
    ("junio", "June"),
    ("julio", "July"),
    ("agosto", "August"),
    ("diciembre", "December"),
    ("lundi", "Monday"),
];

/// A text with names of months and days in English, numbers with a decimal point, and typewriter's quotes.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_alphabetic() {
            let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let english = NAMES.iter().find(|(name, _)| *name == word).map_or(word, |(_, english)| english);
            out.push_str(english);
            rest = after;
            continue;
        }
        let after = &rest[first.len_utf8()..];
        let between =
            out.ends_with(|c: char| c.is_ascii_digit()) && after.starts_with(|c: char| c.is_ascii_digit());
        out.push(match first {
            ',' if between => '.',
            '‘' | '’' => '\'',
            '“' | '”' | '«' | '»' => '"',
            other => other,
        });
        rest = after;
    }
    out
}

/// Whether two lists of the same lines are each sorted: one by bytes, one as people sort.
pub(super) fn sorted_otherwise(a: &[&str], b: &[&str]) -> bool {
    let by_bytes = |lines: &[&str]| lines.is_sorted();
    let by_letters = |lines: &[&str]| {
        let key = |line: &str| -> String {
            line.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        lines.iter().map(|line| key(line)).is_sorted()
    };
    by_bytes(a) && by_letters(b) || by_letters(a) && by_bytes(b)
}
