//! Every bound on one instance that the core enforces, with its default.

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
            commands_per_turn: 1_000,
            payload_bytes_per_turn: 4 << 20,
            payload_bytes: 1 << 20,
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
    /// Whether a custom status fits; if not, the text that its setter gets.
    ///
    /// The rule is that of Durable Functions: the size in KiB is rounded down before it is compared.
    pub fn check_custom_status(&self, utf16_units: usize) -> Result<(), String> {
        let found_kib = utf16_units * 2 / 1024;
        if found_kib > self.custom_status_kib {
            return Err(format!(
                "The UTF-16 size of the JSON-serialized payload must not exceed {} KB. The current payload size is {found_kib} KB.",
                self.custom_status_kib
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_custom_status_limit_rounds_down_as_the_original_does() {
        let limits = Limits::default();
        assert_eq!(limits.check_custom_status(8_703), Ok(()));
        let text = limits.check_custom_status(8_704).expect_err("too large");
        assert!(text.contains("16 KB") && text.ends_with("17 KB."), "{text}");
    }
}
