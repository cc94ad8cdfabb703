//! Client side of a connection.

use alloc::format;

use labwire_session::framing::json_value::Values;
use labwire_session::framing::{FrameError, FrameReader};
use labwire_session::limits::SessionLimits;
use labwire_session::time::Instant;
use labwire_session::{Asker, CloseReason, Link, Misuse, Protocol, Timer};

use super::codec;
use super::messages::{Reply, Request};
use crate::unanswered::Unanswered;

/// Client side of one connection. Its events are the replies, in the order of the requests.
///
/// [`Client::one_shot`] sends one request, half-closes and reads one reply, which every OpEn server supports.
/// [`Client::kept_open`] sends any number of requests, pipelined or not, which only labwire supports.
///
/// The limit `request-timeout` is the longest wait for one reply.
#[derive(Debug)]
pub struct Client {
    link: Link<Reply>,
    is_kept_open: bool,
    /// Whether each is Kill, which ends without a reply.
    unanswered: Unanswered<bool>,
    reader: FrameReader<Values>,
}

impl Client {
    /// Creates a connection for one request.
    #[must_use]
    pub fn one_shot(limits: SessionLimits) -> Self {
        let mut values = Values::default();
        values.skips_space = true;
        Self {
            is_kept_open: false,
            unanswered: Unanswered::new(),
            reader: FrameReader::new(values, limits.message_bytes),
            link: Link::new(limits),
        }
    }

    /// Creates a connection for many requests.
    #[must_use]
    pub fn kept_open(now: Instant, limits: SessionLimits) -> Self {
        let mut client = Self::one_shot(limits);
        client.is_kept_open = true;
        client.write(now, &Request::KeepAlive(true));
        client
    }

    /// Number of requests without a reply.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.unanswered.kinds.len()
    }

    fn finish_asking(&mut self) {
        self.unanswered.may_ask = false;
        self.link.finish_sending();
    }

    fn write(&mut self, now: Instant, request: &Request) {
        self.link
            .send_with(now, |output| codec::write_request(output, request));
    }

    fn reply(&mut self, now: Instant, reply: Result<Reply, serde_json::Error>) {
        match reply {
            Ok(_) if self.unanswered.kinds.is_empty() => self.misbehaved("a reply that nobody asked for"),
            Ok(reply) => self.answered(now, reply),
            Err(error) => self.misbehaved(&format!("not a reply: {error}")),
        }
    }

    fn answered(&mut self, now: Instant, reply: Reply) {
        self.unanswered.pop(now);
        self.link.emit(reply);
        if self.unanswered.is_over() {
            self.link.close_after_linger(now, CloseReason::Finished);
        }
    }

    fn misbehaved(&mut self, how: &str) {
        self.link.abort(CloseReason::PeerMisbehaved(how.into()));
    }
}

impl Protocol for Client {
    type Event = Reply;

    fn link(&self) -> &Link<Reply> {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link<Reply> {
        &mut self.link
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.reader.push(bytes);
        while self.link.is_open() {
            match self.reader.poll_message(codec::parse_reply) {
                Ok(Some(reply)) => self.reply(now, reply),
                Ok(None) => break,
                Err(FrameError::TooLong(limit)) => self.link.abort(FrameError::TooLong(limit).into()),
                Err(_) => self.misbehaved("the reply is not JSON"),
            }
        }
    }

    fn receive_end(&mut self, now: Instant) {
        if self.reader.is_empty() && self.unanswered.kinds.front() == Some(&true) {
            self.answered(now, Reply::Killed);
        }
        let reason = match (self.unanswered.kinds.is_empty(), self.reader.is_empty()) {
            (_, false) => CloseReason::PeerClosed("inside a reply"),
            (false, true) => CloseReason::PeerClosed("without a reply"),
            (true, true) => CloseReason::Finished,
        };
        self.link.close_after_linger(now, reason);
    }

    fn shut_down(&mut self, now: Instant) {
        self.finish_asking();
        if self.unanswered.kinds.is_empty() {
            self.link.close_after_linger(now, CloseReason::Shutdown);
        }
    }

    fn unfinished(&self) -> usize {
        self.reader.held()
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        self.unanswered.deadline(self.link.limits().request_timeout)
    }
}

impl Asker for Client {
    type Request = Request;
    type Ticket = ();

    /// Queues any request but KeepAlive: the kind of connection is fixed on creation.
    fn request(&mut self, now: Instant, request: &Request) -> Result<(), Misuse> {
        self.unanswered.check(&self.link)?;
        if matches!(request, Request::KeepAlive(_)) {
            let why = "KeepAlive is sent by a kept-open connection itself";
            return Err(Misuse::Unsendable(why.into()));
        }
        self.write(now, request);
        self.unanswered.push(now, matches!(request, Request::Kill(_)));
        if !self.is_kept_open {
            self.finish_asking();
        }
        Ok(())
    }
}
