//! Client side of a connection.

use alloc::format;
use alloc::string::{String, ToString};

use labwire_python_json::{ParseError, Value, parse};
use labwire_session::framing::FrameReader;
use labwire_session::framing::decimal_length::DecimalLength;
use labwire_session::time::Instant;
use labwire_session::{Asker, CloseReason, Link, Misuse, Protocol, Timer};

use super::{Limits, codec};
use crate::unanswered::Unanswered;

/// Client side of one connection. Its events are the replies, in the order of the messages.
///
/// Upstream's server answers one message per connection, and not before the previous connection's client has closed;
/// so to talk to it, call [`request`](Asker::request) and [`finish`](Client::finish), and drop the connection at the
/// event `Closed`. labwire's server takes any number of messages, pipelined or not.
///
/// The limit `request-timeout` is the longest wait for one reply.
#[derive(Debug)]
pub struct Client {
    link: Link<Value>,
    limits: Limits,
    unanswered: Unanswered,
    reader: FrameReader<DecimalLength>,
}

impl Client {
    /// Creates a session.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            link: Link::new(limits.session.clone()),
            reader: FrameReader::new(DecimalLength, limits.session.message_bytes),
            limits,
            unanswered: Unanswered::new(),
        }
    }

    /// Ends the connection after the last reply.
    pub fn finish(&mut self) {
        self.unanswered.may_ask = false;
        self.end_when_answered(CloseReason::Finished);
    }

    /// Number of messages without a reply.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.unanswered.kinds.len()
    }

    fn end_when_answered(&mut self, reason: CloseReason) {
        if self.unanswered.is_over() {
            self.link.close(reason);
        }
    }

    fn reply(&mut self, now: Instant, reply: Result<Value, ParseError>) {
        match reply {
            Ok(value) => {
                self.unanswered.pop(now);
                self.link.emit(value);
                self.end_when_answered(CloseReason::Finished);
            }
            Err(error) => self.misbehaved(format!("the reply is not JSON: {error}")),
        }
    }

    fn misbehaved(&mut self, how: String) {
        self.link.abort(CloseReason::PeerMisbehaved(how));
    }
}

impl Protocol for Client {
    type Event = Value;

    fn link(&self) -> &Link<Value> {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link<Value> {
        &mut self.link
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.reader.push(bytes);
        while self.link.is_open() && !self.reader.is_empty() {
            if self.unanswered.kinds.is_empty() {
                return self.misbehaved("a reply that nobody asked for".into());
            }
            match self.reader.poll_message(|body| parse(body, &self.limits.json)) {
                Ok(Some(reply)) => self.reply(now, reply),
                Ok(None) => break,
                Err(error) => self.link.abort(error.into()),
            }
        }
    }

    fn receive_end(&mut self, now: Instant) {
        let reason = match (self.unanswered.kinds.len(), self.reader.is_empty()) {
            (0, _) => CloseReason::Finished,
            (_, true) => CloseReason::PeerClosed("without a reply"),
            (_, false) => CloseReason::PeerClosed("inside a reply"),
        };
        self.link.close_after_linger(now, reason);
    }

    fn shut_down(&mut self, _now: Instant) {
        self.unanswered.may_ask = false;
        self.end_when_answered(CloseReason::Shutdown);
    }

    fn unfinished(&self) -> usize {
        self.reader.held()
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        self.unanswered.deadline(self.limits.session.request_timeout)
    }
}

impl Asker for Client {
    /// A [`Request`](super::Request) as a value, or any other message that the server understands.
    type Request = Value;
    type Ticket = ();

    fn request(&mut self, now: Instant, message: &Value) -> Result<(), Misuse> {
        self.unanswered.check(&self.link)?;
        let mut sent = Ok(());
        self.link
            .send_with(now, |output| sent = codec::put_value(output, message));
        sent.map_err(|error| Misuse::Unsendable(error.to_string()))?;
        self.unanswered.push(now, ());
        Ok(())
    }
}
