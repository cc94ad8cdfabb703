//! Command line.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::{
    bench, check, config, console, device, example, experiment, failure, install, obe, open, pymodaq,
    reference, serve, solve, version, zeiss,
};

/// The socket protocols of optimizers and lab instruments, and the engines behind them.
///
/// Without a command, `serve` is run.
#[derive(Debug, Parser)]
#[command(
    name = "labwire",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
struct Cli {
    /// Answer in JSON, also where the answer is a refusal: {"type": "Error", "code": .., "message": ..}.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Arguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start all servers, with built-in examples where no files are given.
    Serve(serve::Arguments),
    /// Solve the problem of a file once. The exit status is 0 only if the solve converged.
    Solve(solve::Arguments),
    /// Explain a problem, experiment or configuration file, or show the error in it.
    Check(check::Arguments),
    /// Call an OpEn server.
    Open(open::Arguments),
    /// Design an experiment: simulated, from recorded measurements, or by hand.
    Experiment(experiment::Arguments),
    /// Call an OptBayesExpt server.
    Obe(obe::Arguments),
    /// Call ZEISS INSPECT's script, or a labwire server in its place.
    Zeiss(zeiss::Arguments),
    /// Talk to lab devices, or emulate one.
    Device(Box<device::Arguments>),
    /// Use PyMoDAQ detectors and actuators, or emulate one.
    Pymodaq(pymodaq::Arguments),
    /// Print the complete default configuration, commented; or the one that takes effect.
    Config(config::Arguments),
    /// Print a file to begin with, or list those that there are.
    Example(example::Arguments),
    /// Print the JSON Schema of a kind of file, for editors.
    Schema(reference::SchemaArguments),
    /// Explain a command, or what files may hold.
    Help(reference::HelpArguments),
    /// Print a script that makes a shell complete commands and options.
    Completions(install::CompletionsArguments),
    /// Write manual pages, one per command.
    Man(install::ManArguments),
    /// Measure how fast this machine solves, answers and designs.
    Bench(bench::Arguments),
    /// Tell the version, how this program was built, and the licences of what it carries.
    Version(version::Arguments),
}

pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    // What the parser refuses is refused in JSON too.
    let before_values = arguments.iter().take_while(|argument| *argument != "--");
    console::answer_in_json(before_values.skip(1).any(|argument| argument == "--json"));
    // The parser would take one in front of a command for an option of `serve`.
    let is_in_front = arguments.get(1).is_some_and(|first| first == "--json");
    if is_in_front {
        arguments.remove(1);
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => {
            console::answer_in_json(is_in_front || cli.json);
            cli
        }
        Err(error) if error.use_stderr() => {
            let text = error.render().to_string();
            let message = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
            console::refuse(&Failure::new(failure::USAGE, message));
            return failure::USAGE.into();
        }
        // Help and version.
        Err(text) => {
            if let Err(unwritten) = text.print() {
                console::end(&unwritten);
            }
            return ExitCode::SUCCESS;
        }
    };
    let outcome = match cli.command {
        None => serve::run(cli.serve),
        Some(Command::Serve(arguments)) => serve::run(arguments),
        Some(Command::Solve(arguments)) => solve::run(&arguments),
        Some(Command::Check(arguments)) => check::run(&arguments),
        Some(Command::Open(arguments)) => open::run(arguments),
        Some(Command::Experiment(arguments)) => experiment::run(arguments),
        Some(Command::Obe(arguments)) => obe::run(arguments),
        Some(Command::Zeiss(arguments)) => zeiss::run(arguments),
        Some(Command::Device(arguments)) => device::run(*arguments),
        Some(Command::Pymodaq(arguments)) => pymodaq::run(arguments),
        Some(Command::Config(arguments)) => config::run(&arguments),
        Some(Command::Example(arguments)) => example::run(&arguments),
        Some(Command::Schema(arguments)) => reference::print_schema(&arguments),
        Some(Command::Help(arguments)) => reference::print_help::<Cli>(&arguments),
        Some(Command::Completions(arguments)) => install::print_completions::<Cli>(&arguments),
        Some(Command::Man(arguments)) => install::write_man::<Cli>(&arguments),
        Some(Command::Bench(arguments)) => bench::run(&arguments),
        Some(Command::Version(arguments)) => Ok(version::run(&arguments)),
    };
    outcome.unwrap_or_else(|failure| {
        console::refuse(&failure);
        failure.code.into()
    })
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use clap::{Arg, CommandFactory};

    use super::*;

    #[test]
    fn decimal_commas_get_a_hint() {
        let (mut commands, mut numbers) = (vec![Cli::command()], 0);
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().cloned());
            for argument in command.get_arguments() {
                let parser = argument.get_value_parser();
                if parser.type_id() != TypeId::of::<f64>() {
                    continue;
                }
                numbers += 1;
                let alone = Arg::new("value").value_parser(parser.clone());
                let alone = clap::Command::new("").no_binary_name(true).arg(alone);
                let refused = alone.try_get_matches_from(["0,5"]).unwrap_err().to_string();
                let name = (command.get_name(), argument.get_id());
                assert!(
                    refused.contains("write a decimal point, \"0.5\""),
                    "{name:?}: {refused}"
                );
            }
        }
        assert!(numbers > 15, "{numbers}");
    }
}
