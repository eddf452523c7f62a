//! `/api/modules`: deploys, lists and deletes modules.

use super::body::{self, Bound};
use super::dto::{self, Module, Version};
use super::error::ApiError;
use super::query::Query;
use super::{Segments, Shared};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use dacapo_store::{ModuleVersion, VersionId};
use std::collections::HashMap;
use std::sync::Arc;

/// `PUT /api/modules/{name}`: 201 for a new version, 200 where the active one is the same already.
pub(super) async fn deploy(
    State(api): Shared,
    Segments(name): Segments<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let bound = Bound { setting: "component_bytes", limit_bytes: api.settings.component_bytes };
    let component = body::read(request.into_body(), bound).await?;
    let (version, added) = api.client.deploy(&name, component).await?;
    let status = if added { StatusCode::CREATED } else { StatusCode::OK };
    Ok(dto::json(status, &Version::from(&*version)))
}

/// `POST /api/modules/{name}/check`: 200 with what was found; at most `sample` instances are played.
pub(super) async fn check(
    State(api): Shared,
    Segments(name): Segments<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let bound = Bound { setting: "component_bytes", limit_bytes: api.settings.component_bytes };
    let component = body::read(body, bound).await?;
    let sample = Query::of(&parts.uri).number("sample")?.unwrap_or(usize::MAX);
    let checked = api.client.check(&name, component, sample).await?;
    Ok(dto::json(StatusCode::OK, &dto::Check::of(&name, &checked)))
}

/// `POST /api/modules/{name}/activate?version=VERSION`: 200 with the version that is active from now on; without a query
/// the newest before the active one.
pub(super) async fn activate(
    State(api): Shared,
    Segments(name): Segments<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let wanted = Query::of(request.uri()).text("version").filter(|version| !version.is_empty());
    let version = api.client.activate(&name, wanted.as_deref()).await?;
    Ok(dto::json(StatusCode::OK, &Version::from(&*version)))
}

/// `GET /api/modules`.
pub(super) async fn list(State(api): Shared) -> Result<Response, ApiError> {
    let (versions, pins) = (api.client.modules(), api.client.pins().await?);
    let modules = versions.chunk_by(|a, b| a.module == b.module);
    let modules: Vec<_> = modules.filter_map(|versions| module(versions, &pins)).collect();
    Ok(dto::json(StatusCode::OK, &modules))
}

/// `GET /api/modules/{name}`.
pub(super) async fn one(State(api): Shared, Segments(name): Segments<String>) -> Result<Response, ApiError> {
    let mut versions = api.client.modules();
    versions.retain(|version| version.module == name);
    let pins = api.client.pins().await?;
    match module(&versions, &pins) {
        Some(module) => Ok(dto::json(StatusCode::OK, &module)),
        None => Err(ApiError::missing("UnknownModule", format!("There is no module '{name}'."))),
    }
}

/// `DELETE /api/modules/{name}/versions/{version}`.
pub(super) async fn delete_version(
    State(api): Shared,
    Segments((module, version)): Segments<(String, String)>,
) -> Result<StatusCode, ApiError> {
    api.client.delete_version(&module, &version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All versions of one module. Where none is active, the newest speaks for it.
fn module<'a>(versions: &'a [Arc<ModuleVersion>], pins: &HashMap<VersionId, u64>) -> Option<Module<'a>> {
    let current = versions.iter().find(|version| version.active).or(versions.last())?;
    let counted = |version: &'a Arc<ModuleVersion>| {
        Version::from(&**version).held_by(pins.get(&version.id).copied().unwrap_or_default())
    };
    Some(Module { current: counted(current), versions: versions.iter().map(counted).collect() })
}
