//! WebSockets as byte streams, with and without message boundaries.

mod bytes;
mod messages;
mod watch;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use async_tungstenite::tungstenite::{Error, Message};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Sink;
use labwire_core::limits::SessionLimits;

use crate::runtime::{Runtime, Timer, Transport};
use watch::Watch;

pub use bytes::{CloseWith, WebSocketBytes};
pub use messages::MessageStream;

type Socket<R, T> = WebSocketStream<Io<R, T>>;

/// Adapter from a [`Transport`] to the traits of `futures-io`, with a limit on the time that bytes may wait for the
/// peer.
pub struct Io<R: Runtime, T> {
    transport: T,
    write_timeout: Duration,
    written: Arc<AtomicU64>,
    /// End of the time for the bytes that wait.
    unwritten: Option<R::Timer>,
    /// Of a WebSocket that falls under `request-timeout`.
    watch: Option<Watch>,
    request_timeout: Duration,
    /// End of the time for the message that is incomplete.
    unfinished: Option<R::Timer>,
    /// Number of reads since the last that had to wait.
    reads: u32,
}

/// Number of reads in a row after which other tasks get a turn: what reads through this may not stop before it has to wait,
/// and not every runtime sees to that by itself.
const READS: u32 = 32;

impl<R: Runtime, T: std::fmt::Debug> std::fmt::Debug for Io<R, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Io")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

impl<R: Runtime, T> Io<R, T> {
    /// Wraps a transport. Of the limits, `write-timeout` applies.
    pub fn new(transport: T, limits: &SessionLimits) -> Self {
        Self {
            transport,
            write_timeout: limits.write_timeout,
            written: Arc::default(),
            unwritten: None,
            watch: None,
            request_timeout: limits.request_timeout,
            unfinished: None,
            reads: 0,
        }
    }

    /// The transport.
    pub fn into_inner(self) -> T {
        self.transport
    }

    #[cfg(feature = "tls")]
    pub(crate) fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Number of bytes that the transport has taken, also from now on.
    pub fn written(&self) -> Arc<AtomicU64> {
        self.written.clone()
    }

    /// Wraps a transport whose messages are watched, and fall under `request-timeout`.
    fn watching(transport: T, limits: &SessionLimits, watch: Watch) -> Self {
        Self {
            watch: Some(watch),
            ..Self::new(transport, limits)
        }
    }

    /// Number of bytes of the message that is incomplete.
    fn held(&self) -> usize {
        self.watch.as_ref().map_or(0, Watch::held)
    }

    /// Ready once a message has been incomplete for longer than `request-timeout`.
    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        if !self.watch.as_ref().is_some_and(Watch::is_inside) {
            self.unfinished = None;
            return Poll::Pending;
        }
        let limit = self.request_timeout;
        let timer = self.unfinished.get_or_insert_with(|| start::<R>(limit));
        timer.poll(context).map(|()| {
            let text = format!("a message was incomplete for the request-timeout of {limit:?}");
            io::Error::new(io::ErrorKind::TimedOut, text)
        })
    }
}

fn start<R: Runtime>(limit: Duration) -> R::Timer {
    let mut timer = R::timer();
    timer.set(Instant::now() + limit);
    timer
}

/// Transports are never pinned: their functions take `&mut self`.
impl<R: Runtime, T> Unpin for Io<R, T> {}

impl<R: Runtime, T: Transport<R>> AsyncRead for Io<R, T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.reads += 1;
        if this.reads > READS {
            this.reads = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Poll::Ready(read) = this.transport.poll_read(context, buffer) else {
            this.reads = 0;
            return Poll::Pending;
        };
        let count = read?;
        if let Some(watch) = &mut this.watch
            && watch.feed(&buffer[..count])
        {
            this.unfinished = None;
        }
        Poll::Ready(Ok(count))
    }
}

impl<R: Runtime, T: Transport<R>> AsyncWrite for Io<R, T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.transport.poll_write(context, bytes);
        if let Poll::Ready(written) = &written {
            let count = written.as_ref().map_or(0, |count| *count as u64);
            this.written.fetch_add(count, Ordering::Relaxed);
            this.unwritten = None;
        }
        if written.is_ready() {
            return written;
        }
        let limit = this.write_timeout;
        let timer = this.unwritten.get_or_insert_with(|| start::<R>(limit));
        timer.poll(context).map(|()| {
            let text = format!("the peer has read nothing for the write-timeout of {limit:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        })
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().transport.poll_flush(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().transport.poll_finish(context)
    }
}

/// Longest frame sent.
const SENT_BYTES: usize = 64 << 10;

/// Besides one frame, the buffer of what is sent has room for a few answers to pings. While it is full, one more waits;
/// older ones need no answer (RFC 6455, 5.5.3).
fn config(message_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .write_buffer_size(4 << 10)
        .max_write_buffer_size(SENT_BYTES + 1024)
        .max_message_size(Some(message_bytes))
        .max_frame_size(Some(message_bytes))
}

/// Flushes, and sends a close frame unless one has been sent.
fn poll_close<R: Runtime, T: Transport<R>>(
    socket: &mut Socket<R, T>,
    has_sent_close: &mut bool,
    (code, reason): (CloseCode, &str),
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let mut socket = Pin::new(socket);
    if !*has_sent_close {
        // Makes room for the frame.
        ready!(socket.as_mut().poll_flush(context)).map_err(io_error)?;
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        // The peer may have closed first.
        let _ = socket.as_mut().start_send(Message::Close(Some(frame)));
        *has_sent_close = true;
    }
    socket.poll_flush(context).map_err(io_error)
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::other(error),
    }
}
