//! Connections to lab devices that heal themselves.

mod connection;
mod dialer;

pub use connection::{DeviceConnection, DeviceError, DeviceOptions, DeviceStatus};
pub use dialer::{Keepalive, TcpDialer};
