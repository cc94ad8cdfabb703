//! Services behind a TCP listener.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_lite::future::or;

use crate::host::{Host, HostedService};
use crate::runtime::{Runtime, Transport, sleep};
use crate::sampled::Sampled;

/// Outcome of serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by every way to serve")]
pub struct Ending {
    /// Whether a request asked for the end (Kill, `done`), rather than the host's owner.
    pub by_request: bool,
    /// Number of connections still open after the grace time.
    pub cut: usize,
}

/// Accepts connections for `host` until `shutdown` completes or the service wants to end, then shuts it
/// down.
pub async fn serve<S: HostedService, R: Runtime>(
    listener: R::Listener,
    host: &Host<S, R>,
    shutdown: impl Future<Output = ()> + Send,
) -> Ending {
    serve_over(listener, host, shutdown, |stream, _| stream).await
}

/// As [`serve`], with a layer around each accepted stream, which `wrap` makes for a client at an address.
pub async fn serve_over<S: HostedService, R: Runtime, T: Transport<R> + 'static>(
    listener: R::Listener,
    host: &Host<S, R>,
    shutdown: impl Future<Output = ()> + Send,
    wrap: impl Fn(R::Stream, SocketAddr) -> T,
) -> Ending {
    let shut_down = async {
        shutdown.await;
        false
    };
    let finished = async {
        host.finished().await;
        true
    };
    let accepting = async {
        accept(&listener, host, wrap).await;
        false
    };
    let by_request = or(pin!(shut_down), or(pin!(finished), pin!(accepting))).await;
    drop(listener);
    let cut = host.shutdown().await;
    Ending { by_request, cut }
}

async fn accept<S: HostedService, R: Runtime, T: Transport<R> + 'static>(
    listener: &R::Listener,
    host: &Host<S, R>,
    wrap: impl Fn(R::Stream, SocketAddr) -> T,
) {
    let (refusals, failures) = (Sampled::new(), Sampled::new());
    loop {
        match R::accept(listener).await {
            Ok((stream, address)) => {
                let attach = |()| host.attach(wrap(stream, address), address);
                if let Err(reason) = host.peers().check(address.ip()).and_then(attach)
                    && let Some(held_back) = refusals.pass()
                {
                    tracing::warn!(peer = %address, %reason, held_back, "connection refused");
                }
            }
            // The peer gave up while queued, or file descriptors ran out: neither ends a server.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if let Some(held_back) = failures.pass() {
                    tracing::warn!(%error, held_back, "cannot accept a connection");
                }
                sleep::<R>(Duration::from_millis(100)).await;
            }
        }
    }
}
