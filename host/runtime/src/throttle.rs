//! Log lines without end about one and the same thing: the first is written, then one every ten seconds.

/// How long it is silent, in milliseconds.
const SILENT_MS: u64 = 10_000;

/// Lets a line through now and then.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    last_ms: Option<u64>,
    left_out: u64,
}

impl Throttle {
    /// Whether a line may be written, and how many were left out since the last one.
    pub(crate) fn lets_through(&mut self, now_ms: u64) -> Option<u64> {
        // A clock that was set back must not silence it.
        if self.last_ms.is_some_and(|last_ms| now_ms.abs_diff(last_ms) < SILENT_MS) {
            self.left_out += 1;
            return None;
        }
        self.last_ms = Some(now_ms);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_and_then_one_every_ten_seconds_with_a_count() {
        let mut throttle = Throttle::default();
        let times = [1_000, 1_000, 5_000, 10_999, 11_000, 11_001, 900, 950];
        let lines = times.map(|now_ms| throttle.lets_through(now_ms));
        assert_eq!(lines, [Some(0), None, None, None, Some(3), None, Some(1), None]);
    }
}
