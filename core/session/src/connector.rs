//! Contract of a state machine that makes its own connections, and outlives them.

use super::Session;
use crate::time::Instant;

/// [`Session`] that spans any number of connections to one peer, one after the other.
///
/// The contract of [`Session`] applies to the current connection, with these differences:
/// [`handle_lost`](Session::handle_lost) and [`handle_eof`](Session::handle_eof) are not the end, and
/// [`Event::Closed`](super::Event::Closed) comes only after [`handle_shutdown`](Session::handle_shutdown).
///
/// The host calls [`poll_action`](Connector::poll_action) after every call that may have changed something, before
/// [`transmit`](Session::transmit). Before it hands the first byte of a message to the transport it reads all pending
/// input, so that an end of stream is noticed before a message is lost in it.
pub trait Connector: Session {
    /// Next action on the transport; `None` if there is nothing to do.
    fn poll_action(&mut self) -> Option<Action>;

    /// Reports that the attempt requested by [`Action::Connect`] has succeeded; input and output belong to the new
    /// connection.
    fn handle_connected(&mut self, now: Instant);

    /// Reports that the attempt requested by [`Action::Connect`] has failed.
    fn handle_connect_failed(&mut self, now: Instant, error: ConnectError);
}

/// Action that a [`Connector`] requests from its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a host has to do either")]
pub enum Action {
    /// Start connecting. The host answers with [`handle_connected`](Connector::handle_connected) or
    /// [`handle_connect_failed`](Connector::handle_connect_failed), unless [`Action::Close`] comes first.
    Connect,
    /// Drop the transport, or the attempt to connect. Nothing more is reported about it.
    Close,
}

/// Reason why an attempt to connect failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nothing listens there.
    #[error("connection refused")]
    Refused,
    /// The peer cannot be reached.
    #[error("peer unreachable")]
    Unreachable,
    /// The peer's name has no address.
    #[error("no address for this name")]
    NoAddress,
    /// No answer came in time.
    #[error("no answer to the attempt to connect")]
    TimedOut,
    /// Another reason, in the host's words.
    #[error("cannot connect: {0}")]
    Other(alloc::string::String),
}
