//! May a URL be called, and may an address be connected to? Nothing may that was not allowed.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Where requests may go.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// By scheme, host and port.
    pub origins: Vec<Origin>,
    /// Addresses that are no public ones and may be connected to all the same.
    pub networks: Vec<IpNet>,
}

/// Scheme, host and port that may be called: `https://api.example.com`, `http://10.0.0.7:8080`, `https://*.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    /// Without the leading `*.`.
    host: Host,
    /// Whether it means the hosts below `host` and not `host` itself.
    below: bool,
    port: u16,
}

/// Why something must not be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Not a URL that could be called.
    #[error("'{url}' cannot be called: {reason}")]
    Url {
        /// What was asked for, without what may be secret in it.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// Nobody has allowed it.
    #[error("'{0}' is not on the list of origins that may be called (setting `http.allow`)")]
    Origin(String),
    /// The address is of a kind that a public service does not have.
    #[error(
        "'{host}' is at {address}, which is {kind}; such an address needs a network in the setting `http.networks`"
    )]
    Address {
        /// The host.
        host: String,
        /// Where it is.
        address: IpAddr,
        /// "private", say.
        kind: &'static str,
    },
}

impl Origin {
    /// Reads one entry of the list. The error says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |reason: &str| {
            Err(format!("'{text}' is not an origin such as https://api.example.com or http://10.0.0.7:8080: {reason}"))
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let (below, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let Ok(url) = Url::parse(&format!("{scheme}://{rest}")) else { return wrong("it cannot be read") };
        if !matches!(url.scheme(), "http" | "https") {
            return wrong("the scheme must be http or https");
        }
        let more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        if more || !url.username().is_empty() || url.password().is_some() || rest.ends_with('/') {
            return wrong("it must end after the host or the port");
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return wrong("it has no host");
        };
        if below && !matches!(host, Host::Domain(_)) {
            return wrong("only a name can have names below it");
        }
        if matches!(host, Host::Domain(name) if name.contains('*')) {
            return wrong("a star may only stand in front");
        }
        Ok(Self { scheme: url.scheme().to_owned(), host: host.to_owned(), below, port })
    }

    fn covers(&self, url: &Url) -> bool {
        if url.scheme() != self.scheme || url.port_or_known_default() != Some(self.port) {
            return false;
        }
        match (url.host(), &self.host) {
            (Some(Host::Domain(name)), Host::Domain(own)) if self.below => {
                name.strip_suffix(own.as_str()).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
            }
            (Some(host), own) => !self.below && host.to_owned() == *own,
            (None, _) => false,
        }
    }
}

impl Rules {
    /// Whether this URL may be called, as far as it can be told without resolving its host.
    pub fn check_url(&self, url: &Url) -> Result<(), Denied> {
        let shown = shown(url);
        if !matches!(url.scheme(), "http" | "https") {
            let reason = format!("the scheme must be http or https, not '{}'", url.scheme());
            return Err(Denied::Url { url: shown, reason });
        }
        if !url.username().is_empty() || url.password().is_some() {
            let reason = "a name and password in a URL would end up in logs".to_owned();
            return Err(Denied::Url { url: shown, reason });
        }
        if !self.origins.iter().any(|origin| origin.covers(url)) {
            return Err(Denied::Origin(url.origin().ascii_serialization()));
        }
        // The client connects to these without resolving anything.
        match url.host() {
            Some(Host::Ipv4(address)) => self.check_address(&address.to_string(), address.into()),
            Some(Host::Ipv6(address)) => self.check_address(&address.to_string(), address.into()),
            _ => Ok(()),
        }
    }

    /// Whether `address`, which `host` was resolved to, may be connected to.
    pub fn check_address(&self, host: &str, address: IpAddr) -> Result<(), Denied> {
        let Some(kind) = kind(address) else { return Ok(()) };
        if self.networks.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        Err(Denied::Address { host: host.to_owned(), address, kind })
    }
}

/// A URL without its query: what is secret often stands there.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let _ = (url.set_username(""), url.set_password(None));
    url.into()
}

/// What an address is that no public service has; `None` for a public one.
fn kind(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

fn kind_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (0, ..) => Some("of this network"),
        (127, ..) => Some("a loopback address"),
        (10, ..) | (192, 168, _) => Some("private"),
        (172, 16..=31, _) => Some("private"),
        (100, 64..=127, _) => Some("shared by a carrier"),
        (169, 254, _) => Some("link-local"),
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) => Some("reserved"),
        (192, 88, 99) => Some("a relay"),
        (198, 18..=19, _) => Some("for benchmarks"),
        (224..=239, ..) => Some("a multicast address"),
        (240.., ..) => Some("reserved"),
        _ => None,
    }
}

