//! How a call is made: time limits, retries, and where a child orchestration lives.

use std::time::Duration;

use crate::bindings::dacapo::orchestration::types as wit;

/// Durable retries: each wait is a timer in the history.
///
/// ```
/// use dacapo::prelude::*;
/// use std::time::Duration;
///
/// let patient = Retry::attempts(5).first_delay(Duration::from_secs(1)).backoff(2.0).unless("card-declined");
/// # let _ = patient;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Retry(wit::RetryPolicy);

impl Retry {
    /// At most so many attempts, the first one included; a second between them until told otherwise.
    pub fn attempts(max: u32) -> Self {
        Self(wit::RetryPolicy {
            max_attempts: max,
            first_delay_ms: 1_000,
            backoff: 1.0,
            max_delay_ms: None,
            give_up_after_ms: None,
            unless_kinds: vec![],
        })
    }

    /// The wait before the second attempt.
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.0.first_delay_ms = whole_ms(delay);
        self
    }

    /// The factor from one wait to the next; at least 1.0.
    pub fn backoff(mut self, factor: f64) -> Self {
        self.0.backoff = factor;
        self
    }

    /// The longest wait.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.0.max_delay_ms = Some(whole_ms(delay));
        self
    }

    /// No attempt starts later than this after the first one.
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.0.give_up_after_ms = Some(whole_ms(time));
        self
    }

    /// A failure of this kind is final at once; call it again for more kinds.
    pub fn unless(mut self, kind: impl Into<String>) -> Self {
        self.0.unless_kinds.push(kind.into());
        self
    }
}

/// How an activity is called; the default is one attempt without a limit of time.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ActivityOptions {
    retry: Option<Retry>,
    timeout: Option<Duration>,
}

impl ActivityOptions {
    /// One attempt, no limit of time.
    pub fn new() -> Self {
        Self::default()
    }

    /// Try again when an attempt fails.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Past it an attempt fails with kind `timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    pub(crate) fn into_wit(self) -> wit::ActivityOptions {
        wit::ActivityOptions { retry: self.retry.map(|retry| retry.0), timeout_ms: self.timeout.map(whole_ms) }
    }
}

/// How a child orchestration is started; the default is an id derived from the parent's, one attempt, and to wait for it.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ChildOptions {
    instance_id: Option<String>,
    retry: Option<Retry>,
    detached: bool,
}

impl ChildOptions {
    /// A derived id, one attempt, and the task is done when the child is.
    pub fn new() -> Self {
        Self::default()
    }

    /// The child's own id.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance_id = Some(id.into());
        self
    }

    /// Start the child again when it fails.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Do not wait for the child: the task is done, with the child's id, as soon as the child exists.
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    pub(crate) fn into_wit(self) -> wit::ChildOptions {
        wit::ChildOptions {
            instance_id: self.instance_id,
            retry: self.retry.map(|retry| retry.0),
            detached: self.detached,
        }
    }
}

/// What becomes of events that nobody has waited for yet when the next execution begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferedEvents {
    /// The next execution gets them.
    Keep,
    /// They are gone.
    Drop,
}

/// Milliseconds, rounded up: a wait never ends early. Capped to what every guest language can express.
pub(crate) fn whole_ms(duration: Duration) -> u64 {
    const MAX_MS: u128 = (1 << 53) - 1;
    let ms = duration.as_nanos().div_ceil(1_000_000).min(MAX_MS);
    u64::try_from(ms).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_up_and_are_capped() {
        assert_eq!(whole_ms(Duration::ZERO), 0);
        assert_eq!(whole_ms(Duration::from_micros(1)), 1);
        assert_eq!(whole_ms(Duration::from_secs(60)), 60_000);
        assert_eq!(whole_ms(Duration::MAX), (1 << 53) - 1);
    }
}
