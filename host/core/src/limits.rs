//! Every bound on one instance that the core enforces, with its default.

use crate::payload::Payload;
use serde::{Deserialize, Serialize};

/// Bounds on what one instance may do. Each error that one of them causes names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Commands in one turn.
    pub commands_per_turn: usize,
    /// Bytes of all payloads in the commands of one turn.
    pub payload_bytes_per_turn: usize,
    /// Bytes of one payload: an input, an output, an event's data, an activity's result.
    pub payload_bytes: usize,
    /// Levels of a payload: a number or text alone has 1, each array or object around it adds one.
    pub payload_depth: usize,
    /// A custom status is too large when its size in UTF-16, in whole KiB, is more than this.
    pub custom_status_kib: usize,
    /// Events in the history of one execution.
    pub history_events: usize,
    /// Bytes in the history of one execution.
    pub history_bytes: usize,
    /// Events that may wait in an instance's inbox.
    pub inbox_events: u64,
    /// Events that an instance may have been given and not taken: those in its inbox, and those in its history that its
    /// flow has not waited for. Far below `history_events`, so that nobody can end a flow by what he sends it.
    pub untaken_events: u64,
    /// Bytes of these. Far below `history_bytes`.
    pub inbox_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            commands_per_turn: 20_000,
            payload_bytes_per_turn: 16 << 20,
            payload_bytes: 1 << 20,
            payload_depth: 128,
            custom_status_kib: 16,
            history_events: 50_000,
            history_bytes: 50 << 20,
            inbox_events: 1_000,
            untaken_events: 20_000,
            inbox_bytes: 16 << 20,
        }
    }
}

impl Limits {
    /// Whether a custom status can be published; if not, the text that its setter gets.
    ///
    /// The rule for its size is that of Durable Functions: the size in KiB is rounded down before it is compared.
    pub fn check_custom_status(&self, value: &Payload) -> Result<(), String> {
        value.check(self.payload_depth).map_err(|error| format!("{NOT_JSON}{error}"))?;
        let found_kib = value.len_utf16() * 2 / 1024;
        if found_kib > self.custom_status_kib {
            return Err(format!(
                "The UTF-16 size of the JSON-serialized payload must not exceed {} KB. The current payload size is {found_kib} KB.",
                self.custom_status_kib
            ));
        }
        Ok(())
    }

    /// The kind of the failure with such a text: only the text is recorded.
    pub(crate) fn custom_status_kind(refused: &str) -> &'static str {
        if refused.starts_with(NOT_JSON) { "not-json" } else { "custom-status-too-large" }
    }
}

/// What the text begins with where a custom status is not JSON for every reader.
const NOT_JSON: &str = "the custom status is ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_custom_status_limit_rounds_down_as_the_original_does() {
        let limits = Limits::default();
        // With the quotes around it.
        let status = |utf16_units: usize| Payload::string(&"x".repeat(utf16_units - 2));
        assert_eq!(limits.check_custom_status(&status(8_703)), Ok(()));
        let text = limits.check_custom_status(&status(8_704)).expect_err("too large");
        assert!(text.contains("16 KB") && text.ends_with("17 KB."), "{text}");
        assert_eq!(Limits::custom_status_kind(&text), "custom-status-too-large");
    }

    #[test]
    fn a_custom_status_is_for_every_reader() {
        let limits = Limits { payload_depth: 2, ..Limits::default() };
        let text = limits.check_custom_status(&Payload::parse("[[1]]").expect("json")).expect_err("too deep");
        assert!(text.contains("more than 2 levels (limit `payload_depth`)"), "{text}");
        assert_eq!(Limits::custom_status_kind(&text), "not-json");
    }
}
