//! The program `labwire`.

use std::process::ExitCode;

fn main() -> ExitCode {
    keep_memory_small();
    labwire::main(std::env::args_os())
}

/// Lets blocks of 1 MiB and more be mapped for themselves, so that they are given back when they are freed. By default,
/// glibc raises this threshold as large blocks are freed, to 32 MiB; blocks below it stay with the arena of the thread
/// that took them, so that a server's memory would depend on which thread did what. Two arenas instead of eight a core
/// keep what is not given back in few places.
fn keep_memory_small() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "no safe function sets these")]
    // SAFETY: takes numbers only, and no other thread runs yet. A refusal would leave the default.
    let _ = unsafe {
        (
            libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20),
            libc::mallopt(libc::M_ARENA_MAX, 2),
        )
    };
}
