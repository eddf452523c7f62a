//! JSON text that was checked once and is never parsed again.

use crate::i_json;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// A JSON value as its author wrote it. Cloning is a reference count.
#[derive(Clone)]
pub struct Payload(Arc<RawValue>);

/// Why a text is not taken as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJson {
    /// It is not JSON.
    #[error("not JSON: {reason}; found {found:?}")]
    Syntax {
        /// What the parser says, with line and column.
        reason: String,
        /// The beginning of the text.
        found: String,
    },
    /// It is JSON that some readers fail on, or read differently.
    #[error("not I-JSON (RFC 7493): {reason} at line {line} column {column}; found {found:?}")]
    NotInteroperable {
        /// What is wrong with it.
        reason: String,
        /// The line, from 1.
        line: usize,
        /// The byte of the line, from 1.
        column: usize,
        /// The text around.
        found: String,
    },
}

impl InvalidJson {
    /// For a text that a parser has refused.
    pub fn syntax(reason: &impl fmt::Display, text: &str) -> Self {
        Self::Syntax { reason: reason.to_string(), found: text.chars().take(FOUND_CHARS).collect() }
    }

    fn flaw(i_json::Flaw { reason, at }: i_json::Flaw, text: &str) -> Self {
        let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let shown = &text[text.floor_char_boundary(at.saturating_sub(FOUND_CHARS / 2)).max(line_start)..];
        Self::NotInteroperable {
            reason,
            line: text[..at].matches('\n').count() + 1,
            column: at - line_start + 1,
            found: shown.chars().take(FOUND_CHARS).collect(),
        }
    }
}

/// How much of a wrong text is shown.
const FOUND_CHARS: usize = 80;

impl Payload {
    /// Checks that `text` is one JSON value, for what was stored: that must stay readable for ever.
    pub fn parse(text: &str) -> Result<Self, InvalidJson> {
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) => Ok(Self(raw.to_owned().into())),
            Err(error) => Err(InvalidJson::syntax(&error, text)),
        }
    }

    /// Checks that `text` is one JSON value that every reader takes, for what comes from outside: as [`Payload::parse`],
    /// and [`Payload::check`].
    pub fn admit(text: &str, depth: usize) -> Result<Self, InvalidJson> {
        let payload = Self::parse(text)?;
        i_json::check(text, depth).map_err(|flaw| InvalidJson::flaw(flaw, text))?;
        Ok(payload)
    }

    /// Checks that it is I-JSON (RFC 7493) of at most `depth` levels. Refused is what some readers fail on or read
    /// differently: half surrogate pairs, numbers past the range of a double, names that occur twice in an object, deeper
    /// levels.
    pub fn check(&self, depth: usize) -> Result<(), InvalidJson> {
        i_json::check(self.as_str(), depth).map_err(|flaw| InvalidJson::flaw(flaw, self.as_str()))
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
        let wrong = Payload::parse("not json").expect_err("text");
        assert!(matches!(wrong, InvalidJson::Syntax { found, .. } if found == "not json"));
    }

    #[test]
    fn what_is_not_for_every_reader_is_refused_at_the_door_and_read_where_it_is_stored() {
        let wrong = "{\n \"é\": [1e400]}";
        assert_eq!(Payload::parse(wrong).expect("stored").as_str(), wrong);
        let text = Payload::admit(wrong, 128).expect_err("refused").to_string();
        let wanted =
            "not I-JSON (RFC 7493): the number 1e400, which is past the range of a double, at line 2 column 9; ";
        assert_eq!(text, format!("{wanted}found {:?}", " \"é\": [1e400]}"));
        assert!(Payload::admit("{", 128).expect_err("refused").to_string().starts_with("not JSON: EOF"));
        assert_eq!(Payload::admit(" [1]\n", 128).expect("json").as_str(), "[1]");
        let far = format!("{}\"\\ud800\"", " ".repeat(1_000));
        let text = Payload::admit(&far, 128).expect_err("refused").to_string();
        assert!(text.contains("line 1 column 1002;") && text.len() < 200, "{text}");
    }

    #[test]
    fn counts_in_both_encodings() {
        let payload = Payload::string("é😀");
        assert_eq!(payload.len_bytes(), 8);
        assert_eq!(payload.len_utf16(), 5);
    }
}
