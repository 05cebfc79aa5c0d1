//! JSON that every reader reads the same way: no duplicate keys, bounded in size and depth.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

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
/// It is larger or deeper than `limits`, no JSON, has a key twice in one object, or something follows it.
pub fn parse_json(bytes: &[u8], limits: Limits) -> Result<Value, StatementError> {
    if bytes.len() > limits.bytes {
        return Err(StatementError::TooLarge { limit: limits.bytes, actual: bytes.len() });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value =
        Strict { depth: limits.depth }.deserialize(&mut deserializer).map_err(StatementError::Json)?;
    deserializer.end().map_err(StatementError::Json)?;
    Ok(value)
}

/// Reads a value in which `depth` more arrays or objects may be.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            match map.entry(key) {
                Entry::Vacant(entry) => drop(entry.insert(access.next_value_seed(inner)?)),
                Entry::Occupied(entry) => {
                    let key: String = entry.key().chars().take(80).collect();
                    return Err(de::Error::custom(format!("key {key:?} twice in one object")));
                }
            }
        }
        Ok(Value::Object(map))
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
        assert!(refusal("[[[[1]]]]").contains("too deeply"));
        assert!(refusal("{} {}").contains("trailing"));
        assert!(refusal(&" ".repeat(101)).contains("101 bytes"));
        assert!(refusal("{\"a\":1e999}").contains("out of range"));
        assert!(parse_json(b"{\"a\":[[1,2.5,-3,null,true]]}", Limits { bytes: 100, depth: 3 }).is_ok());
    }
}
