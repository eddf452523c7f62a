//! `POST /orchestrators/{function}/{id?}`: starts an instance, and waits for its end where the client asks for that.

use super::body::{self, Bound};
use super::changes::Changes;
use super::dto;
use super::error::ApiError;
use super::instances::status::{self, Shown};
use super::query::Query;
use super::urls::Links;
use super::{Api, Segments, Shared};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use dacapo_core::{InstanceId, Payload, RuntimeStatus};
use dacapo_runtime::{InstanceView, Start};
use std::borrow::Cow;
use std::sync::Arc;

/// The longest that a start waits for the end, in milliseconds: what proxies in front of it commonly allow.
const MAX_TIMEOUT_MS: u64 = 230_000;

/// With an id that the server draws.
pub(super) async fn start(
    State(api): Shared,
    Segments(function): Segments<String>,
    request: Request<axum::body::Body>,
) -> Result<Response, ApiError> {
    start_as(&api, function, None, request).await
}

/// With an id of the client's.
pub(super) async fn start_with_id(
    State(api): Shared,
    Segments((function, id)): Segments<(String, String)>,
    request: Request<axum::body::Body>,
) -> Result<Response, ApiError> {
    start_as(&api, function, Some(InstanceId::parse(&id)?), request).await
}

async fn start_as(
    api: &Api,
    name: String,
    id: Option<InstanceId>,
    request: Request<axum::body::Body>,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let query = Query::of(&parts.uri);
    let timeout_ms = timeout_ms(query)?;
    let version = query.text("version").filter(|version| !version.is_empty()).map(Cow::into_owned);
    let bound = Bound { setting: "payload_bytes", limit_bytes: api.settings.payload_bytes };
    let input = body::json(&body::read(body, bound).await?, api.settings.payload_depth)?;
    let id = api.client.start(Start { name, id, input, version }).await?;
    if let Some(timeout_ms) = timeout_ms
        && let Some(view) = end_of(api, &id, timeout_ms).await?
    {
        return Ok(ended(api, &parts, &view));
    }
    Ok(accepted(api, &parts, &id))
}

/// `timeout` and `pollingInterval`, both or neither. The end is pushed, not polled for: the interval is only checked.
fn timeout_ms(query: Query<'_>) -> Result<Option<u64>, ApiError> {
    match (query.seconds("timeout")?, query.seconds("pollingInterval")?) {
        (None, None) => Ok(None),
        (Some(timeout_ms), Some(_)) => Ok(Some(timeout_ms.min(MAX_TIMEOUT_MS))),
        _ => Err(ApiError::bad_request(
            "BadQuery",
            "The query parameters 'timeout' and 'pollingInterval' belong together: give both, or neither.",
        )),
    }
}

/// The status at the end, if that comes in time.
async fn end_of(api: &Api, id: &InstanceId, timeout_ms: u64) -> Result<Option<Arc<InstanceView>>, ApiError> {
    let deadline = api.clock.rest_ms(timeout_ms);
    tokio::pin!(deadline);
    let Some(mut changes) = Changes::from_now(api, id).await? else { return Ok(None) };
    while !changes.latest().status.is_finished() {
        tokio::select! {
            biased;
            there = changes.next() => if !there { return Ok(None) },
            () = &mut deadline => return Ok(None),
            () = api.stopping.begun() => return Ok(None),
        }
    }
    Ok(Some(changes.latest().clone()))
}

fn ended(api: &Api, parts: &Parts, view: &InstanceView) -> Response {
    if view.status == RuntimeStatus::Completed {
        let output = view.output.as_ref().map_or("null", Payload::as_str);
        return dto::raw(StatusCode::OK, output.to_owned());
    }
    status::reply(api, parts, view, Shown::of(Query::of(&parts.uri)))
}

/// 202 with everything that a client needs of an instance that was started.
pub(super) fn accepted(api: &Api, parts: &Parts, id: &InstanceId) -> Response {
    let management = Links::of(&api.settings, parts).management(id);
    let mut response = dto::json(StatusCode::ACCEPTED, &management);
    let headers = response.headers_mut();
    // Escaped where needed, so it is one; the host was checked.
    if let Ok(location) = HeaderValue::from_str(&management.status_query_get_uri) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    response
}
