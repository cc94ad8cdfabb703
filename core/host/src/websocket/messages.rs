//! WebSocket as a byte stream of messages.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use async_tungstenite::tungstenite::http::StatusCode;
use async_tungstenite::tungstenite::protocol::Role;
use async_tungstenite::tungstenite::protocol::frame::Frame;
use async_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use async_tungstenite::tungstenite::{Bytes, Error, Message};
use async_tungstenite::{accept_hdr_async_with_config, client_async_with_config};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use futures_util::{Sink, Stream};
use labwire_core::framing::length32;
use labwire_core::limits::SessionLimits;

use super::watch::Watch;
use super::{Io, SENT_BYTES, Socket, config, io_error, poll_close};
use crate::runtime::{Runtime, Transport, timeout};
use crate::warn_sampled;
use crate::web_access::WebAccess;

type Opening<R, T> = Pin<Box<dyn Future<Output = Result<Socket<R, T>, Error>> + Send>>;

/// WebSocket as a [`Transport`]: each message, in either direction, is preceded by its length in 32 bits,
/// big-endian. Messages are sent as text; text and binary messages are received alike. The end of the stream
/// is a close frame (code 1000), not just a FIN.
///
/// The first read performs the handshake, within `request-timeout`; one that fails gets an HTTP status. A message longer
/// than `message-bytes` is delivered as a length that is too long, followed only by garbage, so that the session refuses
/// it in its own words. A message that is incomplete for `request-timeout`, and output that is not read for
/// `write-timeout`, end the connection. Long messages are sent in several frames.
pub struct MessageStream<R: Runtime, T> {
    /// Handshake, until it is complete.
    opening: Option<Opening<R, T>>,
    socket: Option<Box<Socket<R, T>>>,
    message_bytes: usize,
    /// Whether a message was too long, after which the bytes on the wire are no longer parsed.
    is_overrun: bool,
    /// Bytes received but not read.
    incoming: Vec<u8>,
    read: usize,
    outgoing: Outgoing,
    has_sent_close: bool,
}

/// Message that is being sent.
#[derive(Default)]
struct Outgoing {
    /// Its length, as far as it is known.
    head: Vec<u8>,
    /// Number of bytes sent.
    sent: usize,
}

impl<R: Runtime, T> std::fmt::Debug for MessageStream<R, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MessageStream")
            .field("message_bytes", &self.message_bytes)
            .finish_non_exhaustive()
    }
}