fn kind_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let embedded = "an IPv4 address within an IPv6 one";
    match segments {
        _ if address.is_loopback() => Some("a loopback address"),
        _ if address.is_unspecified() => Some("of this network"),
        // Mapped, compatible, translated (two forms), 6to4, Teredo.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Some(embedded),
        [0x64, 0xff9b, ..] | [0x2002, ..] | [0x2001, 0, ..] => Some(embedded),
        [0xfc00..=0xfdff, ..] => Some("private"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xfec0..=0xfeff, ..] => Some("site-local"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        // Global unicast is 2000::/3; of it, these are reserved.
        [0x2001, 0x0002..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x3fff, ..] => Some("reserved"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(origins: &[&str], networks: &[&str]) -> Rules {
        Rules {
            origins: origins.iter().map(|text| Origin::parse(text).expect(text)).collect(),
            networks: networks.iter().map(|text| text.parse().expect(text)).collect(),
        }
    }

    fn check(rules: &Rules, url: &str) -> Result<(), Denied> {
        rules.check_url(&Url::parse(url).expect(url))
    }

    #[test]
    fn nothing_may_be_called_that_was_not_allowed() {
        assert!(matches!(check(&rules(&[], &[]), "https://api.example.com/"), Err(Denied::Origin(_))));
        let rules = rules(&["api.example.com", "http://plain.example:8080", "https://*.below.example"], &[]);
        for allowed in [
            "https://api.example.com/a?b=c",
            "https://API.example.com:443/",
            "http://plain.example:8080/x",
            "https://a.below.example/",
            "https://a.b.below.example/",
        ] {
            assert_eq!(check(&rules, allowed), Ok(()), "{allowed}");
        }
        for other in [
            "http://api.example.com/",
            "https://api.example.com:8443/",
            "https://api.example.com.evil.example/",
            "https://evilapi.example.com/",
            "http://plain.example/",
            "https://below.example/",
            "https://evilbelow.example/",
        ] {
            assert!(matches!(check(&rules, other), Err(Denied::Origin(_))), "{other}");
        }
        for wrong in ["ftp://api.example.com/", "https://user:pass@api.example.com/", "file:///etc/passwd"] {
            let denied = check(&rules, wrong).expect_err(wrong);
            assert!(matches!(&denied, Denied::Url { .. }) && !denied.to_string().contains("pass@"), "{denied}");
        }
    }

    #[test]
    fn an_address_that_is_not_public_needs_a_network() {
        let none = rules(&[], &[]);
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fec0::1",
            "100::1",
            "4000::1",
        ] {
            let denied = none.check_address("host.example", address.parse().expect(address));
            assert!(matches!(denied, Err(Denied::Address { .. })), "{address}");
        }
        for address in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"] {
            assert_eq!(none.check_address("host.example", address.parse().expect(address)), Ok(()), "{address}");
        }
        let some = rules(&["http://127.0.0.1:9000"], &["127.0.0.0/8", "fd00::/8"]);
        assert_eq!(check(&some, "http://127.0.0.1:9000/x"), Ok(()));
        assert_eq!(some.check_address("h", "fd12::1".parse().expect("an address")), Ok(()));
        assert!(some.check_address("h", "10.0.0.1".parse().expect("an address")).is_err());
        let denied = check(&rules(&["http://127.0.0.1:9000"], &[]), "http://127.0.0.1:9000/").expect_err("denied");
        assert!(denied.to_string().contains("http.networks"), "{denied}");
        // However it is written, it is this address.
        let denied = check(&rules(&["http://127.0.0.1"], &[]), "http://0x7f.1/").expect_err("denied");
        assert!(matches!(denied, Denied::Address { .. }), "{denied}");
    }

    #[test]
    fn an_entry_that_is_no_origin_is_refused() {
        for wrong in ["https://api.example.com/path", "ftp://x", "", "https://*.10.0.0.1", "https://a.*.example", "a/"]
        {
            let error = Origin::parse(wrong).expect_err(wrong);
            assert!(error.contains("is not an origin"), "{error}");
        }
    }
}
