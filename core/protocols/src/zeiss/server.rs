//! Server side of a connection.

use alloc::format;
use alloc::string::String;

use labwire_session::framing::{FrameError, FrameReader, length32};
use labwire_session::time::Instant;
use labwire_session::{CloseReason, Limit, Link, Protocol, Responder, Timer};

use super::frames::Frames;
use super::messages::{Request, decode_message};
use super::{Limits, QUIT, Transport};

/// Server side of one connection. Input that is not a request is answered by the session.
///
/// Over TCP the first request is answered, whether Ctrl-D or FIN ends it, and the connection ends with the answer;
/// further input is discarded. Over WebSocket requests are answered one after the other until the peer closes, or
/// sends a message that begins with `quit`.
///
/// Deviations from upstream's scripts: UTF-8 may be split anywhere (there, a character in two segments crashes the
/// server), connections are served at once and not in turn, input that crashes upstream is answered, and there are
/// limits. `quit` ends the connection (there: the server).
#[derive(Debug)]
pub struct Server {
    link: Link<Request>,
    transport: Transport,
    limits: Limits,
    reader: FrameReader<Frames>,
    /// Whether the peer is permitted to import.
    may_import: bool,
    /// Whether the application owes an answer. Until then nothing more is read.
    is_answering: bool,
    /// Length of the request that it answers.
    in_flight: usize,
    /// End of the connection with the next answer.
    ending: Option<CloseReason>,
    /// Time at which the connection or its current message began, or the last one was answered.
    since: Instant,
}

/// Answer to a peer that is not permitted to import.
const NOT_PERMITTED: &str = "Error: Imports are not permitted for this client.";

/// Message with its meaning.
enum Message {
    Quit,
    Request(Request),
    /// Not a request; this is the answer.
    Refused(String),
}

impl Server {
    /// Creates a connection that begins at `now`.
    #[must_use]
    pub fn new(now: Instant, transport: Transport, limits: Limits) -> Self {
        Self {
            link: Link::of_server(limits.session.clone()),
            transport,
            reader: FrameReader::new(Frames::of_requests(transport), limits.session.message_bytes),
            limits,
            may_import: true,
            is_answering: false,
            in_flight: 0,
            ending: None,
            since: now,
        }
    }

    /// Answers requests with an error instead of passing them on.
    #[must_use]
    pub fn refusing_imports(mut self) -> Self {
        self.may_import = false;
        self
    }

    /// Reads messages as long as they can be taken, and ends the connection if the peer has nothing more to send.
    fn read(&mut self, now: Instant) {
        while self.can_receive() {
            let parse = |text: &[u8]| (text.len(), Message::parse(text, self.transport, &self.limits));
            match self.reader.poll_message(parse) {
                Ok(Some((length, message))) => self.message(now, length, message),
                Ok(None) if self.link.has_peer_finished() => self.end_of_input(now),
                Ok(None) => break,
                Err(error) => self.unreadable(now, error),
            }
        }
    }

    /// Handles the end of the stream, which over TCP also ends the request.
    fn end_of_input(&mut self, now: Instant) {
        let reason = match (self.transport, self.reader.is_empty()) {
            (Transport::Tcp, _) => {
                let text = self.reader.rest();
                let message = Message::parse(text, self.transport, &self.limits);
                return self.message(now, text.len(), message);
            }
            (Transport::WebSocket, true) => CloseReason::Finished,
            (Transport::WebSocket, false) => CloseReason::PeerClosed("inside a message"),
        };
        self.link.close_after_linger(now, reason);
    }

    fn message(&mut self, now: Instant, length: usize, message: Message) {
        if self.transport == Transport::Tcp {
            // Further input is discarded.
            self.reader.clear();
            self.ending.get_or_insert(CloseReason::Finished);
        }
        match message {
            Message::Quit => {
                self.ending = Some(CloseReason::Finished);
                self.answer(now, "bye");
            }
            Message::Request(_) if !self.may_import => self.answer(now, NOT_PERMITTED),
            Message::Request(request) => {
                self.is_answering = true;
                self.in_flight = length;
                self.link.emit(request);
            }
            Message::Refused(answer) => self.answer(now, &answer),
        }
    }

    fn answer(&mut self, now: Instant, text: &str) {
        self.is_answering = false;
        self.in_flight = 0;
        self.since = now;
        let transport = self.transport;
        self.link.send_with(now, |output| match transport {
            Transport::Tcp => {
                output.extend_from_slice(text.as_bytes());
                output.extend_from_slice(b"\r\n");
            }
            Transport::WebSocket => {
                // An answer is at most a few times as long as the longest message.
                let _ = length32::put(output, text.as_bytes());
            }
        });
        if let Some(reason) = self.ending.take() {
            self.link.close_after_linger(now, reason);
        }
    }

    /// Answers a message that is too long, the only kind without a recognisable end.
    fn unreadable(&mut self, now: Instant, error: FrameError) {
        self.ending = Some(error.into());
        self.reader.clear();
        let (limit, value) = (Limit::MessageBytes, self.limits.session.message_bytes);
        self.answer(
            now,
            &format!("Error: Message exceeds the limit {limit} of {value} bytes."),
        );
    }
}

impl Message {
    fn parse(text: &[u8], transport: Transport, limits: &Limits) -> Self {
        if transport == Transport::WebSocket && text.starts_with(QUIT.as_bytes()) {
            return Self::Quit;
        }
        match decode_message(text, &limits.json) {
            Ok(request) => Self::Request(request),
            Err(answer) => Self::Refused(answer),
        }
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
        if self.reader.is_empty() && self.transport == Transport::WebSocket {
            self.since = now;
        }
        self.reader.push(bytes);
        self.read(now);
    }

    fn receive_end(&mut self, now: Instant) {
        self.read(now);
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

    fn unfinished(&self) -> usize {
        self.reader.held() + self.in_flight
    }

    fn sent(&mut self, now: Instant) {
        self.read(now);
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        if !self.can_receive() {
            return None;
        }
        let limits = &self.limits.session;
        // A WebSocket client has proved by its handshake that it is genuine, and may wait for a person.
        Some(
            if self.transport == Transport::WebSocket && self.reader.is_empty() {
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
            self.read(now);
        }
    }
}
