//! The settings of a server, each with its default, and what makes them invalid.

use axum::http::Uri;
use dacapo_core::Limits;
use dacapo_outgoing::OutgoingConfig;
use dacapo_outgoing::config::{ActivitySection, HttpSection, SecretSource};
use dacapo_runtime::RuntimeConfig;
use dacapo_wasm::WasmConfig;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Where a server listens, and where the command line looks for one, unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7071));

/// No setting raises `component_bytes` past this, in bytes.
pub const MAX_COMPONENT_BYTES: usize = 64 << 20;

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// The folder that holds everything that must survive.
    pub data: PathBuf,
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Memory that warm instances may hold in all, in bytes. 0: every turn replays.
    pub warm_memory_bytes: usize,
    /// What URLs in replies begin with, whatever the request said: scheme, host and, where there is one, a path.
    pub public_url: Option<String>,
    /// Whether `Forwarded` and `X-Forwarded-*` are believed. Only right behind a proxy that sets them.
    pub trust_proxy: bool,
    /// The largest component that can be deployed, in bytes; at most [`MAX_COMPONENT_BYTES`].
    pub component_bytes: usize,
    /// The program that compiles modules in a process of its own, under limits: this one. `None` compiles in this process.
    pub compiler: Option<PathBuf>,
    /// Whether an address that others can reach may be listened on.
    pub insecure: bool,
    /// Bounds on each instance.
    pub limits: Limits,
    /// CPU of one turn of an orchestrator, in milliseconds.
    pub turn_cpu_ms: u64,
    /// CPU of one run of an activity, in milliseconds.
    pub activity_cpu_ms: u64,
    /// Guests in memory at the same time: warm instances and running activities. Address space is reserved for all.
    pub guests_in_memory: u32,
    /// Connections at the same time; further ones wait to be accepted.
    pub connections: usize,
    /// Open watch streams at the same time; further ones are refused.
    pub watch_streams: usize,
    /// Where requests may go, and activities that are one request.
    pub outgoing: OutgoingConfig,
    /// What holds for single modules, by name.
    pub modules: BTreeMap<String, ModuleSection>,
}

/// The section `[modules.NAME]`: what holds for one module.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModuleSection {
    /// Linear memory of one instance, in bytes: from 1 MiB to 1 GiB. Default: 64 MiB. An interpreter's flows may need more.
    pub memory_bytes: Option<usize>,
}

/// What one instance can be allowed, in bytes.
const MEMORY_BYTES: RangeInclusive<usize> = 1 << 20..=1 << 30;

/// The file that `dacapo serve --config` reads.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConfigFile {
    limits: Limits,
    http: HttpSection,
    secrets: BTreeMap<String, SecretSource>,
    activities: BTreeMap<String, ActivitySection>,
    modules: BTreeMap<String, ModuleSection>,
}

impl ServeConfig {
    /// With what a configuration file says. `env` looks up environment variables.
    pub fn with_file(self, text: &str, env: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let ConfigFile { limits, http, secrets, activities, modules } = toml::from_str(text)?;
        Ok(Self { limits, outgoing: OutgoingConfig::of(http, &secrets, activities, env)?, modules, ..self })
    }
}

impl Default for ServeConfig {
    fn default() -> Self {
        let wasm = WasmConfig::new(PathBuf::new());
        Self {
            data: PathBuf::from("dacapo-data"),
            listen: DEFAULT_LISTEN,
            warm_memory_bytes: RuntimeConfig::default().warm_budget_bytes,
            public_url: None,
            trust_proxy: false,
            component_bytes: 32 << 20,
            compiler: None,
            insecure: false,
            limits: Limits::default(),
            turn_cpu_ms: wasm.turn_cpu_ms,
            activity_cpu_ms: wasm.activity_cpu_ms,
            guests_in_memory: wasm.instances,
            connections: 10_000,
            watch_streams: 10_000,
            outgoing: OutgoingConfig::default(),
            modules: BTreeMap::new(),
        }
    }
}

/// Why settings cannot be served with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// Others could reach the address, and nothing would keep them out.
    #[error(
        "refusing to listen on {0}: others can reach that address, and this version has no keys to keep them out. \
         Listen on 127.0.0.1 behind a proxy that authenticates, or say --insecure"
    )]
    Exposed(SocketAddr),
    /// Not an absolute http(s) URL.
    #[error("the public URL must look like https://host or https://host/path, without a query; found '{0}'")]
    PublicUrl(String),
    /// Above the hard limit.
    #[error("the setting `component_bytes` is at most {MAX_COMPONENT_BYTES}; found {0}")]
    ComponentBytes(usize),
    /// Too little for any module, or more than one instance can be allowed.
    #[error(
        "the setting `modules.{0}.memory_bytes` is from {start} to {end}; found {1}",
        start = MEMORY_BYTES.start(),
        end = MEMORY_BYTES.end()
    )]
    ModuleMemory(String, usize),
}

