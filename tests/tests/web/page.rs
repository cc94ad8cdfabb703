//! The page, and the monitoring of the server.

use std::time::Duration;

use crate::port::*;
use futures_util::SinkExt;
use labwire_core::limits::HostLimits;
use labwire_tokio::web::{Page, PageFile, Target, WebSettings};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

#[tokio::test]
async fn health_and_counts_are_told() {
    let (server, _) = adder(HostLimits::default());
    let port = Port::to(server).await;
    assert_eq!(port.get("/live", "").await.0, 200);
    assert_eq!(port.get("/ready", "").await.0, 503);
    port.readiness.set(Ok(()));
    assert_eq!(port.get("/ready", "").await.0, 200);
    let mut socket = port.socket("/server").await;
    let requests = [&b"{\"KeepAlive\":true}"[..], &run(1), &run(2), b"{\"Ping\":1}"].concat();
    socket
        .send(Message::binary(requests))
        .await
        .expect("an open socket");
    let mut lines = 0;
    while lines < 3 {
        let bytes = read_bytes(&mut socket, 1).await;
        lines += bytes.iter().filter(|byte| **byte == b'\n').count();
    }
    let (status, metrics) = port.get("/metrics", "").await;
    assert_eq!(status, 200);
    assert!(
        metrics.contains("content-type: text/plain; version=0.0.4"),
        "{metrics}"
    );
    for line in [
        "# TYPE labwire_connections gauge",
        "labwire_connections{server=\"server\"} 1",
        "labwire_connections_total{server=\"server\"} 1",
        "labwire_jobs_running{server=\"server\"} 0",
        "labwire_jobs_total{server=\"server\"} 2",
        "labwire_connections_refused_total{server=\"web\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    port.readiness.set(Err("server has ended".into()));
    let (status, why) = port.get("/ready", "").await;
    assert!(status == 503 && why.ends_with("server has ended\n"), "{why}");
}

#[tokio::test]
async fn the_page_is_served_or_how_to_build_it() {
    let page = tempfile::tempdir().expect("a temporary folder");
    let root = page.path().join("dist");
    let change = |options: &mut WebSettings| options.page = Page::Folder(root.clone());
    let port = Port::start(change, |_| {}).await;
    let (status, text) = port.get("/", "").await;
    assert!(
        status == 404
            && text.contains("npm run build")
            && text.contains(&format!("no index.html in {}", root.display())),
        "{text}"
    );
    std::fs::create_dir(&root).expect("a folder");
    std::fs::write(root.join("index.html"), "<p>here").expect("a file");
    std::fs::write(root.join("core.wasm"), "\0asm").expect("a file");
    std::fs::write(page.path().join("secret"), "secret").expect("a file");
    let (status, text) = port.get("/", "").await;
    assert!(status == 200 && text.ends_with("<p>here"), "{text}");
    assert!(
        text.contains("content-security-policy: default-src 'self'"),
        "{text}"
    );
    let (status, text) = port.get("/core.wasm?v=1", "").await;
    assert!(
        status == 200 && text.contains("content-type: application/wasm"),
        "{text}"
    );
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/nothing",
        "/open",
    ] {
        let (status, text) = port.get(path, "").await;
        assert!(
            matches!(status, 400 | 404) && !text.ends_with("secret"),
            "{path}: {text}"
        );
    }
}

/// A page as a program carries it: what `vite build` leaves.
static CARRIED: [PageFile; 5] = [
    carried("index.html", b"<p>plain", false),
    carried("index.html.br", b"brotli", false),
    carried("index.html.gz", b"gzip", false),
    carried("assets/core-Bx3f9a1c.wasm", b"\0asm", true),
    carried("assets/main-Cq2d7e5f.js.gz", PACKED, true),
];

/// `let a = 1;` by gzip.
const PACKED: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcbI-QHT\xb0U0\xb4\x06\x00d\x951\x96\x0a\x00\x00\x00";

const fn carried(path: &'static str, bytes: &'static [u8], is_immutable: bool) -> PageFile {
    PageFile {
        path,
        bytes,
        modified: 1_700_000_000_123_456_789,
        is_immutable,
    }
}

