//! `labwire pymodaq instrument`: a simulated module.

use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use labwire_core::limits::HostLimits;
use labwire_core::pymodaq::Generation;
use labwire_core::service::module::{Hardware, Instrument, ModuleSettings};
use labwire_core::session::Backoff;
use labwire_core::simulate::{Camera, NoiseMeter, Spectrometer, Stage};
use labwire_tokio::{Host, dial, serve};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::generation;
use crate::common::unix_time;
use crate::config::ConfigArgument;
use crate::console::answer;
use crate::failure::{self, Failure, Outcome};
use crate::log;
use crate::platform::Signals;
use crate::serve::end_on_signals;
use crate::tls::TlsArguments;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Kind of module.
    #[arg(long = "as", value_name = "KIND")]
    kind: Kind,
    /// Data of a grabber: a noisy voltage, a spectrum or a camera's image.
    #[arg(long, value_name = "DIM", default_value = "2D")]
    dim: Dim,
    /// Size of the camera in pixels.
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "640x480", value_parser = size)]
    size: (usize, usize),
    /// Server to connect to, repeatedly if need be. Default: 127.0.0.1:6341.
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "listen")]
    connect: Option<String>,
    /// Listen instead; a server connects to it (`labwire pymodaq serve --connect`).
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Release of PyMoDAQ of the server, such as 3.6 or 4.2, or its generation: g1, g2, g2b, g3a, g3b, g3c or g4.
    #[arg(long, value_name = "NAME", default_value = "g4", value_parser = generation)]
    generation: Generation,
    /// Name proposed to a labwire server.
    #[arg(long)]
    name: Option<String>,
    /// Seed of the random numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Log format: human or json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    #[command(flatten)]
    config: ConfigArgument,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Grabber,
    Actuator,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dim {
    #[value(name = "0D", alias = "0d")]
    Zero,
    #[value(name = "1D", alias = "1d")]
    One,
    #[value(name = "2D", alias = "2d")]
    Two,
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let sides = text
        .split_once('x')
        .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match sides {
        Some((width @ 1..=8192, height @ 1..=8192)) => Ok((width, height)),
        _ => Err("expected width x height, such as 640x480, at most 8192 each".into()),
    }
}

pub(crate) async fn run(arguments: Arguments, tls: &TlsArguments) -> Outcome {
    let mut layers = arguments.config.layers()?;
    if let Some(format) = &arguments.log_format {
        layers.set(
            "--log-format",
            "log",
            "format",
            toml::Value::String(format.clone()),
        )?;
    }
    log::start(&layers.finish()?.log)?;
    let mut config = ModuleSettings::default();
    config.generation = arguments.generation;
    config.name.clone_from(&arguments.name);
    config.epoch = unix_time();
    let instrument = Instrument::new(hardware(&arguments), config);
    let host = Host::start("instrument", instrument, HostLimits::default());
    let shutdown = CancellationToken::new();
    tokio::spawn(end_on_signals(Signals::new(), shutdown.clone(), None));
    if let Some(address) = &arguments.listen {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::new(
                failure::UNAVAILABLE,
                format!("cannot listen on {address}: {error}"),
            )
        })?;
        if let Ok(address) = listener.local_addr() {
            answer(
                || format!("instrument listens on {address}"),
                || json!({"type": "Listening", "address": address.to_string()}),
            );
        }
        serve(listener, &host, &shutdown).await;
        return Ok(ExitCode::SUCCESS);
    }
    let server = arguments.connect.as_deref().unwrap_or("127.0.0.1:6341");
    let server = tls.remote(server).await?;
    let backoff = Backoff::new(
        Duration::from_millis(200),
        Duration::from_secs(10),
        arguments.seed,
    );
    tokio::select! {
        () = dial(&host, server, backoff) => {}
        () = shutdown.cancelled() => {}
    }
    host.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

fn hardware(arguments: &Arguments) -> Hardware {
    let seed = arguments.seed;
    let (width, height) = arguments.size;
    match (arguments.kind, arguments.dim) {
        (Kind::Actuator, _) => Hardware::Actuator(Box::new(Stage::new())),
        (Kind::Grabber, Dim::Zero) => Hardware::Grabber(Box::new(NoiseMeter::new(seed))),
        (Kind::Grabber, Dim::One) => Hardware::Grabber(Box::new(Spectrometer::new(seed))),
        (Kind::Grabber, Dim::Two) => Hardware::Grabber(Box::new(Camera::new(seed, width, height))),
    }
}
