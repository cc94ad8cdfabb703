//! Service that answers one request after another.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use labwire_session::time::Instant;
use labwire_session::{CloseReason, ReplyBound, Responder, Session};

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

    /// Drops the request that was begun, because its asker has gone. Returns false if it has to be completed all the
    /// same, as by default all have to.
    fn cancel(&mut self) -> bool {
        false
    }

    /// Reply to the request whose step has panicked. `None`, as by default, where the protocol has no error reply: then its
    /// connection ends.
    fn answer_panic(&mut self) -> Option<Self::Reply> {
        None
    }

    /// Reply to a request whose answer does not depend on the handler, which may be working on another. By default there
    /// is no such request.
    fn answer_always(_request: &Self::Request) -> Option<Self::Reply> {
        None
    }

    /// Whether a request gives way to those of others once its asker has finished sending, and may have gone: one whose
    /// answer takes long, and changes nothing. By default there is no such request.
    fn gives_way(_request: &Self::Request) -> bool {
        false
    }

    /// Reply to a request that has [given way](Handler::gives_way) for this time, if that is too long. By default it never
    /// is.
    fn answer_late(&self, _waited: Duration) -> Option<Self::Reply> {
        None
    }

    /// Bound on replies that are usually short, for protocols that need it. By default they always are.
    fn reply_bound(&self) -> ReplyBound {
        ReplyBound::default()
    }

    /// Next remark on a request for the server's log.
    fn poll_remark(&mut self) -> Option<String> {
        None
    }

    /// Whether steps may block; see [`Job::may_block`].
    fn may_block(&self) -> bool {
        false
    }

    /// Notes that the service was told to end, once; requests that have come are still answered. It may block.
    fn end(&mut self) {}

    /// Whether a request has asked the service to end.
    fn is_finished(&self) -> bool {
        false
    }
}

/// Service with one [`Handler`], which answers the requests of all connections one at a time, in the order of their
/// arrival. Only what the handler can [always answer](Handler::answer_always) waits for nobody else's.
///
/// A request whose connection has ended before its turn is dropped; one that has begun is
/// [cancelled](Handler::cancel). If the asker has finished sending, its requests from the first on that
/// [gives way](Handler::gives_way) wait until no others do.
pub struct Sequential<S: Session, H: Handler, F> {
    open_session: F,
    /// `None` while a job holds it.
    handler: Option<H>,
    current: Option<Current>,
    requests: VecDeque<Waiting<S::Event>>,
    /// Connections that have finished sending.
    finished: BTreeSet<ConnectionId>,
    replies: VecDeque<(ConnectionId, H::Reply)>,
    is_shutting_down: bool,
    /// Whether the handler has been told.
    has_ended: bool,
}

/// Request that waits for its turn.
struct Waiting<R> {
    from: ConnectionId,
    since: Instant,
    request: R,
}

