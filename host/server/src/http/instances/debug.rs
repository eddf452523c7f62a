//! `/api/instances/{id}/...`: Dacapo's own: what an instance has published, its whole history, and another version for it.

use super::{list, target};
use crate::http::error::ApiError;
use crate::http::query::Query;
use crate::http::{Segments, Shared, dto, not_found};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;

/// `GET .../timeline?top=N`: the last N custom statuses that the current execution has published, each with the number of
/// that execution; as many as a list shows when `top` is not given. Those of earlier executions are gone.
pub(in crate::http) async fn timeline(
    State(api): Shared,
    Segments(id): Segments<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let id = target(&id)?;
    let top = list::top(Query::of(request.uri()))?;
    let Some(published) = api.client.timeline(&id, top).await? else { return Ok(not_found()) };
    let entries: Vec<_> = published.iter().map(dto::TimelineEntry::from).collect();
    Ok(dto::json(StatusCode::OK, &entries))
}

/// `GET .../history`: the history of the current execution as a file for `dacapo replay`.
pub(in crate::http) async fn history(State(api): Shared, Segments(id): Segments<String>) -> Result<Response, ApiError> {
    Ok(match api.client.export(&target(&id)?).await? {
        Some(file) => dto::json(StatusCode::OK, &file),
        None => not_found(),
    })
}

/// `POST .../upgrade?to=VERSION`: 200 with the version that the instance is on from now on.
pub(in crate::http) async fn upgrade(
    State(api): Shared,
    Segments(id): Segments<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let id = target(&id)?;
    let Some(to) = Query::of(request.uri()).text("to").filter(|to| !to.is_empty()) else {
        let message = "The query parameter 'to' must name a version: its number, or the beginning of its digest.";
        return Err(ApiError::bad_request("BadQuery", message));
    };
    let version = api.client.upgrade(&id, &to).await?;
    Ok(dto::json(StatusCode::OK, &dto::Version::from(&*version)))
}
