//! Lock files with damage that nobody thought of: an answer or an error, never a panic, and no pin without a hash.

use proptest::prelude::*;

use super::{Case, fixtures};

const FILES: [&str; 13] = [
    "pip/freeze.txt",
    "pip/pylock.toml",
    "pip-tools/requirements.txt",
    "pip-tools/line.txt",
    "pipenv/Pipfile.lock",
    "poetry-1.2/poetry.lock",
    "poetry-1.8/poetry.lock",
    "poetry-2/poetry.lock",
    "uv/uv.lock",
    "uv/requirements.txt",
    "uv/pylock.toml",
    "uv-conflicts/uv.lock",
    "pep751/pylock.toml",
];

/// One damage, at a place that is given as a part of the length.
#[derive(Debug, Clone)]
enum Damage {
    Replace(f64, u8),
    Remove(f64, usize),
    Repeat(f64, usize),
    Insert(f64, &'static str),
}

fn damage() -> impl Strategy<Value = Damage> {
    let words = prop::sample::select(vec![
        "\"",
        "'",
        "\n",
        " ",
        "\\",
        "#",
        "[",
        "]",
        "{",
        "}",
        "=",
        ",",
        ";",
        "@",
        "|",
        "^",
        "~",
        "*",
        "é",
        "\u{feff}",
        "\0",
        "-r x",
        "-e ",
        "${A}",
        "==",
        " or ",
        "not in ",
        "in extras",
        "9999999999999999999999",
        "[[package]]\n",
        "sha256:",
        "file:///",
        "http://[",
        "\r",
    ]);
    prop_oneof![
        (0.0..1.0, any::<u8>()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        (0.0..1.0, 1..200_usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        (0.0..1.0, 1..200_usize).prop_map(|(at, count)| Damage::Repeat(at, count)),
        (0.0..1.0, words).prop_map(|(at, word)| Damage::Insert(at, word)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place"
    )]
    let place = |at: f64| ((bytes.len() as f64) * at) as usize;
    match damage {
        Damage::Replace(at, byte) => {
            let at = place(*at);
            if let Some(there) = bytes.get_mut(at) {
                *there = *byte;
            }
        }
        Damage::Remove(at, count) => {
            let at = place(*at);
            bytes.drain(at..(at + count).min(bytes.len()));
        }
        Damage::Repeat(at, count) => {
            let at = place(*at);
            let part = bytes[at..(at + count).min(bytes.len())].to_vec();
            bytes.splice(at..at, part);
        }
        Damage::Insert(at, word) => {
            let at = place(*at);
            bytes.splice(at..at, word.bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic(
        path in prop::sample::select(FILES.to_vec()),
        damages in prop::collection::vec(damage(), 1..6),
        beside in any::<bool>(),
    ) {
        let mut case = Case::fixture(path).extras(&["async"]).indexes(&["http://127.0.0.1:3141/simple"]);
        // A poetry.lock until 2.0 is read with its pyproject.toml: that is damaged too.
        let name = if beside && case.files.contains_key("pyproject.toml") { "pyproject.toml".to_owned() } else { case.path.clone() };
        let bytes = case.files.get_mut(&name).unwrap();
        for damage in &damages {
            apply(bytes, damage);
        }
        for case in [Case { selection: sealwright::requirements::Selection::default(), files: case.files.clone(), path: case.path.clone(), interpreter: case.interpreter.clone() }, case] {
            match case.read() {
                Ok(read) => {
                    for pin in &read.pins {
                        prop_assert!(!pin.hashes.is_empty() && pin.at.line > 0);
                        prop_assert!(pin.files.iter().all(|file| pin.hashes.contains(&file.sha256)));
                    }
                    prop_assert!(read.pins.windows(2).all(|pair| pair[0].name < pair[1].name));
                }
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}

/// Markers and requirements of their own words in any order.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "python_version",
        "python_full_version",
        "extra",
        "os_name",
        "sys_platform",
        "platform_release",
        "and",
        "or",
        "not",
        "in",
        "==",
        ">=",
        "<",
        "~=",
        "!=",
        "===",
        "(",
        ")",
        "'3.11'",
        "\"3.*\"",
        "'linux'",
        "'3.8 3.9'",
        "'a-'",
        "''",
        "'",
        "a",
        "a-",
        "[",
        "]",
        "[x-]",
        ",",
        "1.0",
        "1.*",
        "@",
        "https://h.example/a-1.zip",
        ";",
        "#sha256=",
        "1!2.0+l.o-c",
        "^1",
        "||",
        "extras",
        "dependency_groups",
    ]);
    prop::collection::vec((word, prop::sample::select(vec!["", " "])), 0..14)
        .prop_map(|words| words.into_iter().map(|(word, space)| format!("{word}{space}")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_in_any_order_never_panic(words in words()) {
        let hash = format!("--hash=sha256:{}", "a".repeat(64));
        let texts = [
            ("requirements.txt", format!("a==1 ; {words} {hash}\n")),
            ("requirements.txt", format!("{words} {hash}\n")),
            ("requirements.txt", format!("{words}\n")),
            ("pylock.toml", format!("lock-version = '1.0'\n[[packages]]\nname = 'a'\nversion = '1'\nmarker = {words:?}\n")),
            ("uv.lock", format!("version = 1\nrequires-python = {words:?}\n")),
            ("poetry.lock", format!("[metadata]\nlock-version = '2.0'\npython-versions = {words:?}\n")),
        ];
        for (path, text) in texts {
            if let Err(error) = Case::text(path, text).read() {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}

#[test]
fn every_fixture_that_is_mutated_is_there() {
    assert!(FILES.iter().all(|path| fixtures().join(path).is_file()));
}
