//! The one place that turns errors into responses.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dacapo_core::ids::InvalidInstanceId;
use dacapo_core::payload::InvalidJson;
use dacapo_runtime::{ClientError, DeployError, InvalidModule};
use serde::Serialize;
use std::fmt;

/// What a client is told when its request was not done.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    /// A short stable name that code can match on.
    kind: &'static str,
    /// One sentence for people.
    message: String,
    /// The whole story, where `message` has to be short.
    exception: Option<String>,
    retry_after_s: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    message: &'a str,
    exception_message: &'a str,
    exception_type: &'a str,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), exception: None, retry_after_s: None }
    }

    fn retry_after_s(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// 400.
    pub(super) fn bad_request(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, message)
    }

    /// 403: a page of another site sent it.
    pub(super) fn cross_site(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "CrossSite", message)
    }

    /// 404, with a word about what is missing.
    pub(super) fn missing(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, kind, message)
    }

    /// 408: the client stopped sending.
    pub(super) fn too_slow(seconds: u64) -> Self {
        let message = format!("Nothing of the request body arrived for {seconds} seconds.");
        Self::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", message)
    }

    /// 413.
    pub(super) fn too_large(found: impl fmt::Display, setting: &'static str, limit: usize) -> Self {
        let message = format!("The request body has {found} bytes; the limit `{setting}` is {limit}.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", message)
    }

    /// 503: every watch stream is taken.
    pub(super) fn too_many_streams(limit: usize) -> Self {
        let message = format!("{limit} watch streams are open (limit `watch_streams`): try again later.");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "TooManyStreams", message).retry_after_s(5)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.exception.as_ref().unwrap_or(&self.message))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if matches!(self.kind, "DiskFull" | "OutcomeUnknown") {
            // The committer has said so, and says it no more often than it has to.
            tracing::debug!(kind = self.kind, message = %self, "a request failed");
        } else if self.status.is_server_error() {
            tracing::warn!(status = self.status.as_u16(), kind = self.kind, message = %self, "a request failed");
        }
        let exception = self.exception.as_deref().unwrap_or(&self.message);
        let body = Body { message: &self.message, exception_message: exception, exception_type: self.kind };
        let mut response = super::dto::json(self.status, &body);
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::REQUEST_TIMEOUT {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<ClientError> for ApiError {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            ClientError::NoSuchOrchestrator { .. } => Self::bad_request("NoSuchOrchestrator", message),
            ClientError::NoSuchVersion { .. } => Self::bad_request("NoSuchVersion", message),
            ClientError::Diverges { .. } => Self::new(StatusCode::CONFLICT, "Diverges", message),
            ClientError::MovesOn(_) => Self::new(StatusCode::CONFLICT, "MovesOn", message),
            ClientError::NotNow { .. } => Self::unavailable("NotNow", message),
            ClientError::Name { .. } => Self::bad_request("InvalidName", message),
            ClientError::UnknownInstance(_) => Self::missing("UnknownInstance", message),
            ClientError::InstanceExists { .. } => Self::new(StatusCode::CONFLICT, "InstanceExists", message),
            ClientError::VersionGone(_) => Self::new(StatusCode::PRECONDITION_FAILED, "VersionGone", message),
            ClientError::NotFailed { .. } => Self::new(StatusCode::PRECONDITION_FAILED, "NotFailed", message),
            ClientError::Unfinished { .. } => Self::new(StatusCode::CONFLICT, "Unfinished", message),
            ClientError::Finished { .. } => Self::new(StatusCode::GONE, "Finished", message),
            ClientError::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", message),
            ClientError::InboxFull { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "InboxFull", message).retry_after_s(1)
            }
            ClientError::ShuttingDown => Self::unavailable("ShuttingDown", message),
            ClientError::Store(error) if error.is_lasting() => Self::damaged(message),
            ClientError::DiskFull(_) => Self::unavailable("DiskFull", message),
            ClientError::Unknown(_) => Self::unavailable("OutcomeUnknown", message),
            ClientError::Store(_) => Self::unavailable("StoreUnavailable", message),
        }
    }
}

