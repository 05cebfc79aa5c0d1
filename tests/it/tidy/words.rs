//! Words that no file of this repository may hold: hosts of package registries and paths of a developer's machine.
//!
//! They are put together from parts, so that this file does not hold them either.

use super::{assert_none, tracked};
use crate::context::repository;

fn registry_hosts() -> Vec<String> {
    let parts: [(&[&str], &str); 9] = [
        (&["py", "pi"], "org"),
        (&["files.python", "hosted"], "org"),
        (&["index.cra", "tes"], "io"),
        (&["static.cra", "tes"], "io"),
        (&["cra", "tes"], "io/api"),
        (&["deb.deb", "ian"], "org"),
        (&["security.deb", "ian"], "org"),
        (&["registry.npm", "js"], "org"),
        (&["proxy.go", "lang"], "org"),
    ];
    parts.map(|(name, end)| format!("{}.{end}", name.concat())).into()
}

fn machine_paths() -> Vec<String> {
    [["/wo", "rk/"], ["/fa", "rm/"], ["/root", "/."]].map(|parts| parts.concat()).into()
}

/// Whether `word` stands in `line` as a name of its own: `docs.HOST` is another host.
fn stands_in(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c == '.' || c == '-' || c.is_ascii_alphanumeric()))
    })
}

#[test]
fn no_registry_and_no_path_of_a_machine_is_named() {
    let Some(files) = tracked() else { skipped!("no git checkout here") };
    let words: Vec<String> = registry_hosts().into_iter().chain(machine_paths()).collect();
    let mut complaints = Vec::new();
    for file in files {
        let Ok(text) = std::fs::read_to_string(repository().join(&file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let found = words.iter().filter(|word| stands_in(line, word));
            complaints.extend(found.map(|word| format!("{}:{}: {word}", file.display(), number + 1)));
        }
    }
    assert_none(&complaints);
}

#[test]
fn a_host_is_found_only_as_a_name_of_its_own() {
    let host = &registry_hosts()[0];
    assert!(stands_in(&format!("see https://{host}/simple"), host));
    assert!(stands_in(host, host));
    assert!(!stands_in(&format!("https://docs.{host}/attestations"), host));
}
