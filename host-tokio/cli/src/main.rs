//! The program `labwire`.

mod check;
mod cli;
mod common;
mod config;
mod console;
mod device;
mod experiment;
mod failure;
mod files;
mod log;
mod obe;
mod open;
mod pymodaq;
mod result;
mod serve;
mod solve;
mod tls;
mod zeiss;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
