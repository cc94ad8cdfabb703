//! ZEISS INSPECT requests over real WebSockets, and clients over both transports.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::service::Permission;
use labwire_core::service::importer::service;
use labwire_core::zeiss::{Limits, Outcome, Request, Transport};
use labwire_host::{
    Host, MessageStream, NoReply, Runtime, Signal, Transport as _, WebAccess, ZeissClient, serve, serve_over,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

const PATIENCE: Duration = Duration::from_secs(60);
const IMAGE: &str = "{\"image\": {\"file\": \"a.jpg\", \"name\": \"s\", \"focal_length\": \"50.0\"}}";
const UNREADABLE: &str = "Error: Image file a.jpg could not be read.";

/// Defines a test on a runtime for each function below.
macro_rules! on {
    ($module:ident, $runtime:ty: $($test:ident),* $(,)?) => {
        mod $module {
            $(
                // The peer is on tokio, whatever the host is on.
                #[tokio::test]
                async fn $test() {
                    super::$test::<$runtime>().await;
                }
            )*
        }
    };
    ($module:ident, $runtime:ty) => {
        on!(
            $module, $runtime:
            one_message_is_one_request,
            requests_sent_ahead_are_answered_in_order,
            a_message_over_the_limit_is_refused_in_words,
            foreign_pages_and_names_are_refused,
            hostile_sockets_harm_nobody,
            shutting_down_closes_with_a_frame,
            a_long_answer_comes_in_frames,
            what_is_no_handshake_gets_a_status,
            half_a_message_is_not_waited_for,
            pongs_that_nobody_reads_end_the_connection,
            pings_from_a_server_do_not_fill_a_client,
            a_client_asks_as_often_as_it_likes,
            a_client_says_that_nobody_speaks_websocket,
        );
    };
}

on!(tokio_host, labwire_tokio::Tokio);
on!(async_std_host, labwire_async_std::AsyncStd);

/// Serves until the test ends, or the signal is set.
async fn start<R: Runtime>(transport: Transport, limits: Limits) -> (SocketAddr, Signal) {
    let (listener, address) = R::bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let shutdown = Signal::default();
    let signal = shutdown.clone();
    R::spawn(async move {
        let session = limits.session.clone();
        let service = service(transport, limits, Permission::Local, |_| Outcome::Unreadable);
        let host = Host::<_, R>::start("zeiss", service, HostLimits::default());
        match transport {
            Transport::Tcp => serve(listener, &host, signal.wait()).await,
            Transport::WebSocket => {
                let wrap = |stream, _| MessageStream::<R, _>::accept(stream, WebAccess::default(), &session);
                serve_over(listener, &host, signal.wait(), wrap).await
            }
        };
    });
    (address, shutdown)
}

type Socket = WebSocketStream<TcpStream>;

async fn connect(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let mut request = format!("ws://{address}/").into_client_request()?;
    for (name, value) in headers {
        request
            .headers_mut()
            .insert(*name, value.parse().expect("a header"));
    }
    Ok(client_async(request, stream).await?.0)
}

async fn open(address: SocketAddr) -> Socket {
    connect(address, &[]).await.expect("a handshake")
}

async fn next(socket: &mut Socket) -> Option<Message> {
    let message = tokio::time::timeout(PATIENCE, socket.next()).await;
    message.expect("in time")?.ok()
}

async fn ask(socket: &mut Socket, message: impl Into<Message>) -> String {
    socket.send(message.into()).await.expect("an open socket");
    match next(socket).await {
        Some(Message::Text(text)) => text.as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// The end in the way of upstream's newer script: a close frame with code 1000.
async fn assert_closed(socket: &mut Socket) {
    match next(socket).await {
        Some(Message::Close(Some(frame))) => assert_eq!(frame.code, CloseCode::Normal),
        other => panic!("{other:?}"),
    }
    assert_eq!(next(socket).await, None);
}

async fn one_message_is_one_request<R: Runtime>() {
    let (address, _shutdown) = start::<R>(Transport::WebSocket, Limits::default()).await;
    let mut socket = open(address).await;
    assert_eq!(ask(&mut socket, IMAGE).await, UNREADABLE);
    assert_eq!(ask(&mut socket, Message::binary(IMAGE)).await, UNREADABLE);
    assert_eq!(ask(&mut socket, "").await, "Error: Malformed JSON message.");
    assert_eq!(
        ask(&mut socket, format!("{IMAGE}\u{4}")).await,
        "Error: Malformed JSON message."
    );
    assert_eq!(
        ask(&mut socket, "{\"µ\": 1}").await,
        "Error: Unknown request:\n{'µ': 1}"
    );
    // In three frames, with a ping between them.
    for (index, piece) in [&IMAGE[..9], &IMAGE[9..20], &IMAGE[20..]].into_iter().enumerate() {
        let header = FrameHeader {
            is_final: index == 2,
            opcode: OpCode::Data(if index == 0 { Data::Text } else { Data::Continue }),
            ..FrameHeader::default()
        };
        let frame = Frame::from_payload(header, piece.to_owned().into());
        socket.send(Message::Frame(frame)).await.expect("an open socket");
        if index == 1 {
            socket
                .send(Message::Ping("x".into()))
                .await
                .expect("an open socket");
            assert_eq!(next(&mut socket).await, Some(Message::Pong("x".into())));
        }
    }
    assert_eq!(next(&mut socket).await, Some(UNREADABLE.into()));
    assert_eq!(
        ask(&mut socket, "quit\n").await,
        "bye",
        "what begins with quit ends it"
    );
    assert_closed(&mut socket).await;
}

async fn a_long_answer_comes_in_frames<R: Runtime>() {
    let (address, _shutdown) = start::<R>(Transport::WebSocket, Limits::default()).await;
    let mut socket = open(address).await;
    let text = "µ".repeat(100_000);
    assert_eq!(
        ask(&mut socket, format!("{{\"n\": \"{text}\"}}")).await,
        format!("Error: Unknown request:\n{{'n': '{text}'}}")
    );
    assert_eq!(ask(&mut socket, IMAGE).await, UNREADABLE);
}

fn impatient() -> Limits {
    let mut limits = Limits::default();
    limits.session = limits
        .session
        .with_request_timeout(Duration::from_millis(200))
        .with_write_timeout(Duration::from_millis(200));
    limits
}

async fn what_is_no_handshake_gets_a_status<R: Runtime>() {
    let (address, _shutdown) = start::<R>(Transport::WebSocket, impatient()).await;
    for (request, status) in [
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "426 Upgrade Required",
        ),
        ("{\"image\": {}}\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\nHost: loc", "408 Request Timeout"),
        ("", "408 Request Timeout"),
    ] {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        stream.write_all(request.as_bytes()).await.expect("a reader");
        let mut answer = String::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
        read.expect("in time").expect("an answer");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{request:?}: {answer}"
        );
        assert!(answer.contains("\r\n\r\na WebSocket belongs here: "), "{answer}");
    }
}

/// A masked frame's header, and the start of its payload.
const HALF: [u8; 10] = [0x81, 0x80 | 50, 0, 0, 0, 0, b'h', b'a', b'l', b'f'];
const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];
/// The longest payload of a ping.
const PAYLOAD: [u8; 125] = [b'x'; 125];