impl<R: Runtime, T: Transport<R> + 'static> MessageStream<R, T> {
    /// Accepts a client. Requests that `access` does not allow are answered with status 403, others that are no handshake
    /// with 400, 408 or 426.
    pub fn accept(stream: T, access: WebAccess, limits: &SessionLimits) -> Self {
        // The return type is determined by tungstenite.
        #[expect(clippy::result_large_err)]
        let check = move |request: &Request, response: Response| match access.check(request.headers()) {
            Ok(()) => Ok(response),
            Err(forbidden) => {
                warn_sampled!(%forbidden, "websocket refused");
                let mut response = ErrorResponse::new(Some(forbidden.to_string()));
                *response.status_mut() = StatusCode::FORBIDDEN;
                Err(response)
            }
        };
        let config = Some(config(limits.message_bytes));
        let io = Io::watching(stream, limits, Watch::new(true));
        let (mut io, handshake) = (io, limits.request_timeout);
        let opening = async move {
            let accepting = async {
                accept_hdr_async_with_config(&mut io, check, config)
                    .await
                    .map(drop)
            };
            let accepted = timeout::<R, _>(handshake, accepting).await.unwrap_or_else(late);
            match accepted {
                Ok(()) => Ok(Socket::from_raw_socket(io, Role::Server, config).await),
                Err(error) => {
                    refuse(io, &error).await;
                    Err(error)
                }
            }
        };
        Self::new(opening, limits)
    }

    /// Connects to a server, which the handshake calls `host` (with its port).
    pub fn connect(stream: T, host: &str, limits: &SessionLimits) -> Self {
        let url = format!("ws://{host}/");
        let config = Some(config(limits.message_bytes));
        let io = Io::watching(stream, limits, Watch::new(true));
        let (io, handshake) = (io, limits.request_timeout);
        let opening = async move {
            let connecting = client_async_with_config(url, io, config);
            let connected = timeout::<R, _>(handshake, connecting).await;
            connected.unwrap_or_else(late).map(|(socket, _)| socket)
        };
        Self::new(opening, limits)
    }

    fn new(
        opening: impl Future<Output = Result<Socket<R, T>, Error>> + Send + 'static,
        limits: &SessionLimits,
    ) -> Self {
        Self {
            opening: Some(Box::pin(opening)),
            socket: None,
            message_bytes: limits.message_bytes,
            is_overrun: false,
            incoming: Vec::new(),
            read: 0,
            outgoing: Outgoing::default(),
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
            let next = match socket.poll_next(context) {
                Poll::Ready(next) => next,
                Poll::Pending => Some(Err(Error::Io(ready!(self.poll_overdue(context))))),
            };
            match next {
                Some(Ok(Message::Text(text))) => self.receive(text.as_bytes())?,
                Some(Ok(Message::Binary(bytes))) => self.receive(&bytes)?,
                // Answered by tungstenite. After a close frame the end comes when the answer has been sent.
                Some(Ok(_)) => {}
                Some(Err(Error::Capacity(_))) => self.overrun()?,
                Some(Err(Error::Io(error))) => {
                    tracing::debug!(%error, "websocket broken");
                    return Poll::Ready(Err(error));
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "websocket broken");
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
        // The buffer has room for one frame.
        ready!(socket.poll_flush(context)).map_err(io_error)?;
        let (count, frame) = self.outgoing.take(bytes);
        if let (Some(frame), Some(socket)) = (frame, self.socket()) {
            socket.start_send(Message::Frame(frame)).map_err(io_error)?;
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

    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        match &mut self.socket {
            Some(socket) => socket.get_mut().poll_overdue(context),
            None => Poll::Pending,
        }
    }

    fn held(&self) -> usize {
        let unfinished = self.socket.as_ref().map(|socket| socket.get_ref().held());
        unfinished.unwrap_or_default() + self.incoming.len()
    }

    fn abort(&mut self) {
        if let Some(socket) = &mut self.socket {
            socket.get_mut().transport.abort();
        }
    }
}

impl Outgoing {
    /// Takes bytes of the length, or of the message, and makes a frame of the latter.
    fn take(&mut self, bytes: &[u8]) -> (usize, Option<Frame>) {
        let Some(length) = length32::length_at(&self.head, 0) else {
            let count = bytes.len().min(4 - self.head.len());
            self.head.extend_from_slice(&bytes[..count]);
            // Nothing follows to make a frame of.
            let frame = (length32::length_at(&self.head, 0) == Some(0)).then(|| self.frame(&[], 0));
            return (count, frame);
        };
        let count = bytes.len().min(length - self.sent).min(SENT_BYTES);
        (count, Some(self.frame(&bytes[..count], length)))
    }

    fn frame(&mut self, bytes: &[u8], length: usize) -> Frame {
        let kind = match self.sent {
            0 => Data::Text,
            _ => Data::Continue,
        };
        self.sent += bytes.len();
        let is_last = self.sent == length;
        if is_last {
            *self = Self::default();
        }
        Frame::message(Bytes::copy_from_slice(bytes), OpCode::Data(kind), is_last)
    }
}

fn late<T>() -> Result<T, Error> {
    Err(Error::Io(io::ErrorKind::TimedOut.into()))
}

/// Time that a peer has to read why its handshake was refused.
const LINGER: Duration = Duration::from_secs(1);

/// Answers a request that is not a handshake, unless it has been answered or its peer has gone.
async fn refuse<R: Runtime, T: Transport<R>>(mut io: Io<R, T>, error: &Error) {
    let (status, headers) = match error {
        Error::Http(_) => return,
        Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => (StatusCode::REQUEST_TIMEOUT, ""),
        Error::Io(_) => return,
        Error::Protocol(
            ProtocolError::MissingConnectionUpgradeHeader | ProtocolError::MissingUpgradeWebSocketHeader,
        ) => (
            StatusCode::UPGRADE_REQUIRED,
            "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        ),
        _ => (StatusCode::BAD_REQUEST, ""),
    };
    tracing::debug!(%error, %status, "websocket refused");
    let body = format!("a WebSocket belongs here: {error}\n");
    let answer = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answering = async {
        io.write_all(answer.as_bytes()).await?;
        io.close().await?;
        // Closing with unread input would lose the answer.
        while io.read(&mut [0; 4096]).await? > 0 {}
        io::Result::Ok(())
    };
    // A peer that has gone needs no answer.
    let _ = timeout::<R, _>(LINGER, answering).await;
}
