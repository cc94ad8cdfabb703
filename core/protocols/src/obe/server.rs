//! Server side of a connection.

use alloc::boxed::Box;
use alloc::format;

use labwire_session::framing::decimal_length::{DecimalLength, HEAD, LengthError};
use labwire_session::framing::{FrameError, FrameReader};
use labwire_session::time::Instant;
use labwire_session::{CloseReason, Limit, Link, Need, Protocol, ReplyBound, Responder, Timer};

use super::messages::{ErrorReply, Reply, Request, code};
use super::{Limits, codec};

/// Permissions of a peer beyond the basic commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever serves decides on every one")]
pub struct Permissions {
    /// `done`: end the server.
    pub done: bool,
    /// `newrun` with the peer's own experiment.
    pub experiments: bool,
    /// `save` and `load`: write and read posteriors in the server's store.
    pub posteriors: bool,
}

impl Permissions {
    /// All permissions.
    pub const ALL: Self = Self {
        done: true,
        experiments: true,
        posteriors: true,
    };
    /// No permissions.
    pub const NONE: Self = Self {
        done: false,
        experiments: false,
        posteriors: false,
    };

    /// Action that is asked for, if it is not permitted.
    fn refuse(&self, request: &Request) -> Option<&'static str> {
        match request.command() {
            Request::Done if !self.done => Some("done"),
            Request::NewRun(arguments) if !self.experiments && arguments.get("experiment").is_some() => {
                Some("an experiment of one's own")
            }
            Request::Save { .. } | Request::Load { .. } if !self.posteriors => Some("to save and load"),
            _ => None,
        }
    }
}

/// Length from which a message is large: it is parsed when nothing else is unanswered. The requests that wait for their
/// replies are together not much longer. Replies up to it are written at once.
const LARGE: usize = 64 << 10;
/// Longest reply that ten digits can announce.
const LONGEST: u64 = 9_999_999_999;

/// Request that may take much memory, by its own length or by that of its reply. It is the only one of its connection
/// that is being answered, and waits for room before that.
#[derive(Debug)]
enum Long {
    None,
    /// A large message, which has not been parsed.
    Message,
    /// A request with a long reply.
    Request(Request),
    /// It is being answered.
    Begun,
}

/// Server side of one connection. Its events are requests, each to be answered in turn.
///
/// Any number of requests may come over one connection, pipelined or not; replies keep their order. A body that is
/// not a request is answered with an error reply and the connection continues; a head that is not a length, a message
/// beyond the limit, or an end inside a message is answered with an error reply and FIN, and further input is
/// discarded. After `done` the connection ends.
///
/// A request whose reply may be long, or that is long itself, is passed on when all before it are answered and the output
/// has room; what follows waits until it is answered.
///
/// Deviations from OptBayesExpt 1.2, which has one request per connection, no error replies (the process ends
/// instead), idle clients that block all others, and no limits.
#[derive(Debug)]
pub struct Server {
    link: Link<Request>,
    limits: Limits,
    permissions: Permissions,
    reader: FrameReader<DecimalLength>,
    /// Number of requests that the application has not answered.
    unanswered: usize,
    /// Length of their messages.
    in_flight: usize,
    long: Long,
    /// Length of replies about the experiment, such as means.
    bound: ReplyBound,
    /// Whether each long request waits for room.
    is_rationed: bool,
    /// Error reply that waits for the replies before it, and the end of the connection with it, if any.
    fault: Option<(ErrorReply, Option<CloseReason>)>,
    /// End of the connection once nothing is unanswered.
    ending: Option<CloseReason>,
    has_received: bool,
    /// Time at which the connection or its current message began, or the last one was answered.
    since: Instant,
}

impl Server {
    /// Creates a connection that begins at `now`.
    #[must_use]
    pub fn new(now: Instant, limits: Limits, permissions: Permissions) -> Self {
        Self {
            link: Link::of_server(limits.session.clone()),
            reader: FrameReader::new(DecimalLength, limits.session.message_bytes),
            limits,
            permissions,
            unanswered: 0,
            in_flight: 0,
            long: Long::None,
            bound: ReplyBound::default(),
            is_rationed: false,
            fault: None,
            ending: None,
            has_received: false,
            since: now,
        }
    }

