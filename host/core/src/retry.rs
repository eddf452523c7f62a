//! Durable retries: which failed attempts are followed by another one, and when.

use crate::error::{Failure, GuestFault};
use serde::{Deserialize, Serialize};

/// The largest factor from one wait to the next.
const MAX_BACKOFF: f64 = 1_000.0;
/// Bits behind the point of a wait while it is multiplied: with 64 before it and 20 for the largest factor they fill 128.
const FRACTION_BITS: u32 = 44;

/// When a failed activity or child is tried again. Each wait is a timer in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts in all, the first one included.
    pub max_attempts: u32,
    /// Wait before the second attempt, in milliseconds.
    pub first_delay_ms: u64,
    /// Factor from one wait to the next, in thousandths: whole numbers are the same on every machine and in every
    /// encoding.
    pub backoff_permille: u64,
    /// The longest wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay_ms: Option<u64>,
    /// No attempt starts later than this after the call, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give_up_after_ms: Option<u64>,
    /// Failures of these kinds are final at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless_kinds: Vec<String>,
}

impl RetryPolicy {
    /// A policy with a constant wait.
    pub fn every(first_delay_ms: u64, max_attempts: u32) -> Self {
        Self {
            max_attempts,
            first_delay_ms,
            backoff_permille: 1_000,
            max_delay_ms: None,
            give_up_after_ms: None,
            unless_kinds: Vec::new(),
        }
    }

    /// With this factor from one wait to the next.
    pub fn with_backoff(self, backoff: f64) -> Result<Self, GuestFault> {
        if !(1.0..=MAX_BACKOFF).contains(&backoff) {
            return Err(GuestFault::RetryPolicy(format!("`backoff` must be 1.0 to {MAX_BACKOFF}; it is {backoff}")));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above to be in range")]
        let backoff_permille = (backoff * 1_000.0).round() as u64;
        Ok(Self { backoff_permille, ..self })
    }

    /// Whether it is one.
    pub fn check(&self) -> Result<(), GuestFault> {
        if self.max_attempts == 0 {
            return Err(GuestFault::RetryPolicy("`max-attempts` must be at least 1".into()));
        }
        Ok(())
    }

    /// The wait after the `failed`-th attempt, from 1: the first one times the factor to that power, rounded once, at the
    /// end. Fractions are whole numbers too: they are the same on every machine.
    fn delay_ms(&self, failed: u32) -> u64 {
        let longest = u128::from(self.max_delay_ms.unwrap_or(u64::MAX)) << FRACTION_BITS;
        let mut delay = (u128::from(self.first_delay_ms) << FRACTION_BITS).min(longest);
        for _ in 1..failed {
            let next = (delay.saturating_mul(u128::from(self.backoff_permille)) / 1_000).min(longest);
            if next == delay {
                break;
            }
            delay = next;
        }
        let rounded = (delay + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS;
        u64::try_from(rounded).expect("at most the longest wait, which is a u64")
    }

    /// When the next attempt starts after the `failed`-th one has failed at `now_ms`; `None` where that was the last.
    /// `called_at_ms`: the time of the call.
    pub fn next_attempt(&self, failed: u32, failure: &Failure, called_at_ms: u64, now_ms: u64) -> Option<u64> {
        if failed >= self.max_attempts || self.unless_kinds.contains(&failure.kind) {
            return None;
        }
        let at_ms = now_ms.saturating_add(self.delay_ms(failed));
        let too_late = self.give_up_after_ms.is_some_and(|most_ms| at_ms.saturating_sub(called_at_ms) > most_ms);
        (!too_late).then_some(at_ms)
    }
}

/// What a call of an activity may say beyond name and input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityOptions {
    /// Whether and when it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Past it an attempt fails with kind `timeout`, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

impl ActivityOptions {
    /// Whether nothing is asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What a call of a child may say beyond name and input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildOptions {
    /// Whether and when it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Start it and do not wait: done, with the child's id, as soon as the child exists.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detached: bool,
}

impl ChildOptions {
    /// Whether nothing is asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: &str) -> Failure {
        Failure::new(kind, "it failed")
    }

    #[test]
    fn waits_grow_by_the_factor_up_to_the_longest() {
        let policy = RetryPolicy { max_delay_ms: Some(1_000), ..RetryPolicy::every(100, 10) };
        let policy = policy.with_backoff(2.5).expect("in range");
        let waits: Vec<u64> = (1..6).map(|failed| policy.delay_ms(failed)).collect();
        assert_eq!(waits, [100, 250, 625, 1_000, 1_000]);
        let capped = RetryPolicy { max_delay_ms: Some(u64::MAX), ..RetryPolicy::every(u64::MAX, 3) };
        assert_eq!(capped.delay_ms(2), u64::MAX);
        let huge = RetryPolicy::every(u64::MAX / 2, u32::MAX).with_backoff(1_000.0).expect("in range");
        assert_eq!(huge.delay_ms(u32::MAX), u64::MAX);
    }

    #[test]
    fn a_small_wait_grows_too_because_it_is_rounded_only_once() {
        let waits = |first_delay_ms, backoff| {
            let policy = RetryPolicy::every(first_delay_ms, 20).with_backoff(backoff).expect("in range");
            (1..9).map(|failed| policy.delay_ms(failed)).collect::<Vec<_>>()
        };
        assert_eq!(waits(1, 1.9), [1, 2, 4, 7, 13, 25, 47, 89]);
        assert_eq!(waits(1, 1.1), [1, 1, 1, 1, 1, 2, 2, 2]);
        assert_eq!(waits(3, 1.3), [3, 4, 5, 7, 9, 11, 14, 19]);
        assert_eq!(waits(1_000, 1.1), [1_000, 1_100, 1_210, 1_331, 1_464, 1_611, 1_772, 1_949]);
        assert_eq!(waits(0, 1.9), [0; 8]);
        assert_eq!(waits(7, 1.0), [7; 8]);
    }

    #[test]
    fn an_attempt_is_the_last_by_number_by_kind_or_by_time() {
        let policy = RetryPolicy {
            give_up_after_ms: Some(250),
            unless_kinds: vec!["final".into()],
            ..RetryPolicy::every(100, 3)
        };
        assert_eq!(policy.next_attempt(1, &failure("app"), 1_000, 1_050), Some(1_150));
        assert_eq!(policy.next_attempt(2, &failure("app"), 1_000, 1_150), Some(1_250));
        assert_eq!(policy.next_attempt(2, &failure("app"), 1_000, 1_151), None, "too late");
        assert_eq!(policy.next_attempt(3, &failure("app"), 1_000, 1_000), None, "enough");
        assert_eq!(policy.next_attempt(1, &failure("final"), 1_000, 1_000), None, "final");
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for backoff in [0.5, -1.0, f64::NAN, f64::INFINITY, 1_001.0] {
            let error = RetryPolicy::every(1, 1).with_backoff(backoff).expect_err("refused");
            assert!(error.to_string().contains("`backoff` must be 1.0 to 1000"), "{error}");
        }
        RetryPolicy::every(1, 0).check().expect_err("no attempt");
        RetryPolicy::every(0, 1).check().expect("one attempt");
    }
}
