//! Text that people and their tools have written.

/// The text without the byte-order mark that some editors and shells begin every text with.
pub(crate) fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
