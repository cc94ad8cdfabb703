//! Bridge from WebSockets to the servers of this process, and to devices elsewhere.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use labwire_core::limits::SessionLimits;
use labwire_host::{
    Attached, CloseWith, HostedService, Io, Peers, Permit, Refused, Statistics, warn_sampled,
};
use percent_encoding::percent_decode_str;
use serde_json::json;
use tokio::io::{AsyncWriteExt, copy, split};
use tokio::net::TcpStream;
use tokio_util::compat::FuturesAsyncReadCompatExt;
use tokio_util::sync::CancellationToken;
use tungstenite::handshake::server::create_response_with_body;

use super::{Body, Connection, Web, text};
use crate::{Host, MaybeTls, Modules, Tokio};

/// WebSocket of the port.
pub type WebSocket = labwire_host::WebSocketBytes<Tokio, MaybeTls>;

/// Server of this process, as seen by the bridge and the metrics.
pub trait Gate: Send + Sync {
    /// Name of the server.
    fn name(&self) -> &'static str;

    /// Checks whether the server would accept a connection now.
    ///
    /// # Errors
    /// If it would not.
    fn admits(&self, address: SocketAddr) -> Result<(), Refused>;

    /// Attaches a connection.
    ///
    /// # Errors
    /// If the server refuses it.
    fn attach(&self, socket: WebSocket, address: SocketAddr) -> Result<Attached, Refused>;

    /// Counters of the server.
    fn statistics(&self) -> Statistics;

    /// List of the peers that may connect to its own port.
    fn peers(&self) -> &Peers;
}

impl<S: HostedService> Gate for Host<S> {
    fn name(&self) -> &'static str {
        Self::name(self)
    }

    fn admits(&self, address: SocketAddr) -> Result<(), Refused> {
        Self::admits(self, address)
    }

    fn attach(&self, socket: WebSocket, address: SocketAddr) -> Result<Attached, Refused> {
        Self::attach(self, socket, address)
    }

    fn statistics(&self) -> Statistics {
        Self::statistics(self)
    }

    fn peers(&self) -> &Peers {
        Self::peers(self)
    }
}

impl Gate for Modules {
    fn name(&self) -> &'static str {
        self.host().name()
    }

    fn admits(&self, address: SocketAddr) -> Result<(), Refused> {
        self.host().admits(address)
    }

    fn attach(&self, socket: WebSocket, address: SocketAddr) -> Result<Attached, Refused> {
        self.host().attach(socket, address)
    }

    fn statistics(&self) -> Statistics {
        self.host().statistics()
    }

    fn peers(&self) -> &Peers {
        self.host().peers()
    }
}

/// Target of a path of the bridge.
#[derive(Clone)]
#[non_exhaustive]
pub enum Target {
    /// Server of this process.
    Server(Arc<dyn Gate>),
    /// One of these addresses, `host:port`, by TCP: the one given by `?address=`, or the first. Others are refused.
    Addresses(Arc<[String]>),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Server(_) => formatter.write_str("Server"),
            Self::Addresses(addresses) => formatter.debug_tuple("Addresses").field(addresses).finish(),
        }
    }
}

