//! One property for all paths: whatever flows do and whatever happens to them, they come to the same warm, with no warm
//! instances at all and restarted between any two steps, on every store; and what they come to is a history.
//!
//! So that it can be the same, each step comes to rest before the next one: live turns pass one by one, in the order of
//! the instances' ids, activities end when the script of acts says so, and the clock stands still in between. What runs
//! between two such moments runs in an order that is drawn, another one for each path.

mod act;
mod world;

use crate::script::{Flows, flows};
use crate::seeds;
use act::{Act, acts};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use world::{Kept, Path, Seen, World};

/// What a case plays.
#[derive(Clone)]
struct Case {
    flows: Flows,
    /// Whether activities are pure: then they begin before the turn that asks for them is durable.
    pure: bool,
    /// The acts of a step happen before anything goes on.
    steps: Vec<Vec<Act>>,
}

/// One line for each flow and step, however proptest asks.
impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} activities", if self.pure { "pure" } else { "impure" })?;
        for (n, flow) in self.flows.iter().enumerate() {
            write!(f, "\n  O{n}: {flow:?}")?;
        }
        for (n, step) in self.steps.iter().enumerate() {
            write!(f, "\n  step {n}: {step:?}")?;
        }
        Ok(())
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let steps = prop::collection::vec(prop::collection::vec(acts(), 1..3), 1..20);
    (flows(), any::<bool>(), steps).prop_map(|(flows, pure, mut steps)| {
        steps[0].insert(0, Act::Start { who: 0, flow: 0 });
        Case { flows, pure, steps }
    })
}

/// Orders in which a case is played as servers live.
const ORDERS: u64 = 3;

/// Plays a case on one path: what is seen after each step.
fn play(case: &Case, path: Path, kept: Kept, seed: u64) -> Result<Vec<Seen>, TestCaseError> {
    let on = format!("{path:?} on {kept:?}");
    let failed = |why| TestCaseError::fail(format!("{on}: {why}"));
    let mut world = World::new(case, path, kept, seed).map_err(failed)?;
    let mut seen = Vec::new();
    for (n, step) in case.steps.iter().enumerate() {
        let after = world.step(step).map_err(|why| failed(format!("{why}\n  after step {n}, {step:?}")))?;
        seen.push(after);
    }
    Ok(seen)
}

fn alike(case: &Case, kept: fn() -> Kept) -> TestCaseResult {
    for seed in 0..ORDERS {
        play(case, Path::Ahead, kept(), seed << 32)?;
    }
    let warm = play(case, Path::Warm, Kept::memory(), 0)?;
    for path in [Path::Warm, Path::Cold, Path::Restarted] {
        let kept = kept();
        let other = play(case, path, kept.clone(), 1 << 32)?;
        for (n, (warm, other)) in warm.iter().zip(&other).enumerate() {
            if let Some(difference) = warm.differs(other) {
                let step = &case.steps[n];
                let why =
                    format!("[path] after step {n} ({step:?}) {path:?} on {kept:?} differs from warm:\n{difference}");
                return Err(TestCaseError::fail(why));
            }
        }
    }
    Ok(())
}

#[test]
fn all_paths_are_alike() {
    seeds::play("all_paths_are_alike", 1_000, &cases(), |case| alike(&case, Kept::memory));
}

#[test]
fn all_paths_are_alike_on_a_file() {
    seeds::play("all_paths_are_alike_on_a_file", 60, &cases(), |case| alike(&case, Kept::file));
}
