//! Connections to lab devices that heal themselves, and devices that are not there.
//!
//! ```no_run
//! # async fn example() -> Result<(), labwire_tokio::device::DeviceError> {
//! use labwire_core::framing::until::Until;
//! use labwire_tokio::device::{DeviceConnection, DeviceOptions};
//!
//! let device = DeviceConnection::open("192.168.1.20:5025", DeviceOptions::default());
//! let answer = device.query("MEAS:VOLT?\n", Until::delimiter("\n")).await?;
//! # Ok(()) }
//! ```

mod emulator;

pub use emulator::DeviceEmulator;
pub use labwire_host::{DeviceError, DeviceOptions, DeviceStatus, Keepalive};

use crate::runtime::Tokio;

/// A connection to one device, which heals itself.
pub type DeviceConnection = labwire_host::DeviceConnection<Tokio>;

/// Connects to one address by TCP; a name is looked up at every attempt.
pub type TcpDialer = labwire_host::TcpDialer<Tokio>;
