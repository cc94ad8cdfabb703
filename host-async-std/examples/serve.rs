//! All servers of labwire, on async-std.
//!
//! ```sh
//! cargo run -p labwire-async-std --example serve
//! ```
//!
//! Ports are chosen by the system and printed; Enter ends all servers once every request has been answered.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use async_std::net::TcpListener;
use async_std::task::{self, JoinHandle};
use labwire_async_std::zeiss::{ImportLimits, ProjectFolder};
use labwire_async_std::{
    Ending, Host, HostedService, MessageStream, Modules, PosteriorFolder, RunFolder, Signal, WebAccess,
    serve, serve_over,
};
use labwire_core::design::DEFAULT_EXPERIMENT;
use labwire_core::device::Dialect;
use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use labwire_core::service::designer::{self, DesignerHandler};
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_core::service::registry::{Registry, RegistrySettings};
use labwire_core::service::{Permission, importer};
use labwire_core::simulate::{Behaviour, Emulator};
use labwire_core::zeiss::{Limits, Transport};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    task::block_on(async {
        let servers = Servers::start(&std::env::temp_dir().join("labwire-zeiss")).await?;
        for (name, address) in &servers.addresses {
            println!("{name:<10} {address}");
        }
        println!("Enter ends them.");
        async_std::io::stdin().read_line(&mut String::new()).await?;
        let cut = servers.stop().await;
        println!("{cut} connections were cut");
        Ok(())
    })
}

/// All servers, and the signal that ends them.
struct Servers {
    addresses: Vec<(&'static str, SocketAddr)>,
    shutdown: Signal,
    serving: Vec<JoinHandle<Ending>>,
}

impl Servers {
    /// Starts the servers; imports for ZEISS INSPECT go to `folder`.
    async fn start(folder: &Path) -> Result<Self, Failure> {
        let mut servers = Self {
            addresses: Vec::new(),
            shutdown: Signal::default(),
            serving: Vec::new(),
        };
        let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default())?;
        let optimizer = OptimizerService::new(problem, OptimizerSettings::default())?;
        servers.serve("open", optimizer).await?;
        let posteriors = PosteriorFolder::new(Some(folder.join("posteriors")));
        let mut designer = DesignerHandler::new(DEFAULT_EXPERIMENT, Default::default(), 1, posteriors)?;
        let runs = RunFolder::open(&folder.join("runs"))?;
        designer.keep_runs(Box::new(runs), false)?;
        let designer = designer::service(Default::default(), Default::default(), designer);
        servers.serve("obe", designer).await?;
        let dialect = Dialect::by_name("scpi").ok_or("no such dialect")?;
        let device = Emulator::new(dialect, Behaviour::of(dialect), Vec::new(), 0);
        let device = device.into_service(SessionLimits::default());
        servers.serve("device", device).await?;
        servers.serve_modules().await?;
        for transport in [Transport::Tcp, Transport::WebSocket] {
            let folder = ProjectFolder::open(folder, ImportLimits::default())?;
            servers.serve_imports(transport, folder).await?;
        }
        Ok(servers)
    }

    async fn serve<S: HostedService>(&mut self, name: &'static str, service: S) -> io::Result<()> {
        let (listener, shutdown) = self.listen(name).await?;
        self.serving.push(task::spawn(async move {
            let host = Host::start(name, service, HostLimits::default());
            serve(listener, &host, shutdown.wait()).await
        }));
        Ok(())
    }

    /// Modules have their own handle, through which this process uses them.
    async fn serve_modules(&mut self) -> io::Result<()> {
        let (listener, shutdown) = self.listen("pymodaq").await?;
        self.serving.push(task::spawn(async move {
            let registry = Registry::new(RegistrySettings::default());
            let modules = Modules::start("pymodaq", registry, HostLimits::default());
            serve(listener, modules.host(), shutdown.wait()).await
        }));
        Ok(())
    }

    async fn serve_imports(&mut self, transport: Transport, folder: ProjectFolder) -> io::Result<()> {
        let limits = Limits::default();
        let session = limits.session.clone();
        let service = importer::service(transport, limits, Permission::Local, move |request| {
            folder.import(request)
        });
        if transport == Transport::Tcp {
            return self.serve("zeiss", service).await;
        }
        let (listener, shutdown) = self.listen("zeiss-ws").await?;
        self.serving.push(task::spawn(async move {
            let host = Host::start("zeiss-ws", service, HostLimits::default());
            let wrap = |stream, _| MessageStream::accept(stream, WebAccess::default(), &session);
            serve_over(listener, &host, shutdown.wait(), wrap).await
        }));
        Ok(())
    }

    async fn listen(&mut self, name: &'static str) -> io::Result<(TcpListener, Signal)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        self.addresses.push((name, listener.local_addr()?));
        Ok((listener, self.shutdown.clone()))
    }

    /// Ends the servers. Returns the number of connections that had to be cut.
    async fn stop(self) -> usize {
        self.shutdown.set();
        let mut cut = 0;
        for serving in self.serving {
            cut += serving.await.cut;
        }
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use labwire_async_std::device::{DeviceConnection, DeviceSettings};
    use labwire_async_std::{AsyncStd, ModuleController, ObeClient, OptimizerClient, Runtime, ZeissClient};
    use labwire_core::framing::until::Until;
    use labwire_core::open::{ExitStatus, RunRequest};
    use labwire_core::pymodaq::Command;
    use labwire_core::python_json::Value;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Calls every server with the client of its protocol.
    async fn use_all(servers: &Servers) -> Result<(), Failure> {
        let address = |wanted: &str| {
            let mut addresses = servers.addresses.iter();
            addresses.find(|(name, _)| *name == wanted).unwrap().1
        };
        let optimizer = OptimizerClient::connect(address("open"), Default::default()).await?;
        let run = RunRequest::new(vec![1.0, 10.0]);
        assert_eq!(optimizer.run(run).await?.exit_status, ExitStatus::Converged);

        let designer = ObeClient::connect::<AsyncStd>(address("obe"), PATIENCE, Default::default()).await?;
        let ready = Value::from(&labwire_core::obe::Request::Ready);
        assert_eq!(designer.tcpcmd(ready).await?.as_str(), Some("OK"));

        let modules = ModuleController::connect(address("pymodaq"), &Default::default()).await?;
        assert!(modules.ask(Vec::new(), Command::List).await?.is_empty());

        let device = DeviceConnection::open(address("device").to_string(), DeviceSettings::default());
        let answer = device.query("*IDN?\n", Until::delimiter("\n")).await?;
        assert!(answer.starts_with(b"labwire,"));

        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let image = labwire_core::zeiss::Request::image(file, "left", 50.0)?.to_text();
        let limits = Limits::default();
        let tcp = ZeissClient::connect::<AsyncStd>(address("zeiss"), PATIENCE, limits.clone()).await?;
        assert_eq!(tcp.ask(image.clone()).await?, "O.k.");
        let address = address("zeiss-ws");
        let stream = AsyncStd::connect(address).await?;
        let messages = MessageStream::connect(stream, &address.to_string(), &limits.session);
        let websocket = ZeissClient::over_websocket::<AsyncStd>(address, messages, limits);
        assert_eq!(websocket.ask(image).await?, "O.k.");
        websocket.finish().await;
        Ok(())
    }

    #[test]
    fn clients_of_all_protocols_use_all_servers() {
        let folder = tempfile::tempdir().unwrap();
        task::block_on(async {
            let servers = Servers::start(folder.path()).await.unwrap();
            use_all(&servers).await.unwrap();
            assert_eq!(servers.stop().await, 0);
        });
    }
}
