//! WebSocket that carries the bytes of a TCP connection.

use std::borrow::Cow;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_tungstenite::tungstenite::protocol::Role;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::{Bytes, Error, Message};
use futures_util::{Sink, Stream};
use labwire_core::limits::{SessionLimits, beginning};

use super::watch::Watch;
use super::{Io, SENT_BYTES, Socket, config, io_error, poll_close};
use crate::runtime::{Runtime, Timer, Transport, timeout};

/// Server side of a WebSocket as a [`Transport`]: the concatenated contents of its messages are the bytes
/// that TCP would carry. Text and binary messages are received alike; only binary ones are sent.
///
/// An empty message is the peer's FIN: it has sent everything and still listens. A close frame, or the end
/// of the connection, means that it has gone. Our own FIN is a close frame with code 1000.
pub struct WebSocketBytes<R: Runtime, T> {
    socket: Box<Socket<R, T>>,
    frame_bytes: usize,
    /// Bytes received but not read.
    incoming: Bytes,
    has_peer_finished: bool,
    is_peer_gone: bool,
    has_sent_close: bool,
    /// After a message that was too long: input is discarded until this time, so that a reset does not lose
    /// the close frame.
    discarding: Option<R::Timer>,
}

impl<R: Runtime, T> std::fmt::Debug for WebSocketBytes<R, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WebSocketBytes")
            .field("frame_bytes", &self.frame_bytes)
            .finish_non_exhaustive()
    }
}

/// Reason for closing a WebSocket before it has carried anything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a host has to send either")]
pub enum CloseWith {
    /// There is no room now: code 1013.
    TryAgainLater(Cow<'static, str>),
    /// The target cannot be reached: code 1011.
    Failed(Cow<'static, str>),
}

/// Longest reason that fits into a close frame.
const REASON_BYTES: usize = 123;
/// Time that a peer has to read the reason for its refusal.
const LINGER: Duration = Duration::from_secs(1);

impl<R: Runtime, T: Transport<R>> WebSocketBytes<R, T> {
    /// Takes over a connection after its handshake, with the bytes read beyond it. A message longer than
    /// `frame_bytes` ends the connection with code 1009, one that is incomplete for the limit `request-timeout`
    /// without a word. Output that is not read for `write-timeout` ends it, too.
    pub async fn upgraded(transport: T, read: Vec<u8>, frame_bytes: usize, limits: &SessionLimits) -> Self {
        let config = Some(config(frame_bytes));
        let mut watch = Watch::new(false);
        watch.feed(&read);
        let io = Io::watching(transport, limits, watch);
        let socket = Socket::from_partially_read(io, read, Role::Server, config).await;
        Self {
            socket: Box::new(socket),
            frame_bytes,
            incoming: Bytes::new(),
            has_peer_finished: false,
            is_peer_gone: false,
            has_sent_close: false,
            discarding: None,
        }
    }

    /// Closes the WebSocket, and waits briefly for the peer to do so.
    pub async fn close(mut self, with: CloseWith) {
        let (code, reason) = match with {
            CloseWith::TryAgainLater(reason) => (CloseCode::Again, reason),
            CloseWith::Failed(reason) => (CloseCode::Error, reason),
        };
        let reason = beginning(&reason, REASON_BYTES);
        let closing = poll_fn(|context| {
            // If the peer has gone, there is nobody to tell.
            let frame = (code, reason);
            let _ = ready!(poll_close(
                &mut self.socket,
                &mut self.has_sent_close,
                frame,
                context
            ));
            while !self.is_peer_gone {
                ready!(self.poll_message(context));
            }
            Poll::Ready(())
        });
        timeout::<R, _>(LINGER, pin!(closing)).await;
    }

    /// Takes the next message.
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(timer) = &mut self.discarding {
            if timer.poll(context).is_pending() {
                let transport = &mut self.socket.get_mut().transport;
                if let Ok(1..) = ready!(transport.poll_read(context, &mut [0; 4096])) {
                    // Lets other tasks run in between: the stream may be endless.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            self.is_peer_gone = true;
            return Poll::Ready(());
        }
        let next = match Pin::new(&mut *self.socket).poll_next(context) {
            Poll::Ready(next) => next,
            Poll::Pending => Some(Err(Error::Io(ready!(
                self.socket.get_mut().poll_overdue(context)
            )))),
        };
        match next {
            Some(Ok(Message::Text(text))) => self.receive(text.into()),
            Some(Ok(Message::Binary(bytes))) => self.receive(bytes),
            Some(Ok(Message::Close(_))) | None => {
                // The answer to a close frame is waiting to be sent.
                let _ = Pin::new(&mut *self.socket).poll_flush(context);
                self.is_peer_gone = true;
            }
            // Answered by tungstenite.
            Some(Ok(_)) => {}
            Some(Err(Error::Capacity(_))) => {
                let reason = format!(
                    "a message is longer than the limit frame-bytes of {}",
                    self.frame_bytes
                );
                let frame = (CloseCode::Size, &*reason);
                let _ = poll_close(&mut self.socket, &mut self.has_sent_close, frame, context);
                tracing::debug!("websocket closed: {reason}");
                let mut timer = R::timer();
                timer.set(Instant::now() + LINGER);
                self.discarding = Some(timer);
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "websocket broken");
                self.is_peer_gone = true;
            }
        }
        Poll::Ready(())
    }

    fn receive(&mut self, message: Bytes) {
        if message.is_empty() {
            self.has_peer_finished = true;
        }
        // Bytes after a FIN are ignored.
        if !self.has_peer_finished {
            self.incoming = message;
        }
    }
}

impl<R: Runtime, T: Transport<R>> Transport<R> for WebSocketBytes<R, T> {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        while self.incoming.is_empty() && !self.has_peer_finished && !self.is_peer_gone {
            ready!(self.poll_message(context));
        }
        let count = self.incoming.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.incoming.split_to(count));
        Poll::Ready(Ok(count))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.discarding.is_some() {
            // Nothing follows a close frame.
            return Poll::Pending;
        }
        let mut socket = Pin::new(&mut *self.socket);
        // The buffer has room for one frame.
        ready!(socket.as_mut().poll_flush(context)).map_err(io_error)?;
        let count = bytes.len().min(SENT_BYTES);
        let message = Message::binary(Bytes::copy_from_slice(&bytes[..count]));
        socket.start_send(message).map_err(io_error)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.socket).poll_flush(context).map_err(io_error)
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let frame = (CloseCode::Normal, "");
        poll_close(&mut self.socket, &mut self.has_sent_close, frame, context)
    }

    fn poll_lost(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        while !self.is_peer_gone {
            ready!(self.poll_message(context));
        }
        Poll::Ready(io::ErrorKind::ConnectionAborted.into())
    }

    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.socket.get_mut().poll_overdue(context)
    }

    fn held(&self) -> usize {
        self.socket.get_ref().held() + self.incoming.len()
    }

    fn abort(&mut self) {
        self.socket.get_mut().transport.abort();
    }
}
