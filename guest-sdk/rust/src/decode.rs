//! JSON in and out: typed, forgiving about one level of quotes, and clear about what did not fit.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Visitor, value::Error as Refused};
use serde::{Serialize, forward_to_deserialize_any};

use crate::error::{Error, Result};
use crate::finite::not_finite;

/// Where a value came from; only for messages.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    OrchestratorInput(&'static str),
    ActivityInput(String),
    Activity(String),
    Event(String),
    Child(String),
    Timer,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OrchestratorInput(name) => write!(f, "the input of orchestrator {name}"),
            Self::ActivityInput(name) => write!(f, "the input of activity {name}"),
            Self::Activity(name) => write!(f, "the result of activity {name}"),
            Self::Event(name) => write!(f, "the data of event {name}"),
            Self::Child(name) => write!(f, "the output of orchestrator {name}"),
            Self::Timer => f.write_str("the outcome of a timer"),
        }
    }
}

/// JSON text of `value`; `what` is named should that fail.
pub(crate) fn encode(value: &impl Serialize, what: impl fmt::Display) -> Result<String> {
    let refused = |reason: &dyn fmt::Display| {
        Err(Error::new(Error::ENCODE, format!("{what} cannot be written as JSON: {reason}")))
    };
    match serde_json::to_string(value) {
        // What is not finite is written as `null`.
        Ok(json) if json.contains("null") => match not_finite(value) {
            Some(found) => refused(&format_args!("{found}; use an Option, or a string")),
            None => Ok(json),
        },
        Ok(json) => Ok(json),
        Err(error) => refused(&error),
    }
}

/// Reads JSON text into a `T`.
///
/// Some clients encode twice, so that `1` arrives as `"1"`: where the text is a JSON string that a `T` cannot be read from,
/// what is inside the quotes is read instead. A `T` that accepts strings never sees this.
pub(crate) fn decode<T: DeserializeOwned>(json: &str, source: &Source) -> Result<T> {
    let as_sent = match serde_json::from_str::<T>(json) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let error = match serde_json::from_str::<String>(json) {
        Ok(inner) if inner.is_empty() => match absent() {
            Some(value) => return Ok(value),
            None => as_sent,
        },
        Ok(inner) => match serde_json::from_str::<T>(&inner) {
            Ok(value) => return Ok(value),
            // Inside was JSON too, of the wrong shape: that shape is what the reader wants to hear about.
            Err(unquoted) if unquoted.is_data() => unquoted,
            Err(_) => as_sent,
        },
        Err(_) => as_sent,
    };
    Err(Error::new(Error::DECODE, format!("Unexpected value for {source}: {error}; found {}", Excerpt(json))))
}

/// Reads the input of a function, where the JavaScript client's `""` means that none was given.
pub(crate) fn decode_input<T: DeserializeOwned>(json: &str, source: &Source) -> Result<T> {
    match absent() {
        Some(value) if json == r#""""# => Ok(value),
        _ => decode(json, source),
    }
}

/// The `T` that stands for nothing, for those that ask for an option or a unit; a string or any JSON value does not.
fn absent<T: DeserializeOwned>() -> Option<T> {
    T::deserialize(Absent).ok()
}

struct Absent;

impl<'de> Deserializer<'de> for Absent {
    type Error = Refused;

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(serde::de::Error::custom("a value is needed"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The beginning of a text that may be long.
struct Excerpt<'a>(&'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_CHARS: usize = 80;
        match self.0.char_indices().nth(SHOWN_CHARS) {
            None => f.write_str(self.0),
            Some((end, _)) => write!(f, "{}… ({} bytes)", &self.0[..end], self.0.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::Value;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Order {
        id: u32,
    }

    fn event<T: DeserializeOwned>(json: &str) -> Result<T> {
        decode(json, &Source::Event("Go".into()))
    }

    fn input<T: DeserializeOwned>(json: &str) -> Result<T> {
        decode_input(json, &Source::OrchestratorInput("Flow"))
    }

    #[test]
    fn one_level_of_quotes_is_forgiven() {
        assert_eq!(event::<u32>("1").unwrap(), 1);
        assert_eq!(event::<u32>(r#""1""#).unwrap(), 1);
        assert!(event::<bool>(r#""true""#).unwrap());
        assert_eq!(event::<Option<u32>>(r#""7""#).unwrap(), Some(7));
        assert_eq!(event::<Order>(r#""{\"id\":3}""#).unwrap(), Order { id: 3 });
        assert_eq!(event::<Vec<String>>(r#""[\"a\"]""#).unwrap(), ["a"]);
        assert!(event::<u32>(r#""\"1\"""#).is_err(), "two levels are one too many");
    }

    #[test]
    fn strings_stay_as_they_are() {
        assert_eq!(event::<String>(r#""1""#).unwrap(), "1");
        assert_eq!(event::<String>(r#""\"Tokyo\"""#).unwrap(), r#""Tokyo""#);
        assert_eq!(event::<Value>(r#""1""#).unwrap(), Value::from("1"));
        assert_eq!(event::<Option<String>>(r#""""#).unwrap(), Some(String::new()));
    }

    #[test]
    fn no_input_is_null_or_the_empty_string() {
        for none in ["null", r#""""#] {
            input::<()>(none).unwrap();
            assert_eq!(input::<Option<u32>>(none).unwrap(), None);
            assert_eq!(input::<Option<String>>(none).unwrap(), None);
            assert!(input::<u32>(none).is_err());
        }
        assert_eq!(input::<String>(r#""""#).unwrap(), "");
        assert_eq!(input::<Value>(r#""""#).unwrap(), Value::from(""));
    }

    #[test]
    fn errors_say_what_where_and_what_was_found() {
        let error = input::<u32>(r#""four""#).unwrap_err();
        assert_eq!(error.kind, Error::DECODE);
        assert_eq!(
            error.message,
            r#"Unexpected value for the input of orchestrator Flow: invalid type: string "four", expected u32 at line 1 column 6; found "four""#
        );
        let error = event::<Order>(r#""{\"name\":\"x\"}""#).unwrap_err();
        assert!(error.message.starts_with("Unexpected value for the data of event Go: missing field `id`"), "{error}");
    }

    #[test]
    fn a_number_that_json_has_not_is_refused_and_nothing_else() {
        let error = encode(&[1.0, f64::NAN], "the input of activity Charge").unwrap_err();
        assert_eq!(error.kind, Error::ENCODE);
        let wanted = "the input of activity Charge cannot be written as JSON: [1] is NaN; use an Option, or a string";
        assert_eq!(error.message, wanted);
        assert_eq!(encode(&(None::<f64>, "null", ()), "it").unwrap(), r#"[null,"null",null]"#);
    }

    #[test]
    fn long_values_are_shortened_between_characters() {
        let error = event::<u32>(&format!("\"{}\"", "ä".repeat(500))).unwrap_err();
        assert!(error.message.ends_with("ä… (1002 bytes)"), "{error}");
    }
}
