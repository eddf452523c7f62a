//! `GET /instances/{id}/watch`: a status as a stream of server-sent events.

use super::changes::Changes;
use super::dto;
use super::error::ApiError;
use super::query::Query;
use super::{Api, Segments, Shared, not_found};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use dacapo_core::{InstanceId, Payload, RuntimeStatus};
use dacapo_runtime::{ActivityProgress, InstanceView};
use futures::{Stream, stream};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// How long a stream may be silent before proxies might take it for dead, in milliseconds.
const SILENCE_MS: u64 = 15_000;
/// The `Last-Event-ID` that no event has.
const FROM_THE_FIRST: &str = "0";
/// Asks proxies not to hold events back.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// The present status, then each change of the custom status or the runtime status and each report of a running
/// activity, up to the final state. A report has the id of the change before it: it is not kept. With
/// `Last-Event-ID` it begins after that event instead, and with the id `0` at the first one that is still known: the
/// last changes of recent instances are kept in memory. The input
/// is left out unless `showInput=true`: it would be the same in every event.
pub(super) async fn watch(
    State(api): Shared,
    Segments(id): Segments<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let Ok(id) = InstanceId::parse(&id) else { return Ok(not_found()) };
    let permit = api.streams.clone().try_acquire_owned();
    let permit = permit.map_err(|_| ApiError::too_many_streams(api.settings.watch_streams))?;
    let parts = request.into_parts().0;
    let last = last_event_id(&parts.headers);
    let changes = match last {
        None => Changes::from_now(&api, &id).await?,
        Some(FROM_THE_FIRST) => Changes::from_the_first(&api, &id).await?,
        Some(revision) => Changes::from(&api, &id, revision).await?,
    };
    let Some(changes) = changes else { return Ok(not_found()) };
    let seen = last == Some(changes.latest().durable_revision().as_str());
    if seen && changes.latest().status.is_finished() {
        // There is nothing to come: this is how a browser is told not to connect again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let sent = seen.then(|| Essence::of(changes.latest()));
    let show_input = Query::of(&parts.uri).flag("showInput", false);
    let id = changes.latest().durable_revision();
    let events = Watcher { api, changes, sent, id, show_input, _permit: permit }.events();
    Ok(([NO_BUFFERING], Sse::new(events)).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id")?.to_str().ok()
}

/// What of a status makes an event when it changes.
#[derive(PartialEq, Eq)]
struct Essence {
    status: RuntimeStatus,
    custom_status: Option<Payload>,
    activities: Arc<[ActivityProgress]>,
}

impl Essence {
    fn of(view: &InstanceView) -> Self {
        Self {
            status: view.status,
            custom_status: view.custom_status.clone(),
            activities: view.progress.activities.clone(),
        }
    }

    /// Whether they differ in what is durable.
    fn is_change_of(&self, earlier: &Self) -> bool {
        (self.status, &self.custom_status) != (earlier.status, &earlier.custom_status)
    }
}

/// One open stream.
struct Watcher {
    api: Arc<Api>,
    changes: Changes,
    /// What the client knows.
    sent: Option<Essence>,
    /// The id of the last change that it knows.
    id: String,
    show_input: bool,
    _permit: OwnedSemaphorePermit,
}

impl Watcher {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut watcher| async {
            let event = watcher.next().await?;
            Some((Ok(event), watcher))
        })
    }

    /// The next event, or a comment after a silence; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        let api = self.api.clone();
        let silence = api.clock.sleep_until(api.clock.now_ms().saturating_add(SILENCE_MS));
        tokio::pin!(silence);
        loop {
            let essence = Essence::of(self.changes.latest());
            if self.sent.as_ref() != Some(&essence) {
                if self.sent.as_ref().is_none_or(|sent| essence.is_change_of(sent)) {
                    self.id = self.changes.latest().durable_revision();
                }
                self.sent = Some(essence);
                return Some(self.event());
            }
            if self.changes.latest().status.is_finished() {
                return None;
            }
            tokio::select! {
                biased;
                there = self.changes.next() => if !there { return None },
                () = &mut silence => return Some(Event::default().comment("")),
                () = api.stopping.begun() => return None,
            }
        }
    }

    fn event(&self) -> Event {
        let view = self.changes.latest();
        let mut json = dto::Status::of(view, self.show_input).to_json();
        // One line for each event: in checked JSON, line breaks stand between tokens only.
        json.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
        Event::default().id(&self.id).data(String::from_utf8_lossy(&json))
    }
}
