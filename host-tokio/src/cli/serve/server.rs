//! What `serve` knows of a server. Each one is made in a file of its own.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use labwire_tokio::Ending;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::failure::Failure;

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
pub(crate) type Start = Box<dyn FnOnce(TcpListener, CancellationToken) -> Result<Serving, Failure> + Send>;

/// Serves until the token is cancelled or a request ends the server.
pub(crate) type Serving = Pin<Box<dyn Future<Output = Ending> + Send>>;
