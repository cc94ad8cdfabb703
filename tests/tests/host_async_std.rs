//! Suite of hosts on async-std.

use std::future::pending;
use std::net::TcpListener;
use std::time::Duration;

use async_std::task::block_on;
use labwire_async_std::device::{DeviceConnection, DeviceSettings};
use labwire_async_std::{AsyncStd, ClientSettings, Host, ModuleController, OptimizerClient, dial, serve};
use labwire_core::framing::until::Until;
use labwire_core::limits::HostLimits;
use labwire_core::open::RunRequest;
use labwire_core::pymodaq::{Command, Limits};
use labwire_core::service::registry::{Registry, RegistrySettings};
use labwire_core::session::Backoff;
use labwire_host::Runtime;

labwire_tests::host_on!(AsyncStdHost, AsyncStd, block_on);

labwire_tests::host_suite!(AsyncStdHost);
labwire_tests::obe_suite!(AsyncStdHost);
labwire_tests::zeiss_suite!(AsyncStdHost);
labwire_tests::tls_suite!(AsyncStdHost);

/// Runtimes move futures on the stack; those of callers must not need large ones.
#[test]
fn futures_of_callers_are_small() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = server.local_addr().expect("a bound socket");
    let sizes = block_on(async {
        let limits = Limits::default();
        let controller = ModuleController::connect(address, &limits)
            .await
            .expect("a listener");
        let optimizer = OptimizerClient::connect(address, ClientSettings::default()).await;
        let optimizer = optimizer.expect("a listener");
        let device = DeviceConnection::open(address.to_string(), DeviceSettings::default());
        let registry = Registry::new(RegistrySettings::default());
        let host = Host::start("registry", registry, HostLimits::default());
        let (listener, _) = AsyncStd::bind(([127, 0, 0, 1], 0).into())
            .await
            .expect("a free port");
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1), 0);
        [
            size_of_val(&ModuleController::connect(address, &limits)),
            size_of_val(&controller.ask(Vec::new(), Command::List)),
            size_of_val(&OptimizerClient::connect(address, ClientSettings::default())),
            size_of_val(&optimizer.run(RunRequest::default())),
            size_of_val(&device.query("*IDN?\n", Until::delimiter("\n"))),
            size_of_val(&dial(&host, address, backoff)),
            size_of_val(&serve(listener, &host, pending())),
        ]
    });
    assert!(sizes.iter().all(|size| *size <= 2048), "{sizes:?}");
}
