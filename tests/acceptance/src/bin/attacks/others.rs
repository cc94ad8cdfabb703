//! Attacks on imports, modules and the port for browsers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use labwire_acceptance::{Server, connect_from};
use labwire_core::pymodaq::{Command, ControlRequest, Controller, Limits};
use labwire_core::session::{Asker, Session};

use super::{CONNECTIONS, flood, wait_until};

const IMPORT: &str = r#"{"image": {"file": "/nothing.png", "name": "series", "focal_length": "50.0"}}"#;

/// Over TCP a connection is for one request: all that follows is read and dropped.
pub(crate) fn zeiss(server: &Server, end: Instant) {
    let asked = format!("{IMPORT}\x04");
    flood(
        server.address("zeiss"),
        CONNECTIONS,
        asked.as_bytes(),
        100_000,
        end,
    );
}

pub(crate) fn zeiss_ws(server: &Server, end: Instant) {
    let (address, mut frames) = (server.address("zeiss-ws"), Vec::new());
    frames.extend_from_slice(&[0x81, 0x80 | 126]);
    frames.extend_from_slice(&(IMPORT.len() as u16).to_be_bytes());
    frames.extend_from_slice(&[0; 4]);
    frames.extend_from_slice(IMPORT.as_bytes());
    let frames = frames.repeat(1000);
    let connect = |_| {
        let mut stream = upgraded(address, "/");
        stream.set_nonblocking(true).expect("a socket");
        let _ = stream.write(&frames);
        stream
    };
    let _streams: Vec<TcpStream> = (0..CONNECTIONS).map(connect).collect();
    wait_until(end);
}

/// Bytes of an image of PyMoDAQ 3, up to its values.
fn image(bytes: u32) -> Vec<u8> {
    let word = |text: &str| {
        let length = u32::try_from(text.len()).expect("a short word");
        [&length.to_be_bytes()[..], text.as_bytes()].concat()
    };
    let one = 1_u32.to_be_bytes();
    let shape = [bytes.to_be_bytes(), one, bytes.to_be_bytes()].concat();
    [
        word("GRABBER"),
        word("Done"),
        one.into(),
        word("array"),
        word("|u1"),
        shape,
    ]
    .concat()
}

/// Halves of the largest images that cameras send: 4096 x 4096 numbers of 8 bytes.
pub(crate) fn images(server: &Server, end: Instant) {
    let half = [image(8 << 24), vec![7; 4 << 24]].concat();
    flood(server.address("pymodaq"), CONNECTIONS, &half, 1, end);
}

/// Controllers that ask for an image, and do not read it.
pub(crate) fn controllers(server: &Server, end: Instant) {
    const BYTES: u32 = 50_000_000;
    let mut module = connect_from(1, server.address("pymodaq"));
    module.write_all(&image(BYTES)).expect("a reader");
    module.write_all(&vec![7; BYTES as usize]).expect("a reader");
    let now = labwire_core::time::Instant::ZERO;
    let mut controller = Controller::new(now, &Limits::default());
    for id in 1..=64 {
        let request = ControlRequest {
            id,
            modules: Vec::new(),
            command: Command::Last,
        };
        controller.request(now, &request).expect("room for a request");
    }
    flood(
        server.address("pymodaq"),
        CONNECTIONS,
        controller.transmit(),
        1,
        end,
    );
}

fn upgraded(server: SocketAddr, path: &str) -> TcpStream {
    let mut stream = connect_from(1, server);
    let handshake = format!(
        "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(handshake.as_bytes()).expect("a reader");
    stream.read_exact(&mut [0; 12]).expect("a handshake");
    stream
}

pub(crate) fn pings(server: SocketAddr, path: &str, end: Instant) {
    let mut stream = upgraded(server, path);
    stream
        .set_write_timeout(Some(Duration::from_millis(100)))
        .expect("a socket");
    let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0], &[b'x'; 125][..]].concat();
    let pings = ping.repeat(1000);
    while Instant::now() < end {
        // The server may stop reading, or end the connection.
        let _ = stream.write(&pings);
    }
}

/// Each asks for the page, again and again.
pub(crate) fn unread(server: &Server, end: Instant) {
    let address = server.address("web");
    let asked = format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n");
    flood(address, CONNECTIONS, asked.as_bytes(), 2000, end);
}
