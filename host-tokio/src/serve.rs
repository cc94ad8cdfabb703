//! A service behind a TCP listener.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::host::{Host, HostedService};

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// A request asked for it (Kill, `done`), rather than the host's owner.
    pub by_request: bool,
    /// How many connections were still open after the grace time.
    pub cut: usize,
}

/// Accepts connections for `host` until `shutdown` is cancelled or the service wants to end, then shuts it down.
pub async fn serve<S: HostedService>(
    listener: TcpListener,
    host: &Host<S>,
    shutdown: &CancellationToken,
) -> Ending {
    let by_request = tokio::select! {
        () = shutdown.cancelled() => false,
        () = host.finished() => true,
        () = accept(&listener, host) => false,
    };
    drop(listener);
    let cut = host.shutdown().await;
    Ending { by_request, cut }
}

async fn accept<S: HostedService>(listener: &TcpListener, host: &Host<S>) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => attach(host, stream, address),
            // The peer gave up in the queue, or file descriptors ran out: neither ends a server.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn attach<S: HostedService>(host: &Host<S>, stream: TcpStream, address: SocketAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    if let Err(reason) = host.attach(stream, address) {
        tracing::warn!(peer = %address, %reason, "connection refused");
    }
}