/// Request that has begun and is not answered.
#[derive(Clone, Debug)]
struct Current {
    from: ConnectionId,
    is_cancelled: Arc<AtomicBool>,
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
            finished: BTreeSet::new(),
            replies: VecDeque::new(),
            is_shutting_down: false,
            has_ended: false,
        }
    }

    /// Begins requests until one takes work.
    fn advance(&mut self, now: Instant) {
        while self.current.is_none() && self.handler.is_some() {
            let next = self.next();
            let (Some(handler), Some(next)) = (&mut self.handler, self.requests.remove(next)) else {
                return;
            };
            let Waiting { from, since, request } = next;
            let has_given_way = self.finished.contains(&from) && H::gives_way(&request);
            let late = has_given_way.then(|| handler.answer_late(now.duration_since(since)));
            match late.flatten().or_else(|| handler.begin(now, request)) {
                Some(reply) => self.replies.push_back((from, reply)),
                None => {
                    self.current = Some(Current {
                        from,
                        is_cancelled: Arc::default(),
                    });
                }
            }
        }
    }

    /// Index of the request whose turn it is.
    fn next(&self) -> usize {
        if self.finished.is_empty() {
            return 0;
        }
        let mut passed_over = BTreeSet::new();
        let is_next = |waiting: &Waiting<S::Event>| {
            let from = waiting.from;
            let gives_way = self.finished.contains(&from) && H::gives_way(&waiting.request);
            // Replies keep the order of the requests.
            if gives_way {
                passed_over.insert(from);
            }
            !passed_over.contains(&from)
        };
        self.requests.iter().position(is_next).unwrap_or_default()
    }

    /// Whether requests of the connection wait for their replies, so that another one has to wait behind them.
    fn is_waiting(&self, from: ConnectionId) -> bool {
        let current = self.current.iter().map(|current| current.from);
        let mut waiting = current.chain(self.requests.iter().map(|waiting| waiting.from));
        waiting.any(|asker| asker == from)
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
        if let Some(reply) = H::answer_always(&request)
            && !self.is_waiting(from)
        {
            return self.replies.push_back((from, reply));
        }
        self.requests.push_back(Waiting {
            from,
            since: now,
            request,
        });
        self.advance(now);
    }

    fn handle_eof(&mut self, _now: Instant, from: ConnectionId) {
        self.finished.insert(from);
    }

    fn handle_disconnect(&mut self, now: Instant, from: ConnectionId, _reason: &CloseReason) {
        self.requests.retain(|waiting| waiting.from != from);
        self.finished.remove(&from);
        let Some(current) = self.current.as_ref().filter(|current| current.from == from) else {
            return;
        };
        // Seen by the job, if there is one.
        current.is_cancelled.store(true, Ordering::Relaxed);
        if self.handler.as_mut().is_some_and(Handler::cancel) {
            self.current = None;
            self.advance(now);
        }
    }

    fn take_job(&mut self, _now: Instant) -> Option<HandlerJob<H>> {
        let request = self.current.clone()?;
        let handler = self.handler.take()?;
        Some(HandlerJob {
            request,
            handler,
            outcome: None,
        })
    }

    fn finish_job(&mut self, now: Instant, mut job: HandlerJob<H>) {
        if self.is_shutting_down && !self.has_ended {
            job.handler.end();
            self.has_ended = true;
        }
        self.handler = Some(job.handler);
        if let (Some(current), Some(Outcome::Answered(reply))) = (self.current.take(), job.outcome) {
            self.replies.push_back((current.from, reply));
        }
        self.advance(now);
    }

    fn handle_panic(&mut self, now: Instant, mut job: HandlerJob<H>) -> bool {
        job.outcome = job.handler.answer_panic().map(Outcome::Answered);
        let is_answered = job.outcome.is_some();
        self.finish_job(now, job);
        is_answered
    }

    fn poll_reply(&mut self) -> Option<(ConnectionId, S::Reply)> {
        self.replies.pop_front()
    }

    fn poll_remark(&mut self) -> Option<String> {
        self.handler.as_mut()?.poll_remark()
    }

    fn handle_shutdown(&mut self, _now: Instant) {
        self.is_shutting_down = true;
        if let Some(handler) = self.handler.as_mut().filter(|_| !self.has_ended) {
            handler.end();
            self.has_ended = true;
        }
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
    request: Current,
    handler: H,
    outcome: Option<Outcome<H::Reply>>,
}

/// End of a request.
enum Outcome<R> {
    Answered(R),
    Cancelled,
}

impl<H: Handler> Job for HandlerJob<H> {
    fn step(&mut self, now: Instant, fuel: u32) -> Busy {
        if self.outcome.is_none() {
            let is_cancelled = self.request.is_cancelled.load(Ordering::Relaxed);
            self.outcome = match is_cancelled && self.handler.cancel() {
                true => Some(Outcome::Cancelled),
                false => self.handler.step(now, fuel).map(Outcome::Answered),
            };
        }
        match self.outcome {
            Some(_) => Busy::No,
            None => Busy::Yes,
        }
    }

    fn asker(&self) -> ConnectionId {
        self.request.from
    }

    fn may_block(&self) -> bool {
        self.handler.may_block()
    }
}

impl<H: Handler> fmt::Debug for HandlerJob<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HandlerJob")
            .field("request", &self.request)
            .field("is_done", &self.outcome.is_some())
            .finish_non_exhaustive()
    }
}