async fn half_a_message_is_not_waited_for<R: Runtime>() {
    let (address, _shutdown) = start::<R>(Transport::WebSocket, impatient()).await;
    let mut idle = open(address).await;
    let mut whole = HALF;
    whole[1] = 0x80 | 4;
    whole[0] = 0x01;
    // In the second case the frame is whole, and the message is not; pings do not make up for that.
    for half in [&HALF[..], &[&whole[..], &PING].concat()] {
        let mut socket = open(address).await;
        assert_eq!(ask(&mut socket, IMAGE).await, UNREADABLE);
        socket.get_mut().write_all(half).await.expect("a reader");
        while let Some(message) = next(&mut socket).await {
            assert!(message.is_pong(), "{message:?}");
        }
    }
    // A connection that says nothing falls under the other limit.
    assert_eq!(ask(&mut idle, IMAGE).await, UNREADABLE);
}

async fn pongs_that_nobody_reads_end_the_connection<R: Runtime>() {
    let (address, _shutdown) = start::<R>(Transport::WebSocket, impatient()).await;
    let mut socket = open(address).await;
    let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0], &PAYLOAD[..]].concat();
    let pings = ping.repeat(1000);
    let flood = async { while socket.get_mut().write_all(&pings).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, flood).await.expect("an end");
}

