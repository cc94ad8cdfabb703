//! The server's side of a connection.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_session::framing::length32;
use labwire_session::framing::until::Until;
use labwire_session::time::Instant;
use labwire_session::{CloseReason, Limit, Link, Protocol, Responder, Timer};

use super::messages::{Request, decode_message};
use super::{END_OF_REQUEST, Limits, QUIT, Transport};

/// One connection, on the server's side. What is no request is answered here.
///
/// Over TCP the first request is answered, whether Ctrl-D or FIN ends it, and the connection ends with the answer; what
/// else comes is discarded. Over WebSocket requests are answered one after the other until the peer closes, or sends
/// `quit`.
///
/// Deviations from upstream's scripts: UTF-8 may be split anywhere (there, a character in two segments kills the
/// server), connections are served at once and not in turn, what kills upstream is answered, and there are limits.
/// `quit` ends the connection (there: the server).
#[derive(Debug)]
pub struct Server {
    link: Link<Request>,
    transport: Transport,
    limits: Limits,
    /// What was received and not yet decoded.
    buffer: Vec<u8>,
    /// Ends a request over TCP.
    end_of_request: Until,
    searched: usize,
    /// The application owes an answer. Until then nothing more is read.
    is_answering: bool,
    /// With the next answer the connection ends.
    ending: Option<CloseReason>,
    /// When the connection or its current message began, or the last one was answered.
    since: Instant,
}

/// A message longer than the limit.
struct TooLong;

impl Server {
    /// A connection that begins now.
    pub fn new(now: Instant, transport: Transport, limits: Limits) -> Self {
        Self {
            link: Link::new(limits.session.clone()),
            transport,
            limits,
            buffer: Vec::new(),
            end_of_request: Until::delimiter([END_OF_REQUEST]),
            searched: 0,
            is_answering: false,
            ending: None,
            since: now,
        }
    }

    /// Reads messages as long as they can be taken, and ends the connection when that was all that the peer had to say.
    fn read_buffer(&mut self, now: Instant) {
        while self.can_receive() {
            match self.next_message() {
                Ok(Some(message)) => self.message(now, &message),
                Ok(None) if self.link.has_peer_finished() => {
                    let reason = match self.buffer.is_empty() {
                        true => CloseReason::Finished,
                        false => CloseReason::PeerClosed("inside a message"),
                    };
                    self.link.close_after_linger(now, reason);
                }
                Ok(None) => break,
                Err(TooLong) => self.too_long(now),
            }
        }
    }

    fn next_message(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let limit = self.limits.session.message_bytes;
        let (head, length) = match self.transport {
            Transport::Tcp => (0, self.tcp_length()),
            Transport::WebSocket => (4, length32::length_at(&self.buffer, 0)),
        };
        let arrived = self.buffer.len().saturating_sub(head);
        if length.unwrap_or(arrived) > limit {
            return Err(TooLong);
        }
        let message = length
            .filter(|&length| length <= arrived)
            .map(|length| self.buffer.drain(..head + length).skip(head).collect());
        Ok(message)
    }

    /// How long the request is, once that is known. Over TCP there is but one.
    fn tcp_length(&mut self) -> Option<usize> {
        let end = self.end_of_request.find(&self.buffer, &mut self.searched);
        let is_all = self.link.has_peer_finished();
        end.map(|end| end - 1).or(is_all.then_some(self.buffer.len()))
    }

    fn message(&mut self, now: Instant, message: &[u8]) {
        if self.transport == Transport::Tcp {
            self.buffer = Vec::new();
            self.ending.get_or_insert(CloseReason::Finished);
        } else if message == QUIT.as_bytes() {
            self.ending = Some(CloseReason::Finished);
            return self.answer(now, "bye");
        }
        match decode_message(message, &self.limits.json) {
            Ok(request) => {
                self.is_answering = true;
                self.link.emit(request);
            }
            Err(answer) => self.answer(now, &answer),
        }
    }

    fn answer(&mut self, now: Instant, text: &str) {
        self.is_answering = false;
        self.since = now;
        let transport = self.transport;
        self.link.send_with(now, |output| match transport {
            Transport::Tcp => {
                output.extend_from_slice(text.as_bytes());
                output.extend_from_slice(b"\r\n");
            }
            Transport::WebSocket => {
                // An answer is a few times as long as the longest message at most.
                let _ = length32::put(output, text.as_bytes());
            }
        });
        if let Some(reason) = self.ending.take() {
            self.link.close_after_linger(now, reason);
        }
    }

    fn too_long(&mut self, now: Instant) {
        let (limit, value) = (Limit::MessageBytes, self.limits.session.message_bytes);
        self.ending = Some(CloseReason::exceeded(limit, value));
        self.buffer = Vec::new();
        self.answer(
            now,
            &format!("Error: Message exceeds the limit {limit} of {value} bytes."),
        );
    }
}

impl Protocol for Server {
    type Event = Request;

    fn link(&self) -> &Link<Request> {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link<Request> {
        &mut self.link
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if self.buffer.is_empty() && self.transport == Transport::WebSocket {
            self.since = now;
        }
        self.buffer.extend_from_slice(bytes);
        self.read_buffer(now);
    }

    fn receive_end(&mut self, now: Instant) {
        self.read_buffer(now);
    }

    fn shut_down(&mut self, now: Instant) {
        if self.is_answering {
            self.ending.get_or_insert(CloseReason::Shutdown);
        } else {
            self.link.close_after_linger(now, CloseReason::Shutdown);
        }
    }

    fn can_receive(&self) -> bool {
        self.link.is_open() && !self.is_answering && !self.link.is_full()
    }

    fn sent(&mut self, now: Instant) {
        self.read_buffer(now);
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        if !self.can_receive() {
            return None;
        }
        let limits = &self.limits.session;
        // A WebSocket has proved with its handshake that it means it, and may wait for a person.
        Some(
            if self.transport == Transport::WebSocket && self.buffer.is_empty() {
                (self.since + limits.idle_timeout, Timer::IdleTimeout)
            } else {
                (self.since + limits.request_timeout, Timer::RequestTimeout)
            },
        )
    }

    fn expire(&mut self, now: Instant, timer: Timer) {
        self.ending = Some(CloseReason::TimedOut(timer));
        let allowed = self.limits.session.request_timeout;
        self.answer(
            now,
            &format!("Error: No complete message within the {timer} of {allowed:?}."),
        );
    }
}

impl Responder for Server {
    /// The answer, without CR LF.
    type Reply = String;

    fn reply(&mut self, now: Instant, reply: String) {
        if self.is_answering && self.link.is_open() {
            self.answer(now, &reply);
            self.read_buffer(now);
        }
    }
}
