//! How a store is, for people and for whoever asks after its health, and what was done to keep it so.

/// How a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Whether there is room for what is written; if not, only what frees room or ends things is taken.
    pub has_room: bool,
    /// Bytes of what was written and is not yet in its place.
    pub log_bytes: u64,
    /// Bytes that the disk has left for us; `None` where nobody knows.
    pub free_disk_bytes: Option<u64>,
}

impl Default for Condition {
    /// That of a store that has no disk.
    fn default() -> Self {
        Self { has_room: true, log_bytes: 0, free_disk_bytes: None }
    }
}

/// What [`crate::Store::maintain`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maintained {
    /// There was nothing to do.
    Nothing,
    /// What was written was moved to its place, as far as no reader needs it where it was.
    Checkpointed {
        /// Pages that wait in the log.
        log_pages: u64,
        /// Those of them that are in their place, too.
        moved_pages: u64,
        /// Whether the log outgrew its bound because somebody reads in it for long.
        is_held: bool,
    },
}
