//! Port for browsers: a page, the bridge from WebSockets to the servers, and monitoring.
//!
//! | path | answers |
//! | --- | --- |
//! | `/open`, `/obe` ... | a WebSocket, whose messages carry the bytes that TCP would (see [`WebSocketBytes`](crate::WebSocketBytes)) |
//! | `/bridge` | which of these paths there are, as JSON |
//! | `/live` | status 200, while the process does anything |
//! | `/ready` | status 200, or 503 and why not |
//! | `/metrics` | counts of every server, in Prometheus' text format |
//! | anything else | a file of the page |
//!
//! `Host` and `Origin` of every request are checked by [`WebAccess`]. If there is a token, `/bridge`, `/metrics` and
//! the WebSockets require it: as `Authorization: Bearer TOKEN`, or as `?token=TOKEN` from a page, whose WebSockets
//! cannot send such a header.

mod bridge;
mod metrics;
mod page;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue,
    ORIGIN, VARY, WWW_AUTHENTICATE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_host::{Admission, Ending, Io, Peers, PortSecurity, Statistics, WebAccess, warn_sampled};
use percent_encoding::percent_decode_str;
use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use bridge::{Gate, Target, WebSocket};
pub use page::{Page, PageFile};

use crate::{MaybeTls, Tokio};

/// Connection as hyper sees it.
type Connection = TokioIo<Compat<Io<Tokio, MaybeTls>>>;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Options of the port.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebSettings {
    /// Hosts and pages that may use the port.
    pub access: WebAccess,
    /// Token that users of the bridge must present. `None`: no token is required.
    pub token: Option<String>,
    /// `frame-bytes`: the longest WebSocket message. A longer one ends its connection with code 1009. Messages need
    /// not contain whole requests.
    pub frame_bytes: usize,
    /// Limits of connections, of which these apply: `request-timeout`, for the head of a request and between two;
    /// `write-timeout`, for an answer that is not read; `linger-time`, for the same once the port is told to end. Bodies of
    /// requests are not read.
    pub session: SessionLimits,
    /// `connection-time`: time that a connection may last, with all its requests and answers, unless it becomes a
    /// WebSocket. Then it is closed.
    pub connection_time: Duration,
    /// Limits of the port. An open WebSocket counts at the server behind it.
    pub limits: HostLimits,
    /// Page of the port.
    pub page: Page,
    /// Security of the port.
    pub security: PortSecurity,
}

impl WebSettings {
    /// Creates settings that serve this page to this machine: no token, messages of up to 1 MiB, connections
    /// of up to 10 minutes.
    #[must_use]
    pub fn new(page: Page) -> Self {
        Self {
            access: WebAccess::default(),
            token: None,
            frame_bytes: 1 << 20,
            session: SessionLimits::default(),
            connection_time: Duration::from_secs(600),
            limits: HostLimits::default(),
            page,
            security: PortSecurity::Plain,
        }
    }
}

/// Whether the servers are ready. Clones share the state.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<Mutex<Cow<'static, str>>>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(Mutex::new("starting".into())))
    }
}

impl Readiness {
    /// Sets the state: ready, or not ready for a reason.
    pub fn set(&self, state: Result<(), Cow<'static, str>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state.err().unwrap_or_default();
    }

    /// Reason why the servers are not ready, if they are not.
    fn obstacle(&self) -> Option<String> {
        let reason = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!reason.is_empty()).then(|| reason.clone().into_owned())
    }
}

/// State of the port.
pub struct Web {
    options: WebSettings,
    readiness: Readiness,
    watched: Vec<Arc<dyn Gate>>,
    targets: BTreeMap<&'static str, Target>,
    admission: Admission,
    peers: Peers,
    requests: AtomicU64,
    start: Instant,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl std::fmt::Debug for Web {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Web").finish_non_exhaustive()
    }
}

impl Web {
    /// Creates a port without servers behind it.
    pub fn new(options: WebSettings, readiness: Readiness) -> Self {
        Self {
            peers: options.limits.peers.clone().into(),
            options,
            readiness,
            watched: Vec::new(),
            targets: BTreeMap::new(),
            admission: Admission::default(),
            requests: AtomicU64::new(0),
            start: Instant::now(),
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        }
    }

    /// List of the peers that may connect; at first the limit `peers`.
    #[must_use]
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Adds a server to `/metrics`.
    pub fn watch(&mut self, server: Arc<dyn Gate>) {
        self.watched.push(server);
    }

    /// Connects WebSockets to `/path` with `target`.
    pub fn connect(&mut self, path: &'static str, target: Target) {
        self.targets.insert(path, target);
    }

