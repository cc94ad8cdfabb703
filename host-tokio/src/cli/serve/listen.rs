//! Where servers listen.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::server::Server;
use crate::cli::failure::{self, Failure};

/// A server and its listener.
pub(crate) struct Bound {
    pub(crate) server: Server,
    pub(crate) listener: TcpListener,
    /// Where it really listens.
    pub(crate) address: SocketAddr,
}

/// Listens for `server`; `None` when it is turned off, or when nobody asked for an address that is in use.
pub(crate) async fn bind(server: Server, is_given: bool) -> Result<Option<Bound>, Failure> {
    if server.address == "none" {
        return Ok(None);
    }
    let bound = TcpListener::bind(&server.address).await;
    let bound = bound.and_then(|listener| listener.local_addr().map(|address| (listener, address)));
    match bound {
        Ok((listener, address)) => {
            if !address.ip().is_loopback() {
                tracing::warn!(service = server.name, %address, "reachable from other machines");
            }
            Ok(Some(Bound {
                server,
                listener,
                address,
            }))
        }
        Err(error) if !is_given && error.kind() == io::ErrorKind::AddrInUse => {
            tracing::warn!(
                service = server.name,
                address = server.address,
                "not served, the port is in use"
            );
            Ok(None)
        }
        Err(error) => {
            let message = format!("{}: cannot listen on {}: {error}", server.name, server.address);
            let failure = Failure::new(failure::UNAVAILABLE, message);
            Err(match error.kind() {
                io::ErrorKind::InvalidInput => {
                    failure.hint("an address is host:port, such as 127.0.0.1:0, or none")
                }
                io::ErrorKind::AddrInUse => failure.hint("port 0 lets the system choose one that is free"),
                _ => failure,
            })
        }
    }
}
