//! `labwire device emulate`: an emulated device.

use std::path::PathBuf;
use std::process::ExitCode;

use labwire_core::device::Dialect;
use labwire_core::simulate::{Behaviour, Canned, Emulator, FaultRule};
use labwire_tokio::device::DeviceEmulator;
use serde_json::json;

use super::target::{preset, with_port};
use crate::common::{from_here, read_file};
use crate::config::ConfigArgument;
use crate::console::answer;
use crate::failure::{self, Failure, Outcome};
use crate::log;
use crate::platform::Signals;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Address to listen on; without a port, the usual one of the preset. Port 0: any free port.
    #[arg(long, value_name = "HOST[:PORT]", default_value = "127.0.0.1")]
    address: String,
    /// Dialect of the device, which also determines the device; with options such as scpi,echo,greeting=hello.
    #[arg(long, value_name = "NAME[,OPTION...]", default_value = "scpi", value_parser = preset)]
    preset: Dialect,
    /// Return every message unchanged.
    #[arg(long, conflicts_with = "replies")]
    echo: bool,
    /// Answer from a file with lines `command => answer`.
    #[arg(long, value_name = "FILE")]
    replies: Option<PathBuf>,
    /// Fault to inject: drop-after=N, reset-after=N, delay=TIME, half-reply, mute, garbage, refuse; with @PROBABILITY
    /// appended, not always. Repeat for several faults.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<FaultRule>,
    /// Seed of the faults that do not always occur.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    config: ConfigArgument,
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let config = arguments.config.read()?;
    log::start(&config.log)?;
    let dialect = &arguments.preset;
    let behaviour = match &arguments.replies {
        Some(file) => {
            let list = Canned::parse(&read_file(file)?);
            let wrong = |error| Failure::new(failure::DATA, format!("{}: {error}", file.display()));
            Behaviour::Canned(list.map_err(wrong)?)
        }
        None if arguments.echo => Behaviour::Echo,
        None => Behaviour::of(dialect),
    };
    let is_echo = matches!(behaviour, Behaviour::Echo);
    let commands = behaviour.commands().into_iter();
    let commands: Vec<String> = commands
        .map(|command| command.escape_ascii().to_string())
        .collect();
    let emulator = Emulator::new(dialect, behaviour, arguments.fault, arguments.seed);
    let address = with_port(&arguments.address, dialect);
    let cannot = |error| {
        Failure::new(
            failure::UNAVAILABLE,
            format!("cannot listen on {address}: {error}"),
        )
        .hint("port 0 lets the system choose a free one")
    };
    let mut signals = Signals::new().map_err(|error| Failure::new(failure::SYSTEM, error.to_string()))?;
    let emulator = DeviceEmulator::start(&address, emulator, config.host.clone())
        .await
        .map_err(cannot)?;
    let address = emulator.address();
    let here = from_here(address);
    let (name, example) = (dialect.name, dialect.example.escape_ascii());
    answer(
        || {
            let try_it = format!("try: labwire device query --address {here} --preset {name} '{example}'");
            let carries_out = match is_echo {
                true => "returns every message".to_owned(),
                false => format!("carries out: {}", commands.join("  ")),
            };
            format!("{name} device on {address}\n{carries_out}\n{try_it}")
        },
        || json!({"type": "Listening", "address": address.to_string(), "preset": name, "commands": commands}),
    );
    signals.next().await;
    emulator.stop().await;
    Ok(ExitCode::SUCCESS)
}
