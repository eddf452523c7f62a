//! What the operator writes, and what it means: checked once, when the server starts.

use crate::rules::{Origin, Rules};
use dacapo_core::ids::{MAX_NAME_CHARS, fold_name};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use ipnet::IpNet;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use url::Url;

/// The section `[http]`: where requests may go, and how far.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSection {
    /// Origins that may be called: `https://api.example.com`, `http://10.0.0.7:8080`, `https://*.example.com`. None
    /// unless it is named; without a scheme it is https.
    pub allow: Vec<String>,
    /// Networks that may be connected to although they are not public: `10.0.0.0/8`.
    pub networks: Vec<IpNet>,
    /// Time for a request and its reply, in milliseconds. Default: 30,000.
    pub timeout_ms: Option<u64>,
    /// The largest body of a request or a reply, in bytes. Default: 1 MiB.
    pub body_bytes: Option<usize>,
    /// Modules whose activities may send requests.
    pub modules: BTreeSet<String>,
}

/// One entry of the section `[secrets]`: where a secret comes from. Never the secret itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file; a line break at its end is not part of it.
    File(PathBuf),
}

/// The section `[activities.NAME]`: an activity that is one HTTP call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivitySection {
    /// Where to.
    pub url: String,
    /// The method. Default: POST.
    pub method: Option<String>,
    /// Headers; `${NAME}` in a value stands for a secret.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Time for a request and its reply, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// What is worth another attempt: `connect`, `timeout`, a status such as `429`, a class of them such as `5xx`.
    /// Default: connect, timeout, 408, 425, 429, 500, 502, 503, 504.
    pub retryable: Option<Vec<String>>,
}

/// Everything that concerns outgoing HTTP, checked.
#[derive(Clone, Debug)]
pub struct OutgoingConfig {
    /// Where requests may go.
    pub rules: Rules,
    /// Time for a request and its reply, in milliseconds.
    pub timeout_ms: u64,
    /// The largest body of a request or a reply, in bytes.
    pub body_bytes: usize,
    /// Modules whose activities may send requests.
    pub modules: BTreeSet<String>,
    /// Activities that are one HTTP call, by folded name.
    pub activities: BTreeMap<String, ActivityCall>,
}

impl Default for OutgoingConfig {
    /// Nothing may be called.
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            timeout_ms: 30_000,
            body_bytes: 1 << 20,
            modules: BTreeSet::new(),
            activities: BTreeMap::new(),
        }
    }
}

/// How an activity calls.
#[derive(Clone, Debug)]
pub struct ActivityCall {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers, with their secrets; marked so that they are not shown.
    pub headers: HeaderMap,
    /// Time for it, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// What is worth another attempt.
    pub retryable: Retryable,
}

/// What is worth another attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retryable {
    /// Nobody could be connected to.
    pub connect: bool,
    /// There was no reply in time, or the exchange broke off.
    pub timeout: bool,
    /// Statuses, from and to.
    pub statuses: Vec<(u16, u16)>,
}

impl Default for Retryable {
    fn default() -> Self {
        let statuses = [408, 425, 429, 500, 502, 503, 504].map(|status| (status, status));
        Self { connect: true, timeout: true, statuses: statuses.to_vec() }
    }
}

impl Retryable {
    fn parse(classes: &[String]) -> Result<Self, String> {
        let mut retryable = Self { connect: false, timeout: false, statuses: Vec::new() };
        for class in classes {
            let status = class.parse().ok().filter(|status| (100..600).contains(status));
            let hundreds: Option<u16> =
                class.strip_suffix("xx").and_then(|digit| digit.parse().ok()).filter(|d| (1u16..6).contains(d));
            match (class.as_str(), status, hundreds) {
                ("connect", ..) => retryable.connect = true,
                ("timeout", ..) => retryable.timeout = true,
                (_, Some(status), _) => retryable.statuses.push((status, status)),
                (_, _, Some(hundreds)) => retryable.statuses.push((hundreds * 100, hundreds * 100 + 99)),
                _ => return Err(format!("'{class}' is none of connect, timeout, 429, 5xx and the like")),
            }
        }
        Ok(retryable)
    }

    /// Whether a reply with this status is.
    pub fn has_status(&self, status: StatusCode) -> bool {
        self.statuses.iter().any(|(from, to)| (*from..=*to).contains(&status.as_u16()))
    }
}

/// What is wrong with the operator's settings, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct InvalidOutgoing {
    /// `activities.ChargeCard.url`, say.
    pub place: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

fn wrong(place: impl Into<String>, problem: impl std::fmt::Display) -> InvalidOutgoing {
    InvalidOutgoing { place: place.into(), problem: problem.to_string() }
}

impl OutgoingConfig {
    /// Checks what was written. `env` looks up environment variables.
    pub fn of(
        http: HttpSection,
        secrets: &BTreeMap<String, SecretSource>,
        activities: BTreeMap<String, ActivitySection>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidOutgoing> {
        let origins = http.allow.iter().map(|text| Origin::parse(text)).collect::<Result<_, _>>();
        let rules =
            Rules { origins: origins.map_err(|error| wrong("http.allow", error))?, networks: http.networks.clone() };
        let secrets = secrets
            .iter()
            .map(|(name, source)| {
                let secret = source.read(&env).map_err(|error| wrong(format!("secrets.{name}"), error))?;
                Ok((name.as_str(), secret))
            })
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        let mut calls = BTreeMap::new();
        for (name, section) in activities {
            let place = format!("activities.{name}");
            if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
                return Err(wrong(place, format!("a name has 1 to {MAX_NAME_CHARS} characters")));
            }
            let call = section.check(&place, &rules, &secrets)?;
            if calls.insert(fold_name(&name), call).is_some() {
                return Err(wrong(place, "there is another one of that name: names compare ignoring case"));
            }
        }
        let default = Self::default();
        Ok(Self {
            rules,
            timeout_ms: http.timeout_ms.unwrap_or(default.timeout_ms),
            body_bytes: http.body_bytes.unwrap_or(default.body_bytes),
            modules: http.modules,
            activities: calls,
        })
    }
}

