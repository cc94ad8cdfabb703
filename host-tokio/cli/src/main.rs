//! The program `labwire`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

mod check;
mod cli;
mod common;
mod config;
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
mod zeiss;

use std::panic::{self, PanicHookInfo};
use std::process::{self, ExitCode};

/// Status that the shell reports for a program whose output is no longer read (SIGPIPE).
const NOBODY_READS: i32 = 141;

fn main() -> ExitCode {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| match is_unread(info) {
        true => process::exit(NOBODY_READS),
        false => report(info),
    }));
    cli::run()
}

/// Whether a panic comes from a closed standard output, as in `labwire ... | head -n 1`: Rust ignores SIGPIPE, so
/// that `println!` panics.
fn is_unread(info: &PanicHookInfo<'_>) -> bool {
    // `println!` formats its message.
    info.payload().downcast_ref::<String>().is_some_and(|message| {
        message.starts_with("failed printing to stdout") && message.contains("Broken pipe")
    })
}
