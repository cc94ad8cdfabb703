//! The program `labwire`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
