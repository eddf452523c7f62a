//! The URLs in replies: origin, base path, and what the client's own URL carried along.

use super::Settings;
use super::dto::Management;
use super::paths::{Base, Called};
use super::query::Query;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use dacapo_core::InstanceId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the characters that RFC 3986 calls unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Makes the URLs of one reply.
pub(super) struct Links {
    origin: String,
    base: Base,
    /// `taskHub=..&connection=..&code=..`
    common: String,
}

impl Links {
    /// For the answer to the request with these `parts`.
    pub(super) fn of(settings: &Settings, parts: &Parts) -> Self {
        let query = Query::of(&parts.uri);
        let text = |name, default: &'static str| {
            let value = query.text(name).unwrap_or(default.into());
            utf8_percent_encode(&value, ESCAPED).to_string()
        };
        let (hub, connection, code) = (text("taskHub", "DacapoHub"), text("connection", "Storage"), text("code", ""));
        Self {
            origin: origin(settings, parts),
            base: Called::of(parts).base,
            common: format!("taskHub={hub}&connection={connection}&code={code}"),
        }
    }

    /// Everything a client can do with the instance.
    pub(super) fn management<'a>(&self, id: &'a InstanceId) -> Management<'a> {
        let instance = format!("{}{}/instances/{}", self.origin, self.base.as_str(), escaped(id));
        let plain = |act: &str| format!("{instance}{act}?{}", self.common);
        let reasoned = |act: &str| format!("{instance}{act}?reason={{text}}&{}", self.common);
        Management {
            id: id.as_str(),
            status_query_get_uri: plain(""),
            send_event_post_uri: plain("/raiseEvent/{eventName}"),
            terminate_post_uri: reasoned("/terminate"),
            purge_history_delete_uri: plain(""),
            restart_post_uri: plain("/restart"),
            suspend_post_uri: reasoned("/suspend"),
            resume_post_uri: reasoned("/resume"),
            rewind_post_uri: reasoned("/rewind"),
            watch_get_uri: plain("/watch"),
        }
    }
}

fn escaped(id: &InstanceId) -> impl std::fmt::Display {
    utf8_percent_encode(id.as_str(), ESCAPED)
}

/// The URL that the client called, as it can call it again.
pub(super) fn called(settings: &Settings, parts: &Parts) -> String {
    let uri = Called::of(parts).uri;
    let mut url = origin(settings, parts);
    url.push_str(uri.path_and_query().map_or("/", |path| path.as_str()));
    url
}

/// Scheme and host as the client sees them.
fn origin(settings: &Settings, parts: &Parts) -> String {
    if let Some(url) = &settings.public_url {
        return url.clone();
    }
    let forwarded = match settings.trust_proxy {
        true => Forwarded::of(&parts.headers),
        false => Forwarded::default(),
    };
    let scheme = match forwarded.proto {
        Some(proto) if proto.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    let named = forwarded.host.or_else(|| first(&parts.headers, header::HOST.as_str()));
    let host = named.or_else(|| parts.uri.authority().map(Authority::as_str));
    match host.filter(|host| is_host(host)) {
        Some(host) => format!("{scheme}://{host}"),
        None => format!("{scheme}://{}", settings.addr),
    }
}

fn is_host(text: &str) -> bool {
    text.parse::<Authority>().is_ok_and(|authority| !authority.as_str().contains('@'))
}

/// What the nearest proxy says of the request it got.
#[derive(Default)]
struct Forwarded<'a> {
    proto: Option<&'a str>,
    host: Option<&'a str>,
}

impl<'a> Forwarded<'a> {
    /// `Forwarded` where it is there, else `X-Forwarded-*`. Of several entries the first is the client's.
    fn of(headers: &'a HeaderMap) -> Self {
        let Some(forwarded) = first(headers, "forwarded") else {
            return Self { proto: first(headers, "x-forwarded-proto"), host: first(headers, "x-forwarded-host") };
        };
        let pairs = || forwarded.split(';').filter_map(|pair| pair.split_once('='));
        let value = |name: &str| {
            let found = pairs().find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.trim().trim_matches('"'))
        };
        Self { proto: value("proto"), host: value("host") }
    }
}

/// The first of the comma-separated values of a header.
fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    value.split(',').next().map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServeConfig;
    use axum::http::Request;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn settings(public_url: Option<&str>, trust_proxy: bool) -> Settings {
        let config = ServeConfig { public_url: public_url.map(Into::into), trust_proxy, ..ServeConfig::default() };
        Settings::of(&config, ([127, 0, 0, 1], 7171).into())
    }

    #[test]
    fn urls_carry_what_the_client_gave_and_escape_what_cannot_stand_there() {
        let parts = parts("/durabletask/orchestrators/F?code=a%2Bb%3D&TASKHUB=my%20hub", &[("host", "flows:8080")]);
        let links = Links::of(&settings(None, false), &parts);
        let id = InstanceId::parse("a b%ü:1").expect("valid");
        let management = links.management(&id);
        let base = "http://flows:8080/runtime/webhooks/durabletask/instances/a%20b%25%C3%BC%3A1";
        let common = "taskHub=my%20hub&connection=Storage&code=a%2Bb%3D";
        assert_eq!(management.status_query_get_uri, format!("{base}?{common}"));
        assert_eq!(management.send_event_post_uri, format!("{base}/raiseEvent/{{eventName}}?{common}"));
        assert_eq!(management.terminate_post_uri, format!("{base}/terminate?reason={{text}}&{common}"));
        assert_eq!(management.rewind_post_uri, format!("{base}/rewind?reason={{text}}&{common}"));
        assert_eq!(management.watch_get_uri, format!("{base}/watch?{common}"));
    }

    #[test]
    fn defaults_stand_where_the_client_gave_nothing() {
        let links = Links::of(&settings(None, false), &parts("/durabletask/instances", &[("host", "h")]));
        assert_eq!(links.common, "taskHub=DacapoHub&connection=Storage&code=");
    }

    #[test]
    fn a_proxy_is_believed_only_when_trusted() {
        let proxied = [("host", "inner:1"), ("x-forwarded-proto", "https, http"), ("x-forwarded-host", "outer, mid")];
        let rfc = [("host", "inner:1"), ("forwarded", "for=1.2.3.4;Proto=https;host=\"outer:2\", host=mid")];
        let origin_of = |trust, headers: &[(&str, &str)]| origin(&settings(None, trust), &parts("/", headers));
        assert_eq!(origin_of(false, &proxied), "http://inner:1");
        assert_eq!(origin_of(true, &proxied), "https://outer");
        assert_eq!(origin_of(true, &rfc), "https://outer:2");
        assert_eq!(origin(&settings(Some("https://pub.example/x/"), true), &parts("/", &rfc)), "https://pub.example/x");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        for host in ["", "a b", "user@evil", "a/b", "\"><script>"] {
            assert_eq!(
                origin(&settings(None, false), &parts("/", &[("host", host)])),
                "http://127.0.0.1:7171",
                "{host}"
            );
        }
        let http2 = parts("http://flows.example/x", &[]);
        assert_eq!(origin(&settings(None, false), &http2), "http://flows.example");
    }
}
