//! Instruments that exist only here: what an emulated device knows and does, without how it is asked.
//!
//! Each is named after the real one whose commands it understands, as far as the SOCS drivers use them.

mod compressor;
mod gauges;
mod power_supply;
mod relays;

use alloc::vec::Vec;

pub use compressor::Compressor;
pub use gauges::Gauges;
pub use power_supply::PowerSupply;
pub use relays::Relays;

/// What an instrument says to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// A value.
    Value(Vec<u8>),
    /// It has done what it was told.
    Done,
    /// It does not understand, or does not want to.
    Refused,
}

/// Something that can be asked and told.
pub trait Instrument {
    /// Does what the command says.
    fn respond(&mut self, command: &[u8]) -> Response;
}
