//! The contract of a machine that owns its connection: it says when to connect and when to close, and outlives both.

use super::Session;
use crate::time::Instant;

/// A [`Session`] that spans any number of connections to one peer, one after the other.
///
/// What [`Session`] says of its single connection holds here for the present one, with these differences:
/// [`handle_lost`](Session::handle_lost) and [`handle_eof`](Session::handle_eof) are not the end, and
/// [`Event::Closed`](super::Event::Closed) comes only after [`handle_shutdown`](Session::handle_shutdown).
///
/// The host asks for [`poll_action`](Connector::poll_action) after every call that may have changed something, before
/// it asks for [`transmit`](Session::transmit). Before it hands the first byte of a message to the transport it reads
/// what is already there, so that an end of stream is noticed before a message is lost in it.
pub trait Connector: Session {
    /// What the host is to do with the transport; none when it is to go on as it is.
    fn poll_action(&mut self) -> Option<Action>;

    /// The attempt that [`Action::Connect`] asked for has succeeded; input and output belong to the new connection.
    fn handle_connected(&mut self, now: Instant);

    /// The attempt that [`Action::Connect`] asked for has failed.
    fn handle_connect_failed(&mut self, now: Instant, error: ConnectError);
}

/// What a [`Connector`] asks of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begin to connect. The host answers with [`handle_connected`](Connector::handle_connected) or
    /// [`handle_connect_failed`](Connector::handle_connect_failed), unless [`Action::Close`] comes first.
    Connect,
    /// Drop the transport, or the attempt to connect. Nothing more is reported of it.
    Close,
}

/// Why an attempt to connect failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nothing listens there.
    #[error("connection refused")]
    Refused,
    /// There is no way to the peer.
    #[error("peer unreachable")]
    Unreachable,
    /// The peer's name has no address.
    #[error("no address for this name")]
    NoAddress,
    /// Nobody answered in time.
    #[error("no answer to the attempt to connect")]
    TimedOut,
    /// Something else, in the host's words.
    #[error("cannot connect: {0}")]
    Other(alloc::string::String),
}
