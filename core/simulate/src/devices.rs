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

    /// One example of each command that the instrument carries out, as far as it tells.
    fn commands(&self) -> Vec<&[u8]> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;

    use super::*;

    #[test]
    fn every_command_that_is_listed_is_carried_out() {
        let instruments: [Box<dyn Instrument>; 4] = [
            Box::new(Compressor::default()),
            Box::new(Gauges::default()),
            Box::new(PowerSupply::default()),
            Box::new(Relays::default()),
        ];
        for mut instrument in instruments {
            let commands: Vec<Vec<u8>> = instrument
                .commands()
                .iter()
                .map(|command| command.to_vec())
                .collect();
            for command in commands {
                let response = instrument.respond(&command);
                assert_ne!(response, Response::Refused, "{}", command.escape_ascii());
            }
        }
    }
}
