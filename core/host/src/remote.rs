//! Servers that clients call.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::runtime::{Runtime, connect};
use crate::security::MaybeTls;
#[cfg(feature = "tls")]
use crate::tls::TlsConnector;

/// Server to call: its address, its name in errors, and with the feature `tls` whether it speaks that.
#[derive(Clone, Debug)]
pub struct Remote {
    name: String,
    address: SocketAddr,
    #[cfg(feature = "tls")]
    tls: Option<TlsConnector>,
}

/// Error of a call, with the name of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteError<E> {
    /// Name of the server, usually `host:port`.
    pub remote: String,
    /// Error of the call.
    pub error: E,
}

impl Remote {
    /// Creates a server at `address`, which errors call `name`, such as `lab.example:4598`.
    pub fn new(name: impl Into<String>, address: SocketAddr) -> Self {
        Self {
            name: name.into(),
            address,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Calls the server by TLS. Its certificate must be for the host in its name.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: Option<TlsConnector>) -> Self {
        self.tls = tls;
        self
    }

    /// Name of the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Address of the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects within `limit`.
    ///
    /// # Errors
    /// If the connection cannot be made in time, or is not secure enough.
    pub async fn connect<R: Runtime>(&self, limit: Duration) -> io::Result<MaybeTls<R, R::Stream>> {
        // On the heap: runtimes move the futures of callers, and this one is large.
        let stream = Box::pin(connect::<R>(self.address, limit)).await?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let handshake = Box::pin(tls.connect(stream, &self.name, limit));
            return handshake.await.map(MaybeTls::from);
        }
        Ok(MaybeTls::plain(stream))
    }

    /// The error of a call, with this server.
    pub fn error<E>(&self, error: impl Into<E>) -> RemoteError<E> {
        RemoteError {
            remote: self.name.clone(),
            error: error.into(),
        }
    }
}

impl From<SocketAddr> for Remote {
    fn from(address: SocketAddr) -> Self {
        Self::new(address.to_string(), address)
    }
}

impl<E: fmt::Display> fmt::Display for RemoteError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.remote, self.error)
    }
}

impl<E: std::error::Error + 'static> std::error::Error for RemoteError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
