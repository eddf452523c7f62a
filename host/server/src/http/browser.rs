//! Keeps web pages of other sites out. As long as loopback is the only protection, a browser on this machine must not be
//! the way around it: a page can send requests to 127.0.0.1, and can give its own name that address.

use super::error::ApiError;
use super::{Api, Shared};
use crate::config::is_loopback;
use axum::body::Body;
use axum::extract::State;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Answers 403 to what a page of another site has sent.
pub(super) async fn guard(State(api): Shared, request: Request<Body>, next: Next) -> Response {
    match refusal(&api, request.uri(), request.headers()) {
        Some(reason) => ApiError::cross_site(reason).into_response(),
        None => next.run(request).await,
    }
}

fn refusal(api: &Api, uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    let host = authority(uri, headers);
    if api.settings.only_loopback && host.as_ref().is_some_and(|host| !is_loopback(host.host())) {
        return Some(
            "The request names another host than this machine's loopback address. Call 127.0.0.1 or localhost, or serve \
             with --public-url or --trust-proxy.",
        );
    }
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let own = |origin: &str| {
        host.as_ref().is_some_and(|host| origin.split_once("://").is_some_and(|(_, o)| o == host.as_str()))
    };
    let foreign = api.settings.only_loopback && origin.is_some_and(|origin| !own(origin));
    foreign.then_some("The request comes from a page of another site.")
}

/// Whom the client means to talk to: HTTP/2 says it in the URI, HTTP/1 in a header.
fn authority(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let named = || headers.get(header::HOST)?.to_str().ok()?.parse().ok();
    uri.authority().cloned().or_else(named)
}
