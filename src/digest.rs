//! SHA-256 digests as a type, and readers and writers that hash what passes through them.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256 as Hasher};

/// A SHA-256 digest (FIPS 180-4). Displayed as 64 lower-case hexadecimal digits, without a prefix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

/// A text that is not a SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a sha256 digest: expected 64 lower-case hexadecimal digits, got {0:?}")]
pub struct ParseDigestError(String);

impl Sha256 {
    /// The digest of bytes in memory.
    #[must_use]
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Hasher::digest(bytes.as_ref()).into())
    }

    /// The digest of everything that `reader` yields, and how many bytes that was.
    ///
    /// # Errors
    /// The first error of `reader`.
    pub fn of_reader(reader: impl Read) -> io::Result<(Self, u64)> {
        let mut hashing = HashingReader::new(reader);
        // Small enough to stay in the processor's cache.
        let mut buffer = vec![0; 64 * 1024];
        while hashing.read(&mut buffer)? > 0 {}
        Ok(hashing.finish())
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.to_string()
    }

    /// Parses the OCI form `sha256:<hex>` (image-spec, descriptor, "digests").
    ///
    /// # Errors
    /// The text has another algorithm or is no digest.
    pub fn from_oci(text: &str) -> Result<Self, ParseDigestError> {
        text.strip_prefix("sha256:").ok_or_else(|| ParseDigestError(text.to_owned()))?.parse()
    }

    /// The URI of bytes by their digest, `ni:///sha-256;…` (RFC 6920).
    #[must_use]
    pub fn to_ni(&self) -> String {
        use base64::Engine as _;
        format!("ni:///sha-256;{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.0))
    }

    /// The OCI form `sha256:<hex>`.
    #[must_use]
    pub fn to_oci(&self) -> String {
        format!("sha256:{self}")
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl FromStr for Sha256 {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseDigestError(text.chars().take(80).collect());
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(wrong());
        }
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(wrong()),
        };
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Reads through, hashing and counting.
pub struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
    count: u64,
}

impl<R: Read> HashingReader<R> {
    /// Starts a hash over what will be read from `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, hasher: Hasher::new(), count: 0 }
    }

    /// The digest of what was read so far and its length in bytes.
    pub fn finish(self) -> (Sha256, u64) {
        (Sha256(self.hasher.finalize().into()), self.count)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.count += count as u64;
        Ok(count)
    }
}

/// Writes through, hashing and counting.
pub struct HashingWriter<W> {
    inner: W,
    hasher: Hasher,
    count: u64,
}

impl<W: Write> HashingWriter<W> {
    /// Starts a hash over what will be written to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::new(), count: 0 }
    }

    /// The inner writer, the digest of what was written and its length in bytes.
    pub fn finish(self) -> (W, Sha256, u64) {
        (self.inner, Sha256(self.hasher.finalize().into()), self.count)
    }

    /// How many bytes were written so far.
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_abc_is_the_one_of_fips_180_4() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256::of("abc").to_hex(), expected);
        assert_eq!(Sha256::of_reader(&b"abc"[..]).unwrap(), (expected.parse().unwrap(), 3));
        let mut writer = HashingWriter::new(Vec::new());
        writer.write_all(b"abc").unwrap();
        assert_eq!(writer.finish().1.to_hex(), expected);
    }

    #[test]
    fn digests_are_parsed_strictly() {
        for wrong in ["", "abc", &"A".repeat(64), &"g".repeat(64), &"é".repeat(32), &"0".repeat(65)] {
            assert!(wrong.parse::<Sha256>().is_err(), "{wrong}");
        }
        assert!(Sha256::from_oci(&"0".repeat(64)).is_err());
        let digest = Sha256::of("x");
        assert_eq!(Sha256::from_oci(&digest.to_oci()), Ok(digest));
    }
}
