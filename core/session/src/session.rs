//! Contract between a protocol and the host that moves its bytes. See the documentation of `labwire-core` for the
//! drive loop.

use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::names::{Limit, Timer};
use crate::time::Instant;

/// One side of one connection.
///
/// Bytes from the peer go in by [`handle_input`](Session::handle_input), bytes for the peer come out of
/// [`transmit`](Session::transmit), events come out of [`poll_event`](Session::poll_event). No call blocks, fails or
/// panics, whatever the peer sends.
pub trait Session {
    /// Event for the application.
    type Event;

    /// Takes bytes from the peer. All of `bytes` is consumed. Must not be called while
    /// [`wants_input`](Session::wants_input) is false.
    fn handle_input(&mut self, now: Instant, bytes: &[u8]);

    /// Reports that the peer has closed its sending side.
    fn handle_eof(&mut self, now: Instant);

    /// Reports that the transport has failed: nothing more can be read or written.
    fn handle_lost(&mut self, now: Instant);

    /// Reports that time has passed. A call before [`poll_timeout`](Session::poll_timeout) is due does nothing.
    fn handle_timeout(&mut self, now: Instant);

    /// Asks the session to end: requests in progress are still answered, new ones refused.
    fn handle_shutdown(&mut self, now: Instant);

    /// Whether the session accepts more input now. While it does not (back-pressure), the host stops reading.
    fn wants_input(&self) -> bool;

    /// Bytes to be sent; more may follow.
    fn transmit(&self) -> &[u8];

    /// Reports that the first `count` bytes of [`transmit`](Session::transmit) were handed to the transport.
    fn transmitted(&mut self, now: Instant, count: usize);

    /// State of the sending side once [`transmit`](Session::transmit) is empty.
    fn transmit_state(&self) -> TransmitState;

    /// Next event; [`Event::Closed`] is the last and comes once.
    fn poll_event(&mut self) -> Option<Event<Self::Event>>;

    /// Time at which [`handle_timeout`](Session::handle_timeout) is due, and its purpose.
    fn poll_timeout(&self) -> Option<(Instant, Timer)>;

    /// Memory that the session holds for its peer, in bytes: input that is not a whole message yet, requests that wait
    /// for their replies, and output that the peer has asked for and not taken, whether or not it has been produced.
    fn held(&self) -> usize;

    /// Need of the session for more memory than it holds. None by default.
    fn need(&self) -> Need {
        Need::Nothing
    }

    /// Tells whether there is memory for the [needs](Session::need) of the session. Unless a host says `false` there always
    /// is; after that, each need waits for a `true` of its own. That for a [`Need::Message`] may take long: the message is
    /// parsed in it.
    fn handle_room(&mut self, _now: Instant, _has_room: bool) {}

    /// Whether no more work for the application follows: the reason has been, or is about to be, reported.
    fn is_closed(&self) -> bool;

    /// Whether nothing is left to do: the host may drop the session and its transport.
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

/// Reason why a session did not take a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The connection has ended, is about to, or has carried the only request that it was for.
    #[error("the connection takes no more requests")]
    Closed,
    /// Too many requests are waiting.
    #[error("too many requests wait already")]
    QueueFull,
    /// The protocol cannot express this request, for this reason.
    #[error("{0}")]
    Unsendable(String),
}

/// Need of a session for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a host has to heed every need")]
pub enum Need {
    /// No more than it holds, and small replies.
    Nothing,
    /// A long message waits to be parsed.
    Message,
    /// A request waits whose reply has a known bound. Once it is passed on, the bound counts as [held](Session::held).
    Bounded,
    /// A request waits whose reply may be of any length. It is the only one of its session that has not been answered.
    Room,
    /// The application is answering that request. Once it has, the reply counts as [held](Session::held).
    Reply,
}

/// Length that no reply of a kind exceeds, told by a service to its sessions, while they last. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ReplyBound(Arc<AtomicUsize>);

impl ReplyBound {
    /// Changes the bound, to this number of bytes.
    pub fn set(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// The bound, in bytes. At first 0: replies are short.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Event that a session reports to its application.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a host has to take either")]
pub enum Event<T> {
    /// Event of the protocol.
    Application(T),
    /// End of the session, reported once. No event follows.
    Closed(CloseReason),
}

/// State of the transport's sending side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a host has to act on every state")]
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

/// Reason why a session ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// Regular end of the protocol.
    #[error("finished")]
    Finished,
    /// The peer closed its side too early.
    #[error("peer closed the connection {0}")]
    PeerClosed(&'static str),
    /// The transport failed.
    #[error("connection lost")]
    Lost,
    /// The peer violated the protocol.
    #[error("peer misbehaved: {0}")]
    PeerMisbehaved(String),
    /// The peer exceeded this time limit.
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
    #[must_use]
    pub fn exceeded(limit: Limit, value: usize) -> Self {
        let value = value as u64;
        Self::LimitExceeded { limit, value }
    }
}
