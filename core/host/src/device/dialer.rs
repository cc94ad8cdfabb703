//! TCP connections to a device.

use std::io;
use std::marker::PhantomData;
use std::time::Duration;

use labwire_core::session::ConnectError;
use serde::{Deserialize, Serialize};
use socket2::{SockRef, TcpKeepalive};

use crate::connector::{Dial, Dialing};
use crate::runtime::Runtime;
use crate::security::MaybeTls;
#[cfg(feature = "tls")]
use crate::tls::TlsConnector;

/// TCP keepalive, which detects a peer that has disappeared silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Keepalive {
    /// `keepalive-idle`: idle time before the first probe. Default 15 s.
    #[serde(rename = "keepalive-idle", with = "labwire_core::session::seconds")]
    pub idle: Duration,
    /// `keepalive-interval`: time between probes. Default 5 s.
    #[serde(rename = "keepalive-interval", with = "labwire_core::session::seconds")]
    pub interval: Duration,
    /// `keepalive-probes`: number of unanswered probes after which the connection is lost. Default 3.
    #[serde(rename = "keepalive-probes")]
    pub probes: u32,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(15),
            interval: Duration::from_secs(5),
            probes: 3,
        }
    }
}

impl Keepalive {
    fn set(self, socket: SockRef<'_>) -> io::Result<()> {
        let probes = TcpKeepalive::new()
            .with_time(self.idle)
            .with_interval(self.interval)
            .with_retries(self.probes);
        socket.set_tcp_keepalive(&probes)?;
        // Probes are not sent while data are unacknowledged: those time out after the same time.
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(self.idle + self.interval * self.probes))?;
        Ok(())
    }
}

/// Dialer of one TCP address; a host name is resolved at every attempt.
#[derive(Debug)]
pub struct TcpDialer<R> {
    address: String,
    keepalive: Keepalive,
    #[cfg(feature = "tls")]
    tls: Option<TlsConnector>,
    runtime: PhantomData<fn() -> R>,
}

impl<R> TcpDialer<R> {
    /// Creates a dialer of `address`, `host:port`.
    pub fn new(address: impl Into<String>, keepalive: Keepalive) -> Self {
        Self {
            address: address.into(),
            keepalive,
            #[cfg(feature = "tls")]
            tls: None,
            runtime: PhantomData,
        }
    }

    /// Calls the device by TLS. Its certificate must be for the host in its address.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: Option<TlsConnector>) -> Self {
        self.tls = tls;
        self
    }
}

/// Longest TLS handshake; the connection's own time limit is usually shorter.
#[cfg(feature = "tls")]
const HANDSHAKE_TIME: Duration = Duration::from_secs(30);

impl<R: Runtime> Dial<R> for TcpDialer<R> {
    type Transport = MaybeTls<R, R::Stream>;

    fn dial(&self) -> Dialing<MaybeTls<R, R::Stream>> {
        let (address, keepalive) = (self.address.clone(), self.keepalive);
        #[cfg(feature = "tls")]
        let tls = self.tls.clone();
        Box::pin(async move {
            let host = &address;
            let addresses = R::look_up(host).await.map_err(|error| {
                tracing::debug!(address, %error, "cannot look up");
                ConnectError::NoAddress
            })?;
            let mut failure = ConnectError::NoAddress;
            for address in addresses {
                match R::connect(address).await {
                    Ok(stream) => {
                        keepalive
                            .set(R::socket(&stream))
                            .map_err(|error| connect_error(&error))?;
                        #[cfg(feature = "tls")]
                        if let Some(tls) = &tls {
                            let connected = tls.connect(stream, host, HANDSHAKE_TIME).await;
                            return connected
                                .map(MaybeTls::from)
                                .map_err(|error| connect_error(&error));
                        }
                        return Ok(MaybeTls::plain(stream));
                    }
                    Err(error) => failure = connect_error(&error),
                }
            }
            Err(failure)
        })
    }
}

fn connect_error(error: &io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => ConnectError::Unreachable,
        io::ErrorKind::TimedOut => ConnectError::TimedOut,
        _ => ConnectError::Other(error.to_string()),
    }
}
