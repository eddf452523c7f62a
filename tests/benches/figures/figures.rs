//! Medians, and the table they are shown in.

use std::time::Duration;

/// The middle of what was measured.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What this share of the durations keeps below, in milliseconds.
pub(crate) fn quantile_ms(mut durations: Vec<Duration>, share: f64) -> f64 {
    durations.sort_unstable();
    let at = ((durations.len() as f64 * share) as usize).min(durations.len().saturating_sub(1));
    durations.get(at).map_or(f64::NAN, |duration| duration.as_secs_f64() * 1e3)
}

/// Prints each line as soon as it is known.
pub(crate) struct Table;

impl Table {
    pub(crate) fn begin() -> Self {
        row(["", "what", "figure", "beside", "ratio", "goal"]);
        Self
    }

    /// A figure without a measure.
    pub(crate) fn plain(&self, workload: &str, what: &str, figure: f64) {
        row([workload, what, &number(figure), "", "", ""]);
    }

    /// A figure with a goal for itself; at most that much if the goal is negative.
    pub(crate) fn goal(&self, workload: &str, what: &str, figure: f64, goal: f64) {
        row([workload, what, &number(figure), "", "", &judge(figure, goal)]);
    }

    /// A figure with a goal for what it is in proportion to another one.
    pub(crate) fn ratio(&self, workload: &str, what: &str, (figure, beside): (f64, f64), goal: Option<f64>) {
        let ratio = figure / beside;
        let goal = goal.map_or_else(String::new, |goal| judge(ratio, goal));
        row([workload, what, &number(figure), &number(beside), &format!("{ratio:.2}"), &goal]);
    }
}

fn judge(found: f64, goal: f64) -> String {
    let (sign, met) = if goal < 0.0 { ("≤", found <= -goal) } else { ("≥", found >= goal) };
    format!("{sign} {}{}", number(goal.abs()), if met { "" } else { "  MISSED" })
}

fn number(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn row([workload, what, figure, beside, ratio, goal]: [&str; 6]) {
    println!("{workload:<6}{what:<58}{figure:>10}{beside:>10}{ratio:>8}  {goal}");
}
