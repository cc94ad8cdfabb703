//! Server side of a connection.

use alloc::boxed::Box;
use alloc::format;

use labwire_session::framing::json_value::Values;
use labwire_session::framing::{FrameError, FrameReader};
use labwire_session::limits::SessionLimits;
use labwire_session::time::Instant;
use labwire_session::{CloseReason, Limit, Link, Need, Protocol, ReplyBound, Responder, Timer};

use super::codec::{self, Style};
use super::messages::{ErrorReply, Reply, Request, code};

/// Permissions of a peer beyond Ping and Run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever serves decides on every one")]
pub struct Permissions {
    /// Kill: end the server.
    pub kill: bool,
    /// Load: upload a problem file.
    pub load: bool,
}

/// Length from which a message or a reply is long: it waits for room.
const LONG: usize = 64 << 10;

/// Lengths that no reply to Run exceeds, as far as a service knows in advance. Clones share them.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplyBounds {
    /// Replies without sensitivities.
    pub plain: ReplyBound,
    /// Replies with sensitivities.
    pub sensitivities: ReplyBound,
}

/// Request for the application. Ping and requests that are not permitted are answered by the session.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct ServerEvent {
    /// Run, Load or Kill.
    pub request: Request,
    /// Whether the connection is kept open: it then has its own warm start.
    pub kept_open: bool,
}

/// Server side of one connection.
///
/// The first complete JSON value is answered, whether or not the peer half-closes after it, and the connection ends
/// with the reply (FIN, then the rest of the input is discarded). Malformed input is answered at the first invalid
/// byte, incomplete input at the end of the stream.
///
/// After `{"KeepAlive": true}` requests are answered one after the other, each with one line, until the peer
/// half-closes. A request that is valid JSON but wrong gets its error and the connection continues; bytes that are
/// not JSON end it. Requests may be pipelined: those that wait count as one message towards the limit
/// `message-bytes`.
///
/// Deviations from OpEn 0.11: input after the first value is ignored (there: error 1000), a request without
/// half-close is answered (there: never), UTF-8 may be split anywhere, Kill can be forbidden, and there are limits.
#[derive(Debug)]
pub struct Server {
    link: Link<ServerEvent>,
    permissions: Permissions,
    reader: FrameReader<Values>,
    kept_open: bool,
    /// Whether the application owes a reply. Until then no further request is read.
    is_answering: bool,
    /// Length of the request that it answers, and of the reply as far as it may be long.
    in_flight: usize,
    bounds: ReplyBounds,
    /// Request that waits for room for its reply.
    waiting: Option<(ServerEvent, ReplyBound)>,
    /// Whether long messages and replies wait.
    is_rationed: bool,
    /// Whether the next message, which is long, waits.
    is_held_back: bool,
    /// Whether it may be parsed.
    may_parse: bool,
    is_shutting_down: bool,
    /// Time at which the connection or its current message began, or the last one was answered.
    since: Instant,
}

impl Server {
    /// Creates a connection that begins at `now`.
    #[must_use]
    pub fn new(now: Instant, limits: SessionLimits, permissions: Permissions) -> Self {
        Self {
            reader: FrameReader::new(Values::default(), limits.message_bytes),
            link: Link::of_server(limits),
            permissions,
            kept_open: false,
            is_answering: false,
            in_flight: 0,
            bounds: ReplyBounds::default(),
            waiting: None,
            is_rationed: false,
            is_held_back: false,
            may_parse: false,
            is_shutting_down: false,
            since: now,
        }
    }