#[tokio::test]
async fn a_file_that_is_carried_compressed_is_sent_to_those_who_take_no_compression() {
    let change = |options: &mut WebSettings| options.page = Page::Embedded(&CARRIED);
    let port = Port::start(change, |_| {}).await;
    let path = "/assets/main-Cq2d7e5f.js";
    // Unpacked at first, and then kept.
    for _ in 0..2 {
        let (status, text) = port.get(path, "").await;
        assert!(
            status == 200 && text.ends_with("\r\n\r\nlet a = 1;") && !text.contains("content-encoding"),
            "{text}"
        );
        for header in ["content-length: 10", "content-type: text/javascript", "immutable"] {
            assert!(text.contains(header), "{header}: {text}");
        }
    }
}

#[tokio::test]
async fn a_page_in_the_program_is_sent_as_the_browser_takes_it() {
    let change = |options: &mut WebSettings| options.page = Page::Embedded(&CARRIED);
    let port = Port::start(change, |_| {}).await;
    for (accepted, encoding, body) in [
        ("br, gzip", "br", "brotli"),
        ("gzip, deflate, br, zstd", "br", "brotli"),
        ("gzip", "gzip", "gzip"),
        ("br;q=0.1, gzip", "gzip", "gzip"),
        ("br;q=0, gzip;q=0", "", "<p>plain"),
        ("zstd", "", "<p>plain"),
        ("", "", "<p>plain"),
    ] {
        let (status, text) = port.get("/", &format!("Accept-Encoding: {accepted}\r\n")).await;
        let is_encoded = text.contains(&format!("content-encoding: {encoding}\r\n"));
        assert!(
            status == 200 && text.ends_with(&format!("\r\n\r\n{body}")),
            "{accepted}: {text}"
        );
        assert_eq!(is_encoded, !encoding.is_empty(), "{accepted}: {text}");
        for header in [
            "vary: accept-encoding",
            "content-type: text/html",
            "cache-control: no-cache",
        ] {
            assert!(text.contains(header), "{header}: {text}");
        }
    }
}

