//! `labwire pymodaq`: detectors and actuators.

mod channel;
mod control;
mod export;
mod instrument;
mod output;
mod plot;
mod prompt;
mod refusal;
mod serve;

use labwire_core::pymodaq::{Generation, Limits};

use crate::common::{block_on, number, positive_seconds};
use crate::failure::{self, Failure, Outcome};
use crate::tls::TlsArguments;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Server whose modules are used. Default: 127.0.0.1:6341.
    #[arg(long, global = true, value_name = "HOST:PORT")]
    address: Option<String>,
    /// Time limit for each answer of the server, such as the end of a move, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 120.0, value_parser = number)]
    timeout: f64,
    /// Longest part of an answer of the server, such as an image, in bytes.
    #[arg(long, global = true, value_name = "NUMBER", default_value_t = 256 << 20)]
    message_bytes: usize,
    #[command(flatten)]
    tls: TlsArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run a server: modules connect, and are given orders.
    Serve(serve::Arguments),
    /// Run a module: a simulated detector or stage.
    Instrument(instrument::Arguments),
    /// Use the modules of a running server interactively. This is the default.
    Prompt,
    #[command(flatten)]
    Control(control::Command),
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let Arguments {
        address,
        timeout,
        message_bytes,
        tls,
        command,
    } = arguments;
    let mut limits = Limits::default();
    limits.session.request_timeout = positive_seconds("--timeout", timeout)?;
    limits.session.message_bytes = message_bytes;
    let command = command.unwrap_or(Command::Prompt);
    if address.is_some() && matches!(command, Command::Serve(_) | Command::Instrument(_)) {
        let why = "--address applies to commands that use a server's modules";
        return Err(Failure::new(failure::USAGE, why).hint("use --listen or --connect"));
    }
    let address = address.unwrap_or_else(|| "127.0.0.1:6341".into());
    match command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Instrument(arguments) => block_on(instrument::run(arguments, &tls)),
        Command::Prompt => block_on(prompt::run(address, &limits, &tls)),
        Command::Control(command) => block_on(control::run(address, &limits, &tls, command)),
    }
}

/// Parser for the command line.
fn generation(name: &str) -> Result<Generation, String> {
    name.parse()
        .map_err(|error: labwire_core::pymodaq::UnknownGeneration| error.to_string())
}
