//! `GET /instances/{id}`: the status of an instance; with `Prefer: wait`, once there is news.

use crate::http::changes::Changes;
use crate::http::conditional::{Known, Tag};
use crate::http::error::ApiError;
use crate::http::query::Query;
use crate::http::{Api, Segments, Shared, dto, history, not_found, prefer, urls};
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use dacapo_core::{InstanceId, RuntimeStatus};
use dacapo_runtime::InstanceView;
use std::sync::Arc;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How the client wants a status shown.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Shown {
    input: bool,
    failure_as_500: bool,
    history: bool,
    results: bool,
}

impl Shown {
    /// As the query says.
    pub(in crate::http) fn of(query: Query<'_>) -> Self {
        Self {
            input: query.flag("showInput", true),
            failure_as_500: query.flag("returnInternalServerErrorOnFailure", false),
            history: query.flag("showHistory", false),
            results: query.flag("showHistoryOutput", false),
        }
    }
}

pub(in crate::http) async fn status(
    State(api): Shared,
    Segments(id): Segments<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let parts = request.into_parts().0;
    let query = Query::of(&parts.uri);
    let Ok(id) = InstanceId::parse(&id) else { return Ok(not_found()) };
    let (shown, known) = (Shown::of(query), Known::of(&parts.headers));
    let wait_s = prefer::wait_s(&parts.headers);
    let view = match wait_s {
        Some(wait_s) => news(&api, &id, wait_s, &|view| known.has(&Tag::of(view, shown.input)), known.any()).await?,
        None => api.client.status(&id).await?,
    };
    let Some(view) = view else { return Ok(not_found()) };
    if shown.history {
        // Read for itself, and never from memory: no tag stands for it.
        let Some((view, turns)) = api.client.history(&id).await? else { return Ok(not_found()) };
        let events = history::events(&turns, shown.input, shown.results);
        let status = dto::Status::of(&view, shown.input).with_history(events);
        return Ok(dto::raw(code(&view, shown), status.to_json()));
    }
    let tag = Tag::of(&view, shown.input);
    let mut response = match known.has(&tag) {
        true => not_modified(&tag),
        false => reply(&api, &parts, &view, shown),
    };
    if let Some(wait_s) = wait_s {
        let applied = HeaderValue::try_from(format!("wait={wait_s}")).expect("digits are a header");
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    Ok(response)
}

/// The first status that is news, or the present one after `wait_s` seconds. News is what the client does not have; if
/// it does not say what it has, news is any change from now on, and an end that has come already.
async fn news(
    api: &Api,
    id: &InstanceId,
    wait_s: u64,
    known: &(dyn Fn(&InstanceView) -> bool + Sync),
    any_known: bool,
) -> Result<Option<Arc<InstanceView>>, ApiError> {
    let deadline = api.clock.rest_ms(wait_s * 1_000);
    tokio::pin!(deadline);
    let Some(mut changes) = Changes::from_now(api, id).await? else { return Ok(None) };
    let first = changes.latest().clone();
    let is_news = |view: &Arc<InstanceView>| match any_known {
        true => !known(view),
        false => view.status.is_finished() || !Arc::ptr_eq(view, &first),
    };
    while !is_news(changes.latest()) {
        tokio::select! {
            biased;
            there = changes.next() => if !there { return Ok(None) },
            () = &mut deadline => break,
            () = api.stopping.begun() => break,
        }
    }
    Ok(Some(changes.latest().clone()))
}

fn not_modified(tag: &Tag) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(header::ETAG, tag.header());
    response
}

fn code(view: &InstanceView, shown: Shown) -> StatusCode {
    match view.status {
        RuntimeStatus::Failed if shown.failure_as_500 => StatusCode::INTERNAL_SERVER_ERROR,
        status if status.is_finished() => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    }
}

/// The status as a response.
pub(in crate::http) fn reply(api: &Api, parts: &Parts, view: &InstanceView, shown: Shown) -> Response {
    let code = code(view, shown);
    let mut response = dto::raw(code, dto::Status::of(view, shown.input).to_json());
    let headers = response.headers_mut();
    headers.insert(header::ETAG, Tag::of(view, shown.input).header());
    if code == StatusCode::ACCEPTED {
        if let Ok(location) = HeaderValue::from_maybe_shared(bytes::Bytes::from(urls::called(&api.settings, parts))) {
            headers.insert(header::LOCATION, location);
        }
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}
