//! `labwire serve`: all servers, until they are told to end.

pub(crate) mod access;
mod listen;
mod obe;
mod open;
mod pymodaq;
mod ready_file;
pub(crate) mod reload;
mod server;
mod tls;
mod web;
mod zeiss;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use access::Access;
use etcetera::BaseStrategy;
use labwire_core::session::PeerList;
use labwire_tokio::web::Readiness;
use labwire_tokio::{Ending, Memory};
use listen::Bound;
use reload::{Again, Reload, Source};
use server::{Running, Server, Surroundings};
use tls::Tls;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use toml::Value;

use crate::common::{block_on, from_here};
use crate::config::{Config, ConfigArgument, Layers};
use crate::console::answer_text;
use crate::failure::{self, Failure, Outcome, did_you_mean};
use crate::log;
use crate::platform::{self, Signals};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only these servers, separated by commas. A port in use is then an error.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Option<Vec<String>>,
    /// Write the addresses of all servers to this file, as JSON, once all listen.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// Configuration, and flags that go before it.
#[derive(Debug, clap::Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    pub(crate) config: ConfigArgument,
    /// Log format: human or json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Address of the optimizer (OpEn's protocol): host:port, port 0 for any free one, or none.
    #[arg(long, value_name = "ADDRESS")]
    open: Option<String>,
    /// Problem file to solve; repeat for several problems.
    #[arg(long, value_name = "FILE")]
    problem: Vec<String>,
    /// Address of the experiment designer (OptBayesExpt's protocol).
    #[arg(long, value_name = "ADDRESS")]
    obe: Option<String>,
    /// Experiment file to design, or the name of a built-in one: dip, coil, line, lorentzian, rabi.
    #[arg(long, value_name = "FILE")]
    experiment: Option<String>,
    /// Folder of the posteriors and runs of the experiment designer.
    #[arg(long, value_name = "FOLDER")]
    obe_dir: Option<String>,
    /// Begin a new run of the experiment, even if the last server was killed in the middle of one.
    #[arg(long)]
    fresh: bool,
    /// Address for ZEISS INSPECT imports over TCP.
    #[arg(long, value_name = "ADDRESS")]
    zeiss: Option<String>,
    /// Address for ZEISS INSPECT imports over WebSocket.
    #[arg(long, value_name = "ADDRESS")]
    zeiss_ws: Option<String>,
    /// Project folder that imports fill.
    #[arg(long, value_name = "FOLDER")]
    zeiss_dir: Option<String>,
    /// Write imports to this Python script, to be run inside ZEISS INSPECT, instead of a project folder.
    #[arg(long, value_name = "FILE", conflicts_with = "zeiss_dir")]
    zeiss_script: Option<String>,
    /// Address of the web page and the bridge to all servers.
    #[arg(long, value_name = "ADDRESS")]
    web: Option<String>,
    /// Device that pages may reach through the bridge: host:port; repeat for several devices. Default: an emulated
    /// power supply.
    #[arg(long, value_name = "ADDRESS")]
    device: Vec<String>,
    /// Address for PyMoDAQ modules to connect to: host:port, port 0 for any free one, or none.
    #[arg(long, value_name = "ADDRESS")]
    pymodaq: Option<String>,
    #[command(flatten)]
    access: Access,
}

impl Settings {
    pub(crate) fn layers(&self) -> Result<Layers, Failure> {
        let mut layers = self.config.layers()?;
        self.apply(&mut layers)?;
        Ok(layers)
    }

    /// Applies the flags on top of the rest of the configuration.
    pub(crate) fn apply(&self, layers: &mut Layers) -> Result<(), Failure> {
        let texts = [
            ("--log-format", "log", "format", &self.log_format),
            ("--open", "open", "address", &self.open),
            ("--obe", "obe", "address", &self.obe),
            ("--experiment", "obe", "experiment", &self.experiment),
            ("--obe-dir", "obe", "dir", &self.obe_dir),
            ("--zeiss", "zeiss", "address", &self.zeiss),
            ("--zeiss-ws", "zeiss", "websocket", &self.zeiss_ws),
            ("--zeiss-dir", "zeiss", "dir", &self.zeiss_dir),
            ("--zeiss-script", "zeiss", "script", &self.zeiss_script),
            ("--pymodaq", "pymodaq", "address", &self.pymodaq),
            ("--web", "web", "address", &self.web),
        ];
        for (flag, section, key, text) in texts {
            if let Some(text) = text {
                layers.set(flag, section, key, Value::String(text.clone()))?;
            }
        }
        if self.fresh {
            layers.set("--fresh", "obe", "fresh", Value::Boolean(true))?;
        }
        if !self.problem.is_empty() {
            layers.set("--problem", "open", "problem", self.problem.clone().into())?;
        }
        if !self.device.is_empty() {
            layers.set("--device", "web", "devices", self.device.clone().into())?;
        }
        self.access.apply(layers)
    }
}

