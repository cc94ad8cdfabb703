//! Access control for browsers.

use std::net::IpAddr;

use async_tungstenite::tungstenite::http::header::{HOST, ORIGIN};
use async_tungstenite::tungstenite::http::{HeaderMap, HeaderName, Uri, uri::Authority};
use serde::{Deserialize, Serialize};

/// Rules for the browser requests that an HTTP or WebSocket port accepts. Every page in a browser can reach
/// every local port, so two headers that pages cannot forge are checked.
///
/// * `Host` must be `localhost`, an IP address, or in `hosts`: a foreign name that was made to resolve to this machine
///   (DNS rebinding) is none of them.
/// * `Origin`, which programs other than browsers do not send, must be a page of this machine, one that this port itself
///   has served, or in `origins`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct WebAccess {
    /// Names of this machine, without port.
    pub hosts: Vec<String>,
    /// Origins of pages, as browsers send them: `https://lab.example:8443`.
    pub origins: Vec<String>,
}

/// Reason why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Forbidden {
    /// The request does not name this machine.
    #[error("the header Host names no host that is served here")]
    Host,
    /// The page is foreign.
    #[error("pages of this Origin are not allowed here")]
    Origin,
}

impl WebAccess {
    /// Checks the headers of a request.
    ///
    /// # Errors
    /// If one of them is not allowed.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Forbidden> {
        let host = only(headers, &HOST).ok_or(Forbidden::Host)?;
        if !self.is_host(host) {
            return Err(Forbidden::Host);
        }
        if !headers.contains_key(&ORIGIN) {
            return Ok(());
        }
        let origin = only(headers, &ORIGIN).ok_or(Forbidden::Origin)?;
        if is_local_page(origin)
            || is_page_of(origin, host)
            || self.origins.iter().any(|allowed| allowed == origin)
        {
            Ok(())
        } else {
            Err(Forbidden::Origin)
        }
    }

    fn is_host(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else {
            return false;
        };
        // `Host` is not a URL: it must not contain user information.
        if authority.as_str().contains('@') {
            return false;
        }
        let name = authority.host();
        is_localhost(name)
            || address(name).is_some()
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Value of the header, if it occurs exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_local_page(origin: &str) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else {
        return false;
    };
    let is_web = matches!(origin.scheme_str(), Some("http" | "https"));
    let name = origin.host().unwrap_or_default();
    is_web && (is_localhost(name) || address(name).is_some_and(|address| address.is_loopback()))
}

/// Whether the page came from this host and port, whose name has been checked.
fn is_page_of(origin: &str, host: &str) -> bool {
    let authority = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
}

fn address(name: &str) -> Option<IpAddr> {
    name.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(access: &WebAccess, lines: &[(HeaderName, &str)]) -> Result<(), Forbidden> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().unwrap());
        }
        access.check(&headers)
    }

    #[test]
    fn hosts_and_origins() {
        let nobody = WebAccess::default();
        for (host, result) in [
            ("localhost:40010", Ok(())),
            ("LOCALHOST", Ok(())),
            ("127.0.0.1:40010", Ok(())),
            ("[::1]:40010", Ok(())),
            ("192.168.1.7:40010", Ok(())),
            ("evil.example:40010", Err(Forbidden::Host)),
            ("localhost.evil.example", Err(Forbidden::Host)),
            ("", Err(Forbidden::Host)),
            ("user@localhost:x", Err(Forbidden::Host)),
        ] {
            assert_eq!(check(&nobody, &[(HOST, host)]), result, "{host}");
        }
        assert_eq!(check(&nobody, &[]), Err(Forbidden::Host));
        let twice = [(HOST, "localhost"), (HOST, "evil.example")];
        assert_eq!(check(&nobody, &twice), Err(Forbidden::Host));
        for (origin, result) in [
            ("http://localhost:8080", Ok(())),
            ("https://127.0.0.1", Ok(())),
            ("http://[::1]:8080", Ok(())),
            ("null", Err(Forbidden::Origin)),
            ("https://evil.example", Err(Forbidden::Origin)),
            ("http://192.168.1.7", Err(Forbidden::Origin)),
            ("file://localhost", Err(Forbidden::Origin)),
            ("http://localhost.evil.example", Err(Forbidden::Origin)),
        ] {
            let headers = [(HOST, "localhost"), (ORIGIN, origin)];
            assert_eq!(check(&nobody, &headers), result, "{origin}");
        }
        let headers = |host, origin| [(HOST, host), (ORIGIN, origin)];
        let own = headers("192.168.1.7:8080", "http://192.168.1.7:8080");
        assert_eq!(check(&nobody, &own), Ok(()));
        let other = headers("192.168.1.7:8080", "http://192.168.1.7:8081");
        assert_eq!(check(&nobody, &other), Err(Forbidden::Origin));
        let rebound = headers("evil.example", "http://evil.example");
        assert_eq!(check(&nobody, &rebound), Err(Forbidden::Host));
        let lab = WebAccess {
            hosts: vec!["lab.example".to_owned()],
            origins: vec!["https://lab.example:8443".to_owned()],
        };
        let headers = [(HOST, "lab.example:40010"), (ORIGIN, "https://lab.example:8443")];
        assert_eq!(check(&lab, &headers), Ok(()));
        assert_eq!(
            check(
                &lab,
                &[(HOST, "lab.example:40010"), (ORIGIN, "https://lab.example")]
            ),
            Err(Forbidden::Origin)
        );
    }
}
