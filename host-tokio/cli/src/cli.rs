//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{check, config, device, experiment, failure, obe, open, pymodaq, serve, solve, zeiss};

/// The socket protocols of optimizers and lab instruments, and the engines behind them.
///
/// Without a command: serve.
#[derive(Debug, Parser)]
#[command(name = "labwire", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Arguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start every server, with embedded examples where no files are given.
    Serve(serve::Arguments),
    /// Solve the problem of a file once. The exit status is 0 only when the solve converged.
    Solve(solve::Arguments),
    /// Say what a problem file holds, or what is wrong with it.
    Check(check::Arguments),
    /// Call an OpEn server.
    Open(open::Arguments),
    /// Design an experiment: simulated, from measurements, or with somebody at the instrument.
    Experiment(experiment::Arguments),
    /// Call an OptBayesExpt server.
    Obe(obe::Arguments),
    /// Call ZEISS INSPECT's script, or labwire in its place.
    Zeiss(zeiss::Arguments),
    /// Talk to lab devices, or play one.
    Device(device::Arguments),
    /// Use PyMoDAQ's detectors and actuators, or be one.
    Pymodaq(pymodaq::Arguments),
    /// Print the complete default configuration, commented.
    Config,
}

/// Runs the program. The exit status is one of sysexits.h, or 1 for a solve that did not converge.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come here as well, and are no errors.
            let _ = error.print();
            return if error.use_stderr() {
                failure::USAGE.into()
            } else {
                ExitCode::SUCCESS
            };
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
        Some(Command::Device(arguments)) => device::run(arguments),
        Some(Command::Pymodaq(arguments)) => pymodaq::run(arguments),
        Some(Command::Config) => {
            print!("{}", config::DEFAULT_TEXT);
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|failure| {
        eprintln!("{failure}");
        failure.code.into()
    })
}
