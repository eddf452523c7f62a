//! JSON text that was checked once and is never parsed again.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// A JSON value as its author wrote it. Cloning is a reference count.
#[derive(Clone)]
pub struct Payload(Arc<RawValue>);

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: {reason}; found {found:?}")]
pub struct InvalidJson {
    /// What the parser says, with line and column.
    pub reason: String,
    /// The beginning of the text.
    pub found: String,
}

impl Payload {
    /// Checks that `text` is one JSON value.
    pub fn parse(text: &str) -> Result<Self, InvalidJson> {
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) => Ok(Self(raw.to_owned().into())),
            Err(error) => Err(InvalidJson { reason: error.to_string(), found: text.chars().take(80).collect() }),
        }
    }

    /// Any value that serialises to JSON.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self(serde_json::value::to_raw_value(value)?.into()))
    }

    /// The JSON string that holds `text`.
    pub fn string(text: &str) -> Self {
        Self::of(text).expect("every text has a JSON form")
    }

    /// JSON `null`.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned().into())
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Bytes of the JSON text in UTF-8.
    pub fn len_bytes(&self) -> usize {
        self.as_str().len()
    }

    /// Code units of the JSON text in UTF-16.
    pub fn len_utf16(&self) -> usize {
        self.as_str().encode_utf16().count()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (*self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(deserializer)?.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_text_and_refuses_what_is_not_json() {
        let payload = Payload::parse(r#"{"b": 1, "a": [1e2]}"#).expect("json");
        assert_eq!(payload.as_str(), r#"{"b": 1, "a": [1e2]}"#);
        assert!(Payload::parse("{").is_err());
        assert!(Payload::parse("1 2").is_err());
        assert!(Payload::parse("").is_err());
        assert_eq!(Payload::parse("not json").expect_err("text").found, "not json");
    }

    #[test]
    fn counts_in_both_encodings() {
        let payload = Payload::string("é😀");
        assert_eq!(payload.len_bytes(), 8);
        assert_eq!(payload.len_utf16(), 5);
    }
}
