//! Services: engines behind protocols, answering the requests of many sessions.
//!
//! A [`Service`] owns the state that spans connections. Sessions hand it requests, and it returns replies. Long work is
//! a [`Job`]: a host with threads takes jobs out, runs them elsewhere and returns them; a host without threads lets an
//! [`Endpoint`] run them in bounded steps. The results are the same, bit for bit.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "designer")]
pub mod designer;
mod endpoint;
#[cfg(feature = "zeiss")]
pub mod importer;
#[cfg(feature = "pymodaq")]
pub mod module;
#[cfg(feature = "optimizer")]
pub mod optimizer;
mod permission;
#[cfg(feature = "pymodaq")]
pub mod registry;
mod sequential;

use core::net::SocketAddr;

use labwire_session::time::Instant;
use labwire_session::{CloseReason, Responder, Session, Timer};

pub use endpoint::{ConnectionInUse, Endpoint};
pub use labwire_session::Busy;
pub use permission::Permission;
pub use sequential::{Handler, HandlerJob, Sequential};

/// Names one connection towards a service. Hosts number connections; numbers are not used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What the host knows of a peer when its connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// The peer is on this machine (a loopback address, or the same process).
    pub is_local: bool,
    /// Where it is, if it is anywhere.
    pub address: Option<SocketAddr>,
}

impl Peer {
    /// A peer on this machine.
    pub const LOCAL: Self = Self {
        is_local: true,
        address: None,
    };
    /// A peer on another machine.
    pub const REMOTE: Self = Self {
        is_local: false,
        address: None,
    };

    /// The peer at an address.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            is_local: address.ip().to_canonical().is_loopback(),
            address: Some(address),
        }
    }
}

/// A piece of long work, done in bounded steps. It can be moved to another thread between steps, and dropped to cancel.
pub trait Job {
    /// Works on, for at most about `fuel` units (for a solve: cost and gradient evaluations).
    fn step(&mut self, now: Instant, fuel: u32) -> Busy;

    /// The connection whose request it is. Should a step panic, that connection ends without an answer.
    fn asker(&self) -> ConnectionId;

    /// Steps may wait for something (a disk), so that a host with threads does not call them where others wait.
    fn may_block(&self) -> bool {
        false
    }
}

/// The job of a service that has none.
#[derive(Clone, Copy, Debug)]
pub enum NoJob {}

impl Job for NoJob {
    fn step(&mut self, _now: Instant, _fuel: u32) -> Busy {
        match *self {}
    }

    fn asker(&self) -> ConnectionId {
        match *self {}
    }
}

/// Answers the requests of many sessions.
pub trait Service {
    /// The server side of the protocol it speaks; the session's events are its requests.
    type Session: Responder;
    /// Its long work.
    type Job: Job;

    /// A session for a new connection.
    fn open_session(&mut self, now: Instant, peer: Peer) -> Self::Session;

    /// A request of connection `from`. It may be answered at once or later.
    fn handle_request(
        &mut self,
        now: Instant,
        from: ConnectionId,
        request: <Self::Session as Session>::Event,
    );

    /// Handles the end of a connection, for `reason`: its requests are cancelled where possible.
    fn handle_disconnect(&mut self, now: Instant, from: ConnectionId, reason: &CloseReason);

    /// Work that waits to be done. The host brings it back by [`finish_job`](Service::finish_job).
    fn take_job(&mut self, now: Instant) -> Option<Self::Job>;

    /// A job whose [`step`](Job::step) said [`Busy::No`], or panicked, comes back.
    fn finish_job(&mut self, now: Instant, job: Self::Job);

    /// The next reply, and the connection it is for.
    fn poll_reply(&mut self) -> Option<(ConnectionId, <Self::Session as Responder>::Reply)>;

    /// When [`handle_timeout`](Service::handle_timeout) is due, and what for. By default never.
    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        None
    }

    /// Time has passed. A call before [`poll_timeout`](Service::poll_timeout) is due does nothing.
    fn handle_timeout(&mut self, _now: Instant) {}

    /// Take no new requests; finish what runs.
    fn handle_shutdown(&mut self, now: Instant);

    /// The service was asked to end (or shut down) and nothing runs any more.
    fn is_finished(&self) -> bool;
}

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
