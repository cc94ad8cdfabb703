//! The server's side of a connection.

use alloc::format;
use alloc::vec::Vec;
use core::mem;

use super::codec::{self, Style};
use super::messages::{ErrorReply, Reply, Request, code};
use crate::framing::json_value::{Scan, Scanner};
use crate::limits::SessionLimits;
use crate::session::{CloseReason, Event, Link, ServerSession, Session, TransmitState};
use crate::time::Instant;

/// What a peer may ask beside Ping and Run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Kill: end the server.
    pub kill: bool,
    /// Load: upload a problem file.
    pub load: bool,
}

/// A request that the application answers. Ping is answered here, and so is what is not permitted.
#[derive(Clone, Debug)]
pub struct ServerEvent {
    /// Run, Load or Kill.
    pub request: Request,
    /// The connection is kept open: it has a warm start of its own.
    pub kept_open: bool,
}

/// One connection, on the server's side.
///
/// The first complete JSON value is answered, whether the peer half-closes after it or not, and the connection ends
/// with the reply (FIN, then the rest of the input is discarded). Malformed input is answered at the first byte that
/// cannot be right, incomplete input at the end of the stream.
///
/// After `{"KeepAlive": true}` requests are answered one after the other, each with one line, until the peer
/// half-closes. A request that is JSON but wrong gets its error and the connection goes on; bytes that are not JSON
/// end it. Requests may be sent ahead: those that wait count as one message towards the limit `message-bytes`.
///
/// Deviations from OpEn 0.11: what follows the first value is ignored (there: error 1000), a request without
/// half-close is answered (there: never), UTF-8 may be split anywhere, Kill can be forbidden, and there are limits.
#[derive(Debug)]
pub struct Server {
    link: Link<ServerEvent>,
    permissions: Permissions,
    /// What was received and is not yet a complete request.
    buffer: Vec<u8>,
    /// Has seen the first `scanned` bytes of the buffer.
    scanner: Scanner,
    scanned: usize,
    kept_open: bool,
    /// The application owes a reply. Until then nothing more is read from the buffer.
    is_answering: bool,
    is_shutting_down: bool,
    /// When the connection or its current message began, or the last one was answered.
    since: Instant,
}

impl Server {
    /// A connection that begins now.
    pub fn new(now: Instant, limits: SessionLimits, permissions: Permissions) -> Self {
        Self {
            link: Link::new(limits),
            permissions,
            buffer: Vec::new(),
            scanner: Scanner::new(),
            scanned: 0,
            kept_open: false,
            is_answering: false,
            is_shutting_down: false,
            since: now,
        }
    }

    /// Reads requests from the start of `bytes` as long as they can be answered; how many bytes that took.
    fn read(&mut self, now: Instant, bytes: &[u8]) -> usize {
        let limit = self.link.limits().message_bytes;
        let mut start = 0;
        while self.can_read() {
            if self.kept_open && self.scanned == 0 {
                start += bytes[start..]
                    .iter()
                    .take_while(|byte| b" \t\r\n".contains(byte))
                    .count();
                if start < bytes.len() {
                    self.since = now;
                }
            }
            let message = &bytes[start..];
            let end = message.len().min(limit);
            match self.scanner.scan(&message[self.scanned..end]) {
                Scan::Complete(count) => {
                    let count = self.scanned + count;
                    self.restart();
                    self.request(now, &message[..count]);
                    start += count;
                }
                Scan::Incomplete if end < message.len() => self.too_long(now, limit),
                Scan::Incomplete => {
                    self.scanned = end;
                    break;
                }
                Scan::Malformed(at) => self.refuse(now, codec::malformed(&message[..=self.scanned + at])),
                Scan::InvalidUtf8(at) => self.refuse(now, codec::incomplete(&message[..=self.scanned + at])),
            }
        }
        start
    }

    fn can_read(&self) -> bool {
        self.link.is_open() && !self.is_answering && !self.link.is_full()
    }

    fn restart(&mut self) {
        self.scanner = Scanner::new();
        self.scanned = 0;
    }

    /// Reads on in what is buffered, and ends the connection when that was all that the peer had to say.
    fn read_buffer(&mut self, now: Instant) {
        let mut buffer = mem::take(&mut self.buffer);
        let count = self.read(now, &buffer);
        buffer.drain(..count);
        if buffer.is_empty() && buffer.capacity() > 4 << 10 {
            buffer = Vec::new();
        }
        self.buffer = buffer;
        if self.link.has_peer_finished() && self.can_read() {
            self.end_of_input(now);
        }
    }

    /// The stream ended inside a message, or between two.
    fn end_of_input(&mut self, now: Instant) {
        let rest = mem::take(&mut self.buffer);
        if self.kept_open && rest.is_empty() {
            self.link.close_after_linger(now, CloseReason::Finished);
        } else {
            self.refuse(now, codec::incomplete(&rest));
        }
    }

