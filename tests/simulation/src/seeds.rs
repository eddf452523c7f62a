//! Each case is a number: how many are played, which one alone, and what is said of one that fails.

use proptest::strategy::Strategy;
use proptest::test_runner::{
    Config, Reason, RngAlgorithm, TestCaseError, TestCaseResult, TestError, TestRng, TestRunner,
};
use std::cell::RefCell;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number of seeds, or a seed"))
}

/// The seeds that are played: the first `DACAPO_SEEDS` of them, or as many as are usual; or `DACAPO_SEED` alone.
pub(crate) fn seeds(usual: u64) -> std::ops::Range<u64> {
    match number("DACAPO_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("DACAPO_SEEDS").unwrap_or(usual),
    }
}

/// Draws cases from a seed.
pub(crate) fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Which fault it is: what stands in brackets.
fn kind(why: &Reason) -> String {
    let text = why.message();
    text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(kind, _)| kind.to_owned()).unwrap_or_default()
}

/// Plays `test` on what `strategy` draws from each seed; one that fails is made as small as it can be, and said.
pub(crate) fn play<S: Strategy>(name: &str, usual: u64, strategy: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    for seed in seeds(usual) {
        let mut runner = runner(seed);
        let case = strategy.new_tree(&mut runner).expect("nothing is filtered");
        let first = RefCell::new(None);
        let same = |case| match test(case) {
            // What is another fault is not a smaller case of this one.
            Err(TestCaseError::Fail(why)) if *first.borrow_mut().get_or_insert_with(|| kind(&why)) != kind(&why) => {
                Ok(())
            }
            other => other,
        };
        match runner.run_one(case, same) {
            Ok(_) => {}
            Err(TestError::Fail(why, smallest)) => {
                panic!(
                    "seed {seed}: {why}\nsmallest case: {smallest:?}\nagain: DACAPO_SEED={seed} cargo test -p dacapo-simulation {name}"
                )
            }
            Err(TestError::Abort(why)) => panic!("seed {seed}: {why}"),
        }
    }
}
