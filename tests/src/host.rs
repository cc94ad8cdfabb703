//! What every host has to do: one suite, run against each of them through a small trait.
//!
//! A host's test file implements [`Host`] and says `labwire_tests::host_suite!(MyHost);`.

mod suite;

use std::net::SocketAddr;

use labwire_core::limits::HostLimits;
use labwire_core::service::Service;
use labwire_core::session::ServerSession;

/// A server under test, with its runtime.
pub trait Host: Sized {
    /// Serves `service` on a free loopback port.
    fn start<S: AnyService>(service: S, limits: HostLimits) -> Self;

    /// Where it listens.
    fn address(&self) -> SocketAddr;

    /// Asks it to end and waits until it has.
    fn shutdown(self) -> Ended;

    /// Waits until it has ended by itself.
    fn wait(self) -> Ended;
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// A request asked for it.
    pub by_request: bool,
    /// Connections that were still open after the grace time.
    pub cut: usize,
}

/// A service that any host can run.
pub trait AnyService:
    Service<
        Session: ServerSession<Event: Send + 'static, Reply: Send + 'static> + Send + 'static,
        Job: Send + 'static,
    > + Send
    + 'static
{
}

impl<S> AnyService for S where
    S: Service<
            Session: ServerSession<Event: Send + 'static, Reply: Send + 'static> + Send + 'static,
            Job: Send + 'static,
        > + Send
        + 'static
{
}

pub use suite::*;
