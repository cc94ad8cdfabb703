//! Listeners of the servers.

use std::io;
use std::net::SocketAddr;

use labwire_core::session::PeerList;
use tokio::net::TcpListener;

use super::server::Server;
use super::tls::Tls;
use crate::failure::{self, Failure};

/// Server with its listener.
pub(crate) struct Bound {
    pub(crate) server: Server,
    pub(crate) listener: TcpListener,
    /// Actual address.
    pub(crate) address: SocketAddr,
}

/// Binds the address of `server`; `None` if it is turned off, or if an address that was not given explicitly is in
/// use.
pub(crate) async fn bind(
    server: Server,
    is_given: bool,
    peers: &PeerList,
    tls: &Tls,
) -> Result<Option<Bound>, Failure> {
    if server.address == "none" {
        return Ok(None);
    }
    let bound = TcpListener::bind(&server.address).await;
    let bound = bound.and_then(|listener| listener.local_addr().map(|address| (listener, address)));
    match bound {
        Ok((listener, address)) => {
            if !address.ip().is_loopback() {
                warn(server.name, address, peers, tls);
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
                    failure.hint("expected host:port, such as 127.0.0.1:0, or none")
                }
                io::ErrorKind::AddrInUse => failure.hint("port 0 lets the system choose a free one"),
                _ => failure,
            })
        }
    }
}

/// The protocols themselves know no passwords and no encryption.
fn warn(service: &str, address: SocketAddr, peers: &PeerList, tls: &Tls) {
    let advice = match (tls.of(service).is_encrypted(), tls.asks_for_certificates()) {
        (true, true) => {
            let text = "reachable from other machines, by TLS, for clients with a certificate";
            return tracing::info!(service, %address, %peers, "{text}");
        }
        (true, false) => {
            "by TLS, for everybody in peers; --peers tells who may connect, or --tls-client-ca whose certificates"
        }
        (false, _) => {
            "without encryption; --peers tells who may connect, --tls-cert and --tls-key encrypt, --tls-client-ca \
             tells whose certificates clients must have"
        }
    };
    tracing::warn!(service, %address, %peers, "reachable from other machines, {advice}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(address: String) -> Server {
        Server {
            name: "test",
            group: "test",
            key: "address",
            address,
            try_it: Box::new(|_, _| String::new()),
            start: Box::new(|_, _| unreachable!("only bound")),
        }
    }

    #[tokio::test]
    async fn a_port_in_use_is_an_error_only_for_who_asked_for_it() {
        let (peers, tls) = (PeerList::default(), Tls::default());
        let first = bind(server("127.0.0.1:0".to_owned()), true, &peers, &tls)
            .await
            .unwrap()
            .unwrap();
        let taken = first.address.to_string();
        assert!(
            bind(server(taken.clone()), false, &peers, &tls)
                .await
                .unwrap()
                .is_none()
        );
        let error = bind(server(taken), true, &peers, &tls).await.err().unwrap();
        assert_eq!(error.code, failure::UNAVAILABLE);
        assert!(
            bind(server("nonsense".to_owned()), false, &peers, &tls)
                .await
                .is_err()
        );
        assert!(
            bind(server("none".to_owned()), true, &peers, &tls)
                .await
                .unwrap()
                .is_none()
        );
    }
}
