//! From what clients call to the one spelling the router knows: literals in lower case, one base path, no trailing slash.

use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{Request, Uri};
use std::net::SocketAddr;

/// Which of the two base paths of the orchestration API a client calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The one for everybody.
    Webhooks,
    /// The one without keys, for clients on this machine only.
    Local,
}

impl Base {
    /// As it stands in URLs.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Webhooks => "/runtime/webhooks/durabletask",
            Self::Local => "/durabletask",
        }
    }
}

/// What a client called, before it was brought into the router's spelling.
#[derive(Clone, Debug)]
pub(super) struct Called {
    /// The base path, where the route has one.
    pub(super) base: Base,
    /// Path and query as sent.
    pub(super) uri: Uri,
}

impl Called {
    /// What was called in `request`.
    pub(super) fn of(parts: &axum::http::request::Parts) -> Self {
        let called = parts.extensions.get::<Self>().cloned();
        called.unwrap_or_else(|| Self { base: Base::Webhooks, uri: parts.uri.clone() })
    }
}

/// Rewrites the request's path for the router; `false` where no route can match.
pub(super) fn canonicalise(request: &mut Request<Body>, peer: SocketAddr) -> bool {
    let Some((base, path)) = canonical(request.uri().path()) else { return false };
    if base == Some(Base::Local) && !is_local(request, peer) {
        return false;
    }
    let text = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let Ok(rewritten) = PathAndQuery::try_from(text) else { return false };
    let called = request.uri().clone();
    let mut parts = called.clone().into_parts();
    parts.path_and_query = Some(rewritten);
    let Ok(uri) = Uri::from_parts(parts) else { return false };
    *request.uri_mut() = uri;
    request.extensions_mut().insert(Called { base: base.unwrap_or(Base::Webhooks), uri: called });
    true
}

/// What a proxy on this machine passes on does not come from this machine.
fn is_local(request: &Request<Body>, peer: SocketAddr) -> bool {
    let forwarded = ["forwarded", "x-forwarded-for"].iter().any(|name| request.headers().contains_key(*name));
    peer.ip().to_canonical().is_loopback() && !forwarded
}

/// The base path, and the path as the router knows it. Literals are those of the routes; values keep their spelling.
fn canonical(path: &str) -> Option<(Option<Base>, String)> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut segments = path.split('/');
    let is = |segment: &str, literal: &str| segment.eq_ignore_ascii_case(literal);
    let (base, mut text) = match segments.next()? {
        first if is(first, "api") => (None, String::from("/api")),
        first if is(first, "durabletask") => (Some(Base::Local), String::from("/durabletask")),
        first if is(first, "runtime") => {
            let rest = [segments.next()?, segments.next()?];
            if !is(rest[0], "webhooks") || !is(rest[1], "durabletask") {
                return None;
            }
            (Some(Base::Webhooks), String::from("/durabletask"))
        }
        _ => return None,
    };
    text.reserve(path.len());
    let mut starts = false;
    for (at, segment) in segments.enumerate() {
        if segment.is_empty() {
            return None;
        }
        // Literals and values alternate; only a start has two values in a row.
        let literal = at % 2 == 0 && !starts;
        starts |= at == 0 && is(segment, "orchestrators");
        text.push('/');
        match literal {
            true => text.extend(segment.chars().map(|c| c.to_ascii_lowercase())),
            false => text.push_str(segment),
        }
    }
    Some((base, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_ignore_case_and_values_keep_it() {
        let webhooks =
            |path: &str| canonical(path).filter(|(base, _)| *base == Some(Base::Webhooks)).map(|(_, path)| path);
        let expect = |path: &str, wanted: &str| assert_eq!(webhooks(path).as_deref(), Some(wanted), "{path}");
        expect("/runtime/webhooks/durabletask/instances/", "/durabletask/instances");
        expect("/Runtime/WebHooks/durableTask/Instances/aB%2fC", "/durabletask/instances/aB%2fC");
        expect("/runtime/webhooks/durabletask/instances/X/RaiseEvent/Go/", "/durabletask/instances/X/raiseevent/Go");
        expect("/runtime/webhooks/durabletask/Orchestrators/Fn/Id", "/durabletask/orchestrators/Fn/Id");
        expect(
            "/runtime/webhooks/durabletask/instances/Instances/TERMINATE",
            "/durabletask/instances/Instances/terminate",
        );
        expect("/runtime/webhooks/durabletask", "/durabletask");
        assert_eq!(canonical("/DurableTask/instances"), Some((Some(Base::Local), "/durabletask/instances".into())));
        assert_eq!(canonical("/API/Modules/Mod/Versions/1"), Some((None, "/api/modules/Mod/versions/1".into())));
        for unknown in [
            "",
            "/",
            "*",
            "/other",
            "/api//modules",
            "/durabletask/instances//",
            "/runtime",
            "/runtime/webhooks",
            "/runtime/other/durabletask/instances",
        ] {
            assert_eq!(canonical(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_base_without_keys_is_for_this_machine_only() {
        let call = |peer: &str, header: Option<&str>| {
            let mut request = Request::new(Body::empty());
            *request.uri_mut() = Uri::from_static("/durabletask/instances?top=1");
            if let Some(name) = header {
                let name = axum::http::HeaderName::try_from(name).expect("a name");
                request.headers_mut().insert(name, axum::http::HeaderValue::from_static("for=9.9.9.9"));
            }
            canonicalise(&mut request, peer.parse().expect("an address"))
        };
        assert!(call("127.0.0.1:1", None));
        assert!(call("[::1]:1", None));
        assert!(call("[::ffff:127.0.0.1]:1", None));
        assert!(!call("10.0.0.7:1", None));
        assert!(!call("[2001:db8::1]:1", None));
        assert!(!call("127.0.0.1:1", Some("forwarded")));
        assert!(!call("127.0.0.1:1", Some("x-forwarded-for")));
    }

    #[test]
    fn what_was_called_is_remembered() {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = Uri::from_static("/Runtime/Webhooks/DurableTask/Instances/?Top=1");
        assert!(canonicalise(&mut request, ([10, 0, 0, 7], 1).into()));
        assert_eq!(request.uri(), "/durabletask/instances?Top=1");
        let called = Called::of(&request.into_parts().0);
        assert_eq!(called.base, Base::Webhooks);
        assert_eq!(called.uri, "/Runtime/Webhooks/DurableTask/Instances/?Top=1");
    }
}
