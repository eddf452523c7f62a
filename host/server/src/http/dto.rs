//! What replies are made of: the JSON bodies, with their keys in the contract's order.

use super::history::HistoryEvent;
use crate::moment::Moment;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dacapo_core::{InstanceId, Payload};
use dacapo_runtime::client::{Health, Published};
use dacapo_runtime::storage::{StorageHealth, Tally};
use dacapo_runtime::{ActivityProgress, Checked, InstanceView};
use dacapo_store::ModuleVersion;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// The content type of every body that is not a stream.
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// A response with a JSON body.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => raw(status, bytes),
        Err(error) => {
            tracing::error!(%error, "a reply could not be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A response whose body is JSON text already.
pub(super) fn raw(status: StatusCode, json: impl Into<Body>) -> Response {
    let mut response = Response::new(json.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// A time in milliseconds since 1970, written as `yyyy-MM-ddTHH:mm:ssZ`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) u64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let second = i64::try_from(self.0 / 1_000).ok().and_then(|second| Timestamp::from_second(second).ok());
        serializer.collect_str(&second.unwrap_or(Timestamp::MAX))
    }
}

/// The status of an instance.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status<'a> {
    name: &'a str,
    instance_id: &'a str,
    runtime_status: &'static str,
    input: Option<&'a Payload>,
    custom_status: Option<&'a Payload>,
    output: Option<&'a Payload>,
    created_time: Time,
    last_updated_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_instance_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history_events: Option<Vec<HistoryEvent<'a>>>,
    /// Dacapo's own: what running activities have reported.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    activities: Vec<Activity<'a>>,
}

/// How far a running activity is.
#[derive(Serialize)]
struct Activity<'a> {
    name: &'a str,
    attempt: u32,
    progress: &'a Payload,
}

impl<'a> From<&'a ActivityProgress> for Activity<'a> {
    fn from(activity: &'a ActivityProgress) -> Self {
        Self { name: &activity.name, attempt: activity.attempt, progress: &activity.progress }
    }
}

impl<'a> Status<'a> {
    /// What `view` shows.
    pub(super) fn of(view: &'a InstanceView, show_input: bool) -> Self {
        Self {
            name: &view.name,
            instance_id: view.id.as_str(),
            runtime_status: view.status.as_str(),
            input: view.input.as_ref().filter(|_| show_input),
            custom_status: view.custom_status.as_ref(),
            output: view.output.as_ref(),
            created_time: Time(view.created_at_ms),
            last_updated_time: Time(view.updated_at_ms),
            parent_instance_id: view.parent_id.as_ref().map(InstanceId::as_str),
            history_events: None,
            activities: view.progress.activities.iter().map(Activity::from).collect(),
        }
    }

    /// With what has happened to it.
    pub(super) fn with_history(self, events: Vec<HistoryEvent<'a>>) -> Self {
        Self { history_events: Some(events), ..self }
    }

    /// As JSON text.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let payloads = [self.input, self.custom_status, self.output];
        let room = 320 + payloads.into_iter().flatten().map(Payload::len_bytes).sum::<usize>();
        let mut json = Vec::with_capacity(room);
        serde_json::to_writer(&mut json, self).expect("texts and checked JSON can always be written");
        json
    }
}

/// Where a client finds everything about an instance it has started.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Management<'a> {
    pub(super) id: &'a str,
    pub(super) status_query_get_uri: String,
    pub(super) send_event_post_uri: String,
    pub(super) terminate_post_uri: String,
    pub(super) purge_history_delete_uri: String,
    pub(super) restart_post_uri: String,
    pub(super) suspend_post_uri: String,
    pub(super) resume_post_uri: String,
    pub(super) rewind_post_uri: String,
    pub(super) watch_get_uri: String,
}

/// How many instances a purge has deleted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Purged {
    pub(super) instances_deleted: u64,
}

/// One version of a module.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version<'a> {
    name: &'a str,
    version: u32,
    digest: &'a str,
    orchestrators: &'a [String],
    activities: &'a [String],
    imports: &'a [String],
    size_bytes: u64,
    created_time: Time,
    active: bool,
    /// Unfinished instances that are on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    instances: Option<u64>,
}

