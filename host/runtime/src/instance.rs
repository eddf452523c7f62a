//! One instance: what is known of it, how it is brought into memory, and how its turns are played and committed.
//!
//! | module | holds |
//! |---|---|
//! | [`known`] | what is known of it without its guest |
//! | [`held`] | it, with its guest parked |
//! | [`trouble`] | why a turn was not committed |
//! | [`desk`] | results that no durable turn has taken, and turns in flight |
//! | [`flight`] | turns that were handed to the committer |
//! | [`load`] | fresh from its creation, or cold by replaying its history |
//! | [`at_work`] | says that it is being played, should the process end |
//! | [`sends`] | what others get with a turn |
//! | [`commit`] | hands a turn to the committer |
//! | [`play`] | plays turns as long as there are any, and says what comes next |
//! | [`stall`] | shows one that cannot be played on |

pub(crate) mod at_work;
pub(crate) mod commit;
pub(crate) mod desk;
pub(crate) mod flight;
pub(crate) mod held;
pub(crate) mod known;
pub(crate) mod load;
pub(crate) mod play;
pub(crate) mod sends;
pub(crate) mod stall;
pub(crate) mod trouble;
