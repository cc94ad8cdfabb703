//! WebSocket as a byte stream of messages.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use async_tungstenite::tungstenite::http::StatusCode;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{accept_hdr_async_with_config, client_async_with_config};
use futures_util::{Sink, Stream};
use labwire_core::framing::length32;

use super::{Io, Socket, config, io_error, poll_close};
use crate::runtime::{Runtime, Transport, timeout};
use crate::web_access::WebAccess;

type Opening<R, T> = Pin<Box<dyn Future<Output = Result<Socket<R, T>, Error>> + Send>>;

/// WebSocket as a [`Transport`]: each message, in either direction, is preceded by its length in 32 bits,
/// big-endian. Messages are sent as text; text and binary messages are received alike. The end of the stream
/// is a close frame (code 1000), not just a FIN.
///
/// The first read performs the handshake, within `handshake`. A message longer than the limit is delivered
/// as a length that is too long, followed only by garbage, so that the session refuses it in its own words.
pub struct MessageStream<R, T> {
    /// Handshake, until it is complete.
    opening: Option<Opening<R, T>>,
    socket: Option<Box<Socket<R, T>>>,
    message_bytes: usize,
    /// Whether a message was too long, after which the bytes on the wire are no longer parsed.
    is_overrun: bool,
    /// Bytes received but not read.
    incoming: Vec<u8>,
    read: usize,
    /// Start of a message that is not yet complete.
    outgoing: Vec<u8>,
    has_sent_close: bool,
}

impl<R, T> std::fmt::Debug for MessageStream<R, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MessageStream")
            .field("message_bytes", &self.message_bytes)
            .finish_non_exhaustive()
    }
}

impl<R: Runtime, T: Transport<R> + 'static> MessageStream<R, T> {
    /// Accepts a client. Requests that `access` does not allow are answered with status 403.
    pub fn accept(stream: T, access: WebAccess, handshake: Duration, message_bytes: usize) -> Self {
        // The return type is determined by tungstenite.
        #[expect(clippy::result_large_err)]
        let check = move |request: &Request, response: Response| match access.check(request.headers()) {
            Ok(()) => Ok(response),
            Err(forbidden) => {
                tracing::warn!(%forbidden, "websocket refused");
                let mut response = ErrorResponse::new(Some(forbidden.to_string()));
                *response.status_mut() = StatusCode::FORBIDDEN;
                Err(response)
            }
        };
        let config = Some(config(message_bytes));
        let opening = async move { accept_hdr_async_with_config(Io::new(stream), check, config).await };
        Self::new(opening, handshake, message_bytes)
    }

    /// Connects to a server, which the handshake calls `host` (with its port).
    pub fn connect(stream: T, host: &str, handshake: Duration, message_bytes: usize) -> Self {
        let url = format!("ws://{host}/");
        let config = Some(config(message_bytes));
        let opening = async move {
            let (socket, _) = client_async_with_config(url, Io::new(stream), config).await?;
            Ok(socket)
        };
        Self::new(opening, handshake, message_bytes)
    }

    fn new(
        opening: impl Future<Output = Result<Socket<R, T>, Error>> + Send + 'static,
        handshake: Duration,
        message_bytes: usize,
    ) -> Self {
        let in_time = async move {
            let opened = timeout::<R, _>(handshake, opening).await;
            opened.unwrap_or_else(|| Err(Error::Io(io::ErrorKind::TimedOut.into())))
        };
        Self {
            opening: Some(Box::pin(in_time)),
            socket: None,
            message_bytes,
            is_overrun: false,
            incoming: Vec::new(),
            read: 0,
            outgoing: Vec::new(),
            has_sent_close: false,
        }
    }

    /// Waits for something to read. False at the end of the stream.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.read == self.incoming.len() && !self.is_overrun {
            if let Some(opening) = &mut self.opening {
                let socket = ready!(opening.as_mut().poll(context)).map_err(io_error)?;
                self.socket = Some(Box::new(socket));
                self.opening = None;
                // A write has waited for this.
                context.waker().wake_by_ref();
            }
            let Some(socket) = self.socket() else { break };
            match ready!(socket.poll_next(context)) {
                Some(Ok(Message::Text(text))) => self.receive(text.as_bytes())?,
                Some(Ok(Message::Binary(bytes))) => self.receive(&bytes)?,
                // Answered by tungstenite. After a close frame the end comes when the answer has been sent.
                Some(Ok(_)) => {}
                Some(Err(Error::Capacity(_))) => self.overrun()?,
                Some(Err(Error::Io(error))) => return Poll::Ready(Err(error)),
                Some(Err(error)) => {
                    tracing::info!(%error, "websocket broken");
                    return Poll::Ready(Err(io::Error::other(error)));
                }
                None => return Poll::Ready(Ok(false)),
            }
        }
        Poll::Ready(Ok(true))
    }

    fn receive(&mut self, message: &[u8]) -> io::Result<()> {
        self.incoming.clear();
        self.read = 0;
        length32::put(&mut self.incoming, message).map_err(io::Error::other)
    }

    fn overrun(&mut self) -> io::Result<()> {
        self.is_overrun = true;
        self.incoming.clear();
        self.read = 0;
        length32::put_length(&mut self.incoming, self.message_bytes + 1).map_err(io::Error::other)
    }

    fn socket(&mut self) -> Option<Pin<&mut Socket<R, T>>> {
        self.socket.as_deref_mut().map(Pin::new)
    }
}

impl<R: Runtime, T: Transport<R> + 'static> Transport<R> for MessageStream<R, T> {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if !ready!(self.poll_fill(context))? {
            return Poll::Ready(Ok(0));
        }
        let waiting = &self.incoming[self.read..];
        if waiting.is_empty()
            && let Some(socket) = &mut self.socket
        {
            return socket.get_mut().transport.poll_read(context, buffer);
        }
        let count = waiting.len().min(buffer.len());
        buffer[..count].copy_from_slice(&waiting[..count]);
        self.read += count;
        // An idle connection does not keep the buffer of a long message.
        if self.read == self.incoming.len() && self.incoming.capacity() > 64 << 10 {
            self.incoming = Vec::new();
            self.read = 0;
        }
        Poll::Ready(Ok(count))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Before the handshake nothing can be written; reading performs it.
        let Some(socket) = self.socket() else {
            return Poll::Pending;
        };
        ready!(socket.poll_ready(context)).map_err(io_error)?;
        // First the length, then that many bytes.
        let wanted = |outgoing: &[u8]| length32::length_at(outgoing, 0).map_or(4, |length| 4 + length);
        let count = bytes.len().min(wanted(&self.outgoing) - self.outgoing.len());
        self.outgoing.extend_from_slice(&bytes[..count]);
        if self.outgoing.len() >= 4 && self.outgoing.len() == wanted(&self.outgoing) {
            let text = String::from_utf8_lossy(&self.outgoing[4..]).into_owned();
            self.outgoing = Vec::new();
            if let Some(socket) = self.socket() {
                socket.start_send(Message::text(text)).map_err(io_error)?;
            }
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.socket() {
            Some(socket) => socket.poll_flush(context).map_err(io_error),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Some(socket) => poll_close(socket, &mut self.has_sent_close, (CloseCode::Normal, ""), context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn abort(&mut self) {
        if let Some(socket) = &mut self.socket {
            socket.get_mut().transport.abort();
        }
    }
}
