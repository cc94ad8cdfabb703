//! TLS over any transport, for servers and clients.

mod files;
mod verifier;
mod words;

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use labwire_core::limits::SessionLimits;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ServerConfig};

use crate::handshake::ONLY_TLS;
use crate::runtime::{Runtime, Transport, timeout};
use crate::warn_sampled;
use crate::websocket::Io;
use verifier::Verifier;
use words::in_words;

pub use files::{Authorities, Identity, TlsError};

/// Server side of TLS 1.2 and 1.3. Clones share it, also when it is replaced.
#[derive(Clone, Debug)]
pub struct TlsAcceptor(Arc<RwLock<Arc<ServerConfig>>>);

/// Client side of TLS 1.2 and 1.3.
#[derive(Clone, Debug)]
pub struct TlsConnector {
    config: Arc<ClientConfig>,
    /// Name that the server's certificate must have, if it is not the one of the address.
    server_name: Option<ServerName<'static>>,
}

/// TLS as a [`Transport`]. A server's first read or write performs the handshake. The end of the stream is TLS' own, so
/// that nobody can cut it short unnoticed.
pub struct TlsStream<R: Runtime, T>(State<R, T>);

enum State<R: Runtime, T> {
    Opening(Opening<R, T>),
    Open(Box<Stream<R, T>>),
    Failed,
}

type Stream<R, T> = futures_rustls::TlsStream<Prefixed<R, T>>;
type Opening<R, T> = Pin<Box<dyn Future<Output = io::Result<Stream<R, T>>> + Send>>;

/// First byte of a handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 0x16;
/// Most input that is discarded after a handshake that failed, so that a reset does not lose the reason.
const LINGER_BYTES: usize = 64 << 10;

fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

impl TlsAcceptor {
    /// Creates a server that shows `identity`. If there are `clients`, only clients with a certificate of one of these
    /// authorities are served.
    ///
    /// # Errors
    /// If the authorities cannot be used.
    pub fn new(identity: &Identity, clients: Option<&Authorities>) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::new)?;
        let config = match clients {
            Some(clients) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(clients.roots.clone(), provider);
                config.with_client_cert_verifier(verifier.build().map_err(TlsError::new)?)
            }
            None => config.with_no_client_auth(),
        };
        let identity = SingleCertAndKey::from(identity.0.clone());
        let config = config.with_cert_resolver(Arc::new(identity));
        Ok(Self(Arc::new(RwLock::new(Arc::new(config)))))
    }

    /// Takes over everything from `other`, for the connections to come.
    pub fn replace(&self, other: &Self) {
        let config = other.config();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    fn config(&self) -> Arc<ServerConfig> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Wraps the stream of a client at `peer`. Of the limits, `request-timeout` is the longest handshake; `write-timeout`
    /// and `linger-time` apply as ever. A client that does not speak TLS is told so in plain words.
    pub fn accept<R: Runtime, T: Transport<R> + 'static>(
        &self,
        stream: T,
        peer: SocketAddr,
        limits: &SessionLimits,
    ) -> TlsStream<R, T> {
        let acceptor = futures_rustls::TlsAcceptor::from(self.config());
        let io = Io::<R, T>::new(stream, limits);
        let (limit, linger) = (limits.request_timeout, limits.linger_time);
        let opening = async move {
            let handshake = timeout::<R, _>(limit, handshake(acceptor, io)).await;
            let (error, io) = match handshake {
                Some(Ok(stream)) => return Ok(stream.into()),
                Some(Err((error, io))) => (in_words(error), Some(io)),
                None => (late(limit), None),
            };
            // Who only looks whether the port is open does not matter.
            if error.kind() != io::ErrorKind::NotConnected {
                warn_sampled!(%peer, %error, "TLS handshake failed");
            }
            if let Some(io) = io {
                timeout::<R, _>(linger, discard(io)).await;
            }
            Err(error)
        };
        TlsStream(State::Opening(Box::pin(opening)))
    }
}

/// Reads what a client sends and expects to be read, and closes.
async fn discard<R: Runtime, T: Transport<R>>(mut io: Prefixed<R, T>) {
    // A client that has gone needs neither.
    let _ = io.close().await;
    let (mut buffer, mut discarded) = ([0; 4096], 0);
    while discarded < LINGER_BYTES
        && let Ok(count @ 1..) = io.read(&mut buffer).await
    {
        discarded += count;
    }
}

type Accepted<R, T> = Result<futures_rustls::server::TlsStream<Prefixed<R, T>>, (io::Error, Prefixed<R, T>)>;

async fn handshake<R: Runtime, T: Transport<R>>(
    acceptor: futures_rustls::TlsAcceptor,
    mut io: Io<R, T>,
) -> Accepted<R, T> {
    let mut first = vec![0; 1024];
    let count = match io.read(&mut first).await {
        Ok(0) => Err(io::ErrorKind::NotConnected.into()),
        read => read,
    };
    let count = match count {
        Ok(count) => count,
        Err(error) => return Err((error, Prefixed::new(io))),
    };
    first.truncate(count);
    if first[0] != HANDSHAKE {
        let words = ONLY_TLS;
        let answer = match first[0].is_ascii_uppercase() {
            // A method of HTTP.
            true => format!(
                "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{words}",
                words.len()
            ),
            false => words.to_owned(),
        };
        // A client that has gone does not need it.
        let _ = io.write_all(answer.as_bytes()).await;
        let error = io::Error::new(io::ErrorKind::InvalidData, "the client does not speak TLS");
        return Err((error, Prefixed::new(io)));
    }
    let io = Prefixed {
        prefix: first,
        read: 0,
        io,
    };
    acceptor.accept(io).into_fallible().await
}

