//! The pure heart of Dacapo: history in, commands out.
//!
//! Nothing here reads a clock, draws a random number, does IO, waits or spawns; the crate also builds for wasm32 to
//! prove it. Time is an argument and every id is derived.
//!
//! | module | holds |
//! |---|---|
//! | [`ids`] | instance ids, task ids, module digests, and what is derived from them |
//! | [`payload`] | JSON text that was checked once and is never parsed again |
//! | [`event`] | the closed set of things that can have happened |
//! | [`by`] | whose doing it was |
//! | [`arrival`], [`inbox`] | what comes from outside, with its address; what of it waits |
//! | [`rules`] | what was played otherwise once, and is so still for what began then |
//! | [`history`] | turn records, their versioned encoding, and the checked fold over them |
//! | [`seal`] | the checksum behind what is kept |
//! | [`status`] | the runtime status of an instance |
//! | [`orchestration`] | the state machine a guest talks to while it plays |
//! | [`replay`] | match or mismatch between what was recorded and what is played |
//! | [`retry`] | which failed attempts are followed by another one, and when |
//! | [`rewind`] | what of a failed execution still counts once it is rewound |
//! | [`turn`] | what one turn leaves behind: the value that is committed |
//! | [`limits`] | every bound, with its default |
//! | [`error`] | failures that guests see, and faults that end them |

pub mod arrival;
pub mod by;
pub mod error;
pub mod event;
pub mod history;
mod i_json;
pub mod ids;
pub mod inbox;
pub mod limits;
pub mod orchestration;
pub mod payload;
pub mod replay;
pub mod retry;
pub mod rewind;
pub mod rules;
pub mod seal;
pub mod status;
pub mod turn;

pub use arrival::{Arrival, Dropped, Source};
pub use by::By;
pub use error::{Failure, GuestFault};
pub use event::Event;
pub use history::{StoredTurn, TurnRecord};
pub use ids::{Identity, InstanceId, TaskId};
pub use inbox::{Inbox, InboxEntry};
pub use limits::Limits;
pub use orchestration::{Begun, Orchestration};
pub use payload::Payload;
pub use retry::{ActivityOptions, ChildOptions, RetryPolicy};
pub use rules::Rules;
pub use status::RuntimeStatus;
pub use turn::{ActivityCall, ChildStart, Outbound, TurnEnd, TurnOutcome, Untaken};
