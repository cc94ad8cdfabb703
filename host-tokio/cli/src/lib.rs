//! The program `labwire`, as a function: for its binary, and for whatever else ships it.
//!
//! Its interface is the command line.

mod bench;
mod check;
mod cli;
mod common;
mod config;
mod console;
mod device;
mod example;
mod experiment;
mod failure;
mod files;
mod install;
mod log;
mod obe;
mod open;
mod page;
mod platform;
mod problem;
mod prompt;
mod pymodaq;
mod reference;
mod result;
mod serve;
mod solve;
mod standard;
mod tls;
mod version;
mod zeiss;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program with these arguments, of which the first is its name. The status is one of sysexits.h, or 1 if a solve did
/// not converge.
///
/// It ends the process itself where standard output takes nothing more, and at a second signal.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    cli::run(arguments)
}