    fn request(&mut self, now: Instant, text: &[u8]) {
        let (kill, load) = (self.permissions.kill, self.permissions.load);
        match codec::parse_request(text) {
            Ok(Request::Ping(number)) => self.answer(now, &Reply::Pong(number)),
            Ok(Request::KeepAlive(on)) => {
                self.kept_open = on;
                self.since = now;
            }
            Ok(Request::Kill(_)) if !kill => self.forbid(now, "Kill"),
            Ok(Request::Load(_)) if !load => self.forbid(now, "Load"),
            Ok(request) => {
                self.is_answering = true;
                self.link.emit(ServerEvent {
                    request,
                    kept_open: self.kept_open,
                });
            }
            Err(error) if self.kept_open => self.answer(now, &Reply::Error(error)),
            Err(error) => self.refuse(now, error),
        }
    }

    fn forbid(&mut self, now: Instant, request: &str) {
        let text =
            format!("{request} is not permitted here: the server's configuration decides from where it is");
        self.answer(now, &Reply::Error(ErrorReply::new(code::NOT_PERMITTED, text)));
    }

    fn answer(&mut self, now: Instant, reply: &Reply) {
        self.write(now, reply);
        self.is_answering = false;
        self.since = now;
        if *reply == Reply::Killed || !self.kept_open {
            self.link.close_after_linger(now, CloseReason::Finished);
        } else if self.is_shutting_down {
            self.link.close_after_linger(now, CloseReason::Shutdown);
        }
    }

    fn write(&mut self, now: Instant, reply: &Reply) {
        let style = if self.kept_open {
            Style::Line
        } else {
            Style::Pretty
        };
        self.link
            .send_with(now, |output| codec::write_reply(output, style, reply));
    }

    /// Answers what is no request, and ends the connection.
    fn refuse(&mut self, now: Instant, error: ErrorReply) {
        let reason = CloseReason::PeerMisbehaved(error.message.clone());
        self.refuse_because(now, error, reason);
    }

    fn refuse_because(&mut self, now: Instant, error: ErrorReply, reason: CloseReason) {
        self.write(now, &Reply::Error(error));
        self.link.close_after_linger(now, reason);
    }

    fn too_long(&mut self, now: Instant, limit: usize) {
        let error = codec::invalid(&format!("longer than the limit message-bytes of {limit} bytes"));
        let reason = CloseReason::LimitExceeded {
            limit: "message-bytes",
            value: limit as u64,
        };
        self.refuse_because(now, error, reason);
    }

    /// This protocol's own timer; the link has others.
    fn own_timeout(&self) -> Option<(Instant, &'static str)> {
        if !self.link.is_open() || self.is_answering {
            return None;
        }
        let limits = self.link.limits();
        Some(if self.kept_open && self.buffer.is_empty() {
            (self.since + limits.idle_timeout, "idle-timeout")
        } else {
            (self.since + limits.request_timeout, "request-timeout")
        })
    }
}

impl Session for Server {
    type Event = ServerEvent;

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        if self.link.discard(bytes.len()) {
            return;
        }
        if self.buffer.is_empty() {
            let count = self.read(now, bytes);
            if self.link.is_open() {
                self.buffer.extend_from_slice(&bytes[count..]);
            }
        } else {
            self.buffer.extend_from_slice(bytes);
            self.read_buffer(now);
        }
    }

    fn handle_eof(&mut self, now: Instant) {
        self.link.peer_finished();
        self.read_buffer(now);
    }

    fn handle_lost(&mut self, _now: Instant) {
        self.link.lost(CloseReason::Lost);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.link.handle_timeout(now);
        match self.own_timeout() {
            Some((due, name)) if now >= due => {
                let reason = CloseReason::TimedOut(name);
                if name == "idle-timeout" {
                    self.link.close_after_linger(now, reason);
                } else {
                    let allowed = self.link.limits().request_timeout;
                    let why = format!("incomplete after the request-timeout of {allowed:?}");
                    self.refuse_because(now, codec::invalid(&why), reason);
                }
            }
            _ => {}
        }
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.is_shutting_down = true;
        if !self.is_answering {
            self.link.close_after_linger(now, CloseReason::Shutdown);
        }
    }

    fn wants_input(&self) -> bool {
        !self.link.is_open()
            || (!self.link.is_full() && self.buffer.len() <= self.link.limits().message_bytes)
    }

    fn transmit(&self) -> &[u8] {
        self.link.transmit()
    }

    fn transmitted(&mut self, now: Instant, count: usize) {
        self.link.transmitted(now, count);
        self.read_buffer(now);
    }

    fn transmit_state(&self) -> TransmitState {
        self.link.transmit_state()
    }

    fn poll_event(&mut self) -> Option<Event<ServerEvent>> {
        self.link.poll_event()
    }

    fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let link = self.link.poll_timeout();
        let own = self.own_timeout();
        link.into_iter().chain(own).min_by_key(|(due, _)| *due)
    }

    fn is_closed(&self) -> bool {
        !self.link.is_open()
    }

    fn is_drained(&self) -> bool {
        self.link.is_drained()
    }
}

impl ServerSession for Server {
    type Reply = Reply;

    fn reply(&mut self, now: Instant, reply: Reply) {
        if self.is_answering {
            self.answer(now, &reply);
            self.read_buffer(now);
        }
    }
}
