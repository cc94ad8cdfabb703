//! labwire on async-std: driving connections, hosting services, calling servers.
//!
//! A [`Host`] owns a service of `labwire-core`, with any number of connections attached to it and threads for its
//! long work; [`serve`] puts one behind a TCP listener. [`OptimizerClient`], [`ObeClient`], [`ZeissClient`] and
//! [`ModuleController`] call servers, and a [`DeviceConnection`](device::DeviceConnection) is a connection to a lab
//! device. They are implemented in `labwire-host`, the same for every runtime, to which [`AsyncStd`] connects
//! async-std.
//!
//! async-std is discontinued. Only one file here, `runtime.rs`, names it; streams use the traits of `futures-io` and
//! timers those of `async-io`, as [`FuturesStream`] and [`FuturesTimer`]. smol's `Runtime` is the same file with
//! other imports: `tests/tests/runtimes/smol.rs`.
//!
//! `examples/serve.rs` starts all servers.
//!
//! The features `device`, `obe`, `open`, `pymodaq`, `zeiss`, `websocket` and `files` include what they name; all are on by
//! default. `tls`, for servers and clients, is not. The port for browsers, which is `labwire_tokio::web`, is not here.
#![forbid(unsafe_code)]

mod futures;
mod runtime;

pub use futures::{FuturesStream, FuturesTimer};
pub use labwire_host::{serve, serve_over};
pub use runtime::AsyncStd;

labwire_host::surface!(crate::AsyncStd);

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
