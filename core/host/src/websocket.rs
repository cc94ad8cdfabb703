//! WebSockets as byte streams, with and without message boundaries.

mod bytes;
mod messages;

use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use async_tungstenite::tungstenite::{Error, Message};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Sink;

use crate::runtime::Transport;

pub use bytes::{CloseWith, WebSocketBytes};
pub use messages::MessageStream;

type Socket<R, T> = WebSocketStream<Io<R, T>>;

/// Adapter from a [`Transport`] to the traits of `futures-io`.
#[derive(Debug)]
pub struct Io<R, T> {
    transport: T,
    runtime: PhantomData<fn() -> R>,
}

impl<R, T> Io<R, T> {
    /// Wraps a transport.
    pub fn new(transport: T) -> Self {
        let runtime = PhantomData;
        Self { transport, runtime }
    }
}

/// Transports are never pinned: their functions take `&mut self`.
impl<R, T> Unpin for Io<R, T> {}

impl<R, T: Transport<R>> AsyncRead for Io<R, T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().transport.poll_read(context, buffer)
    }
}

impl<R, T: Transport<R>> AsyncWrite for Io<R, T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().transport.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().transport.poll_flush(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().transport.poll_finish(context)
    }
}

fn config(message_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .write_buffer_size(4 << 10)
        .max_message_size(Some(message_bytes))
        .max_frame_size(Some(message_bytes))
}

/// Flushes, and sends a close frame unless one has been sent.
fn poll_close<R, T: Transport<R>>(
    socket: &mut Socket<R, T>,
    has_sent_close: &mut bool,
    (code, reason): (CloseCode, &str),
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let mut socket = Pin::new(socket);
    if !*has_sent_close {
        ready!(socket.as_mut().poll_ready(context)).map_err(io_error)?;
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
