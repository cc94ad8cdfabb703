//! labwire on tokio: driving connections, hosting services, calling servers.
//!
//! A [`Host`] owns a service of `labwire-core`, with any number of connections attached to it and threads for its
//! long work; [`serve`] puts one behind a TCP listener. [`OptimizerClient`], [`ObeClient`], [`ZeissClient`] and
//! [`ModuleController`] call servers, and a [`DeviceConnection`](device::DeviceConnection) is a connection to a lab
//! device:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use labwire_core::framing::until::Until;
//! use labwire_tokio::device::{DeviceConnection, DeviceSettings};
//!
//! let device = DeviceConnection::open("192.168.1.20:5025", DeviceSettings::default());
//! let answer = device.query("MEAS:VOLT?\n", Until::delimiter("\n")).await?;
//! # Ok(()) }
//! ```
//!
//! They are implemented in `labwire-host`, the same for every runtime, to which [`Tokio`] connects tokio.
//!
//! The features `device`, `obe`, `open`, `pymodaq`, `zeiss`, `websocket` and `files` include what they name; all are on by
//! default. `web`, the port for browsers, and `tls`, for servers and clients, are not.
#![forbid(unsafe_code)]

mod runtime;
mod serve;
#[cfg(feature = "web")]
pub mod web;

pub use runtime::{Tokio, TokioTimer};
pub use serve::{serve, serve_over};

labwire_host::surface!(crate::Tokio);

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The examples of the book, as tests.
#[cfg(all(doctest, feature = "device"))]
#[doc = include_str!("../../core/book/src/guide/devices.md")]
struct Book;