async fn pings_from_a_server_do_not_fill_a_client<R: Runtime>() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut socket = tokio_tungstenite::accept_async(stream)
            .await
            .expect("a handshake");
        let pings = [&[0x89, 125], &PAYLOAD[..]].concat().repeat(1000);
        while socket.get_mut().write_all(&pings).await.is_ok() {}
    });
    let stream = R::connect(address).await.expect("somebody listens");
    let mut limits = impatient();
    limits.session.request_timeout = PATIENCE;
    let messages = MessageStream::connect(stream, &address.to_string(), &limits.session);
    let client = ZeissClient::over_websocket::<R>(address, messages, limits);
    let answer = client.ask("{}".to_owned()).await;
    let answer = answer.map_err(|error| error.error);
    assert!(matches!(answer, Err(NoReply::Failed(_))), "{answer:?}");
    server.await.expect("an end");
}

async fn requests_sent_ahead_are_answered_in_order<R: Runtime>() {
    let (address, _shutdown) = start::<R>(Transport::WebSocket, Limits::default()).await;
    let mut socket = open(address).await;
    for number in 0..500 {
        socket
            .feed(format!("{{\"n\": {number}}}").into())
            .await
            .expect("an open socket");
    }
    socket.flush().await.expect("an open socket");
    for number in 0..500 {
        let expected = format!("Error: Unknown request:\n{{'n': {number}}}");
        assert_eq!(next(&mut socket).await, Some(expected.into()));
    }
    // The peer's close frame is answered before the connection ends.
    socket.close(None).await.expect("an open socket");
    assert!(matches!(next(&mut socket).await, Some(Message::Close(_))));
    assert_eq!(next(&mut socket).await, None);
}

async fn a_message_over_the_limit_is_refused_in_words<R: Runtime>() {
    let mut limits = Limits::default();
    limits.session.message_bytes = 1000;
    let (address, _shutdown) = start::<R>(Transport::WebSocket, limits).await;
    let mut socket = open(address).await;
    assert_eq!(
        ask(&mut socket, " ".repeat(1000)).await,
        "Error: Malformed JSON message."
    );
    // Larger than what fits the sockets' buffers, so that closing with input unread would lose the answer.
    let (mut sink, mut stream) = socket.split();
    let flood = tokio::spawn(async move { sink.send(" ".repeat(3 << 20).into()).await });
    let answer = tokio::time::timeout(PATIENCE, stream.next())
        .await
        .expect("in time");
    let expected = "Error: Message exceeds the limit message-bytes of 1000 bytes.";
    assert_eq!(answer.expect("an answer").expect("a frame"), expected.into());
    flood.abort();
}

async fn foreign_pages_and_names_are_refused<R: Runtime>() {
    let (address, _shutdown) = start::<R>(Transport::WebSocket, Limits::default()).await;
    for headers in [
        [("Origin", "https://evil.example"), ("X", "")],
        [("Origin", "null"), ("X", "")],
        [("Host", "evil.example"), ("X", "")],
        [("Host", "evil.example"), ("Origin", "http://evil.example")],
    ] {
        match connect(address, &headers).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{headers:?}"),
            other => panic!("{headers:?}: {other:?}"),
        }
    }
    let mut socket = connect(address, &[("Origin", "http://localhost:8080")])
        .await
        .expect("a local page");
    assert_eq!(ask(&mut socket, IMAGE).await, UNREADABLE);
}

async fn hostile_sockets_harm_nobody<R: Runtime>() {
    let mut limits = Limits::default();
    limits.session.request_timeout = Duration::from_millis(200);
    limits.session.write_timeout = Duration::from_millis(200);
    let (address, _shutdown) = start::<R>(Transport::WebSocket, limits).await;
    let mut onlooker = open(address).await;
    for bytes in [
        &b""[..],
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\0\xa5",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &[b'x'; 100_000],
    ] {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        // It may be refused before it is completely sent.
        let _ = stream.write_all(bytes).await;
        let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        // Silence is ended as well, with or without a reset.
        let _ = end.expect("in time");
        assert_eq!(ask(&mut onlooker, IMAGE).await, UNREADABLE);
    }
    // Invalid frames, and invalid text.
    for bytes in [&[0xff; 20][..], &[0x81, 0x81, 0, 0, 0, 0, 0xff]] {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut socket = open(address).await;
        socket.get_mut().write_all(bytes).await.expect("an open socket");
        let mut rest = Vec::new();
        let end = tokio::time::timeout(PATIENCE, socket.get_mut().read_to_end(&mut rest)).await;
        let _ = end.expect("in time");
        assert_eq!(ask(&mut onlooker, IMAGE).await, UNREADABLE);
    }
}

