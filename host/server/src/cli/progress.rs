//! The bar for statuses that say how far they are.

use super::text;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

/// How far an instance is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Fraction {
    done: f64,
    total: f64,
}

impl Fraction {
    /// From a custom status with `done` and `total`, or with `percent`.
    fn of(custom_status: &str) -> Option<Self> {
        let status: Value = serde_json::from_str(custom_status).ok()?;
        let number = |key: &str| status.get(key)?.as_f64().filter(|number| *number >= 0.0);
        let progress = match (number("done"), number("total"), number("percent")) {
            (Some(done), Some(total), _) => Self { done, total },
            (_, _, Some(percent)) => Self { done: percent, total: 100.0 },
            _ => return None,
        };
        (progress.total > 0.0).then_some(progress)
    }

    /// In per mille, so that a bar moves for small steps too.
    fn per_mille(self) -> u64 {
        // Between 0 and 1000, so the cast is exact.
        (self.done / self.total * 1_000.0).clamp(0.0, 1_000.0) as u64
    }
}

/// A bar on standard error, where that is a terminal; elsewhere nothing.
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// Nothing is drawn before a status says how far it is.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(1_000), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Shows what a custom status says.
    pub(crate) fn show(&self, custom_status: &str) {
        let Some(progress) = Fraction::of(custom_status) else { return };
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(text::one_line(&format!("{}/{}", progress.done, progress.total)));
        self.bar.set_position(progress.per_mille());
    }

    /// Prints by `print` while the bar is out of the way.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_mille(custom_status: &str) -> Option<u64> {
        Fraction::of(custom_status).map(Fraction::per_mille)
    }

    #[test]
    fn progress_is_found_in_two_forms() {
        assert_eq!(per_mille(r#"{"done":1,"total":4,"stage":"pay"}"#), Some(250));
        assert_eq!(per_mille(r#"{"percent":12.5}"#), Some(125));
        assert_eq!(per_mille(r#"{"percent":250}"#), Some(1_000));
    }

    #[test]
    fn anything_else_is_no_progress() {
        for status in ["null", "\"Tokyo\"", r#"{"done":1}"#, r#"{"done":1,"total":0}"#, r#"{"percent":-1}"#, "[1]", "{"]
        {
            assert_eq!(per_mille(status), None, "{status}");
        }
    }
}
