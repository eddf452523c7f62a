//! `Prefer: wait=N` (RFC 7240): how long a reader is willing to wait for news.

use axum::http::HeaderMap;

/// The longest wait, in seconds.
pub(super) const MAX_WAIT_S: u64 = 60;

/// The seconds to wait, where the client asks for it; never more than [`MAX_WAIT_S`].
pub(super) fn wait_s(headers: &HeaderMap) -> Option<u64> {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).find_map(wait_in).map(|seconds| seconds.min(MAX_WAIT_S))
}

fn wait_in(preference: &str) -> Option<u64> {
    let (name, value) = preference.split(';').next()?.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("wait") {
        return None;
    }
    value.trim().trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_of(values: &[&str]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", value.parse().expect("a header"));
        }
        wait_s(&headers)
    }

    #[test]
    fn finds_the_wait_among_other_preferences_and_caps_it() {
        assert_eq!(wait_of(&["wait=10"]), Some(10));
        assert_eq!(wait_of(&["respond-async, Wait = \"7\" ; x=y"]), Some(7));
        assert_eq!(wait_of(&["respond-async", "wait=3"]), Some(3));
        assert_eq!(wait_of(&["wait=3600"]), Some(60));
        assert_eq!(wait_of(&["wait=0"]), Some(0));
        for none in [&[][..], &["wait"], &["wait=-1"], &["wait=soon"], &["await=3"]] {
            assert_eq!(wait_of(none), None, "{none:?}");
        }
    }
}