/// Time limit for connecting to an address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl Web {
    /// Upgrades a request to a WebSocket, and connects it to its target.
    pub(super) fn upgrade(
        &self,
        target: &Target,
        peer: SocketAddr,
        mut request: Request<Incoming>,
    ) -> Response<Body> {
        let (address, permit) = match self.admitted(target, peer, request.uri().query()) {
            Ok(admitted) => admitted.unzip(),
            Err(refusal) => return *refusal,
        };
        let empty = || {
            Empty::<Bytes>::new()
                .map_err(|never| match never {})
                .boxed_unsync()
        };
        let response = match create_response_with_body(&request, empty) {
            Ok(response) => response,
            Err(error) => {
                return text(
                    StatusCode::UPGRADE_REQUIRED,
                    format!("a WebSocket belongs here: {error}"),
                );
            }
        };
        let upgrading = hyper::upgrade::on(&mut request);
        let (target, frame_bytes) = (target.clone(), self.options.frame_bytes);
        let limits = self.options.session.clone();
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            let Ok(upgraded) = upgrading.await else {
                return tracing::debug!(%peer, "gone during the handshake");
            };
            // The stream has the type that was passed to the server.
            let Ok(parts) = upgraded.downcast::<Connection>() else {
                return;
            };
            let (stream, read) = (
                parts.io.into_inner().into_inner().into_inner(),
                parts.read_buf.to_vec(),
            );
            let socket = WebSocket::upgraded(stream, read, frame_bytes, &limits).await;
            match (target, address) {
                (Target::Server(gate), _) => attach(&*gate, socket, peer).await,
                (_, Some(address)) => carry(socket, &address, peer, &limits, shutdown).await,
                _ => {}
            }
            drop(permit);
        });
        response
    }

    /// Address that a WebSocket is carried to, and its place among the connections of this port. One to a server of this
    /// process has none: it counts there.
    ///
    /// # Errors
    /// The answer, if the address may not be reached or there is no place.
    fn admitted(
        &self,
        target: &Target,
        peer: SocketAddr,
        query: Option<&str>,
    ) -> Result<Option<(String, Permit)>, Box<Response<Body>>> {
        let Target::Addresses(allowed) = target else {
            return Ok(None);
        };
        let Some(address) = chosen(allowed, query) else {
            let why = "this address is not among those that may be reached";
            return Err(Box::new(text(StatusCode::FORBIDDEN, why)));
        };
        let peer_address = peer.ip().to_canonical();
        match self.admission.admit(peer_address, &self.options.limits) {
            Ok(permit) => Ok(Some((address, permit))),
            Err(refused) => {
                warn_sampled!(%peer, reason = %refused, "websocket refused");
                Err(Box::new(text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    refused.to_string(),
                )))
            }
        }
    }

    /// Directory of the bridge, as JSON.
    pub(super) fn directory(&self) -> String {
        let devices = match self.targets.get("device") {
            Some(Target::Addresses(allowed)) => allowed.to_vec(),
            _ => Vec::new(),
        };
        json!({
            "version": 1,
            "paths": self.targets.keys().collect::<Vec<_>>(),
            "devices": devices,
            "frame-bytes": self.options.frame_bytes,
        })
        .to_string()
    }
}

/// The allowed address that the query names, or else the first.
fn chosen(allowed: &[String], query: Option<&str>) -> Option<String> {
    let mut pairs = query.unwrap_or_default().split('&');
    let Some(wanted) = pairs.find_map(|pair| pair.strip_prefix("address=")) else {
        return allowed.first().cloned();
    };
    let wanted = percent_decode_str(wanted).decode_utf8().ok()?;
    allowed.iter().find(|address| **address == wanted).cloned()
}

/// Hands the connection over to the server, where it runs on its own task.
async fn attach(gate: &dyn Gate, socket: WebSocket, peer: SocketAddr) {
    let refused = match gate.admits(peer) {
        // If that has changed since, the connection is dropped.
        Ok(()) => return drop(gate.attach(socket, peer)),
        Err(refused) => refused,
    };
    warn_sampled!(%peer, reason = %refused, "websocket refused");
    socket
        .close(CloseWith::TryAgainLater(refused.to_string().into()))
        .await;
}

/// Carries bytes between the WebSocket and an address until either ends.
async fn carry(
    socket: WebSocket,
    address: &str,
    peer: SocketAddr,
    limits: &SessionLimits,
    shutdown: CancellationToken,
) {
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
    let mut stream = match connecting.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(stream) => stream,
        Err(error) => {
            warn_sampled!(%peer, address, %error, "cannot connect");
            let reason = format!("cannot connect to {address}: {error}");
            return socket.close(CloseWith::Failed(reason.into())).await;
        }
    };
    let _ = stream.set_nodelay(true);
    tracing::debug!(%peer, address, "bridged");
    let (mut from_page, mut to_page) = split(Io::new(socket, limits).compat());
    let (mut from_device, mut to_device) = stream.split();
    let ended = tokio::select! {
        sent = copy(&mut from_page, &mut to_device) => sent,
        received = copy(&mut from_device, &mut to_page) => {
            // Sends the close frame; a page that has gone does not need it.
            let _ = to_page.shutdown().await;
            received
        }
        () = shutdown.cancelled() => Ok(0),
    };
    let reason = ended
        .err()
        .map_or_else(|| "finished".to_owned(), |error| error.to_string());
    tracing::debug!(%peer, address, reason, "bridge closed");
}