/// All servers, in the order of the table; the web port is the last, because it leads to the others.
fn servers(config: &Config) -> Vec<Server> {
    vec![
        open::server(config),
        obe::server(config),
        pymodaq::server(config),
        zeiss::tcp(config),
        zeiss::websocket(config),
        web::server(config),
    ]
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let Arguments {
        only,
        ready_file,
        settings,
    } = arguments;
    let has_file = settings.config.file().is_some();
    let source = Source {
        layers: settings.layers()?,
        again: has_file.then(|| -> Again { Box::new(move || settings.layers()) }),
    };
    run_with(source, only.as_deref(), ready_file)
}

/// Serves as configured, optionally only some of the servers.
pub(crate) fn run_with(source: Source, only: Option<&[String]>, ready_file: Option<PathBuf>) -> Outcome {
    let config = source.layers.finish()?;
    let filter = log::start(&config.log)?;
    // Each connection uses a file descriptor. If there are fewer than requested, accepting reports it.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let servers = servers(&config);
    let names: Vec<_> = servers.iter().map(|server| server.name).collect();
    let reload = Reload {
        source,
        peers: Vec::new(),
        tls: Tls::new(&config.tls, &names)?,
        filter,
    };
    let servers = choose(servers, only)?;
    if let Some(stale) = &ready_file {
        // Left over from a run that was cut short; it must not be mistaken for this run's.
        ready_file::remove(stale);
    }
    block_on(serve(servers, only.is_some(), reload, &config, ready_file))
}

fn choose(servers: Vec<Server>, only: Option<&[String]>) -> Result<Vec<Server>, Failure> {
    let Some(only) = only else {
        return Ok(servers);
    };
    let only: Vec<&str> = only.iter().map(|name| name.trim()).collect();
    for name in &only {
        if !servers.iter().any(|server| server.is_called(name)) {
            let known = servers.iter().map(|server| server.name);
            let message = match name.is_empty() {
                true => "--only: a name is missing".to_owned(),
                false => format!("--only: there is no server `{name}`"),
            };
            return Err(Failure::new(failure::USAGE, message).hint(did_you_mean(name, known)));
        }
    }
    Ok(servers
        .into_iter()
        .filter(|server| only.iter().any(|name| server.is_called(name)))
        .collect())
}

/// Serves until told to end. A port in use is an error for servers that were asked for: by an address, or by name.
async fn serve(
    servers: Vec<Server>,
    are_named: bool,
    mut reload: Reload,
    config: &Config,
    ready_file: Option<PathBuf>,
) -> Outcome {
    let bound = bind(servers, are_named, &reload, &config.host.peers).await?;
    let mut around = Surroundings {
        memory: Memory::new(config.host.memory),
        session: config.session.clone(),
        tls: reload.tls.clone(),
        ..Surroundings::default()
    };
    let (mut servers, mut web, mut lines) = (JoinSet::new(), None, Vec::new());
    for Bound {
        server,
        listener,
        address,
    } in bound
    {
        let Running { serving, peers, gate } = (server.start)(listener, &around)?;
        let try_it = (server.try_it)(from_here(address), reload.tls.flags(server.name));
        lines.push((server.name, address, try_it));
        reload.peers.push(peers);
        around.gates.extend(gate);
        let name = server.name;
        match name {
            "web" => web = Some(tokio::spawn(serving)),
            _ => drop(servers.spawn(async move { (name, serving.await) })),
        }
    }
    // A process that reads the addresses may also end the servers.
    let signals = Signals::new();
    around.readiness.set(Ok(()));
    print_table(&lines);
    let addresses = lines.iter().map(|(name, address, _)| (*name, *address));
    let ready_file = ready_file
        .map(|path| ready_file::ReadyFile::write(path, addresses))
        .transpose()?;
    platform::tell_ready();
    let Surroundings {
        shutdown,
        web_shutdown,
        readiness,
        ..
    } = around;
    tokio::spawn(end_on_signals(signals, shutdown.clone(), Some(reload)));
    let draining = tokio::spawn(drain(shutdown.clone(), readiness.clone()));
    wait(servers, &shutdown, &readiness).await?;
    web_shutdown.cancel();
    if let Some(web) = web {
        report("web", web.await.map_err(|error| failed(&error))?);
    }
    drop(ready_file);
    // What it tells must not be lost because everything else has ended already.
    shutdown.cancel();
    draining.await.map_err(|error| failed(&error))?;
    Ok(ExitCode::SUCCESS)
}

