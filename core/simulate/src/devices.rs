//! Simulated instruments: their state and commands, independent of how messages are framed.
//!
//! Each is named after the real device whose commands it implements, as far as the SOCS drivers use them.

mod compressor;
mod gauges;
mod power_supply;
mod relays;

use alloc::vec::Vec;

pub use compressor::Compressor;
pub use gauges::Gauges;
pub use power_supply::PowerSupply;
pub use relays::Relays;

/// Response of an instrument to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an emulator has to send every one")]
pub enum Response {
    /// Value that was asked for.
    Value(Vec<u8>),
    /// The command was carried out.
    Done,
    /// The command is unknown or was refused.
    Refused,
}

/// Simulated device behind a dialect.
pub trait Instrument {
    /// Carries out a command.
    fn respond(&mut self, command: &[u8]) -> Response;
}
