//! A time as people and programs read it, with its fraction of a second.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt;

/// A time in milliseconds since 1970. What lies past the calendar is its last moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment(pub(crate) u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = i64::try_from(self.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        write!(f, "{:.3}", moment.unwrap_or(Timestamp::MAX))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
