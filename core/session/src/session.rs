//! The contract between a protocol and the host that moves its bytes. See the documentation of `labwire-core` for the drive loop.

use alloc::string::String;

use crate::names::{Limit, Timer};
use crate::time::Instant;

/// One side of one connection.
///
/// Bytes from the peer go in by [`handle_input`](Session::handle_input), bytes for the peer come out of
/// [`transmit`](Session::transmit), what happened comes out of [`poll_event`](Session::poll_event).
/// No call blocks, fails or panics, whatever the peer sends.
pub trait Session {
    /// What the application is told of.
    type Event;

    /// Takes bytes that the peer sent. All of `bytes` is consumed. Not to be called while
    /// [`wants_input`](Session::wants_input) is false.
    fn handle_input(&mut self, now: Instant, bytes: &[u8]);

    /// The peer has closed its sending side.
    fn handle_eof(&mut self, now: Instant);

    /// The transport has failed: nothing more can be read or written.
    fn handle_lost(&mut self, now: Instant);

    /// Time has passed. A call before [`poll_timeout`](Session::poll_timeout) is due does nothing.
    fn handle_timeout(&mut self, now: Instant);

    /// The host wants to end: what was asked for is still answered, nothing new is taken.
    fn handle_shutdown(&mut self, now: Instant);

    /// False while the session cannot take more input (back-pressure). The host then stops reading.
    fn wants_input(&self) -> bool;

    /// Bytes that wait to be sent; more may follow when these are.
    fn transmit(&self) -> &[u8];

    /// The first `count` bytes of [`transmit`](Session::transmit) have been handed to the transport.
    fn transmitted(&mut self, now: Instant, count: usize);

    /// What becomes of the sending side once [`transmit`](Session::transmit) is empty.
    fn transmit_state(&self) -> TransmitState;

    /// The next event; [`Event::Closed`] is the last and comes once.
    fn poll_event(&mut self) -> Option<Event<Self::Event>>;

    /// When [`handle_timeout`](Session::handle_timeout) is due, and what for.
    fn poll_timeout(&self) -> Option<(Instant, Timer)>;

    /// No more application work: the reason has been, or is about to be, reported.
    fn is_closed(&self) -> bool;

    /// Nothing is left to do: the host may drop the session and its transport.
    fn is_drained(&self) -> bool;
}

/// A session whose application answers: the server side of a request-and-reply protocol.
pub trait Responder: Session {
    /// The answer to a request.
    type Reply;

    /// Queues the answer to the oldest unanswered request. Ignored when the session is closed (the peer has gone).
    fn reply(&mut self, now: Instant, reply: Self::Reply);
}

/// A session whose application asks: the client side of a request-and-reply protocol.
pub trait Asker: Session {
    /// A request.
    type Request: ?Sized;
    /// Name of a request in the events that tell of it; `()` where replies come in the order of the requests.
    type Ticket;

    /// Queues a request.
    ///
    /// # Errors
    /// The session cannot carry it; nothing was queued.
    fn request(&mut self, now: Instant, request: &Self::Request) -> Result<Self::Ticket, Misuse>;
}

/// Why a session did not take a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The connection has ended, or is about to, or has carried the one request that it was for.
    #[error("the connection takes no more requests")]
    Closed,
    /// Too many requests wait already.
    #[error("too many requests wait already")]
    QueueFull,
    /// The protocol has no form for this request, for this reason.
    #[error("{0}")]
    Unsendable(String),
}

/// What a session tells its application.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<T> {
    /// Something of the protocol.
    Application(T),
    /// The end, once. No event follows.
    Closed(CloseReason),
}

/// What becomes of the sending side of the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransmitState {
    /// It stays open.
    Open,
    /// Once everything is sent, half-close (FIN) and go on reading.
    FinishAfterDrain,
    /// Once everything is sent, half-close, go on reading (the session discards) until
    /// [`is_drained`](Session::is_drained). Closing at once with unread input would reset the connection and could
    /// lose the reply.
    CloseAfterLinger,
    /// Drop the transport now.
    Abort,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The protocol's regular end.
    #[error("finished")]
    Finished,
    /// The peer closed its side before it had said everything.
    #[error("peer closed the connection {0}")]
    PeerClosed(&'static str),
    /// The transport failed.
    #[error("connection lost")]
    Lost,
    /// The peer broke the protocol.
    #[error("peer misbehaved: {0}")]
    PeerMisbehaved(String),
    /// The peer took too long for this time limit.
    #[error("timed out: {0}")]
    TimedOut(Timer),
    /// The peer exceeded a limit.
    #[error("limit {limit} of {value} exceeded")]
    LimitExceeded {
        /// The limit.
        limit: Limit,
        /// Its value.
        value: u64,
    },
    /// The host asked for it.
    #[error("shut down")]
    Shutdown,
}

impl CloseReason {
    /// The peer exceeded `limit`, which is `value`.
    pub fn exceeded(limit: Limit, value: usize) -> Self {
        let value = value as u64;
        Self::LimitExceeded { limit, value }
    }
}
