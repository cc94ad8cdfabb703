//! Suite for every host, run through a small trait.
//!
//! A host's test file implements [`Host`], with `labwire_tests::host_on!` if its runtime is global, and contains
//! `labwire_tests::host_suite!(MyHost);`.

mod client;
mod modules;
pub mod obe;
mod suite;
pub mod tls;
pub mod zeiss;

use std::future::Future;
use std::net::SocketAddr;

use labwire_core::limits::HostLimits;
use labwire_host::{HostedService, Runtime};

/// Server under test, with its runtime.
pub trait Host: Sized {
    /// Runtime of the server.
    type Runtime: Runtime;

    /// Serves `service` on a free loopback port.
    fn start<S: HostedService>(service: S, limits: HostLimits) -> Self;

    /// Address of the server.
    fn address(&self) -> SocketAddr;

    /// Runs `future` to completion on the runtime.
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T;

    /// Asks the server to end and waits until it has.
    fn shutdown(self) -> Ended;

    /// Waits until the server ends on its own.
    fn wait(self) -> Ended;
}

/// Outcome of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whether a request asked for the end.
    pub by_request: bool,
    /// Number of connections still open after the grace time.
    pub cut: usize,
}

pub use client::*;
pub use modules::*;
pub use suite::*;

/// Makes `$name` a [`Host`] on a runtime that is the same for the whole process; `$block_on` runs a future to
/// completion.
#[macro_export]
macro_rules! host_on {
    ($name:ident, $runtime:ty, $block_on:path) => {
        struct $name {
            address: std::net::SocketAddr,
            shutdown: labwire_host::Signal,
            ending: std::sync::mpsc::Receiver<labwire_host::Ending>,
        }

        impl $crate::host::Host for $name {
            type Runtime = $runtime;

            fn start<S: labwire_host::HostedService>(
                service: S,
                limits: labwire_core::limits::HostLimits,
            ) -> Self {
                let any = ([127, 0, 0, 1], 0).into();
                let binding = <$runtime as labwire_host::Runtime>::bind(any);
                let (listener, address) = $block_on(binding).expect("a free port");
                let shutdown = labwire_host::Signal::default();
                let signal = shutdown.clone();
                let (sender, ending) = std::sync::mpsc::channel();
                <$runtime as labwire_host::Runtime>::spawn(async move {
                    let host = labwire_host::Host::<_, $runtime>::start("test", service, limits);
                    let ending = labwire_host::serve(listener, &host, signal.wait()).await;
                    // A test need not wait for it.
                    let _ = sender.send(ending);
                });
                Self {
                    address,
                    shutdown,
                    ending,
                }
            }

            fn address(&self) -> std::net::SocketAddr {
                self.address
            }

            fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
                // Some runtimes move a future a few dozen times, each time on the stack, before they poll it.
                $block_on(Box::pin(future))
            }

            fn shutdown(self) -> $crate::host::Ended {
                self.shutdown.set();
                $crate::host::Host::wait(self)
            }

            fn wait(self) -> $crate::host::Ended {
                let labwire_host::Ending { by_request, cut } = self.ending.recv().expect("no panic");
                $crate::host::Ended { by_request, cut }
            }
        }
    };
}
