//! Which instances are meant: options of several commands, and ids.

use crate::moment;
use dacapo_core::{InstanceId, RuntimeStatus};
use jiff::Timestamp;

/// The options that choose instances by when they were created and where they stand.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Filter {
    /// Created then or later: 2026-01-31T12:00:00Z, say; without an offset the time is UTC.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) created_from: Option<Timestamp>,
    /// Created then or earlier.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) created_to: Option<Timestamp>,
    /// In this state: Running, Completed, Failed, ...; may be given several times.
    #[arg(long, value_name = "STATE", value_parser = status)]
    pub(crate) status: Vec<RuntimeStatus>,
}

impl Filter {
    /// The query of the HTTP API for it.
    pub(crate) fn query(&self) -> Vec<(&'static str, String)> {
        let from = self.created_from.map(|time| ("createdTimeFrom", time.to_string()));
        let to = self.created_to.map(|time| ("createdTimeTo", time.to_string()));
        let states: Vec<&str> = self.status.iter().map(|status| status.as_str()).collect();
        let states = (!states.is_empty()).then(|| ("runtimeStatus", states.join(",")));
        [from, to, states].into_iter().flatten().collect()
    }
}

/// An instance id that can stand in a URL.
pub(crate) fn instance_id(text: &str) -> Result<InstanceId, String> {
    if matches!(text, "." | "..") {
        return Err("this id cannot stand in a URL".into());
    }
    InstanceId::parse(text).map_err(|error| error.to_string())
}

fn time(text: &str) -> Result<Timestamp, String> {
    moment::read(text).ok_or_else(|| "a time looks like 2026-01-31T12:00:00Z, or 2026-01-31".into())
}

/// The server drops names that it does not know, and would then mean all instances: so they are refused here.
fn status(text: &str) -> Result<RuntimeStatus, String> {
    let found = RuntimeStatus::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("the states are {}", RuntimeStatus::ALL.map(RuntimeStatus::as_str).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_an_offset() {
        for text in ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00", "2026-01-31 12:00:00"] {
            assert_eq!(time(text).expect(text).to_string(), "2026-01-31T12:00:00Z");
        }
        assert_eq!(time("2026-01-31").expect("a date").to_string(), "2026-01-31T00:00:00Z");
        assert_eq!(time("9999-12-31T23:59:59.9999999Z").expect("the greatest of .NET"), Timestamp::MAX);
        assert!(time("yesterday").expect_err("no time").contains("looks like"));
    }

    #[test]
    fn states_ignore_case_and_unknown_ones_are_refused() {
        assert_eq!(status("running"), Ok(RuntimeStatus::Running));
        assert!(status("Runing").expect_err("unknown").contains("Running, Suspended"));
    }

    #[test]
    fn the_query_names_what_was_given() {
        assert!(Filter::default().query().is_empty());
        let filter = Filter {
            created_from: time("2026-01-31").ok(),
            created_to: None,
            status: vec![RuntimeStatus::Failed, RuntimeStatus::Completed],
        };
        let wanted = [("createdTimeFrom", "2026-01-31T00:00:00Z"), ("runtimeStatus", "Failed,Completed")];
        assert_eq!(filter.query(), wanted.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn ids_follow_the_contract() {
        assert_eq!(instance_id("order 7 %").expect("valid").as_str(), "order 7 %");
        for wrong in ["", "a/b", "@a", "..", "a?b"] {
            instance_id(wrong).expect_err(wrong);
        }
    }
}