impl SecretSource {
    fn read(&self, env: impl Fn(&str) -> Option<String>) -> Result<String, String> {
        match self {
            Self::Env(variable) => {
                env(variable).ok_or_else(|| format!("the environment variable {variable} is not set"))
            }
            Self::File(file) => {
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        }
    }
}

impl ActivitySection {
    fn check(
        self,
        place: &str,
        rules: &Rules,
        secrets: &BTreeMap<&str, String>,
    ) -> Result<ActivityCall, InvalidOutgoing> {
        let at = |key: &str| format!("{place}.{key}");
        let url = Url::parse(&self.url).map_err(|error| wrong(at("url"), format!("'{}': {error}", self.url)))?;
        rules.check_url(&url).map_err(|denied| wrong(at("url"), denied))?;
        let method = self.method.unwrap_or_else(|| "POST".to_owned()).to_ascii_uppercase();
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| wrong(at("method"), error))?;
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let at = format!("{place}.headers.{name}");
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|error| wrong(&at, error))?;
            let (text, is_secret) = fill(template, secrets).map_err(|error| wrong(&at, error))?;
            // The error does not show the text.
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| wrong(&at, "the value has characters that cannot stand in a header"))?;
            value.set_sensitive(is_secret);
            headers.insert(header, value);
        }
        let retryable = match &self.retryable {
            None => Retryable::default(),
            Some(classes) => Retryable::parse(classes).map_err(|error| wrong(at("retryable"), error))?,
        };
        Ok(ActivityCall { method, url, headers, timeout_ms: self.timeout_ms, retryable })
    }
}

/// Puts secrets where `${NAME}` stands; whether there were any.
fn fill(template: &str, secrets: &BTreeMap<&str, String>) -> Result<(String, bool), String> {
    let (mut text, mut rest, mut any) = (String::new(), template, false);
    while let Some((front, back)) = rest.split_once("${") {
        let Some((name, after)) = back.split_once('}') else { return Err("'${' is not closed by '}'".to_owned()) };
        let Some(secret) = secrets.get(name) else {
            let known: Vec<&str> = secrets.keys().copied().collect();
            return Err(format!("there is no secret '{name}' in [secrets]; there are: {}", known.join(", ")));
        };
        text.push_str(front);
        text.push_str(secret);
        (rest, any) = (after, true);
    }
    text.push_str(rest);
    Ok((text, any))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(url: &str) -> ActivitySection {
        ActivitySection {
            url: url.to_owned(),
            method: None,
            headers: BTreeMap::new(),
            timeout_ms: None,
            retryable: None,
        }
    }

    fn config(section: ActivitySection) -> Result<OutgoingConfig, InvalidOutgoing> {
        let http = HttpSection { allow: vec!["https://pay.example".into()], ..HttpSection::default() };
        let secrets = BTreeMap::from([("token".to_owned(), SecretSource::Env("PAY_TOKEN".into()))]);
        let env = |name: &str| (name == "PAY_TOKEN").then(|| "s3cret".to_owned());
        OutgoingConfig::of(http, &secrets, BTreeMap::from([("Charge".to_owned(), section)]), env)
    }

    #[test]
    fn secrets_stand_in_headers_and_are_not_shown() {
        let headers = BTreeMap::from([("authorization".to_owned(), "Bearer ${token}!".to_owned())]);
        let config = config(ActivitySection { headers, ..section("https://pay.example/charges") }).expect("valid");
        let call = &config.activities["charge"];
        assert_eq!(call.headers["authorization"], "Bearer s3cret!");
        assert!(!format!("{config:?}").contains("s3cret"));
        assert_eq!(call.method, Method::POST);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let with = |name: &str, value: &str| ActivitySection {
            headers: BTreeMap::from([(name.to_owned(), value.to_owned())]),
            ..section("https://pay.example/")
        };
        let retryable = |class: &str| ActivitySection {
            retryable: Some(vec![class.to_owned()]),
            ..section("https://pay.example/")
        };
        for (section, place, said) in [
            (section("https://other.example/"), "activities.Charge.url", "http.allow"),
            (section("nowhere"), "activities.Charge.url", "'nowhere'"),
            (with("x", "${nothing}"), "activities.Charge.headers.x", "there are: token"),
            (with("x", "${token"), "activities.Charge.headers.x", "not closed"),
            (with("no name", "1"), "activities.Charge.headers.no name", "invalid"),
            (retryable("sometimes"), "activities.Charge.retryable", "'sometimes'"),
        ] {
            let error = config(section).expect_err(said);
            assert!(error.place == place && error.problem.contains(said), "{error}");
        }
        let missing = BTreeMap::from([("t".to_owned(), SecretSource::Env("NOT_SET".into()))]);
        let error = OutgoingConfig::of(HttpSection::default(), &missing, BTreeMap::new(), |_| None).expect_err("unset");
        assert_eq!(error.to_string(), "secrets.t: the environment variable NOT_SET is not set");
    }

    #[test]
    fn classes_of_statuses_are_read() {
        let classes: Vec<String> = ["5xx", "429", "connect"].map(String::from).to_vec();
        let retryable = Retryable::parse(&classes).expect("classes");
        assert!(retryable.connect && !retryable.timeout);
        let has = |status| retryable.has_status(StatusCode::from_u16(status).expect("a status"));
        assert!(has(500) && has(599) && has(429) && !has(430) && !has(404));
    }
}
