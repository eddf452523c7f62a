//! `DELETE /instances/{id}` and `DELETE /instances`: deletes instances with their histories.

use super::target;
use crate::http::dto::{self, Purged};
use crate::http::error::ApiError;
use crate::http::query::Query;
use crate::http::{Segments, Shared};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use dacapo_core::InstanceId;
use dacapo_store::InstanceFilter;

/// One instance; an unfinished one with `force=true` only.
pub(in crate::http) async fn one(
    State(api): Shared,
    Segments(id): Segments<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let force = Query::of(request.uri()).flag("force", false);
    // By force also what has no valid id: a row that was damaged must be got rid of.
    let id = target(&id).or_else(|error| if force { Ok(InstanceId::as_stored(&id)) } else { Err(error) })?;
    api.client.purge(&id, force).await?;
    Ok(dto::json(StatusCode::OK, &Purged { instances_deleted: 1 }))
}

/// What narrows down which ones are deleted.
const TIMES: [&str; 2] = ["createdTimeFrom", "createdTimeTo"];
const STATUSES: &str = "runtimeStatus";
/// What clients send with every request.
const COMMON: [&str; 3] = ["taskHub", "connection", "code"];

/// The finished ones among those created in a span of time. What is not understood never means more of them: it is refused.
pub(in crate::http) async fn many(State(api): Shared, request: Request<Body>) -> Result<Response, ApiError> {
    let query = Query::of(request.uri());
    query.only(&TIMES, &[STATUSES], &COMMON)?;
    let Some(from_ms) = query.time("createdTimeFrom")? else {
        return Err(ApiError::bad_request("BadQuery", "The query parameter 'createdTimeFrom' is required."));
    };
    let filter = InstanceFilter {
        created_from_ms: Some(from_ms),
        created_to_ms: query.time_to("createdTimeTo")?,
        statuses: query.known_statuses(STATUSES)?,
        ..InstanceFilter::default()
    };
    match api.client.purge_many(filter).await? {
        0 => Err(ApiError::missing("NothingToPurge", "No finished instance matches.")),
        instances_deleted => Ok(dto::json(StatusCode::OK, &Purged { instances_deleted })),
    }
}
