//! The query of a request, read leniently: names ignore case, empty pairs and unknown names are skipped.

use super::error::ApiError;
use axum::http::Uri;
use dacapo_core::RuntimeStatus;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// The query of a request. Nothing is decoded until it is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// The query of `uri`.
    pub(super) fn of(uri: &'a Uri) -> Self {
        Self(uri.query().unwrap_or_default())
    }

    /// The values given for `name`, in order, without the empty ones.
    fn values(self, name: &'static str) -> impl Iterator<Item = Cow<'a, str>> {
        let pairs = self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs
            .filter(move |(key, value)| !value.is_empty() && decode(key).eq_ignore_ascii_case(name))
            .map(|(_, value)| decode(value))
    }

    /// The first value given for `name`.
    pub(super) fn text(self, name: &'static str) -> Option<Cow<'a, str>> {
        self.values(name).next()
    }

    /// A boolean; what is neither true nor false is as if it were not there.
    pub(super) fn flag(self, name: &'static str, default: bool) -> bool {
        match self.text(name) {
            Some(value) if value.eq_ignore_ascii_case("true") => true,
            Some(value) if value.eq_ignore_ascii_case("false") => false,
            _ => default,
        }
    }

    /// Runtime statuses: comma separated, repeated, or both; unknown names are dropped.
    pub(super) fn statuses(self, name: &'static str) -> Vec<RuntimeStatus> {
        let mut statuses = Vec::new();
        for value in self.values(name) {
            statuses.extend(value.split(',').filter_map(|name| RuntimeStatus::from_name(name.trim())));
        }
        statuses
    }

    /// A point in time, in milliseconds since 1970; earlier ones count as that.
    pub(super) fn time(self, name: &'static str) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.text(name) else { return Ok(None) };
        match parse_time(&value) {
            Some(time) => Ok(Some(u64::try_from(time.as_millisecond()).unwrap_or_default())),
            None => Err(invalid(name, "an ISO 8601 time like 2026-01-31T12:00:00Z", &value)),
        }
    }

    /// As [`Query::time`], for the end of a range that includes it. Replies show whole seconds, so that one means all
    /// of it: who asks for what was created up to a time that he was shown gets that instance too.
    pub(super) fn time_to(self, name: &'static str) -> Result<Option<u64>, ApiError> {
        let to_ms = self.time(name)?;
        Ok(to_ms.map(|ms| if ms % 1_000 == 0 { ms.saturating_add(999) } else { ms }))
    }

    /// A number of seconds, fractions allowed, in milliseconds.
    pub(super) fn seconds(self, name: &'static str) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.text(name) else { return Ok(None) };
        match value.trim().parse::<f64>() {
            // The cast saturates: more than fits is for ever.
            Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => Ok(Some((seconds * 1_000.0) as u64)),
            _ => Err(invalid(name, "a number of seconds", &value)),
        }
    }

    /// A whole number.
    pub(super) fn number(self, name: &'static str) -> Result<Option<usize>, ApiError> {
        let Some(value) = self.text(name) else { return Ok(None) };
        value.trim().parse().map(Some).map_err(|_| invalid(name, "a whole number", &value))
    }
}

fn invalid(name: &str, wanted: &str, found: &str) -> ApiError {
    let found: String = found.chars().take(80).collect();
    ApiError::bad_request("BadQuery", format!("The query parameter '{name}' must be {wanted}; found '{found}'."))
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8_lossy();
    }
    Cow::Owned(percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned())
}

