//! `GET /instances`: a page of statuses, in the order of creation.

use crate::http::error::ApiError;
use crate::http::query::Query;
use crate::http::{Shared, dto};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use axum::response::Response;
use dacapo_store::{ContinueAfter, InstanceFilter};

const CONTINUATION: HeaderName = HeaderName::from_static("x-ms-continuation-token");
const DEFAULT_TOP: usize = 100;
const MAX_TOP: usize = 1_000;

pub(in crate::http) async fn list(State(api): Shared, request: Request<Body>) -> Result<Response, ApiError> {
    let parts = request.into_parts().0;
    let query = Query::of(&parts.uri);
    let (limit, after) = (top(query)?, after(&parts.headers)?);
    let filter = InstanceFilter {
        id_prefix: query.text("instanceIdPrefix").map(Into::into),
        name: query.text("name").map(Into::into),
        created_from_ms: query.time("createdTimeFrom")?,
        created_to_ms: query.time_to("createdTimeTo")?,
        statuses: query.statuses("runtimeStatus"),
    };
    let show_input = query.flag("showInput", true);
    let page = api.client.list(filter, after, limit, show_input).await?;
    let statuses: Vec<_> = page.instances.iter().map(|view| dto::Status::of(view, show_input)).collect();
    let mut response = dto::json(StatusCode::OK, &statuses);
    response.headers_mut().insert(CONTINUATION, token(page.next));
    Ok(response)
}

/// How many are asked for; of more than a page can have, as many as it can.
pub(super) fn top(query: Query<'_>) -> Result<usize, ApiError> {
    match query.number("top")?.unwrap_or(DEFAULT_TOP) {
        0 => Err(ApiError::bad_request("BadQuery", "The query parameter 'top' must be a number from 1; found 0.")),
        top => Ok(top.min(MAX_TOP)),
    }
}

fn token(next: Option<ContinueAfter>) -> HeaderValue {
    let text = next.map_or_else(String::new, |after| format!("{:016x}", after.0));
    HeaderValue::try_from(text).expect("hex digits are a header")
}

fn after(headers: &HeaderMap) -> Result<ContinueAfter, ApiError> {
    let text = headers.get(CONTINUATION).map_or(Ok(""), HeaderValue::to_str).unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(ContinueAfter::ZERO);
    }
    i64::from_str_radix(text, 16).ok().filter(|key| *key >= 0).map(dacapo_store::InstanceKey).ok_or_else(|| {
        ApiError::bad_request(
            "BadContinuation",
            format!("'{CONTINUATION}' must hold what the last page's header held."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dacapo_store::InstanceKey;

    fn read(token: &HeaderValue) -> Option<ContinueAfter> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTINUATION, token.clone());
        after(&headers).ok()
    }

    #[test]
    fn a_token_leads_on_and_anything_else_is_refused() {
        for key in [1, 255, i64::MAX] {
            assert_eq!(read(&token(Some(InstanceKey(key)))), Some(InstanceKey(key)));
        }
        assert_eq!(read(&token(None)), Some(ContinueAfter::ZERO));
        assert_eq!(after(&HeaderMap::new()).ok(), Some(ContinueAfter::ZERO));
        for wrong in ["x", "-1", "ffffffffffffffff", "1 2"] {
            assert_eq!(read(&HeaderValue::from_static(wrong)), None, "{wrong}");
        }
    }
}
