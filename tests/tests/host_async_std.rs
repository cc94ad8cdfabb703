//! The host on async-std does what every host has to do.

use std::future::Future;
use std::net::SocketAddr;

use async_std::net::TcpListener;
use async_std::task::{self, JoinHandle};
use labwire_async_std::{Ending, Signal, serve};
use labwire_core::limits::HostLimits;
use labwire_host::HostedService;
use labwire_tests::host::{Ended, Host};

struct AsyncStdHost {
    address: SocketAddr,
    shutdown: Signal,
    serving: JoinHandle<Ending>,
}

impl Host for AsyncStdHost {
    type Runtime = labwire_async_std::AsyncStd;

    fn start<S: HostedService>(service: S, limits: HostLimits) -> Self {
        let listener = task::block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let shutdown = Signal::default();
        let signal = shutdown.clone();
        let serving = task::spawn(async move {
            let host = labwire_async_std::Host::start("test", service, limits);
            serve(listener, &host, signal.wait()).await
        });
        Self {
            address,
            shutdown,
            serving,
        }
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        task::block_on(future)
    }

    fn shutdown(self) -> Ended {
        self.shutdown.set();
        self.wait()
    }

    fn wait(self) -> Ended {
        let Ending { by_request, cut } = task::block_on(self.serving);
        Ended { by_request, cut }
    }
}

labwire_tests::host_suite!(AsyncStdHost);
labwire_tests::obe_suite!(AsyncStdHost);
labwire_tests::zeiss_suite!(AsyncStdHost);
