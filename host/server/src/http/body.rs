//! Reads a request's body within its bounds, and as the JSON it has to be.

use super::error::ApiError;
use crate::text_file::unmarked;
use axum::body::{Body, Bytes, HttpBody as _};
use dacapo_core::Payload;
use dacapo_core::payload::InvalidJson;
use http_body_util::BodyExt as _;
use std::time::Duration;

/// How long a client may send nothing in the middle of a body.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// How much of a body that is too large is read and dropped, in bytes, so that its sender gets to read the answer.
const DROPPED_BYTES: usize = 16 << 20;

/// How much a body may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// The name of the setting.
    pub(super) setting: &'static str,
    /// Its value.
    pub(super) limit_bytes: usize,
}

/// The whole body.
pub(super) async fn read(mut body: Body, bound: Bound) -> Result<Vec<u8>, ApiError> {
    let declared = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    let (mut kept, mut found) = (Vec::with_capacity(declared.unwrap_or(0).min(bound.limit_bytes)), 0usize);
    while let Some(data) = next(&mut body).await? {
        found = found.saturating_add(data.len());
        if found <= bound.limit_bytes {
            kept.extend_from_slice(&data);
        } else if found.max(declared.unwrap_or(0)) - bound.limit_bytes > DROPPED_BYTES {
            let found = declared.map_or_else(|| format!("more than {found}"), |found| found.to_string());
            return Err(ApiError::too_large(found, bound.setting, bound.limit_bytes));
        } else {
            kept = Vec::new();
        }
    }
    if found > bound.limit_bytes {
        return Err(ApiError::too_large(found, bound.setting, bound.limit_bytes));
    }
    Ok(kept)
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    loop {
        match tokio::time::timeout(IDLE_TIME, body.frame()).await {
            Err(_) => return Err(ApiError::too_slow(IDLE_TIME.as_secs())),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => {
                return Err(ApiError::bad_request("BrokenBody", format!("The request body broke off: {error}")));
            }
            Ok(Some(Ok(frame))) => {
                // Trailers say nothing here.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// The JSON value that a body holds, of at most `depth` levels; nothing is `null`.
pub(super) fn json(body: &[u8], depth: usize) -> Result<Payload, ApiError> {
    let text =
        std::str::from_utf8(body).map_err(|error| InvalidJson::syntax(&error, &String::from_utf8_lossy(body)))?;
    let text = unmarked(text);
    if text.trim_ascii().is_empty() {
        return Ok(Payload::null());
    }
    Ok(Payload::admit(text, depth)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use std::convert::Infallible;

    const SMALL: Bound = Bound { setting: "payload_bytes", limit_bytes: 4 };

    fn chunks(chunks: &'static [&'static str]) -> Body {
        Body::from_stream(stream::iter(chunks.iter().map(|chunk| Ok::<_, Infallible>(*chunk))))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_bound() {
        assert_eq!(read(Body::from("1234"), SMALL).await.expect("fits"), b"1234");
        assert_eq!(read(chunks(&["12", "34"]), SMALL).await.expect("fits"), b"1234");
        for large in [Body::from("12345"), chunks(&["12", "34", "5"])] {
            let error = read(large, SMALL).await.expect_err("too large").to_string();
            assert!(error.contains("has 5 bytes") && error.contains("`payload_bytes` is 4"), "{error}");
        }
        let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![0; 1 << 20])));
        let error = read(Body::from_stream(endless), SMALL).await.expect_err("too large").to_string();
        assert!(error.contains("has more than 1"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_sending_is_told_so() {
        let silent = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert!(read(silent, SMALL).await.expect_err("too slow").to_string().contains("30 seconds"));
    }

    fn admitted(body: &[u8]) -> Result<String, String> {
        json(body, 128).map(|payload| payload.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_body_is_json_or_nothing() {
        for nothing in [&b""[..], b" \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"] {
            assert_eq!(admitted(nothing).as_deref(), Ok("null"));
        }
        assert_eq!(admitted(b"\"\"").as_deref(), Ok("\"\""));
        assert_eq!(admitted(" {\"a\": \"ü\"}\n".as_bytes()).as_deref(), Ok("{\"a\": \"ü\"}"));
        assert_eq!(admitted(b"\xef\xbb\xbf{\"a\": 1}").as_deref(), Ok("{\"a\": 1}"));
        for wrong in [&b"{"[..], b"1 2", b"\xff", b"\"\xff\"", b"hello", b"\xef\xbb\xbf\xef\xbb\xbf1"] {
            let error = admitted(wrong).expect_err("not json");
            assert!(error.starts_with("Invalid JSON content: not JSON: "), "{error}");
        }
    }

    #[test]
    fn a_body_that_not_every_reader_takes_is_refused_with_its_place() {
        for (body, place) in [
            ("\n [1e400]", "line 2 column 3"),
            (r#"{"a":"\udc00"}"#, "line 1 column 7"),
            (r#"{"a":1,"a":2}"#, "line 1 column 8"),
        ] {
            let error = admitted(body.as_bytes()).expect_err(body);
            assert!(
                error.starts_with("Invalid JSON content: not I-JSON (RFC 7493): ") && error.contains(place),
                "{error}"
            );
        }
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        admitted(deep(127).as_bytes()).expect("as deep as it may be");
        assert!(admitted(deep(128).as_bytes()).expect_err("too deep").contains("`payload_depth`"));
    }
}
