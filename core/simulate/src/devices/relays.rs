//! Relay board (Devantech dS378): eight relays, seven inputs and outputs, counters.

use alloc::vec;
use alloc::vec::Vec;

use super::{Instrument, Response};

/// State of the board, and switching count of each relay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relays {
    relays: u32,
    outputs: u8,
    counters: [u32; 8],
}

impl Relays {
    /// `None` if the command or the relay that it addresses does not exist.
    fn call(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        Some(match *command {
            // Module, firmware, application (two bytes each), supply (0.1 V), temperature (0.1 °C).
            [0x30] => vec![30, 2, 1, 1, 7, 120, 1, 4],
            [0x31, number @ 1..=8, state, ..] => {
                let bit = 1 << (number - 1);
                self.relays = if state == 1 {
                    self.relays | bit
                } else {
                    self.relays & !bit
                };
                let counter = &mut self.counters[usize::from(number - 1)];
                *counter = counter.wrapping_add(1);
                vec![0]
            }
            [0x32, number @ 1..=7, state] => {
                let bit = 1 << (number - 1);
                self.outputs = if state == 1 {
                    self.outputs | bit
                } else {
                    self.outputs & !bit
                };
                vec![0]
            }
            [0x33, number @ 1..=32] => {
                let state = self.relays >> (number - 1) & 1;
                [&[state as u8], &self.relays.to_be_bytes()[..]].concat()
            }
            [0x34, number @ 1..=7] => vec![self.outputs >> (number - 1) & 1, self.outputs],
            [0x35] => (0..7u16).flat_map(|input| (512 + input).to_be_bytes()).collect(),
            [0x36, number @ 1..=8] => {
                let count = self.counters[usize::from(number - 1)];
                [count.to_be_bytes(), 0u32.to_be_bytes()].concat()
            }
            // Not acknowledged.
            [0x31 | 0x32, ..] => vec![1],
            _ => return None,
        })
    }
}

impl Instrument for Relays {
    fn respond(&mut self, command: &[u8]) -> Response {
        self.call(command).map_or(Response::Refused, Response::Value)
    }

    fn commands(&self) -> Vec<&[u8]> {
        vec![
            &b"\x30"[..],
            b"\x31\x01\x01\x00\x00\x00\x00",
            b"\x32\x01\x01",
            b"\x33\x01",
            b"\x34\x01",
            b"\x35",
            b"\x36\x01",
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_switch() {
        let mut board = Relays::default();
        let mut call = |command: &[u8]| board.call(command);
        assert_eq!(call(&[0x31, 3, 1, 0, 0, 0, 0]), Some(vec![0]));
        assert_eq!(call(&[0x31, 9, 1, 0, 0, 0, 0]), Some(vec![1]));
        assert_eq!(call(&[0x33, 3]), Some(vec![1, 0, 0, 0, 4]));
        assert_eq!(call(&[0x36, 3]), Some(vec![0, 0, 0, 1, 0, 0, 0, 0]));
        assert_eq!(call(&[0x31, 3, 0, 0, 0, 0, 0]), Some(vec![0]));
        assert_eq!(call(&[0x33, 3]), Some(vec![0, 0, 0, 0, 0]));
        assert_eq!(call(&[0x32, 7, 1]), Some(vec![0]));
        assert_eq!(call(&[0x34, 7]), Some(vec![1, 64]));
        assert_eq!(call(&[0x35]).unwrap().len(), 14);
        assert_eq!(call(&[0x37]), None);
    }
}
