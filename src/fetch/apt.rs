//! The host's apt sources, one-line and deb822 (sources.list(5)): which mirrors of Debian's archives it uses.

use std::path::Path;

use deb822_fast::Deb822;

use super::FetchError;
use super::surroundings::{Surroundings, read_setting};

/// An entry that names a mirror of a Debian archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AptSource {
    /// `debian` or `debian-security`.
    pub archive: &'static str,
    pub uri: String,
    pub origin: String,
}

/// Releases of Debian by code name and by role, whose suites mirrors of the archive serve.
const RELEASES: [&str; 12] = [
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "stable",
    "testing",
    "unstable",
    "oldstable",
    "oldoldstable",
    "experimental",
];

/// Reads all sources. What is no mirror of Debian's is left out; what would be one but cannot be used is told in
/// `skipped`.
pub(super) fn sources(from: &Surroundings, skipped: &mut Vec<String>) -> Result<Vec<AptSource>, FetchError> {
    let mut found = Vec::new();
    let mut files = vec![from.etc("apt/sources.list")];
    if let Ok(entries) = std::fs::read_dir(from.etc("apt/sources.list.d")) {
        let mut more: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        more.sort();
        files.extend(more);
    }
    for file in files {
        let deb822 = match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => false,
            Some("sources") => true,
            _ => continue,
        };
        let Some(text) = read_setting(&file)? else { continue };
        if deb822 {
            paragraphs(&file, &text, &mut found, skipped);
        } else {
            lines(&file, &text, &mut found, skipped);
        }
    }
    // Mirrors of third parties use Debian's suite names too: the likely ones first.
    found.sort_by_key(|source| {
        let path = source.uri.splitn(4, '/').nth(3).unwrap_or_default();
        !path.split('/').any(|part| part == source.archive)
    });
    Ok(found)
}

fn lines(file: &Path, text: &str, found: &mut Vec<AptSource>, skipped: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let Some(rest) = line.trim().strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t'])) else {
            continue;
        };
        let rest = rest.trim_start();
        // Options come first, in brackets: [arch=amd64 signed-by=…].
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']').map_or("", |(_, rest)| rest),
            None => rest,
        };
        let mut words = rest.split_whitespace();
        let (Some(uri), Some(suite)) = (words.next(), words.next()) else { continue };
        let origin = format!("{}:{}", file.display(), number + 1);
        add(&origin, uri, suite, &words.collect::<Vec<_>>(), found, skipped);
    }
}

fn paragraphs(file: &Path, text: &str, found: &mut Vec<AptSource>, skipped: &mut Vec<String>) {
    let origin = file.display().to_string();
    let Ok(sources) = text.parse::<Deb822>() else {
        skipped.push(format!("{origin}: not in the deb822 format"));
        return;
    };
    for source in sources.iter() {
        let words = |name: &str| -> Vec<&str> {
            source.get(name).unwrap_or_default().split_whitespace().filter(|word| *word != ".").collect()
        };
        let off = source.get("Enabled").is_some_and(|text| {
            matches!(
                text.trim().to_ascii_lowercase().as_str(),
                "no" | "false" | "without" | "off" | "disable" | "0"
            )
        });
        if off || !words("Types").contains(&"deb") {
            continue;
        }
        let components = words("Components");
        for uri in words("URIs") {
            for suite in words("Suites") {
                add(&origin, uri, suite, &components, found, skipped);
            }
        }
    }
}

fn add(
    origin: &str,
    uri: &str,
    suite: &str,
    components: &[&str],
    found: &mut Vec<AptSource>,
    skipped: &mut Vec<String>,
) {
    let suite = suite.trim_end_matches('/');
    let release = suite.split(['-', '/']).next().unwrap_or_default();
    if !RELEASES.contains(&release) || !components.contains(&"main") {
        return;
    }
    let archive = if suite.ends_with("-security") || suite.ends_with("/updates") {
        "debian-security"
    } else {
        "debian"
    };
    if !uri.starts_with("http://") && !uri.starts_with("https://") {
        let method = uri.split(':').next().unwrap_or_default();
        let reason = format!("{origin}: apt's method {method:?} is not supported");
        if !skipped.contains(&reason) {
            skipped.push(reason);
        }
        return;
    }
    if !found.iter().any(|there| there.archive == archive && there.uri == uri) {
        found.push(AptSource { archive, uri: uri.to_owned(), origin: origin.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::surroundings::test_surroundings;
    use super::*;

    #[test]
    fn both_formats_are_read_and_other_archives_left_out() {
        let temp = tempfile::tempdir().unwrap();
        let parts = temp.path().join("etc/apt/sources.list.d");
        fs::create_dir_all(&parts).unwrap();
        fs::write(
            temp.path().join("etc/apt/sources.list"),
            "# deb http://commented.example/debian bookworm main\n\
             deb [arch=amd64 signed-by=/k.gpg] http://one.example/debian bookworm main contrib # why\n\
             deb-src http://source.example/debian bookworm main\n\
             deb cdrom:[Debian 12]/ bookworm main\n\
             deb mirror+file:/etc/apt/mirrors.txt bookworm main\n\
             deb http://tools.example/apt bookworm main\n\
             deb https://vendor.example/linux/debian bookworm stable\n\
             deb https://cloud.example/apt cloud-sdk-bookworm main\n",
        )
        .unwrap();
        fs::write(
            parts.join("debian.sources"),
            "Types: deb deb-src\n# a comment\nURIs: http://two.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\n\
             Types: deb\nURIs: http://two.example/debian-security\nSuites: bookworm-security\nComponents: main\nSigned-By:\n -----BEGIN\n .\n abc\n\n\
             Types: deb\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\nEnabled: no\n",
        )
        .unwrap();
        fs::write(parts.join("old.list.save"), "deb http://saved.example/debian bookworm main\n").unwrap();
        let mut skipped = Vec::new();
        let found = sources(&test_surroundings(temp.path(), &[]), &mut skipped).unwrap();
        let found: Vec<_> = found.iter().map(|source| (source.archive, source.uri.as_str())).collect();
        assert_eq!(
            found,
            [
                ("debian", "http://one.example/debian"),
                ("debian", "http://two.example/debian"),
                ("debian-security", "http://two.example/debian-security"),
                ("debian", "http://tools.example/apt"),
            ]
        );
        assert_eq!(skipped.len(), 1, "{skipped:?}");
        assert!(skipped[0].contains("mirror+file"), "{skipped:?}");
    }
}
