//! `POST /instances/{id}/...`: raises events, and what operators do to an instance.

use super::target;
use crate::http::body::{self, Bound};
use crate::http::error::ApiError;
use crate::http::orchestrators::accepted;
use crate::http::query::Query;
use crate::http::{Api, Segments, Shared};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use dacapo_core::InstanceId;
use dacapo_runtime::ClientError;

/// 202 once the event is durable. Whether somebody can receive it is checked before what was sent.
pub(in crate::http) async fn raise_event(
    State(api): Shared,
    Segments((id, event)): Segments<(String, String)>,
    request: Request<Body>,
) -> Result<StatusCode, ApiError> {
    let (parts, body) = request.into_parts();
    let bound = Bound { setting: "payload_bytes", limit_bytes: api.settings.payload_bytes };
    // Read in any case, so that the connection is good for the next request.
    let body = body::read(body, bound).await;
    let id = target(&id)?;
    unfinished(&api, &id).await?;
    if !is_json(&parts.headers) {
        return Err(ApiError::bad_request("ContentType", "Only application/json request content is supported"));
    }
    api.client.raise_event(&id, &event, body::json(&body?, api.settings.payload_depth)?).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn unfinished(api: &Api, id: &InstanceId) -> Result<(), ClientError> {
    match api.client.status(id).await? {
        None => Err(ClientError::UnknownInstance(id.clone())),
        // One that is stalled is not finished: what it cannot consume now waits for it.
        Some(view) if view.status.is_finished() && !view.stalled => {
            Err(ClientError::Finished { id: id.clone(), status: view.status })
        }
        Some(_) => Ok(()),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

/// 202 once that is durable; the reason becomes the output.
pub(in crate::http) async fn terminate(
    State(api): Shared,
    Segments(id): Segments<String>,
    request: Request<Body>,
) -> Result<StatusCode, ApiError> {
    let query = Query::of(request.uri());
    let recursive = query.flag("recursive", true);
    api.client.terminate(&target(&id)?, reason(query), recursive).await?;
    Ok(StatusCode::ACCEPTED)
}

/// 202 once that is durable.
pub(in crate::http) async fn suspend(
    State(api): Shared,
    Segments(id): Segments<String>,
    request: Request<Body>,
) -> Result<StatusCode, ApiError> {
    api.client.suspend(&target(&id)?, reason(Query::of(request.uri()))).await?;
    Ok(StatusCode::ACCEPTED)
}

/// 202 once that is durable.
pub(in crate::http) async fn resume(
    State(api): Shared,
    Segments(id): Segments<String>,
    request: Request<Body>,
) -> Result<StatusCode, ApiError> {
    api.client.resume(&target(&id)?, reason(Query::of(request.uri()))).await?;
    Ok(StatusCode::ACCEPTED)
}

/// 202 once that is durable.
pub(in crate::http) async fn rewind(
    State(api): Shared,
    Segments(id): Segments<String>,
    request: Request<Body>,
) -> Result<StatusCode, ApiError> {
    api.client.rewind(&target(&id)?, reason(Query::of(request.uri()))).await?;
    Ok(StatusCode::ACCEPTED)
}

/// 202 with the addresses of the instance that was started anew.
pub(in crate::http) async fn restart(
    State(api): Shared,
    Segments(id): Segments<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let parts = request.into_parts().0;
    let same_id = !Query::of(&parts.uri).flag("restartWithNewInstanceId", true);
    let started = api.client.restart(&target(&id)?, same_id).await?;
    Ok(accepted(&api, &parts, &started))
}

fn reason(query: Query<'_>) -> String {
    query.text("reason").unwrap_or_default().into_owned()
}
