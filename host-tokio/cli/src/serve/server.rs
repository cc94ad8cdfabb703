//! Description of a server to `serve`. Each is defined in its own file.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use labwire_core::limits::SessionLimits;
use labwire_tokio::web::{Gate, Readiness};
use labwire_tokio::{Ending, Host, HostedService, MaybeTls, Memory, Peers, serve_over};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::tls::Tls;
use crate::failure::Failure;

/// Row of the table: something that listens.
pub(crate) struct Server {
    /// Name in the table, the log and the ready file.
    pub(crate) name: &'static str,
    /// Section of the configuration, and name for `--only`; several servers may share it.
    pub(crate) group: &'static str,
    /// Key of the address in that section.
    pub(crate) key: &'static str,
    /// Address to listen on: host:port or "none".
    pub(crate) address: String,
    /// Example command for this address, once the server has been started, with the options of TLS, if that is spoken.
    pub(crate) try_it: TryIt,
    /// Starts the server on its bound listener. Fails if a file that it needs is invalid.
    pub(crate) start: Start,
}

impl Server {
    /// Whether `--only` means this server by `name`.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        name == self.name || name == self.group
    }
}

/// See [`Server::try_it`].
pub(crate) type TryIt = Box<dyn Fn(SocketAddr, Option<&str>) -> String + Send>;

/// See [`Server::start`].
pub(crate) type Start = Box<dyn FnOnce(TcpListener, &Surroundings) -> Result<Running, Failure> + Send>;

/// Surroundings of a starting server.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// Cancelled to end the servers.
    pub(crate) shutdown: CancellationToken,
    /// Cancelled to end the web port, after all other servers.
    pub(crate) web_shutdown: CancellationToken,
    /// Memory of all connections.
    pub(crate) memory: Memory,
    /// Limits of every connection.
    pub(crate) session: SessionLimits,
    /// TLS of the ports.
    pub(crate) tls: Tls,
    /// Servers started before this one.
    pub(crate) gates: Vec<Arc<dyn Gate>>,
    /// Whether all servers are running.
    pub(crate) readiness: Readiness,
}

impl Surroundings {
    /// Layer around each connection of the server `name`.
    pub(crate) fn layer(
        &self,
        name: &str,
    ) -> impl Fn(TcpStream, SocketAddr) -> MaybeTls + Send + Sync + 'static {
        let (security, session) = (self.tls.of(name), self.session.clone());
        move |stream, peer| security.accept(stream, peer, &session)
    }
}

/// Running server.
pub(crate) struct Running {
    /// Serves until told to end, by the program or by a request.
    pub(crate) serving: Serving,
    /// List of the peers that may connect.
    pub(crate) peers: Peers,
    /// Access for the bridge, if it applies to this server.
    pub(crate) gate: Option<Arc<dyn Gate>>,
}

/// See [`Running::serving`].
pub(crate) type Serving = Pin<Box<dyn Future<Output = Ending> + Send>>;

impl Running {
    /// Runs a service behind a TCP listener.
    pub(crate) fn new<S: HostedService>(listener: TcpListener, around: &Surroundings, host: Host<S>) -> Self {
        let (host, shutdown) = (Arc::new(host), around.shutdown.clone());
        let gate = host.clone();
        let layer = around.layer(host.name());
        Self {
            serving: Box::pin(async move { serve_over(listener, &host, &shutdown, layer).await }),
            peers: gate.peers().clone(),
            gate: Some(gate),
        }
    }
}
