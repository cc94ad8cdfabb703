//! `labwire pymodaq`: detectors and actuators.

mod channel;
mod control;
mod export;
mod instrument;
mod output;
mod plot;
mod prompt;
mod serve;

use labwire_core::pymodaq::Generation;

use crate::common::block_on;
use crate::failure::{self, Failure, Outcome};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server whose modules are used. Default: 127.0.0.1:6341.
    #[arg(long, global = true, value_name = "HOST:PORT")]
    address: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Be the server: modules connect, and get orders.
    Serve(serve::Arguments),
    /// Be a module: a simulated detector or stage.
    Instrument(instrument::Arguments),
    /// Use the modules of a running server, line by line. The same as no command.
    Prompt,
    #[command(flatten)]
    Control(control::Command),
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let Arguments { address, command } = arguments;
    let command = command.unwrap_or(Command::Prompt);
    if address.is_some() && matches!(command, Command::Serve(_) | Command::Instrument(_)) {
        let why = "--address is for who uses the modules of a server";
        return Err(Failure::new(failure::USAGE, why).hint("here it is --listen or --connect"));
    }
    let address = address.unwrap_or_else(|| "127.0.0.1:6341".into());
    match command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Instrument(arguments) => block_on(instrument::run(arguments)),
        Command::Prompt => block_on(prompt::run(address)),
        Command::Control(command) => block_on(control::run(address, command)),
    }
}

/// For the command line.
fn generation(name: &str) -> Result<Generation, String> {
    name.parse()
        .map_err(|error: labwire_core::pymodaq::UnknownGeneration| error.to_string())
}
