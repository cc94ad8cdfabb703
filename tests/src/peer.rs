//! Peer with a plain blocking socket.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

/// Longer than anything here takes, so that a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection.
#[derive(Debug)]
pub struct RawPeer(TcpStream);

impl RawPeer {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("the server listens")
    }

    /// Connects, if anything listens there.
    pub fn try_connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout above zero");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a timeout above zero");
        stream.set_nodelay(true).expect("a TCP socket");
        Some(Self(stream))
    }

    /// Sends everything.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends as much as the server takes.
    pub fn try_send(&mut self, bytes: &[u8]) -> Result<(), ErrorKind> {
        self.0.write_all(bytes).map_err(|error| error.kind())
    }

    /// Half-closes.
    pub fn finish(&mut self) {
        self.0.shutdown(Shutdown::Write).expect("an open socket");
    }

    /// Reads until the server closes.
    pub fn read_to_end(&mut self) -> String {
        let mut text = String::new();
        self.0
            .read_to_string(&mut text)
            .expect("a reply and a regular end");
        text
    }

    /// Reads until the server closes; `None` if it does not end regularly.
    pub fn try_read_to_end(&mut self) -> Option<String> {
        let mut text = String::new();
        self.0.read_to_string(&mut text).ok().map(|_| text)
    }

    /// Reads one line, including its end.
    pub fn read_line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while line.last() != Some(&b'\n') {
            let count = self.0.read(&mut byte).expect("a line");
            assert_eq!(count, 1, "the connection ended inside a line");
            line.push(byte[0]);
        }
        String::from_utf8(line).expect("text")
    }

    /// Reads exactly this many bytes.
    pub fn read_bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("so many bytes");
        bytes
    }

    /// Drops the connection with a reset.
    pub fn reset(self) {
        SockRef::from(&self.0)
            .set_linger(Some(Duration::ZERO))
            .expect("a TCP socket");
    }
}

/// Connects, sends, half-closes if wanted, and reads until the server closes.
pub fn ask(address: SocketAddr, bytes: impl AsRef<[u8]>, half_close: bool) -> String {
    let mut peer = RawPeer::connect(address);
    peer.send(bytes);
    if half_close {
        peer.finish();
    }
    peer.read_to_end()
}

/// Way in which a server ends its connection.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// With a FIN after its last byte.
    AtOnce,
    /// After the peer has ended.
    AfterThePeer,
    /// With a reset.
    Reset,
}

/// Server for one connection: reads `length` bytes and sends `reply`, whatever the request.
pub fn answer_once(length: usize, reply: &'static str, end: End) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let mut peer = RawPeer(stream);
        peer.read_bytes(length);
        peer.send(reply);
        match end {
            End::AtOnce => {}
            // A reset is an end, too.
            End::AfterThePeer => drop(peer.try_read_to_end()),
            End::Reset => peer.reset(),
        }
    });
    (address, serving)
}