impl Version<'_> {
    /// With the number of unfinished instances that are on it.
    pub(super) fn held_by(self, instances: u64) -> Self {
        Self { instances: Some(instances), ..self }
    }
}

impl<'a> From<&'a ModuleVersion> for Version<'a> {
    fn from(version: &'a ModuleVersion) -> Self {
        Self {
            name: &version.module,
            version: version.version,
            digest: &version.digest,
            orchestrators: &version.orchestrators,
            activities: &version.activities,
            imports: &version.imports,
            size_bytes: version.size_bytes,
            created_time: Time(version.created_at_ms),
            active: version.active,
            instances: None,
        }
    }
}

/// A module: the version that new starts take, and all that there are.
#[derive(Serialize)]
pub(super) struct Module<'a> {
    #[serde(flatten)]
    pub(super) current: Version<'a>,
    pub(super) versions: Vec<Version<'a>>,
}

/// A custom status that an instance has published.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimelineEntry<'a> {
    execution: u32,
    turn: u64,
    timestamp: Moment,
    custom_status: &'a Payload,
}

impl<'a> From<&'a Published> for TimelineEntry<'a> {
    fn from(published: &'a Published) -> Self {
        let Published { execution, turn, at_ms, custom_status } = published;
        Self { execution: *execution, turn: *turn, timestamp: Moment(*at_ms), custom_status }
    }
}

/// Which open instances would not go on with a build.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Check<'a> {
    name: &'a str,
    digest: &'a str,
    checked: usize,
    diverging: usize,
    instances: Vec<Diverging<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Diverging<'a> {
    instance_id: &'a str,
    reason: &'a str,
}

impl<'a> Check<'a> {
    /// What was found of the module `name`.
    pub(super) fn of(name: &'a str, checked: &'a Checked) -> Self {
        let diverging = |(id, reason): &'a (InstanceId, String)| Diverging { instance_id: id.as_str(), reason };
        Self {
            name,
            digest: &checked.digest,
            checked: checked.checked,
            diverging: checked.diverging,
            instances: checked.named.iter().map(diverging).collect(),
        }
    }
}

/// How the server is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Healthy {
    version: &'static str,
    store: &'static str,
    durability: String,
    uptime_seconds: u64,
    warm: Warm,
    storage: Storage,
}

/// How writing goes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Storage {
    /// "ok", or why not everything can be written.
    state: String,
    commits: Counted,
    checkpoints: Counted,
    log_bytes: u64,
    free_disk_bytes: Option<u64>,
}

/// How often something was done since the start, and how it went the last time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    succeeded: u64,
    failed: u64,
    last_success_time: Option<Time>,
    last_failure_time: Option<Time>,
    last_failure: Option<String>,
}

impl From<Tally> for Counted {
    fn from(tally: Tally) -> Self {
        let (last_failure_ms, last_failure) = tally.last_failure.unzip();
        Self {
            succeeded: tally.succeeded,
            failed: tally.failed,
            last_success_time: tally.last_success_ms.map(Time),
            last_failure_time: last_failure_ms.map(Time),
            last_failure,
        }
    }
}

impl From<StorageHealth> for Storage {
    fn from(health: StorageHealth) -> Self {
        Self {
            state: health.trouble.unwrap_or_else(|| "ok".to_owned()),
            commits: health.commits.into(),
            checkpoints: health.checkpoints.into(),
            log_bytes: health.condition.log_bytes,
            free_disk_bytes: health.condition.free_disk_bytes,
        }
    }
}

#[derive(Serialize)]
struct Warm {
    instances: usize,
    bytes: usize,
}

impl From<Health> for Healthy {
    fn from(health: Health) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            store: health.store,
            durability: health.durability,
            uptime_seconds: health.uptime_ms / 1_000,
            warm: Warm { instances: health.warm_instances, bytes: health.warm_bytes },
            storage: health.storage.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_whole_seconds_and_never_fail() {
        let text = |ms| serde_json::to_string(&Time(ms)).expect("json");
        assert_eq!(text(0), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(text(1_769_862_896_999), "\"2026-01-31T12:34:56Z\"");
        assert!(text(u64::MAX).starts_with("\"9999-12-3"));
    }
}
