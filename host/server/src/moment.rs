//! A time as people and programs read and write it, with its fraction of a second.

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
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

/// Reads ISO 8601 in any precision; without an offset it is UTC. What lies past the calendar, as the greatest times of .NET
/// and Python do, is its first or last moment.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let text = canonical(text);
    let pieces = Pieces::parse(&text).ok()?;
    let at = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let past_the_calendar = if at.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
    Some(pieces.to_numeric_offset().unwrap_or(Offset::UTC).to_timestamp(at).unwrap_or(past_the_calendar))
}

/// With four digits for the year, which Python leaves out of year 1, and at most nanoseconds.
fn canonical(text: &str) -> String {
    const NANOSECONDS: usize = 9;
    let year = text.find('-').filter(|digits| text[..*digits].bytes().all(|byte| byte.is_ascii_digit())).unwrap_or(4);
    let mut text = format!("{}{text}", "0".repeat(4usize.saturating_sub(year)));
    if let Some(point) = text.find('.') {
        let digits = text[point + 1..].bytes().take_while(u8::is_ascii_digit).count();
        text.replace_range(point + 1 + digits.min(NANOSECONDS)..point + 1 + digits, "");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_any_precision_and_with_any_offset() {
        let expect = |text: &str, wanted: &str| {
            assert_eq!(read(text).map(|time| time.to_string()).as_deref(), Some(wanted), "{text}");
        };
        expect("2026-01-31T12:34:56Z", "2026-01-31T12:34:56Z");
        for digits in 1..=12 {
            let fraction = &"123456789012"[..digits];
            expect(&format!("2026-01-31T12:34:56.{fraction}Z"), &format!("2026-01-31T12:34:56.{:.9}Z", fraction));
        }
        expect("2026-01-31T12:34:56+02:00", "2026-01-31T10:34:56Z");
        expect("2026-01-31T12:34:56.5+0200", "2026-01-31T10:34:56.5Z");
        expect("2026-01-31 12:34:56-05:30", "2026-01-31T18:04:56Z");
        expect("2026-01-31T12:34Z", "2026-01-31T12:34:00Z");
        expect("2026-01-31T12:34:56", "2026-01-31T12:34:56Z");
        expect("2026-01-31", "2026-01-31T00:00:00Z");
        for wrong in
            ["yesterday", "2026-13-01T00:00:00Z", "12", "", "-", "1-", "é026-01-31T12:34:56Z", "2026-01-31T12:34:56."]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_and_last_times_of_other_calendars_are_read() {
        for first in ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.0000000Z", "1-01-01T00:00:00.000000Z"] {
            assert_eq!(read(first).expect(first).to_string(), "0001-01-01T00:00:00Z");
        }
        assert_eq!(read("0001-01-01T00:00:00+14:00").expect("a time").to_string(), "0000-12-31T10:00:00Z");
        for last in [
            "9999-12-31T23:59:59.9999999Z",
            "9999-12-31T23:59:59.999999Z",
            "9999-12-31T23:59:59.999999",
            "9999-12-31T23:59:59-12:00",
            "9999-12-31",
        ] {
            assert_eq!(read(last), Some(Timestamp::MAX), "{last}");
        }
    }
}
