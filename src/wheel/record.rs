//! RECORD: the list of a wheel's files with their digests ("recording installed projects", "the RECORD file").

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::WheelError;
use crate::digest::Sha256;

/// Reads RECORD: the digest of each file that has one.
pub(super) fn parse(file: &str, text: &[u8]) -> Result<BTreeMap<String, Option<Sha256>>, WheelError> {
    let wrong = |expected: &str, actual: String| WheelError::Metadata {
        file: file.to_owned(),
        what: "RECORD".to_owned(),
        expected: expected.to_owned(),
        actual,
    };
    let mut files = BTreeMap::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    for line in reader.records() {
        let line = line.map_err(|error| wrong("comma separated values", error.to_string()))?;
        let path = line.get(0).unwrap_or_default().to_owned();
        let digest = match line.get(1).unwrap_or_default() {
            "" => None,
            given => {
                let bytes = given
                    .strip_prefix("sha256=")
                    .and_then(|text| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok());
                let digest = bytes
                    .filter(|bytes| bytes.len() == 32)
                    .and_then(|bytes| hex(&bytes).parse().ok())
                    .ok_or_else(|| wrong("sha256=<base64url>", format!("{given:?} for {path:?}")))?;
                Some(digest)
            }
        };
        if files.insert(path.clone(), digest).is_some_and(|before| before != digest) {
            return Err(wrong("each file once", format!("{path:?} twice")));
        }
    }
    Ok(files)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// RECORD of an installed distribution, sorted by path. RECORD itself (`own`) is listed without a digest.
#[must_use]
pub fn write_record(files: &BTreeMap<String, (Sha256, u64)>, own: &str) -> String {
    let mut lines: Vec<String> = files
        .iter()
        .map(|(path, (digest, size))| {
            format!("{},sha256={},{size}\n", quoted(path), URL_SAFE_NO_PAD.encode(digest.as_bytes()))
        })
        .collect();
    lines.push(format!("{},,\n", quoted(own)));
    lines.sort();
    lines.concat()
}

fn quoted(path: &str) -> String {
    if path.contains(['"', ',']) { format!("\"{}\"", path.replace('"', "\"\"")) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_round_trips() {
        let digest = Sha256::of("x");
        let files =
            BTreeMap::from([("a,b \"c\".py".to_owned(), (digest, 1)), ("z.py".to_owned(), (digest, 1))]);
        let text = write_record(&files, "a-1.dist-info/RECORD");
        let parsed = parse("w", text.as_bytes()).unwrap();
        assert_eq!(parsed["a,b \"c\".py"], Some(digest));
        assert_eq!(parsed["a-1.dist-info/RECORD"], None);
        assert_eq!(parsed.len(), 3);
    }

    #[test]
    fn weak_and_odd_records_are_refused() {
        for wrong in ["a.py,md5=abc,1\n", "a.py,sha256=abc,1\n", "a.py,sha256=,1\n"] {
            assert!(parse("w", wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
