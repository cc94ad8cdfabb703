//! What `serve` knows of a server. Each one is made in a file of its own.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use labwire_tokio::web::{Gate, Readiness};
use labwire_tokio::{Ending, Host, HostedService, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// One line of the table: something that listens.
pub(crate) struct Server {
    /// What the table, the log and the ready file call it.
    pub(crate) name: &'static str,
    /// Its section in the configuration, and its name for `--only`; several servers may share one.
    pub(crate) group: &'static str,
    /// The key in that section that holds the address.
    pub(crate) key: &'static str,
    /// Where it is to listen: host:port or "none".
    pub(crate) address: String,
    /// A line to try it with.
    pub(crate) try_it: fn(SocketAddr) -> String,
    /// Starts it, on the listener that was bound. Fails when a file that it needs is not in order.
    pub(crate) start: Start,
}

/// See [`Server::start`].
pub(crate) type Start = Box<dyn FnOnce(TcpListener, &Surroundings) -> Result<Running, Failure> + Send>;

/// What a server finds when it starts.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// Servers end when it is cancelled.
    pub(crate) shutdown: CancellationToken,
    /// The web port ends when it is cancelled, after all other servers.
    pub(crate) web_shutdown: CancellationToken,
    /// The servers that started before.
    pub(crate) gates: Vec<Arc<dyn Gate>>,
    /// Whether all servers run.
    pub(crate) readiness: Readiness,
}

/// A server that was started.
pub(crate) struct Running {
    /// Serves until it is told to end, or a request ends the server.
    pub(crate) serving: Serving,
    /// How the bridge reaches it, if it has anything to do with that.
    pub(crate) gate: Option<Arc<dyn Gate>>,
}

/// See [`Running::serving`].
pub(crate) type Serving = Pin<Box<dyn Future<Output = Ending> + Send>>;

impl Running {
    /// A service behind a TCP listener.
    pub(crate) fn new<S: HostedService>(listener: TcpListener, around: &Surroundings, host: Host<S>) -> Self {
        let (host, shutdown) = (Arc::new(host), around.shutdown.clone());
        let gate = host.clone();
        Self {
            serving: Box::pin(async move { serve(listener, &host, &shutdown).await }),
            gate: Some(gate),
        }
    }
}
