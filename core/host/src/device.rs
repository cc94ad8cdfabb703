//! Connections to lab devices that heal themselves, and devices that are not there.

mod connection;
mod dialer;
mod emulator;

pub use connection::{DeviceConnection, DeviceError, DeviceOptions, DeviceStatus};
pub use dialer::{Keepalive, TcpDialer};
pub use emulator::DeviceEmulator;
