//! Services behind a TCP listener.

use std::net::SocketAddr;

use labwire_host::{Ending, HostedService, Transport};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::{Host, Tokio};

/// Accepts connections for `host` until `shutdown` is cancelled or the service wants to end, then shuts it down.
pub async fn serve<S: HostedService>(
    listener: TcpListener,
    host: &Host<S>,
    shutdown: &CancellationToken,
) -> Ending {
    labwire_host::serve(listener, host, shutdown.cancelled()).await
}

/// As [`serve`], with a layer around each accepted stream, such as a [`MessageStream`](crate::MessageStream), which `wrap`
/// makes for a client at an address.
pub async fn serve_over<S: HostedService, T: Transport<Tokio> + 'static>(
    listener: TcpListener,
    host: &Host<S>,
    shutdown: &CancellationToken,
    wrap: impl Fn(TcpStream, SocketAddr) -> T,
) -> Ending {
    labwire_host::serve_over(listener, host, shutdown.cancelled(), wrap).await
}