#[tokio::test]
async fn a_page_in_the_program_is_sent_once() {
    let change = |options: &mut WebSettings| options.page = Page::Embedded(&CARRIED);
    let port = Port::start(change, |_| {}).await;
    let tag = |text: &str| {
        let tag = text.lines().find_map(|line| line.strip_prefix("etag: "));
        tag.expect("an ETag").to_owned()
    };
    let (_, plain) = port.get("/index.html", "").await;
    let (_, packed) = port.get("/index.html", "Accept-Encoding: br\r\n").await;
    assert_ne!(tag(&plain), tag(&packed));
    let again = format!("Accept-Encoding: br\r\nIf-None-Match: {}\r\n", tag(&packed));
    let (status, text) = port.get("/index.html", &again).await;
    assert!(status == 304 && text.ends_with("\r\n\r\n"), "{text}");
    let (status, _) = port
        .get("/index.html", &again.replace("br\r\n", "identity\r\n"))
        .await;
    assert_eq!(status, 200);

    let (status, text) = port.get("/assets/core-Bx3f9a1c.wasm", "").await;
    assert!(
        status == 200 && text.contains("content-type: application/wasm"),
        "{text}"
    );
    assert!(
        text.contains("cache-control: public, max-age=31536000, immutable"),
        "{text}"
    );
    let (status, text) = port
        .get("/assets/core-Bx3f9a1c.wasm", "Range: bytes=1-2\r\n")
        .await;
    assert!(status == 206 && text.ends_with("\r\n\r\nas"), "{text}");
    for path in [
        "/assets",
        "/assets/",
        "/assets/other.wasm",
        "/index.html/more",
        "/../index.html",
        "/index.html%00",
    ] {
        let (status, text) = port.get(path, "").await;
        assert!(matches!(status, 307 | 400 | 404), "{path}: {text}");
        assert!(text.contains("cache-control: no-cache"), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_program_without_a_page_says_so() {
    let change = |options: &mut WebSettings| options.page = Page::Embedded(&[]);
    let port = Port::start(change, |_| {}).await;
    let (status, text) = port.get("/", "").await;
    assert!(
        status == 404 && text.contains("This program was built without the page."),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_no_request_is_answered() {
    let (server, _) = adder(HostLimits::default());
    let change = |options: &mut WebSettings| options.session.request_timeout = Duration::from_millis(200);
    let port = Port::start(change, |web| web.connect("server", Target::Server(server))).await;
    assert_eq!(port.get("/server", "").await.0, 426);
    let host = port.address;
    for (request, expected) in [
        (
            format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            405,
        ),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), 403),
        ("nonsense\r\n\r\n".to_owned(), 400),
    ] {
        assert_eq!(port.send(&request).await.0, expected, "{request}");
    }
    // Silence, and a head that never ends.
    for said in [
        String::new(),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: "),
        "x".repeat(1 << 20),
    ] {
        let mut stream = TcpStream::connect(host).await.expect("it listens");
        // It may be refused before it is completely sent.
        let _ = stream.write_all(said.as_bytes()).await;
        let _ = patiently(stream.read_to_end(&mut Vec::new())).await;
    }
    assert_eq!(port.get("/live", "").await.0, 200);
}

/// A port with a page that no socket's buffer holds, and as many connections that ask for it and never read.
async fn unread(connections: usize, write_timeout: Duration) -> (TempDir, Port, Vec<TcpStream>) {
    let page = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(page.path().join("index.html"), vec![b'x'; 20 << 20]).expect("a writable folder");
    let change = |options: &mut WebSettings| {
        options.page = Page::Folder(page.path().to_owned());
        options.limits.connections_per_peer = connections;
        options.session.write_timeout = write_timeout;
    };
    let port = Port::start(change, |_| {}).await;
    let mut streams = Vec::new();
    for _ in 0..connections {
        let mut stream = TcpStream::connect(port.address).await.expect("it listens");
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", port.address);
        stream.write_all(request.as_bytes()).await.expect("it reads");
        stream
            .read_exact(&mut [0; 100])
            .await
            .expect("the start of an answer");
        streams.push(stream);
    }
    (page, port, streams)
}

#[tokio::test]
async fn answers_that_nobody_reads_lock_nobody_out() {
    let (_page, port, _streams) = unread(4, Duration::from_millis(200)).await;
    let served = async {
        loop {
            let mut stream = TcpStream::connect(port.address).await.expect("it listens");
            let request = format!("GET /live HTTP/1.1\r\nHost: {}\r\n\r\n", port.address);
            // It is closed at once as long as there is no place.
            let asked = stream.write_all(request.as_bytes()).await.is_ok();
            if asked && stream.read_exact(&mut [0; 15]).await.is_ok() {
                return;
            }
        }
    };
    patiently(served).await;
}

#[tokio::test]
async fn answers_that_nobody_reads_do_not_hold_up_the_end() {
    let (_page, port, _streams) = unread(4, PATIENCE).await;
    port.shutdown.cancel();
    let ending = patiently(port.serving).await.expect("no panic");
    assert_eq!(ending.cut, 0, "they ended before the grace time did");
}

#[tokio::test]
async fn a_connection_lasts_as_long_as_it_may() {
    let change = |options: &mut WebSettings| options.connection_time = Duration::from_millis(300);
    let port = Port::start(change, |_| {}).await;
    let mut stream = TcpStream::connect(port.address).await.expect("it listens");
    let request = format!("GET /live HTTP/1.1\r\nHost: {}\r\n\r\n", port.address);
    let asking = async {
        while stream.write_all(request.as_bytes()).await.is_ok()
            && stream.read(&mut [0; 1000]).await.is_ok_and(|count| count > 0)
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    patiently(asking).await;
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let (server, _) = adder(HostLimits::default());
    let port = Port::to(server.clone()).await;
    let mut socket = port.socket("/server").await;
    socket
        .send("{\"KeepAlive\":true}{\"Ping\":1}".into())
        .await
        .expect("an open socket");
    read_bytes(&mut socket, 11).await;
    let idle = TcpStream::connect(port.address).await.expect("it listens");
    // The server's connections end with the server.
    assert_eq!(server.shutdown().await, 0);
    assert_eq!(read_to_close(&mut socket).await.1, CloseCode::Normal);
    port.shutdown.cancel();
    let ending = patiently(port.serving).await.expect("no panic");
    assert_eq!((ending.by_request, ending.cut), (false, 0));
    drop(idle);
}
