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

use super::block_on;
use super::failure::Outcome;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server whose modules are used.
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:6341"
    )]
    address: String,
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
    match command.unwrap_or(Command::Prompt) {
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
