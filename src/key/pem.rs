//! PEM blocks of a text (RFC 7468): a file may hold several, and words between them.

use zeroize::Zeroizing;

use super::KeyError;

/// One block. Its bytes are wiped when it is dropped: it may be a private key.
pub struct PemBlock {
    /// `PUBLIC KEY`, `EC PRIVATE KEY`…
    pub label: String,
    /// What the base64 holds.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// No key is larger.
const LARGEST: usize = 64 * 1024;

/// All blocks of a text, in order.
///
/// # Errors
/// The text is larger than any key, or a block is not closed or is no base64.
pub fn blocks(text: &[u8]) -> Result<Vec<PemBlock>, KeyError> {
    if text.len() > LARGEST {
        return Err(KeyError::Damaged { why: "larger than any key" });
    }
    let Ok(mut rest) = std::str::from_utf8(text) else {
        return Err(KeyError::Damaged { why: "no text in UTF-8" });
    };
    let mut found = Vec::new();
    while let Some(start) = rest.find("-----BEGIN ") {
        let block = &rest[start..];
        let Some((label, _)) = block["-----BEGIN ".len()..].split_once("-----") else {
            return Err(KeyError::Damaged { why: "the first line of a PEM block has no end" });
        };
        let end = format!("-----END {label}-----");
        let Some(length) = block.find(&end).map(|at| at + end.len()) else {
            return Err(KeyError::Damaged { why: "a PEM block has no end" });
        };
        let (read, bytes) = pkcs8::der::pem::decode_vec(&block.as_bytes()[..length])
            .map_err(|_| KeyError::Damaged { why: "a PEM block is no base64 in lines" })?;
        found.push(PemBlock { label: read.to_owned(), bytes: Zeroizing::new(bytes) });
        rest = &block[length..];
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_other_words() {
        let text = b"Hello\r\n-----BEGIN A B-----\r\naGk=\r\n-----END A B-----\nmore\n-----BEGIN C-----\naGk=\n-----END C-----";
        let labels: Vec<String> = blocks(text).unwrap().into_iter().map(|block| block.label).collect();
        assert_eq!(labels, ["A B", "C"]);
        assert!(blocks(b"").unwrap().is_empty());
    }

    #[test]
    fn broken_blocks_are_refused() {
        for text in [
            &b"-----BEGIN A"[..],
            b"-----BEGIN A-----\naGk=\n",
            b"-----BEGIN A-----\n!\n-----END A-----",
            b"\xff",
            &vec![b'x'; LARGEST + 1],
        ] {
            assert!(blocks(text).is_err());
        }
    }
}
