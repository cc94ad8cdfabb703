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
    give_back_large_blocks();
    cli::run()
}

/// Lets blocks of 1 MiB and more be mapped for themselves, so that they are given back when they are freed. By default,
/// glibc raises this threshold as large blocks are freed, to 32 MiB; blocks below it stay with the arena of the thread
/// that took them, so that a server's memory would depend on which thread did what.
fn give_back_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "no safe function sets this")]
    // SAFETY: takes numbers only, and no other thread runs yet. A refusal would leave the default.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20) };
}