impl ServeConfig {
    /// Checks what types cannot express.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        if !self.insecure && !self.listen.ip().to_canonical().is_loopback() {
            return Err(InvalidConfig::Exposed(self.listen));
        }
        if self.component_bytes > MAX_COMPONENT_BYTES {
            return Err(InvalidConfig::ComponentBytes(self.component_bytes));
        }
        for (name, module) in &self.modules {
            if let Some(bytes) = module.memory_bytes.filter(|bytes| !MEMORY_BYTES.contains(bytes)) {
                return Err(InvalidConfig::ModuleMemory(name.clone(), bytes));
            }
        }
        match &self.public_url {
            Some(url) if !is_base_url(url) => Err(InvalidConfig::PublicUrl(url.clone())),
            _ => Ok(()),
        }
    }

    /// What of it concerns the runtime.
    pub fn runtime(&self) -> RuntimeConfig {
        RuntimeConfig {
            limits: self.limits.clone(),
            warm_budget_bytes: self.warm_memory_bytes,
            ..RuntimeConfig::default()
        }
    }
}

/// Whether the host of a URL is this machine, by its loopback address or its usual name.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

fn is_base_url(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some() && uri.query().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(listen: &str, insecure: bool) -> ServeConfig {
        ServeConfig { listen: listen.parse().expect("an address"), insecure, ..ServeConfig::default() }
    }

    #[test]
    fn an_address_that_others_reach_needs_a_word_for_it() {
        for safe in ["127.0.0.1:0", "127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            assert_eq!(listening(safe, false).check(), Ok(()), "{safe}");
        }
        for exposed in ["0.0.0.0:80", "[::]:80", "192.168.1.7:80"] {
            let error = listening(exposed, false).check().expect_err(exposed).to_string();
            assert!(error.contains("--insecure") && error.contains(exposed), "{error}");
            assert_eq!(listening(exposed, true).check(), Ok(()));
        }
    }

    #[test]
    fn a_public_url_is_absolute_and_a_component_bounded() {
        let with = |url: &str| ServeConfig { public_url: Some(url.into()), ..ServeConfig::default() };
        assert_eq!(with("https://flows.example/dacapo").check(), Ok(()));
        for wrong in ["flows.example", "/dacapo", "ftp://flows.example", "https://flows.example/?a=b", ""] {
            assert_eq!(with(wrong).check(), Err(InvalidConfig::PublicUrl(wrong.into())));
        }
        let large = ServeConfig { component_bytes: MAX_COMPONENT_BYTES + 1, ..ServeConfig::default() };
        assert_eq!(large.check(), Err(InvalidConfig::ComponentBytes(MAX_COMPONENT_BYTES + 1)));
    }

    #[test]
    fn a_configuration_file_says_where_it_is_wrong() {
        let text = "[http]\nallow = [\"https://pay.example\"]\n[activities.Pay]\nurl = \"https://pay.example/\"\n";
        let read = |text: &str| ServeConfig::default().with_file(text, |_| None);
        assert_eq!(read(text).expect("valid").outgoing.activities.len(), 1);
        let limits = read("[limits]\npayload_bytes = 7").expect("valid").limits;
        assert_eq!((limits.payload_bytes, limits.inbox_events), (7, Limits::default().inbox_events));
        let modules = read("[modules.shop]\nmemory_bytes = 134217728").expect("valid").modules;
        assert_eq!(modules["shop"].memory_bytes, Some(128 << 20));
        let little = read("[modules.shop]\nmemory_bytes = 1").expect("it is a number").check().expect_err("too little");
        assert!(little.to_string().contains("`modules.shop.memory_bytes` is from 1048576"), "{little}");
        for (wrong, said) in [
            ("[modules.shop]\nmemory = 7", "unknown field `memory`"),
            ("[http]\nalow = []", "unknown field `alow`"),
            ("[http]\nallow = 7", "line 2"),
            ("[limits]\npayload = 7", "unknown field `payload`, expected one of `commands_per_turn`"),
            ("[activities.Pay]\nurl = \"https://pay.example/\"", "activities.Pay.url: "),
            ("[secrets]\ntoken = { env = \"TOKEN\" }", "secrets.token: the environment variable TOKEN is not set"),
        ] {
            let error = read(wrong).expect_err(wrong).to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for host in ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil.example", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