    /// Serves until `shutdown` is cancelled, then for at most the limit `grace-time`.
    pub async fn serve(mut self, listener: TcpListener, shutdown: CancellationToken) -> Ending {
        self.shutdown = shutdown.clone();
        let web = Arc::new(self);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => web.take(stream, address),
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(error) => {
                        warn_sampled!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                () = shutdown.cancelled() => break,
            }
        }
        drop(listener);
        web.tasks.close();
        let ended = tokio::time::timeout(web.options.limits.grace_time, web.tasks.wait()).await;
        Ending {
            by_request: false,
            cut: ended.map_or(web.tasks.len(), |()| 0),
        }
    }

    fn take(self: &Arc<Self>, stream: TcpStream, address: SocketAddr) {
        let limits = &self.options.limits;
        let ip = address.ip().to_canonical();
        let admitted = self.peers.check(ip);
        let permit = match admitted.and_then(|()| self.admission.admit(ip, limits)) {
            Ok(permit) => permit,
            Err(reason) => return warn_sampled!(peer = %address, %reason, "connection refused"),
        };
        // Fails if the peer has already gone.
        let _ = stream.set_nodelay(true);
        let web = self.clone();
        self.tasks.spawn(async move {
            let answer = service_fn(|request| web.clone().answer(address, request));
            let session = &web.options.session;
            let stream: MaybeTls = web.options.security.accept(stream, address, session);
            let io = Io::new(stream, session);
            let written = io.written();
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                // netcat finishes its sending side and then waits for the answer.
                .half_close(true)
                .header_read_timeout(web.options.session.request_timeout)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(TokioIo::new(io.compat()), answer)
                .with_upgrades();
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = timeout(web.options.connection_time, connection.as_mut()) => ended.ok(),
                () = web.shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    finish(connection, &written, web.options.session.linger_time).await
                }
            };
            match ended {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::debug!(peer = %address, %error, "http connection broken"),
                None => tracing::debug!(peer = %address, "http connection cut: it took too long"),
            }
            drop(permit);
        });
    }

    async fn answer(
        self: Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let asking = (request.uri().path() == "/bridge").then(|| request.headers().get(ORIGIN).cloned());
        let mut response = self.route(peer, request).await;
        // Foreign pages that may use the bridge may also read its directory.
        if let (Some(Some(origin)), true) = (asking, response.status() != StatusCode::FORBIDDEN) {
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(VARY, HeaderValue::from_static("origin"));
        }
        for (name, value) in HEADERS {
            let header = response.headers_mut().entry(name);
            header.or_insert(HeaderValue::from_static(value));
        }
        Ok(response)
    }

    async fn route(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
        if let Err(forbidden) = self.options.access.check(request.headers()) {
            warn_sampled!(%peer, %forbidden, "request refused");
            return text(StatusCode::FORBIDDEN, forbidden.to_string());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here");
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let path = request.uri().path().trim_start_matches('/');
        let target = self.targets.get(path);
        if (target.is_some() || matches!(path, "bridge" | "metrics")) && !self.knows_token(&request) {
            let mut response = text(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return response;
        }
        match (path, target) {
            (_, Some(target)) => self.upgrade(target, peer, request),
            ("live", _) => text(StatusCode::OK, "live"),
            ("ready", _) => match self.readiness.obstacle() {
                None => text(StatusCode::OK, "ready"),
                Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, reason),
            },
            ("metrics", _) => typed(StatusCode::OK, metrics::TYPE, self.metrics()),
            ("bridge", _) => typed(StatusCode::OK, "application/json", self.directory()),
            _ => page::file(&self.options.page, request).await,
        }
    }

    fn knows_token(&self, request: &Request<Incoming>) -> bool {
        let Some(token) = &self.options.token else {
            return true;
        };
        let header = request.headers().get(AUTHORIZATION);
        let bearer = header.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let pairs = request.uri().query().unwrap_or_default().split('&');
        let queried = pairs.filter_map(|pair| pair.strip_prefix("token=")).next();
        let is_token = |given: &[u8]| bool::from(given.ct_eq(token.as_bytes()));
        bearer.is_some_and(|given| is_token(given.as_bytes()))
            || queried.is_some_and(|given| is_token(&Cow::from(percent_decode_str(given))))
    }

    fn metrics(&self) -> String {
        let (accepted, refused) = self.admission.totals();
        let mut own = Statistics::default();
        own.connections = self.admission.count();
        (own.accepted, own.refused) = (accepted, refused);
        own.requests = self.requests.load(Ordering::Relaxed);
        let servers = self
            .watched
            .iter()
            .map(|server| (server.name(), server.statistics()));
        metrics::text(
            self.start.elapsed(),
            &servers.chain([("web", own)]).collect::<Vec<_>>(),
        )
    }
}

/// Output of `connection`, as long as it makes progress: something is written in every `interval`.
async fn finish<T>(
    connection: impl Future<Output = T>,
    written: &AtomicU64,
    interval: Duration,
) -> Option<T> {
    let mut connection = pin!(connection);
    loop {
        let before = written.load(Ordering::Relaxed);
        if let Ok(ended) = timeout(interval, connection.as_mut()).await {
            return Some(ended);
        }
        if written.load(Ordering::Relaxed) == before {
            return None;
        }
    }
}

/// Longest head of a request.
const HEAD_BYTES: usize = 64 << 10;

/// Headers of every response that has no others of these names: pages load nothing from elsewhere, cannot be embedded in other
/// pages, and are asked for again whenever they are shown.
const HEADERS: [(HeaderName, &str); 3] = [
    (
        hyper::header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; connect-src *; img-src 'self' data: blob:; script-src 'self' 'wasm-unsafe-eval'; \
         style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'",
    ),
    (hyper::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-cache"),
];

fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut text = text.into();
    text.push('\n');
    typed(status, "text/plain; charset=utf-8", text)
}

fn typed(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
