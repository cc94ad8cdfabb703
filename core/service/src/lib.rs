//! Services: engines behind protocols, answering the requests of many sessions.
//!
//! A [`Service`] owns the state that spans connections. Sessions hand it requests, and it returns replies. Long work is
//! a [`Job`]: a host with threads takes jobs out, runs them elsewhere and returns them; a host without threads lets an
//! [`Endpoint`] run them in bounded steps. The results are the same, bit for bit.
#![forbid(unsafe_code)]
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
#[cfg(feature = "permissions")]
mod permission;
#[cfg(feature = "pymodaq")]
pub mod registry;
#[cfg(feature = "handlers")]
mod sequential;

use alloc::string::String;
use core::net::SocketAddr;

use labwire_session::time::Instant;
use labwire_session::{CloseReason, Responder, Session, Timer};

pub use endpoint::{ConnectionInUse, Endpoint};
pub use labwire_session::Busy;
#[cfg(feature = "permissions")]
pub use permission::Permission;
#[cfg(feature = "handlers")]
pub use sequential::{Handler, HandlerJob, Sequential};

/// Identifier of a connection towards a service. Hosts number connections; numbers are not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a number")]
pub struct ConnectionId(pub u64);

/// Facts about a peer that the host knows when its connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// Whether the peer is on this machine (a loopback address, or the same process).
    pub is_local: bool,
    /// Address of the peer, if it has one.
    pub address: Option<SocketAddr>,
}

impl Peer {
    /// Peer on this machine.
    pub const LOCAL: Self = Self {
        is_local: true,
        address: None,
    };
    /// Peer on another machine.
    pub const REMOTE: Self = Self {
        is_local: false,
        address: None,
    };

    /// Peer at an address.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self {
            is_local: address.ip().to_canonical().is_loopback(),
            address: Some(address),
        }
    }
}

/// Long work in bounded steps. A job can be moved to another thread between steps, and dropped to cancel it.
pub trait Job {
    /// Continues for at most about `fuel` units (for a solve: cost and gradient evaluations).
    fn step(&mut self, now: Instant, fuel: u32) -> Busy;

    /// Connection whose request it is.
    fn asker(&self) -> ConnectionId;

    /// Whether steps may wait for something (a disk), so that a host with threads does not run them where others
    /// wait.
    fn may_block(&self) -> bool {
        false
    }
}

/// Job type of a service without jobs.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is none")]
pub enum NoJob {}

impl Job for NoJob {
    fn step(&mut self, _now: Instant, _fuel: u32) -> Busy {
        match *self {}
    }

    fn asker(&self) -> ConnectionId {
        match *self {}
    }
}

/// Service that answers the requests of many sessions.
pub trait Service {
    /// Server side of the protocol; the session's events are its requests.
    type Session: Responder;
    /// Job of the service.
    type Job: Job;

    /// Creates a session for a new connection.
    fn open_session(&mut self, now: Instant, peer: Peer) -> Self::Session;

    /// Handles a request of connection `from`, which may be answered at once or later.
    fn handle_request(
        &mut self,
        now: Instant,
        from: ConnectionId,
        request: <Self::Session as Session>::Event,
    );

    /// Notes that connection `from` sends no more requests. Its peer may be listening, or may have gone.
    fn handle_eof(&mut self, _now: Instant, _from: ConnectionId) {}

    /// Handles the end of a connection, for `reason`: its requests are cancelled where possible.
    fn handle_disconnect(&mut self, now: Instant, from: ConnectionId, reason: &CloseReason);

    /// Next waiting job. The host returns it by [`finish_job`](Service::finish_job).
    fn take_job(&mut self, now: Instant) -> Option<Self::Job>;

    /// Takes back a job whose [`step`](Job::step) returned [`Busy::No`].
    fn finish_job(&mut self, now: Instant, job: Self::Job);

    /// Takes back a job whose [`step`](Job::step) panicked. Returns whether its request is answered all the same; if not,
    /// as by default, the host ends the connection.
    fn handle_panic(&mut self, now: Instant, job: Self::Job) -> bool {
        self.finish_job(now, job);
        false
    }

    /// Next reply, and its connection.
    fn poll_reply(&mut self) -> Option<(ConnectionId, <Self::Session as Responder>::Reply)>;

    /// Next remark on a request, for the server's log. By default there is none.
    fn poll_remark(&mut self) -> Option<String> {
        None
    }

    /// Time at which [`handle_timeout`](Service::handle_timeout) is due, and its purpose. By default never.
    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        None
    }

    /// Handles the passing of time. A call before [`poll_timeout`](Service::poll_timeout) is due does nothing.
    fn handle_timeout(&mut self, _now: Instant) {}

    /// Refuses new requests from now on; running ones are finished.
    fn handle_shutdown(&mut self, now: Instant);

    /// Whether the service was asked to end (or shut down) and nothing is running any more.
    fn is_finished(&self) -> bool;
}

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
