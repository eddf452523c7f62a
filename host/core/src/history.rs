//! Turn records, their versioned encoding, and what makes a sequence of them a history.

use crate::event::Event;
use crate::payload::Payload;
use serde::{Deserialize, Deserializer, Serialize};

/// The encoding that is written. Older ones stay readable for ever.
pub const ENCODING_VERSION: u32 = 1;

/// One turn as it is kept: what arrived, then what the orchestrator commanded.
///
/// The first record of an execution, number 0, is its *opening*: it holds [`Event::ExecutionStarted`], after it the
/// events that the execution before it has kept, and no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnRecord {
    /// The time of the turn, in milliseconds since 1970.
    pub at_ms: u64,
    /// Arrivals, then commands.
    pub events: Vec<Event>,
    /// The custom status that was published with the turn; no replay looks at it. JSON `null` cleared the one before.
    pub custom_status: Option<Payload>,
}

/// One record of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTurn {
    /// Its number in the execution, from 0.
    pub seq: u64,
    /// What happened.
    pub record: TurnRecord,
}

#[derive(Serialize)]
struct EncodeV1<'a> {
    v: u32,
    at: u64,
    events: &'a [Event],
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a Payload>,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

#[derive(Deserialize)]
struct DecodeV1 {
    v: u32,
    at: u64,
    events: Vec<Event>,
    #[serde(default, deserialize_with = "present")]
    status: Option<Payload>,
}

/// A value that is there, `null` too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Payload>, D::Error> {
    Payload::deserialize(deserializer).map(Some)
}

/// Why stored bytes are not a history.
#[derive(Debug, thiserror::Error)]
pub enum CorruptHistory {
    /// Written by a newer Dacapo.
    #[error("record {seq} has encoding {found}; this version of Dacapo reads up to {ENCODING_VERSION}: upgrade it")]
    UnknownEncoding {
        /// The record's number.
        seq: u64,
        /// The version it names.
        found: u32,
    },
    /// Not what any version writes.
    #[error("record {seq} cannot be read: {reason}")]
    Unreadable {
        /// The record's number.
        seq: u64,
        /// The parser's words.
        reason: String,
    },
    /// Begun by a newer Dacapo.
    #[error("the execution is played by rules that this version of Dacapo does not know: upgrade it")]
    UnknownRules,
    /// The first record is not an opening.
    #[error("the history does not begin with ExecutionStarted and kept events")]
    NoOpening,
    /// An arrival after a command, within one record.
    #[error("record {seq}: an arrival stands after a command")]
    OutOfOrder {
        /// The record's number.
        seq: u64,
    },
    /// An arrival that the state before it does not allow.
    #[error("record {seq}: {reason}")]
    Impossible {
        /// The record's number.
        seq: u64,
        /// What is wrong.
        reason: String,
    },
}

impl TurnRecord {
    /// A turn that published no custom status.
    pub fn new(at_ms: u64, events: Vec<Event>) -> Self {
        Self { at_ms, events, custom_status: None }
    }

    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let record =
            EncodeV1 { v: ENCODING_VERSION, at: self.at_ms, events: &self.events, status: self.custom_status.as_ref() };
        serde_json::to_vec(&record).expect("events are plain data and always serialise")
    }

    /// Reads what any version of [`TurnRecord::encode`] wrote. `seq` only names the record in errors.
    pub fn decode(seq: u64, bytes: &[u8]) -> Result<Self, CorruptHistory> {
        // The current version first: it is nearly all there is, and the second look costs only on failure.
        match serde_json::from_slice::<DecodeV1>(bytes) {
            Ok(DecodeV1 { v: ENCODING_VERSION, at, events, status }) => {
                Ok(Self { at_ms: at, events, custom_status: status })
            }
            Ok(DecodeV1 { v: found, .. }) => Err(CorruptHistory::UnknownEncoding { seq, found }),
            Err(error) => match serde_json::from_slice::<VersionOnly>(bytes) {
                Ok(VersionOnly { v: found }) if found > ENCODING_VERSION => {
                    Err(CorruptHistory::UnknownEncoding { seq, found })
                }
                _ => Err(CorruptHistory::Unreadable { seq, reason: error.to_string() }),
            },
        }
    }

    /// Arrivals and commands, apart.
    pub fn split(self, seq: u64) -> Result<(Vec<Event>, Vec<Event>), CorruptHistory> {
        let mut arrivals = self.events;
        let boundary = arrivals.iter().position(|event| !event.is_arrival()).unwrap_or(arrivals.len());
        let commands = arrivals.split_off(boundary);
        if commands.iter().any(Event::is_arrival) {
            return Err(CorruptHistory::OutOfOrder { seq });
        }
        Ok((arrivals, commands))
    }

    /// Roughly what it costs to keep, in bytes.
    pub fn size_bytes(&self) -> usize {
        let status_bytes = self.custom_status.as_ref().map_or(0, Payload::len_bytes);
        status_bytes + self.events.iter().map(Event::size_bytes).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Failure, TaskId};

    #[test]
    fn a_record_survives_its_encoding() {
        let record = TurnRecord {
            at_ms: 17,
            custom_status: Some(Payload::null()),
            events: vec![
                Event::TaskCompleted { task: TaskId(0), result: Payload::parse(r#"{"a" : [1, 2.50]}"#).expect("json") },
                Event::TaskFailed { task: TaskId(1), failure: Failure::detailed("k", "m", Some(Payload::null())) },
                Event::TimerCreated { fire_at_ms: 99 },
            ],
        };
        let decoded = TurnRecord::decode(1, &record.encode()).expect("decodes");
        assert_eq!(decoded, record);
    }

    #[test]
    fn a_newer_encoding_is_refused_by_name() {
        let error = TurnRecord::decode(5, br#"{"v":2,"what":"ever"}"#).expect_err("newer");
        assert!(matches!(error, CorruptHistory::UnknownEncoding { seq: 5, found: 2 }));
        assert!(TurnRecord::decode(5, b"\x00\x01").is_err());
    }

    #[test]
    fn an_arrival_after_a_command_is_refused() {
        let events = vec![Event::TimerCreated { fire_at_ms: 1 }, Event::TimerFired { task: TaskId(0) }];
        let error = TurnRecord::new(1, events).split(3).expect_err("out of order");
        assert!(matches!(error, CorruptHistory::OutOfOrder { seq: 3 }));
    }
}
