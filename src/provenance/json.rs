//! JSON that every reader reads the same way: no duplicate keys, bounded in size and depth.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::StatementError;

/// How large a document may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes.
    pub bytes: usize,
    /// Arrays and objects inside one another.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 32 << 20, depth: 32 }
    }
}

/// Reads one JSON document.
///
/// # Errors
/// As [`check_json`].
pub fn parse_json(bytes: &[u8], limits: Limits) -> Result<Value, StatementError> {
    check_json(bytes, limits)?;
    serde_json::from_slice(bytes).map_err(StatementError::Json)
}

/// Goes through one JSON document and keeps nothing of it: what was checked may be read by any reader.
///
/// # Errors
/// It is larger or deeper than `limits`, no JSON, has a key twice in one object, or something follows it.
pub fn check_json(bytes: &[u8], limits: Limits) -> Result<(), StatementError> {
    if bytes.len() > limits.bytes {
        return Err(StatementError::TooLarge { limit: limits.bytes, actual: bytes.len() });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let mut keys = Vec::new();
    Strict { depth: limits.depth, keys: &mut keys }
        .deserialize(&mut deserializer)
        .map_err(StatementError::Json)?;
    deserializer.end().map_err(StatementError::Json)
}

/// Keys of one object that are compared one by one; more are looked up.
const FEW: usize = 32;

/// Goes through a value in which `depth` more arrays or objects may be.
struct Strict<'k, 'de> {
    depth: usize,
    /// The keys of all objects around the value and before it, the innermost last.
    keys: &'k mut Vec<Cow<'de, str>>,
}

impl<'de> Strict<'_, 'de> {
    fn inner<E: de::Error>(&mut self) -> Result<Strict<'_, 'de>, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Strict { depth, keys: self.keys })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        if value.is_finite() { Ok(()) } else { Err(E::custom("a number that is not finite")) }
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while access.next_element_seed(Strict { depth: inner.depth, keys: inner.keys })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let start = inner.keys.len();
        let mut many: HashSet<Cow<'de, str>> = HashSet::new();
        while let Some(key) = access.next_key_seed(Key)? {
            if many.contains(&key) || inner.keys[start..].contains(&key) {
                let key: String = key.chars().take(80).collect();
                return Err(de::Error::custom(format!("key {key:?} twice in one object")));
            }
            inner.keys.push(key);
            if inner.keys.len() - start > FEW {
                many.extend(inner.keys.drain(start..));
            }
            access.next_value_seed(Strict { depth: inner.depth, keys: inner.keys })?;
        }
        inner.keys.truncate(start);
        Ok(())
    }
}

/// A key of an object, borrowed if nothing in it is escaped.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let error = parse_json(text.as_bytes(), Limits { bytes: 100, depth: 3 }).unwrap_err();
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        assert!(refusal(r#"{"a":1,"b":{"c":1,"c":2}}"#).contains("\"c\" twice"));
        assert!(refusal(r#"{"a":1,"\u0061":2}"#).contains("\"a\" twice"));
        assert!(refusal(r#"{"a":[{"a":1}],"b":3,"a":4}"#).contains("\"a\" twice"));
        assert!(refusal("[[[[1]]]]").contains("too deeply"));
        assert!(refusal("{} {}").contains("trailing"));
        assert!(refusal(&" ".repeat(101)).contains("101 bytes"));
        assert!(refusal("{\"a\":1e999}").contains("out of range"));
        assert!(parse_json(b"{\"a\":[[1,2.5,-3,null,true]]}", Limits { bytes: 100, depth: 3 }).is_ok());
    }

    #[test]
    fn a_key_is_found_twice_however_many_there_are() {
        for count in [2, FEW, FEW + 1, 2 * FEW + 5, 1000] {
            let all: Vec<String> = (0..count).map(|number| format!("\"k{number}\":{{\"k0\":1}}")).collect();
            let limits = Limits::default();
            assert!(check_json(format!("{{{}}}", all.join(",")).as_bytes(), limits).is_ok());
            for again in [0, count / 2, count - 1] {
                let text = format!("{{{},\"k{again}\":2}}", all.join(","));
                assert!(check_json(text.as_bytes(), limits).is_err(), "{count} {again}");
            }
        }
    }
}
