//! Entity tags: the name of what a reader has, and whether it still is what there is.

use axum::http::{HeaderMap, HeaderValue, header};
use dacapo_runtime::InstanceView;

/// The entity tag of one representation of one state of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag(String);

impl Tag {
    /// For `view`, with or without its input.
    pub(super) fn of(view: &InstanceView, show_input: bool) -> Self {
        let mark = if show_input { "" } else { "-n" };
        Self(format!("\"{}{mark}\"", view.revision()))
    }

    /// As a header.
    pub(super) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("a revision consists of digits, points and letters")
    }
}

/// The tags that a reader names in `If-None-Match`.
pub(super) struct Known<'a>(&'a HeaderMap);

impl<'a> Known<'a> {
    /// Of a request with these headers.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        Self(headers)
    }

    /// Whether the reader names any.
    pub(super) fn any(&self) -> bool {
        self.0.contains_key(header::IF_NONE_MATCH)
    }

    /// Whether the reader has the representation with this tag. Compares weakly, as RFC 9110 asks for.
    pub(super) fn has(&self, tag: &Tag) -> bool {
        let values = self.0.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_NONE_MATCH, value.parse().expect("a header"));
        }
        Known::of(&headers).has(&Tag("\"1.0.3\"".into()))
    }

    #[test]
    fn lists_weak_tags_and_the_star_match() {
        for known in [&["\"1.0.3\""][..], &["W/\"1.0.3\""], &["\"x\", \"1.0.3\""], &["\"x\"", "W/\"1.0.3\""], &["*"]] {
            assert!(has(known), "{known:?}");
        }
        for unknown in [&[][..], &["\"1.0.4\""], &["1.0.3"], &["\"1.0.3-n\""], &[""]] {
            assert!(!has(unknown), "{unknown:?}");
        }
    }
}
