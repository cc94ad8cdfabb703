//! Web port, and requests to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::open::write_request;
use labwire_tests::adder::{Adder, request};
use labwire_tokio::web::{Gate, Page, Readiness, Target, Web, WebSettings};
use labwire_tokio::{Ending, Host};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, so that a test that hangs fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// More terms than any test waits for.
pub(crate) const ENDLESS: u64 = 1 << 60;
pub(crate) const FRAME_BYTES: usize = 100_000;

pub(crate) fn options(page: &TempDir) -> WebSettings {
    let mut options = WebSettings::new(Page::Folder(page.path().to_owned()));
    options.frame_bytes = FRAME_BYTES;
    options.connection_time = PATIENCE;
    options.session = SessionLimits::default().with_request_timeout(PATIENCE);
    options
}

/// Running web port.
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: JoinHandle<Ending>,
    pub(crate) readiness: Readiness,
    _page: TempDir,
}

impl Port {
    pub(crate) async fn start(change: impl FnOnce(&mut WebSettings), connect: impl FnOnce(&mut Web)) -> Self {
        let page = tempfile::tempdir().expect("a temporary folder");
        let mut options = options(&page);
        change(&mut options);
        let readiness = Readiness::default();
        let mut web = Web::new(options, readiness.clone());
        connect(&mut web);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(web.serve(listener, shutdown.clone()));
        Self {
            address,
            shutdown,
            serving,
            readiness,
            _page: page,
        }
    }

    /// Port with one server behind it.
    pub(crate) async fn to(server: Arc<dyn Gate>) -> Self {
        let connect = |web: &mut Web| {
            web.watch(server.clone());
            web.connect("server", Target::Server(server));
        };
        Self::start(|_| {}, connect).await
    }

    /// Status and the rest of the response.
    pub(crate) async fn get(&self, path: &str, headers: &str) -> (u16, String) {
        let host = self.address;
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"
        ))
        .await
    }

    pub(crate) async fn send(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut response = String::new();
        patiently(stream.read_to_string(&mut response))
            .await
            .expect("text");
        let status = response.get(9..12).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("{response}")), response)
    }

    pub(crate) async fn open(&self, path: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
        let stream = TcpStream::connect(self.address).await.expect("it listens");
        let mut request = format!("ws://{}{path}", self.address).into_client_request()?;
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(*name, value.parse().expect("a header"));
        }
        Ok(client_async(request, stream).await?.0)
    }

    pub(crate) async fn socket(&self, path: &str) -> Socket {
        self.open(path, &[]).await.expect("a handshake")
    }
}

pub(crate) type Socket = WebSocketStream<TcpStream>;

pub(crate) async fn patiently<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

pub(crate) fn status(result: Result<Socket, Error>) -> u16 {
    match result {
        Err(Error::Http(response)) => response.status().as_u16(),
        Ok(_) => 101,
        Err(error) => panic!("{error}"),
    }
}

/// All bytes up to the close frame, and its code and reason.
pub(crate) async fn read_to_close(socket: &mut Socket) -> (Vec<u8>, CloseCode, String) {
    let mut bytes = Vec::new();
    loop {
        match patiently(socket.next()).await {
            Some(Ok(Message::Binary(piece))) => bytes.extend_from_slice(&piece),
            Some(Ok(Message::Close(Some(frame)))) => return (bytes, frame.code, frame.reason.to_string()),
            other => panic!("{other:?} after {}", bytes.escape_ascii()),
        }
    }
}

/// `count` bytes.
pub(crate) async fn read_bytes(socket: &mut Socket, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        match patiently(socket.next()).await {
            Some(Ok(Message::Binary(piece))) => bytes.extend_from_slice(&piece),
            other => panic!("{other:?} after {}", bytes.escape_ascii()),
        }
    }
    bytes
}

pub(crate) fn adder(limits: HostLimits) -> (Arc<Host<Adder>>, Arc<std::sync::atomic::AtomicUsize>) {
    let adder = Adder::new(SessionLimits::default());
    let started = adder.started();
    (Arc::new(Host::start("server", adder, limits)), started)
}

pub(crate) fn run(n: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_request(&mut bytes, &request(n));
    bytes
}

pub(crate) async fn until(what: impl Fn() -> bool) {
    patiently(async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
