//! The command line.

mod check;
mod config;
mod device;
mod experiment;
mod failure;
mod log;
mod obe;
mod open;
mod pymodaq;
mod result;
mod serve;
mod solve;
mod zeiss;

use std::future::Future;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use tokio::net::lookup_host;

use failure::{Failure, Outcome};

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

/// The text of a file; `-` is standard input.
fn read_file(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| {
        Failure::new(
            failure::NO_INPUT,
            format!("cannot read {}: {error}", path.display()),
        )
    })
}

/// The address of host:port.
async fn resolve(address: &str) -> Result<SocketAddr, Failure> {
    let unknown = |why: String| {
        Failure::new(failure::USAGE, format!("{address}: {why}"))
            .hint("an address is host:port, as 127.0.0.1:4598")
    };
    let mut addresses = lookup_host(address)
        .await
        .map_err(|error| unknown(error.to_string()))?;
    addresses.next().ok_or_else(|| unknown("no such host".to_owned()))
}

/// A flag's number of seconds.
fn seconds(flag: &str, seconds: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Failure::new(failure::USAGE, format!("{flag} is not a number of seconds")))
}

/// Seconds since 1970 (UTC).
fn unix_time() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 tells nothing.
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// Runs a future that uses the network.
fn block_on(future: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(failure::SYSTEM, format!("cannot start threads: {error}")))?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_background();
    outcome
}
