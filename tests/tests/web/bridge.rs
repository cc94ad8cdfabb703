//! Access to the bridge, and the traffic through it.

use std::sync::Arc;

use crate::port::*;
use futures_util::{SinkExt, StreamExt};
use labwire_core::design::DEFAULT_EXPERIMENT;
use labwire_core::device::Dialect;
use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::pymodaq::{Command, ControlRequest, Controller};
use labwire_core::service::designer::{self, DesignerHandler};
use labwire_core::service::registry::{Registry, RegistrySettings};
use labwire_core::service::{Permission, importer};
use labwire_core::session::{Asker, Session};
use labwire_core::simulate::{Behaviour, Emulator};
use labwire_core::time::Instant;
use labwire_core::zeiss::{Outcome, Transport};
use labwire_tests::adder::{Adder, harmonic};
use labwire_tokio::web::{Target, WebSettings};
use labwire_tokio::{Host, HostedService, PosteriorFolder, Statistics, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_util::sync::CancellationToken;

/// The same bytes to the same server, by TCP and by WebSocket, cut into messages in any way: the same answer. `end`
/// is the end of the answer; `None` if the end of the stream asks for it.
async fn same_bytes<S: HostedService>(service: S, said: &[u8], end: Option<&[u8]>) {
    let host = Arc::new(Host::start("server", service, HostLimits::default()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let serving = host.clone();
    tokio::spawn(async move { serve(listener, &serving, &CancellationToken::new()).await });
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(said).await.expect("it reads");
    let mut answer = Vec::new();
    match end {
        None => {
            stream.shutdown().await.expect("an open socket");
            patiently(stream.read_to_end(&mut answer))
                .await
                .expect("a regular end");
        }
        Some(end) => {
            while !answer.ends_with(end) {
                answer.push(patiently(stream.read_u8()).await.expect("more"));
            }
        }
    }
    assert!(!answer.is_empty());

    let port = Port::to(host).await;
    for size in [1, 7, said.len()] {
        let mut socket = port.socket("/server").await;
        for (index, piece) in said.chunks(size).enumerate() {
            let message = match str::from_utf8(piece) {
                Ok(text) if index % 2 == 0 => Message::text(text),
                _ => Message::binary(piece.to_vec()),
            };
            socket.feed(message).await.expect("an open socket");
        }
        socket.flush().await.expect("an open socket");
        let bytes = if end.is_some() {
            read_bytes(&mut socket, answer.len()).await
        } else {
            socket
                .send(Message::binary(Vec::new()))
                .await
                .expect("an open socket");
            let (bytes, code, _) = read_to_close(&mut socket).await;
            assert_eq!(code, CloseCode::Normal);
            bytes
        };
        assert_eq!(
            bytes.escape_ascii().to_string(),
            answer.escape_ascii().to_string()
        );
    }
}

#[tokio::test]
async fn every_protocol_gets_through_byte_for_byte() {
    let open = "{\"KeepAlive\":true}{\"Ping\":3}{\"Run\":{\"parameter\":[]}}{\"Ping\":4}";
    same_bytes(Adder::new(SessionLimits::default()), open.as_bytes(), None).await;

    let obe = "0000000020{\"command\": \"ready\"}0000000022{\"command\": \"getmean\"}";
    let folder = PosteriorFolder::new(None);
    let designer = DesignerHandler::new(DEFAULT_EXPERIMENT, Default::default(), 1, folder);
    let designer = designer.expect("the example is right");
    let designer = designer::service(Default::default(), Default::default(), designer);
    same_bytes(designer, obe.as_bytes(), None).await;

    let import = importer::service(Transport::Tcp, Default::default(), Permission::Local, |_| {
        Outcome::Unreadable
    });
    let image = "{\"image\": {\"file\": \"\u{b5}.jpg\", \"name\": \"s\", \"focal_length\": \"50.0\"}}";
    same_bytes(import, image.as_bytes(), None).await;

    let mut controller = Controller::new(Instant::ZERO, &Default::default());
    let list = ControlRequest {
        id: 1,
        modules: Vec::new(),
        command: Command::List,
    };
    controller.request(Instant::ZERO, &list).expect("a request");
    let modules = Registry::new(RegistrySettings::default());
    same_bytes(modules, controller.transmit(), Some(b"\0\0\0\x04list\0\0\0\0")).await;

    let dialect = Dialect::by_name("scpi").expect("it is in the list");
    let device = Emulator::new(dialect, Behaviour::of(dialect), Vec::new(), 0);
    let device = device.into_service(SessionLimits::default());
    same_bytes(device, b"*IDN?\nVOLT 5\nVOLT?\n", Some(b"\n5\n")).await;
}

#[tokio::test]
async fn foreign_pages_and_names_are_refused_everywhere() {
    let port = Port::to(adder(HostLimits::default()).0).await;
    for (headers, expected) in [
        (&[("Origin", "https://evil.example")][..], 403),
        (&[("Origin", "null")], 403),
        (&[("Host", "evil.example")], 403),
        (
            &[("Host", "evil.example"), ("Origin", "http://evil.example")],
            403,
        ),
        (&[("Origin", "http://localhost:5173")], 101),
        (
            &[("Host", "192.168.1.7:80"), ("Origin", "http://192.168.1.7:80")],
            101,
        ),
        (&[], 101),
    ] {
        assert_eq!(
            status(port.open("/server", headers).await),
            expected,
            "{headers:?}"
        );
    }
    for path in ["/", "/live", "/ready", "/metrics", "/bridge"] {
        assert_eq!(
            port.get(path, "Origin: https://evil.example\r\n").await.0,
            403,
            "{path}"
        );
        let rebound = format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        assert_eq!(port.send(&rebound).await.0, 403, "{path}");
    }
    // A foreign page that may use the bridge may read the directory, and nothing else.
    for (path, is_allowed) in [("/bridge", true), ("/metrics", false)] {
        let (_, response) = port.get(path, "Origin: http://localhost:5173\r\n").await;
        let header = "access-control-allow-origin: http://localhost:5173\r\n";
        assert_eq!(
            response.to_ascii_lowercase().contains(header),
            is_allowed,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_token_is_asked_for_where_there_is_one() {
    let (server, _) = adder(HostLimits::default());
    let change = |options: &mut WebSettings| options.token = Some("se cret&".to_owned());
    let port = Port::start(change, |web| web.connect("server", Target::Server(server))).await;
    for (path, header, expected) in [
        ("/server", "", 401),
        ("/server?token=secret", "", 401),
        ("/server?token=", "Bearer secret", 401),
        ("/server?token=se%20cret%26", "", 101),
        ("/server?x=y&token=se%20cret%26", "Bearer wrong", 101),
        ("/server", "Bearer se cret&", 101),
    ] {
        let headers = [("Authorization", header)];
        assert_eq!(
            status(port.open(path, &headers).await),
            expected,
            "{path} {header}"
        );
    }
    for path in ["/metrics", "/bridge"] {
        assert_eq!(port.get(path, "").await.0, 401, "{path}");
        assert_eq!(
            port.get(path, "Authorization: Bearer se cret&\r\n").await.0,
            200,
            "{path}"
        );
    }
    assert_eq!(port.get("/live", "").await.0, 200);
}

#[tokio::test]
async fn a_page_that_closes_in_mid_solve_leaves_nothing_running() {
    let (server, started) = adder(HostLimits::default());
    let port = Port::to(server.clone()).await;
    for ending in 0..4 {
        let before = started.load(std::sync::atomic::Ordering::Relaxed);
        let mut socket = port.socket("/server").await;
        socket
            .send(Message::binary(run(ENDLESS)))
            .await
            .expect("an open socket");
        if ending % 2 == 1 {
            // It has sent everything, and still waits for the answer.
            socket
                .send(Message::binary(Vec::new()))
                .await
                .expect("an open socket");
        }
        until(|| started.load(std::sync::atomic::Ordering::Relaxed) > before).await;
        until(|| server.statistics().running == 1).await;
        if ending < 2 {
            socket.close(None).await.expect("an open socket");
        }
        drop(socket);
        until(|| server.statistics().running == 0 && server.connections() == 0).await;
    }
    let Statistics { accepted, jobs, .. } = server.statistics();
    assert_eq!((accepted, jobs), (4, 4));
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_its_connection_only() {
    let (server, _) = adder(HostLimits::default());
    let port = Port::to(server.clone()).await;
    let mut onlooker = port.socket("/server").await;
    onlooker
        .send("{\"KeepAlive\":true}".into())
        .await
        .expect("an open socket");
    let socket = port.socket("/server").await;
    let (mut sink, mut stream) = socket.split();
    // Larger than what fits the sockets' buffers, so that closing with input unread would lose the reason.
    let flood = tokio::spawn(async move { sink.send(" ".repeat(8 << 20).into()).await });
    match patiently(stream.next()).await {
        Some(Ok(Message::Close(Some(frame)))) => {
            assert_eq!(frame.code, CloseCode::Size);
            assert!(frame.reason.contains("frame-bytes of 100000"), "{}", frame.reason);
        }
        other => panic!("{other:?}"),
    }
    flood.abort();
    drop(stream);
    onlooker
        .send("{\"Ping\":1}".into())
        .await
        .expect("an open socket");
    assert_eq!(read_bytes(&mut onlooker, 11).await, b"{\"Pong\":1}\n");
    until(|| server.connections() == 1).await;
    // Data within the limit may be as long as the server allows, in any number of messages.
    let spaces = " ".repeat(FRAME_BYTES);
    for _ in 0..5 {
        onlooker
            .feed(spaces.clone().into())
            .await
            .expect("an open socket");
    }
    onlooker
        .send(Message::binary(run(2)))
        .await
        .expect("an open socket");
    let mut reply = Vec::new();
    while reply.last() != Some(&b'\n') {
        reply.extend(read_bytes(&mut onlooker, 1).await);
    }
    assert!(String::from_utf8_lossy(&reply).contains(&harmonic(2).to_string()));
}

#[tokio::test]
async fn frames_that_are_none_harm_nobody() {
    let (server, _) = adder(HostLimits::default());
    let port = Port::to(server.clone()).await;
    for bytes in [&[0xff; 20][..], &[0x81, 0x81, 0, 0, 0, 0, 0xff], &[0x82, 0x85, 0]] {
        let mut socket = port.socket("/server").await;
        socket.get_mut().write_all(bytes).await.expect("an open socket");
        socket.get_mut().shutdown().await.expect("an open socket");
        // With or without a reset.
        let _ = patiently(socket.get_mut().read_to_end(&mut Vec::new())).await;
    }
    until(|| server.connections() == 0).await;
    assert_eq!(port.get("/live", "").await.0, 200);
}

#[tokio::test]
async fn a_server_without_room_says_so() {
    let mut limits = HostLimits::default();
    limits.connections_per_peer = 1;
    let port = Port::to(adder(limits).0).await;
    let mut first = port.socket("/server").await;
    first
        .send("{\"KeepAlive\":true}{\"Ping\":1}".into())
        .await
        .expect("an open socket");
    read_bytes(&mut first, 11).await;
    let mut second = port.socket("/server").await;
    let (_, code, reason) = read_to_close(&mut second).await;
    assert_eq!(
        (code, reason.as_str()),
        (CloseCode::Again, "limit connections-per-peer reached")
    );
}

#[tokio::test]
async fn devices_on_the_list_are_reached_and_no_others() {
    let device = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = device.local_addr().expect("a bound socket").to_string();
    let vacant = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let absent = vacant.local_addr().expect("a bound socket").to_string();
    drop(vacant);
    let allowed: Arc<[String]> = [address.clone(), absent.clone()].into();
    let port = Port::start(|_| {}, |web| web.connect("device", Target::Addresses(allowed))).await;
    let (_, directory) = port.get("/bridge", "").await;
    assert!(
        directory.contains(&format!("\"devices\":[\"{address}\",\"{absent}\"]")),
        "{directory}"
    );

    for path in ["/device".to_owned(), format!("/device?address={address}")] {
        let mut page = port.socket(&path).await;
        let (mut stream, _) = patiently(device.accept()).await.expect("a connection");
        page.send("*IDN?\n".into()).await.expect("an open socket");
        let mut question = [0; 6];
        patiently(stream.read_exact(&mut question))
            .await
            .expect("a question");
        assert_eq!(&question, b"*IDN?\n");
        stream.write_all(b"\xff\0answer\n").await.expect("an open socket");
        assert_eq!(read_bytes(&mut page, 9).await, b"\xff\0answer\n");
        if path == "/device" {
            // The page goes.
            drop(page);
            assert_eq!(patiently(stream.read(&mut question)).await.unwrap_or(0), 0);
        } else {
            // The device goes.
            drop(stream);
            assert_eq!(read_to_close(&mut page).await.1, CloseCode::Normal);
        }
    }

    let mut page = port.socket(&format!("/device?address={absent}")).await;
    let (_, code, reason) = read_to_close(&mut page).await;
    assert_eq!(code, CloseCode::Error);
    assert!(
        reason.starts_with(&format!("cannot connect to {absent}: ")),
        "{reason}"
    );
    for elsewhere in ["127.0.0.1:22", "example.org:80", ""] {
        let path = format!("/device?address={elsewhere}");
        assert_eq!(status(port.open(&path, &[]).await), 403, "{elsewhere}");
    }
}