/// Listens for every server whose address is free; those that were asked for must be.
async fn bind(
    servers: Vec<Server>,
    are_named: bool,
    reload: &Reload,
    peers: &PeerList,
) -> Result<Vec<Bound>, Failure> {
    let mut bound = Vec::new();
    for server in servers {
        let is_given = are_named || reload.source.layers.is_given(server.group, server.key);
        bound.extend(listen::bind(server, is_given, peers, &reload.tls).await?);
    }
    match bound.is_empty() {
        true => Err(Failure::new(failure::UNAVAILABLE, "no server listens")),
        false => Ok(bound),
    }
}

/// Waits until all servers have ended; if there are none, for the end of the program.
async fn wait(
    mut servers: JoinSet<(&'static str, Ending)>,
    shutdown: &CancellationToken,
    readiness: &Readiness,
) -> Result<(), Failure> {
    if servers.is_empty() {
        shutdown.cancelled().await;
    }
    while let Some(ended) = servers.join_next().await {
        let (service, ending) = ended.map_err(|error| failed(&error))?;
        report(service, ending);
        if !shutdown.is_cancelled() {
            readiness.set(Err(format!("{service} has ended").into()));
        }
    }
    Ok(())
}

fn failed(error: &tokio::task::JoinError) -> Failure {
    Failure::new(failure::SYSTEM, format!("a server failed: {error}"))
}

async fn drain(shutdown: CancellationToken, readiness: Readiness) {
    shutdown.cancelled().await;
    platform::tell_stopping();
    readiness.set(Err("shutting down".into()));
}

fn report(service: &str, ending: Ending) {
    let why = match ending.by_request {
        true => "by request",
        false => "by signal",
    };
    match ending.cut {
        0 => tracing::info!(service, why, "server ended"),
        cut => tracing::warn!(service, why, cut, "server ended, connections were cut"),
    }
}

/// Folder of labwire in the user's state directory, or where the system has none, in the data directory.
pub(crate) fn state_folder(name: &str) -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    let state = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(state.join("labwire").join(name))
}

/// Prints the servers; as JSON, as the ready file has them.
fn print_table(lines: &[(&'static str, SocketAddr, String)]) {
    let text = || {
        let head = format!("{:<10} {:<21} try it\n", "service", "address");
        let lines = lines
            .iter()
            .map(|(name, address, try_it)| format!("{name:<10} {:<21} {try_it}\n", address.to_string()));
        std::iter::once(head).chain(lines).collect()
    };
    let addresses = lines.iter().map(|(name, address, _)| (*name, *address));
    answer_text(text, || ready_file::object(addresses));
}

/// The first signal shuts down gracefully, the second at once. SIGHUP is a signal as any other, unless the configuration
/// has a file, which it makes read again.
pub(crate) async fn end_on_signals(
    signals: std::io::Result<Signals>,
    shutdown: CancellationToken,
    reload: Option<Reload>,
) {
    let mut reload = reload.filter(Reload::is_possible);
    let mut signals = match signals {
        Ok(signals) => signals,
        Err(error) => return tracing::warn!(%error, "cannot listen for signals"),
    };
    let mut name = signals.next().await;
    while let (true, Some(reload)) = (platform::is_reload(name), &mut reload) {
        platform::tell_reloading(|| reload.run());
        name = signals.next().await;
    }
    tracing::info!(signal = name, "shutting down; another signal ends at once");
    shutdown.cancel();
    signals.next().await;
    tracing::warn!("ended at once");
    std::process::exit(failure::SECOND_SIGNAL.into());
}
