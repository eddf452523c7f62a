//! Where Dacapo keeps what must survive: the trait [`Store`] with its contract, and the stores behind it.
//!
//! | module | holds |
//! |---|---|
//! | [`model`] | what is kept: instances, turns, inbox entries, modules |
//! | [`mod@write`] | what can be written, and what a store answers |
//! | [`query`] | what can be asked |
//! | [`asker`] | whether the engine reads, or somebody outside |
//! | [`condition`] | how a store is, and what was done to keep it so |
//! | [`error`] | when a store cannot answer |
//! | [`memory`] | the executable specification, for tests |
//! | [`sqlite`] | one file on one machine |
//! | [`conformance`] | the suite that every store passes |
//!
//! # The contract
//! * [`Store::commit`] takes a batch. `Ok`: the batch is durable. An error: nothing of it has happened, but for
//!   [`StoreError::DiskFailed`], after which all of it may have happened or nothing; who opens the store next finds out.
//!   A write that names what it builds on (a turn's fence, a start's id) is safe to repeat then; an event is not.
//!   Each write of it is judged by itself, in order, against the state that the writes before it left: a refused one
//!   changes nothing and does not keep the others from being committed.
//! * Only one thread calls `commit` and `maintain` at a time. Reads come from any thread at any time, are never blocked by a commit,
//!   and see every batch that was acknowledged before they began, and no half of any.
//! * A store assigns instance keys, inbox numbers and version numbers. Keys are never used twice; inbox numbers are
//!   per instance and without a gap.
//! * What cannot be read of one instance keeps nobody else from anything: lists leave it out and say so in the log, and
//!   reading exactly that is an error that [`StoreError::is_lasting`].
//! * A store has no clock: every time comes from its caller. Times beyond `i64::MAX` milliseconds are kept as that.

pub mod asker;
pub mod condition;
pub mod conformance;
pub mod error;
pub mod memory;
pub mod model;
pub mod query;
mod rules;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod write;

pub use condition::{Condition, Maintained};
pub use dacapo_core::{InboxEntry, StoredTurn};
pub use error::StoreError;
pub use model::{Fence, FunctionKind, Instance, InstanceKey, ModuleVersion, Parent, Stored, VersionId};
pub use query::{ContinueAfter, InstanceFilter, Page};
pub use write::{
    Delivery, NewInstance, NewModule, NextExecution, OutboxEntry, Refused, Sent, TurnWrite, Write, Written,
};

use dacapo_core::InstanceId;

/// The result of a read.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Durable state. The crate's documentation states the contract.
pub trait Store: Send + Sync + 'static {
    /// Writes a batch in one transaction, and returns when it is durable: one answer for each write, in order.
    ///
    /// Errors: `DiskFailed` (what has happened is not known; the store takes nothing any more), `DiskFull`, and others
    /// (nothing has happened). A full disk may still take what frees room or ends things: those are worth trying alone.
    fn commit(&self, batch: &[Write]) -> Result<Vec<std::result::Result<Written, Refused>>>;

    /// Does what a store has to do now and then, apart from any write and when its answer keeps nobody waiting: after a
    /// commit, and once a second while there is no room.
    ///
    /// Errors: `DiskFailed`, as for a commit; any other is to be told and the store goes on.
    fn maintain(&self) -> Result<Maintained> {
        Ok(Maintained::Nothing)
    }

    /// Whether all is taken, or, on a full disk, only what frees room or ends things.
    fn has_room(&self) -> bool {
        true
    }

    /// How the store is. Waits for no write.
    fn condition(&self) -> Condition {
        Condition { has_room: self.has_room(), ..Condition::default() }
    }

    /// An instance is played from now on, until it [`rests`](Store::rests). Should the process end in between, the next one
    /// learns that. Costs no sync, and is lost with the power.
    fn plays(&self, key: InstanceKey) {
        let _ = key;
    }

    /// It is played no longer, and nothing is held against it.
    fn rests(&self, key: InstanceKey) {
        let _ = key;
    }

    /// How many times the process has ended, otherwise than by itself, while the instance was played: since it came to
    /// rest last, or since the last process that ended by itself.
    fn deaths(&self, key: InstanceKey) -> u32 {
        let _ = key;
        0
    }

    /// The instance that has this id now.
    fn instance(&self, id: &InstanceId) -> Result<Option<Instance>>;

    /// The instance that has this id now, with the history of its execution and its inbox, all as of one moment. What of it
    /// cannot be read is left out, with the reason in place of the history, as long as what is left can be ended.
    fn load(&self, id: &InstanceId) -> Result<Option<Stored>>;

    /// The records of one execution, from number `from_seq` on, in order. An error where one of those that must be there,
    /// by what the instance's row says, is not.
    /// Unbounded: an execution's history is bounded by the limits under which it was written.
    fn history(&self, key: InstanceKey, generation: u32, from_seq: u64) -> Result<Vec<StoredTurn>>;

    /// What waits in an instance's inbox, in order. `BadInbox` where an entry is not there or cannot be read.
    fn inbox(&self, key: InstanceKey) -> Result<Vec<InboxEntry>>;

    /// Instances in the order of their creation, at most `limit` of them, after the place where the last page ended. A page
    /// may be shorter than that, even empty, although there is a next one: a store looks at so many instances for each.
    fn list(&self, filter: &InstanceFilter, after: ContinueAfter, limit: usize) -> Result<Page>;

    /// The input that an instance's current execution was given, or `None` for an unknown key.
    /// (It is kept in the execution's first record only.)
    fn input(&self, key: InstanceKey) -> Result<Option<dacapo_core::Payload>>;

    /// Ids of unfinished instances that have work now (a first turn to play, activities in flight, a filled inbox), by
    /// key, after `after`: see [`Instance::has_work`]. Costs what it returns, however many instances there are.
    fn busy(&self, after: InstanceKey, limit: usize) -> Result<Vec<(InstanceKey, InstanceId)>>;

    /// Unfinished instances with a timer, by (time, key), after `after`. Costs what it returns.
    fn timers(&self, after: (u64, InstanceKey), limit: usize) -> Result<Vec<(u64, InstanceKey, InstanceId)>>;

    /// All versions of all modules, by module name and version number.
    fn modules(&self) -> Result<Vec<ModuleVersion>>;

    /// How many unfinished instances are pinned to each version; none to those that are left out.
    fn pins(&self) -> Result<Vec<(VersionId, u64)>>;

    /// The component with this SHA-256 (lower-case hex). An error where the bytes are others by now.
    fn component(&self, digest: &str) -> Result<Option<Vec<u8>>>;

    /// For people: what this store is, and what "durable" means in it. `("sqlite", "wal, synchronous=full")`, say.
    fn describe(&self) -> (&'static str, String);
}
