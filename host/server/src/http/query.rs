//! The query of a request, read leniently: names ignore case, empty pairs and unknown names are skipped.

use super::error::ApiError;
use crate::moment;
use axum::http::Uri;
use dacapo_core::RuntimeStatus;
use jiff::Timestamp;
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

    /// As [`Query::statuses`], for what cannot be undone: a status that is not one is an error, and so is none where the
    /// name stands. Dropped, it would mean all.
    pub(super) fn known_statuses(self, name: &'static str) -> Result<Vec<RuntimeStatus>, ApiError> {
        let mut statuses = Vec::new();
        for (_, value) in self.pairs().filter(|(key, _)| key.eq_ignore_ascii_case(name)) {
            for part in value.split(',').map(str::trim) {
                let wanted = || format!("one or more of {}", RuntimeStatus::ALL.map(RuntimeStatus::as_str).join(", "));
                statuses.push(RuntimeStatus::from_name(part).ok_or_else(|| invalid(name, &wanted(), part))?);
            }
        }
        Ok(statuses)
    }

    /// Nothing but these parameters, each with a value, and those of `once` at most once: for what cannot be undone, where
    /// one that is not understood might have narrowed it down. `ignored` may stand there all the same.
    pub(super) fn only(self, once: &[&str], lists: &[&str], ignored: &[&str]) -> Result<(), ApiError> {
        let is_in = |names: &[&str], key: &str| names.iter().any(|name| name.eq_ignore_ascii_case(key));
        for (key, value) in self.pairs().filter(|(key, _)| !is_in(ignored, key)) {
            let times = || self.pairs().filter(|(other, _)| other.eq_ignore_ascii_case(&key)).count();
            let problem = if !is_in(once, &key) && !is_in(lists, &key) {
                format!("is not known here; known are {}", [once, lists].concat().join(", "))
            } else if value.is_empty() {
                "is empty".to_owned()
            } else if is_in(once, &key) && times() > 1 {
                "is there twice".to_owned()
            } else {
                continue;
            };
            let shown: String = key.chars().take(80).collect();
            return Err(ApiError::bad_request("BadQuery", format!("The query parameter '{shown}' {problem}.")));
        }
        Ok(())
    }

    /// Names and values, decoded, in order, without empty pairs.
    fn pairs(self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        let pairs = self.0.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(key, value)| (decode(key), decode(value)))
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
        let digits = value.trim();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid(name, "a whole number", &value));
        }
        // More than fits is as much as can be.
        Ok(Some(digits.parse().unwrap_or(usize::MAX)))
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

/// A space behind the date's end was a `+`.
fn parse_time(text: &str) -> Option<Timestamp> {
    const DATE_AND_SEPARATOR: usize = "2026-01-31T".len();
    let text = text.trim();
    match (text.get(..DATE_AND_SEPARATOR), text.get(DATE_AND_SEPARATOR..)) {
        (Some(date), Some(rest)) => moment::read(&format!("{date}{}", rest.replace(' ', "+"))),
        _ => moment::read(text),
    }
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
    fn what_cannot_be_undone_is_asked_for_in_full() {
        let known =
            |query: &'static str| Query(query).known_statuses("runtimeStatus").map_err(|error| error.to_string());
        use RuntimeStatus::{Completed, Failed};
        assert_eq!(known(""), Ok(vec![]));
        assert_eq!(known("runtimeStatus=Failed,%20Completed"), Ok(vec![Failed, Completed]));
        for wrong in ["runtimeStatus=failed", "runtimeStatus=", "runtimestatus=Failed,", "runtimeStatus=Failed,Odd"] {
            let error = known(wrong).expect_err(wrong);
            assert!(error.contains("one or more of Pending, Running, ") && error.contains("Terminated"), "{error}");
        }
        let only = |query: &'static str| {
            Query(query).only(&["from", "to"], &["list"], &["code"]).map_err(|error| error.to_string())
        };
        assert_eq!(only("&&FROM=1&code=&code=2&to=3&list=1&list=2"), Ok(()));
        assert!(
            only("from=1&name=x").expect_err("unknown").contains("'name' is not known here; known are from, to, list")
        );
        assert!(only("from=1&to=").expect_err("empty").contains("'to' is empty"));
        assert!(only("from=1&From=2").expect_err("twice").contains("'from' is there twice"));
    }

    #[test]
    fn a_space_in_a_time_was_a_plus() {
        let expect = |text: &str, wanted: &str| assert_eq!(time(text).as_deref(), Some(wanted), "{text}");
        expect("2026-01-31T12:34:56 02:00", "2026-01-31T10:34:56Z");
        expect("2026-01-31T12:34:56.5 0200", "2026-01-31T10:34:56.5Z");
        expect("2026-01-31 12:34:56 02:00", "2026-01-31T10:34:56Z");
        expect("1-01-01 00:00:00 00:00", "0001-01-01T00:00:00Z");
        expect(" 2026-01-31 ", "2026-01-31T00:00:00Z");
        assert_eq!(time("yesterday at noon"), None);
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
        assert_eq!(Query("a=99999999999999999999").number("a").expect("a number"), Some(usize::MAX));
        assert!(Query("a=soon").time("a").is_err());
        assert!(Query("a=-1").number("a").is_err());
    }
}
