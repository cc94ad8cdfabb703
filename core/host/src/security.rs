//! Connections with and without TLS, behind one type.

use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use labwire_core::limits::SessionLimits;

use crate::handshake::{NOT_TLS, is_client_hello, is_refusal};
use crate::runtime::{Runtime, Transport};
#[cfg(feature = "tls")]
use crate::tls::{TlsAcceptor, TlsStream};
use crate::warn_sampled;

/// Security of a port: none, or with the feature `tls` that. Clones share it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum PortSecurity {
    /// Bytes are sent as they are.
    #[default]
    Plain,
    /// Only clients that speak TLS are served.
    #[cfg(feature = "tls")]
    Tls(TlsAcceptor),
}

/// Transport of a connection that may be encrypted.
pub struct MaybeTls<R: Runtime, T>(Kind<R, T>);

enum Kind<R: Runtime, T> {
    Plain {
        transport: T,
        /// The peer, until its first bytes have shown that it does not speak TLS.
        unchecked: Option<Peer>,
        runtime: PhantomData<fn() -> R>,
    },
    #[cfg(feature = "tls")]
    Tls(TlsStream<R, T>),
}

enum Peer {
    Client(SocketAddr),
    Server,
}

impl PortSecurity {
    /// Wraps the stream of a client at `peer`. A client that speaks TLS where nobody does, or the reverse, is told so, and
    /// the log is. Of the limits, `request-timeout` applies to the handshake, `write-timeout` and `linger-time` as ever.
    pub fn accept<R: Runtime, T: Transport<R> + 'static>(
        &self,
        stream: T,
        peer: SocketAddr,
        limits: &SessionLimits,
    ) -> MaybeTls<R, T> {
        // Without TLS, there is no handshake to limit.
        let _ = limits;
        match self {
            Self::Plain => MaybeTls(Kind::Plain {
                transport: stream,
                unchecked: Some(Peer::Client(peer)),
                runtime: PhantomData,
            }),
            #[cfg(feature = "tls")]
            Self::Tls(acceptor) => MaybeTls(Kind::Tls(acceptor.accept(stream, peer, limits))),
        }
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        !matches!(self, Self::Plain)
    }
}

impl<R: Runtime, T> MaybeTls<R, T> {
    /// A connection to a server, without TLS. A server that speaks nothing else is an error.
    pub fn plain(transport: T) -> Self {
        Self(Kind::Plain {
            transport,
            unchecked: Some(Peer::Server),
            runtime: PhantomData,
        })
    }
}

#[cfg(feature = "tls")]
impl<R: Runtime, T> From<TlsStream<R, T>> for MaybeTls<R, T> {
    fn from(stream: TlsStream<R, T>) -> Self {
        Self(Kind::Tls(stream))
    }
}

impl<R: Runtime, T> std::fmt::Debug for MaybeTls<R, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_encrypted = !matches!(self.0, Kind::Plain { .. });
        formatter
            .debug_struct("MaybeTls")
            .field("is_encrypted", &is_encrypted)
            .finish_non_exhaustive()
    }
}

/// Calls a method of the transport inside.
macro_rules! inner {
    ($self:ident, $transport:ident => $call:expr) => {
        match &mut $self.0 {
            Kind::Plain {
                transport: $transport,
                ..
            } => $call,
            #[cfg(feature = "tls")]
            Kind::Tls($transport) => $call,
        }
    };
}

impl<R: Runtime, T: Transport<R> + 'static> Transport<R> for MaybeTls<R, T> {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let count = inner!(self, transport => ready!(transport.poll_read(context, buffer)))?;
        let (transport, unchecked) = match &mut self.0 {
            Kind::Plain {
                transport, unchecked, ..
            } => (transport, unchecked),
            #[cfg(feature = "tls")]
            Kind::Tls(_) => return Poll::Ready(Ok(count)),
        };
        let bytes = &buffer[..count];
        match unchecked.take() {
            Some(Peer::Server) if is_refusal(bytes) => {
                let why = "the server speaks TLS only";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)))
            }
            Some(Peer::Client(peer)) if is_client_hello(bytes) => {
                // Whether or not there is room for it: the connection ends.
                let _ = transport.poll_write(context, NOT_TLS)?;
                let why = "the client speaks TLS, this port does not";
                warn_sampled!(%peer, "{why}");
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)))
            }
            _ => Poll::Ready(Ok(count)),
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        inner!(self, transport => transport.poll_write(context, bytes))
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self, transport => transport.poll_flush(context))
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self, transport => transport.poll_finish(context))
    }

    fn poll_lost(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        inner!(self, transport => transport.poll_lost(context))
    }

    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        inner!(self, transport => transport.poll_overdue(context))
    }

    fn abort(&mut self) {
        inner!(self, transport => transport.abort());
    }

    fn held(&self) -> usize {
        match &self.0 {
            Kind::Plain { transport, .. } => transport.held(),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.held(),
        }
    }

    fn has_input(&self) -> bool {
        match &self.0 {
            Kind::Plain { transport, .. } => transport.has_input(),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.has_input(),
        }
    }
}
