//! Suite of hosts on tokio.

use std::future::Future;
use std::net::SocketAddr;

use labwire_core::limits::HostLimits;
use labwire_host::HostedService;
use labwire_tests::host::{Ended, Host};
use labwire_tokio::{Ending, serve};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct TokioHost {
    runtime: Runtime,
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<Ending>,
}

impl Host for TokioHost {
    type Runtime = labwire_tokio::Tokio;

    fn start<S: HostedService>(service: S, limits: HostLimits) -> Self {
        let runtime = Runtime::new().expect("threads");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let shutdown = CancellationToken::new();
        let token = shutdown.clone();
        let serving = runtime.spawn(async move {
            let host = labwire_tokio::Host::start("test", service, limits);
            serve(listener, &host, &token).await
        });
        Self {
            runtime,
            address,
            shutdown,
            serving,
        }
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn shutdown(self) -> Ended {
        self.shutdown.cancel();
        self.wait()
    }

    fn wait(self) -> Ended {
        let Ending { by_request, cut } = self.runtime.block_on(self.serving).expect("no panic");
        Ended { by_request, cut }
    }
}

labwire_tests::host_suite!(TokioHost);
labwire_tests::obe_suite!(TokioHost);
labwire_tests::zeiss_suite!(TokioHost);
labwire_tests::tls_suite!(TokioHost);
