//! WebSockets: handshakes, frames, and peers that read nothing or take their time.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use labwire_core::limits::SessionLimits;
use labwire_host::{MessageStream, Runtime, Timer, Transport, WebAccess, WebSocketBytes};
use socket2::SockRef;

/// Longest message of the peer, and longest frame.
const MESSAGE: usize = 1024;
/// Calls after which a stream that is at its end does not come to it.
const CALLS: usize = 1000;

const HANDSHAKE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// WebSockets as streams of bytes and of messages: what is read is never more than was said, no more is held than a
/// message, and a peer that has gone is noticed.
///
/// Input: a byte for the side, then a script: bytes whose last two bits say what happens and whose first six how much of
/// it; what the peer says follows.
pub fn websocket_bytes(input: &[u8]) {
    let [side, script @ ..] = input else { return };
    AHEAD.set(Duration::ZERO);
    let mut limits = SessionLimits::default().with_message_bytes(MESSAGE);
    limits.request_timeout = Duration::from_secs(5);
    limits.write_timeout = Duration::from_secs(5);
    let wire = Wire::default();
    let end = wire.clone();
    let access = WebAccess::default();
    match side % 4 {
        0 => {
            let opening = WebSocketBytes::<ByHand, _>::upgraded(end, Vec::new(), MESSAGE, &limits);
            let socket = futures_lite::future::block_on(opening);
            walk(socket, &wire, script);
        }
        1 => {
            wire.lock().say(HANDSHAKE);
            walk(
                MessageStream::<ByHand, _>::accept(end, access, &limits),
                &wire,
                script,
            );
        }
        2 => walk(
            MessageStream::<ByHand, _>::accept(end, access, &limits),
            &wire,
            script,
        ),
        _ => walk(
            MessageStream::<ByHand, _>::connect(end, "localhost:1", &limits),
            &wire,
            script,
        ),
    }
}

fn walk(mut socket: impl Transport<ByHand>, wire: &Wire, mut script: &[u8]) {
    let mut context = Context::from_waker(Waker::noop());
    let (mut read, mut is_at_end, mut has_failed) = (0, false, false);
    while let [step, rest @ ..] = script {
        script = rest;
        let amount = usize::from(step >> 2);
        match step & 3 {
            0 => {
                let (said, rest) = script.split_at((amount + 1).min(script.len()));
                script = rest;
                wire.lock().say(said);
            }
            1 => AHEAD.set(AHEAD.get() + Duration::from_millis(amount as u64 * 100)),
            2 => wire.lock().room += amount * 64,
            _ if !has_failed => {
                let written = socket.poll_write(&mut context, &[7; 200][..amount]);
                let flushed = socket.poll_flush(&mut context);
                has_failed = matches!(written, Poll::Ready(Err(_))) || matches!(flushed, Poll::Ready(Err(_)));
            }
            _ => {}
        }
        if !is_at_end {
            is_at_end = take(&mut socket, &mut context, &mut read);
        }
        // The longest message, its header and its length.
        assert!(socket.held() <= MESSAGE + 64, "{} bytes are held", socket.held());
        assert!(read <= 5 * wire.lock().said + 8, "{read} bytes were read");
    }
    wire.lock().is_ended = true;
    for _ in 0..CALLS {
        if is_at_end {
            break;
        }
        AHEAD.set(AHEAD.get() + Duration::from_secs(1));
        is_at_end = take(&mut socket, &mut context, &mut read);
    }
    assert!(is_at_end, "the peer has gone, and nobody notices");
    // The peer reads nothing more.
    for _ in 0..CALLS {
        if socket.poll_finish(&mut context).is_ready() {
            return;
        }
        AHEAD.set(AHEAD.get() + Duration::from_secs(1));
    }
    panic!("a socket that nobody reads is not given up");
}

/// Reads what there is. Returns whether it is at its end.
fn take(socket: &mut impl Transport<ByHand>, context: &mut Context<'_>, read: &mut usize) -> bool {
    let mut buffer = [0; 256];
    for _ in 0..CALLS {
        match socket.poll_read(context, &mut buffer) {
            Poll::Ready(Ok(count @ 1..)) => *read += count,
            Poll::Ready(_) => return true,
            Poll::Pending => return false,
        }
    }
    false
}

/// Connection to a peer that the script plays.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Peer>>);

#[derive(Default)]
struct Peer {
    unread: Vec<u8>,
    said: usize,
    is_ended: bool,
    /// Number of bytes that it takes.
    room: usize,
}

impl Wire {
    fn lock(&self) -> MutexGuard<'_, Peer> {
        self.0.lock().expect("nobody has panicked")
    }
}

impl Peer {
    fn say(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        self.said += bytes.len();
    }
}

impl Transport<ByHand> for Wire {
    fn poll_read(&mut self, _context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut peer = self.lock();
        if peer.unread.is_empty() && !peer.is_ended {
            return Poll::Pending;
        }
        let count = peer.unread.len().min(buffer.len());
        buffer[..count].copy_from_slice(&peer.unread[..count]);
        peer.unread.drain(..count);
        Poll::Ready(Ok(count))
    }

    fn poll_write(&mut self, _context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut peer = self.lock();
        let count = bytes.len().min(peer.room);
        peer.room -= count;
        match count {
            0 if !bytes.is_empty() => Poll::Pending,
            _ => Poll::Ready(Ok(count)),
        }
    }

    fn poll_flush(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_finish(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {}
}

thread_local! {
    /// Time by which the clock is ahead of the machine's.
    static AHEAD: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Runtime whose clock is moved by hand, without a network.
struct ByHand;

struct ByHandTimer(Instant);

impl Timer for ByHandTimer {
    fn set(&mut self, due: Instant) {
        // Set from the machine's clock.
        self.0 = due + AHEAD.get();
    }

    fn poll(&mut self, _context: &mut Context<'_>) -> Poll<()> {
        match Instant::now() + AHEAD.get() >= self.0 {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

fn no_network<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Runtime for ByHand {
    type Timer = ByHandTimer;
    type Stream = Wire;
    type Listener = ();

    fn spawn(_task: impl Future<Output = ()> + Send + 'static) {}

    fn timer() -> ByHandTimer {
        ByHandTimer(Instant::now())
    }

    async fn connect(_address: SocketAddr) -> io::Result<Wire> {
        no_network()
    }

    async fn bind(_address: SocketAddr) -> io::Result<((), SocketAddr)> {
        no_network()
    }

    async fn look_up(_address: &str) -> io::Result<Vec<SocketAddr>> {
        no_network()
    }

    fn socket(_stream: &Wire) -> SockRef<'_> {
        unreachable!("there is no socket")
    }

    async fn accept(_listener: &()) -> io::Result<(Wire, SocketAddr)> {
        no_network()
    }
}
