//! Finds numbers that JSON cannot express: its writer would put `null` for them without a word.

use std::fmt;

use serde::Serialize;
use serde::ser::{self, Serializer};

/// The first number of `value` that is not finite.
pub(crate) fn not_finite<T: Serialize + ?Sized>(value: &T) -> Option<NotFinite> {
    value.serialize(Look).err().filter(|found| found.number.is_some())
}

/// Which number, and where: `[1].price is NaN`.
#[derive(Debug)]
pub(crate) struct NotFinite {
    /// The innermost step first.
    steps: Vec<String>,
    /// `None` where the value does not write itself at all: that is for the writer to say.
    number: Option<f64>,
}

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in self.steps.iter().rev() {
            f.write_str(step)?;
        }
        write!(f, "{} is {}", if self.steps.is_empty() { "it" } else { "" }, self.number.unwrap_or(f64::NAN))
    }
}

impl std::error::Error for NotFinite {}

impl ser::Error for NotFinite {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self { steps: Vec::new(), number: None }
    }
}

/// Looks at one value, and writes nothing.
struct Look;

impl Look {
    fn at<T: Serialize + ?Sized>(value: &T, step: impl FnOnce() -> String) -> Result<(), NotFinite> {
        value.serialize(Look).map_err(|mut found| {
            found.steps.push(step());
            found
        })
    }
}

/// Looks at the parts of one, in order.
#[derive(Default)]
struct Parts {
    count: usize,
    key: String,
}

impl Parts {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFinite> {
        self.count += 1;
        Look::at(value, || format!("[{}]", self.count - 1))
    }
}

macro_rules! finite {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, _: $type) -> Result<(), NotFinite> {
            Ok(())
        })*
    };
}

impl Serializer for Look {
    type Ok = ();
    type Error = NotFinite;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    finite! {
        serialize_bool: bool, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_unit_struct: &'static str,
    }

    fn serialize_f32(self, number: f32) -> Result<(), NotFinite> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<(), NotFinite> {
        if number.is_finite() { Ok(()) } else { Err(NotFinite { steps: Vec::new(), number: Some(number) }) }
    }

    fn serialize_none(self) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotFinite> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), NotFinite> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), NotFinite> {
        Look::at(value, || format!(".{variant}"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts, NotFinite> {
        Ok(Parts::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, NotFinite> {
        Ok(Parts::default())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts, NotFinite> {
        Ok(Parts::default())
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Parts, NotFinite> {
        Ok(Parts::default())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, NotFinite> {
        Ok(Parts::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts, NotFinite> {
        Ok(Parts::default())
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Parts, NotFinite> {
        Ok(Parts::default())
    }
}

macro_rules! looks_at {
    (items: $($list:ident, $item:ident;)*) => {
        $(impl ser::$list for Parts {
            type Ok = ();
            type Error = NotFinite;

            fn $item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFinite> {
                self.item(value)
            }

            fn end(self) -> Result<(), NotFinite> {
                Ok(())
            }
        })*
    };
    (fields: $($record:ident;)*) => {
        $(impl ser::$record for Parts {
            type Ok = ();
            type Error = NotFinite;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), NotFinite> {
                Look::at(value, || format!(".{key}"))
            }

            fn end(self) -> Result<(), NotFinite> {
                Ok(())
            }
        })*
    };
}

looks_at! { items:
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

looks_at! { fields: SerializeStruct; SerializeStructVariant; }

impl ser::SerializeMap for Parts {
    type Ok = ();
    type Error = NotFinite;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotFinite> {
        self.key = serde_json::to_string(key).unwrap_or_default();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFinite> {
        Look::at(value, || format!("[{}]", self.key))
    }

    fn end(self) -> Result<(), NotFinite> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Serialize)]
    enum Price {
        Free(()),
        Each(f32),
        From { least: Option<f64> },
    }

    #[derive(Serialize)]
    struct Order {
        lines: Vec<(u8, Price)>,
        fees: BTreeMap<&'static str, f64>,
    }

    fn found(lines: Vec<(u8, Price)>, fee: f64) -> Option<String> {
        let order = Order { lines, fees: BTreeMap::from([("post", fee)]) };
        not_finite(&order).map(|found| found.to_string())
    }

    #[test]
    fn a_number_that_is_not_finite_is_found_where_it_stands() {
        let fine = || vec![(1, Price::Free(())), (2, Price::From { least: None }), (3, Price::Each(1.5))];
        assert_eq!(found(fine(), 1.0), None);
        assert_eq!(found(fine(), f64::NAN).as_deref(), Some(r#".fees["post"] is NaN"#));
        let each = [fine(), vec![(4, Price::Each(f32::INFINITY))]].concat();
        assert_eq!(found(each, 1.0).as_deref(), Some(".lines[3][1].Each is inf"));
        let least = vec![(1, Price::From { least: Some(f64::NEG_INFINITY) })];
        assert_eq!(found(least, 1.0).as_deref(), Some(".lines[0][1].least is -inf"));
        assert_eq!(not_finite(&f64::NAN).map(|found| found.to_string()).as_deref(), Some("it is NaN"));
    }
}
