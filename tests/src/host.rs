//! What every host has to do: one suite, run against each of them through a small trait.
//!
//! A host's test file implements [`Host`] and says `labwire_tests::host_suite!(MyHost);`.

mod client;
mod modules;
pub mod obe;
mod suite;
pub mod zeiss;

use std::future::Future;
use std::net::SocketAddr;

use labwire_core::limits::HostLimits;
use labwire_host::{HostedService, Runtime};

/// A server under test, with its runtime.
pub trait Host: Sized {
    /// The runtime.
    type Runtime: Runtime;

    /// Serves `service` on a free loopback port.
    fn start<S: HostedService>(service: S, limits: HostLimits) -> Self;

    /// Where it listens.
    fn address(&self) -> SocketAddr;

    /// Runs `future` to its end, on the runtime.
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T;

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

pub use client::*;
pub use modules::*;
pub use suite::*;