    /// The session with a bound on the replies about the experiment: while it is large, requests for them wait for room.
    #[must_use]
    pub fn with_reply_bound(mut self, bound: ReplyBound) -> Self {
        self.bound = bound;
        self
    }

    /// Reads messages as long as they can be taken, and ends the connection if the peer has nothing more to send.
    fn read(&mut self, now: Instant) {
        while self.can_receive() {
            match self.reader.next_length() {
                Ok(Some(length)) if length >= LARGE => self.long = Long::Message,
                Ok(Some(length)) => self.read_message(now, length),
                Ok(None) => break,
                Err(error) => self.unreadable(now, error),
            }
            self.begin_unrationed(now);
        }
        if self.link.has_peer_finished() && self.unanswered == 0 && self.can_receive() {
            self.end_of_input(now);
        }
    }

    /// Goes on after an answer, or when output was sent.
    fn resume(&mut self, now: Instant) {
        self.begin_unrationed(now);
        self.read(now);
    }

    fn begin_unrationed(&mut self, now: Instant) {
        while !self.is_rationed && self.has_long() {
            self.begin_long(now);
        }
    }

    fn read_message(&mut self, now: Instant, length: usize) {
        let parse = |body: &[u8]| codec::parse_request(body, &self.limits.json);
        match self.reader.poll_message(parse) {
            Ok(Some(request)) => self.message(now, length, request),
            Ok(None) => {}
            Err(error) => self.unreadable(now, error),
        }
    }

    /// Whether a long request waits for nothing but room.
    fn has_long(&self) -> bool {
        matches!(self.long, Long::Message | Long::Request(_)) && self.unanswered == 0 && !self.link.is_full()
    }

    /// Passes the long request on, if there is one and it is its turn.
    fn begin_long(&mut self, now: Instant) {
        if !self.has_long() {
            return;
        }
        match core::mem::replace(&mut self.long, Long::Begun) {
            Long::Request(request) => {
                self.unanswered += 1;
                self.link.emit(request);
            }
            _ => {
                let length = self.reader.next_length().ok().flatten();
                self.read_message(now, length.unwrap_or_default());
                if self.unanswered == 0 && matches!(self.long, Long::Begun) {
                    self.long = Long::None;
                }
            }
        }
    }

    fn message(&mut self, now: Instant, length: usize, request: Result<Request, ErrorReply>) {
        self.has_received = true;
        self.since = now;
        match request {
            Ok(request) => {
                if let Some(what) = self.permissions.refuse(&request) {
                    let text = format!(
                        "{what} is not permitted here: the server's configuration decides from where it is"
                    );
                    return self.fault(now, ErrorReply::new(code::NOT_PERMITTED, text), None);
                }
                if request.has_long_reply(self.bound.bytes() > LARGE) {
                    self.long = Long::Request(request);
                    return;
                }
                if *request.command() == Request::Done {
                    self.ending = Some(CloseReason::Finished);
                }
                self.in_flight += length;
                self.unanswered += 1;
                self.link.emit(request);
            }
            Err(error) => self.fault(now, error, None),
        }
    }

    /// Answers bytes that contain no message.
    fn unreadable(&mut self, now: Instant, error: FrameError) {
        let reply = match error {
            FrameError::TooLong(limit) => {
                let text = format!("longer than the limit {} of {limit} bytes", Limit::MessageBytes);
                ErrorReply::new(code::TOO_LONG, text)
            }
            _ => ErrorReply::new(code::MALFORMED_LENGTH, format!("{error}")),
        };
        self.end_with(now, reply, error.into());
    }

    fn end_with(&mut self, now: Instant, error: ErrorReply, reason: CloseReason) {
        self.fault(now, error, Some(reason));
    }

    fn fault(&mut self, now: Instant, error: ErrorReply, ending: Option<CloseReason>) {
        self.fault = Some((error, ending));
        self.settle(now);
    }

