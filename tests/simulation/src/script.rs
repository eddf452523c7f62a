//! Flows as data, and how they are drawn.

use proptest::prelude::*;

/// How often an execution begins anew at most.
pub(crate) const ANEW: u8 = 2;

/// Instances that the outside starts: `i0`, `i1`, ...
pub(crate) const INSTANCES: u8 = 3;

/// One step of a flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Op {
    /// An activity.
    Call { name: u8, retry: Option<Retry> },
    /// A child; always of a flow further down, so that there is an end of it.
    Child { flow: u8, named: bool, detached: bool, retry: Option<Retry> },
    /// An event for another instance, or for itself.
    Send { to: u8, name: u8 },
    /// A timer, over after so many milliseconds.
    Timer(u8),
    /// A wait for an event.
    Wait(u8),
    /// Await any of the tasks that were not taken.
    Await,
    /// Await any of the newest two; the other is then cancelled, or forgotten.
    Race { cancels: bool },
    /// Cancel the oldest task that was not taken.
    Cancel,
    /// Cancel the newest.
    CancelNewest,
    /// Let go of the newest without a word.
    Forget,
    /// Publish a custom status.
    Status(u8),
    /// Draw a uuid.
    Uuid,
    /// Begin anew at the end, if it was not begun too often.
    Anew { keeps: bool },
    /// Fail.
    Fail,
}

/// Attempts in all, with so many milliseconds between two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Retry {
    pub(crate) delay_ms: u8,
    pub(crate) attempts: u8,
}

/// What each of the flows `O0`, `O1`, ... does.
pub(crate) type Flows = Vec<Vec<Op>>;

fn retries() -> BoxedStrategy<Option<Retry>> {
    let some =
        (prop_oneof![Just(0u8), Just(20u8)], 2u8..4).prop_map(|(delay_ms, attempts)| Retry { delay_ms, attempts });
    prop_oneof![1 => Just(None), 1 => some.prop_map(Some)].boxed()
}

/// Steps that belong together.
fn phrases() -> impl Strategy<Value = Vec<Op>> {
    let call = (0u8..3, retries()).prop_map(|(name, retry)| Op::Call { name, retry });
    let child = (0u8..3, prop::bool::weighted(0.2), prop::bool::weighted(0.3), retries())
        .prop_map(|(flow, named, detached, retry)| Op::Child { flow, named, detached, retry })
        .boxed();
    let one = prop_oneof![
        4 => call,
        3 => child.clone(),
        2 => (0..=INSTANCES, 0u8..2).prop_map(|(to, name)| Op::Send { to, name }),
        2 => (0u8..50).prop_map(Op::Timer),
        3 => (0u8..2).prop_map(Op::Wait),
        7 => Just(Op::Await),
        1 => Just(Op::Cancel),
        1 => Just(Op::CancelNewest),
        1 => Just(Op::Forget),
        2 => any::<u8>().prop_map(Op::Status),
        1 => Just(Op::Uuid),
        2 => any::<bool>().prop_map(|keeps| Op::Anew { keeps }),
        1 => Just(Op::Fail),
    ];
    let in_time = (child.clone(), 0u8..40, any::<bool>())
        .prop_map(|(child, ms, cancels)| vec![child, Op::Timer(ms), Op::Race { cancels }]);
    let raised_in_time = (0u8..2, 0u8..40, any::<bool>())
        .prop_map(|(name, ms, cancels)| vec![Op::Wait(name), Op::Timer(ms), Op::Race { cancels }]);
    let let_go = child.clone().prop_map(|child| vec![child, Op::CancelNewest]);
    let left_behind = (child.clone(), any::<bool>()).prop_map(|(child, keeps)| vec![child, Op::Anew { keeps }]);
    let overtaken = (child, 0u8..2, any::<bool>())
        .prop_map(|(child, name, keeps)| vec![child, Op::Wait(name), Op::Race { cancels: false }, Op::Anew { keeps }]);
    prop_oneof![
        16 => one.prop_map(|op| vec![op]),
        3 => in_time,
        1 => raised_in_time,
        1 => let_go,
        2 => left_behind,
        3 => overtaken,
    ]
}

fn script() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(phrases(), 0..7).prop_map(|phrases| phrases.concat())
}

/// Three flows.
pub(crate) fn flows() -> impl Strategy<Value = Flows> {
    prop::collection::vec(script(), 3)
}