impl TlsConnector {
    /// Creates a client of servers with certificates of `servers`. It shows `identity` to those that ask for one.
    ///
    /// # Errors
    /// If the authorities cannot be used.
    pub fn new(servers: &Authorities, identity: Option<&Identity>) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let verifier = Verifier::new(servers, provider.clone())?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::new)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match identity {
            Some(identity) => {
                let identity = SingleCertAndKey::from(identity.0.clone());
                config.with_client_cert_resolver(Arc::new(identity))
            }
            None => config.with_no_client_auth(),
        };
        Ok(Self {
            config: Arc::new(config),
            server_name: None,
        })
    }

    /// Expects a certificate for `name` (a host name, or an IP address) instead of for the address that is called.
    ///
    /// # Errors
    /// If it is neither.
    pub fn with_server_name(mut self, name: &str) -> Result<Self, TlsError> {
        self.server_name = Some(server_name(name).map_err(TlsError::new)?);
        Ok(self)
    }

    /// Performs the handshake with the server at `address`, `host:port`, within `limit`.
    ///
    /// # Errors
    /// If it fails.
    pub async fn connect<R: Runtime, T: Transport<R> + 'static>(
        &self,
        stream: T,
        address: &str,
        limit: Duration,
    ) -> io::Result<TlsStream<R, T>> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => server_name(host(address))?,
        };
        let limits = SessionLimits::default().with_write_timeout(limit);
        let io = Prefixed::new(Io::<R, T>::new(stream, &limits));
        let connecting = futures_rustls::TlsConnector::from(self.config.clone()).connect(name, io);
        match timeout::<R, _>(limit, connecting).await {
            Some(Ok(stream)) => Ok(TlsStream(State::Open(Box::new(stream.into())))),
            Some(Err(error)) => Err(in_words(error)),
            None => Err(late(limit)),
        }
    }
}

/// Host of `host:port`, without the brackets of an IPv6 address.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn server_name(name: &str) -> io::Result<ServerName<'static>> {
    let why = || {
        let why = format!("{name:?} is not the name of a host that a certificate could be for");
        io::Error::new(io::ErrorKind::InvalidInput, why)
    };
    ServerName::try_from(name.to_owned()).map_err(|_| why())
}

fn late(limit: Duration) -> io::Error {
    let why = format!("the TLS handshake has not ended within {limit:?}");
    io::Error::new(io::ErrorKind::TimedOut, why)
}

impl<R: Runtime, T> std::fmt::Debug for TlsStream<R, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_open = matches!(self.0, State::Open(_));
        formatter
            .debug_struct("TlsStream")
            .field("is_open", &is_open)
            .finish_non_exhaustive()
    }
}

impl<R: Runtime, T: Transport<R>> TlsStream<R, T> {
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut Stream<R, T>>>> {
        if let State::Opening(opening) = &mut self.0 {
            let opened = ready!(opening.as_mut().poll(context));
            self.0 = State::Failed;
            self.0 = State::Open(Box::new(opened?));
            // The other direction has waited for this.
            context.waker().wake_by_ref();
        }
        Poll::Ready(match &mut self.0 {
            State::Open(stream) => Ok(Pin::new(stream)),
            _ => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl<R: Runtime, T: Transport<R>> Transport<R> for TlsStream<R, T> {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let stream = ready!(self.poll_open(context))?;
        stream.poll_read(context, buffer).map_err(in_words)
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = ready!(self.poll_open(context))?;
        stream.poll_write(context, bytes).map_err(in_words)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = ready!(self.poll_open(context))?;
        stream.poll_flush(context).map_err(in_words)
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = ready!(self.poll_open(context))?;
        stream.poll_close(context).map_err(in_words)
    }

    fn abort(&mut self) {
        if let State::Open(stream) = &mut self.0 {
            stream.get_mut().0.io.transport_mut().abort();
        }
    }
}

/// Stream of which some bytes have been read already.
struct Prefixed<R: Runtime, T> {
    prefix: Vec<u8>,
    /// Number of bytes of the prefix that were read again.
    read: usize,
    io: Io<R, T>,
}

impl<R: Runtime, T> Prefixed<R, T> {
    fn new(io: Io<R, T>) -> Self {
        Self {
            prefix: Vec::new(),
            read: 0,
            io,
        }
    }
}

impl<R: Runtime, T: Transport<R>> AsyncRead for Prefixed<R, T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let rest = &this.prefix[this.read..];
        if rest.is_empty() {
            this.prefix = Vec::new();
            this.read = 0;
            return Pin::new(&mut this.io).poll_read(context, buffer);
        }
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        this.read += count;
        Poll::Ready(Ok(count))
    }
}

impl<R: Runtime, T: Transport<R>> AsyncWrite for Prefixed<R, T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(context, bytes)
    }

    /// As one write. After an error only one is made, in which the alert follows other messages.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [part] = parts {
            return self.poll_write(context, part);
        }
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        self.poll_write(context, &bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_close(context)
    }
}
