//! Helium compressor with registers (Cryomech CPA): Modbus functions 3, 4 and 6.

use alloc::vec;
use alloc::vec::Vec;

use super::{Instrument, Response};

/// Number of the last register.
const LAST: u16 = 0x40;
const RUN: u16 = 0x0001;
const STOP: u16 = 0x00ff;

/// Registers of 16 bits, numbered from 1; the first is the operating state (0 idle, 3 running).
#[derive(Clone, Debug, PartialEq)]
pub struct Compressor {
    registers: [u16; LAST as usize + 1],
}

impl Default for Compressor {
    fn default() -> Self {
        let mut compressor = Self {
            registers: [0; LAST as usize + 1],
        };
        // From register 7 on: temperatures (coolant in and out, oil, helium), pressures (low, mean low,
        // high, mean high, mean difference), motor current, operating hours.
        let values: [f32; 11] = [
            17.5, 24.0, 31.0, 28.5, 95.0, 95.5, 290.0, 289.0, 193.5, 0.0, 1234.5,
        ];
        for (index, value) in values.into_iter().enumerate() {
            compressor.set_float(7 + 2 * index, value);
        }
        compressor
    }
}

impl Compressor {
    /// Low word first.
    fn set_float(&mut self, register: usize, value: f32) {
        let bits = value.to_bits();
        self.registers[register] = bits as u16;
        self.registers[register + 1] = (bits >> 16) as u16;
    }

    /// Bytes of the answer after unit and function, or the exception code.
    fn call(&mut self, function: u8, first: u16, argument: u16) -> Result<Vec<u8>, u8> {
        match function {
            3 | 4 => {
                let registers = (usize::from(first), usize::from(argument));
                let range = registers.0..registers.0 + registers.1;
                let values = self
                    .registers
                    .get(range)
                    .filter(|_| (1..=125).contains(&argument));
                let values = values.ok_or(2)?.iter().flat_map(|value| value.to_be_bytes());
                Ok(core::iter::once(2 * argument as u8).chain(values).collect())
            }
            6 if first == 1 => {
                let is_running = match argument {
                    RUN => true,
                    STOP => false,
                    _ => return Err(3),
                };
                self.registers[1] = if is_running { 3 } else { 0 };
                self.registers[2] = u16::from(is_running);
                self.set_float(25, if is_running { 14.25 } else { 0.0 });
                Ok([first.to_be_bytes(), argument.to_be_bytes()].concat())
            }
            6 => Err(2),
            _ => Err(1),
        }
    }
}

impl Instrument for Compressor {
    fn respond(&mut self, command: &[u8]) -> Response {
        let &[unit, function, first, first_low, argument, argument_low] = command else {
            return Response::Refused;
        };
        let first = u16::from_be_bytes([first, first_low]);
        let argument = u16::from_be_bytes([argument, argument_low]);
        Response::Value(match self.call(function, first, argument) {
            Ok(answer) => [&[unit, function], &answer[..]].concat(),
            Err(exception) => [unit, function | 0x80, exception].to_vec(),
        })
    }

    fn commands(&self) -> Vec<&[u8]> {
        vec![
            &b"\x01\x04\x00\x01\x00\x35"[..],
            b"\x01\x03\x00\x07\x00\x02",
            b"\x01\x06\x00\x01\x00\x01",
            b"\x01\x06\x00\x01\x00\xff",
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_read_and_the_motor_is_switched() {
        let mut compressor = Compressor::default();
        let mut call = |command: [u8; 6]| match compressor.respond(&command) {
            Response::Value(value) => value,
            other => panic!("{other:?}"),
        };
        assert_eq!(call([1, 4, 0, 1, 0, 2]), vec![1, 4, 4, 0, 0, 0, 0]);
        assert_eq!(call([1, 6, 0, 1, 0, 1]), vec![1, 6, 0, 1, 0, 1]);
        assert_eq!(call([1, 3, 0, 1, 0, 2]), vec![1, 3, 4, 0, 3, 0, 1]);
        let temperature = 17.5f32.to_be_bytes();
        let [a, b, c, d] = temperature;
        assert_eq!(call([1, 4, 0, 7, 0, 2]), vec![1, 4, 4, c, d, a, b]);
        assert_eq!(call([1, 6, 0, 1, 0, 7]), vec![1, 0x86, 3]);
        assert_eq!(call([1, 6, 0, 2, 0, 1]), vec![1, 0x86, 2]);
        assert_eq!(call([1, 4, 0xff, 0xff, 0xff, 0xff]), vec![1, 0x84, 2]);
        assert_eq!(call([1, 9, 0, 0, 0, 0]), vec![1, 0x89, 1]);
        assert_eq!(compressor.respond(b"\x01"), Response::Refused);
    }
}
