//! The one error of the SDK: what a flow or an activity fails with, and what it sees of others' failures.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::bindings::dacapo::orchestration::types::Failure;
use crate::finite::not_finite;

/// The result of flows, activities and the SDK's own verbs.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something did not succeed.
///
/// It does not implement [`std::error::Error`], and for that reason `?` turns every error that does into this one:
///
/// ```
/// use dacapo::prelude::*;
///
/// fn seats(text: &str) -> Result<u32> {
///     let seats: u32 = text.trim().parse()?;
///     if seats == 0 {
///         return Err(Error::new("no-seats", "A table needs at least one seat.").with_details(json!({ "text": text })));
///     }
///     Ok(seats)
/// }
///
/// assert_eq!(seats("4").unwrap(), 4);
/// assert_eq!(seats("0").unwrap_err().kind, "no-seats");
/// assert_eq!(seats("four").unwrap_err().kind, Error::GENERAL);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// A short stable name that code can match on, such as `timeout`.
    pub kind: String,
    /// One sentence for people.
    pub message: String,
    /// Anything more: the chain of causes, data of the application.
    pub details: Option<Value>,
}

impl Error {
    /// The kind of an error that came from `?` on some other error type.
    pub const GENERAL: &str = "error";
    /// The kind of a value that was not what the code expected.
    pub const DECODE: &str = "decode";
    /// The kind of a value that JSON cannot express.
    pub const ENCODE: &str = "encode";
    /// The kind of a function name that the module does not have.
    pub const NOT_FOUND: &str = "not-found";

    /// An error of your own; choose a `kind` that callers can match on.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), details: None }
    }

    /// Adds data for the caller. Details that JSON cannot express are replaced by the reason.
    #[must_use]
    pub fn with_details(mut self, details: impl Serialize) -> Self {
        let written = match not_finite(&details) {
            Some(found) => Err(format!("the details cannot be written as JSON: {found}")),
            None => serde_json::to_value(details).map_err(|error| error.to_string()),
        };
        self.details = Some(written.unwrap_or_else(Value::String));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)?;
        match &self.details {
            Some(details) => write!(f, " {details}"),
            None => Ok(()),
        }
    }
}

/// What is added to an error of the operating system: a module has none.
const NO_SYSTEM: &str = "a module has no files and no sockets; in a flow, let an activity do it";

impl<E: std::error::Error + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let chain: Vec<&(dyn std::error::Error + 'static)> =
            std::iter::successors(Some(&error as _), |cause: &&(dyn std::error::Error + 'static)| cause.source())
                .collect();
        let of_the_system = |cause: &&(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.raw_os_error().is_some())
        };
        let general = match chain.iter().any(of_the_system) {
            true => Self::new(Self::GENERAL, format!("{error} ({NO_SYSTEM})")),
            false => Self::new(Self::GENERAL, error.to_string()),
        };
        match &chain[1..] {
            [] => general,
            causes => {
                let causes: Vec<String> = causes.iter().map(ToString::to_string).collect();
                general.with_details(serde_json::json!({ "causes": causes }))
            }
        }
    }
}

// Two functions and not `From`: the blanket impl above leaves no room for a second one that mentions a foreign trait's types.
impl Error {
    pub(crate) fn from_failure(failure: Failure) -> Self {
        let details = failure.details.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
        Self { kind: failure.kind, message: failure.message, details }
    }

    pub(crate) fn into_failure(self) -> Failure {
        Failure { kind: self.kind, message: self.message, details: self.details.map(|details| details.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the order has no number")
        }
    }

    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn question_mark_keeps_the_causes() {
        let flow = || -> Result<u32> { "x".parse::<u32>().map_err(Outer).map_err(Into::into) };
        let error = flow().unwrap_err();
        assert_eq!((error.kind.as_str(), error.message.as_str()), ("error", "the order has no number"));
        assert_eq!(error.details, Some(serde_json::json!({ "causes": ["invalid digit found in string"] })));
    }

    #[test]
    fn what_needs_the_system_says_that_there_is_none() {
        let error = Error::from(std::fs::read("no/such/file").unwrap_err());
        assert!(
            error.message.starts_with("No such file") && error.message.ends_with("let an activity do it)"),
            "{error}"
        );
        let error = Error::from(std::io::Error::other("the pipe of the flow itself"));
        assert_eq!(error.message, "the pipe of the flow itself");
    }

    #[test]
    fn a_failure_survives_the_round_trip() {
        let error = Error::new("sold-out", "No seats left.").with_details(3);
        assert_eq!(Error::from_failure(error.clone().into_failure()), error);
    }

    #[test]
    fn details_that_are_not_json_are_kept_as_text() {
        let failure = Failure { kind: "k".into(), message: "m".into(), details: Some("at line 3".into()) };
        assert_eq!(Error::from_failure(failure).details, Some(Value::String("at line 3".into())));
    }
}