impl From<DeployError> for ApiError {
    fn from(error: DeployError) -> Self {
        let message = error.to_string();
        match error {
            DeployError::Name(_) => Self::bad_request("InvalidName", message),
            DeployError::Invalid(InvalidModule::NotAModule(_)) => Self::bad_request("NotAModule", message),
            DeployError::Invalid(InvalidModule::NotUsable(_)) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "NotUsable", message)
            }
            DeployError::Invalid(InvalidModule::NotNow(_)) => Self::unavailable("NotNow", message),
            DeployError::Export { .. } => Self::bad_request("InvalidExport", message),
            DeployError::NameTaken { .. } => Self::new(StatusCode::CONFLICT, "NameTaken", message),
            DeployError::Pinned { .. } => Self::new(StatusCode::CONFLICT, "Pinned", message),
            DeployError::NothingBefore { .. } => Self::new(StatusCode::CONFLICT, "NothingBefore", message),
            DeployError::UnknownVersion { .. } => Self::missing("UnknownVersion", message),
            DeployError::NotChecked { .. } => Self::unavailable("NotChecked", message),
            DeployError::ShuttingDown => Self::unavailable("ShuttingDown", message),
            DeployError::Store(_) => Self::unavailable("StoreUnavailable", message),
        }
    }
}

impl ApiError {
    /// 500: what is stored of it cannot be read, and trying again is of no use.
    fn damaged(message: String) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "StoreDamaged", message)
    }

    fn unavailable(kind: &'static str, message: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message).retry_after_s(5)
    }
}

impl From<InvalidInstanceId> for ApiError {
    fn from(error: InvalidInstanceId) -> Self {
        Self::bad_request("InvalidInstanceId", error.to_string())
    }
}

impl From<InvalidJson> for ApiError {
    fn from(error: InvalidJson) -> Self {
        let exception = Some(format!("Invalid JSON content: {error}"));
        Self { exception, ..Self::bad_request("InvalidJson", "Invalid JSON content") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dacapo_core::{InstanceId, RuntimeStatus};
    use dacapo_store::{FunctionKind, StoreError};
    use std::sync::Arc;

    fn status(error: impl Into<ApiError>) -> (u16, &'static str, Option<u32>) {
        let error = error.into();
        (error.status.as_u16(), error.kind, error.retry_after_s)
    }

    #[test]
    fn each_error_of_the_client_has_its_status() {
        let id = InstanceId::parse("a").expect("valid");
        let running = RuntimeStatus::Running;
        let store = || Arc::new(StoreError::Engine { doing: "reading", source: "x".into() });
        let damaged = || Arc::new(StoreError::Corrupt("x".into()));
        let expected = [
            (ClientError::NoSuchOrchestrator { name: "X".into(), known: vec![] }, (400, "NoSuchOrchestrator", None)),
            (ClientError::InstanceExists { id: id.clone(), status: running }, (409, "InstanceExists", None)),
            (ClientError::UnknownInstance(id.clone()), (404, "UnknownInstance", None)),
            (ClientError::Finished { id: id.clone(), status: running }, (410, "Finished", None)),
            (ClientError::Unfinished { id: id.clone(), status: running }, (409, "Unfinished", None)),
            (ClientError::InboxFull { id, setting: "inbox_events", limit: 1 }, (429, "InboxFull", Some(1))),
            (ClientError::TooLarge { what: "input", found: 2, setting: "s", limit: 1 }, (413, "TooLarge", None)),
            (ClientError::Name { what: "event", found: 0 }, (400, "InvalidName", None)),
            (ClientError::ShuttingDown, (503, "ShuttingDown", Some(5))),
            (ClientError::Store(store()), (503, "StoreUnavailable", Some(5))),
            (ClientError::Store(damaged()), (500, "StoreDamaged", None)),
            (ClientError::DiskFull(store()), (503, "DiskFull", Some(5))),
            (ClientError::Unknown(store()), (503, "OutcomeUnknown", Some(5))),
        ];
        for (error, wanted) in expected {
            assert_eq!(status(error), wanted);
        }
    }

    #[test]
    fn each_error_of_a_deployment_has_its_status() {
        let kind = FunctionKind::Activity;
        let store = Arc::new(StoreError::Corrupt("x".into()));
        let name = || String::from("m");
        let expected = [
            (DeployError::Name(name()), (400, "InvalidName", None)),
            (InvalidModule::NotAModule(name()).into(), (400, "NotAModule", None)),
            (InvalidModule::NotUsable(name()).into(), (422, "NotUsable", None)),
            (InvalidModule::NotNow(name()).into(), (503, "NotNow", Some(5))),
            (DeployError::Export { kind, name: name(), problem: name() }, (400, "InvalidExport", None)),
            (DeployError::NameTaken { kind, function: name(), module: name() }, (409, "NameTaken", None)),
            (DeployError::UnknownVersion { module: name(), version: "1".into() }, (404, "UnknownVersion", None)),
            (DeployError::Pinned { module: name(), version: 1, instances: 1 }, (409, "Pinned", None)),
            (DeployError::ShuttingDown, (503, "ShuttingDown", Some(5))),
            (DeployError::Store(store), (503, "StoreUnavailable", Some(5))),
        ];
        for (error, wanted) in expected {
            assert_eq!(status(error), wanted);
        }
    }
}