    /// Performs actions that waited until every request was answered.
    fn settle(&mut self, now: Instant) {
        if self.unanswered > 0 {
            return;
        }
        if let Some((error, ending)) = self.fault.take() {
            self.write(now, &Err(error));
            self.ending = ending.or(self.ending.take());
        }
        if let Some(reason) = self.ending.take() {
            self.link.close_after_linger(now, reason);
        }
    }

    fn write(&mut self, now: Instant, reply: &Result<Reply, ErrorReply>) {
        self.since = now;
        match reply {
            Ok(Reply::Long(text)) if text.bytes() as u64 > LONGEST => {
                let error = LengthError::TooLong(text.bytes());
                self.write(now, &Err(ErrorReply::new(code::TOO_LONG, format!("{error}"))));
            }
            Ok(Reply::Long(text)) if text.bytes() > LARGE => {
                let head = format!("{:0HEAD$}", text.bytes());
                let source = Box::new(text.clone().source());
                self.link.send_source(now, head.as_bytes(), source);
            }
            reply => self.link.send_with(now, |output| codec::put_reply(output, reply)),
        }
    }

    /// Handles the end of the stream: between two messages, inside one, or before the first.
    fn end_of_input(&mut self, now: Instant) {
        if self.reader.is_empty() && self.has_received {
            self.link.close_after_linger(now, CloseReason::Finished);
            return;
        }
        let place = match self.has_received || !self.reader.is_empty() {
            true => "inside a message",
            false => "before the first message",
        };
        let error = ErrorReply::new(code::INCOMPLETE, format!("the stream ended {place}"));
        self.end_with(now, error, CloseReason::PeerClosed(place));
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
        if self.reader.is_empty() && self.has_received {
            self.since = now;
        }
        self.reader.push(bytes);
        self.read(now);
    }

    fn receive_end(&mut self, now: Instant) {
        self.read(now);
    }

    fn shut_down(&mut self, now: Instant) {
        self.ending.get_or_insert(CloseReason::Shutdown);
        self.settle(now);
    }

    fn can_receive(&self) -> bool {
        self.link.is_open()
            && !self.link.is_full()
            && self.unanswered < self.limits.requests_in_flight.max(1)
            && self.in_flight < LARGE
            && matches!(self.long, Long::None)
            && self.fault.is_none()
            && self.ending.is_none()
    }

    fn unfinished(&self) -> usize {
        self.reader.held() + self.in_flight
    }

    fn need(&self) -> Need {
        match self.long {
            Long::Begun => Need::Reply,
            Long::Message if self.has_long() => Need::Message,
            _ if self.has_long() => Need::Room,
            _ => Need::Nothing,
        }
    }

    fn take_room(&mut self, now: Instant, has_room: bool) {
        self.is_rationed |= !has_room;
        if has_room {
            self.begin_long(now);
            self.read(now);
        }
    }

    fn sent(&mut self, now: Instant) {
        self.resume(now);
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        if !self.can_receive() || self.unanswered > 0 {
            return None;
        }
        let limits = &self.limits.session;
        Some(if self.has_received && self.reader.is_empty() {
            (self.since + limits.idle_timeout, Timer::IdleTimeout)
        } else {
            (self.since + limits.request_timeout, Timer::RequestTimeout)
        })
    }

    fn expire(&mut self, now: Instant, timer: Timer) {
        let allowed = self.limits.session.request_timeout;
        let text = format!("no complete message within the {timer} of {allowed:?}");
        self.end_with(
            now,
            ErrorReply::new(code::INCOMPLETE, text),
            CloseReason::TimedOut(timer),
        );
    }
}

impl Responder for Server {
    type Reply = Result<Reply, ErrorReply>;

    fn reply(&mut self, now: Instant, reply: Self::Reply) {
        if self.unanswered == 0 || !self.link.is_open() {
            return;
        }
        self.write(now, &reply);
        self.unanswered -= 1;
        if self.unanswered == 0 {
            self.in_flight = 0;
            if matches!(self.long, Long::Begun) {
                self.long = Long::None;
            }
        }
        self.settle(now);
        self.resume(now);
    }
}
