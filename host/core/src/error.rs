//! Failures that guests see, and faults that end them.

use crate::ids::{InvalidInstanceId, MAX_NAME_CHARS, TaskId, seed_of};
use crate::payload::Payload;
use serde::{Deserialize, Serialize};

/// Characters of a failure's message that are kept.
pub const MAX_MESSAGE_CHARS: usize = 16_000;

/// Why an activity, a child or an orchestrator did not succeed: a value of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// A short stable name that code can match on.
    pub kind: String,
    /// One sentence for people.
    pub message: String,
    /// Anything more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Payload>,
    /// The activity that failed, as the orchestrator spelt it; where nothing but its failure ended the orchestrator, this
    /// stands in the orchestrator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
}

impl Failure {
    /// The kind of an instance whose turns, or of an activity whose run, were cut by a limit of the machine.
    pub const CUT: &str = "cut";

    /// The kind of an instance that sends an event to one which has not taken what it was given.
    pub const RECEIVER_FULL: &str = "receiver-full";

    /// A failure without details.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), details: None, activity: None }
    }

    /// The same, of this activity.
    pub fn of_activity(self, name: &str) -> Self {
        Self { activity: Some(name.to_owned()), ..self }
    }

    /// The same for failures that read alike. Guests keep kind and message of one that they pass on, and may write its
    /// details anew.
    pub(crate) fn mark(&self) -> [u8; 32] {
        seed_of(&format!("{}\0{}", self.kind, self.message))
    }

    /// Itself, cut to what may be kept: a kind is a name, a message a sentence, details a payload.
    pub fn bounded(self, payload_bytes: usize) -> Self {
        let cut = |text: String, chars: usize| match text.char_indices().nth(chars) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        };
        Self {
            kind: cut(self.kind, MAX_NAME_CHARS),
            message: cut(self.message, MAX_MESSAGE_CHARS),
            details: self.details.filter(|details| details.len_bytes() <= payload_bytes),
            activity: self.activity,
        }
    }

    /// A failure with details; `null` is the same as none, so that what is read back equals what was written.
    pub fn detailed(kind: impl Into<String>, message: impl Into<String>, details: Option<Payload>) -> Self {
        Self { details: details.filter(|value| !value.is_null()), ..Self::new(kind, message) }
    }
}

/// What a guest did that its host cannot answer. The call traps, the instance ends Failed with this text.
/// It is the guest's own doing and happens again on replay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestFault {
    /// `await-any` with no task.
    #[error("await-any was called with an empty list: it would wait for ever")]
    AwaitNothing,
    /// `await-next` while no task is watched.
    #[error("await-next was called while no task is watched: it would wait for ever")]
    NothingWatched,
    /// `await-any` or `watch` with a task whose outcome was taken before.
    #[error("task {0} was awaited again after its outcome had been taken")]
    AwaitTaken(TaskId),
    /// `await-any` or `watch` with a cancelled task.
    #[error("task {0} was awaited after it had been cancelled")]
    AwaitCancelled(TaskId),
    /// `outcome` before `await-any` or `await-next` returned the task.
    #[error("the outcome of task {0} was asked for before await-any or await-next had returned it")]
    OutcomeEarly(TaskId),
    /// `outcome` a second time.
    #[error("the outcome of task {0} was taken twice")]
    OutcomeTwice(TaskId),
    /// A value that should be JSON text is not.
    #[error("the {what} is {reason}")]
    NotJson {
        /// Which value: "input of activity 'X'", for instance.
        what: String,
        /// The parser's words.
        reason: String,
    },
    /// A value is too large.
    #[error("the {what} has {found} bytes; the limit `{setting}` is {limit}")]
    TooLarge {
        /// Which value.
        what: String,
        /// Its size in bytes.
        found: usize,
        /// The setting that bounds it.
        setting: &'static str,
        /// Its value in bytes.
        limit: usize,
    },
    /// A name is empty or too long.
    #[error("the {what} name must have 1 to {limit} characters; it has {found}")]
    Name {
        /// "activity" or "event".
        what: &'static str,
        /// Characters found.
        found: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// More commands in one turn than `commands_per_turn`.
    #[error("more than {limit} commands in one turn (limit `commands_per_turn`): await some of them first")]
    TooManyCommands {
        /// The limit.
        limit: usize,
    },
    /// More payload bytes in one turn than `payload_bytes_per_turn`.
    #[error("the payloads of one turn have {found} bytes; the limit `payload_bytes_per_turn` is {limit}")]
    TooManyBytes {
        /// Bytes with the refused one.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The history reached `history_events` or `history_bytes`.
    #[error("the history of this execution has {found} {unit}; the limit `{setting}` is {limit}: use continue-as-new")]
    HistoryFull {
        /// "events" or "bytes".
        unit: &'static str,
        /// How many there are.
        found: usize,
        /// The setting.
        setting: &'static str,
        /// Its value.
        limit: usize,
    },
    /// A retry policy is not one.
    #[error("the retry policy is not one: {0}")]
    RetryPolicy(String),
    /// An instance id is not one.
    #[error("the instance id is not one: {0}")]
    InstanceId(#[from] InvalidInstanceId),
}

impl GuestFault {
    /// The failure that the instance ends with.
    pub fn into_failure(self) -> Failure {
        let kind = match self {
            GuestFault::HistoryFull { .. } => "history-full",
            _ => "guest-fault",
        };
        Failure::new(kind, self.to_string())
    }
}
