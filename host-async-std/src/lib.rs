//! labwire on async-std: connections driven, services hosted, clients to call them.
//!
//! A [`Host`] owns a service of `labwire-core`, with any number of connections attached to it and threads for its long
//! work; [`serve`] puts one behind a TCP listener. [`OptimizerClient`], [`ObeClient`], [`ZeissClient`] and
//! [`ModuleController`] call servers, a [`DeviceConnection`](device::DeviceConnection) is one to a lab device. What they
//! do stands in `labwire-host`, the same for every runtime; async-std joins it by [`AsyncStd`].
//!
//! async-std is discontinued. It is named in one file here, `runtime.rs`; streams are used by the traits of `futures-io`
//! and timers are those of `async-io`, as [`FuturesStream`] and [`FuturesTimer`]. smol's `Runtime` is the same file with
//! other imports: `tests/tests/runtimes/smol.rs`.
//!
//! `examples/serve.rs` starts all servers.

mod futures;
mod runtime;

pub use futures::{FuturesStream, FuturesTimer};
pub use labwire_host::{serve, serve_over};
pub use runtime::AsyncStd;

labwire_host::surface!(crate::AsyncStd);
