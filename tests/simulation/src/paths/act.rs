//! What happens to a world from outside.

use crate::script::INSTANCES;
use proptest::prelude::*;

/// One act. `who` and `which` name one of what is there, by the order of ids.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Start {
        who: u8,
        flow: u8,
    },
    Raise {
        who: u8,
        name: u8,
    },
    /// An activity that somebody waits for ends.
    End {
        which: u8,
        fails: bool,
    },
    /// All activities that nobody waits for end.
    EndStale,
    /// Milliseconds pass.
    Pass(u8),
    Suspend {
        who: u8,
    },
    Resume {
        who: u8,
    },
    Rewind {
        who: u8,
    },
    Terminate {
        who: u8,
        recursive: bool,
    },
    Purge {
        who: u8,
        force: bool,
    },
}

pub(crate) fn acts() -> impl Strategy<Value = Act> {
    let who = || 0u8..8;
    prop_oneof![
        5 => (0..INSTANCES, prop_oneof![3 => Just(0u8), 1 => 0u8..3]).prop_map(|(who, flow)| Act::Start { who, flow }),
        5 => (who(), 0u8..2).prop_map(|(who, name)| Act::Raise { who, name }),
        8 => (who(), prop::bool::weighted(0.4)).prop_map(|(which, fails)| Act::End { which, fails }),
        1 => Just(Act::EndStale),
        4 => (0u8..60).prop_map(Act::Pass),
        1 => who().prop_map(|who| Act::Suspend { who }),
        1 => who().prop_map(|who| Act::Resume { who }),
        1 => who().prop_map(|who| Act::Rewind { who }),
        1 => (who(), any::<bool>()).prop_map(|(who, recursive)| Act::Terminate { who, recursive }),
        1 => (who(), any::<bool>()).prop_map(|(who, force)| Act::Purge { who, force }),
    ]
}
