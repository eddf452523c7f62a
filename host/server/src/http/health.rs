//! `GET /api/health`: how the server is.

use super::Shared;
use super::dto::{self, Healthy};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// 503 while not everything can be written; the body is the same, and says why.
pub(super) async fn health(State(api): Shared) -> Response {
    // Some of it is asked of the disk, which may hang.
    let client = api.client.clone();
    let Ok(health) = tokio::task::spawn_blocking(move || client.health()).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let status = if health.storage.trouble.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    dto::json(status, &Healthy::from(health))
}