/// ISO 8601 in any precision. A space behind the date's end was a `+`; without an offset it is UTC.
fn parse_time(text: &str) -> Option<Timestamp> {
    const DATE_AND_SEPARATOR: usize = "2026-01-31T".len();
    let text = text.trim();
    let mut time = match (text.get(..DATE_AND_SEPARATOR), text.get(DATE_AND_SEPARATOR..)) {
        (Some(date), Some(rest)) => format!("{date}{}", rest.replace(' ', "+")),
        _ => text.to_owned(),
    };
    if let Some(point) = time.find('.') {
        const NANOSECONDS: usize = 9;
        let digits = time[point + 1..].bytes().take_while(u8::is_ascii_digit).count();
        time.replace_range(point + 1 + digits.min(NANOSECONDS)..point + 1 + digits, "");
    }
    let in_utc = || time.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    time.parse().ok().or_else(in_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<String> {
        parse_time(text).map(|time| time.to_string())
    }

    #[test]
    fn a_whole_second_at_the_end_of_a_range_is_all_of_it() {
        let to = |text| Query(text).time_to("to").ok().flatten();
        assert_eq!(to("to=1970-01-01T00:00:01Z"), Some(1_999));
        assert_eq!(to("to=1970-01-01T00:00:01.5Z"), Some(1_500));
        assert_eq!(to(""), None);
    }

    #[test]
    fn names_ignore_case_and_empty_pairs_are_skipped() {
        let query = Query("&&Version=1.0&reason=a%20b+c&=x&SHOWINPUT=False&taskhub=&TaskHub=%C3%BC%26");
        assert_eq!(query.text("version").as_deref(), Some("1.0"));
        assert_eq!(query.text("reason").as_deref(), Some("a b c"));
        assert_eq!(query.text("taskHub").as_deref(), Some("ü&"));
        assert_eq!(query.text("code"), None);
        assert!(!query.flag("showInput", true));
    }

    #[test]
    fn booleans_are_true_in_any_case_and_default_otherwise() {
        for yes in ["a=true", "a=True", "a=TRUE"] {
            assert!(Query(yes).flag("a", false), "{yes}");
        }
        for neither in ["", "a=", "a=1", "a=maybe"] {
            assert!(Query(neither).flag("a", true) && !Query(neither).flag("a", false), "{neither}");
        }
    }

    #[test]
    fn statuses_are_listed_repeated_or_both_and_unknown_ones_dropped() {
        let query =
            Query("runtimeStatus=Running,Pending&runtimeStatus=Failed%2C%20Completed&runtimeStatus=completed,,Odd");
        use RuntimeStatus::{Completed, Failed, Pending, Running};
        assert_eq!(query.statuses("runtimeStatus"), [Running, Pending, Failed, Completed]);
        assert!(Query("runtimeStatus=running").statuses("runtimeStatus").is_empty());
    }

    #[test]
    fn times_come_in_any_precision_and_with_any_offset() {
        let expect = |text: &str, wanted: &str| assert_eq!(time(text).as_deref(), Some(wanted), "{text}");
        expect("2026-01-31T12:34:56Z", "2026-01-31T12:34:56Z");
        expect("2026-01-31T12:34:56.123456Z", "2026-01-31T12:34:56.123456Z");
        expect("2026-01-31T12:34:56.1234567Z", "2026-01-31T12:34:56.1234567Z");
        expect("2026-01-31T12:34:56.123456789012Z", "2026-01-31T12:34:56.123456789Z");
        expect("2026-01-31T12:34:56+02:00", "2026-01-31T10:34:56Z");
        expect("2026-01-31T12:34:56 02:00", "2026-01-31T10:34:56Z");
        expect("2026-01-31T12:34:56.5 0200", "2026-01-31T10:34:56.5Z");
        expect("2026-01-31 12:34:56 02:00", "2026-01-31T10:34:56Z");
        expect("2026-01-31T12:34:56-05:30", "2026-01-31T18:04:56Z");
        expect("2026-01-31T12:34Z", "2026-01-31T12:34:00Z");
        expect("2026-01-31T12:34:56", "2026-01-31T12:34:56Z");
        expect("2026-01-31", "2026-01-31T00:00:00Z");
        expect("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
        for wrong in ["yesterday", "2026-13-01T00:00:00Z", "12", "é026-01-31T12:34:56Z", "2026-01-31T12:34:56."] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_an_error_that_shows_it() {
        assert_eq!(Query("a=0001-01-01T00:00:00Z").time("a").expect("a time"), Some(0));
        assert_eq!(Query("a=1.5").seconds("a").expect("seconds"), Some(1_500));
        assert_eq!(Query("a=").seconds("a").expect("none"), None);
        assert_eq!(Query("a=7").number("a").expect("a number"), Some(7));
        for wrong in ["-1", "NaN", "inf", "x"] {
            let query = format!("timeout={wrong}");
            let error = Query(&query).seconds("timeout").expect_err("not seconds").to_string();
            assert!(error.contains("'timeout'") && error.contains(wrong), "{error}");
        }
        assert!(Query("a=soon").time("a").is_err());
        assert!(Query("a=-1").number("a").is_err());
    }
}
