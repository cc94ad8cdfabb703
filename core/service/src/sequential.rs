//! Service that answers one request after another.

use alloc::collections::VecDeque;
use core::fmt;

use labwire_session::time::Instant;
use labwire_session::{CloseReason, Responder, Session};

use super::{Busy, ConnectionId, Job, Peer, Service};

/// Handler of the requests of a [`Sequential`] service: an engine, or a program that embeds this crate.
pub trait Handler {
    /// Request.
    type Request;
    /// Reply.
    type Reply;

    /// Takes a request. `None` if the answer takes work or may block: then [`step`](Handler::step) is called until it
    /// returns the answer.
    fn begin(&mut self, now: Instant, request: Self::Request) -> Option<Self::Reply>;

    /// Continues the request that was begun, for about `fuel` units. A host may call it on another thread.
    fn step(&mut self, now: Instant, fuel: u32) -> Option<Self::Reply>;

    /// Whether steps may block; see [`Job::may_block`].
    fn may_block(&self) -> bool {
        false
    }

    /// Whether a request has asked the service to end.
    fn is_finished(&self) -> bool {
        false
    }
}

/// Service with one [`Handler`], which answers the requests of all connections one at a time, in the order of their
/// arrival. A request whose connection has ended before its turn is dropped.
pub struct Sequential<S: Session, H: Handler, F> {
    open_session: F,
    /// `None` while a job holds it.
    handler: Option<H>,
    /// Connection whose request has begun and is not answered.
    current: Option<ConnectionId>,
    requests: VecDeque<(ConnectionId, S::Event)>,
    replies: VecDeque<(ConnectionId, H::Reply)>,
    is_shutting_down: bool,
}

impl<S, H, F> Sequential<S, H, F>
where
    S: Responder,
    H: Handler<Request = S::Event, Reply = S::Reply>,
    F: FnMut(Instant, Peer) -> S,
{
    /// Creates a service whose sessions are made by `open_session`.
    pub fn new(handler: H, open_session: F) -> Self {
        Self {
            open_session,
            handler: Some(handler),
            current: None,
            requests: VecDeque::new(),
            replies: VecDeque::new(),
            is_shutting_down: false,
        }
    }

    /// Begins requests until one takes work.
    fn advance(&mut self, now: Instant) {
        while self.current.is_none()
            && let Some(handler) = &mut self.handler
            && let Some((from, request)) = self.requests.pop_front()
        {
            match handler.begin(now, request) {
                Some(reply) => self.replies.push_back((from, reply)),
                None => self.current = Some(from),
            }
        }
    }
}

impl<S, H, F> Service for Sequential<S, H, F>
where
    S: Responder,
    H: Handler<Request = S::Event, Reply = S::Reply>,
    F: FnMut(Instant, Peer) -> S,
{
    type Session = S;
    type Job = HandlerJob<H>;

    fn open_session(&mut self, now: Instant, peer: Peer) -> S {
        (self.open_session)(now, peer)
    }

    fn handle_request(&mut self, now: Instant, from: ConnectionId, request: S::Event) {
        self.requests.push_back((from, request));
        self.advance(now);
    }

    fn handle_disconnect(&mut self, _now: Instant, from: ConnectionId, _reason: &CloseReason) {
        self.requests.retain(|(asker, _)| *asker != from);
    }

    fn take_job(&mut self, _now: Instant) -> Option<HandlerJob<H>> {
        let from = self.current?;
        let handler = self.handler.take()?;
        Some(HandlerJob {
            from,
            handler,
            reply: None,
        })
    }

    fn finish_job(&mut self, now: Instant, job: HandlerJob<H>) {
        self.handler = Some(job.handler);
        if let (Some(from), Some(reply)) = (self.current.take(), job.reply) {
            self.replies.push_back((from, reply));
        }
        self.advance(now);
    }

    fn poll_reply(&mut self) -> Option<(ConnectionId, S::Reply)> {
        self.replies.pop_front()
    }

    fn handle_shutdown(&mut self, _now: Instant) {
        self.is_shutting_down = true;
    }

    fn is_finished(&self) -> bool {
        let asked = self.is_shutting_down || self.handler.as_ref().is_some_and(Handler::is_finished);
        asked && self.current.is_none() && self.requests.is_empty() && self.replies.is_empty()
    }
}

impl<S: Session, H: Handler, F> fmt::Debug for Sequential<S, H, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sequential")
            .field("current", &self.current)
            .field("requests", &self.requests.len())
            .field("replies", &self.replies.len())
            .finish_non_exhaustive()
    }
}

/// The handler, working on one request.
pub struct HandlerJob<H: Handler> {
    from: ConnectionId,
    handler: H,
    reply: Option<H::Reply>,
}

impl<H: Handler> Job for HandlerJob<H> {
    fn step(&mut self, now: Instant, fuel: u32) -> Busy {
        if self.reply.is_none() {
            self.reply = self.handler.step(now, fuel);
        }
        if self.reply.is_some() { Busy::No } else { Busy::Yes }
    }

    fn asker(&self) -> ConnectionId {
        self.from
    }

    fn may_block(&self) -> bool {
        self.handler.may_block()
    }
}

impl<H: Handler> fmt::Debug for HandlerJob<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_done = self.reply.is_some();
        formatter
            .debug_struct("HandlerJob")
            .field("is_done", &is_done)
            .finish_non_exhaustive()
    }
}
