//! `GET /api/health`: how the server is.

use super::Shared;
use super::dto::{self, Healthy};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

pub(super) async fn health(State(api): Shared) -> Response {
    dto::json(StatusCode::OK, &Healthy::from(api.client.health()))
}