async fn shutting_down_closes_with_a_frame<R: Runtime>() {
    let (address, shutdown) = start::<R>(Transport::WebSocket, Limits::default()).await;
    let mut socket = open(address).await;
    assert_eq!(ask(&mut socket, IMAGE).await, UNREADABLE);
    shutdown.set();
    assert_closed(&mut socket).await;
}

async fn client<R: Runtime>(address: SocketAddr) -> ZeissClient {
    let stream = R::connect(address).await.expect("somebody listens");
    let limits = Limits::default();
    let messages = MessageStream::connect(stream, &address.to_string(), &limits.session);
    ZeissClient::over_websocket::<R>(address, messages, limits)
}

async fn a_client_asks_as_often_as_it_likes<R: Runtime>() {
    let (address, _shutdown) = start::<R>(Transport::WebSocket, Limits::default()).await;
    let client = client::<R>(address).await;
    let request = Request::image("a.jpg", "s", 50.0).expect("valid input");
    for _ in 0..3 {
        assert_eq!(client.ask(request.to_text()).await.as_deref(), Ok(UNREADABLE));
    }
    assert_eq!(client.ask("quit".to_owned()).await.as_deref(), Ok("bye"));
    assert!(client.ask(request.to_text()).await.is_err());
}

async fn a_client_says_that_nobody_speaks_websocket<R: Runtime>() {
    let mut impatient = Limits::default();
    impatient.session.request_timeout = Duration::from_millis(100);
    let (address, _shutdown) = start::<R>(Transport::Tcp, impatient).await;
    let answer = client::<R>(address).await.ask("{}".to_owned()).await;
    let answer = answer.map_err(|error| error.error);
    assert!(matches!(answer, Err(NoReply::Failed(_))), "{answer:?}");
}

/// Transport of a peer that has always sent more: a handshake, then the same bytes again and again.
struct Endless {
    handshake: &'static [u8],
    rest: &'static [u8],
    reads: Arc<AtomicUsize>,
}

impl labwire_host::Transport<labwire_tokio::Tokio> for Endless {
    fn poll_read(&mut self, _context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if !self.handshake.is_empty() {
            let count = self.handshake.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.handshake[..count]);
            self.handshake = &self.handshake[count..];
            return Poll::Ready(Ok(count));
        }
        let count = buffer.len() / self.rest.len() * self.rest.len();
        buffer[..count]
            .chunks_mut(self.rest.len())
            .for_each(|chunk| chunk.copy_from_slice(self.rest));
        Poll::Ready(Ok(count))
    }

    fn poll_write(&mut self, _context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_finish(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {}
}

/// On runtimes that leave it to each task to let others have their turn.
#[tokio::test]
async fn a_flood_leaves_others_their_turn() {
    const UPGRADE: &[u8] =
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for (handshake, rest) in [
        // Pings are answered, and no message.
        (UPGRADE, &b"\x89\x80\0\0\0\0"[..]),
        // What is no handshake is read for a while after the refusal.
        (b"nonsense\r\n\r\n", b"nonsense"),
    ] {
        let reads = Arc::new(AtomicUsize::new(0));
        let peer = Endless {
            handshake,
            rest,
            reads: reads.clone(),
        };
        let limits = SessionLimits::default();
        let mut stream =
            MessageStream::<labwire_tokio::Tokio, _>::accept(peer, WebAccess::default(), &limits);
        for _ in 0..10 {
            let before = reads.load(Ordering::Relaxed);
            poll_fn(|context| {
                assert!(stream.poll_read(context, &mut [0; 100]).is_pending());
                Poll::Ready(())
            })
            .await;
            assert!(reads.load(Ordering::Relaxed) - before < 1000);
        }
    }
}
