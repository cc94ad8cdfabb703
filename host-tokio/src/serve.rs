//! A service behind a TCP listener.

use labwire_host::{Ending, HostedService};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Host;

/// Accepts connections for `host` until `shutdown` is cancelled or the service wants to end, then shuts it down.
pub async fn serve<S: HostedService>(
    listener: TcpListener,
    host: &Host<S>,
    shutdown: &CancellationToken,
) -> Ending {
    labwire_host::serve(listener, host, shutdown.cancelled()).await
}