    /// The session with bounds on its replies.
    #[must_use]
    pub fn with_reply_bounds(mut self, bounds: ReplyBounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Reads requests as long as they can be answered, and ends the connection if the peer has nothing more to send.
    fn read(&mut self, now: Instant) {
        self.is_held_back = false;
        while self.can_read() {
            if self.has_long_message() {
                self.is_held_back = true;
                return;
            }
            self.may_parse = false;
            let is_inside = self.reader.is_inside();
            let parse = |text: &[u8]| (text.len(), codec::parse_request(text));
            match self.reader.poll_message(parse) {
                Ok(Some((length, request))) => self.request(now, length, request),
                Ok(None) => {
                    if self.kept_open && !is_inside && !self.reader.is_empty() {
                        self.since = now;
                    }
                    break;
                }
                Err(error) => self.unreadable(now, error),
            }
        }
        if self.link.has_peer_finished() && self.can_read() {
            self.end_of_input(now);
        }
    }

    fn can_read(&self) -> bool {
        self.link.is_open() && !self.is_answering && !self.link.is_full()
    }

    /// Whether a long message has to wait before it is parsed.
    fn has_long_message(&mut self) -> bool {
        let is_long = self.is_rationed && !self.may_parse && self.reader.rest().len() >= LONG;
        is_long && matches!(self.reader.next_length(), Ok(Some(LONG..)))
    }

    /// Handles the end of the stream, inside a message or between two.
    fn end_of_input(&mut self, now: Instant) {
        if self.kept_open && self.reader.is_empty() {
            self.link.close_after_linger(now, CloseReason::Finished);
        } else {
            self.refuse(now, codec::incomplete(self.reader.rest()));
        }
    }

    fn request(&mut self, now: Instant, length: usize, request: Result<Request, ErrorReply>) {
        let (kill, load) = (self.permissions.kill, self.permissions.load);
        match request {
            Ok(Request::Ping(number)) => self.answer(now, &Reply::Pong(number)),
            Ok(Request::KeepAlive(on)) => {
                self.kept_open = on;
                self.reader.framing_mut().skips_space = on;
                self.since = now;
            }
            Ok(Request::Kill(_)) if !kill => self.forbid(now, "Kill"),
            Ok(Request::Load(_)) if !load => self.forbid(now, "Load"),
            Ok(request) => {
                self.is_answering = true;
                self.in_flight = length;
                let event = ServerEvent {
                    request,
                    kept_open: self.kept_open,
                };
                match self.bound(&event.request) {
                    Some(bound) if self.is_rationed => self.waiting = Some((event, bound.clone())),
                    _ => self.link.emit(event),
                }
            }
            Err(error) if self.kept_open => self.answer(now, &Reply::Error(error)),
            Err(error) => self.refuse(now, error),
        }
    }

    /// Bound on the reply, if it may be long.
    fn bound(&self, request: &Request) -> Option<&ReplyBound> {
        let Request::Run(run) = request else {
            return None;
        };
        let bound = match run.sensitivities {
            Some(true) => &self.bounds.sensitivities,
            _ => &self.bounds.plain,
        };
        Some(bound).filter(|bound| bound.bytes() >= LONG)
    }

    fn forbid(&mut self, now: Instant, request: &str) {
        let text =
            format!("{request} is not permitted here: the server's configuration decides from where it is");
        self.answer(now, &Reply::Error(ErrorReply::new(code::NOT_PERMITTED, text)));
    }

    fn answer(&mut self, now: Instant, reply: &Reply) {
        self.write(now, reply);
        self.is_answering = false;
        self.in_flight = 0;
        self.since = now;
        if *reply == Reply::Killed || !self.kept_open {
            self.link.close_after_linger(now, CloseReason::Finished);
        } else if self.is_shutting_down {
            self.link.close_after_linger(now, CloseReason::Shutdown);
        }
    }

    fn write(&mut self, now: Instant, reply: &Reply) {
        if let Reply::Long(text) = reply {
            return self.link.send_source(now, b"", Box::new(text.clone().source()));
        }
        let style = if self.kept_open {
            Style::Line
        } else {
            Style::Pretty
        };
        self.link
            .send_with(now, |output| codec::write_reply(output, style, reply));
    }

    /// Answers input that is not a request, and ends the connection.
    fn refuse(&mut self, now: Instant, error: ErrorReply) {
        let reason = CloseReason::PeerMisbehaved(error.message.clone());
        self.refuse_because(now, error, reason);
    }

    fn refuse_because(&mut self, now: Instant, error: ErrorReply, reason: CloseReason) {
        self.write(now, &Reply::Error(error));
        self.link.close_after_linger(now, reason);
    }

    /// Answers bytes that contain no request.
    fn unreadable(&mut self, now: Instant, error: FrameError) {
        let upto = |at: usize| self.reader.rest().get(..=at).unwrap_or_default();
        match error {
            FrameError::InvalidUtf8(at) => self.refuse(now, codec::incomplete(upto(at))),
            FrameError::Malformed(at) => self.refuse(now, codec::malformed(upto(at))),
            _ => {
                let (name, limit) = (Limit::MessageBytes, self.link.limits().message_bytes);
                let reply = codec::invalid(&format!("longer than the limit {name} of {limit} bytes"));
                self.refuse_because(now, reply, error.into());
            }
        }
    }
}

impl Protocol for Server {
    type Event = ServerEvent;

    fn link(&self) -> &Link<ServerEvent> {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link<ServerEvent> {
        &mut self.link
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.reader.push(bytes);
        self.read(now);
    }

    fn receive_end(&mut self, now: Instant) {
        self.read(now);
    }

    fn shut_down(&mut self, now: Instant) {
        self.is_shutting_down = true;
        if !self.is_answering {
            self.link.close_after_linger(now, CloseReason::Shutdown);
        }
    }

    fn can_receive(&self) -> bool {
        !self.link.is_full() && !self.reader.is_full()
    }

    fn unfinished(&self) -> usize {
        self.reader.held() + self.in_flight
    }

    fn need(&self) -> Need {
        match self.waiting {
            Some(_) => Need::Bounded,
            None if self.is_held_back => Need::Message,
            None => Need::Nothing,
        }
    }

    fn take_room(&mut self, now: Instant, has_room: bool) {
        if !has_room {
            self.is_rationed = true;
        } else if let Some((event, bound)) = self.waiting.take() {
            self.in_flight += bound.bytes();
            self.link.emit(event);
        } else {
            self.may_parse = true;
            self.read(now);
        }
    }

    fn sent(&mut self, now: Instant) {
        self.read(now);
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        if self.is_answering || self.is_held_back {
            return None;
        }
        let limits = self.link.limits();
        Some(if self.kept_open && self.reader.is_empty() {
            (self.since + limits.idle_timeout, Timer::IdleTimeout)
        } else {
            (self.since + limits.request_timeout, Timer::RequestTimeout)
        })
    }

    fn expire(&mut self, now: Instant, timer: Timer) {
        let allowed = self.link.limits().request_timeout;
        let why = format!("incomplete after the {timer} of {allowed:?}");
        self.refuse_because(now, codec::invalid(&why), CloseReason::TimedOut(timer));
    }
}

impl Responder for Server {
    type Reply = Reply;

    fn reply(&mut self, now: Instant, reply: Reply) {
        if self.is_answering {
            self.answer(now, &reply);
            self.read(now);
        }
    }
}
