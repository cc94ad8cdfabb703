//! Server side of a connection.

use alloc::format;

use labwire_session::framing::decimal_length::DecimalLength;
use labwire_session::framing::{FrameError, FrameReader};
use labwire_session::time::Instant;
use labwire_session::{CloseReason, Limit, Link, Protocol, Responder, Timer};

use super::messages::{ErrorReply, Reply, Request, code};
use super::{Limits, codec};

/// Permissions of a peer beyond the basic commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        match request {
            Request::Done if !self.done => Some("done"),
            Request::NewRun(arguments) if !self.experiments && arguments.get("experiment").is_some() => {
                Some("an experiment of one's own")
            }
            Request::Save { .. } | Request::Load { .. } if !self.posteriors => Some("to save and load"),
            _ => None,
        }
    }
}

/// Server side of one connection. Its events are requests, each to be answered in turn.
///
/// Any number of requests may come over one connection, pipelined or not; replies keep their order. A body that is
/// not a request is answered with an error reply and the connection continues; a head that is not a length, a message
/// beyond the limit, or an end inside a message is answered with an error reply and FIN, and further input is
/// discarded. After `done` the connection ends.
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
            link: Link::new(limits.session.clone()),
            reader: FrameReader::new(DecimalLength, limits.session.message_bytes),
            limits,
            permissions,
            unanswered: 0,
            fault: None,
            ending: None,
            has_received: false,
            since: now,
        }
    }

    /// Reads messages as long as they can be taken, and ends the connection if the peer has nothing more to send.
    fn read(&mut self, now: Instant) {
        while self.can_receive() {
            let parse = |body: &[u8]| codec::parse_request(body, &self.limits.json);
            match self.reader.poll_message(parse) {
                Ok(Some(request)) => self.message(now, request),
                Ok(None) => break,
                Err(error) => self.unreadable(now, error),
            }
        }
        if self.link.has_peer_finished() && self.unanswered == 0 && self.can_receive() {
            self.end_of_input(now);
        }
    }

    fn message(&mut self, now: Instant, request: Result<Request, ErrorReply>) {
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
                if request == Request::Done {
                    self.ending = Some(CloseReason::Finished);
                }
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
        self.link.send_with(now, |output| codec::put_reply(output, reply));
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
            && self.unanswered < self.limits.requests_in_flight
            && self.fault.is_none()
            && self.ending.is_none()
    }

    fn sent(&mut self, now: Instant) {
        self.read(now);
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
        self.settle(now);
        self.read(now);
    }
}
