//! Self-healing connections to lab devices, and emulated devices.

mod connection;
mod dialer;
mod emulator;

pub use connection::{DeviceConnection, DeviceError, DeviceSettings, DeviceStatus};
pub use dialer::{Keepalive, TcpDialer};
pub use emulator::DeviceEmulator;
