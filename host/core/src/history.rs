//! Turn records, their versioned encoding, and what makes a sequence of them a history.

use crate::event::Event;
use crate::payload::Payload;
use crate::seal::{BrokenSeal, seal, unseal};
use serde::{Deserialize, Deserializer, Serialize};

/// The encoding that is written. Older ones stay readable for ever.
///
/// * 1: a JSON text
/// * 2: the same, sealed ([`crate::seal`])
pub const ENCODING_VERSION: u32 = 2;
/// The first encoding that has a seal.
const SEALED: u32 = 2;

/// One turn as it is kept: what arrived, then what the orchestrator commanded.
///
/// The first record of an execution, number 0, is its *opening*: it holds [`Event::ExecutionStarted`], after it the
/// events that the execution before it has kept, and no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnRecord {
    /// The encoding that it was kept in, or is to be: what its events mean may depend on it.
    pub encoding: u32,
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
struct Encode<'a> {
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
struct Decode {
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
    /// It is not what was written.
    #[error("record {seq} is damaged: {broken}")]
    Damaged {
        /// The record's number.
        seq: u64,
        /// How that is known.
        broken: BrokenSeal,
    },
    /// A record of those that there must be is not there.
    #[error("record {seq} is missing: {records} records were written")]
    Missing {
        /// The number of the first one that is missing.
        seq: u64,
        /// How many there must be.
        records: u64,
    },
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
        Self { encoding: ENCODING_VERSION, at_ms, events, custom_status: None }
    }

    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let text = self.to_json();
        if self.encoding >= SEALED { seal(text) } else { text }
    }

    /// Its JSON text alone, in its encoding.
    pub fn to_json(&self) -> Vec<u8> {
        let record =
            Encode { v: self.encoding, at: self.at_ms, events: &self.events, status: self.custom_status.as_ref() };
        serde_json::to_vec(&record).expect("events are plain data and always serialise")
    }

    /// Reads what any version of [`TurnRecord::encode`] wrote. `seq` only names the record in errors.
    pub fn decode(seq: u64, bytes: &[u8]) -> Result<Self, CorruptHistory> {
        let kept = unseal(bytes).map_err(|broken| CorruptHistory::Damaged { seq, broken })?;
        let record = Self::from_json(seq, kept.text)?;
        if kept.is_sealed != (record.encoding >= SEALED) {
            let reason =
                format!("encoding {} {} a checksum", record.encoding, if kept.is_sealed { "has no" } else { "needs" });
            return Err(CorruptHistory::Unreadable { seq, reason });
        }
        Ok(record)
    }

    /// Reads what any version of [`TurnRecord::to_json`] wrote. `seq` only names the record in errors.
    pub fn from_json(seq: u64, text: &[u8]) -> Result<Self, CorruptHistory> {
        // The second look costs only on failure.
        match serde_json::from_slice::<Decode>(text) {
            Ok(Decode { v: encoding @ 1..=ENCODING_VERSION, at, events, status }) => {
                Ok(Self { encoding, at_ms: at, events, custom_status: status })
            }
            Ok(Decode { v: found, .. }) => Err(CorruptHistory::UnknownEncoding { seq, found }),
            Err(error) => match serde_json::from_slice::<VersionOnly>(text) {
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
            custom_status: Some(Payload::null()),
            ..TurnRecord::new(
                17,
                vec![
                    Event::TaskCompleted {
                        task: TaskId(0),
                        result: Payload::parse(r#"{"a" : [1, 2.50]}"#).expect("json"),
                    },
                    Event::TaskFailed { task: TaskId(1), failure: Failure::detailed("k", "m", Some(Payload::null())) },
                    Event::TimerCreated { fire_at_ms: 99 },
                ],
            )
        };
        let decoded = TurnRecord::decode(1, &record.encode()).expect("decodes");
        assert_eq!(decoded, record);
    }

    #[test]
    fn a_newer_encoding_is_refused_by_name() {
        for newer in [br#"{"v":3,"what":"ever"}"#.to_vec(), seal(br#"{"v":3,"what":"ever"}"#.to_vec())] {
            let error = TurnRecord::decode(5, &newer).expect_err("newer");
            assert!(matches!(error, CorruptHistory::UnknownEncoding { seq: 5, found: 3 }));
        }
        assert!(TurnRecord::decode(5, b"\x00\x01").is_err());
    }

    #[test]
    fn every_flipped_bit_of_a_record_is_seen() {
        let bytes = TurnRecord::new(17, vec![Event::TimerCreated { fire_at_ms: 99 }]).encode();
        assert!(TurnRecord::decode(3, &bytes).is_ok());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = TurnRecord::decode(3, &flipped).expect_err("damaged").to_string();
            assert!(error.contains("record 3"), "{error}");
        }
        let unsealed = &bytes[..bytes.len() - 9];
        assert!(TurnRecord::decode(3, unsealed).is_err(), "a seal that is not there is missed");
        assert!(TurnRecord::from_json(3, unsealed).is_ok());
    }

    #[test]
    fn a_record_says_what_it_was_kept_in_and_goes_back_into_that() {
        let text = br#"{"v":1,"at":17,"events":[{"TimerCreated":{"fire_at_ms":99}}]}"#;
        let record = TurnRecord::decode(1, text).expect("encoding 1");
        assert_eq!(record.encoding, 1);
        assert_eq!(record.encode(), text);
        assert_eq!(TurnRecord::new(17, record.events).encoding, ENCODING_VERSION);
    }

    #[test]
    fn an_arrival_after_a_command_is_refused() {
        let events = vec![Event::TimerCreated { fire_at_ms: 1 }, Event::TimerFired { task: TaskId(0) }];
        let error = TurnRecord::new(1, events).split(3).expect_err("out of order");
        assert!(matches!(error, CorruptHistory::OutOfOrder { seq: 3 }));
    }
}
